//! The way from one schema to another in steps that people would name one by one: a property, a variant, the rest.

use serde_json::{Map, Value};

use crate::diff::change::Kind;

/// What one step changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A property came or went, or is required or no longer.
    Property {
        name: String,
        /// Whether it is declared before and after; `None`: it is not, but may be required.
        before: Presence,
        after: Presence,
    },
    /// A variant of a union came.
    VariantAdded(Value),
    /// A variant of a union went.
    VariantRemoved(Value),
    /// All other keywords.
    Rest,
}

/// Whether a property is declared, and whether it must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Presence {
    pub(super) declared: bool,
    pub(super) required: bool,
}

impl Step {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Property { before, after, .. } => match (before.declared, after.declared) {
                (false, true) => Kind::PropertyAdded,
                (true, false) => Kind::PropertyRemoved,
                _ => Kind::PropertyRequired,
            },
            Self::VariantAdded(_) => Kind::VariantAdded,
            Self::VariantRemoved(_) => Kind::VariantRemoved,
            Self::Rest => Kind::Schema,
        }
    }
}

impl Step {
    /// The way to the one property or keyword that it changes.
    pub(super) fn part(&self, before: &Value, after: &Value) -> Vec<String> {
        match (self, before, after) {
            (Self::Property { name, .. }, ..) => vec!["properties".to_owned(), name.clone()],
            (Self::Rest, Value::Object(before), Value::Object(after)) => {
                let keys = before
                    .keys()
                    .chain(after.keys().filter(|key| !before.contains_key(*key)));
                let mut changed = keys.filter(|key| before.get(*key) != after.get(*key));
                match (changed.next(), changed.next()) {
                    (Some(only), None) => vec![only.clone()],
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }
}

/// The steps from `old` to `new`: each with the schema that it leads to. Steps come in the same order for every pair
/// that differs in the same places.
pub(super) fn steps(old: &Value, new: &Value) -> Vec<(Step, Value)> {
    if old == new {
        return Vec::new();
    }
    let (Value::Object(from), Value::Object(to)) = (old, new) else {
        return vec![(Step::Rest, new.clone())];
    };
    let mut found = Vec::new();
    let mut now = from.clone();
    properties(&mut now, to, &mut found);
    variants(&mut now, to, &mut found);
    if now != *to {
        found.push((Step::Rest, new.clone()));
    }
    found
}

fn properties(now: &mut Map<String, Value>, to: &Map<String, Value>, found: &mut Vec<(Step, Value)>) {
    let mut names = Vec::new();
    for keywords in [&*now, to] {
        let declared = keywords.get("properties").and_then(Value::as_object);
        names.extend(declared.into_iter().flat_map(|table| table.keys().cloned()));
        names.extend(required(keywords).into_iter().map(str::to_owned));
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    for name in names {
        let (before, after) = (presence(now, &name), presence(to, &name));
        if before == after {
            continue;
        }
        let schema = to.get("properties").and_then(|table| table.get(&name));
        let mut table = match now.get("properties") {
            Some(Value::Object(table)) => table.clone(),
            _ => Map::new(),
        };
        match schema {
            Some(schema) => table.insert(name.clone(), schema.clone()),
            None => table.shift_remove(&name),
        };
        let mut list: Vec<String> = required(now).into_iter().map(str::to_owned).collect();
        list.retain(|each| *each != name);
        if after.required {
            list.push(name.clone());
        }
        list.sort_unstable();
        // As the other side writes that there are none.
        put(
            now,
            "properties",
            table.is_empty() && !to.contains_key("properties"),
            table.into(),
        );
        put(
            now,
            "required",
            list.is_empty() && !to.contains_key("required"),
            list.into(),
        );
        let step = Step::Property { name, before, after };
        found.push((step, Value::Object(now.clone())));
    }
}

fn put(keywords: &mut Map<String, Value>, key: &str, drop: bool, value: Value) {
    if drop {
        keywords.shift_remove(key);
    } else if keywords.contains_key(key) || value.as_array().is_none_or(|list| !list.is_empty()) {
        keywords.insert(key.to_owned(), value);
    }
}

fn required(keywords: &Map<String, Value>) -> Vec<&str> {
    let names = keywords.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn presence(keywords: &Map<String, Value>, name: &str) -> Presence {
    Presence {
        declared: keywords
            .get("properties")
            .is_some_and(|table| table.get(name).is_some()),
        required: required(keywords).contains(&name),
    }
}

/// New variants first, so that there always is one.
fn variants(now: &mut Map<String, Value>, to: &Map<String, Value>, found: &mut Vec<(Step, Value)>) {
    let (Some(Value::Array(old)), Some(Value::Array(new))) = (now.get("anyOf").cloned(), to.get("anyOf"))
    else {
        return;
    };
    let mut list = old.clone();
    for variant in new.iter().filter(|variant| !old.contains(variant)) {
        list.push(variant.clone());
        now.insert("anyOf".to_owned(), list.clone().into());
        found.push((Step::VariantAdded(variant.clone()), Value::Object(now.clone())));
    }
    for variant in old.iter().filter(|variant| !new.contains(variant)) {
        list.retain(|each| each != variant);
        now.insert("anyOf".to_owned(), list.clone().into());
        found.push((Step::VariantRemoved(variant.clone()), Value::Object(now.clone())));
    }
    // The order says nothing.
    if list.len() == new.len() && list.iter().all(|variant| new.contains(variant)) {
        now.insert("anyOf".to_owned(), new.clone().into());
    }
}
