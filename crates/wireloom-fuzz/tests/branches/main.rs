//! Measures, on the corpus, which branches of every schema the valid payloads reach: every alternative, every constant, every
//! type, properties that are there and that are not, lengths and numbers at their bounds, both sides of a condition.
//!
//! A branch is the schema that a value has to satisfy beside its own. Of a branch that was not reached, values are made for the
//! branch alone and put in the place of others: if one of them fits the whole payload, the branch can be reached, and the
//! strategies have missed it.

mod measure;
mod schema;

use std::error::Error;
use std::path::Path;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use wireloom_fuzz::Fuzzer;
use wireloom_spec::Model;

use measure::Measure;

type Outcome = Result<(), Box<dyn Error>>;

/// Payloads of a message in which nothing new is reached, before it is left.
const PATIENCE: usize = 400;
/// Values that are made for a branch that was not reached.
const CANDIDATES: usize = 24;

#[test]
fn valid_payloads_reach_every_branch_of_every_schema() -> Outcome {
    let patience = std::env::var("WIRELOOM_BRANCH_PATIENCE")
        .ok()
        .and_then(|text| text.parse().ok());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    let mut runner = TestRunner::deterministic();
    let (mut all, mut proven, mut cases) = (0, 0, 0);
    let (mut missed, mut unreachable) = (Vec::new(), Vec::new());
    for path in paths {
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let checked = wireloom_spec::check(&file, &std::fs::read_to_string(&path)?);
        let model = checked.model.ok_or("a protocol of the corpus has errors")?;
        let fuzzer = Fuzzer::from_model(&model);
        let mut measure = Measure::of(&model);
        for message in model.messages.iter().filter(|message| !message.engine) {
            let schema = &model.def(message.payload).schema;
            let at = format!("{}#", message.name);
            measure.collect(schema, &at);
            let roots = measure.roots(schema, &at);
            let strategy = fuzzer.valid(&message.name);
            let (mut left, mut in_vain) = (measure.left_below(&roots), 0);
            while left > 0 && in_vain < patience.unwrap_or(PATIENCE) {
                let tree = strategy
                    .new_tree(&mut runner)
                    .map_err(|reason| reason.message().to_owned())?;
                let payload = tree.current();
                let before = measure.reached;
                measure.visit(schema, &at, &payload, "", &payload);
                let found = measure.reached - before;
                in_vain = if found > 0 { 0 } else { in_vain + 1 };
                left -= found;
                cases += 1;
            }
        }
        all += measure.all;
        proven += measure.unreachable;
        for (at, branches) in &measure.left {
            // A schema without a value is inside a branch that is not reached: that one is told.
            let Some(kept) = measure.kept.get(at) else {
                continue;
            };
            for (label, what) in branches {
                match witness(&measure, &model, at, what, kept, &mut runner) {
                    Some(payload) => {
                        let payload: String = payload.to_string().chars().take(200).collect();
                        missed.push(format!("{file} {at}: {label}, for example {payload}"));
                    }
                    None => unreachable.push(format!("{file} {at}: {label}")),
                }
            }
        }
    }
    let summary = format!("{all} branches, {proven} of them proven to have no value, {cases} payloads");
    assert!(all > 2_000 && proven * 50 < all, "{summary}");
    let missed = missed.join("\n");
    assert!(missed.is_empty(), "{summary}; missed:\n{missed}");
    // Whether these have a value at all, nobody knows: prove that they have none, or make one.
    let unreachable = unreachable.join("\n");
    assert!(
        unreachable.is_empty(),
        "{summary}; no value was found:\n{unreachable}"
    );
    Ok(())
}

/// A payload that reaches the branch, if values made for the branch alone fit where others stand.
fn witness(
    measure: &Measure,
    model: &Model,
    at: &str,
    what: &Value,
    kept: &[(Value, String)],
    runner: &mut TestRunner,
) -> Option<Value> {
    let (root, _) = at.split_once('#')?;
    let own = measure.schema(at).cloned()?;
    let description = json!({
        "connection": { "limits": { "messageBytes": 1_000_000 } },
        "messages": { "branch": { "from": "both", "payload": { "allOf": [own, what] } } },
        "$defs": measure.defs,
    });
    let fuzzer = Fuzzer::from_description(&description.to_string()).ok()?;
    let strategy = fuzzer.valid("branch");
    for _ in 0..CANDIDATES {
        let Ok(tree) = strategy.new_tree(runner) else {
            continue;
        };
        for (whole, place) in kept {
            let mut whole = whole.clone();
            *whole.pointer_mut(place)? = tree.current();
            // Of which message it is a payload is not kept: any will do.
            let fits = |message: &&wireloom_spec::model::Message| {
                measure.fits(
                    &format!("{}#", message.name),
                    &model.def(message.payload).schema,
                    &whole,
                )
            };
            let of = |message: &&wireloom_spec::model::Message| {
                !message.engine && (root.is_empty() || message.name == root)
            };
            if model.messages.iter().filter(of).any(|message| fits(&message)) {
                return Some(whole);
            }
        }
    }
    None
}
