//! What generated code says of each message type.

use crate::json::{Decode, Encode};
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
