//! Decides which messages answer a request, and which of them is the last. Knows no sockets.

use wireloom::Protocol;
use wireloom_client::RawMessage;

use crate::exit::Exit;

/// What answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expect {
    /// One message of this type, or an error.
    Reply(String),
    /// Items, then an end.
    Stream {
        /// Type of the message that ends it well.
        end: String,
        /// Type of the message that ends it badly.
        error: Option<String>,
    },
    /// At most an error.
    Nothing,
    /// Whatever comes first.
    First,
    /// Not known.
    Unknown,
}

/// What a message is to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It answers something else, or nothing.
    Other,
    /// It answers, and is not the last.
    Item,
    /// It is the last; the exit says whether it is good.
    Last(Exit),
    /// The server has taken everything that was sent before the ping that this answers.
    Taken,
}

impl Expect {
    /// What a protocol says of a message. For a type that it does not know, the server has an error.
    pub(super) fn of(protocol: &Protocol, message: &str) -> Self {
        let Some(description) = protocol.messages.get(message).filter(|known| known.from.client()) else {
            return Self::First;
        };
        match (&description.reply, &description.stream) {
            (Some(reply), _) => Self::Reply(reply.clone()),
            (None, Some(stream)) => Self::Stream {
                end: stream.end.clone(),
                error: stream.error.clone(),
            },
            (None, None) => Self::Nothing,
        }
    }

    /// What is waited for, for people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Reply(reply) => format!("waiting for {reply}"),
            Self::Stream { end, .. } => format!("waiting for {end}"),
            Self::Nothing | Self::First | Self::Unknown => "waiting for an answer".to_owned(),
        }
    }

    /// What a message is to the request `id`, which was followed by a ping `ping` if nothing answers it.
    pub(super) fn judge(&self, message: &RawMessage, id: Option<&str>, ping: Option<&str>) -> Part {
        let kind = message.kind();
        match message.correlation_id() {
            answered @ Some(_) if answered == id => {}
            answered @ Some(_) if answered == ping => return Part::Taken,
            // A frame that could not be read has no id to answer to, and no other request was sent.
            None if kind == ERROR => return Part::Last(Exit::Bad),
            // What answers a text without an id has none either.
            None if id.is_none() && !kind.starts_with("connection:") => {}
            _ => return Part::Other,
        }
        match self {
            _ if kind == ERROR => Part::Last(Exit::Bad),
            Self::Reply(reply) if kind == reply => Part::Last(Exit::Well),
            Self::Stream { end, .. } if kind == end => Part::Last(Exit::Well),
            Self::Stream { error, .. } if Some(kind) == error.as_deref() => Part::Last(Exit::Bad),
            Self::First => Part::Last(Exit::Well),
            Self::Reply(_) | Self::Stream { .. } | Self::Nothing | Self::Unknown => Part::Item,
        }
    }
}

const ERROR: &str = "error";

#[cfg(test)]
mod tests {
    use super::{Expect, Part};
    use crate::exit::Exit;
    use wireloom_client::RawMessage;

    fn message(kind: &str, id: Option<&str>) -> RawMessage {
        let mut message = serde_json::json!({ "type": kind, "payload": {}, "timestamp": 1 });
        if let Some(id) = id {
            message["correlationId"] = id.into();
        }
        RawMessage::parse(&message.to_string()).expect("a message")
    }

    #[test]
    fn a_stream_ends_with_its_end_its_error_or_an_error() {
        let stream = Expect::Stream {
            end: "count:done".to_owned(),
            error: Some("count:failed".to_owned()),
        };
        let judge = |kind, id| stream.judge(&message(kind, id), Some("a"), None);
        assert_eq!(judge("count:tick", Some("a")), Part::Item);
        assert_eq!(judge("count:done", Some("b")), Part::Other);
        assert_eq!(judge("count:done", Some("a")), Part::Last(Exit::Well));
        assert_eq!(judge("count:failed", Some("a")), Part::Last(Exit::Bad));
        assert_eq!(judge("error", Some("a")), Part::Last(Exit::Bad));
        assert_eq!(judge("error", Some("b")), Part::Other);
        assert_eq!(judge("count:tick", None), Part::Other);
    }

    #[test]
    fn an_error_without_an_id_is_ours() {
        assert_eq!(
            Expect::Unknown.judge(&message("error", None), Some("a"), None),
            Part::Last(Exit::Bad)
        );
    }

    #[test]
    fn what_nothing_answers_is_over_with_the_ping_behind_it() {
        let judge = |kind, id| Expect::Nothing.judge(&message(kind, Some(id)), Some("a"), Some("b"));
        assert_eq!(judge("pong", "b"), Part::Taken);
        assert_eq!(judge("error", "a"), Part::Last(Exit::Bad));
    }

    #[test]
    fn what_answers_a_text_without_an_id_has_none() {
        let judge = |kind, id| Expect::First.judge(&message(kind, id), None, None);
        assert_eq!(judge("connection:established", None), Part::Other);
        assert_eq!(judge("said", Some("a")), Part::Other);
        assert_eq!(judge("said", None), Part::Last(Exit::Well));
    }
}
