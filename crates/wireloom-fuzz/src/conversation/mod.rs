//! Whole conversations of several clients with a server, as plain values: what is done, in which order, and what each
//! step is. Knows no sockets; `live` plays them.

mod strategy;
mod tree;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::spelling::spelled;

pub use strategy::{Conversations, Plan};
pub use tree::ConversationTree;

/// What some clients do, one step after the other. A client connects at its first step.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One thing that a client does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Number of the client, from 0.
    pub client: usize,
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
}

/// What a client does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Sends a message.
    Send(Sending),
    /// Sends a text that is to be answered with an error.
    Text {
        /// The text.
        text: String,
    },
    /// Sends a binary frame, for which the connection is to be closed.
    Binary,
    /// Cancels one of the client's own requests, whether it has ended or not.
    Cancel {
        /// Which: 0 is the last, 1 the one before. Where there are not so many, an id that names none.
        back: usize,
    },
    /// Pings by the WebSocket, and waits for the pong.
    Ping,
    /// Acknowledges what was received.
    Ack,
    /// Waits until everything is answered.
    Settle,
    /// Ends the connection.
    Disconnect {
        /// How.
        how: Ending,
    },
    /// Connects again and takes the session up again. Where the old connection is still there, it is taken over.
    Resume {
        /// Messages at the end that are asked for once more, as if they had been lost.
        forget: u64,
    },
    /// Connects, with a new session.
    Connect {
        /// Whether the subprotocol is offered; without, there is no session to resume.
        subprotocol: bool,
    },
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// By close code 1000: the conversation is over.
    Clean,
    /// By close code 1001: the client may be back.
    Away,
    /// Without a goodbye.
    Abrupt,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sending {
    /// The type.
    pub message: String,
    /// The payload; missing where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "there")]
    pub payload: Option<Value>,
    /// What the correlation id begins with; what makes it unique is added.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stem: String,
    /// How the envelope and the payload are spelled; 0 is plain.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub spelling: u64,
    /// Whether it acknowledges what was received.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ack: bool,
    /// What it is.
    #[serde(default)]
    pub label: Label,
}

/// What a message is to the server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Label {
    /// One that the protocol declares, with a payload that fits. Whether the session's state accepts it is another
    /// question.
    #[default]
    Valid,
    /// Its payload violates exactly one keyword.
    NearMiss {
        /// The keyword.
        keyword: String,
        /// Where, as a JSON Pointer into the payload.
        path: String,
    },
    /// A type that the protocol does not have.
    UnknownType,
    /// A type that only the server sends.
    WrongDirection,
}

/// A payload that is there, `null` included.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Sending {
    /// A plain message with a payload that fits.
    #[must_use]
    pub fn valid(message: impl Into<String>, payload: Value) -> Self {
        Self {
            message: message.into(),
            payload: Some(payload),
            stem: String::new(),
            spelling: 0,
            ack: false,
            label: Label::Valid,
        }
    }

    /// The text of its frame.
    #[must_use]
    pub fn text(&self, correlation_id: &str, ack: Option<u64>) -> String {
        let mut fields = Map::new();
        fields.insert("type".to_owned(), self.message.as_str().into());
        if let Some(payload) = &self.payload {
            fields.insert("payload".to_owned(), payload.clone());
        }
        fields.insert("correlationId".to_owned(), correlation_id.into());
        if let Some(ack) = ack {
            fields.insert("ack".to_owned(), ack.into());
        }
        spelled(&Value::Object(fields), self.spelling)
    }
}

impl Conversation {
    /// The number of clients that take part.
    #[must_use]
    pub fn clients(&self) -> usize {
        let last = self.steps.iter().map(|step| step.client).max();
        last.map_or(0, |last| last + 1)
    }

    /// Gives the clients the numbers from 0 on, in the order in which they come.
    fn renumber(&mut self) {
        let mut known = Vec::new();
        for step in &mut self.steps {
            let at = known.iter().position(|client| *client == step.client);
            let at = at.unwrap_or_else(|| {
                known.push(step.client);
                known.len() - 1
            });
            step.client = at;
        }
    }
}
