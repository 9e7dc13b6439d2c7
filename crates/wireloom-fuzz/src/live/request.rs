//! One thing that a client has sent, and what must come of it.

use std::collections::BTreeSet;

use wireloom_spec::Model;
use wireloom_spec::model::Answer;

use crate::conversation::Label;

/// What was sent, and what has come of it.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The step that sent it.
    pub(super) step: usize,
    /// Its type; empty for a text that is no message.
    pub(super) message: String,
    pub(super) id: Option<String>,
    /// An id that may be read out of a text that is no message.
    pub(super) also: Option<String>,
    /// The text of its frame.
    pub(super) text: String,
    pub(super) expects: Expects,
    /// How it ended.
    pub(super) ended: Option<Ended>,
    /// Items of its stream so far.
    pub(super) items: u64,
    /// Whether it may be answered with `cancelled`.
    pub(super) cancelled: bool,
    /// Whether the client has cancelled it on its connection.
    pub(super) cancel_sent: bool,
    /// Whether the server has taken the cancel: nothing but `cancelled` may come any more.
    pub(super) cancel_taken: bool,
    /// Whether an answer may come and need not: the connection was lost meanwhile.
    pub(super) optional: bool,
    /// Whether it is longer or deeper than the server takes.
    pub(super) oversize: bool,
    /// Whether the session's state has a say in it.
    pub(super) stateful: bool,
    /// The states that the session might have been in when it was sent.
    pub(super) states: BTreeSet<String>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By its reply or the end of its stream.
    Well,
    /// By an error.
    Badly,
    /// By the error that says so.
    Cancelled,
    /// Nothing answers it, or nothing came; an error may still.
    Silently,
    /// It is part of a finding: what else comes for it means nothing.
    Tainted,
}

/// What must come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expects {
    /// One message of this type, or an error.
    Reply(String),
    /// Items, then an end or an error.
    Stream {
        item: String,
        end: String,
        error: Option<String>,
    },
    /// At most an error.
    Nothing,
    /// An error that refuses it.
    Refusal(Refusal),
}

/// Why something must be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its payload violates this keyword at this place.
    Payload {
        keyword: String,
        path: String,
    },
    UnknownType,
    WrongDirection,
    /// It is no message, whatever else it is.
    Hostile,
}

impl Refusal {
    /// The codes that say so.
    pub(super) fn codes(&self) -> &'static [&'static str] {
        match self {
            Self::Payload { .. } => &["invalid_payload"],
            Self::UnknownType => &["unknown_type"],
            Self::WrongDirection => &["wrong_direction"],
            Self::Hostile => &[
                "invalid_json",
                "invalid_envelope",
                "unknown_type",
                "wrong_direction",
                "invalid_payload",
                "too_large",
            ],
        }
    }

    /// What a finding about it is about.
    pub(super) fn keyword(&self) -> Option<&str> {
        match self {
            Self::Payload { keyword, .. } => Some(keyword),
            Self::UnknownType => Some("unknown_type"),
            Self::WrongDirection => Some("wrong_direction"),
            Self::Hostile => Some("text"),
        }
    }

    /// What was sent, for people.
    pub(super) fn what(&self, name: &str) -> String {
        match self {
            Self::Payload { keyword, path } => {
                let place = if path.is_empty() { "/" } else { path };
                format!("a {name} whose payload violates {keyword} at {place}")
            }
            Self::UnknownType => "a message of an unknown type".to_owned(),
            Self::WrongDirection => format!("{name}, which only the server sends,"),
            Self::Hostile => "a text that is no valid message".to_owned(),
        }
    }
}

impl Expects {
    /// What the protocol says of a message.
    pub(super) fn of(label: &Label, name: &str, model: &Model) -> Self {
        match label {
            Label::NearMiss { keyword, path } => Self::Refusal(Refusal::Payload {
                keyword: keyword.clone(),
                path: path.clone(),
            }),
            Label::UnknownType => Self::Refusal(Refusal::UnknownType),
            Label::WrongDirection => Self::Refusal(Refusal::WrongDirection),
            Label::Valid => match model.message(name).map(|message| &message.answer) {
                Some(Answer::Reply(reply)) => Self::Reply(reply.clone()),
                Some(Answer::Stream { item, end, error, .. }) => Self::Stream {
                    item: item.clone(),
                    end: end.clone(),
                    error: error.clone(),
                },
                Some(Answer::None) | None => Self::Nothing,
            },
        }
    }

    /// Whether a message of this type is the last one.
    pub(super) fn ends_with(&self, kind: &str) -> bool {
        match self {
            Self::Reply(reply) => reply == kind,
            Self::Stream { end, error, .. } => end == kind || error.as_deref() == Some(kind),
            Self::Nothing | Self::Refusal(_) => false,
        }
    }

    /// What must come, for people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Reply(reply) => format!("{reply} or an error"),
            Self::Stream { item, end, .. } => format!("{item}, {end} or an error"),
            Self::Nothing => "nothing, or an error,".to_owned(),
            Self::Refusal(_) => "an error".to_owned(),
        }
    }
}

impl Request {
    pub(super) fn new(
        step: usize,
        message: &str,
        id: Option<String>,
        text: String,
        expects: Expects,
    ) -> Self {
        Self {
            step,
            message: message.to_owned(),
            id,
            also: None,
            text,
            expects,
            ended: None,
            items: 0,
            cancelled: false,
            cancel_sent: false,
            cancel_taken: false,
            optional: false,
            oversize: false,
            stateful: false,
            states: BTreeSet::new(),
        }
    }

    pub(super) fn end(&mut self, ended: Ended) {
        self.ended = Some(ended);
    }
}
