//! Whether a schema accepts everything that another accepts, by the canonical forms of the `jsonschema` crate. Only a
//! proof counts: its algebra is experimental, and what it cannot decide is for others to find out.

use jsonschema::canonical::{self, CanonicalSchema, Containment, Satisfiability};
use jsonschema::{Draft, PatternOptions};
use serde_json::{Map, Value};

use super::closed::closed;

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
    let (Some(outer), Some(inner)) = (canonical(outer), canonical(inner)) else {
        return Proof::Unknown(None);
    };
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

/// As validators read it: draft 2020-12, formats asserted, patterns by the linear-time engine.
fn canonical(schema: &Value) -> Option<CanonicalSchema> {
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
