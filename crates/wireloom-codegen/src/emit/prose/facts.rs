//! What is said of a message beyond its payload, of the connection, and of how it is closed.

use wireloom_spec::model::{Answer, Message, Model, OnDisconnect, Overflow};

use super::{Prose, size, time};

/// Something with a name.
pub(in crate::emit) struct Fact {
    pub(in crate::emit) name: &'static str,
    pub(in crate::emit) value: Prose,
}

fn fact(name: &'static str, value: Prose) -> Fact {
    Fact { name, value }
}

/// How a server of the protocol behaves.
pub(in crate::emit) fn connection(model: &Model) -> Vec<Fact> {
    let connection = &model.connection;
    let limits = &connection.limits;
    let rate = match limits.rate {
        Some(rate) => format!("{rate} messages a second, {} at once", limits.burst),
        None => "no limit".to_owned(),
    };
    let heartbeat = format!(
        "a ping every {}; silence of {} more ends the connection",
        time(connection.heartbeat_interval_ms),
        time(connection.heartbeat_timeout_ms)
    );
    let resume = format!(
        "for {}, up to {} messages or {}",
        time(connection.resume_window_ms),
        connection.resume_messages,
        size(connection.resume_bytes)
    );
    vec![
        fact("Path", Prose::default().code(&connection.path)),
        fact("Heartbeat", Prose::of(heartbeat)),
        fact("Resume", Prose::of(resume)),
        fact("Largest message", Prose::of(size(limits.message_bytes))),
        fact("Deepest nesting", Prose::of(limits.depth.to_string())),
        fact("Rate", Prose::of(rate)),
        fact("Requests in flight", Prose::of(limits.in_flight.to_string())),
        fact("Waiting to be read", Prose::of(size(limits.outbox_bytes))),
    ]
}

/// What answers a message, who may send it and when, how it is delivered.
pub(in crate::emit) fn facts(model: &Model, message: &Message) -> Vec<Fact> {
    let mut facts = answer(message);
    facts.extend(accepted(model, message));
    if !message.errors.is_empty() {
        facts.push(fact("Errors", Prose::codes(&message.errors)));
    }
    if !message.auth.is_empty() {
        facts.push(fact("Scopes needed", Prose::codes(&message.auth)));
    }
    let limits = &message.limits;
    let texts = [
        ("Rate", limits.rate.map(|rate| format!("{rate} a second"))),
        ("At once", limits.burst.map(|burst| burst.to_string())),
        ("Largest message", limits.message_bytes.map(size)),
        ("Longest handling", limits.timeout_ms.map(time)),
    ];
    facts.extend(
        texts
            .into_iter()
            .filter_map(|(name, text)| Some(fact(name, Prose::of(text?)))),
    );
    if message.from.server() && !message.engine {
        facts.push(fact("Delivery", delivery(message)));
    }
    if let Some(since) = &message.since {
        facts.push(fact("Since", Prose::of(since)));
    }
    facts
}

fn answer(message: &Message) -> Vec<Fact> {
    match &message.answer {
        Answer::None if message.engine || !message.from.client() => Vec::new(),
        Answer::None => vec![fact("Answered by", Prose::of("nothing, unless it is refused"))],
        Answer::Reply(reply) => vec![fact("Answered by", Prose::default().message(reply))],
        Answer::Stream {
            item,
            end,
            error,
            on_disconnect,
        } => {
            let mut stream = Prose::of("any number of ")
                .message(item)
                .words(", then ")
                .message(end);
            if let Some(error) = error {
                stream = stream.words(", or ").message(error).words(" if it fails");
            }
            let lost = match on_disconnect {
                OnDisconnect::Detach => "the stream goes on as long as the session lives",
                OnDisconnect::Cancel => "the stream is cancelled",
            };
            vec![
                fact("Answered by a stream", stream),
                fact("When the connection is lost", Prose::of(lost)),
            ]
        }
    }
}

/// In which states a message is accepted, if states say anything of it.
fn accepted(model: &Model, message: &Message) -> Option<Fact> {
    let states = model.states.as_ref()?;
    let accepting = states.states.iter().filter_map(|(state, on)| {
        let to = on.get(&message.name)?;
        let here = Prose::default().code(state);
        Some(if to == state {
            here
        } else {
            here.words(", which becomes ").code(to)
        })
    });
    let accepting: Vec<Prose> = accepting.collect();
    (!accepting.is_empty()).then(|| fact("Accepted in state", Prose::joined(accepting, "; ")))
}

fn delivery(message: &Message) -> Prose {
    let resumable = if message.delivery.resumable {
        "sent again after a resume; "
    } else {
        "not sent again after a resume; "
    };
    let prose = Prose::of(resumable);
    match &message.delivery.overflow {
        Overflow::Disconnect => prose.words("a client that reads too slowly is disconnected"),
        Overflow::Drop => prose.words("dropped for a client that reads too slowly"),
        Overflow::Coalesce(None) => {
            prose.words("for a client that reads too slowly, only the latest is kept")
        }
        Overflow::Coalesce(Some(key)) => prose
            .words("for a client that reads too slowly, only the latest for each value of ")
            .code(key)
            .words(" is kept"),
    }
}

/// What the connection is closed with, and what a client should do then.
pub(in crate::emit) const CLOSE_CODES: [(&str, &str, &str); 14] = [
    ("1000", "the conversation is over", "nothing"),
    (
        "1001",
        "the server shuts down, after `connection:closing`",
        "reconnect after the hint, with jitter",
    ),
    (
        "1002, 1003, 1007",
        "WebSocket protocol error, binary frame, invalid UTF-8",
        "mend the program",
    ),
    ("1009", "a message larger than the limit", "mend the program"),
    (
        "1011, 1012, 1013",
        "the server failed, restarts, is overloaded",
        "reconnect with back-off",
    ),
    (
        "4400",
        "repeated violations of the message protocol",
        "mend the program",
    ),
    ("4401", "no valid credentials, or they expired", "log in again"),
    ("4403", "the origin or the resource is not allowed", "stop"),
    ("4406", "no version of the protocol that both speak", "update"),
    (
        "4408",
        "silence past the deadline of the heartbeat or the handshake",
        "reconnect and resume",
    ),
    ("4409", "a newer connection took the session over", "stop"),
    (
        "4429",
        "the message rate was exceeded for too long",
        "reconnect with back-off",
    ),
    (
        "4503",
        "the client reads slower than messages come",
        "reconnect and resume",
    ),
    (
        "others",
        "something between client and server closed it",
        "reconnect with back-off",
    ),
];
