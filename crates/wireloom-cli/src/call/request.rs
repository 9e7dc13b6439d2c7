//! The frames that a call sends.

use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;
use wireloom_client::RawMessage;

use crate::exit::{Exit, Failure};
use crate::source;

/// A request, ready to be sent.
pub(super) struct Request {
    /// Pairs it with what answers it; a text as it stands may have none.
    pub(super) id: Option<String>,
    /// Its type; none of a text that is no message.
    pub(super) message: Option<String>,
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
        let read = read(payload)?;
        let payload = RawValue::from_string(read.trim().to_owned()).map_err(|cause| {
            Failure::new(Exit::Usage, format!("the payload is not JSON: {cause}"))
                .help("quote it for the shell: '{\"name\":\"value\"}'")
        })?;
        let id = id.unwrap_or_else(fresh_id);
        Ok(Self {
            frame: frame(message, &payload, &id),
            message: Some(message.to_owned()),
            id: Some(id),
        })
    }

    /// A text that goes out as it stands, whether it is a message or not: from the command line, `@FILE`, or `-`.
    pub(super) fn raw(text: &str) -> Result<Self, Failure> {
        let frame = read(text)?;
        let message = RawMessage::parse(&frame).ok();
        Ok(Self {
            id: message
                .as_ref()
                .and_then(|message| message.correlation_id().map(str::to_owned)),
            message: message.map(|message| message.kind().to_owned()),
            frame,
        })
    }

    /// The frame that cancels it, if the server can tell which request is meant.
    pub(super) fn cancel(&self) -> Option<String> {
        self.id.as_deref().map(|id| bare("request:cancel", id))
    }
}

/// Text of the command line, of `@FILE`, or of standard input for `-`.
fn read(text: &str) -> Result<String, Failure> {
    if let Some(path) = text.strip_prefix('@') {
        let path = Path::new(path);
        return std::fs::read_to_string(path).map_err(|cause| source::unreadable(path, &cause));
    }
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut read = String::new();
    match std::io::stdin().read_to_string(&mut read) {
        Ok(_) => Ok(read),
        Err(cause) => Err(Failure::new(
            Exit::Usage,
            format!("cannot read standard input: {cause}"),
        )),
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
