//! The protocol as the engine reads it: the description that the build writes to `schemas/protocol.json`.
//!
//! Knows nothing of YAML and checks nothing that the build has checked already.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::messages::ConnectionEstablishedProtocolAnswersValue as Answers;

/// A protocol: its messages, their schemas, and how its server behaves. Serializes to a description that reads as the
/// same protocol.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Protocol {
    /// Name, version and description.
    pub info: Info,
    /// The WebSocket subprotocol, for example `agent.v1`.
    pub subprotocol: String,
    /// Hash of the checked protocol, in hexadecimal.
    pub hash: String,
    /// How a server behaves unless told otherwise.
    pub connection: Connection,
    /// Application errors by code.
    #[serde(default)]
    pub errors: IndexMap<String, DeclaredError>,
    /// Messages by type.
    pub messages: IndexMap<String, Description>,
    /// The session's state machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub states: Option<States>,
    /// Schemas that others refer to as `#/$defs/NAME`.
    #[serde(default, rename = "$defs")]
    pub defs: Map<String, Value>,
}

impl Protocol {
    /// By which messages the protocol's own requests are answered.
    pub(crate) fn answers(&self) -> BTreeMap<String, Answers> {
        let answers = |message: &Description| {
            let stream = message.stream.as_ref();
            let answers = Answers {
                reply: message.reply.clone(),
                item: stream.map(|stream| stream.item.clone()),
                end: stream.map(|stream| stream.end.clone()),
                error: stream.and_then(|stream| stream.error.clone()),
                extra: Default::default(),
            };
            (message.reply.is_some() || stream.is_some()).then_some(answers)
        };
        let own = self.messages.iter().filter(|(_, message)| !message.engine);
        own.filter_map(|(name, message)| Some((name.clone(), answers(message)?)))
            .collect()
    }

    /// The types with a size limit of their own, in bytes; none is above what the connection takes.
    pub(crate) fn type_bytes(&self, connection: usize) -> BTreeMap<String, u64> {
        let bytes = |limit: usize| u64::try_from(limit).unwrap_or(u64::MAX);
        let messages = self.messages.iter();
        messages
            .filter_map(|(name, message)| {
                let own = message.limits.message_bytes?;
                Some((name.clone(), bytes(own.min(connection))))
            })
            .collect()
    }
}

/// Name, version and description of a protocol.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Info {
    /// Its name.
    pub name: String,
    /// Its version, as semver.
    pub version: String,
    /// A paragraph about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// How a server behaves. Times in milliseconds, sizes in bytes.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Path of the endpoint.
    pub path: String,
    /// Time between two pings.
    pub heartbeat_interval_ms: u64,
    /// Silence tolerated beyond an interval.
    pub heartbeat_timeout_ms: u64,
    /// How long a session outlives its connection.
    pub resume_window_ms: u64,
    /// Most messages kept for replay.
    pub resume_messages: u64,
    /// Most bytes kept for replay.
    pub resume_bytes: u64,
    /// Limits of one connection.
    pub limits: Limits,
}

/// Limits of one connection.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Largest inbound message, in bytes.
    pub message_bytes: usize,
    /// Deepest nesting of a message, envelope included.
    pub depth: u32,
    /// Messages a second in the long run; `None` is no limit.
    pub rate: Option<f64>,
    /// Messages at once.
    pub burst: u32,
    /// Requests in flight together.
    pub in_flight: usize,
    /// Bytes that may wait to be written.
    pub outbox_bytes: usize,
}

/// An application error.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct DeclaredError {
    /// What the peer reads unless the handler says more.
    pub description: String,
    /// Whether the same request may succeed later.
    #[serde(default)]
    pub retryable: bool,
}

/// Who may send a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Clients.
    Client,
    /// The server.
    Server,
    /// Either.
    Both,
}

/// What the protocol says of one message.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// Who may send it.
    pub from: Direction,
    /// Whether it is one of the engine's own.
    #[serde(default)]
    pub engine: bool,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is on its way out.
    #[serde(default)]
    pub deprecated: bool,
    /// Version of the protocol that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Schema of its payload; references are `#/$defs/NAME`.
    pub payload: Value,
    /// Whether the payload may be left out.
    #[serde(default)]
    pub payload_optional: bool,
    /// The message that answers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// The messages that answer it, one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamAnswer>,
    /// Codes of the application errors that may answer it.
    #[serde(default)]
    pub errors: Vec<String>,
    /// How the server delivers it.
    #[serde(default)]
    pub delivery: Delivery,
    /// Scopes that its sender must hold.
    #[serde(default)]
    pub auth: Vec<String>,
    /// Limits of this message alone.
    #[serde(default)]
    pub limits: MessageLimits,
    /// Payloads that fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Value>,
}

/// The messages of a stream.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamAnswer {
    /// Type of the items.
    pub item: String,
    /// Type of the message that ends it well.
    pub end: String,
    /// Type of the message that ends it badly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What becomes of it when the connection is lost.
    pub on_disconnect: OnDisconnect,
}

/// What becomes of a stream when its connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDisconnect {
    /// It goes on while the session lives.
    Detach,
    /// It is cancelled.
    Cancel,
}

/// How the server delivers a message.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Delivery {
    /// Whether it is numbered and replayed.
    pub resumable: bool,
    /// What happens when the outbox is full.
    pub overflow: Overflow,
    /// For [`Overflow::Coalesce`]: JSON Pointer into the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            resumable: true,
            overflow: Overflow::Disconnect,
            key: None,
        }
    }
}

/// What happens to a message that finds the outbox full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// The connection is closed with 4503.
    Disconnect,
    /// The message is dropped.
    Drop,
    /// It replaces the waiting message with the same key.
    Coalesce,
}

/// Limits of one message; `None` is the connection's own.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageLimits {
    /// Messages a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Messages at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// Largest message, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_bytes: Option<usize>,
    /// Longest time that its handler may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A session's state machine.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct States {
    /// State of a new session.
    pub initial: String,
    /// For each state: message to next state.
    pub states: IndexMap<String, IndexMap<String, String>>,
}

impl Protocol {
    /// Reads a description.
    ///
    /// # Errors
    ///
    /// If the text is no such description.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The schema of a message's payload, complete with the schemas that it refers to.
    #[must_use]
    pub fn payload_schema(&self, name: &str) -> Option<Value> {
        self.messages
            .get(name)
            .map(|message| self.complete(&message.payload))
    }

    /// A schema of this protocol, complete with the schemas that it refers to.
    #[must_use]
    pub fn complete(&self, schema: &Value) -> Value {
        let mut whole = Map::new();
        whole.insert("$defs".to_owned(), Value::Object(self.defs.clone()));
        // A schema of its own under `allOf`, since `schema` may itself be `true` or a bare reference.
        whole.insert("allOf".to_owned(), Value::Array(vec![schema.clone()]));
        Value::Object(whole)
    }
}

impl Direction {
    /// Whether a client may send it.
    #[must_use]
    pub fn client(self) -> bool {
        self != Self::Server
    }

    /// Whether the server may send it.
    #[must_use]
    pub fn server(self) -> bool {
        self != Self::Client
    }
}
