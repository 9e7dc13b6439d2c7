//! One text frame: reads what the server sends, writes what the client sends. Knows nothing of schemas.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio_tungstenite::tungstenite::Utf8Bytes;
use wireloom::json::{Read, Reader, Writer};

/// Deepest nesting that is read from a server, the envelope counted.
pub(crate) const DEPTH: u32 = 256;

/// Largest integer that a JavaScript number holds.
const MAX_SAFE: i64 = 9_007_199_254_740_991;

/// A message of the server, as it came: its text, and what its envelope says. Cheap to clone.
///
/// ```
/// use wireloom_client::RawMessage;
///
/// let text = r#"{"type":"said","payload":{"text":"hi"},"timestamp":1,"correlationId":"c-1"}"#;
/// let message = RawMessage::parse(text).unwrap();
/// assert_eq!(message.kind(), "said");
/// assert_eq!(message.payload(), r#"{"text":"hi"}"#);
/// assert_eq!(message.correlation_id(), Some("c-1"));
/// assert_eq!(message.text(), text);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMessage {
    text: Utf8Bytes,
    kind: String,
    payload: Option<Range<usize>>,
    correlation_id: Option<String>,
    seq: Option<u64>,
}

impl RawMessage {
    /// Reads a text frame. Fields of the envelope that are not known are passed over: a newer server may add some.
    ///
    /// # Errors
    ///
    /// If the text is no JSON, or has no `type`; what is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::read(text.into())
    }

    pub(crate) fn read(text: Utf8Bytes) -> Result<Self, String> {
        let mut reader = Reader::new(&text, DEPTH);
        let read = envelope(&mut reader).map_err(|fault| format!("{} at byte {}", fault.kind, fault.at))?;
        let Envelope {
            kind: Some(kind),
            payload,
            correlation_id,
            seq,
        } = read
        else {
            return Err("the message has no type".to_owned());
        };
        Ok(Self {
            text,
            kind,
            payload,
            correlation_id,
            seq,
        })
    }

    /// Its type, for example `agent:started`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The payload, as JSON text; `{}` if it has none.
    #[must_use]
    pub fn payload(&self) -> &str {
        let payload = self.payload.clone().and_then(|range| self.text.get(range));
        payload.map_or("{}", str::trim_ascii)
    }

    /// The `correlationId` of the request that it answers, if it answers one.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }

    /// Its number in the session, if it has one.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.seq
    }

    /// The whole text, byte for byte.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[derive(Default)]
struct Envelope {
    kind: Option<String>,
    payload: Option<Range<usize>>,
    correlation_id: Option<String>,
    seq: Option<u64>,
}

fn envelope(reader: &mut Reader<'_>) -> Read<Envelope> {
    let mut read = Envelope::default();
    let mut object = reader.object()?;
    while let Some(name) = reader.name(&mut object)? {
        match name.as_ref() {
            "type" => reader.once(&mut read.kind, |reader| reader.string().map(Into::into))?,
            "payload" => reader.once(&mut read.payload, |reader| {
                let start = reader.position();
                reader.skip()?;
                Ok(start..reader.position())
            })?,
            "correlationId" => {
                reader.once(&mut read.correlation_id, |reader| reader.string().map(Into::into))?;
            }
            "seq" => reader.once(&mut read.seq, |reader| reader.integer_as(1, MAX_SAFE))?,
            _ => reader.skip()?,
        }
    }
    reader.end()?;
    Ok(read)
}

/// Writes a client's message. The payload is JSON text already.
pub(crate) fn write(kind: &str, payload: &str, correlation_id: Option<&str>, ack: Option<u64>) -> String {
    let mut out = Writer::with_capacity(payload.len() + kind.len() + 128);
    out.raw("{\"type\":");
    out.string(kind);
    out.raw(",\"payload\":");
    out.raw(payload);
    out.raw(",\"timestamp\":");
    out.unsigned(now_ms());
    if let Some(id) = correlation_id {
        out.raw(",\"correlationId\":");
        out.string(id);
    }
    if let Some(seq) = ack {
        out.raw(",\"ack\":");
        out.unsigned(seq);
    }
    out.raw("}");
    out.into_string()
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{RawMessage, write};

    #[test]
    fn reads_what_a_newer_server_may_send() {
        let text = r#"{"new":[{}],"payload": {"a":1} ,"seq":7,"type":"n\u0065ws","timestamp":"later"}"#;
        let message = RawMessage::parse(text).unwrap();
        assert_eq!(
            (message.kind(), message.payload(), message.seq()),
            ("news", r#"{"a":1}"#, Some(7))
        );
        assert_eq!(RawMessage::parse(r#"{"type":"pong"}"#).unwrap().payload(), "{}");
    }

    #[test]
    fn refuses_what_is_no_message() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"a","type":"b"}"#,
            r#"{"type":"a"} {}"#,
            r#"{"type":"a","seq":0}"#,
        ] {
            assert!(RawMessage::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_what_is_there() {
        let text = write("say \"x\"", "{}", Some("c-1"), Some(3));
        let message = RawMessage::parse(&text).unwrap();
        assert_eq!(message.kind(), "say \"x\"");
        assert_eq!(message.correlation_id(), Some("c-1"));
        assert!(text.ends_with(r#","ack":3}"#), "{text}");
    }
}
