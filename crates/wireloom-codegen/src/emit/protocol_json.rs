//! The one description of a protocol that the runtime, its HTTP routes, the mock and the explorer read.

use serde_json::{Map, Value, json};
use wireloom_spec::model::{Answer, From, Message, Model, OnDisconnect, Overflow};

/// The description, as JSON text.
#[must_use]
pub fn protocol_json(model: &Model, source: &str) -> String {
    super::pretty(&description(model, source))
}

fn description(model: &Model, source: &str) -> Value {
    let mut whole = Map::new();
    whole.insert("$comment".to_owned(), super::notice(source).into());
    whole.insert("wireloom".to_owned(), 1.into());
    let mut info = Map::new();
    info.insert("name".to_owned(), model.info.name.as_str().into());
    info.insert("version".to_owned(), model.info.version.to_string().into());
    if let Some(description) = &model.info.description {
        info.insert("description".to_owned(), description.as_str().into());
    }
    whole.insert("info".to_owned(), Value::Object(info));
    whole.insert("subprotocol".to_owned(), model.info.subprotocol().into());
    whole.insert("hash".to_owned(), model.hash.as_str().into());
    whole.insert("connection".to_owned(), connection(model));
    let errors: Map<_, _> = model
        .errors
        .iter()
        .map(|error| {
            (
                error.code.clone(),
                json!({ "description": error.description, "retryable": error.retryable }),
            )
        })
        .collect();
    whole.insert("errors".to_owned(), Value::Object(errors));
    let messages: Map<_, _> = model
        .messages
        .iter()
        .map(|message| (message.name.clone(), self::message(model, message)))
        .collect();
    whole.insert("messages".to_owned(), Value::Object(messages));
    if let Some(states) = &model.states {
        whole.insert(
            "states".to_owned(),
            json!({ "initial": states.initial, "states": states.states }),
        );
    }
    whole.insert("$defs".to_owned(), Value::Object(model.schema_defs()));
    Value::Object(whole)
}

fn connection(model: &Model) -> Value {
    let connection = &model.connection;
    let limits = &connection.limits;
    json!({
        "path": connection.path,
        "heartbeatIntervalMs": connection.heartbeat_interval_ms,
        "heartbeatTimeoutMs": connection.heartbeat_timeout_ms,
        "resumeWindowMs": connection.resume_window_ms,
        "resumeMessages": connection.resume_messages,
        "resumeBytes": connection.resume_bytes,
        "limits": {
            "messageBytes": limits.message_bytes,
            "depth": limits.depth,
            "rate": limits.rate,
            "burst": limits.burst,
            "inFlight": limits.in_flight,
            "outboxBytes": limits.outbox_bytes,
        },
    })
}

fn message(model: &Model, message: &Message) -> Value {
    let mut whole = Map::new();
    let mut put = |name: &str, value: Value| whole.insert(name.to_owned(), value);
    put("from", direction(message.from).into());
    put("engine", message.engine.into());
    if let Some(description) = &message.docs.description {
        put("description", description.as_str().into());
    }
    if message.docs.deprecated {
        put("deprecated", true.into());
    }
    if let Some(since) = &message.since {
        put("since", since.as_str().into());
    }
    put("payload", model.def(message.payload).schema.clone());
    put("payloadOptional", message.payload_optional.into());
    match &message.answer {
        Answer::None => {}
        Answer::Reply(reply) => {
            put("reply", reply.as_str().into());
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
            let on_disconnect = match on_disconnect {
                OnDisconnect::Detach => "detach",
                OnDisconnect::Cancel => "cancel",
            };
            stream.insert("onDisconnect".to_owned(), on_disconnect.into());
            put("stream", Value::Object(stream));
        }
    }
    put("errors", message.errors.clone().into());
    if message.from.server() {
        let mut delivery = Map::new();
        delivery.insert("resumable".to_owned(), message.delivery.resumable.into());
        let (overflow, key) = match &message.delivery.overflow {
            Overflow::Disconnect => ("disconnect", None),
            Overflow::Drop => ("drop", None),
            Overflow::Coalesce(key) => ("coalesce", key.as_deref()),
        };
        delivery.insert("overflow".to_owned(), overflow.into());
        if let Some(key) = key {
            delivery.insert("key".to_owned(), key.into());
        }
        put("delivery", Value::Object(delivery));
    }
    put("auth", message.auth.clone().into());
    put("limits", limits(message));
    if !message.docs.examples.is_empty() {
        put("examples", message.docs.examples.clone().into());
    }
    Value::Object(whole)
}

fn limits(message: &Message) -> Value {
    let limits = &message.limits;
    let entries = [
        ("rate", limits.rate.map(Value::from)),
        ("burst", limits.burst.map(Value::from)),
        ("messageBytes", limits.message_bytes.map(Value::from)),
        ("timeoutMs", limits.timeout_ms.map(Value::from)),
    ];
    entries
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// `client`, `server` or `both`.
pub(super) fn direction(from: From) -> &'static str {
    match from {
        From::Client => "client",
        From::Server => "server",
        From::Both => "both",
    }
}
