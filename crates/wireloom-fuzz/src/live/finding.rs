//! What a server did that the protocol does not allow.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of misbehaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Nobody listens at the address any more.
    Crashed,
    /// The connection was lost, or closed with a code that nothing explains.
    ConnectionLost,
    /// A request was not answered in time, and could be cancelled.
    Stalled,
    /// A ping of the WebSocket or of the protocol was not answered.
    NoPong,
    /// A new connection was not greeted, or by something else.
    NoGreeting,
    /// A request was never answered.
    MissingReply,
    /// A stream never ended.
    MissingEnd,
    /// Something invalid was taken as if it were valid.
    AcceptedInvalid,
    /// Something valid was refused.
    RefusedValid,
    /// A message was taken in a state that does not accept it.
    AcceptedInState,
    /// A message was refused in a state that accepts it.
    RefusedInState,
    /// Something invalid was refused with a code of another meaning.
    WrongCode,
    /// An invalid payload was refused, but for another keyword or at another place.
    WrongDetail,
    /// A request was answered more than once.
    DoubleReply,
    /// An item came behind the end of its stream.
    ItemAfterEnd,
    /// A request that was cancelled went on.
    CancelIgnored,
    /// A message has a correlation id that nobody gave.
    WrongCorrelationId,
    /// A message answers another client's request.
    Leak,
    /// A request was answered by a message of another type.
    WrongReply,
    /// A request was answered by an error that it does not declare.
    UndeclaredError,
    /// The server says that it failed.
    InternalError,
    /// An error of the engine that nothing explains.
    UnexpectedError,
    /// A message answers nothing.
    Unasked,
    /// A message does not fit its schema.
    InvalidMessage,
    /// A message of a type that the protocol does not have.
    UnknownType,
    /// A message of a type that only clients send.
    WrongDirection,
    /// A message whose envelope is none.
    BadEnvelope,
    /// A message that is no JSON, or in which a name stands twice.
    BadJson,
    /// A number is missing in a session's sequence.
    SequenceGap,
    /// A number came again, or runs back.
    SequenceRepeated,
    /// A message has no number, and should.
    Unnumbered,
    /// A replay has another message in a place than was sent first.
    ReplayDiffers,
    /// Less was replayed than was said.
    ReplayShort,
    /// A session was not taken up again, without a reason that holds.
    ResumeRefused,
    /// A session that was over was taken up again.
    ResumedEnded,
    /// The connection that a session was taken over from stays open.
    TakeoverIgnored,
}

impl Kind {
    /// Whether it is likely to follow from something else that is wrong.
    pub(super) fn follows(self) -> bool {
        matches!(self, Self::MissingReply | Self::MissingEnd | Self::Stalled)
    }

    /// Its name, as reports have it.
    #[must_use]
    pub fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// What is the same in findings that have, in all likelihood, one cause.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The kind.
    pub kind: Kind,
    /// Type of the message that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Keyword, error code or close code that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyword: Option<String>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        for part in [&self.message, &self.keyword].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

/// One misbehaviour, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it is.
    #[serde(flatten)]
    pub key: Key,
    /// What was seen and what should have been: for people, a fragment without a full stop.
    pub text: String,
    /// The client that saw it.
    pub client: usize,
    /// The step that it is about, or the last one before it was seen.
    pub step: usize,
    /// The text of the frame that the client sent, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// The text of the frame that the server sent, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
}
