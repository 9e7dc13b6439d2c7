//! The generated types of every protocol of the corpus, behind one function a message: text in, text out.
//!
//! For tests alone. They hold the generated decoders and encoders against the `jsonschema` crate.

use wireloom::Message;
use wireloom::json::{FaultKind, Reader, Writer};

/// Decodes a payload and encodes it again, or says why it was not decoded.
pub type Recode = fn(&str) -> Result<String, FaultKind>;

/// A protocol of the corpus.
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

/// Deep enough for everything that is generated.
const DEPTH: u32 = 128;

fn recode<M: Message>(text: &str) -> Result<String, FaultKind> {
    let mut reader = Reader::new(text, DEPTH);
    let message = M::decode(&mut reader).map_err(|fault| fault.kind)?;
    reader.end().map_err(|fault| fault.kind)?;
    let mut out = Writer::default();
    message.encode(&mut out);
    Ok(out.into_string())
}

include!(concat!(env!("OUT_DIR"), "/corpus.rs"));
