//! Protocols made at random: nearly all are valid, and together they use everything that the language has for schemas.

use std::collections::BTreeSet;

use wireloom_fuzz::{Fuzzer, damaged, random_protocol, spelled};
use wireloom_spec::Severity;

/// Protocols that are looked at; the same ones in every run.
const COUNT: u64 = 300;

/// Every keyword that asserts something, and the shorthands.
const KEYWORDS: [&str; 46] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "fields",
    "format",
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
    "oneOf",
    "open",
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
    "description",
    "deprecated",
    "reply",
    "stream",
    "payload",
];

/// What the model has for definitions and shapes, as it is written for people who debug it.
const SHAPES: [&str; 20] = [
    "Alias(",
    "Newtype(",
    "Struct(",
    "Enum(",
    "Tagged(",
    "Union(",
    "Any",
    "Null",
    "Boolean",
    "Integer {",
    "IntegerText(",
    "Number(",
    "String(",
    "Literals {",
    "Array {",
    "Tuple(",
    "Map {",
    "Nullable(",
    "boxed: true",
    "exactly_one: true",
];

#[test]
fn nearly_all_are_valid_and_together_they_use_everything() {
    let mut refused = Vec::new();
    let mut missing: BTreeSet<String> = KEYWORDS.iter().map(|keyword| format!("\"{keyword}\":")).collect();
    let mut shapes: BTreeSet<&str> = SHAPES.into();
    for seed in 0..COUNT {
        let text = random_protocol(seed);
        missing.retain(|keyword| !text.contains(keyword));
        let checked = wireloom_spec::check("random.yaml", &text);
        match checked.model {
            Some(model) => {
                let model = format!("{model:?}");
                shapes.retain(|shape| !model.contains(shape));
            }
            None => {
                let errors = checked.diagnostics.iter();
                let errors = errors.filter(|diagnostic| diagnostic.severity == Severity::Error);
                refused.push(format!(
                    "{seed}: {:?}",
                    errors.map(ToString::to_string).collect::<Vec<_>>()
                ));
            }
        }
    }
    assert!(refused.len() as u64 * 50 < COUNT, "refused: {refused:#?}");
    assert!(missing.is_empty(), "never used: {missing:?}");
    assert!(shapes.is_empty(), "never came to be: {shapes:?}");
}

#[test]
fn a_seed_is_one_protocol() {
    assert_eq!(random_protocol(7), random_protocol(7));
    assert_ne!(random_protocol(7), random_protocol(8));
    assert!(Fuzzer::from_yaml(&random_protocol(7)).is_ok());
}

#[test]
fn damaged_texts_are_no_json_or_not_safe_to_read() {
    // No whole number: one that is spelled `1.0` would be another value to `serde_json`.
    let value = serde_json::json!({ "a": [1.5, "é", { "b\"": true, "c": -2.5 }], "": null, "🦀": "" });
    let (mut sound, mut twice) = (0, 0);
    for seed in 0..2_000 {
        let text = damaged(&spelled(&value, seed), seed);
        // Names that stand twice, and numbers that are too large, are for others to find.
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(read) if read == value => twice += 1,
            Ok(_) => sound += 1,
            Err(_) => {}
        }
    }
    assert!(
        (200..1_200).contains(&twice),
        "{twice} with a name that stands twice"
    );
    assert!(sound < 300, "{sound} are other values");
}
