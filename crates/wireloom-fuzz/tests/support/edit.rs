//! Edits a protocol at random, as people do: somewhere in a schema, something small.

use serde_json::{Map, Value, json};

/// A sequence of numbers that a seed decides.
struct Dice(u64);

impl Dice {
    /// A number below `n`.
    fn below(&mut self, n: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n.max(1) as u64).unwrap()
    }

    fn pick<'t, T>(&mut self, of: &'t [T]) -> Option<&'t T> {
        of.get(self.below(of.len()))
    }
}

/// The protocol with one to three edits.
pub(crate) fn edited(protocol: &Value, seed: u64) -> Value {
    let mut dice = Dice(seed);
    let mut whole = protocol.clone();
    for _ in 0..1 + dice.below(3) {
        let mut places = Vec::new();
        for (name, schema) in table(&whole, "types") {
            schemas(schema, &format!("/types/{}", escaped(name)), &mut places);
        }
        for (name, message) in table(&whole, "messages") {
            if let Some(payload) = message.get("payload") {
                schemas(
                    payload,
                    &format!("/messages/{}/payload", escaped(name)),
                    &mut places,
                );
            }
        }
        let types: Vec<String> = table(&whole, "types").map(|(name, _)| name.clone()).collect();
        let Some(place) = dice.pick(&places).cloned() else {
            break;
        };
        let other = dice.pick(&places).and_then(|place| whole.pointer(place)).cloned();
        if let Some(schema) = whole.pointer_mut(&place) {
            edit(schema, other.unwrap_or(Value::Bool(true)), &types, &mut dice);
        }
    }
    whole
}

fn table<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Pointers to all schemas in a schema.
fn schemas(schema: &Value, at: &str, places: &mut Vec<String>) {
    places.push(at.to_owned());
    for key in ["fields", "properties", "patternProperties", "dependentSchemas"] {
        for (name, inner) in table(schema, key) {
            schemas(inner, &format!("{at}/{key}/{}", escaped(name)), places);
        }
    }
    for key in [
        "items",
        "additionalProperties",
        "contains",
        "propertyNames",
        "not",
        "if",
        "then",
        "else",
        "unevaluatedProperties",
        "unevaluatedItems",
    ] {
        if let Some(inner) = schema.get(key) {
            schemas(inner, &format!("{at}/{key}"), places);
        }
    }
    for key in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        for (index, inner) in schema
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            schemas(inner, &format!("{at}/{key}/{index}"), places);
        }
    }
}

fn edit(schema: &mut Value, other: Value, types: &[String], dice: &mut Dice) {
    let small = [
        json!("string"),
        json!("integer"),
        json!("boolean"),
        json!("null"),
        json!({ "type": "string", "maxLength": 3 }),
        json!({ "enum": ["a", "b"] }),
        json!({ "fields": { "a": "string" } }),
        json!({ "type": "array", "items": "integer" }),
    ];
    let new = match dice.pick(types) {
        Some(name) if dice.below(3) == 0 => json!(name),
        _ => dice.pick(&small).cloned().unwrap(),
    };
    match dice.below(12) {
        0 => *schema = new,
        1 => *schema = json!({ "oneOf": [schema.clone(), "null"] }),
        2 => *schema = json!({ "anyOf": [schema.clone(), new] }),
        3 => *schema = json!({ "oneOf": [schema.clone(), new] }),
        4 => *schema = other,
        _ => match schema {
            Value::Object(keywords) => keyword(keywords, new, dice),
            Value::String(name) => match name.strip_suffix('?') {
                Some(inner) => *schema = json!(inner),
                None => *schema = json!(format!("{name}?")),
            },
            other => *other = new,
        },
    }
}

fn keyword(keywords: &mut Map<String, Value>, new: Value, dice: &mut Dice) {
    let names: Vec<String> = keywords.keys().cloned().collect();
    if dice.below(4) == 0 {
        return add(keywords, new, dice);
    }
    let Some(name) = dice.pick(&names) else {
        return add(keywords, new, dice);
    };
    let unlikely = dice.below(5) == 0;
    match keywords.get_mut(name) {
        Some(Value::Object(table)) if matches!(name.as_str(), "fields" | "properties") => {
            property(table, new, dice);
        }
        Some(Value::Array(list)) => match dice.below(3) {
            0 if list.len() > 1 => {
                let at = dice.below(list.len());
                list.remove(at);
            }
            1 if name == "enum" => list.push(json!(["c", "d", "e"][dice.below(3)])),
            1 if name == "type" => list.push(json!(["null", "string", "integer", "boolean"][dice.below(4)])),
            1 if matches!(name.as_str(), "anyOf" | "oneOf" | "allOf" | "prefixItems") => list.push(new),
            _ => list.reverse(),
        },
        Some(value @ Value::Number(_)) if !unlikely => {
            let number = value.as_f64().unwrap();
            let changed = [number + 1.0, number - 1.0, number * 2.0, (number / 2.0).floor()][dice.below(4)];
            *value = if changed.fract() == 0.0 && changed.abs() < 9e15 {
                json!(changed as i64)
            } else {
                json!(changed)
            };
        }
        Some(Value::Bool(flag)) if !unlikely => *flag = !*flag,
        Some(_) if name == "oneOf" || name == "anyOf" => {}
        _ => {
            keywords.shift_remove(name);
        }
    }
    // One union for the other.
    if unlikely && let Some(list) = keywords.shift_remove("oneOf") {
        keywords.insert("anyOf".to_owned(), list);
    }
}

fn property(table: &mut Map<String, Value>, new: Value, dice: &mut Dice) {
    let names: Vec<String> = table.keys().cloned().collect();
    let Some(name) = dice.pick(&names) else {
        table.insert("added?".to_owned(), new);
        return;
    };
    match dice.below(5) {
        0 => {
            table.shift_remove(name);
        }
        1 => {
            table.insert("added?".to_owned(), new);
        }
        2 => {
            table.insert("added".to_owned(), new);
        }
        _ => {
            if let Some(schema) = table.shift_remove(name) {
                let turned = name.strip_suffix('?').map_or(format!("{name}?"), str::to_owned);
                table.insert(turned, schema);
            }
        }
    }
}

fn add(keywords: &mut Map<String, Value>, new: Value, dice: &mut Dice) {
    let number = json!(dice.below(6));
    let additions = [
        ("maxLength", number.clone()),
        ("minLength", number.clone()),
        ("maximum", number.clone()),
        ("minimum", number.clone()),
        ("maxItems", number.clone()),
        ("minItems", number.clone()),
        ("maxProperties", number),
        ("uniqueItems", json!(true)),
        ("pattern", json!("^[a-z]*$")),
        ("multipleOf", json!(2)),
        ("not", json!({ "enum": ["a", 1, null] })),
        ("additionalProperties", json!(false)),
        ("additionalProperties", new.clone()),
        ("unevaluatedProperties", json!(false)),
        ("required", json!(["a"])),
        ("open", json!(true)),
        ("contains", new.clone()),
        ("propertyNames", json!({ "maxLength": 6 })),
        ("allOf", json!([new])),
        ("description", json!("Something.")),
    ];
    if let Some((key, value)) = dice.pick(&additions) {
        keywords.insert((*key).to_owned(), value.clone());
    }
}
