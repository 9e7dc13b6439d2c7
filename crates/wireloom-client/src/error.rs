//! Why a call failed, why a connection was lost, and why the client has ended.

use std::convert::Infallible;
use std::fmt;

use serde::Deserialize;
use wireloom::{ClientAction, CloseCode, Detail, code};

/// What the server answered instead of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
#[non_exhaustive]
pub struct ServerError {
    /// The engine's code (see [`wireloom::code`]), one of the protocol's `errors`, or one of a newer server.
    pub code: String,
    /// What went wrong, for people.
    pub message: String,
    /// Whether the same message may succeed later.
    pub retryable: bool,
    /// What is wrong with the payload.
    pub details: Vec<Detail>,
}

/// Only the code is needed: a newer server may add fields, an older one may leave some out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorPayload {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    retryable: bool,
    #[serde(default)]
    details: Vec<DetailPayload>,
}

#[derive(Deserialize)]
struct DetailPayload {
    #[serde(default)]
    path: String,
    #[serde(default)]
    keyword: String,
    #[serde(default)]
    message: String,
}

impl ServerError {
    /// Reads the payload of an `error`. One that makes no sense is still an error.
    pub(crate) fn read(payload: &str) -> Self {
        let read = serde_json::from_str::<ErrorPayload>(payload).unwrap_or(ErrorPayload {
            code: String::new(),
            message: "the server answered with an error that cannot be read".to_owned(),
            retryable: false,
            details: Vec::new(),
        });
        Self {
            code: read.code,
            message: read.message,
            retryable: read.retryable,
            details: read
                .details
                .into_iter()
                .map(|detail| Detail {
                    path: detail.path,
                    keyword: detail.keyword,
                    message: detail.message,
                })
                .collect(),
        }
    }
}

/// Why a call failed. `E` is the error type that is generated for the message, for example `AgentStartError`.
///
/// ```
/// # mod protocol { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated/protocol.rs")); }
/// use protocol::SayError;
/// use wireloom_client::CallError;
///
/// fn explain(error: &CallError<SayError>) -> String {
///     match error {
///         CallError::Declared { error: SayError::Refused(_), .. } => "it will not say that".to_owned(),
///         error if error.is_retryable() => "try again".to_owned(),
///         other => other.to_string(),
///     }
/// }
/// assert_eq!(explain(&CallError::TimedOut), "try again");
/// assert_eq!(explain(&CallError::Cancelled), "the request was cancelled");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError<E = Infallible> {
    /// An error that the protocol declares for the message. It keeps the server's text.
    Declared {
        /// The error.
        error: E,
        /// Whether the same message may succeed later.
        retryable: bool,
    },
    /// Any other error of the server: one of the engine's, or of a newer server.
    Server(ServerError),
    /// The connection was lost while the request was under way, and the session could not be taken up again: the server
    /// may have done what was asked, or not.
    Interrupted(Discontinuity),
    /// No answer came in time.
    TimedOut,
    /// It was cancelled.
    Cancelled,
    /// The client has ended; see [`Ended`].
    Disconnected(Ended),
    /// More waits to be sent, or to be answered, than [`Settings`](crate::Settings) allows.
    QueueFull,
    /// The message is larger than the server takes.
    TooLarge {
        /// Size of the message, in bytes.
        bytes: usize,
        /// What the server takes.
        limit: usize,
    },
    /// The items of a stream came faster than they were taken; the stream was cancelled.
    Overrun,
    /// The server answered with something that is not what its type says.
    Undecodable {
        /// Type of the message.
        kind: String,
        /// What is wrong with it.
        why: String,
    },
    /// A token that was to be shown cannot stand in a header.
    Token,
}

/// The error of a call that is made by name: no error type is generated for it.
pub type RawError = CallError<Infallible>;

impl<E> CallError<E> {
    /// Whether the same message may succeed later. After [`CallError::Interrupted`] and [`CallError::TimedOut`] the
    /// server may have done it the first time.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Declared { retryable, .. } => *retryable,
            Self::Server(error) => error.retryable,
            Self::Interrupted(_) | Self::TimedOut | Self::QueueFull | Self::Overrun => true,
            Self::Cancelled
            | Self::Disconnected(_)
            | Self::TooLarge { .. }
            | Self::Undecodable { .. }
            | Self::Token => false,
        }
    }
}

impl RawError {
    /// The server's `error`, as a call that knows no declared errors sees it.
    pub(crate) fn of_server(error: ServerError) -> Self {
        match error.code.as_str() {
            code::CANCELLED => Self::Cancelled,
            _ => Self::Server(error),
        }
    }

    /// The same, of a call that does know some.
    pub(crate) fn widen<E>(self, declared: impl FnOnce(&str, String) -> Option<E>) -> CallError<E> {
        match self {
            Self::Declared { error, .. } => match error {},
            Self::Server(error) => match declared(&error.code, error.message.clone()) {
                Some(declared) => CallError::Declared {
                    error: declared,
                    retryable: error.retryable,
                },
                None => CallError::Server(error),
            },
            Self::Interrupted(reason) => CallError::Interrupted(reason),
            Self::TimedOut => CallError::TimedOut,
            Self::Cancelled => CallError::Cancelled,
            Self::Disconnected(ended) => CallError::Disconnected(ended),
            Self::QueueFull => CallError::QueueFull,
            Self::TooLarge { bytes, limit } => CallError::TooLarge { bytes, limit },
            Self::Overrun => CallError::Overrun,
            Self::Undecodable { kind, why } => CallError::Undecodable { kind, why },
            Self::Token => CallError::Token,
        }
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declared { error, .. } => error.fmt(f),
            Self::Server(error) => error.fmt(f),
            Self::Interrupted(reason) => write!(f, "the request was interrupted: {reason}"),
            Self::TimedOut => f.write_str("no answer came in time"),
            Self::Cancelled => f.write_str("the request was cancelled"),
            Self::Disconnected(ended) => write!(f, "not connected: {ended}"),
            Self::QueueFull => f.write_str("too many messages wait"),
            Self::TooLarge { bytes, limit } => {
                write!(f, "a message of {bytes} bytes, and the server takes {limit}")
            }
            Self::Overrun => f.write_str("items came faster than they were taken"),
            Self::Undecodable { kind, why } => write!(f, "{kind} cannot be read: {why}"),
            Self::Token => f.write_str("the token cannot stand in a header"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for CallError<E> {}

/// Why a message that nothing answers was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// More waits to be sent than [`Settings`](crate::Settings) allows.
    #[error("too many messages wait")]
    QueueFull,
    /// The message is larger than the server takes.
    #[error("a message of {bytes} bytes, and the server takes {limit}")]
    TooLarge {
        /// Size of the message, in bytes.
        bytes: usize,
        /// What the server takes.
        limit: usize,
    },
    /// The client has ended.
    #[error("not connected: {0}")]
    Disconnected(Ended),
}

impl<E> From<SendError> for CallError<E> {
    fn from(error: SendError) -> Self {
        match error {
            SendError::QueueFull => Self::QueueFull,
            SendError::TooLarge { bytes, limit } => Self::TooLarge { bytes, limit },
            SendError::Disconnected(ended) => Self::Disconnected(ended),
        }
    }
}

/// Why a session could not be taken up again. What the server sent in between is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discontinuity {
    /// The session had ended on the server.
    Expired,
    /// The server no longer had everything that was missed.
    Gap,
    /// The server does not know the session; it may have restarted.
    Unknown,
    /// The server does not take sessions up again.
    Unsupported,
    /// A reason of a newer server.
    Other(String),
}

impl Discontinuity {
    /// By its name on the wire.
    pub(crate) fn of(reason: Option<&str>) -> Self {
        match reason {
            Some("expired") => Self::Expired,
            Some("gap") => Self::Gap,
            Some("unknown") | None => Self::Unknown,
            Some("unsupported") => Self::Unsupported,
            Some(other) => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Discontinuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the session has expired",
            Self::Gap => "the server no longer has what was missed",
            Self::Unknown => "the server does not know the session",
            Self::Unsupported => "the server keeps no sessions",
            Self::Other(reason) => return write!(f, "the session is gone: {reason}"),
        })
    }
}

/// Why there is no connection any more, or why there was none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The server closed it.
    #[error("the server closed the connection: {code} {reason}")]
    Closed {
        /// The close code; see [`CloseCode`]. 1005 stands for none.
        code: u16,
        /// What the server says about it.
        reason: String,
    },
    /// It broke without a goodbye.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// Nothing was heard of the server for longer than its heartbeat allows.
    #[error("the server fell silent")]
    Silent,
    /// A message is missing between two that came.
    #[error("message {expected} is missing: {got} came instead")]
    Gap {
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// The server sent a message that is larger than [`Settings::message_bytes`](crate::Settings::message_bytes).
    #[error("the server sent a message that is too large")]
    TooLarge,
    /// It could not be opened: no such host, nobody listens, TLS failed, or the other end speaks no WebSocket.
    #[error("{0}")]
    Unreachable(String),
    /// The server answered the handshake with an HTTP status.
    #[error("the server answered HTTP {0} instead of opening a WebSocket")]
    Http(u16),
    /// It was not ready in time.
    #[error("it took too long")]
    TimedOut,
    /// There were no credentials to connect with.
    #[error("no credentials: {0}")]
    Token(String),
}

impl Lost {
    /// What the client does about it. A close code that is not known means backing off.
    #[must_use]
    pub fn action(&self) -> ClientAction {
        match self {
            Self::Closed { code, .. } => CloseCode::ALL
                .into_iter()
                .find(|known| known.code() == *code)
                .map_or(ClientAction::BackOff, CloseCode::action),
            Self::Http(401) => ClientAction::LogIn,
            Self::Silent | Self::Gap { .. } => ClientAction::Resume,
            Self::TooLarge => ClientAction::Fix,
            Self::Broken(_) | Self::Unreachable(_) | Self::Http(_) | Self::TimedOut | Self::Token(_) => {
                ClientAction::BackOff
            }
        }
    }
}

/// Why the client has ended for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// The program closed it, or dropped it.
    #[error("the client was closed")]
    Closed,
    /// Connecting again would change nothing.
    #[error("{lost}")]
    Final {
        /// What happened.
        lost: Lost,
        /// What to do about it: stop, mend the program, update it, or log in.
        action: ClientAction,
    },
    /// As many attempts as [`Reconnect`](crate::Reconnect) allows have failed.
    #[error("{lost}")]
    GaveUp {
        /// What happened last.
        lost: Lost,
        /// How many attempts in a row have failed.
        attempts: u32,
    },
}

/// Why a client was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is no `ws://` or `wss://` URL.
    #[error("{url} is no endpoint: {why}")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The text is no description of a protocol, as generated code has it.
    #[error("not a protocol: {0}")]
    Protocol(String),
    /// The subprotocol cannot stand in a header.
    #[error("the subprotocol cannot stand in a header")]
    Subprotocol,
    /// The token cannot stand in a header.
    #[error("the token cannot stand in a header")]
    Token,
    /// There is no tokio runtime here.
    #[error("a client needs a tokio runtime")]
    NoRuntime,
    /// The first connection failed.
    #[error("cannot connect to {url}: {ended}")]
    Failed {
        /// The address.
        url: String,
        /// Why.
        ended: Ended,
    },
}
