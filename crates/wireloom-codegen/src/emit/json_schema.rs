//! JSON Schema 2020-12: one document a message, the envelope, and all messages of a direction.
//!
//! Schemas are built as values. Each document is complete: it carries the definitions that it refers to, and no others.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use wireloom_spec::model::{Message, Model, Origin};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Largest integer that a JavaScript number holds.
const MAX_SAFE: i64 = 9_007_199_254_740_991;

/// The schemas of `types`, ready to be looked up.
#[derive(Debug)]
pub(crate) struct Definitions<'m> {
    /// Names in the order of the file.
    names: Vec<&'m str>,
    /// For each name its place in that order and its schema.
    by_name: HashMap<&'m str, (usize, &'m Value)>,
}

impl<'m> Definitions<'m> {
    pub(crate) fn of(model: &'m Model) -> Self {
        let types = model.defs.iter().filter_map(|def| match &def.origin {
            Origin::Type(name) => Some((name.as_str(), &def.schema)),
            _ => None,
        });
        let (names, schemas): (Vec<_>, Vec<_>) = types.unzip();
        let by_name = names
            .iter()
            .zip(schemas)
            .enumerate()
            .map(|(index, (name, schema))| (*name, (index, schema)));
        Self {
            by_name: by_name.collect(),
            names,
        }
    }

    /// The definitions that schemas refer to, directly or by way of others, in the order of the file.
    fn needed<'v>(&self, schemas: impl IntoIterator<Item = &'v Value>) -> Map<String, Value> {
        let mut needed = BTreeSet::new();
        let mut names = Vec::new();
        for schema in schemas {
            references(schema, &mut names);
        }
        while let Some(name) = names.pop() {
            if let Some((index, schema)) = self.by_name.get(name.as_str())
                && needed.insert(*index)
            {
                references(schema, &mut names);
            }
        }
        let entries = needed.into_iter().filter_map(|index| {
            let name = *self.names.get(index)?;
            let (_, schema) = self.by_name.get(name)?;
            Some((name.to_owned(), (*schema).clone()))
        });
        entries.collect()
    }
}

/// Collects the names behind `#/$defs/`.
fn references(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value.as_str().and_then(|text| text.strip_prefix("#/$defs/")) {
                    Some(name) if key == "$ref" => {
                        let name = name.split('/').next().unwrap_or_default();
                        names.push(name.replace("~1", "/").replace("~0", "~"));
                    }
                    _ => references(value, names),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                references(item, names);
            }
        }
        _ => {}
    }
}

/// A schema with the definitions that it refers to, as `{"$defs": {..}, "schema": ..}`.
pub(crate) fn document(definitions: &Definitions<'_>, schema: &Value) -> Value {
    let defs = definitions.needed([schema]);
    if defs.is_empty() {
        json!({ "schema": schema })
    } else {
        json!({ "$defs": defs, "schema": schema })
    }
}

/// All messages of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bundle {
    /// Those that clients send.
    Client,
    /// Those that the server sends.
    Server,
}

/// The name of the file that the schema of a message stands in, without the ending `.schema.json`.
#[must_use]
pub fn message_schema_name(message: &Message) -> String {
    let name = message.name.replace([':', '.'], ".");
    // Names of our own, and those that Windows keeps for devices. No message's name begins with `_`.
    let lower = name.to_ascii_lowercase();
    let first = lower.split('.').next().unwrap_or_default();
    let is_device = matches!(first, "con" | "prn" | "aux" | "nul")
        || ((first.starts_with("com") || first.starts_with("lpt")) && first.len() == 4);
    let is_ours = matches!(
        lower.as_str(),
        "envelope" | "wireloom" | "client-message" | "server-message"
    );
    let mark = if is_device || is_ours { "_" } else { "" };
    format!("{mark}{name}")
}

/// Schemas of the messages' payloads, each a document of its own, in the order of the model.
pub fn message_schemas<'m>(model: &'m Model, source: &str) -> impl Iterator<Item = (&'m Message, Value)> {
    let definitions = Definitions::of(model);
    let subprotocol = model.info.subprotocol();
    let notice = super::notice(source);
    model.messages.iter().map(move |message| {
        let id = format!(
            "urn:wireloom:{subprotocol}:message:{}",
            message.name.replace(':', ".")
        );
        let mut whole = head(&notice, &id, &message.name);
        describe(message, &mut whole);
        let schema = &model.def(message.payload).schema;
        match schema {
            Value::Object(entries) => {
                for (keyword, value) in entries {
                    whole.insert(keyword.clone(), value.clone());
                }
            }
            other => {
                whole.insert("allOf".to_owned(), json!([other]));
            }
        }
        add_definitions(&mut whole, definitions.needed([schema]));
        (message, Value::Object(whole))
    })
}

fn head(notice: &str, id: &str, title: &str) -> Map<String, Value> {
    let mut whole = Map::new();
    whole.insert("$comment".to_owned(), notice.into());
    whole.insert("$schema".to_owned(), DIALECT.into());
    whole.insert("$id".to_owned(), id.into());
    whole.insert("title".to_owned(), title.into());
    whole
}

fn describe(message: &Message, whole: &mut Map<String, Value>) {
    if let Some(description) = &message.docs.description {
        whole.insert("description".to_owned(), description.as_str().into());
    }
    if message.docs.deprecated {
        whole.insert("deprecated".to_owned(), true.into());
    }
    if !message.docs.examples.is_empty() {
        whole.insert("examples".to_owned(), message.docs.examples.clone().into());
    }
}

fn add_definitions(whole: &mut Map<String, Value>, definitions: Map<String, Value>) {
    if !definitions.is_empty() {
        whole.insert("$defs".to_owned(), Value::Object(definitions));
    }
}

/// The fields around a payload, as clients or the server write them.
fn envelope_fields(bundle: Bundle) -> (Map<String, Value>, Vec<&'static str>) {
    let timestamp = json!({
        "type": "integer", "minimum": 0, "maximum": MAX_SAFE, "description": "Milliseconds since the epoch.",
    });
    let correlation = json!({
        "type": "string", "minLength": 1, "maxLength": 128, "description": "Pairs a request with what answers it.",
    });
    let mut fields = Map::new();
    fields.insert("timestamp".to_owned(), timestamp);
    fields.insert("correlationId".to_owned(), correlation);
    match bundle {
        Bundle::Client => {
            let ack = json!({
                "type": "integer", "minimum": 0, "maximum": MAX_SAFE, "description": "The highest `seq` seen.",
            });
            fields.insert("ack".to_owned(), ack);
            (fields, Vec::new())
        }
        Bundle::Server => {
            let seq = json!({
                "type": "integer", "minimum": 1, "maximum": MAX_SAFE,
                "description": "Number of a resumable message, counted from 1 in each session.",
            });
            fields.insert("seq".to_owned(), seq);
            (fields, vec!["payload", "timestamp"])
        }
    }
}

/// The envelope of every message, whatever it carries.
#[must_use]
pub fn envelope(model: &Model, source: &str) -> Value {
    let id = format!("urn:wireloom:{}:envelope", model.info.subprotocol());
    let mut whole = head(&super::notice(source), &id, "Envelope");
    whole.insert(
        "description".to_owned(),
        "What every message is wrapped in.".into(),
    );
    let side = |bundle: Bundle, description: &str| {
        let (fields, required) = envelope_fields(bundle);
        let mut properties = Map::new();
        properties.insert(
            "type".to_owned(),
            json!({ "type": "string", "description": "Type of the message." }),
        );
        properties.insert(
            "payload".to_owned(),
            json!({ "description": "Checked by the schema of the type." }),
        );
        properties.extend(fields);
        let required: Vec<_> = ["type"].into_iter().chain(required).collect();
        json!({
            "description": description,
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    };
    whole.insert(
        "anyOf".to_owned(),
        json!([{ "$ref": "#/$defs/client" }, { "$ref": "#/$defs/server" }]),
    );
    let definitions = json!({
        "client": side(Bundle::Client, "As clients send it."),
        "server": side(Bundle::Server, "As the server sends it."),
    });
    whole.insert("$defs".to_owned(), definitions);
    Value::Object(whole)
}

/// All messages of a direction in their envelopes: what one side may send, as one schema.
#[must_use]
pub fn bundle(model: &Model, source: &str, bundle: Bundle) -> Value {
    let (name, title) = match bundle {
        Bundle::Client => ("client-message", "Messages that clients send"),
        Bundle::Server => ("server-message", "Messages that the server sends"),
    };
    let id = format!("urn:wireloom:{}:{name}", model.info.subprotocol());
    let mut whole = head(&super::notice(source), &id, title);
    let messages: Vec<&Message> = model
        .messages
        .iter()
        .filter(|message| match bundle {
            Bundle::Client => message.from.client(),
            Bundle::Server => message.from.server(),
        })
        .collect();
    let variants: Vec<Value> = messages
        .iter()
        .map(|message| envelope_schema(model, message, bundle))
        .collect();
    whole.insert("oneOf".to_owned(), variants.into());
    let payloads = messages.iter().map(|message| &model.def(message.payload).schema);
    add_definitions(&mut whole, Definitions::of(model).needed(payloads));
    Value::Object(whole)
}

/// One message in its envelope.
pub(super) fn envelope_schema(model: &Model, message: &Message, bundle: Bundle) -> Value {
    let (fields, needed) = envelope_fields(bundle);
    let mut whole = Map::new();
    whole.insert("title".to_owned(), message.name.as_str().into());
    if let Some(description) = &message.docs.description {
        whole.insert("description".to_owned(), description.as_str().into());
    }
    let mut properties = Map::new();
    properties.insert("type".to_owned(), json!({ "const": message.name }));
    properties.insert("payload".to_owned(), model.def(message.payload).schema.clone());
    properties.extend(fields);
    let mut required = vec!["type"];
    required.extend(needed);
    if bundle == Bundle::Client && !message.payload_optional {
        required.push("payload");
    }
    whole.insert("type".to_owned(), "object".into());
    whole.insert("properties".to_owned(), Value::Object(properties));
    whole.insert("required".to_owned(), required.into());
    whole.insert("additionalProperties".to_owned(), false.into());
    Value::Object(whole)
}
