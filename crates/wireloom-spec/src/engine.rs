//! What every protocol has of the engine: its messages, written in the language itself, and its error codes.

use serde::Serialize;

/// The engine's messages.
pub(crate) const MESSAGES: &str = include_str!("engine.yaml");

/// An error code of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EngineError {
    /// The code on the wire.
    pub code: &'static str,
    /// What it means, for people.
    pub description: &'static str,
    /// Whether the same message may succeed later.
    pub retryable: bool,
}

const fn error(code: &'static str, retryable: bool, description: &'static str) -> EngineError {
    EngineError {
        code,
        description,
        retryable,
    }
}

/// The engine's error codes. They may answer every message, and no protocol can define them again.
pub const ERRORS: [EngineError; 16] = [
    error("invalid_json", false, "The message is not valid JSON."),
    error(
        "invalid_envelope",
        false,
        "The message is no envelope with a type.",
    ),
    error("unknown_type", false, "The protocol has no message of this type."),
    error(
        "wrong_direction",
        false,
        "Messages of this type are sent by the server.",
    ),
    error(
        "invalid_payload",
        false,
        "The payload does not fit the schema of its type.",
    ),
    error(
        "invalid_state",
        false,
        "The message is not accepted in this state of the session.",
    ),
    error(
        "too_large",
        false,
        "The message is larger or deeper than the server accepts.",
    ),
    error("rate_limited", true, "The client sends faster than it may."),
    error("too_many_requests", true, "Too many requests are in flight."),
    error(
        "unauthorized",
        false,
        "The client has not said who it is, or its credentials are not accepted.",
    ),
    error(
        "forbidden",
        false,
        "The client may not send this message, or not connect at all.",
    ),
    error("timeout", true, "The request took too long."),
    error("cancelled", false, "The request was cancelled."),
    error(
        "duplicate",
        false,
        "The correlation id belongs to another request.",
    ),
    error(
        "overloaded",
        true,
        "The server shuts down and takes no new requests, or cannot check credentials now.",
    ),
    error("internal", false, "The server failed; its log says how."),
];

/// Whether an error code belongs to the engine.
pub(crate) fn is_error(code: &str) -> bool {
    ERRORS.iter().any(|error| error.code == code)
}

/// Whether a message name belongs to the engine.
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(name, "ping" | "pong" | "error")
        || name.starts_with("connection:")
        || name.starts_with("request:")
}
