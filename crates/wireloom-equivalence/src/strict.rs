//! Reads I-JSON with `serde_json`: what the engine's own reader is held against.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, from_str};

/// Why a text has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is no JSON; half of a surrogate pair counts as none.
    Syntax,
    /// A name stands twice in one object.
    DuplicateName,
    /// A number that a double cannot hold.
    InexactNumber,
    /// Arrays and objects nest deeper than they may.
    TooDeep,
}

/// The value of a text, if it is I-JSON that nests at most `depth` levels.
///
/// # Errors
///
/// If it is not. Of several reasons one is given.
pub fn strictly(text: &str, depth: u32) -> Result<Value, Unreadable> {
    value(from_str(text).map_err(|_| Unreadable::Syntax)?, depth)
}

fn value(raw: &RawValue, depth: u32) -> Result<Value, Unreadable> {
    let text = raw.get();
    let inner = || depth.checked_sub(1).ok_or(Unreadable::TooDeep);
    match text.as_bytes().first() {
        Some(b'{') => {
            let inner = inner()?;
            let Members(members) = from_str(text).map_err(|_| Unreadable::Syntax)?;
            let mut object = Map::new();
            for (name, member) in members {
                if object.insert(name, value(member, inner)?).is_some() {
                    return Err(Unreadable::DuplicateName);
                }
            }
            Ok(Value::Object(object))
        }
        Some(b'[') => {
            let inner = inner()?;
            let items: Vec<&RawValue> = from_str(text).map_err(|_| Unreadable::Syntax)?;
            items.into_iter().map(|item| value(item, inner)).collect()
        }
        Some(b'-' | b'0'..=b'9') => number(text),
        _ => from_str(text).map_err(|_| Unreadable::Syntax),
    }
}

/// A number. An integer must be what its double is written as in JavaScript, digit for digit; a fraction or an exponent says
/// itself that it is a double.
fn number(text: &str) -> Result<Value, Unreadable> {
    let double: f64 = text.parse().map_err(|_| Unreadable::Syntax)?;
    if !double.is_finite() {
        return Err(Unreadable::InexactNumber);
    }
    if text.contains(['.', 'e', 'E']) {
        return Ok(double.into());
    }
    let shortest = format!("{double:e}");
    let digits = |text: &str| {
        let mantissa = text.split('e').next().unwrap_or_default().replace(['.', '-'], "");
        mantissa.trim_end_matches('0').to_owned()
    };
    if digits(&shortest) != digits(text) {
        return Err(Unreadable::InexactNumber);
    }
    match text.parse::<i64>() {
        Ok(whole) if text != "-0" => Ok(whole.into()),
        _ => Ok(double.into()),
    }
}

/// The members of an object as they stand, with names that stand twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(All)
    }
}
