//! Two verdicts on one text: that of the generated decoder, and that of the schema.

use serde_json::Value;
use wireloom::json::{FaultKind, Reader};
use wireloom_fuzz::Fuzzer;

use crate::{DEPTH, Protocol, strictly};

/// What both sides say of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is decoded, satisfies the schema, and encodes back to an equal value.
    Valid,
    /// It is JSON, and does not satisfy the schema.
    Invalid,
    /// It is no I-JSON.
    Unreadable,
    /// The decoder gave up on nested unions. That is refused, whatever the schema says.
    Undecided,
}

/// A message, with what decodes it and what says which payloads it may have.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The protocol that it is part of.
    pub protocol: &'static Protocol,
    /// Decides payloads, and makes them.
    pub fuzzer: Fuzzer,
    /// Its type.
    pub message: &'static str,
}

impl Subject {
    /// Holds the two sides against each other.
    ///
    /// # Errors
    ///
    /// If they differ; the text says how.
    pub fn judge(&self, text: &str) -> Result<Verdict, String> {
        self.verdict(text).map_err(|difference| {
            let Self {
                protocol, message, ..
            } = self;
            format!(
                "{difference}\n  protocol: {}\n  message: {message}\n  payload: {text}",
                protocol.name
            )
        })
    }

    fn verdict(&self, text: &str) -> Result<Verdict, String> {
        let decoded = self
            .protocol
            .recode(self.message, text)
            .ok_or("there is no such message")?;
        let mut reader = Reader::new(text, DEPTH);
        // What the engine says of a refused message comes from here.
        let read = reader.value().and_then(|value| reader.end().map(|()| value));
        let read = read.map_err(|fault| fault.kind);
        let value = match (strictly(text, DEPTH), read) {
            (Ok(value), Ok(read)) if equal(&value, &read) => value,
            (Ok(value), read) => return Err(format!("is {value} to serde_json, and {read:?} to the reader")),
            (Err(why), Ok(read)) => {
                return Err(format!("is {why:?} to serde_json, and {read} to the reader"));
            }
            (Err(why), Err(FaultKind::Refused)) => {
                return Err(format!(
                    "is {why:?}, yet the reader refuses it as if it were JSON"
                ));
            }
            (Err(why), Err(_)) => {
                return match decoded {
                    Ok(again) => Err(format!("is {why:?}, yet decoded; encoded again: {again}")),
                    Err(_) => Ok(Verdict::Unreadable),
                };
            }
        };
        match (self.fuzzer.accepts(self.message, &value), decoded) {
            (_, Err(FaultKind::TooComplex)) => Ok(Verdict::Undecided),
            (false, Err(FaultKind::Refused)) => Ok(Verdict::Invalid),
            (false, Err(other)) => Err(format!("is refused as {other:?}, though it is JSON")),
            (true, Err(fault)) => Err(format!("is valid, yet refused: {fault:?}")),
            (false, Ok(again)) => Err(format!("is invalid, yet decoded; encoded again: {again}")),
            (true, Ok(again)) => match strictly(&again, DEPTH) {
                Ok(back) if !equal(&value, &back) => Err(format!("is encoded as another value: {again}")),
                Ok(back) if !self.fuzzer.accepts(self.message, &back) => {
                    Err(format!("is encoded as what is invalid: {again}"))
                }
                Ok(_) => Ok(Verdict::Valid),
                Err(why) => Err(format!("is encoded as what is {why:?}: {again}")),
            },
        }
    }
}

/// Equality of JSON Schema: numbers by their value, names in any order.
#[must_use]
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}
