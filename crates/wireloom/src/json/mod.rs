//! Reads and writes JSON in a single pass, straight to and from typed values.
//!
//! Generated code is made of these pieces. The reader accepts I-JSON ([RFC 7493]) only: no duplicate names, no lone
//! surrogates, no number that a double cannot hold. It knows nothing of envelopes or messages.
//!
//! [RFC 7493]: https://www.rfc-editor.org/rfc/rfc7493

mod fault;
mod number;
mod reader;
mod string;
mod tag;
mod union;
mod value;
mod writer;

/// A value of any kind, as `any` in a protocol becomes it.
pub use serde_json::Value;

pub use fault::{Expected, Fault, FaultKind, Read};
pub use reader::{Object, Reader};
pub use union::{ExactlyOne, FirstOf};
pub use writer::Writer;

/// A type that is read from JSON text, fully checked: what is decoded satisfies its JSON Schema.
pub trait Decode: Sized {
    /// Reads one value and leaves the reader behind it.
    ///
    /// # Errors
    ///
    /// A [`Fault`] says where reading stopped: the text is no JSON, or the value does not satisfy the schema.
    fn decode(reader: &mut Reader<'_>) -> Read<Self>;
}

/// A type that is written as JSON text.
pub trait Encode {
    /// Appends the value.
    fn encode(&self, out: &mut Writer);
}
