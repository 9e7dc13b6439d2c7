//! Every protocol of the corpus: what is called valid is valid, and what is called a near miss violates what it says.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};

use jsonschema::{Draft, PatternOptions, Validator};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use wireloom_fuzz::Fuzzer;
use wireloom_spec::Model;

type Outcome = Result<(), Box<dyn Error>>;

/// A message; the same ones in every run, so that none of the keywords is missed by chance.
const CASES: usize = 16;

fn corpus() -> Result<Vec<(PathBuf, Model)>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let mut models = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let checked = wireloom_spec::check(&path.to_string_lossy(), &std::fs::read_to_string(&path)?);
            models.push((path, checked.model.ok_or("a protocol of the corpus has errors")?));
        }
    }
    models.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(models)
}

fn validator(model: &Model, schema: &Value) -> Result<Validator, Box<dyn Error>> {
    Ok(jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(&json!({ "$defs": model.schema_defs(), "allOf": [schema] }))?)
}

fn tree<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> Result<S::Tree, String> {
    strategy
        .new_tree(runner)
        .map_err(|reason| reason.message().to_owned())
}

#[test]
fn valid_payloads_are_valid_and_near_misses_miss_what_they_say() -> Outcome {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    let mut without = BTreeSet::new();
    for (path, model) in corpus()? {
        let fuzzer = Fuzzer::from_model(&model);
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        for message in model.messages.iter().filter(|message| !message.engine) {
            let name = &message.name;
            let validator = validator(&model, &model.def(message.payload).schema)?;
            for _ in 0..CASES {
                let payload = tree(&fuzzer.valid(name), &mut runner)?.current();
                assert!(
                    validator.is_valid(&payload),
                    "{file}: {name}: {payload} is not valid"
                );
            }
            for _ in 0..CASES {
                let Ok(tree) = fuzzer.near_miss(name).new_tree(&mut runner) else {
                    without.insert(format!("{file} {name}"));
                    break;
                };
                let near = tree.current();
                let errors: Vec<_> = validator.iter_errors(&near.payload).collect();
                assert!(!errors.is_empty(), "{file}: {name}: {near:?} is valid");
                for error in errors {
                    assert_eq!(error.kind().keyword(), near.keyword, "{file}: {name}: {near:?}");
                    assert_eq!(
                        error.instance_path().as_str(),
                        near.path,
                        "{file}: {name}: {near:?}"
                    );
                }
                seen.insert(near.keyword);
            }
        }
    }
    let expected = [
        "additionalProperties",
        "anyOf",
        "const",
        "contains",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "falseSchema",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "propertyNames",
        "required",
        "type",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    ];
    let missing: Vec<_> = expected
        .iter()
        .filter(|keyword| !seen.contains(**keyword))
        .collect();
    assert!(missing.is_empty(), "never violated: {missing:?}");
    // Payloads that anything fits: only these have nothing to miss.
    let loose: Vec<_> = without
        .iter()
        .filter(|name| !name.starts_with("payload-newtypes"))
        .collect();
    assert!(loose.is_empty(), "without a near miss: {loose:?}");
    Ok(())
}

#[test]
fn valid_payloads_reach_every_property_and_variant_of_the_examples() -> Outcome {
    let mut runner = TestRunner::deterministic();
    for (path, model) in corpus()? {
        let fuzzer = Fuzzer::from_model(&model);
        for message in model.messages.iter().filter(|message| !message.engine) {
            let mut names: BTreeSet<String> = BTreeSet::new();
            for example in &message.docs.examples {
                names.extend(
                    example
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(name, _)| name.clone()),
                );
            }
            let schema = model.def(message.payload).schema.to_string();
            names.retain(|name| schema.contains(&format!("{}:", json!(name))));
            for _ in 0..200 {
                if names.is_empty() {
                    break;
                }
                let payload = tree(&fuzzer.valid(&message.name), &mut runner)?.current();
                names.retain(|name| payload.get(name).is_none());
            }
            assert!(
                names.is_empty(),
                "{}: {}: never {names:?}",
                path.display(),
                message.name
            );
        }
    }
    Ok(())
}

#[test]
fn a_description_tells_as_much_as_the_file() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let of_file = Fuzzer::from_yaml(&std::fs::read_to_string(root.join("protocol.yaml"))?)?;
    let description = std::fs::read_to_string(root.join("schemas/protocol.json"))?;
    let described = Fuzzer::from_description(&description)?;
    assert!(of_file.messages().eq(described.messages()));
    assert!(of_file.types().eq(described.types()) && of_file.types().count() > 1);
    for message in of_file.messages() {
        for seed in 0..8 {
            assert_eq!(
                of_file.likely(message, seed),
                described.likely(message, seed),
                "{message}"
            );
        }
    }
    let mut runner = TestRunner::deterministic();
    for name in of_file.types() {
        tree(&described.valid_type(name), &mut runner)?;
    }
    let unknown = described.valid_type("Nobody").new_tree(&mut runner).err();
    let unknown = unknown.map(|reason| reason.message().to_owned());
    assert_eq!(unknown.as_deref(), Some("the protocol has no type \"Nobody\""));
    let refused = Fuzzer::from_description("{}")
        .err()
        .ok_or("nothing describes a protocol")?;
    assert!(
        refused
            .to_string()
            .starts_with("this does not describe a protocol"),
        "{refused}"
    );
    Ok(())
}

#[test]
fn failing_payloads_become_simple() -> Outcome {
    let fuzzer = Fuzzer::from_yaml(
        "
wireloom: 1
info: { name: demo, version: 1.0.0 }
messages:
  greet:
    from: client
    payload: { fields: { name: { type: string, minLength: 2 }, 'tags?': 'string[]', 'other?': any } }
",
    )?;
    let mut runner = TestRunner::deterministic();
    for _ in 0..50 {
        let mut tree = tree(&fuzzer.valid("greet"), &mut runner)?;
        if tree.current().get("tags").is_none() {
            continue;
        }
        // As the runner does: as long as it fails, simpler; when it passes, another way.
        let fails = |payload: &Value| payload.get("tags").is_some();
        let mut failed = tree.current();
        let mut more = tree.simplify();
        while more {
            let current = tree.current();
            more = if fails(&current) {
                failed = current;
                tree.simplify()
            } else {
                tree.complicate()
            };
        }
        assert_eq!(failed, json!({ "name": "aa", "tags": [] }));
    }
    let unknown = fuzzer.valid("gret").new_tree(&mut runner).err();
    assert_eq!(
        unknown.map(|reason| reason.message().to_owned()).as_deref(),
        Some("the protocol has no message \"gret\""),
    );
    Ok(())
}
