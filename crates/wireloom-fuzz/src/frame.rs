//! Whole envelopes around payloads.

use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::spelling::spelled;

/// A message as a client sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The message type.
    pub message: String,
    /// The payload; `None` where it is left out.
    pub payload: Option<Value>,
    /// The correlation id, if it has one.
    pub correlation_id: Option<String>,
    /// The text of the frame.
    pub text: String,
}

/// What stands in an envelope beside type and payload.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    correlation_id: Option<String>,
    timestamp: Option<u64>,
    ack: Option<u32>,
    spelling: u64,
}

/// Every envelope that a client may send: fields in any order, in any spelling.
pub(crate) fn envelope() -> impl Strategy<Value = Envelope> {
    let correlation_id = prop_oneof!["[a-z0-9-]{1,36}", "\\PC{1,128}", "🦀{128}"];
    let fields = (
        option::of(correlation_id),
        option::of(0..9_007_199_254_740_991u64),
        option::of(any::<u32>()),
        any::<u64>(),
    );
    fields.prop_map(|(correlation_id, timestamp, ack, spelling)| Envelope {
        correlation_id,
        timestamp,
        ack,
        spelling,
    })
}

impl Envelope {
    /// The frame of a message.
    pub(crate) fn frame(self, message: &str, payload: Option<Value>) -> Frame {
        let correlation_id = match message {
            // Its correlation id is what it is about.
            "request:cancel" => Some(self.correlation_id.unwrap_or_else(|| "c-1".to_owned())),
            _ => self.correlation_id,
        };
        let mut fields = Map::new();
        fields.insert("type".to_owned(), message.into());
        if let Some(payload) = &payload {
            fields.insert("payload".to_owned(), payload.clone());
        }
        if let Some(id) = &correlation_id {
            fields.insert("correlationId".to_owned(), id.as_str().into());
        }
        if let Some(timestamp) = self.timestamp {
            fields.insert("timestamp".to_owned(), timestamp.into());
        }
        if let Some(ack) = self.ack {
            fields.insert("ack".to_owned(), ack.into());
        }
        Frame {
            message: message.to_owned(),
            payload,
            correlation_id,
            text: spelled(&Value::Object(fields), self.spelling),
        }
    }
}
