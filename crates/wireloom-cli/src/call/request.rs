//! The frames that a call sends.

use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::exit::{Exit, Failure};
use crate::source;

/// A request, ready to be sent.
pub(super) struct Request {
    /// Pairs it with what answers it.
    pub(super) id: String,
    /// Its type.
    pub(super) message: String,
    /// The text that goes on the wire.
    pub(super) frame: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    r#type: &'a str,
    payload: &'a RawValue,
    timestamp: u64,
    correlation_id: &'a str,
}

impl Request {
    /// Reads the payload: JSON as it stands, `@FILE`, or `-`. It goes out as it is written, not as it is understood:
    /// a duplicate key or a number too big stays one.
    pub(super) fn new(message: &str, payload: &str, id: Option<String>) -> Result<Self, Failure> {
        let read = match payload.strip_prefix('@') {
            Some(path) => {
                let path = Path::new(path);
                std::fs::read_to_string(path).map_err(|cause| source::unreadable(path, &cause))?
            }
            None if payload == "-" => {
                let mut text = String::new();
                let read = std::io::stdin().read_to_string(&mut text);
                read.map_err(|cause| {
                    Failure::new(Exit::Usage, format!("cannot read standard input: {cause}"))
                })?;
                text
            }
            None => payload.to_owned(),
        };
        let payload = RawValue::from_string(read.trim().to_owned()).map_err(|cause| {
            Failure::new(Exit::Usage, format!("the payload is not JSON: {cause}"))
                .help("quote it for the shell: '{\"name\":\"value\"}'")
        })?;
        let id = id.unwrap_or_else(fresh_id);
        Ok(Self {
            frame: frame(message, &payload, &id),
            message: message.to_owned(),
            id,
        })
    }

    /// The frame that cancels it.
    pub(super) fn cancel(&self) -> String {
        bare("request:cancel", &self.id)
    }
}

/// A ping, which is answered when everything before it was taken; and its id.
pub(super) fn ping() -> (String, String) {
    let id = fresh_id();
    (bare("ping", &id), id)
}

fn bare(message: &str, id: &str) -> String {
    #[derive(Serialize)]
    struct Nothing {}
    serde_json::value::to_raw_value(&Nothing {})
        .map_or_else(|_| String::new(), |none| frame(message, &none, id))
}

fn frame(message: &str, payload: &RawValue, id: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let envelope = Envelope {
        r#type: message,
        payload,
        timestamp: u64::try_from(since.as_millis()).unwrap_or_default(),
        correlation_id: id,
    };
    // Strings, a number and JSON always serialize.
    serde_json::to_string(&envelope).unwrap_or_default()
}

fn fresh_id() -> String {
    Uuid::now_v7().to_string()
}
