//! Says exactly what is wrong with a message that was refused. The slow path: it reads the message once more.
//!
//! What it reports comes from the strict reader (for JSON), from the rules of the envelope, and from the schema's
//! validator (for payloads). No text here holds a value of the client.

use serde_json::{Map, Value};

use crate::envelope::MAX_CORRELATION_ID;
use crate::json::{Fault, FaultKind, Reader};
use crate::reject::{Detail, Reject, code};
use crate::schema;
use crate::table::{Entry, Table};
use crate::violations::violations;

/// Longest path that is reported, in bytes: names in it may be the client's own.
const MAX_PATH: usize = 256;

/// Largest integer that a JavaScript number holds.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// A message that was refused.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    pub(crate) reject: Reject,
    /// The correlation id, where the envelope could be read.
    pub(crate) correlation_id: Option<String>,
    /// Index of the type, where it is known.
    pub(crate) entry: Option<usize>,
}

/// Finds out why a frame was refused. `None`: nothing is wrong with it.
pub(crate) fn diagnose<S>(
    text: &str,
    depth: u32,
    table: &Table<S>,
    protocol: &crate::protocol::Protocol,
) -> Option<Diagnosis> {
    let failed = |reject| {
        Some(Diagnosis {
            reject,
            correlation_id: None,
            entry: None,
        })
    };
    let mut reader = Reader::new(text, depth);
    let envelope = match reader.value().and_then(|value| reader.end().map(|()| value)) {
        Ok(Value::Object(envelope)) => envelope,
        Ok(_) => {
            let detail = detail("", "type", "a message is a JSON object");
            return failed(invalid_envelope(vec![detail]));
        }
        Err(fault) => return failed(unreadable(text, fault)),
    };
    let correlation_id = envelope
        .get("correlationId")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let details = check_envelope(&envelope);
    if !details.is_empty() {
        let correlation_id = correlation_id.filter(|id| correlation_id_fits(id));
        return Some(Diagnosis {
            reject: invalid_envelope(details),
            correlation_id,
            entry: None,
        });
    }
    let name = envelope.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(at) = table.find(name) else {
        let reject = unknown_type(table.nearest(name));
        return Some(Diagnosis {
            reject,
            correlation_id,
            entry: None,
        });
    };
    let entry = table.entry(at)?;
    let reject = check_payload(entry, envelope.get("payload"), protocol)?;
    Some(Diagnosis {
        reject,
        correlation_id,
        entry: Some(at),
    })
}

fn detail(path: &str, keyword: &str, message: &str) -> Detail {
    Detail {
        path: path.to_owned(),
        keyword: keyword.to_owned(),
        message: message.to_owned(),
    }
}

fn correlation_id_fits(id: &str) -> bool {
    !id.is_empty() && id.chars().count() <= MAX_CORRELATION_ID
}

fn unreadable(text: &str, fault: Fault) -> Reject {
    let before = text.get(..fault.at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let message = format!("{} at line {line} column {column}", fault.kind);
    let code = match fault.kind {
        FaultKind::TooDeep => code::TOO_LARGE,
        _ => code::INVALID_JSON,
    };
    Reject::engine(code, message)
}

fn invalid_envelope(details: Vec<Detail>) -> Reject {
    let message = match details.as_slice() {
        [only] if only.path.is_empty() => only.message.clone(),
        [only] => format!("{}: {}", only.path.trim_start_matches('/'), only.message),
        many => format!("{} fields of the envelope are invalid", many.len()),
    };
    Reject::error(code::INVALID_ENVELOPE, message, false, details)
}

pub(crate) fn unknown_type(nearest: Option<&str>) -> Reject {
    let message = match nearest {
        Some(nearest) => format!("unknown message type; did you mean \"{nearest}\"?"),
        None => "unknown message type".to_owned(),
    };
    Reject::engine(code::UNKNOWN_TYPE, message)
}

fn check_envelope(envelope: &Map<String, Value>) -> Vec<Detail> {
    let mut details = Vec::new();
    if !envelope.contains_key("type") {
        details.push(detail("", "required", "\"type\" is missing"));
    }
    let counts = |value: &Value| {
        value
            .as_f64()
            .is_some_and(|n| n.fract() == 0.0 && (0.0..=MAX_SAFE).contains(&n))
    };
    for (name, value) in envelope {
        match name.as_str() {
            "type" if !value.is_string() => details.push(detail("/type", "type", "must be a string")),
            "timestamp" if !counts(value) => {
                let message = "must be an integer: milliseconds since the epoch";
                details.push(detail("/timestamp", "type", message));
            }
            "ack" if !counts(value) => {
                details.push(detail(
                    "/ack",
                    "type",
                    "must be an integer: the highest seq received",
                ));
            }
            "correlationId" if !value.as_str().is_some_and(correlation_id_fits) => {
                let message = format!("must be a string of 1 to {MAX_CORRELATION_ID} characters");
                details.push(detail("/correlationId", "type", &message));
            }
            "type" | "payload" | "timestamp" | "correlationId" | "ack" => {}
            _ => {
                let message = "only type, payload, timestamp, correlationId and ack may stand in an envelope";
                details.push(detail(&pointer(name), "additionalProperties", message));
            }
        }
        if details.len() == schema::MAX_DETAILS {
            break;
        }
    }
    details
}

fn pointer(name: &str) -> String {
    shortened(format!("/{}", name.replace('~', "~0").replace('/', "~1")))
}

fn shortened(mut path: String) -> String {
    if path.len() > MAX_PATH {
        let end = (0..=MAX_PATH)
            .rev()
            .find(|&end| path.is_char_boundary(end))
            .unwrap_or(0);
        path.truncate(end);
        path.push('…');
    }
    path
}

fn check_payload<S>(
    entry: &Entry<S>,
    payload: Option<&Value>,
    protocol: &crate::protocol::Protocol,
) -> Option<Reject> {
    let Some(payload) = payload else {
        if entry.payload_optional {
            return None;
        }
        let details = vec![detail("", "required", "\"payload\" is missing")];
        let message = format!("{} has no payload", entry.name);
        return Some(Reject::error(code::INVALID_PAYLOAD, message, false, details));
    };
    let validator = match entry.validator(protocol) {
        Ok(validator) => validator,
        Err(cause) => {
            let cause = format!("the schema of {} does not compile: {cause}", entry.name);
            return Some(Reject::internal(crate::reject::Internal::new(cause)));
        }
    };
    let mut details = violations(validator, payload);
    if details.is_empty() {
        return None;
    }
    for detail in &mut details {
        detail.path = shortened(std::mem::take(&mut detail.path));
        detail.message = shortened(std::mem::take(&mut detail.message));
    }
    let message = match details.as_slice() {
        [only] if only.path.is_empty() => {
            format!("the payload of {} is invalid: {}", entry.name, only.message)
        }
        [only] => format!("{} of {} is invalid: {}", only.path, entry.name, only.message),
        many => format!("{} fields of {} are invalid", many.len(), entry.name),
    };
    Some(Reject::error(code::INVALID_PAYLOAD, message, false, details))
}
