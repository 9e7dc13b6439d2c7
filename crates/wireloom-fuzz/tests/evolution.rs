//! Random edits of protocols: whom `wireloom_spec::diff` calls untroubled must take every payload that comes. Payloads are
//! taken from the strategies of the one version and validated with the schemas of the other, in both directions.
//!
//! `EVOLUTION_EDITS` says how many edits are made, `EVOLUTION_SEED` which.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value};
use wireloom_client::without_unknown_fields;
use wireloom_fuzz::{Fuzzer, Samples, random_protocol};
use wireloom_spec::diff::{self, Comparison, Evidence, Pairing, Sender, Side};
use wireloom_spec::model::Model;

use support::edit::edited;

/// Edits that are made unless the environment says otherwise.
const EDITS: u64 = 16;
/// Payloads of each kind that are tried for a message.
const PAYLOADS: usize = 12;

struct Version {
    text: String,
    model: Model,
    defs: Map<String, Value>,
    fuzzer: Fuzzer,
}

impl Version {
    fn new(protocol: &Value) -> Option<Self> {
        let text = protocol.to_string();
        let model = wireloom_spec::check("protocol.yaml", &text).model?;
        Some(Self {
            defs: model.schema_defs(),
            fuzzer: Fuzzer::from_model(&model),
            text,
            model,
        })
    }

    fn side(&self) -> Side<'_> {
        Side {
            file: "protocol.yaml",
            text: &self.text,
            model: &self.model,
        }
    }

    fn payload(&self, message: &str) -> &Value {
        let message = self.model.message(message).unwrap();
        &self.model.def(message.payload).schema
    }

    /// A payload's schema, and those of all types that it uses.
    fn reached(&self, message: &str) -> BTreeMap<&str, &Value> {
        let mut reached = BTreeMap::from([("", self.payload(message))]);
        loop {
            let texts: String = reached.values().map(|schema| schema.to_string()).collect();
            let before = reached.len();
            for (name, schema) in &self.defs {
                if texts.contains(&format!("\"#/$defs/{name}\"")) {
                    reached.insert(name, schema);
                }
            }
            if reached.len() == before {
                return reached;
            }
        }
    }

    fn takes(&self, message: &str, payload: &Value, sender: Sender) -> bool {
        if self.fuzzer.accepts(message, payload) {
            return true;
        }
        if sender == Sender::Client {
            return false;
        }
        let left = without_unknown_fields(payload.clone(), self.payload(message), &self.defs);
        self.fuzzer.accepts(message, &left)
    }
}

/// Protocols to begin with.
fn corpus() -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files: Vec<_> = fs::read_dir(root.join("tests/corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.push(root.join("protocol.yaml"));
    files.sort();
    let read = |path: &Path| serde_yaml::from_str::<Value>(&fs::read_to_string(path).unwrap()).ok();
    files.iter().filter_map(|path| read(path)).collect()
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
    )
}

/// Payloads that `from` may send, some of which are just about too much for `to`.
fn payloads(from: &Version, to: &Version, message: &str, runner: &mut TestRunner) -> Vec<Value> {
    let mut found = Vec::new();
    let strategies = [
        from.fuzzer.valid(message),
        from.fuzzer.mutated(message),
        to.fuzzer.mutated(message),
        to.fuzzer.near_miss(message).prop_map(|miss| miss.payload).boxed(),
    ];
    for strategy in strategies {
        for _ in 0..PAYLOADS {
            let Ok(tree) = strategy.new_tree(runner) else {
                break;
            };
            found.push(tree.current());
        }
    }
    found.retain(|payload| from.fuzzer.accepts(message, payload));
    found
}

/// Whether some change of what a message is made of troubles a pairing.
fn is_troubled(found: &Comparison, message: &str, types: &BTreeSet<&str>, pairing: Pairing) -> bool {
    found
        .changes
        .iter()
        .filter(|change| change.troubles.iter().any(|trouble| trouble.pairing == pairing))
        .any(|change| match change.subject.split_once(' ') {
            Some(("message", name)) => name == message,
            Some(("type", name)) => types.contains(name.split(' ').next().unwrap_or(name)),
            _ => false,
        })
}

#[derive(Debug, Default)]
struct Tally {
    edits: u64,
    payloads: u64,
    untroubled: u64,
    shown: u64,
    undecided: u64,
}

/// Looks at one edit; an error says what contradicts.
fn look(old: &Version, new: &Version, seed: u64, tally: &mut Tally) -> Result<(), String> {
    let found = diff::compare(old.side(), new.side(), &Samples::default());
    tally.undecided += u64::from(found.changes.iter().any(diff::Change::is_undecided));
    let mut runner = runner(seed);
    for message in old.model.messages.iter().filter(|message| !message.engine) {
        let name = message.name.as_str();
        let Some(now) = new.model.message(name) else {
            continue;
        };
        let (before, after) = (old.reached(name), new.reached(name));
        if before == after {
            continue;
        }
        let types: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
        let senders = [
            (Sender::Client, message.from.client() && now.from.client()),
            (Sender::Server, message.from.server() && now.from.server()),
        ];
        for sender in senders
            .into_iter()
            .filter_map(|(sender, sends)| sends.then_some(sender))
        {
            for pairing in Pairing::ALL {
                let (from, to) = meeting(old, new, sender, pairing);
                if is_troubled(&found, name, &types, pairing) {
                    continue;
                }
                tally.untroubled += 1;
                for payload in payloads(from, to, name, &mut runner) {
                    tally.payloads += 1;
                    if !to.takes(name, &payload, sender) {
                        return Err(format!(
                            "{name}, sent by the {sender:?} to {pairing:?}: {payload}\n{}\n{}\nfrom {}\nto   {}",
                            old.text,
                            new.text,
                            from.payload(name),
                            to.payload(name)
                        ));
                    }
                }
            }
        }
    }
    examples(&found, old, new, tally)
}

/// A value that is shown of a whole payload is one: it may be sent, and is refused.
fn examples(found: &Comparison, old: &Version, new: &Version, tally: &mut Tally) -> Result<(), String> {
    for change in found.changes.iter().filter(|change| change.pointer.is_empty()) {
        let Some(name) = change.subject.strip_prefix("message ") else {
            continue;
        };
        for trouble in &change.troubles {
            let Evidence::Example(value) = &trouble.evidence else {
                continue;
            };
            let sender = if trouble.what.contains("client may send") {
                Sender::Client
            } else {
                Sender::Server
            };
            let (from, to) = meeting(old, new, sender, trouble.pairing);
            tally.shown += 1;
            if !from.fuzzer.accepts(name, value) || to.takes(name, value, sender) {
                return Err(format!(
                    "no example: {value} of {change:#?}\n{}\n{}",
                    old.text, new.text
                ));
            }
        }
    }
    Ok(())
}

/// Who sends and who reads.
fn meeting<'v>(
    old: &'v Version,
    new: &'v Version,
    sender: Sender,
    pairing: Pairing,
) -> (&'v Version, &'v Version) {
    match (sender, pairing) {
        (Sender::Client, Pairing::OldClient) | (Sender::Server, Pairing::NewClient) => (old, new),
        _ => (new, old),
    }
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "who runs it for long wants to see how far it is"
)]
fn nobody_who_is_called_untroubled_refuses_a_payload() {
    let number = |name: &str, default: u64| env::var(name).map_or(default, |text| text.parse().unwrap());
    let (edits, first) = (number("EVOLUTION_EDITS", EDITS), number("EVOLUTION_SEED", 0));
    let corpus = corpus();
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    let mut seed = first;
    while tally.edits < edits {
        seed += 1;
        let base = match usize::try_from(seed).unwrap() {
            at if at % 2 == 0 => corpus[at / 2 % corpus.len()].clone(),
            _ => serde_yaml::from_str(&random_protocol(seed / 16)).unwrap(),
        };
        // Edits that make no protocol, or none that differs, are not counted.
        let Some(old) = Version::new(&base) else { continue };
        let Some(new) = Version::new(&edited(&base, seed)) else {
            continue;
        };
        if old.model.hash == new.model.hash {
            continue;
        }
        tally.edits += 1;
        if let Err(why) = look(&old, &new, seed, &mut tally) {
            println!("seed {seed}: {why}");
            wrong.push(seed);
        }
        if tally.edits.is_multiple_of(500) {
            println!("{tally:?}");
        }
    }
    println!("{tally:?}");
    assert!(
        wrong.is_empty(),
        "contradictions at the seeds {wrong:?} of {tally:?}"
    );
    assert!(tally.payloads > edits, "too few payloads: {tally:?}");
    assert!(tally.untroubled * 4 > edits, "too few untroubled: {tally:?}");
}
