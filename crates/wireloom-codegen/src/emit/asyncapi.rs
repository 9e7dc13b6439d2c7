//! AsyncAPI 3.0, from the point of view of the server: it receives what clients send.
//!
//! Built as a value and written as YAML. Schemas are JSON Schema 2020-12 without saying so: the parser of the AsyncAPI
//! initiative overflows its stack on recursive schemas that name their format, and reads them well without. What AsyncAPI has
//! no place for stands in extensions, so that the document says all that the protocol says.

use serde_json::{Map, Value, json};
use wireloom_spec::model::{Answer, Message, Model, Origin};

use super::json_schema::{Bundle, envelope_schema};
use super::{extension, integer_formats};

/// An AsyncAPI document, as YAML text.
#[must_use]
pub fn asyncapi(model: &Model, source: &str) -> String {
    let text = serde_yaml::to_string(&document(model)).unwrap_or_else(|error| {
        // Values of JSON have a form in YAML, all of them.
        format!("error: {:?}\n", error.to_string())
    });
    format!("# {}\n{text}", super::notice(source))
}

fn document(model: &Model) -> Value {
    let mut info = Map::new();
    info.insert("title".to_owned(), model.info.name.as_str().into());
    info.insert("version".to_owned(), model.info.version.to_string().into());
    if let Some(description) = &model.info.description {
        info.insert("description".to_owned(), description.as_str().into());
    }
    let messages: Map<_, _> = model
        .messages
        .iter()
        .map(|message| (key(message), json!({ "$ref": component(message) })))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": info,
        "defaultContentType": "application/json",
        (extension::NAME): extension::of_protocol(model),
        "channels": {
            "connection": {
                "address": model.connection.path,
                "title": format!("The connection, subprotocol {}", model.info.subprotocol()),
                "messages": messages,
                "bindings": { "ws": { "method": "GET", "bindingVersion": "0.1.0" } },
            },
        },
        "operations": operations(model),
        "components": components(model),
    })
}

/// A name that AsyncAPI takes as a key.
fn key(message: &Message) -> String {
    message.name.replace(':', ".")
}

fn component(message: &Message) -> String {
    format!("#/components/messages/{}", key(message))
}

fn in_channel(message: &Message) -> Value {
    json!({ "$ref": format!("#/channels/connection/messages/{}", key(message)) })
}

fn operations(model: &Model) -> Map<String, Value> {
    let mut operations = Map::new();
    let named = |name: &String| model.message(name).map(in_channel);
    for message in &model.messages {
        let mut put = |action: &str, reply: Vec<Value>| {
            let mut operation = Map::new();
            operation.insert("action".to_owned(), action.into());
            operation.insert("channel".to_owned(), json!({ "$ref": "#/channels/connection" }));
            operation.insert("title".to_owned(), message.name.as_str().into());
            if let Some(description) = &message.docs.description {
                operation.insert("summary".to_owned(), description.as_str().into());
            }
            operation.insert("messages".to_owned(), json!([in_channel(message)]));
            if !reply.is_empty() {
                let reply = json!({ "channel": { "$ref": "#/channels/connection" }, "messages": reply });
                operation.insert("reply".to_owned(), reply);
            }
            operations.insert(format!("{action}.{}", key(message)), Value::Object(operation));
        };
        if message.from.client() {
            let mut reply: Vec<Value> = match &message.answer {
                Answer::None => Vec::new(),
                Answer::Reply(reply) => named(reply).into_iter().collect(),
                Answer::Stream { item, end, error, .. } => [Some(item), Some(end), error.as_ref()]
                    .into_iter()
                    .flatten()
                    .filter_map(named)
                    .collect(),
            };
            if !reply.is_empty() {
                reply.extend(model.message("error").map(in_channel));
            }
            put("receive", reply);
        }
        if message.from.server() {
            put("send", Vec::new());
        }
    }
    operations
}

fn components(model: &Model) -> Value {
    let messages: Map<_, _> = model
        .messages
        .iter()
        .map(|message| (key(message), self::message(model, message)))
        .collect();
    let mut components = Map::new();
    components.insert("messages".to_owned(), Value::Object(messages));
    let schemas: Map<_, _> = model
        .defs
        .iter()
        .filter_map(|def| match &def.origin {
            Origin::Type(name) => {
                let schema = integer_formats::of_def(model, def);
                Some((name.clone(), component_schema(&schema)))
            }
            _ => None,
        })
        .collect();
    if !schemas.is_empty() {
        components.insert("schemas".to_owned(), Value::Object(schemas));
    }
    Value::Object(components)
}

fn message(model: &Model, message: &Message) -> Value {
    let mut whole = Map::new();
    whole.insert("name".to_owned(), message.name.as_str().into());
    whole.insert("title".to_owned(), message.name.as_str().into());
    if let Some(description) = &message.docs.description {
        whole.insert("summary".to_owned(), description.as_str().into());
    }
    let mut notes = Vec::new();
    if message.docs.deprecated {
        notes.push("Deprecated.".to_owned());
    }
    if !message.errors.is_empty() {
        let errors: Vec<_> = message.errors.iter().map(|error| format!("`{error}`")).collect();
        notes.push(format!("Declared errors: {}.", errors.join(", ")));
    }
    if !message.auth.is_empty() {
        let scopes: Vec<_> = message.auth.iter().map(|scope| format!("`{scope}`")).collect();
        notes.push(format!("Needs the scopes {}.", scopes.join(", ")));
    }
    if !notes.is_empty() {
        whole.insert("description".to_owned(), notes.join(" ").into());
    }
    whole.insert("contentType".to_owned(), "application/json".into());
    // What both sides may send is described as clients send it: the stricter side has fewer fields to get wrong.
    let bundle = if message.from.client() {
        Bundle::Client
    } else {
        Bundle::Server
    };
    let mut schema = envelope_schema(model, message, bundle);
    if let Some(payload) = schema.pointer_mut("/properties/payload") {
        *payload = integer_formats::of_def(model, model.def(message.payload));
    }
    whole.insert("payload".to_owned(), with_references(&schema));
    whole.insert(extension::NAME.to_owned(), extension::of_message(message));
    whole.insert(
        "correlationId".to_owned(),
        json!({ "location": "$message.payload#/correlationId" }),
    );
    if !message.docs.examples.is_empty() {
        let timestamp = match bundle {
            Bundle::Client => None,
            Bundle::Server => Some(EXAMPLE_TIMESTAMP),
        };
        let examples: Vec<_> = message
            .docs
            .examples
            .iter()
            .map(|example| {
                let mut envelope = json!({ "type": message.name, "payload": example });
                if let (Some(timestamp), Some(entries)) = (timestamp, envelope.as_object_mut()) {
                    entries.insert("timestamp".to_owned(), timestamp.into());
                }
                json!({ "payload": envelope })
            })
            .collect();
        whole.insert("examples".to_owned(), examples.into());
    }
    Value::Object(whole)
}

/// A moment for examples, in milliseconds since the epoch.
const EXAMPLE_TIMESTAMP: u64 = 1_732_310_400_000;

/// A schema of `types`. AsyncAPI takes no `true` and no `false` there.
fn component_schema(schema: &Value) -> Value {
    match schema {
        Value::Bool(true) => json!({}),
        Value::Bool(false) => json!({ "not": {} }),
        schema => with_references(schema),
    }
}

/// The schema with its references turned to where AsyncAPI keeps schemas.
fn with_references(schema: &Value) -> Value {
    match schema {
        Value::Object(entries) => entries
            .iter()
            .map(
                |(keyword, value)| match value.as_str().and_then(|text| text.strip_prefix("#/$defs/")) {
                    Some(name) if keyword == "$ref" => (
                        keyword.clone(),
                        Value::from(format!("#/components/schemas/{name}")),
                    ),
                    _ => (keyword.clone(), with_references(value)),
                },
            )
            .collect(),
        Value::Array(items) => items.iter().map(with_references).collect(),
        other => other.clone(),
    }
}
