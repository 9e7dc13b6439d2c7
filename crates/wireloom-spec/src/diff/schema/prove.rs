//! Whether a schema accepts everything that another accepts, by the canonical forms of the `jsonschema` crate. Only a
//! proof counts: its algebra is experimental, and what it cannot decide is for others to find out.

use std::collections::{BTreeSet, HashMap};

use jsonschema::canonical::{self, CanonicalSchema, Containment, Satisfiability};
use jsonschema::{Draft, PatternOptions};
use serde_json::{Map, Value};

use super::closed::closed;
use super::universe::{children, reference};

/// What is known of "every value that `inner` accepts, `outer` accepts".
pub(super) enum Proof {
    /// It is so.
    Yes,
    /// It is not so: this schema accepts just the values that `inner` accepts and `outer` does not.
    No(Value),
    /// Nothing is known. Where there is a schema, it accepts just the values in question, if there are any.
    Unknown(Option<Value>),
}

/// Asks. Both are whole schemas, with their `$defs`.
pub(super) fn covers(outer: &Value, inner: &Value) -> Proof {
    let few_names = names(&[outer, inner]) <= MAX_NAMES;
    let (Some(outer), Some(inner)) = (canonical(outer), canonical(inner)) else {
        return Proof::Unknown(None);
    };
    if outer.intersect(&inner).is_ok_and(|both| both == inner) {
        return Proof::Yes;
    }
    if !few_names {
        return Proof::Unknown(None);
    }
    if matches!(outer.covers(&inner), Ok(Containment::Yes)) {
        return Proof::Yes;
    }
    let Ok(difference) = inner.subtract(&outer) else {
        return Proof::Unknown(None);
    };
    match difference.satisfiability() {
        Satisfiability::No => Proof::Yes,
        Satisfiability::Yes => Proof::No(difference.to_json_schema()),
        Satisfiability::Unknown => Proof::Unknown(Some(difference.to_json_schema())),
    }
}

/// Whether it is proved that no value fits both.
pub(super) fn disjoint(one: &Value, other: &Value) -> bool {
    let (Some(one), Some(other)) = (canonical(one), canonical(other)) else {
        return false;
    };
    one.intersect(&other)
        .is_ok_and(|both| both.satisfiability() == Satisfiability::No)
}

/// Names of properties, in two schemas together, up to which their difference is asked for: it takes time that doubles
/// with each.
const MAX_NAMES: usize = 10;

/// How many different properties some schemas name.
fn names(schemas: &[&Value]) -> usize {
    let mut found = BTreeSet::new();
    let mut open = schemas.to_vec();
    while let Some(schema) = open.pop() {
        let declared = schema.get("properties").and_then(Value::as_object);
        found.extend(declared.into_iter().flatten().map(|(name, _)| name.as_str()));
        let required = schema.get("required").and_then(Value::as_array);
        found.extend(required.into_iter().flatten().filter_map(Value::as_str));
        let defs = schema.get("$defs").and_then(Value::as_object);
        open.extend(defs.into_iter().flat_map(Map::values));
        open.extend(children(schema));
    }
    found.len()
}

/// How deep schemas may be nested, types that they refer to included: the prover calls itself for each level.
const MAX_DEPTH: usize = 64;

/// Whether a whole schema is nested deeper than it can be proved about.
pub(super) fn is_too_deep(schema: &Value) -> bool {
    let defs = schema.get("$defs").and_then(Value::as_object);
    depth(schema, defs, &mut HashMap::new(), MAX_DEPTH) > MAX_DEPTH
}

/// Levels of a schema, down to where it comes back to a type that it is in; more than all that are `left` if there are.
fn depth<'s>(
    schema: &'s Value,
    defs: Option<&'s Map<String, Value>>,
    known: &mut HashMap<&'s str, usize>,
    left: usize,
) -> usize {
    if left == 0 {
        return MAX_DEPTH + 1;
    }
    let target = reference(schema).map_or(0, |name| {
        if let Some(depth) = known.get(name) {
            return *depth;
        }
        known.insert(name, 0);
        let target = defs.and_then(|defs| defs.get(name));
        let found = target.map_or(0, |target| depth(target, defs, known, left - 1));
        known.insert(name, found);
        found
    });
    let inside = children(schema).into_iter();
    let inside = inside.map(|child| depth(child, defs, known, left - 1)).max();
    1 + inside.unwrap_or(0).max(target)
}

/// As validators read it: draft 2020-12, formats asserted, patterns by the linear-time engine.
fn canonical(schema: &Value) -> Option<CanonicalSchema> {
    if is_too_deep(schema) {
        return None;
    }
    let mut schema = schema.clone();
    let defs = match schema.get_mut("$defs") {
        Some(Value::Object(defs)) => defs.clone(),
        _ => Map::new(),
    };
    closed(&mut schema, &defs);
    if let Some(Value::Object(types)) = schema.get_mut("$defs") {
        types.values_mut().for_each(|schema| closed(schema, &defs));
    }
    canonical::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .offline()
        .canonicalize(&schema)
        .ok()
}
