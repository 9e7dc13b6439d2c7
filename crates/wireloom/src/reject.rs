//! Why a message was not answered as asked: one type, from the engine's checks to a handler's declared errors.
//!
//! Two audiences, two texts: the peer reads `message` and `details`, the log reads [`Internal`].

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::json::Writer;
use crate::message::ServerMessage;

/// Codes of the engine's own errors.
pub mod code {
    /// The text is no JSON, or JSON that is not safe to read.
    pub const INVALID_JSON: &str = "invalid_json";
    /// JSON, but not the envelope of a message.
    pub const INVALID_ENVELOPE: &str = "invalid_envelope";
    /// The protocol has no message of this type.
    pub const UNKNOWN_TYPE: &str = "unknown_type";
    /// Only the server sends this type.
    pub const WRONG_DIRECTION: &str = "wrong_direction";
    /// The payload does not satisfy the type's schema.
    pub const INVALID_PAYLOAD: &str = "invalid_payload";
    /// The session's state does not accept this type.
    pub const INVALID_STATE: &str = "invalid_state";
    /// The message is larger, or nests deeper, than its limit.
    pub const TOO_LARGE: &str = "too_large";
    /// More messages a second than allowed.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// More requests in flight than allowed.
    pub const TOO_MANY_REQUESTS: &str = "too_many_requests";
    /// No valid credentials.
    pub const UNAUTHORIZED: &str = "unauthorized";
    /// The identity lacks a scope.
    pub const FORBIDDEN: &str = "forbidden";
    /// The handler took too long.
    pub const TIMEOUT: &str = "timeout";
    /// The client cancelled the request.
    pub const CANCELLED: &str = "cancelled";
    /// The correlation id is in use.
    pub const DUPLICATE: &str = "duplicate";
    /// The server has more to do than it can.
    pub const OVERLOADED: &str = "overloaded";
    /// The server failed; its log says how.
    pub const INTERNAL: &str = "internal";
}

/// One violation in a payload or an envelope. Never holds a value of the client.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Detail {
    /// Where: a JSON Pointer into the payload (or the envelope).
    pub path: String,
    /// The schema keyword that was violated.
    pub keyword: String,
    /// What is wrong, for people.
    pub message: String,
}

/// A failure that the protocol does not declare. The peer reads `internal`, the log reads the cause.
#[derive(Debug)]
pub struct Internal {
    cause: Box<dyn Error + Send + Sync>,
}

impl Internal {
    /// Wraps a cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into() }
    }

    /// The cause, and what caused it, in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.cause.to_string();
        let mut source = self.cause.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        in_one_line(text)
    }
}

/// A cause may hold what a peer wrote, which must not begin a line of the log or steer a terminal.
fn in_one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut line = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// What a handler says about a declared error; the declared description unless it says something else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason(Option<Cow<'static, str>>);

impl Reason {
    /// The text, or the declared description.
    #[must_use]
    pub fn or(self, description: &'static str) -> Cow<'static, str> {
        self.0.unwrap_or(Cow::Borrowed(description))
    }

    /// The text, if it is another than the declared description.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl From<&'static str> for Reason {
    fn from(text: &'static str) -> Self {
        Self(Some(Cow::Borrowed(text)))
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self(Some(Cow::Owned(text)))
    }
}

/// An error type of a handler. Generated, with a variant for each error that the message declares.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the error type of this message",
    note = "a handler returns the error type that is generated for its message, for example `AgentStartError`"
)]
pub trait IntoReject: Send + 'static {
    /// What the peer gets.
    fn into_reject(self) -> Reject;
}

/// Why a message was not answered as asked.
#[derive(Debug)]
pub struct Reject(Box<Kind>);

#[derive(Debug)]
pub(crate) enum Kind {
    /// An `error` message.
    Error(ErrorMessage),
    /// A message of the protocol that ends a stream badly.
    Message {
        /// Its type.
        name: Cow<'static, str>,
        /// Its payload, as JSON text.
        payload: String,
    },
    /// Nothing that the peer may know.
    Internal(Internal),
}

/// The payload of an `error`.
#[derive(Debug)]
pub(crate) struct ErrorMessage {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    pub(crate) retryable: bool,
    pub(crate) details: Vec<Detail>,
}

impl Reject {
    /// An error with a code of the protocol.
    pub fn declared(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
        retryable: bool,
    ) -> Self {
        Self::error(code, message, retryable, Vec::new())
    }

    /// A message that ends a stream badly.
    #[must_use]
    pub fn message<M: ServerMessage>(message: &M) -> Self {
        let mut payload = Writer::default();
        message.encode(&mut payload);
        Self::raw_message(Cow::Borrowed(M::TYPE), payload.into_string())
    }

    /// An undeclared failure.
    #[must_use]
    pub fn internal(cause: Internal) -> Self {
        Self(Box::new(Kind::Internal(cause)))
    }

    pub(crate) fn raw_message(name: Cow<'static, str>, payload: String) -> Self {
        Self(Box::new(Kind::Message { name, payload }))
    }

    pub(crate) fn error(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
        retryable: bool,
        details: Vec<Detail>,
    ) -> Self {
        Self(Box::new(Kind::Error(ErrorMessage {
            code: code.into(),
            message: message.into(),
            retryable,
            details,
        })))
    }

    /// An error of the engine that the client can only mend by sending something else.
    pub(crate) fn engine(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::error(code, message, false, Vec::new())
    }

    /// The code that the peer reads; for a message that ends a stream, its type.
    #[must_use]
    pub fn code(&self) -> &str {
        match &*self.0 {
            Kind::Error(error) => &error.code,
            Kind::Message { name, .. } => name,
            Kind::Internal(_) => code::INTERNAL,
        }
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Error(error) => write!(f, "{}: {}", error.code, error.message),
            Kind::Message { name, .. } => f.write_str(name),
            Kind::Internal(cause) => write!(f, "internal: {}", cause.chain()),
        }
    }
}
