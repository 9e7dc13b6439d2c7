//! The schemas of both protocols under one roof. A type that both have with one meaning keeps its name; where they
//! differ, the old one gets a name of its own, so that schemas of either side can be compared and mixed.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use crate::canonical;
use crate::hash;
use crate::model::Model;
use crate::schema::keywords::{self, Takes};

/// Before the name of a type of the old protocol that is not as it was. No name under `types` has a colon.
const OLD: &str = "old:";
const DEFS: &str = "#/$defs/";

/// All types of both protocols.
pub(super) struct Universe {
    pub(super) defs: Map<String, Value>,
    /// Types of the old protocol whose meaning has changed, or that are gone.
    changed: BTreeSet<String>,
}

impl Universe {
    pub(super) fn new(old: &Model, new: &Model) -> Self {
        let (old, mut defs) = (types(old), types(new));
        let changed = changed(&old, &defs);
        let universe = Self {
            defs: Map::new(),
            changed,
        };
        for (name, schema) in &old {
            if universe.changed.contains(name) {
                defs.insert(format!("{OLD}{name}"), universe.old(schema));
            }
        }
        Self { defs, ..universe }
    }

    /// A schema of the old protocol, without notes, as it is written here.
    pub(super) fn old(&self, schema: &Value) -> Value {
        let mut schema = normal(schema);
        each_reference(&mut schema, &mut |reference| {
            if let Some(name) = reference.strip_prefix(DEFS)
                && self.changed.contains(name)
            {
                *reference = format!("{DEFS}{OLD}{name}");
            }
        });
        schema
    }

    /// A schema together with everything that it refers to.
    pub(super) fn complete(&self, schema: &Value) -> Value {
        complete(&self.defs, schema)
    }

    /// Follows a schema that is nothing but a reference to what it refers to.
    pub(super) fn resolve<'v>(&'v self, schema: &'v Value) -> &'v Value {
        resolve(&self.defs, schema)
    }
}

/// A schema together with everything in `defs` that it refers to.
pub(super) fn complete(defs: &Map<String, Value>, schema: &Value) -> Value {
    let mut reached = Map::new();
    let mut open = vec![schema];
    while let Some(next) = open.pop() {
        each_name(next, &mut |name| {
            if !reached.contains_key(name)
                && let Some(found) = defs.get(name)
            {
                reached.insert(name.to_owned(), found.clone());
                open.push(found);
            }
        });
    }
    match schema {
        Value::Object(keywords) => {
            let mut whole = keywords.clone();
            if !reached.is_empty() {
                whole.insert("$defs".to_owned(), reached.into());
            }
            whole.into()
        }
        // `true` and `false`, for those who want keywords.
        other => json!({ "allOf": [other] }),
    }
}

/// Follows references of a schema that has no other keyword.
pub(super) fn resolve<'v>(defs: &'v Map<String, Value>, schema: &'v Value) -> &'v Value {
    let mut schema = schema;
    // A chain as long as there are types leads in a circle.
    for _ in 0..=defs.len() {
        match schema.as_object().filter(|keywords| keywords.len() == 1) {
            Some(_) => match reference(schema).and_then(|name| defs.get(name)) {
                Some(target) => schema = target,
                None => return schema,
            },
            None => return schema,
        }
    }
    schema
}

/// The name in `$defs` that a schema refers to.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(DEFS)
}

/// A reference to a name in `$defs`.
pub(super) fn to(name: &str) -> Value {
    json!({ "$ref": format!("{DEFS}{name}") })
}

/// The name under `types`.
pub(super) fn plain(name: &str) -> &str {
    name.strip_prefix(OLD).unwrap_or(name)
}

/// A schema without notes, with sets in one order.
pub(in crate::diff) fn normal(schema: &Value) -> Value {
    let mut schema = hash::assertions(schema);
    sort_enums(&mut schema);
    schema
}

fn sort_enums(schema: &mut Value) {
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.sort_by_key(canonical::text);
    }
    children_mut(schema, &mut |child| sort_enums(child));
}

fn types(model: &Model) -> Map<String, Value> {
    let defs = model.schema_defs().into_iter();
    defs.map(|(name, schema)| (name, normal(&schema))).collect()
}

/// Types that are not in `new` as they are in `old`, and those that refer to such.
fn changed(old: &Map<String, Value>, new: &Map<String, Value>) -> BTreeSet<String> {
    let mut referrers: HashMap<&str, Vec<&String>> = HashMap::new();
    for (name, schema) in old {
        each_name(schema, &mut |target| {
            referrers.entry(target).or_default().push(name);
        });
    }
    let differs = |(name, schema): &(&String, &Value)| new.get(*name) != Some(*schema);
    let mut open: Vec<&String> = old.iter().filter(differs).map(|(name, _)| name).collect();
    let mut changed = BTreeSet::new();
    while let Some(name) = open.pop() {
        if changed.insert(name.clone()) {
            open.extend(referrers.get(name.as_str()).into_iter().flatten());
        }
    }
    changed
}

/// Calls `visit` with the name of every reference in a schema.
pub(super) fn each_name<'s>(schema: &'s Value, visit: &mut impl FnMut(&'s str)) {
    let mut open = vec![schema];
    while let Some(schema) = open.pop() {
        if let Some(name) = reference(schema) {
            visit(name);
        }
        open.extend(children(schema));
    }
}

fn each_reference(schema: &mut Value, change: &mut dyn FnMut(&mut String)) {
    if let Some(Value::String(reference)) = schema.get_mut("$ref") {
        change(reference);
    }
    children_mut(schema, &mut |child| each_reference(child, change));
}

/// The schemas directly inside a schema.
pub(super) fn children(schema: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for (key, value) in schema.as_object().into_iter().flatten() {
        match (keywords::find(key).map(|keyword| keyword.takes), value) {
            (Some(Takes::Schema), schema) => found.push(schema),
            (Some(Takes::SchemaList), Value::Array(list)) => found.extend(list),
            (Some(Takes::SchemaMap), Value::Object(map)) => found.extend(map.values()),
            _ => {}
        }
    }
    found
}

pub(super) fn children_mut(schema: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    let Value::Object(object) = schema else { return };
    for (key, value) in object.iter_mut() {
        match (keywords::find(key).map(|keyword| keyword.takes), value) {
            (Some(Takes::Schema), schema) => visit(schema),
            (Some(Takes::SchemaList), Value::Array(list)) => list.iter_mut().for_each(&mut *visit),
            (Some(Takes::SchemaMap), Value::Object(map)) => map.values_mut().for_each(&mut *visit),
            _ => {}
        }
    }
}
