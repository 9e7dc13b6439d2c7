//! Says in words what a step changes.

use serde_json::{Map, Value};

use super::split::tag;
use super::step::Step;
use super::universe::{Universe, plain, reference};

/// Longest value that is shown whole, in characters.
const SHOWN: usize = 60;
/// What bounds an integer that has no bounds: nobody wrote it.
const SAFE: i64 = (1 << 53) - 1;

/// A fragment in lower case without a full stop.
pub(super) fn step(step: &Step, old: &Value, new: &Value, universe: &Universe) -> String {
    match step {
        Step::Property { name, before, after } => {
            let how = |required: bool| if required { "required" } else { "optional" };
            match (before.declared, after.declared) {
                (false, true) => format!("{} property `{name}` added", how(after.required)),
                (true, false) => format!("{} property `{name}` removed", how(before.required)),
                _ => format!("property `{name}` is {} now", how(after.required)),
            }
        }
        Step::VariantAdded(variant) => format!("variant {} added", label(variant, universe)),
        Step::VariantRemoved(variant) => format!("variant {} removed", label(variant, universe)),
        Step::Rest => rest(old, new, universe),
    }
}

/// What a schema is, in a few words.
pub(super) fn label(schema: &Value, universe: &Universe) -> String {
    if let Some(name) = reference(schema) {
        return format!("`{}`", plain(name));
    }
    if let Some((name, value)) = tag(universe.resolve(schema)) {
        return format!("`{name}: {value}`");
    }
    match schema {
        Value::Bool(true) => "of anything".to_owned(),
        Value::Bool(false) => "of nothing".to_owned(),
        _ => match schema.get("type").and_then(Value::as_str) {
            Some(kind) => format!("of type {kind}"),
            None => shown(schema),
        },
    }
}

/// The other variants of a union that has this schema for one.
fn others(union: &Value, variant: &Value, universe: &Universe) -> Option<String> {
    let keywords = union.as_object().filter(|keywords| keywords.len() == 1)?;
    let list = keywords.get("anyOf").or(keywords.get("oneOf"))?.as_array()?;
    let others: Vec<String> = list
        .iter()
        .filter(|each| *each != variant)
        .map(|each| label(each, universe))
        .collect();
    (others.len() < list.len()).then(|| others.join(", "))
}

fn rest(old: &Value, new: &Value, universe: &Universe) -> String {
    if let Some(others) = others(new, old, universe) {
        return format!("variant {others} added");
    }
    if let Some(others) = others(old, new, universe) {
        return format!("variant {others} removed");
    }
    let (Value::Object(from), Value::Object(to)) = (old, new) else {
        return format!("{} became {}", label(old, universe), label(new, universe));
    };
    let (old_name, new_name) = (reference(old), reference(new));
    if old_name.map(plain) != new_name.map(plain) {
        return format!("{} became {}", label(old, universe), label(new, universe));
    }
    let mut parts = Vec::new();
    let mut keys: Vec<&String> = from.keys().collect();
    keys.extend(to.keys().filter(|key| !from.contains_key(*key)));
    let integer = |keywords: &Map<String, Value>| keywords.get("type").is_some_and(|kind| kind == "integer");
    for key in keys {
        let unwritten = |value: &&Value| {
            matches!(key.as_str(), "minimum" | "maximum")
                && value.as_i64().is_some_and(|bound| bound.abs() == SAFE)
        };
        let before = from.get(key).filter(|value| !(integer(from) && unwritten(value)));
        let after = to.get(key).filter(|value| !(integer(to) && unwritten(value)));
        if before != after {
            parts.extend(keyword(key, before, after));
        }
    }
    match parts.as_slice() {
        [] => "what it refers to has changed".to_owned(),
        parts => parts.join(", "),
    }
}

fn keyword(key: &str, before: Option<&Value>, after: Option<&Value>) -> Option<String> {
    let is_false = |value: Option<&Value>| value == Some(&Value::Bool(false));
    Some(match (key, before, after) {
        ("type", Some(before), Some(after)) => format!("type {} became {}", kinds(before), kinds(after)),
        ("enum", Some(Value::Array(before)), Some(Value::Array(after))) => {
            let left = |these: &[Value], others: &[Value]| -> Vec<String> {
                these
                    .iter()
                    .filter(|value| !others.contains(value))
                    .map(shown)
                    .collect()
            };
            let (gone, come) = (left(before, after), left(after, before));
            let mut parts = Vec::new();
            if !come.is_empty() {
                parts.push(format!("{} {} added", values(&come), come.join(", ")));
            }
            if !gone.is_empty() {
                parts.push(format!("{} {} removed", values(&gone), gone.join(", ")));
            }
            if parts.is_empty() {
                return None;
            }
            parts.join(", ")
        }
        ("additionalProperties" | "unevaluatedProperties", _, after) if is_false(after) => {
            "other properties are refused now".to_owned()
        }
        ("additionalProperties" | "unevaluatedProperties", before, _) if is_false(before) => {
            "other properties are accepted now".to_owned()
        }
        (_, Some(before), Some(after)) if is_plain(before) && is_plain(after) => {
            format!("`{key}` {} became {}", shown(before), shown(after))
        }
        (_, Some(_), Some(_)) => format!("`{key}` changed"),
        (_, None, Some(value)) if is_plain(value) => format!("`{key}` {} added", shown(value)),
        (_, None, Some(_)) => format!("`{key}` added"),
        (_, Some(value), None) if is_plain(value) => format!("`{key}` {} removed", shown(value)),
        (_, Some(_), None) => format!("`{key}` removed"),
        (_, None, None) => return None,
    })
}

fn values(list: &[String]) -> &'static str {
    if list.len() == 1 { "value" } else { "values" }
}

fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

fn kinds(value: &Value) -> String {
    match value {
        Value::Array(kinds) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.join(" or ")
        }
        kind => kind.as_str().unwrap_or_default().to_owned(),
    }
}

/// A value as JSON, cut if it is long.
pub(in crate::diff) fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}...")
}
