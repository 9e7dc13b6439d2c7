//! How a client reads what a newer server sends: fields that no schema at their place names are left out. What is left
//! must fit as ever.
//!
//! It is the rule of the clients, told over schemas: `tolerance.rs` of the Rust client is where it runs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::universe::{children, reference};

/// Parts of a schema that are put together, before the rest is not looked at; as in the client.
const MAX_REFERENCES: u32 = 32;

/// The names that are kept at a place, and whether others are.
pub(super) enum Names<'v> {
    /// All.
    Open,
    /// These.
    Known(BTreeSet<&'v str>),
}

/// Types by name.
#[derive(Clone, Copy)]
pub(super) struct Reader<'v> {
    pub(super) defs: &'v Map<String, Value>,
}

impl<'v> Reader<'v> {
    /// Leaves out what none of the schemas at a place knows.
    pub(super) fn prune(self, value: &mut Value, schemas: &[&'v Value]) {
        let parts = self.parts(schemas);
        match value {
            Value::Object(fields) => {
                let names = names(&parts);
                fields.retain(|name, value| {
                    let kept = match &names {
                        Names::Open => true,
                        Names::Known(known) => known.contains(name.as_str()),
                    };
                    self.prune(value, &below(&parts, name));
                    kept
                });
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.prune(item, &item_schemas(&parts, at));
                }
            }
            _ => {}
        }
    }

    /// Everything that the schemas at a place are put together of.
    pub(super) fn parts(self, schemas: &[&'v Value]) -> Vec<&'v Map<String, Value>> {
        let mut all = Vec::new();
        for schema in schemas {
            self.expand(schema, MAX_REFERENCES, &mut all);
        }
        all
    }

    fn expand(self, schema: &'v Value, depth: u32, all: &mut Vec<&'v Map<String, Value>>) {
        let Some(keywords) = schema.as_object() else {
            return;
        };
        if all.iter().any(|known| std::ptr::eq(*known, keywords)) {
            return;
        }
        all.push(keywords);
        if depth == 0 {
            return;
        }
        if let Some(target) = reference(schema).and_then(|name| self.defs.get(name)) {
            self.expand(target, depth - 1, all);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let parts = keywords.get(keyword).and_then(Value::as_array);
            for part in parts.into_iter().flatten() {
                self.expand(part, depth - 1, all);
            }
        }
        for keyword in ["if", "then", "else"] {
            if let Some(part) = keywords.get(keyword) {
                self.expand(part, depth - 1, all);
            }
        }
    }

    /// Whether something may be left out at any depth.
    pub(super) fn may_prune(self, schemas: &[&'v Value]) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = schemas.to_vec();
        while let Some(schema) = open.pop() {
            if schema.as_object().is_some_and(is_closed) {
                return true;
            }
            if let Some(name) = reference(schema)
                && seen.insert(name)
            {
                open.extend(self.defs.get(name));
            }
            open.extend(children(schema));
        }
        false
    }

    /// Whether it is sure that nothing is left out of a value that the schemas at this place accept.
    pub(super) fn keeps_its_own(self, schemas: &[&'v Value]) -> bool {
        let mut seen = Vec::new();
        self.keeps(schemas.to_vec(), &mut seen)
    }

    fn keeps(self, schemas: Vec<&'v Value>, seen: &mut Vec<Vec<&'v Value>>) -> bool {
        if schemas.is_empty() || seen.contains(&schemas) {
            return true;
        }
        // Only hostile protocols come here.
        if seen.len() > 200 {
            return false;
        }
        let parts = self.parts(&schemas);
        seen.push(schemas.clone());
        let closed = parts.iter().any(|part| is_closed(part));
        if closed
            && !schemas
                .iter()
                .all(|schema| self.names_all(schema, MAX_REFERENCES))
        {
            return false;
        }
        let named: BTreeSet<&str> = parts
            .iter()
            .filter_map(|part| part.get("properties")?.as_object())
            .flat_map(|properties| properties.keys().map(String::as_str))
            .collect();
        let others = below(&parts, "");
        let prefix = prefix_length(&parts);
        named
            .into_iter()
            .all(|name| self.keeps(below(&parts, name), seen))
            && self.keeps(others, seen)
            && (0..=prefix).all(|at| self.keeps(item_schemas(&parts, at), seen))
    }

    /// Whether every object that the schema accepts has only properties that the schema itself names.
    fn names_all(self, schema: &'v Value, depth: u32) -> bool {
        let Some(keywords) = schema.as_object() else {
            return schema == &Value::Bool(false);
        };
        if depth == 0 {
            return false;
        }
        let all = |keyword: &str, need_all: bool| {
            let list = keywords.get(keyword).and_then(Value::as_array);
            list.is_some_and(|list| {
                let mut each = list.iter().map(|part| self.names_all(part, depth - 1));
                if need_all {
                    each.all(|named| named)
                } else {
                    each.any(|named| named)
                }
            })
        };
        let is_object = |kind: &Value| kind == "object";
        let no_object = match keywords.get("type") {
            Some(Value::Array(types)) => !types.iter().any(is_object),
            Some(kind) => !is_object(kind),
            None => false,
        };
        let constants = keywords.get("enum").and_then(Value::as_array);
        no_object
            || is_closed(keywords) && !keywords.contains_key("dependentSchemas")
            || constants.is_some_and(|values| !values.iter().any(Value::is_object))
            || keywords.get("const").is_some_and(|value| !value.is_object())
            || all("allOf", false)
            || all("anyOf", true)
            || all("oneOf", true)
            || reference(schema)
                .and_then(|name| self.defs.get(name))
                .is_some_and(|target| self.names_all(target, depth - 1))
    }
}

/// Which names are kept at a place.
pub(super) fn names<'v>(parts: &[&'v Map<String, Value>]) -> Names<'v> {
    let names_any = |part: &&&Map<String, Value>| {
        let patterns = part.get("patternProperties").and_then(Value::as_object);
        patterns.is_some_and(|patterns| !patterns.is_empty())
            || part.get("additionalProperties").is_some_and(Value::is_object)
    };
    if !parts.iter().any(|part| is_closed(part)) || parts.iter().any(|part| names_any(&part)) {
        return Names::Open;
    }
    let known = parts
        .iter()
        .filter_map(|part| part.get("properties")?.as_object())
        .flat_map(|properties| properties.keys().map(String::as_str));
    Names::Known(known.collect())
}

/// The schemas of a property, at the place that these schemas are put together of.
pub(super) fn below<'v>(parts: &[&'v Map<String, Value>], name: &str) -> Vec<&'v Value> {
    unique(parts.iter().filter_map(|part| {
        let named = part.get("properties").and_then(|properties| properties.get(name));
        let patterns = part.get("patternProperties").and_then(Value::as_object);
        let by_pattern = patterns.and_then(|patterns| patterns.values().next());
        let additional = part.get("additionalProperties").filter(|rest| rest.is_object());
        named.or(by_pattern).or(additional)
    }))
}

/// The schemas of an item.
pub(super) fn item_schemas<'v>(parts: &[&'v Map<String, Value>], at: usize) -> Vec<&'v Value> {
    unique(parts.iter().filter_map(|part| {
        let prefix = part.get("prefixItems").and_then(Value::as_array);
        prefix
            .and_then(|prefix| prefix.get(at))
            .or_else(|| part.get("items"))
    }))
}

/// Items that have schemas of their own.
pub(super) fn prefix_length(parts: &[&Map<String, Value>]) -> usize {
    let prefixes = parts
        .iter()
        .filter_map(|part| part.get("prefixItems")?.as_array());
    prefixes.map(Vec::len).max().unwrap_or(0)
}

fn unique<'v>(schemas: impl Iterator<Item = &'v Value>) -> Vec<&'v Value> {
    let mut found: Vec<&Value> = Vec::new();
    for schema in schemas {
        if !found.contains(&schema) {
            found.push(schema);
        }
    }
    found
}

pub(super) fn is_closed(keywords: &Map<String, Value>) -> bool {
    ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|keyword| keywords.get(*keyword) == Some(&Value::Bool(false)))
}
