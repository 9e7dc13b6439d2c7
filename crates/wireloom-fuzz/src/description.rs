//! What is known of a protocol: read from its description, or taken from a model.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use wireloom_spec::Model;

use crate::likely::{Familiar, familiar};

/// A text that is no description of a protocol.
#[derive(Debug)]
pub struct InvalidDescription(serde_json::Error);

impl fmt::Display for InvalidDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this does not describe a protocol: {}", self.0)
    }
}

impl std::error::Error for InvalidDescription {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// The parts of a protocol that strategies are made of.
#[derive(Debug, Deserialize)]
pub(crate) struct Description {
    pub(crate) connection: Connection,
    pub(crate) messages: Messages,
    #[serde(rename = "$defs", default)]
    pub(crate) defs: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Connection {
    pub(crate) limits: ConnectionLimits,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionLimits {
    pub(crate) message_bytes: u64,
}

/// Messages by name, in their order.
#[derive(Debug)]
pub(crate) struct Messages(pub(crate) Vec<(String, Message)>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    pub(crate) from: String,
    #[serde(default)]
    pub(crate) engine: bool,
    pub(crate) payload: Value,
    #[serde(default)]
    pub(crate) payload_optional: bool,
    #[serde(default)]
    pub(crate) limits: MessageLimits,
    #[serde(default)]
    pub(crate) examples: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageLimits {
    pub(crate) message_bytes: Option<u64>,
}

impl Description {
    pub(crate) fn read(json: &str) -> Result<Self, InvalidDescription> {
        serde_json::from_str(json).map_err(InvalidDescription)
    }

    pub(crate) fn of(model: &Model) -> Self {
        let messages = model.messages.iter().map(|message| {
            let from = match (message.from.client(), message.from.server()) {
                (true, false) => "client",
                (false, true) => "server",
                _ => "both",
            };
            let described = Message {
                from: from.to_owned(),
                engine: message.engine,
                payload: model.def(message.payload).schema.clone(),
                payload_optional: message.payload_optional,
                limits: MessageLimits {
                    message_bytes: message.limits.message_bytes,
                },
                examples: message.docs.examples.clone(),
            };
            (message.name.clone(), described)
        });
        Self {
            connection: Connection {
                limits: ConnectionLimits {
                    message_bytes: model.connection.limits.message_bytes,
                },
            },
            messages: Messages(messages.collect()),
            defs: model.schema_defs(),
        }
    }

    /// The examples of all fields and of the types that they have.
    pub(crate) fn familiar(&self) -> Familiar {
        let payloads = self.messages.0.iter().map(|(_, message)| &message.payload);
        familiar(&self.defs, self.defs.values().chain(payloads))
    }
}

impl Message {
    /// A type under `types`, as if it were what a message carries.
    pub(crate) fn of_type(name: &str) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self {
            from: "both".to_owned(),
            engine: false,
            payload: json!({ "$ref": format!("#/$defs/{name}") }),
            payload_optional: false,
            limits: MessageLimits::default(),
            examples: Vec::new(),
        }
    }
}

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Messages;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("messages by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Messages, A::Error> {
                let mut messages = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    messages.push(entry);
                }
                Ok(Messages(messages))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
