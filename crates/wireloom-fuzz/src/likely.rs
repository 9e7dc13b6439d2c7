//! Values that look as if somebody had written them. Everything stays valid: what cannot be made likelier without
//! violating the schema is left as it was built.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::random::Random;

/// Examples that a protocol gives of its fields, by the names of the fields.
pub(crate) type Familiar = BTreeMap<String, Vec<Value>>;

/// Words that texts are made of.
const WORDS: [&str; 24] = [
    "amber", "basket", "candle", "delta", "ember", "forest", "garden", "harbor", "island", "jasmine",
    "kettle", "lantern", "meadow", "nickel", "orchard", "paper", "quartz", "river", "silver", "timber",
    "umbrella", "velvet", "willow", "zephyr",
];

/// Values in a payload that are looked at; what is beyond stays as it was built.
const MOST: usize = 200;

/// The examples of all fields and of the types that they have.
pub(crate) fn familiar<'v>(defs: &Map<String, Value>, schemas: impl Iterator<Item = &'v Value>) -> Familiar {
    let mut known = Familiar::new();
    for schema in schemas {
        fields(defs, schema, &mut known);
    }
    known.retain(|_, examples| !examples.is_empty());
    known
}

fn fields(defs: &Map<String, Value>, schema: &Value, known: &mut Familiar) {
    match schema {
        Value::Object(keywords) => {
            let properties = keywords.get("properties").and_then(Value::as_object);
            for (name, schema) in properties.into_iter().flatten() {
                let examples = examples(defs, schema);
                known.entry(name.clone()).or_default().extend(examples);
            }
            for (keyword, value) in keywords {
                if !["examples", "default", "enum", "const"].contains(&keyword.as_str()) {
                    fields(defs, value, known);
                }
            }
        }
        Value::Array(schemas) => {
            for schema in schemas {
                fields(defs, schema, known);
            }
        }
        _ => {}
    }
}

fn examples(defs: &Map<String, Value>, schema: &Value) -> Vec<Value> {
    let own = schema.get("examples").and_then(Value::as_array);
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        return own.clone();
    }
    let target = schema.get("$ref").and_then(Value::as_str);
    let target = target.and_then(|target| defs.get(target.strip_prefix("#/$defs/")?));
    if let Some(examples) = target.and_then(|target| target.get("examples")?.as_array()) {
        return examples.clone();
    }
    let variants = ["anyOf", "oneOf"]
        .into_iter()
        .find_map(|key| schema.get(key)?.as_array());
    match variants {
        Some(variants) => variants
            .iter()
            .flat_map(|variant| examples(defs, variant))
            .collect(),
        None => schema.get("default").cloned().into_iter().collect(),
    }
}

/// Exchanges odd texts, numbers and names for plain ones, one after the other, as long as `accepts` agrees.
pub(crate) fn likely(
    value: Value,
    familiar: &Familiar,
    random: &mut Random,
    accepts: impl Fn(&Value) -> bool,
) -> Value {
    let mut whole = value;
    let mut paths = Vec::new();
    collect(&whole, &mut String::new(), &mut paths);
    paths.truncate(MOST);
    for path in paths {
        let Some(old) = whole.pointer(&path).cloned() else {
            continue;
        };
        let name = path.rsplit('/').next().and_then(|name| familiar.get(name));
        let example = name.and_then(|examples| random.pick(examples)).cloned();
        for candidate in example.into_iter().chain(candidates(&old, random)) {
            if let Some(place) = whole.pointer_mut(&path) {
                *place = candidate;
            }
            if accepts(&whole) {
                break;
            }
            if let Some(place) = whole.pointer_mut(&path) {
                place.clone_from(&old);
            }
        }
    }
    whole
}

/// The place of every value, innermost first: names change behind what they name.
fn collect(value: &Value, path: &mut String, paths: &mut Vec<String>) {
    let length = path.len();
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push_str(&format!("/{at}"));
                collect(item, path, paths);
                path.truncate(length);
            }
        }
        Value::Object(entries) => {
            for (name, entry) in entries {
                path.push('/');
                path.push_str(&name.replace('~', "~0").replace('/', "~1"));
                collect(entry, path, paths);
                path.truncate(length);
            }
        }
        _ => {}
    }
    paths.push(path.clone());
}

fn candidates(old: &Value, random: &mut Random) -> Vec<Value> {
    match old {
        Value::String(_) => {
            let text = words(random);
            let word = text.split(' ').next().unwrap_or_default().to_owned();
            let letter: String = word.chars().take(1).collect();
            vec![text.into(), word.into(), letter.into()]
        }
        Value::Number(_) => {
            let number = random.below(100);
            vec![number.into(), (number % 10).into(), 1.into()]
        }
        Value::Object(entries) => named(entries, random),
        _ => Vec::new(),
    }
}

/// Two or three words.
fn words(random: &mut Random) -> String {
    let count = 2 + random.below(2);
    let words: Vec<&str> = (0..count).filter_map(|_| random.pick(&WORDS).copied()).collect();
    words.join(" ")
}

/// The object without the names that nobody chose, or with words in their place. A schema that names them refuses both.
fn named(entries: &Map<String, Value>, random: &mut Random) -> Vec<Value> {
    let odd = |name: &str| crate::text::KEYS.contains(&name) || !name.chars().all(|c| c.is_ascii_graphic());
    if !entries.keys().any(|name| odd(name)) {
        return Vec::new();
    }
    let mut renamed = Map::new();
    for (name, value) in entries {
        let name = if odd(name) {
            random.pick(&WORDS).copied().unwrap_or("word").to_owned()
        } else {
            name.clone()
        };
        renamed.insert(name, value.clone());
    }
    vec![Value::Object(renamed)]
}
