//! The file's own JSON Schema agrees with the reader on what can be told of one place alone.

mod support;

use jsonschema::Validator;
use serde_json::{Value, json};

fn validator() -> Validator {
    let schema = wireloom_spec::file_schema();
    assert!(jsonschema::meta::is_valid(&schema), "it is a JSON Schema");
    jsonschema::validator_for(&schema).expect("it compiles")
}

/// The file as JSON. Only what these tests need: files without repeated keys.
fn json(text: &str) -> Value {
    serde_yaml::from_str(text).expect("it is YAML")
}

#[test]
fn sound_files_fit() {
    let validator = validator();
    let protocol = include_str!("../../../protocol.yaml").to_owned();
    let texts = support::files("mapping")
        .into_iter()
        .map(|path| std::fs::read_to_string(path).expect("the file can be read"));
    for text in texts.chain([protocol]) {
        let errors: Vec<_> = validator
            .iter_errors(&json(&text))
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}\n{text}");
    }
}

#[test]
fn wrong_files_do_not_fit() {
    let validator = validator();
    for folder in ["keys", "keywords", "language", "types_of_values", "values"] {
        let path = format!("{}/tests/diagnostics/{folder}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path)
            .expect("the file can be read")
            .replace("messageBytes: 1KiB, ", "");
        assert!(!validator.is_valid(&json(&text)), "{folder}");
    }
}

#[test]
fn every_slip_is_seen_by_an_editor() {
    let validator = validator();
    let sound = json!({
        "wireloom": 1,
        "info": { "name": "demo", "version": "1.0.0" },
        "messages": { "go": { "from": "client", "payload": { "fields": { "x": { "type": "string" } } } } },
    });
    assert!(validator.is_valid(&sound));
    for (pointer, value) in [
        ("/wireloom", json!(2)),
        ("/info", json!({ "name": "demo" })),
        ("/messages/go/from", json!("clinet")),
        ("/messages/go", json!({})),
        ("/messages/go/payload", json!(3)),
        ("/messages/go/payload/fields/x", json!({ "type": "strin" })),
        ("/messages/go/payload/fields/x", json!({ "minlength": 3 })),
        (
            "/messages/go/payload/fields/x",
            json!({ "type": "string", "minLength": -1 }),
        ),
        ("/messages/go/payload/fields/x", json!({ "oneOf": [] })),
        (
            "/messages/go/payload/fields/x",
            json!({ "items": { "typ": "string" } }),
        ),
    ] {
        let mut wrong = sound.clone();
        *wrong.pointer_mut(pointer).expect("it is there") = value;
        assert!(!validator.is_valid(&wrong), "{pointer}: {wrong}");
    }
}

#[test]
fn it_describes_what_it_lists() {
    let schema = wireloom_spec::file_schema();
    let text = schema.to_string();
    for pointer in [
        "/properties/messages/description",
        "/$defs/Message/properties/from/description",
    ] {
        assert!(schema.pointer(pointer).is_some(), "{pointer} in {text}");
    }
    assert_eq!(schema.pointer("/$defs/Message/required"), Some(&json!(["from"])));
    assert_eq!(
        schema.pointer("/$defs/Message/additionalProperties"),
        Some(&json!(false))
    );
    assert_eq!(
        schema.pointer("/required"),
        Some(&json!(["wireloom", "info", "messages"]))
    );
    assert!(!text.contains("null]"), "nothing is nullable: {text}");
}
