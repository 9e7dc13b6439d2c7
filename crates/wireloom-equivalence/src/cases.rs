//! Payloads for every message, and the run that has them judged.

use std::fmt;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use wireloom_fuzz::{Fuzzer, damaged, spelled};

use crate::{Protocol, Subject, Verdict};

/// Steps in which a text that shows a difference is made simpler.
const STEPS: u32 = 20_000;

/// A payload, and how it is written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The payload.
    pub payload: Value,
    /// Decides white space, order, escapes, and spellings of numbers; 0 is the plain spelling.
    pub spelling: u64,
    /// Decides what in the text is damaged, if anything.
    pub damage: Option<u64>,
}

impl Case {
    /// What is sent.
    #[must_use]
    pub fn text(&self) -> String {
        let text = spelled(&self.payload, self.spelling);
        match self.damage {
            Some(seed) => damaged(&text, seed),
            None => text,
        }
    }
}

/// How many cases came to which verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// See [`Verdict::Valid`].
    pub valid: u64,
    /// See [`Verdict::Invalid`].
    pub invalid: u64,
    /// See [`Verdict::Unreadable`].
    pub unreadable: u64,
    /// See [`Verdict::Undecided`].
    pub undecided: u64,
    /// Cases that were not made, since no payload was found.
    pub missed: u64,
}

impl Tally {
    /// Texts that were judged.
    #[must_use]
    pub fn cases(&self) -> u64 {
        self.valid + self.invalid + self.unreadable + self.undecided
    }

    fn add(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Valid => &mut self.valid,
            Verdict::Invalid => &mut self.invalid,
            Verdict::Unreadable => &mut self.unreadable,
            Verdict::Undecided => &mut self.undecided,
        } += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            valid,
            invalid,
            unreadable,
            undecided,
            missed,
        } = self;
        write!(
            f,
            "{} cases: {valid} valid, {invalid} invalid, {unreadable} unreadable, {undecided} undecided; {missed} not made",
            self.cases()
        )
    }
}

/// Every message of some protocols.
///
/// # Panics
///
/// If a protocol is not valid; it was when its code was generated.
#[must_use]
pub fn subjects(protocols: &'static [Protocol]) -> Vec<Subject> {
    let mut all = Vec::new();
    for protocol in protocols {
        let fuzzer = Fuzzer::from_yaml(protocol.yaml).expect("a valid protocol");
        all.extend(protocol.messages.iter().map(|(message, _)| Subject {
            protocol,
            fuzzer: fuzzer.clone(),
            message,
        }));
    }
    all
}

/// Has about so many cases judged, as many for each message; what they are depends on the seed alone.
///
/// # Errors
///
/// If decoders and their schemas differ: for each message the simplest text that was found to show it.
pub fn differ(subjects: &[Subject], cases: u64, seed: u64) -> Result<Tally, Vec<String>> {
    let mut tally = Tally::default();
    let mut differences = Vec::new();
    let each = cases.div_ceil(subjects.len().max(1) as u64);
    for (at, subject) in subjects.iter().enumerate() {
        let mut bytes = [0; 32];
        let parts = [seed.to_le_bytes(), (at as u64).to_le_bytes()];
        bytes
            .iter_mut()
            .zip(parts.as_flattened())
            .for_each(|(byte, part)| *byte = *part);
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let strategy = of(subject, &mut runner);
        for _ in 0..each {
            let Ok(mut tree) = strategy.new_tree(&mut runner) else {
                tally.missed += 1;
                continue;
            };
            match subject.judge(&tree.current().text()) {
                Ok(verdict) => tally.add(verdict),
                Err(difference) => {
                    differences.push(simplest(subject, &mut tree, difference));
                    break;
                }
            }
        }
    }
    if differences.is_empty() {
        Ok(tally)
    } else {
        Err(differences)
    }
}

/// The last difference on the way to simpler cases.
fn simplest(subject: &Subject, tree: &mut impl ValueTree<Value = Case>, found: String) -> String {
    let mut difference = found;
    let mut more = tree.simplify();
    for _ in 0..STEPS {
        if !more {
            break;
        }
        more = match subject.judge(&tree.current().text()) {
            Err(simpler) => {
                difference = simpler;
                tree.simplify()
            }
            Ok(_) => tree.complicate(),
        };
    }
    difference
}

/// The cases of one message, of those kinds that it has.
fn of(subject: &Subject, runner: &mut TestRunner) -> BoxedStrategy<Case> {
    let Subject { fuzzer, message, .. } = subject;
    let mut kinds: Vec<(u32, BoxedStrategy<Value>)> = vec![(1, any_json())];
    let valid = fuzzer.valid(message);
    if (0..3).any(|_| valid.new_tree(runner).is_ok()) {
        kinds.push((4, valid));
        kinds.push((3, fuzzer.mutated(message)));
        // A message that everything fits has no near miss.
        let loose = [json!(null), json!(1), json!("a"), json!([]), json!({})];
        let near = fuzzer.near_miss(message);
        if !loose.iter().all(|value| fuzzer.accepts(message, value)) && near.new_tree(runner).is_ok() {
            kinds.push((3, near.prop_map(|near| near.payload).boxed()));
        }
    }
    let payload = proptest::strategy::Union::new_weighted(kinds);
    let damage = prop_oneof![4 => Just(None), 1 => any::<u64>().prop_map(Some)];
    (payload, any::<u64>(), damage)
        .prop_map(|(payload, spelling, damage)| Case {
            payload,
            spelling,
            damage,
        })
        .boxed()
}

/// JSON of any kind, small.
fn any_json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1000i64..1000).prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no such number", |n| n.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let entries = proptest::collection::btree_map("[a-z]{0,3}", inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            entries.prop_map(|entries| entries.into_iter().collect::<Value>()),
        ]
    })
    .boxed()
}
