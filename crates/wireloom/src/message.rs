//! What generated code says of each message type.

use crate::json::{Decode, Encode, Read, Reader};
use crate::reject::IntoReject;

/// A message type of a protocol.
pub trait Message: Decode + Encode + Send + 'static {
    /// Its type on the wire, for example `agent:start`.
    const TYPE: &'static str;
}

/// A message that clients send.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message that clients send",
    note = "only messages with `from: client` or `from: both` in the protocol can be handled"
)]
pub trait ClientMessage: Message {}

/// A message that the server sends.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message that the server sends",
    note = "only messages with `from: server` or `from: both` in the protocol can be sent to a client"
)]
pub trait ServerMessage: Message {}

/// A client's message that is answered at most once.
pub trait Request: ClientMessage {
    /// The answer; `()` where the protocol declares none.
    type Reply: Reply;
    /// What may go wrong.
    type Error: IntoReject;
}

/// A client's message that is answered by a stream.
pub trait StreamRequest: ClientMessage {
    /// The items.
    type Item: ServerMessage;
    /// The message that ends the stream well.
    type End: ServerMessage;
    /// What may go wrong.
    type Error: IntoReject;
}

/// What a handler returns: a message, or nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a reply: the handler must return the message that `reply` names"
)]
pub trait Reply: Send + 'static {
    /// Type of the message, if there is one.
    const TYPE: Option<&'static str>;

    /// Appends the payload.
    fn encode_payload(&self, out: &mut crate::json::Writer);

    /// Whether the message satisfies its own schema.
    fn satisfies_schema(&self) -> bool;
}

impl Reply for () {
    const TYPE: Option<&'static str> = None;

    fn encode_payload(&self, _out: &mut crate::json::Writer) {}

    fn satisfies_schema(&self) -> bool {
        true
    }
}

impl<M: ServerMessage> Reply for M {
    const TYPE: Option<&'static str> = Some(M::TYPE);

    fn encode_payload(&self, out: &mut crate::json::Writer) {
        self.encode(out);
    }

    fn satisfies_schema(&self) -> bool {
        crate::clients::satisfies_schema(self)
    }
}

/// An error type that a client can make of what the server answered; the other way of [`IntoReject`]. Generated.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made of a server's answer",
    note = "generate the protocol's Rust again: error types have had this since clients are typed"
)]
pub trait FromAnswer: IntoReject + std::fmt::Display {
    /// Type of the message that ends the stream badly, if the protocol names one.
    const END: Option<&'static str> = None;

    /// The declared error of this code, which keeps the server's text. `None` for a code that is not declared.
    #[must_use]
    fn from_code(_code: &str, _text: String) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// The error of a stream that ended with a message of type [`FromAnswer::END`]; reads its payload.
    ///
    /// # Errors
    ///
    /// If the payload is not what its schema says, or no message ends the stream badly.
    fn from_end(reader: &mut Reader<'_>) -> Read<Self>
    where
        Self: Sized,
    {
        Err(reader.refuse())
    }
}
