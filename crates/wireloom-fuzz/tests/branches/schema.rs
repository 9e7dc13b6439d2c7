//! What one schema says: its branches, its parts, and which values the parts describe.

use serde_json::{Map, Value, json};

/// Longest strings and arrays whose bounds have to be reached.
const LONGEST: u64 = 1_000;

/// Subschemas that describe values or parts of values, with the way to them.
pub(crate) fn parts(keywords: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut parts = Vec::new();
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("items" | "additionalProperties" | "then" | "else", schema) => {
                parts.push((keyword.clone(), schema));
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(list)) => {
                let list = list.iter().enumerate();
                parts.extend(list.map(|(index, schema)| (format!("{keyword}/{index}"), schema)));
            }
            ("properties" | "dependentSchemas", Value::Object(entries)) => {
                let entries = entries.iter();
                parts.extend(entries.map(|(name, schema)| (format!("{keyword}/{}", escaped(name)), schema)));
            }
            _ => {}
        }
    }
    parts
}

/// The branches of one schema, and what a value satisfies in each.
pub(crate) fn branches(keywords: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let count = |name: &str| keywords.get(name).and_then(Value::as_u64);
    let types = match keywords.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let has_type = |name: &str| types.contains(&name);
    let fixed = keywords.contains_key("const") || keywords.contains_key("enum");
    for keyword in ["anyOf", "oneOf"] {
        for (index, alternative) in keywords
            .get(keyword)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            found.push((format!("{keyword}/{index}"), alternative.clone()));
        }
    }
    for value in keywords
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        found.push((format!("the constant {value}"), json!({ "const": value })));
    }
    if !fixed && types.len() > 1 {
        for name in &types {
            found.push((format!("the type {name}"), json!({ "type": name })));
        }
    }
    if !fixed && has_type("boolean") {
        for value in [true, false] {
            found.push((value.to_string(), json!({ "const": value })));
        }
    }
    if !fixed && (has_type("integer") || has_type("number")) {
        for bound in ["minimum", "maximum"] {
            if let Some(value) = keywords.get(bound) {
                found.push((format!("its {bound}"), json!({ "const": value })));
            }
        }
    }
    if !fixed && has_type("string") {
        for bound in ["minLength", "maxLength"] {
            if let Some(length) = count(bound).filter(|length| *length <= LONGEST) {
                found.push((
                    format!("its {bound}"),
                    json!({ "type": "string", "minLength": length, "maxLength": length }),
                ));
            }
        }
    }
    if !fixed && has_type("array") {
        let (min, max) = (count("minItems").unwrap_or(0), count("maxItems"));
        for (label, length) in [("its fewest items", Some(min)), ("its most items", max)] {
            if let Some(length) = length.filter(|length| *length <= LONGEST) {
                found.push((
                    label.to_owned(),
                    json!({ "type": "array", "minItems": length, "maxItems": length }),
                ));
            }
        }
        if max.is_none_or(|max| max > min) && keywords.get("items") != Some(&Value::Bool(false)) {
            found.push((
                "more items".to_owned(),
                json!({ "type": "array", "minItems": min + 1 }),
            ));
        }
    }
    if !fixed && has_type("object") {
        let required: Vec<&str> = keywords
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let properties = keywords.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            if required.contains(&name.as_str()) || *schema == Value::Bool(false) {
                continue;
            }
            let there = json!({ "type": "object", "required": [name] });
            found.push((format!("with {name:?}"), there.clone()));
            found.push((
                format!("without {name:?}"),
                json!({ "type": "object", "not": there }),
            ));
        }
        let closed = keywords.get("additionalProperties") == Some(&Value::Bool(false));
        if !closed && properties.is_none_or(Map::is_empty) && required.is_empty() {
            let min = count("minProperties").unwrap_or(0);
            found.push((
                "its fewest entries".to_owned(),
                json!({ "type": "object", "maxProperties": min }),
            ));
            if count("maxProperties").is_none_or(|max| max > min) {
                found.push((
                    "more entries".to_owned(),
                    json!({ "type": "object", "minProperties": min + 1 }),
                ));
            }
        }
    }
    if let Some(test) = keywords.get("if") {
        found.push(("if".to_owned(), test.clone()));
        found.push(("if not".to_owned(), json!({ "not": test })));
    }
    found
}

/// Whether a value satisfies a schema of [`branches`], where that is seen at once.
pub(crate) fn simple(schema: &Value, value: &Value) -> Option<bool> {
    let keywords = schema.as_object()?;
    let count = |name: &str| keywords.get(name).and_then(Value::as_u64);
    let within = |length: usize, min: &str, max: &str| {
        let length = length as u64;
        count(min).is_none_or(|min| length >= min) && count(max).is_none_or(|max| length <= max)
    };
    let keys: Vec<&str> = keywords.keys().map(String::as_str).collect();
    Some(match (keys.as_slice(), value) {
        (["const"], Value::Number(number)) => {
            let wanted = keywords.get("const")?.as_f64();
            wanted.is_some() && wanted == number.as_f64()
        }
        (["const"], Value::Bool(_) | Value::Null | Value::String(_)) => keywords.get("const") == Some(value),
        (["type", "minLength", "maxLength"], Value::String(text)) => {
            within(text.chars().count(), "minLength", "maxLength")
        }
        (["type", "minItems" | "maxItems", ..], Value::Array(items)) if keys.len() <= 3 => keys
            .iter()
            .all(|key| ["type", "minItems", "maxItems"].contains(key))
            .then(|| within(items.len(), "minItems", "maxItems"))?,
        _ => return None,
    })
}

pub(crate) fn members<'v>(
    all: &Map<String, Value>,
    keyword: &str,
    rest: &str,
    entries: &'v Map<String, Value>,
) -> Vec<(&'v Value, String)> {
    let named = |name: &str| all.get("properties").and_then(|known| known.get(name)).is_some();
    let step = |name: &str| format!("/{}", escaped(name));
    match keyword {
        "properties" => {
            let name = unescaped(rest);
            entries
                .get(&name)
                .into_iter()
                .map(|value| (value, step(&name)))
                .collect()
        }
        "additionalProperties" if all.get("patternProperties").is_none() => entries
            .iter()
            .filter(|(name, _)| !named(name))
            .map(|(name, value)| (value, step(name)))
            .collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn elements<'v>(
    all: &Map<String, Value>,
    keyword: &str,
    rest: &str,
    items: &'v [Value],
) -> Vec<(&'v Value, String)> {
    let prefix = all
        .get("prefixItems")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let index = rest.parse::<usize>().ok();
    items
        .iter()
        .enumerate()
        .filter(|(at, _)| match keyword {
            "items" => *at >= prefix,
            "prefixItems" => Some(*at) == index,
            _ => false,
        })
        .map(|(at, value)| (value, format!("/{at}")))
        .collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

pub(crate) fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}
