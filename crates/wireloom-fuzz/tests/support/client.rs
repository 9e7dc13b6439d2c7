//! How a client reads messages of a newer server, as `tolerance.rs` of the Rust client has it: fields that no schema at
//! their place names are left out. Written from that file, and not from the comparison, which it is held against.

use serde_json::{Map, Value};

type Keywords = Map<String, Value>;

/// What a client makes of a payload that its schema refuses as it is.
pub(crate) fn as_a_client_reads(payload: &Value, schema: &Value, defs: &Keywords) -> Value {
    let mut left = payload.clone();
    prune(&mut left, &[schema], defs);
    left
}

fn prune(value: &mut Value, schemas: &[&Value], defs: &Keywords) {
    let mut all = Vec::new();
    for schema in schemas {
        expand(schema, 32, defs, &mut all);
    }
    match value {
        Value::Object(fields) => {
            let closed = all.iter().any(|schema| {
                ["additionalProperties", "unevaluatedProperties"]
                    .iter()
                    .any(|keyword| schema.get(*keyword) == Some(&Value::Bool(false)))
            });
            fields.retain(|name, value| {
                let below: Vec<&Value> = all.iter().filter_map(|schema| property(schema, name)).collect();
                prune(value, &below, defs);
                !closed || !below.is_empty()
            });
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                let below: Vec<&Value> = all
                    .iter()
                    .filter_map(|schema| {
                        let prefix = schema.get("prefixItems").and_then(Value::as_array);
                        prefix
                            .and_then(|prefix| prefix.get(at))
                            .or_else(|| schema.get("items"))
                    })
                    .collect();
                prune(item, &below, defs);
            }
        }
        _ => {}
    }
}

fn expand<'s>(schema: &'s Value, depth: u32, defs: &'s Keywords, all: &mut Vec<&'s Keywords>) {
    let Some(schema) = schema.as_object() else { return };
    if all.iter().any(|known| std::ptr::eq(*known, schema)) {
        return;
    }
    all.push(schema);
    if depth == 0 {
        return;
    }
    let name = schema.get("$ref").and_then(Value::as_str);
    if let Some(target) = name
        .and_then(|reference| reference.strip_prefix("#/$defs/"))
        .and_then(|name| defs.get(name))
    {
        expand(target, depth - 1, defs, all);
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for part in schema
            .get(keyword)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            expand(part, depth - 1, defs, all);
        }
    }
    for keyword in ["if", "then", "else"] {
        if let Some(part) = schema.get(keyword) {
            expand(part, depth - 1, defs, all);
        }
    }
}

fn property<'s>(schema: &'s Keywords, name: &str) -> Option<&'s Value> {
    let named = schema
        .get("properties")
        .and_then(|properties| properties.get(name));
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let by_pattern = patterns.and_then(|patterns| patterns.values().next());
    let additional = schema.get("additionalProperties").filter(|rest| rest.is_object());
    named.or(by_pattern).or(additional)
}
