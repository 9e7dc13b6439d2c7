//! The hash of a protocol: of what travels, not of how the file is written.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::canonical;
use crate::model::{Answer, Delivery, Message, Model, OnDisconnect, Origin, Overflow};
use crate::schema::keywords::{self, Applies, Takes};

/// SHA-256 of the canonical form, in lower-case hexadecimal. The model's own `hash` is not looked at.
pub(crate) fn hash(model: &Model) -> String {
    let digest = Sha256::digest(canonical::text(&canonical_form(model)).as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn canonical_form(model: &Model) -> Value {
    let types = model.defs.iter().filter_map(|def| match &def.origin {
        Origin::Type(name) => Some((name.clone(), assertions(&def.schema))),
        _ => None,
    });
    let errors = model
        .errors
        .iter()
        .map(|error| (error.code.clone(), Value::Bool(error.retryable)));
    let messages = model
        .messages
        .iter()
        .map(|each| (each.name.clone(), message(model, each)));
    json!({
        "wireloom": 1,
        "name": model.info.name,
        "version": model.info.version.to_string(),
        "types": types.collect::<Map<_, _>>(),
        "errors": errors.collect::<Map<_, _>>(),
        "messages": messages.collect::<Map<_, _>>(),
        "states": model.states.as_ref().map(|states| json!({ "initial": states.initial, "states": states.states })),
    })
}

fn message(model: &Model, message: &Message) -> Value {
    let answer = match &message.answer {
        Answer::None => Value::Null,
        Answer::Reply(reply) => json!({ "reply": reply }),
        Answer::Stream {
            item,
            end,
            error,
            on_disconnect,
        } => {
            let cancels = *on_disconnect == OnDisconnect::Cancel;
            json!({ "item": item, "end": end, "error": error, "cancels": cancels })
        }
    };
    let Delivery { resumable, overflow } = &message.delivery;
    let overflow = match overflow {
        Overflow::Disconnect => json!("disconnect"),
        Overflow::Drop => json!("drop"),
        Overflow::Coalesce(key) => json!({ "coalesce": key }),
    };
    let (mut errors, mut auth) = (message.errors.clone(), message.auth.clone());
    errors.sort_unstable();
    auth.sort_unstable();
    json!({
        "client": message.from.client(),
        "server": message.from.server(),
        "payload": assertions(&model.def(message.payload).schema),
        "payloadOptional": message.payload_optional,
        "answer": answer,
        "errors": errors,
        "delivery": { "resumable": resumable, "overflow": overflow },
        "auth": auth,
    })
}

/// A schema without what asserts nothing, and with sets in one order.
pub(crate) fn assertions(schema: &Value) -> Value {
    let Value::Object(object) = schema else {
        return schema.clone();
    };
    let mut asserted = Map::new();
    for (key, value) in object {
        let Some(keyword) = keywords::find(key).filter(|keyword| keyword.applies != Applies::Note) else {
            continue;
        };
        let value = match (keyword.takes, value) {
            (Takes::Schema, schema) => assertions(schema),
            (Takes::SchemaList, Value::Array(list)) => list.iter().map(assertions).collect(),
            (Takes::SchemaMap, Value::Object(map)) => Value::Object(
                map.iter()
                    .map(|(key, schema)| (key.clone(), assertions(schema)))
                    .collect(),
            ),
            (Takes::Names | Takes::Type, Value::Array(names)) => {
                let mut names = names.clone();
                names.sort_by_key(canonical::text);
                names.into()
            }
            (_, value) => value.clone(),
        };
        asserted.insert(key.clone(), value);
    }
    Value::Object(asserted)
}
