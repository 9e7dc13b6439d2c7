//! Says `unevaluatedProperties: false` as `additionalProperties: false` where it comes to the same, since the prover
//! knows that one alone: where the properties that are evaluated are the same for every value.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::universe::{children_mut, reference};

/// References to follow before giving up.
const MAX_REFERENCES: u32 = 16;

/// Rewrites a schema at any depth.
pub(super) fn closed(schema: &mut Value, defs: &Map<String, Value>) {
    children_mut(schema, &mut |child| closed(child, defs));
    let mut names = BTreeSet::new();
    if schema.get("unevaluatedProperties") != Some(&Value::Bool(false))
        || !evaluated(schema, defs, MAX_REFERENCES, &mut names)
    {
        return;
    }
    let Value::Object(keywords) = schema else { return };
    keywords.shift_remove("unevaluatedProperties");
    let mut properties = match keywords.get("properties") {
        Some(Value::Object(properties)) => properties.clone(),
        _ => Map::new(),
    };
    for name in names {
        properties.entry(name).or_insert(Value::Bool(true));
    }
    keywords.insert("properties".to_owned(), properties.into());
    keywords.insert("additionalProperties".to_owned(), Value::Bool(false));
}

/// Collects the names that are evaluated; `false` if that depends on the value.
fn evaluated(schema: &Value, defs: &Map<String, Value>, depth: u32, names: &mut BTreeSet<String>) -> bool {
    let Value::Object(keywords) = schema else {
        return true;
    };
    if depth == 0 {
        return false;
    }
    keywords.iter().all(|(key, value)| match key.as_str() {
        "properties" => {
            names.extend(value.as_object().into_iter().flat_map(Map::keys).cloned());
            true
        }
        "allOf" => {
            let mut parts = value.as_array().into_iter().flatten();
            parts.all(|part| evaluated(part, defs, depth - 1, names))
        }
        "$ref" => reference(schema)
            .and_then(|name| defs.get(name))
            .is_some_and(|target| evaluated(target, defs, depth - 1, names)),
        "additionalProperties"
        | "patternProperties"
        | "anyOf"
        | "oneOf"
        | "if"
        | "then"
        | "else"
        | "dependentSchemas" => false,
        _ => true,
    })
}
