//! Values of any kind, and values that only a schema's validator can decide.

use serde_json::{Map, Value};

use super::fault::{FaultKind, Read};
use super::number::{Number, whole};
use super::reader::Reader;
use crate::schema::Schema;

impl Reader<'_> {
    /// A value of any kind.
    ///
    /// # Errors
    ///
    /// If the text is no I-JSON.
    pub fn value(&mut self) -> Read<Value> {
        match self.peek() {
            b'{' => {
                let mut map = Map::new();
                let mut object = self.object()?;
                while let Some(name) = self.name(&mut object)? {
                    let value = self.value()?;
                    if map.insert(name.into_owned(), value).is_some() {
                        return Err(self.fault(FaultKind::DuplicateName));
                    }
                }
                Ok(Value::Object(map))
            }
            b'[' => self.array(0, usize::MAX, Self::value).map(Value::Array),
            b'"' => Ok(Value::String(self.string()?.into_owned())),
            b't' | b'f' => self.boolean().map(Value::Bool),
            b'n' => self.null().map(|()| Value::Null),
            _ => Ok(match self.any_number()? {
                Number::Integer(value) => Value::from(value),
                Number::Float(value) => Value::from(value),
            }),
        }
    }

    /// Reads a value and asks a schema's validator about what a decoder does not decide.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or the validator refuses it.
    pub fn checked<T>(&mut self, schema: &Schema, value: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let mut ahead = self.clone();
        let value = value(self)?;
        let whole = ahead.value()?;
        if schema.accepts(&whole) {
            Ok(value)
        } else {
            Err(self.refuse())
        }
    }

    /// One of a set of constants that are not all strings.
    ///
    /// # Errors
    ///
    /// If it is none of them.
    pub fn literal(&mut self, allowed: &[Value]) -> Read<Value> {
        let value = self.value()?;
        if allowed.iter().any(|constant| equal(constant, &value)) {
            Ok(value)
        } else {
            Err(self.refuse())
        }
    }
}

/// Equality as JSON Schema has it: `1` and `1.0` are the same number, and order of names does not count.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let integer = |n: &serde_json::Number| n.as_i64().or_else(|| n.as_f64().and_then(whole));
            match (integer(a), integer(b)) {
                (Some(a), Some(b)) => a == b,
                _ => a.as_f64() == b.as_f64(),
            }
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}
