//! Makes an imported protocol sound: what the checker refuses in a schema or in an example is taken out, and reported.

use std::collections::BTreeMap;

use serde_json::Value;
use wireloom_spec::{Checked, Severity};

use super::documents::{Documents, Place};
use super::schema::LEFT_OUT;
use super::yaml;

/// How often the protocol is checked, and mended.
const ROUNDS: usize = 64;

/// Where the parts of a protocol come from, by JSON Pointer into the protocol.
pub(super) type Origins = BTreeMap<String, Place>;

/// Takes out what is refused, as long as that helps. What is left over is for people.
pub(super) fn mend(protocol: &mut Value, origins: &Origins, documents: &mut Documents) -> Checked {
    let mut checked = check(protocol);
    for _ in 0..ROUNDS {
        let written = yaml::write(protocol);
        let errors = checked
            .diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error);
        let mut remedies: Vec<(Vec<String>, String)> = errors
            .filter_map(|found| {
                let pointer = written.at(found.place.span.start)?;
                Some((removable(pointer)?, found.message.clone()))
            })
            .collect();
        // Later places first, so that an index stays what it is.
        remedies.sort_by(|one, other| natural(&other.0).cmp(&natural(&one.0)));
        remedies.dedup_by(|one, other| one.0 == other.0);
        let mut mended = false;
        for (path, why) in remedies {
            if let Some(instead) = take_out(protocol, &path) {
                let place = source_of(&path, origins, documents);
                documents.lost(&place, format!("the language refuses this: {why}"), instead);
                mended = true;
            }
        }
        if !mended {
            break;
        }
        checked = check(protocol);
    }
    checked
}

pub(super) fn check(protocol: &Value) -> Checked {
    wireloom_spec::check("protocol.yaml", &yaml::write(protocol).text)
}

/// Numbers by their value, names by their letters.
fn natural(path: &[String]) -> Vec<(usize, &str)> {
    path.iter()
        .map(|part| (part.parse().unwrap_or(usize::MAX), part.as_str()))
        .collect()
}

/// The part of the protocol that may be taken out on account of an error at a place: in a type, in a payload, an example,
/// or what else a message says beside who sends it.
fn removable(pointer: &str) -> Option<Vec<String>> {
    let path: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect();
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["types", _, ..] => Some(path),
        ["messages", _, "from"] => None,
        ["messages", _, "payload", ..] => Some(path),
        ["messages", message, key, ..] => {
            let mut path = vec!["messages".to_owned(), (*message).to_owned(), (*key).to_owned()];
            if *key == "examples" {
                path.extend(parts.get(3).map(|index| (*index).to_owned()));
            }
            Some(path)
        }
        ["connection", key, ..] => Some(vec!["connection".to_owned(), (*key).to_owned()]),
        ["states", ..] => Some(vec!["states".to_owned()]),
        _ => None,
    }
}

/// Takes something out, and says what stands in its place; `None` if it is not there any more.
fn take_out(protocol: &mut Value, path: &[String]) -> Option<&'static str> {
    let (instead, is_empty) = remove(protocol, path)?;
    // A list of nothing says nothing.
    if is_empty && let Some((_, list)) = path.split_last() {
        remove(protocol, list);
    }
    Some(instead)
}

/// The same, and whether a list has become empty by it.
fn remove(protocol: &mut Value, path: &[String]) -> Option<(&'static str, bool)> {
    let (last, parents) = path.split_last()?;
    let mut parent = protocol;
    for part in parents {
        parent = match parent {
            Value::Object(entries) => entries.get_mut(part)?,
            Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    let above = parents.last().map(String::as_str).unwrap_or_default();
    let is_schema = [
        "properties",
        "patternProperties",
        "dependentSchemas",
        "allOf",
        "anyOf",
        "oneOf",
        "prefixItems",
    ]
    .contains(&above)
        || matches!(parents, [section] if section == "types")
        || last == "payload" && parents.len() == 2;
    let slot = match parent {
        Value::Object(entries) => entries.get_mut(last)?,
        Value::Array(items) => items.get_mut(last.parse::<usize>().ok()?)?,
        _ => return None,
    };
    if is_schema {
        // Nothing more can be taken out of a schema that accepts everything.
        if *slot == Value::Bool(true) {
            return None;
        }
        *slot = Value::Bool(true);
        return Some(("anything is accepted", false));
    }
    let is_empty = match parent {
        Value::Object(entries) => {
            entries.shift_remove(last)?;
            false
        }
        Value::Array(items) => {
            items.remove(last.parse::<usize>().ok()?);
            items.is_empty()
        }
        _ => return None,
    };
    Some((LEFT_OUT, is_empty))
}

/// Where in the source something stands, as near as it is known.
fn source_of(path: &[String], origins: &Origins, documents: &Documents) -> Place {
    for length in (0..=path.len()).rev() {
        let (above, below) = path.split_at(length);
        let Some(origin) = origins.get(&pointer(above)) else {
            continue;
        };
        let mut place = origin.clone();
        for part in below {
            let next = place.at(part);
            if documents.at(&next).is_none() {
                break;
            }
            place = next;
        }
        return place;
    }
    Place::root(0)
}

/// The JSON Pointer of a path.
pub(super) fn pointer(path: &[String]) -> String {
    path.iter()
        .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
        .collect()
}
