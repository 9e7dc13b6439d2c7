//! Keywords of schemas that need no other schema to be understood.

use serde_json::{Map, Value, json};

use super::documents::{Documents, Place};
use super::report::Kind;
use super::schema::{LEFT_OUT, is_format, is_type};

/// A keyword whose value is carried as it is, in another form, or not at all.
pub(super) fn plain(
    key: &str,
    value: &Value,
    at: &Place,
    all: &Map<String, Value>,
    documents: &mut Documents,
) -> Option<Value> {
    let is_right = match key {
        "title" | "description" | "$comment" | "pattern" | "contentEncoding" | "contentMediaType" => {
            value.is_string()
        }
        "deprecated" | "readOnly" | "writeOnly" | "uniqueItems" => value.is_boolean(),
        "const" | "default" => true,
        "enum" | "examples" => value.is_array(),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
        | "minContains" | "maxContains" => return count(key, value, at, documents),
        "minimum" | "maximum" | "multipleOf" => {
            let exclusive = match key {
                "minimum" => "exclusiveMinimum",
                _ => "exclusiveMaximum",
            };
            // Draft 4: a flag makes the bound exclusive, and `settle` makes a bound of it.
            if key != "multipleOf" && all.get(exclusive) == Some(&Value::Bool(true)) {
                return None;
            }
            value.is_number()
        }
        "exclusiveMinimum" | "exclusiveMaximum" => {
            if value.is_boolean() {
                return None;
            }
            value.is_number()
        }
        "required" => return required(value, at, documents),
        "dependentRequired" => value.is_object(),
        "$id" | "id" | "$anchor" | "$dynamicAnchor" | "$recursiveAnchor" | "$vocabulary" => {
            documents.say(
                Kind::Note,
                at,
                format!("`{key}`"),
                "types are known by their names",
            );
            return None;
        }
        "discriminator" => {
            documents.say(
                Kind::Note,
                at,
                "`discriminator`",
                "what tells the alternatives apart is found by itself where it is a `const`",
            );
            return None;
        }
        _ if key.starts_with("x-") => {
            documents.lost(at, format!("the extension `{key}`"), LEFT_OUT);
            return None;
        }
        "externalDocs" | "xml" | "contentSchema" => {
            documents.lost(at, format!("`{key}` has no counterpart"), LEFT_OUT);
            return None;
        }
        _ => {
            documents.lost(at, format!("`{key}` is no keyword that is known"), LEFT_OUT);
            return None;
        }
    };
    if is_right {
        return Some(value.clone());
    }
    documents.lost(
        at,
        format!("`{key}` is not of the form that it should have"),
        LEFT_OUT,
    );
    None
}

/// Keywords that say nothing of values.
const NOTES: [&str; 18] = [
    "title",
    "description",
    "$comment",
    "default",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "externalDocs",
    "discriminator",
    "xml",
    "$id",
    "$anchor",
    "$schema",
];

/// Whether JSON Schema has the keyword, in any draft.
pub(super) fn is_known(key: &str) -> bool {
    const ASSERTING: [&str; 43] = [
        "additionalItems",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "contains",
        "definitions",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "id",
        "if",
        "items",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "nullable",
        "oneOf",
        "pattern",
        "patternProperties",
        "prefixItems",
        "properties",
        "propertyNames",
        "required",
        "then",
        "type",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    ];
    key.starts_with('$') || NOTES.contains(&key) || ASSERTING.contains(&key)
}

/// Whether a keyword says which values are valid.
pub(super) fn asserts(key: &str) -> bool {
    !NOTES.contains(&key) && !key.starts_with("x-")
}

fn count(key: &str, value: &Value, at: &Place, documents: &mut Documents) -> Option<Value> {
    let whole = value
        .as_f64()
        .filter(|number| number.fract() == 0.0 && (0.0..=9e15).contains(number));
    let number = value.as_u64().or_else(|| whole.map(|number| number as u64));
    if number.is_none() {
        documents.lost(at, format!("`{key}` is no whole number from 0"), LEFT_OUT);
    }
    number.map(Value::from)
}

fn required(value: &Value, at: &Place, documents: &mut Documents) -> Option<Value> {
    let Some(names) = value.as_array() else {
        documents.lost(at, "`required` is no list of names", LEFT_OUT);
        return None;
    };
    let mut once: Vec<Value> = Vec::new();
    for name in names {
        if name.is_string() && !once.contains(name) {
            once.push(name.clone());
        }
    }
    Some(once.into())
}

/// Puts down what several keywords come to together: the types with `nullable`, the format for these types, exclusive
/// bounds of draft 4, and `example`.
pub(super) fn settle(
    all: &Map<String, Value>,
    out: &mut Map<String, Value>,
    place: &Place,
    documents: &mut Documents,
) {
    let mut types = types(all, place, documents);
    format(all, &mut types, out, place, documents);
    if all.get("nullable") == Some(&Value::Bool(true)) {
        if types.is_empty() {
            documents.lost(&place.at("nullable"), "`nullable` without a `type`", LEFT_OUT);
        } else if !types.iter().any(|name| name == "null") {
            types.push("null".to_owned());
        }
    }
    match types.as_slice() {
        [] => {}
        [one] => {
            out.insert("type".to_owned(), one.as_str().into());
        }
        several => {
            out.insert("type".to_owned(), json!(several));
        }
    }
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if all.get(exclusive) == Some(&Value::Bool(true))
            && let Some(bound) = all.get(bound).filter(|bound| bound.is_number())
        {
            out.insert(exclusive.to_owned(), bound.clone());
        }
    }
    if let Some(example) = all.get("example") {
        match out.get_mut("examples").and_then(Value::as_array_mut) {
            Some(examples) => examples.push(example.clone()),
            None => {
                out.insert("examples".to_owned(), json!([example]));
            }
        }
    }
    // A schema's keywords stand in the order that people know.
    let first: Vec<String> = ["$ref", "type", "format"]
        .into_iter()
        .filter(|key| out.contains_key(*key))
        .map(str::to_owned)
        .collect();
    let mut ordered = Map::new();
    for key in first {
        if let Some(value) = out.shift_remove(&key) {
            ordered.insert(key, value);
        }
    }
    ordered.append(out);
    *out = ordered;
}

/// The names of the types; none if there is no `type`, or none that is known.
fn types(all: &Map<String, Value>, place: &Place, documents: &mut Documents) -> Vec<String> {
    let at = place.at("type");
    let names = match all.get("type") {
        None => return Vec::new(),
        Some(Value::String(name)) => vec![Value::from(name.as_str())],
        Some(Value::Array(names)) => names.clone(),
        Some(_) => Vec::new(),
    };
    let mut types: Vec<String> = Vec::new();
    let mut unknown = names.is_empty();
    for name in &names {
        match name.as_str() {
            Some(name) if is_type(name) => {
                if !types.iter().any(|known| known == name) {
                    types.push(name.to_owned());
                }
            }
            // Draft 3.
            Some("any") => return Vec::new(),
            _ => unknown = true,
        }
    }
    if unknown {
        let instead = if types.is_empty() {
            "any type is accepted"
        } else {
            LEFT_OUT
        };
        documents.lost(&at, "`type` names no type of JSON Schema", instead);
    }
    types
}

fn format(
    all: &Map<String, Value>,
    types: &mut [String],
    out: &mut Map<String, Value>,
    place: &Place,
    documents: &mut Documents,
) {
    let Some(format) = all.get("format") else { return };
    let at = place.at("format");
    let has = |name: &str| types.iter().any(|known| known == name);
    let mut keep = || out.insert("format".to_owned(), format.clone());
    match format.as_str().unwrap_or_default() {
        "int32" | "uint32" if has("integer") => {
            keep();
        }
        "int64" | "uint64" if has("string") && !has("integer") => {
            keep();
            // The language's own decimal strings say more than any pattern could.
            for key in ["pattern", "minLength", "maxLength"] {
                out.shift_remove(key);
            }
            for name in types.iter_mut().filter(|name| *name == "string") {
                *name = "integer".to_owned();
            }
        }
        name @ ("int64" | "uint64") if has("integer") => {
            documents.changed(
                &at,
                format!("the integer has `format: {name}`"),
                "it is a JSON number within +-(2^53 - 1), since a JavaScript number holds no more",
            );
            if name == "uint64" && !all.contains_key("minimum") {
                out.insert("minimum".to_owned(), 0.into());
            }
        }
        "double" | "float" if has("number") => {
            documents.say(
                Kind::Note,
                &at,
                "the number's `format`",
                "every number is a double",
            );
        }
        name if is_format(name) && (types.is_empty() || has("string")) => {
            keep();
        }
        name => {
            documents.lost(
                &at,
                format!("nobody would check the format `{name}` here"),
                LEFT_OUT,
            );
        }
    }
}
