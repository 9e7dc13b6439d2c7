//! Whether a text of the server is a message at all: JSON, envelope, type, direction, schema. Knows no requests.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use wireloom_spec::Model;

use super::finding::Kind;
use crate::Fuzzer;

/// Longest correlation id, in code points.
const MAX_CORRELATION_ID: usize = 128;

/// A message of the server.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) kind: String,
    pub(super) payload: Value,
    pub(super) correlation_id: Option<String>,
    pub(super) seq: Option<u64>,
}

/// What is wrong with a text: the kind, the type where it is known, what it is about, and a text for people.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) message: Option<String>,
    pub(super) keyword: Option<String>,
    pub(super) text: String,
}

impl Fault {
    fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            message: None,
            keyword: None,
            text: text.into(),
        }
    }

    fn of(mut self, message: &str) -> Self {
        self.message = Some(message.to_owned());
        self
    }

    fn about(mut self, keyword: &str) -> Self {
        self.keyword = Some(keyword.to_owned());
        self
    }
}

/// Reads a text of the server. What can be read of it comes along with what is wrong with it.
pub(super) fn inspect(text: &str, model: &Model, fuzzer: &Fuzzer) -> (Option<Received>, Vec<Fault>) {
    let mut faults = Vec::new();
    let Unique(value) = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(cause) => {
            let fault = Fault::new(Kind::BadJson, format!("the server sent what is no JSON: {cause}"));
            return (None, vec![fault]);
        }
    };
    let Value::Object(mut envelope) = value else {
        let fault = Fault::new(Kind::BadEnvelope, "the server sent JSON that is no object");
        return (None, vec![fault]);
    };
    let Some(kind) = envelope.get("type").and_then(Value::as_str).map(str::to_owned) else {
        let fault = Fault::new(Kind::BadEnvelope, "the server sent a message without a type").about("type");
        return (None, vec![fault]);
    };
    faults.extend(check_envelope(&envelope, &kind));
    let payload = envelope.remove("payload").unwrap_or_default();
    match model.message(&kind) {
        None => faults.push(
            Fault::new(
                Kind::UnknownType,
                format!("the server sent {kind:?}, which the protocol does not have"),
            )
            .of(&kind),
        ),
        Some(message) if !message.from.server() => {
            let text = format!("the server sent {kind:?}, which only clients send");
            faults.push(Fault::new(Kind::WrongDirection, text).of(&kind));
        }
        Some(_) => {
            if let Some((keyword, path, why)) = fuzzer.violation(&kind, &payload) {
                let place = if path.is_empty() { "/" } else { &path };
                let text = format!("the payload of {kind} violates {keyword} at {place}: {why}");
                faults.push(Fault::new(Kind::InvalidMessage, text).of(&kind).about(&keyword));
            }
        }
    }
    let received = Received {
        kind,
        payload,
        correlation_id: envelope
            .get("correlationId")
            .and_then(Value::as_str)
            .map(str::to_owned),
        seq: envelope.get("seq").and_then(Value::as_u64),
    };
    (Some(received), faults)
}

fn check_envelope(envelope: &Map<String, Value>, kind: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut wrong = |field: &str, text: String| {
        faults.push(Fault::new(Kind::BadEnvelope, text).of(kind).about(field));
    };
    for field in ["payload", "timestamp"] {
        if !envelope.contains_key(field) {
            wrong(field, format!("the envelope of {kind} has no {field}"));
        }
    }
    for (field, value) in envelope {
        let fits = match field.as_str() {
            "type" | "payload" => true,
            "timestamp" => value.as_u64().is_some(),
            "correlationId" => value
                .as_str()
                .is_some_and(|id| (1..=MAX_CORRELATION_ID).contains(&id.chars().count())),
            "seq" => value.as_u64().is_some_and(|seq| seq > 0),
            _ => {
                wrong(
                    field,
                    format!("the envelope of {kind} has a field {field:?}, which no server sends"),
                );
                continue;
            }
        };
        if !fits {
            wrong(
                field,
                format!("the envelope of {kind} has a {field} that is none"),
            );
        }
    }
    faults
}

/// A JSON value in which no name stands twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Unique)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some((name, Unique(value))) = entries.next_entry::<String, Unique>()? {
            if values.contains_key(&name) {
                return Err(serde::de::Error::custom(format!(
                    "the name {name:?} stands twice"
                )));
            }
            values.insert(name, value);
        }
        Ok(values.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind and keyword of each fault of a text.
    fn faults(text: &str) -> Vec<(Kind, Option<String>)> {
        let spec = "
wireloom: 1
info: { name: demo, version: 1.0.0 }
messages:
  say: { from: client, payload: { fields: { text: string } } }
  said: { from: server, payload: { fields: { text: string } } }
";
        let model = wireloom_spec::check("protocol.yaml", spec)
            .model
            .expect("a protocol");
        let fuzzer = Fuzzer::from_model(&model);
        let (_, faults) = inspect(text, &model, &fuzzer);
        faults
            .into_iter()
            .map(|fault| (fault.kind, fault.keyword))
            .collect()
    }

    #[test]
    fn what_is_right_has_no_fault() {
        let said = r#"{"type":"said","payload":{"text":"a"},"timestamp":1,"correlationId":"c","seq":1}"#;
        assert_eq!(faults(said), []);
        // The engine's messages are open: a newer server may say more.
        let pong = r#"{"type":"pong","payload":{"more":1},"timestamp":1}"#;
        assert_eq!(faults(pong), []);
    }

    #[test]
    fn each_fault_is_told() {
        let about = |kind, keyword: &str| vec![(kind, (!keyword.is_empty()).then(|| keyword.to_owned()))];
        let cases = [
            ("{", Kind::BadJson, ""),
            (r#"{"type":"said","type":"said"}"#, Kind::BadJson, ""),
            (
                r#"{"type":"pong","payload":{"a":{"b":1,"\u0062":2}},"timestamp":1}"#,
                Kind::BadJson,
                "",
            ),
            ("[]", Kind::BadEnvelope, ""),
            ("{}", Kind::BadEnvelope, "type"),
            (r#"{"type":"pong","timestamp":1}"#, Kind::BadEnvelope, "payload"),
            (r#"{"type":"pong","payload":{}}"#, Kind::BadEnvelope, "timestamp"),
            (
                r#"{"type":"pong","payload":{},"timestamp":1.5}"#,
                Kind::BadEnvelope,
                "timestamp",
            ),
            (
                r#"{"type":"pong","payload":{},"timestamp":1,"ack":1}"#,
                Kind::BadEnvelope,
                "ack",
            ),
            (
                r#"{"type":"pong","payload":{},"timestamp":1,"seq":0}"#,
                Kind::BadEnvelope,
                "seq",
            ),
            (
                r#"{"type":"pong","payload":{},"timestamp":1,"correlationId":""}"#,
                Kind::BadEnvelope,
                "correlationId",
            ),
            (
                r#"{"type":"sung","payload":{},"timestamp":1}"#,
                Kind::UnknownType,
                "",
            ),
            (
                r#"{"type":"say","payload":{"text":""},"timestamp":1}"#,
                Kind::WrongDirection,
                "",
            ),
            (
                r#"{"type":"said","payload":{},"timestamp":1}"#,
                Kind::InvalidMessage,
                "required",
            ),
        ];
        for (text, kind, keyword) in cases {
            // A payload that is missing is `null` to the schema, too.
            let told = faults(text);
            assert_eq!(told.first(), about(kind, keyword).first(), "{text}: {told:?}");
        }
    }
}
