//! What AsyncAPI has no place for, in the words of the spec language: `x-wireloom` of a document and of a message. With it, a
//! document says all that the protocol says, and `wireloom import` reads it back.

use serde_json::{Map, Value, json};
use wireloom_spec::model::{Answer, Delivery, Message, MessageLimits, Model, OnDisconnect, Overflow};

use super::protocol_json::direction;

/// The name of the extension.
pub(super) const NAME: &str = "x-wireloom";

/// What is said of the whole protocol.
pub(super) fn of_protocol(model: &Model) -> Value {
    let connection = &model.connection;
    let limits = &connection.limits;
    let mut whole = Map::new();
    whole.insert("version".to_owned(), 1.into());
    let connection = json!({
        "heartbeat": {
            "interval": time(connection.heartbeat_interval_ms),
            "timeout": time(connection.heartbeat_timeout_ms),
        },
        "resume": {
            "window": time(connection.resume_window_ms),
            "messages": connection.resume_messages,
            "bytes": connection.resume_bytes,
        },
        "limits": {
            "messageBytes": limits.message_bytes,
            "depth": limits.depth,
            "rate": limits.rate.map_or_else(|| "none".to_owned(), rate),
            "burst": limits.burst,
            "inFlight": limits.in_flight,
            "outboxBytes": limits.outbox_bytes,
        },
    });
    whole.insert("connection".to_owned(), connection);
    if !model.errors.is_empty() {
        let errors = model.errors.iter().map(|error| {
            let mut body = Map::new();
            body.insert("description".to_owned(), error.description.as_str().into());
            if error.retryable {
                body.insert("retryable".to_owned(), true.into());
            }
            (error.code.clone(), body.into())
        });
        whole.insert("errors".to_owned(), errors.collect::<Map<_, _>>().into());
    }
    if let Some(states) = &model.states {
        let mut body = Map::new();
        body.insert("initial".to_owned(), states.initial.as_str().into());
        for (name, on) in &states.states {
            body.insert(name.clone(), json!({ "on": on }));
        }
        whole.insert("states".to_owned(), body.into());
    }
    whole.into()
}

/// What is said of a message.
pub(super) fn of_message(message: &Message) -> Value {
    let mut whole = Map::new();
    whole.insert("from".to_owned(), direction(message.from).into());
    if message.engine {
        whole.insert("engine".to_owned(), true.into());
        return whole.into();
    }
    if message.payload_optional {
        whole.insert("payload".to_owned(), "none".into());
    }
    match &message.answer {
        Answer::None => {}
        Answer::Reply(reply) => {
            whole.insert("reply".to_owned(), reply.as_str().into());
        }
        Answer::Stream {
            item,
            end,
            error,
            on_disconnect,
        } => {
            let mut stream = Map::new();
            stream.insert("item".to_owned(), item.as_str().into());
            stream.insert("end".to_owned(), end.as_str().into());
            if let Some(error) = error {
                stream.insert("error".to_owned(), error.as_str().into());
            }
            if *on_disconnect == OnDisconnect::Cancel {
                stream.insert("onDisconnect".to_owned(), "cancel".into());
            }
            whole.insert("stream".to_owned(), stream.into());
        }
    }
    if !message.errors.is_empty() {
        whole.insert("errors".to_owned(), json!(message.errors));
    }
    if !message.auth.is_empty() {
        whole.insert("auth".to_owned(), json!(message.auth));
    }
    let limits = limits(&message.limits);
    if !limits.is_empty() {
        whole.insert("limits".to_owned(), limits.into());
    }
    let delivery = delivery(&message.delivery, message.from.server());
    if !delivery.is_empty() {
        whole.insert("delivery".to_owned(), delivery.into());
    }
    if message.docs.deprecated {
        whole.insert("deprecated".to_owned(), true.into());
    }
    if let Some(since) = &message.since {
        whole.insert("since".to_owned(), since.as_str().into());
    }
    whole.into()
}

fn limits(limits: &MessageLimits) -> Map<String, Value> {
    let entries = [
        ("rate", limits.rate.map(|of| rate(of).into())),
        ("burst", limits.burst.map(Value::from)),
        ("messageBytes", limits.message_bytes.map(Value::from)),
        ("timeout", limits.timeout_ms.map(|ms| time(ms).into())),
    ];
    entries
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// What differs from the delivery of any message of the server.
fn delivery(delivery: &Delivery, of_server: bool) -> Map<String, Value> {
    let mut whole = Map::new();
    if of_server && !delivery.resumable {
        whole.insert("resumable".to_owned(), false.into());
    }
    match &delivery.overflow {
        Overflow::Disconnect => {}
        Overflow::Drop => {
            whole.insert("overflow".to_owned(), "drop".into());
        }
        Overflow::Coalesce(key) => {
            whole.insert("overflow".to_owned(), "coalesce".into());
            if let Some(key) = key {
                whole.insert("key".to_owned(), key.as_str().into());
            }
        }
    }
    whole
}

/// A duration as the spec language has it.
fn time(ms: u64) -> String {
    match ms {
        _ if ms > 0 && ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms > 0 && ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms > 0 && ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

/// A rate as the spec language has it: the unit in which it is a whole number, exactly.
fn rate(per_second: f64) -> String {
    let units = [(1.0, "s"), (60.0, "m"), (3_600.0, "h")];
    let exact = units.into_iter().find_map(|(seconds, unit)| {
        let count = (per_second * seconds).round();
        (count / seconds == per_second).then(|| format!("{count}/{unit}"))
    });
    exact.unwrap_or_else(|| format!("{}/h", (per_second * 3_600.0).round().max(1.0)))
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn rates_keep_their_value() {
        for count in (1..=2_000_u32).chain([999_999, 1_000_000]) {
            for (unit, seconds) in [("s", 1.0), ("m", 60.0), ("h", 3_600.0)] {
                let value = f64::from(count) / seconds;
                let text = rate(value);
                let (number, unit_of) = text.split_once('/').expect("a unit");
                let of = [("s", 1.0), ("m", 60.0), ("h", 3_600.0)];
                let seconds_of = of
                    .iter()
                    .find(|(name, _)| *name == unit_of)
                    .expect("a known unit")
                    .1;
                let read = number.parse::<f64>().expect("a number") / seconds_of;
                assert_eq!(read, value, "{count}/{unit} became {text}");
            }
        }
    }
}
