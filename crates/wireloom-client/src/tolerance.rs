//! Reads messages of a newer server: fields that the program's protocol does not know are left out.
//!
//! Generated decoders are strict, as a server needs them. So a message that is refused is read once more without the
//! fields that no schema at their place names. What is left must satisfy the type as ever: a new field is tolerated, a
//! value that has changed its meaning is not.
//!
//! What `wireloom diff` calls compatible relies on it: the rule is told over schemas in `diff/schema/reader.rs` of
//! `wireloom-spec`, which depends on no client.

use serde_json::{Map, Value};
use wireloom::json::{FaultKind, Read, Reader};
use wireloom::{Message, Protocol};

use crate::frame::{DEPTH, RawMessage};

/// What a protocol says of its messages.
#[derive(Debug)]
pub(crate) struct Tolerance {
    protocol: Protocol,
}

impl Tolerance {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self { protocol }
    }

    /// Decodes a message; with a protocol at hand, without the fields that it does not know. The error is for people.
    pub(crate) fn decode<M: Message>(this: Option<&Self>, message: &RawMessage) -> Result<M, String> {
        if message.kind() != M::TYPE {
            return Err(format!("{} came instead of {}", message.kind(), M::TYPE));
        }
        Self::decode_payload(this, M::TYPE, message.payload(), M::decode)
    }

    /// Decodes the payload of a message of a type.
    pub(crate) fn decode_payload<T>(
        this: Option<&Self>,
        kind: &str,
        payload: &str,
        decode: impl Fn(&mut Reader<'_>) -> Read<T>,
    ) -> Result<T, String> {
        let fault = match whole(payload, &decode) {
            Ok(value) => return Ok(value),
            Err(fault) => fault,
        };
        let known = this.and_then(|this| Some((this, this.protocol.messages.get(kind)?)));
        if let Some((this, description)) = known
            && fault.kind == FaultKind::Refused
            // Strictly first: what is no I-JSON stays refused.
            && let Ok(value) = whole(payload, |reader| reader.value())
        {
            let value = without_unknown_fields(value, &description.payload, &this.protocol.defs);
            if let Ok(value) = whole(&value.to_string(), &decode) {
                return Ok(value);
            }
        }
        Err(format!("{} at byte {} of the payload", fault.kind, fault.at))
    }
}

/// What a client makes of a payload that its schema refuses as it is: the payload without the fields that no schema at
/// their place names. `defs` are the schemas that others refer to as `#/$defs/NAME`.
#[must_use]
pub fn without_unknown_fields(mut payload: Value, schema: &Value, defs: &Map<String, Value>) -> Value {
    prune(&mut payload, &[schema], defs);
    payload
}

/// Removes the properties that none of the schemas knows.
fn prune(value: &mut Value, schemas: &[&Value], defs: &Map<String, Value>) {
    let mut all = Vec::new();
    for schema in schemas {
        expand(schema, defs, &mut all);
    }
    match value {
        Value::Object(fields) => {
            let open = !all.iter().any(|schema| is_closed(schema));
            fields.retain(|name, value| {
                let below: Vec<&Value> = all.iter().filter_map(|schema| property(schema, name)).collect();
                prune(value, &below, defs);
                open || !below.is_empty()
            });
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                let below: Vec<&Value> = all.iter().filter_map(|schema| item_schema(schema, at)).collect();
                prune(item, &below, defs);
            }
        }
        _ => {}
    }
}

/// The schema and all that it is put together of, each once.
fn expand<'s>(schema: &'s Value, defs: &'s Map<String, Value>, all: &mut Vec<&'s Map<String, Value>>) {
    let Some(schema) = schema.as_object() else {
        return;
    };
    if all.iter().any(|known| std::ptr::eq(*known, schema)) {
        return;
    }
    all.push(schema);
    let name = schema.get("$ref").and_then(Value::as_str);
    let name = name.and_then(|reference| reference.strip_prefix("#/$defs/"));
    let definition = name.and_then(|name| defs.get(name));
    let parts = ["allOf", "anyOf", "oneOf"].map(|keyword| schema.get(keyword).and_then(Value::as_array));
    let branches = ["if", "then", "else"].map(|keyword| schema.get(keyword));
    let parts = parts.into_iter().flatten().flatten();
    for part in definition
        .into_iter()
        .chain(parts)
        .chain(branches.into_iter().flatten())
    {
        expand(part, defs, all);
    }
}

fn is_closed(schema: &Map<String, Value>) -> bool {
    ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|keyword| schema.get(*keyword) == Some(&Value::Bool(false)))
}

fn property<'s>(schema: &'s Map<String, Value>, name: &str) -> Option<&'s Value> {
    let named = schema
        .get("properties")
        .and_then(|properties| properties.get(name));
    // A pattern may know the name as well; which one is for the decoder to say.
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let by_pattern = patterns.and_then(|patterns| patterns.values().next());
    let additional = schema.get("additionalProperties").filter(|rest| rest.is_object());
    named.or(by_pattern).or(additional)
}

fn item_schema(schema: &Map<String, Value>, at: usize) -> Option<&Value> {
    let prefix = schema.get("prefixItems").and_then(Value::as_array);
    prefix
        .and_then(|prefix| prefix.get(at))
        .or_else(|| schema.get("items"))
}

/// Reads a whole text.
fn whole<T>(text: &str, decode: impl FnOnce(&mut Reader<'_>) -> Read<T>) -> Read<T> {
    let mut reader = Reader::new(text, DEPTH);
    let value = decode(&mut reader)?;
    reader.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::without_unknown_fields;
    use serde_json::{Value, json};

    fn pruned(schema: Value, value: Value) -> Value {
        let node = json!({
            "type": "object", "additionalProperties": false,
            "properties": { "next": { "$ref": "#/$defs/Node" }, "at": { "type": "integer" } }
        });
        without_unknown_fields(value, &schema, &[("Node".to_owned(), node)].into_iter().collect())
    }

    #[test]
    fn unknown_fields_go_at_every_depth_and_known_ones_stay() {
        let node = json!({ "$ref": "#/$defs/Node" });
        assert_eq!(
            pruned(
                node.clone(),
                json!({ "at": 1, "new": 1, "next": { "new": {}, "next": { "at": 2, "new": [] } } })
            ),
            json!({ "at": 1, "next": { "next": { "at": 2 } } })
        );
        assert_eq!(
            pruned(
                json!({ "type": "array", "items": node }),
                json!([{ "new": 1 }, 7, { "at": 1 }])
            ),
            json!([{}, 7, { "at": 1 }])
        );
    }

    #[test]
    fn open_objects_maps_and_unions_keep_what_is_theirs() {
        assert_eq!(
            pruned(json!({ "properties": {} }), json!({ "new": 1 })),
            json!({ "new": 1 })
        );
        let map = json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/Node" } });
        assert_eq!(pruned(map, json!({ "a": { "new": 1 } })), json!({ "a": {} }));
        let variant = |name: &str| json!({ "properties": { name: {} }, "additionalProperties": false });
        let union = json!({ "oneOf": [variant("a"), variant("b")] });
        assert_eq!(
            pruned(union, json!({ "a": 1, "b": 2, "c": 3 })),
            json!({ "a": 1, "b": 2 })
        );
    }
}
