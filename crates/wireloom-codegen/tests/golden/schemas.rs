//! Generated schemas are schemas, stand alone, and accept what the protocol calls examples.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wireloom_codegen::emit::{self, Bundle};
use wireloom_codegen::{Targets, generate};

use crate::Outcome;
use crate::agreement::compile;
use crate::corpus::cases;

#[test]
fn every_schema_passes_the_metaschema() -> Outcome {
    let mut ids = BTreeSet::new();
    let mut checked = 0;
    for case in cases()? {
        ids.clear();
        for artifact in generate(&case.model, &Targets::in_project(&case.file)) {
            if !artifact.path.ends_with(".schema.json") {
                continue;
            }
            let schema: Value = serde_json::from_str(&artifact.contents)?;
            let place = format!("{} {}", case.name, artifact.path);
            jsonschema::meta::validate(&schema).map_err(|error| format!("{place}: {error}"))?;
            assert_eq!(
                schema["$schema"], "https://json-schema.org/draft/2020-12/schema",
                "{place}"
            );
            let id = schema.get("$id").and_then(Value::as_str).map(str::to_owned);
            if !artifact.path.ends_with("/wireloom.schema.json") {
                let id = id.ok_or_else(|| format!("{place} has no $id"))?;
                assert!(ids.insert(id), "{place}: the $id is taken");
            }
            // A reference that leads nowhere is an error here.
            compile(&schema).map_err(|error| format!("{place}: {error}"))?;
            checked += 1;
        }
    }
    assert!(checked > 500, "only {checked} schemas");
    Ok(())
}

#[test]
fn definitions_are_those_that_are_needed() -> Outcome {
    let model = crate::corpus::check(
        "chain.yaml",
        "
wireloom: 1
info: { name: chain, version: 1.0.0 }
types:
  Unused: { type: string }
  C: { fields: { value: string } }
  B: C[]
  A: { fields: { b: B } }
messages:
  first: { from: client, payload: { fields: { a: A } } }
  second: { from: client, payload: { fields: { c: C } } }
  third: { from: client }
  all: { from: client, payload: { fields: { u: Unused } } }
",
    )?;
    let mut found = Vec::new();
    for (message, schema) in
        emit::message_schemas(&model, "chain.yaml").filter(|(message, _)| !message.engine)
    {
        let names: Vec<_> = schema["$defs"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect();
        found.push((message.name.clone(), names.join(" ")));
    }
    let expected = [
        ("first", "C B A"),
        ("second", "C"),
        ("third", ""),
        ("all", "Unused"),
    ];
    assert_eq!(
        found,
        expected.map(|(name, defs)| (name.to_owned(), defs.to_owned()))
    );
    Ok(())
}

#[test]
fn bundles_and_the_envelope_accept_whole_messages_only() -> Outcome {
    let mut accepted = 0;
    for case in cases()? {
        for (bundle, server) in [(Bundle::Client, false), (Bundle::Server, true)] {
            let schema = emit::bundle(&case.model, &case.file, bundle);
            let whole = compile(&schema)?;
            let envelope = emit::envelope(&case.model, &case.file);
            let envelope = compile(&envelope)?;
            let sent = |message: &&wireloom_spec::model::Message| {
                if server {
                    message.from.server()
                } else {
                    message.from.client()
                }
            };
            for message in case.model.messages.iter().filter(sent) {
                for example in &message.docs.examples {
                    let mut value = json!({ "type": message.name, "payload": example, "timestamp": 1 });
                    let place = format!("{} {value}", case.name);
                    assert!(whole.is_valid(&value), "{place}");
                    assert!(envelope.is_valid(&value), "{place}");
                    value["unknown"] = json!(1);
                    assert!(!whole.is_valid(&value), "{place}");
                    assert!(!envelope.is_valid(&value), "{place}");
                    accepted += 1;
                }
            }
            assert!(!whole.is_valid(&json!({ "type": "no such message", "payload": {}, "timestamp": 1 })));
        }
    }
    assert!(accepted > 100, "only {accepted} examples");
    Ok(())
}
