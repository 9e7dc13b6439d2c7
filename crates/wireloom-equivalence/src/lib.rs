//! The generated types of many protocols, behind one function a message: text in, text out. And the judge that holds
//! them against the `jsonschema` crate.
//!
//! For tests alone. The judge shares no code with what it judges: JSON is read by `serde_json`, payloads are decided by
//! `jsonschema` on the schemas that the model emits.

mod cases;
mod judge;
mod strict;
pub mod targets;

pub use cases::{Case, Tally, differ, subjects};
pub use judge::{Subject, Verdict, equal};
pub use strict::{Unreadable, strictly};

use wireloom::Message;
use wireloom::json::{FaultKind, Reader, Writer};

/// Decodes a payload and encodes it again, or says why it was not decoded.
pub type Recode = fn(&str) -> Result<String, FaultKind>;

/// A protocol and what was generated from it.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// Name of its file, without the extension.
    pub name: &'static str,
    /// What the file contains.
    pub yaml: &'static str,
    /// Type and function of each message.
    pub messages: &'static [(&'static str, Recode)],
}

impl Protocol {
    /// The protocol of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PROTOCOLS.iter().find(|protocol| protocol.name == name)
    }

    /// Decodes a payload of a message and encodes it again. `None` if there is no such message.
    #[must_use]
    pub fn recode(&self, message: &str, payload: &str) -> Option<Result<String, FaultKind>> {
        let (_, recode) = self.messages.iter().find(|(name, _)| *name == message)?;
        Some(recode(payload))
    }
}

/// Levels that a payload may nest: deep enough for everything that is generated.
pub const DEPTH: u32 = 128;

fn recode<M: Message>(text: &str) -> Result<String, FaultKind> {
    let mut reader = Reader::new(text, DEPTH);
    let message = M::decode(&mut reader).map_err(|fault| fault.kind)?;
    reader.end().map_err(|fault| fault.kind)?;
    let mut out = Writer::default();
    message.encode(&mut out);
    Ok(out.into_string())
}

include!(concat!(env!("OUT_DIR"), "/protocols.rs"));
