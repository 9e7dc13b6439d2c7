//! How a peer's protocol wraps a message. The same payloads travel in each of them.

use memchr::memmem::Finder;
use serde_json::{Value, json};

use crate::message::Kind;

/// What an incoming text message is to the generator. Decided on a few bytes, in the middle of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// It answers a request.
    Reply,
    /// It was sent to everybody.
    Event,
    /// A greeting or the like: neither counted nor answered.
    Aside,
    /// It wants this text back at once, or the server hangs up later.
    KeepAlive(&'static str),
    /// Anything else: the run is not what it should be.
    Unexpected,
}

/// An answer, read in full.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The id of the request that it answers.
    pub id: u32,
    /// The payload of the reply, or the peer's words for its refusal.
    pub outcome: Result<Value, String>,
}

/// One protocol over text frames.
pub trait Dialect: Sync {
    /// Path and query of the upgrade.
    fn path(&self) -> &'static str;

    /// What each connection says first, after it was greeted by a message with the given start. Nothing for most.
    fn opening(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The text of a request. `id` is written with a fixed width, so that all requests of a kind are of one length.
    fn request(&self, kind: Kind, payload: &Value, id: u32) -> String;

    /// Tells what came in.
    fn classify(&self, text: &[u8]) -> Incoming;

    /// Reads an answer, or `None` if the text answers nothing.
    fn answer(&self, text: &str) -> Option<Answer>;
}

/// All ids have this many digits: `JSON` numbers have no leading zeros.
pub const FIRST_ID: u32 = 100_000;

/// The envelope of the Wireloom protocol and of the design it comes from: `type`, `payload`, `timestamp`,
/// `correlationId`.
pub struct Envelope(Names);

/// The same request as in [`Envelope`], and a peer that sends it back as it is.
pub struct Echo(Names);

/// Engine.IO and Socket.IO as they travel over a WebSocket: events with an acknowledgement.
pub struct SocketIo;

/// JSON-RPC 2.0.
pub struct JsonRpc {
    result: Finder<'static>,
}

impl Envelope {
    /// The dialect, with its search prepared.
    pub fn new() -> Self {
        Self(Names::new())
    }
}

impl Echo {
    /// The dialect, with its search prepared.
    pub fn new() -> Self {
        Self(Names::new())
    }
}

impl JsonRpc {
    /// The dialect, with its search prepared.
    pub fn new() -> Self {
        Self {
            result: Finder::new(br#""result":"#),
        }
    }
}

impl Default for Envelope {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Echo {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for JsonRpc {
    fn default() -> Self {
        Self::new()
    }
}

/// Finds the `type` of a compact JSON message without parsing it. No payload of ours contains the marker.
struct Names(Finder<'static>);

impl Names {
    fn new() -> Self {
        Self(Finder::new(br#""type":""#))
    }

    fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let Some(at) = self.0.find(text) else { return b"" };
        let name = &text[at + self.0.needle().len()..];
        memchr::memchr(b'"', name).map_or(b"", |end| &name[..end])
    }
}

fn envelope(kind: Kind, payload: &Value, id: u32) -> String {
    // Written by hand for the order of the fields: `type` comes first, as clients write it.
    format!(
        r#"{{"type":"{}","payload":{payload},"timestamp":1732310400000,"correlationId":"request-{id}"}}"#,
        kind.name()
    )
}

fn correlation(message: &Value) -> Option<u32> {
    message["correlationId"]
        .as_str()?
        .strip_prefix("request-")?
        .parse()
        .ok()
}

impl Dialect for Envelope {
    fn path(&self) -> &'static str {
        "/ws"
    }

    fn request(&self, kind: Kind, payload: &Value, id: u32) -> String {
        envelope(kind, payload, id)
    }

    fn classify(&self, text: &[u8]) -> Incoming {
        match self.0.of(text) {
            b"bench:echoed" | b"bench:nestedDone" => Incoming::Reply,
            b"bench:event" => Incoming::Event,
            b"connection:established" => Incoming::Aside,
            _ => Incoming::Unexpected,
        }
    }

    fn answer(&self, text: &str) -> Option<Answer> {
        let mut message: Value = serde_json::from_str(text).ok()?;
        let id = correlation(&message)?;
        let payload = message["payload"].take();
        let outcome = if message["type"] == "error" {
            Err(payload["message"].to_string())
        } else {
            Ok(payload)
        };
        Some(Answer { id, outcome })
    }
}

impl Dialect for Echo {
    fn path(&self) -> &'static str {
        "/ws"
    }

    fn request(&self, kind: Kind, payload: &Value, id: u32) -> String {
        envelope(kind, payload, id)
    }

    fn classify(&self, text: &[u8]) -> Incoming {
        match self.0.of(text) {
            b"bench:echo" | b"bench:nested" => Incoming::Reply,
            b"bench:event" => Incoming::Event,
            _ => Incoming::Unexpected,
        }
    }

    fn answer(&self, text: &str) -> Option<Answer> {
        let mut message: Value = serde_json::from_str(text).ok()?;
        Some(Answer {
            id: correlation(&message)?,
            outcome: Ok(message["payload"].take()),
        })
    }
}

impl Dialect for SocketIo {
    fn path(&self) -> &'static str {
        "/socket.io/?EIO=4&transport=websocket"
    }

    fn opening(&self) -> &'static [(&'static str, &'static str)] {
        // Engine.IO opens with its "0"; the default namespace is joined with "40" and confirmed with another.
        &[("0{", "40"), ("40", "")]
    }

    fn request(&self, kind: Kind, payload: &Value, id: u32) -> String {
        format!(r#"42{id}["{}",{payload}]"#, kind.name())
    }

    fn classify(&self, text: &[u8]) -> Incoming {
        if text.starts_with(b"43") {
            Incoming::Reply
        } else if text.starts_with(br#"42["bench:event""#) {
            Incoming::Event
        } else if text == b"2" {
            Incoming::KeepAlive("3")
        } else {
            Incoming::Unexpected
        }
    }

    fn answer(&self, text: &str) -> Option<Answer> {
        let text = text.strip_prefix("43")?;
        let (id, arguments) = text.split_at(text.find('[')?);
        let mut arguments: Value = serde_json::from_str(arguments).ok()?;
        let reply = arguments[0].take();
        let outcome = match reply.get("error") {
            Some(refusal) => Err(refusal.to_string()),
            None => Ok(reply),
        };
        Some(Answer {
            id: id.parse().ok()?,
            outcome,
        })
    }
}

impl Dialect for JsonRpc {
    fn path(&self) -> &'static str {
        "/"
    }

    fn request(&self, kind: Kind, payload: &Value, id: u32) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","method":"{}","params":{payload},"id":{id}}}"#,
            kind.name()
        )
    }

    fn classify(&self, text: &[u8]) -> Incoming {
        if self.result.find(text).is_some() {
            Incoming::Reply
        } else {
            Incoming::Unexpected
        }
    }

    fn answer(&self, text: &str) -> Option<Answer> {
        let mut message: Value = serde_json::from_str(text).ok()?;
        let id = u32::try_from(message["id"].as_u64()?).ok()?;
        let outcome = match message.get("error") {
            Some(refusal) => Err(json!(refusal).to_string()),
            None => Ok(message["result"].take()),
        };
        Some(Answer { id, outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_have_the_sizes_that_the_protocol_names() {
        let length = |kind: Kind| envelope(kind, &kind.payload(), FIRST_ID).len();
        assert_eq!(length(Kind::Echo) + 8, 240, "with 8 bytes of frame header");
        assert!(
            (1_550..1_700).contains(&length(Kind::Nested)),
            "{}",
            length(Kind::Nested)
        );
    }

    #[test]
    fn a_reply_is_told_from_a_greeting_an_event_and_a_refusal() {
        let envelope = Envelope::new();
        assert_eq!(
            envelope.classify(br#"{"type":"bench:echoed","payload":{}}"#),
            Incoming::Reply
        );
        assert_eq!(
            envelope.classify(br#"{"type":"bench:event","payload":{}}"#),
            Incoming::Event
        );
        assert_eq!(
            envelope.classify(br#"{"type":"connection:established"}"#),
            Incoming::Aside
        );
        assert_eq!(
            envelope.classify(br#"{"type":"error","payload":{}}"#),
            Incoming::Unexpected
        );
        assert_eq!(
            Echo::new().classify(br#"{"type":"bench:echo","payload":{}}"#),
            Incoming::Reply
        );
        assert_eq!(SocketIo.classify(br#"43100000[{"part":1}]"#), Incoming::Reply);
        assert_eq!(SocketIo.classify(b"2"), Incoming::KeepAlive("3"));
        assert_eq!(
            JsonRpc::new().classify(br#"{"jsonrpc":"2.0","id":1,"error":{}}"#),
            Incoming::Unexpected
        );
    }
}
