//! Long schemas to the language's shorthands, where both say exactly the same.

use serde_json::{Map, Value, json};

/// The schema as an author of the language would write it.
pub(super) fn schema(value: Value) -> Value {
    let Value::Object(mut keywords) = value else {
        return value;
    };
    for (key, value) in &mut keywords {
        let inner = value.take();
        *value = match key.as_str() {
            "items"
            | "additionalProperties"
            | "not"
            | "if"
            | "then"
            | "else"
            | "contains"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties" => schema(inner),
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => match inner {
                Value::Array(items) => items.into_iter().map(schema).collect(),
                other => other,
            },
            "properties" | "patternProperties" | "dependentSchemas" => match inner {
                Value::Object(entries) => {
                    let entries = entries.into_iter().map(|(name, value)| (name, schema(value)));
                    Value::Object(entries.collect())
                }
                other => other,
            },
            _ => inner,
        };
    }
    match expression(&keywords) {
        Some(expression) => expression.into(),
        None => Value::Object(fields(keywords)),
    }
}

/// The type expression that says the same.
fn expression(keywords: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| keywords.get(key).and_then(Value::as_str);
    match (keywords.len(), text("$ref"), text("type")) {
        (0, ..) => Some("any".to_owned()),
        (1, Some(reference), _) => Some(reference.strip_prefix("#/types/")?.to_owned()),
        (1, _, Some(name @ ("string" | "integer" | "number" | "boolean" | "null"))) => Some(name.to_owned()),
        (2, _, Some("array")) => match text("items")? {
            items if items.ends_with('?') => None,
            items => Some(format!("{items}[]")),
        },
        (2, _, Some("object")) => Some(format!("map<{}>", text("additionalProperties")?)),
        _ => None,
    }
}

/// `fields` in the place of `properties`, `required` and `additionalProperties`.
fn fields(mut keywords: Map<String, Value>) -> Map<String, Value> {
    let Some(Value::Object(properties)) = keywords.get("properties") else {
        return keywords;
    };
    let closed = keywords.get("additionalProperties");
    let is_plain = keywords.get("type") == Some(&json!("object"))
        && matches!(closed, None | Some(Value::Bool(false)))
        && !properties.is_empty()
        && properties.keys().all(|name| !name.ends_with('?'));
    let names = keywords.get("required").and_then(Value::as_array);
    let required: Vec<&str> = names.into_iter().flatten().filter_map(Value::as_str).collect();
    // `fields` requires in the order in which they stand.
    let in_order: Vec<&str> = properties
        .keys()
        .map(String::as_str)
        .filter(|name| required.contains(name))
        .collect();
    let same = required == in_order && names.is_none_or(|names| !names.is_empty());
    if !is_plain || !same {
        return keywords;
    }
    let fields: Map<String, Value> = properties
        .iter()
        .map(|(name, schema)| {
            let mark = if in_order.contains(&name.as_str()) {
                ""
            } else {
                "?"
            };
            (format!("{name}{mark}"), schema.clone())
        })
        .collect();
    let open = closed.is_none();
    for key in ["type", "properties", "required", "additionalProperties"] {
        keywords.shift_remove(key);
    }
    if open {
        keywords.insert("open".to_owned(), true.into());
    }
    keywords.insert("fields".to_owned(), fields.into());
    keywords
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::schema;

    #[test]
    fn shorthands_mean_what_they_stand_for() {
        let schemas = [
            json!({}),
            json!({ "type": "string" }),
            json!({ "$ref": "#/types/A" }),
            json!({ "type": "array", "items": { "type": "array", "items": { "$ref": "#/types/A" } } }),
            json!({ "type": "object", "additionalProperties": { "type": "integer" } }),
            json!({ "type": "object", "additionalProperties": true }),
            json!({ "type": "object", "properties": { "a": { "type": "string" }, "b": {} }, "required": ["b"], "additionalProperties": false }),
            json!({ "type": "object", "properties": { "a": {}, "b": true }, "required": ["b", "a"] }),
            json!({ "type": "object", "properties": { "a?": {} }, "required": ["a?"], "minProperties": 1 }),
            json!({ "type": "object", "properties": { "a": { "type": ["string", "null"] } }, "required": [] }),
            json!({ "type": "object", "properties": {} }),
            json!({ "type": "object", "properties": { "a": false }, "required": ["a", "z"], "description": "d" }),
        ];
        let model = |body: Value| {
            let file = json!({ "wireloom": 1, "info": { "name": "x", "version": "1.0.0" },
                "types": { "A": { "type": "string", "maxLength": 3 }, "B": body }, "messages": {} });
            let checked = wireloom_spec::check("x.yaml", &file.to_string());
            checked
                .model
                .unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
        };
        for long in schemas {
            let short = schema(long.clone());
            assert_eq!(model(long), model(short.clone()), "{short}");
        }
    }
}
