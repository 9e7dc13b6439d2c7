//! The strategies of payloads: valid ones, near misses, and valid ones with something in them exchanged.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::{Config, Reason, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use crate::likely::{Familiar, likely};
use crate::random::Random;
use crate::sample::Sampler;
use crate::schema::{Node, Schemas};
use crate::shrink::Tree;
use crate::text::Patterns;
use crate::violate::{changes, odd_values, violates_only};

/// A payload that violates exactly one keyword of its schema.
#[derive(Debug, Clone, PartialEq)]
pub struct NearMiss {
    /// The payload.
    pub payload: Value,
    /// The keyword that a validator reports; for what is wrong inside the variants of a union, that of the union.
    pub keyword: String,
    /// Where it reports it, as a JSON Pointer into the payload.
    pub path: String,
}

/// The payload of one message type.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) optional: bool,
    pub(crate) client: bool,
    pub(crate) server: bool,
    pub(crate) engine: bool,
    /// Largest frame that it may come in, in bytes.
    pub(crate) message_bytes: usize,
    pub(crate) examples: Vec<Value>,
    pub(crate) familiar: Arc<Familiar>,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) patterns: Arc<Mutex<Patterns>>,
    pub(crate) node: Node,
    pub(crate) validator: Validator,
}

/// Values that may be built for one payload, before it is given up.
const FUEL: u32 = 50_000;
/// How often a payload is built to find what can be broken in it.
const ROUNDS: usize = 16;
/// How many keywords of one payload are tried, and how many changes for each.
const KEYWORDS: usize = 4;
const CHANGES: usize = 8;

impl Target {
    pub(crate) fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Whether some payload does not fit.
    pub(crate) fn can_miss(&self) -> bool {
        odd_values().iter().any(|value| !self.accepts(value))
    }

    fn sample(&self, runner: &mut TestRunner) -> Result<(Value, Random), Reason> {
        let mut patterns = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        let seed = any::<u64>().new_tree(runner)?.current();
        let mut sampler = Sampler {
            schemas: &self.schemas,
            patterns: &mut patterns,
            runner,
            random: Random::new(seed),
            fuel: FUEL,
        };
        for _ in 0..ROUNDS {
            if let Some(value) = sampler.value(&self.node)
                && self.accepts(&value)
            {
                return Ok((value, sampler.random));
            }
        }
        Err(format!("no valid payload of {} was found", self.name).into())
    }

    pub(crate) fn likely(&self, seed: u64) -> Option<Value> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let (value, mut random) = self.sample(&mut runner).ok()?;
        Some(likely(value, &self.familiar, &mut random, |value| {
            self.accepts(value)
        }))
    }

    /// A payload that fits, if one is found.
    pub(crate) fn one(&self, runner: &mut TestRunner) -> Option<Value> {
        self.sample(runner).ok().map(|(value, _)| value)
    }

    /// A payload that fits or nearly does, if one is found.
    pub(crate) fn changed(&self, runner: &mut TestRunner) -> Option<Value> {
        self.mutated(runner).ok()
    }

    /// A payload that violates one keyword, if one is found.
    pub(crate) fn one_near_miss(&self, runner: &mut TestRunner) -> Option<Value> {
        self.near_miss(runner).ok().map(|near_miss| near_miss.payload)
    }

    fn near_miss(&self, runner: &mut TestRunner) -> Result<NearMiss, Reason> {
        for _ in 0..ROUNDS {
            let (valid, mut random) = self.sample(runner)?;
            let changes = changes(&self.schemas, &self.node, &valid, &mut random);
            let mut keywords: Vec<&str> = changes.iter().map(|change| change.keyword).collect();
            keywords.sort_unstable();
            keywords.dedup();
            for _ in 0..KEYWORDS {
                // The keyword first: rare ones are as likely as common ones.
                let Some(keyword) = random.pick(&keywords).copied() else {
                    break;
                };
                let mut open: Vec<_> = changes
                    .iter()
                    .filter(|change| change.keyword == keyword)
                    .collect();
                random.shuffle(&mut open);
                for change in open.into_iter().take(CHANGES) {
                    if let Some(payload) = change.applied(&valid)
                        && violates_only(&self.validator, &payload, change.keyword, &change.path)
                    {
                        return Ok(NearMiss {
                            payload,
                            keyword: change.keyword.to_owned(),
                            path: change.path.clone(),
                        });
                    }
                }
            }
        }
        Err(format!("{} has no payload that violates one keyword", self.name).into())
    }

    fn mutated(&self, runner: &mut TestRunner) -> Result<Value, Reason> {
        let (mut value, mut random) = self.sample(runner)?;
        for _ in 0..1 + random.below(3) {
            mutate(&mut value, &mut random);
        }
        Ok(value)
    }
}

/// Exchanges, removes, repeats or renames something somewhere.
fn mutate(value: &mut Value, random: &mut Random) {
    let inside = !random.once_in(4);
    match value {
        Value::Array(items) if inside && !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(4) {
                0 => {
                    items.remove(at);
                }
                1 => items.extend(items.get(at).cloned()),
                _ => items
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|item| mutate(item, random)),
            }
        }
        Value::Object(entries) if inside && !entries.is_empty() => {
            let names: Vec<String> = entries.keys().cloned().collect();
            let Some(name) = random.pick(&names) else { return };
            match random.below(6) {
                0 => {
                    entries.shift_remove(name);
                }
                1 => {
                    if let Some(value) = entries.shift_remove(name) {
                        let other = random.pick(&crate::text::KEYS).copied().unwrap_or("other");
                        entries.insert(other.to_owned(), value);
                    }
                }
                _ => {
                    if let Some(value) = entries.get_mut(name) {
                        mutate(value, random);
                    }
                }
            }
        }
        Value::Number(number) if inside => {
            let value = number.as_f64().unwrap_or_default();
            let next = [
                value + 1.0,
                value - 1.0,
                -value,
                value / 2.0,
                value * 10.0,
                value.trunc(),
            ];
            if let Some(next) = random.pick(&next) {
                *number = serde_json::Number::from_f64(*next).unwrap_or_else(|| 0.into());
            }
        }
        Value::String(text) if inside => match random.below(3) {
            0 => {
                text.pop();
            }
            1 => text.push('🦀'),
            _ => text.push('a'),
        },
        _ => {
            if let Some(odd) = random.pick(&odd_values()) {
                *value = odd.clone();
            }
        }
    }
}

/// Which payloads a strategy makes.
pub(crate) trait Kind: Debug + Copy + 'static {
    type Value: Debug + Clone + 'static;

    fn make(target: &Target, runner: &mut TestRunner) -> Result<Self::Value, Reason>;
    fn payload(value: &Self::Value) -> &Value;
    /// The same with a simpler payload, if that is still of this kind.
    fn with(target: &Target, value: &Self::Value, payload: Value) -> Option<Self::Value>;
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Valid;

impl Kind for Valid {
    type Value = Value;

    fn make(target: &Target, runner: &mut TestRunner) -> Result<Value, Reason> {
        target.sample(runner).map(|(value, _)| value)
    }

    fn payload(value: &Value) -> &Value {
        value
    }

    fn with(target: &Target, _: &Value, payload: Value) -> Option<Value> {
        target.accepts(&payload).then_some(payload)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Near;

impl Kind for Near {
    type Value = NearMiss;

    fn make(target: &Target, runner: &mut TestRunner) -> Result<NearMiss, Reason> {
        target.near_miss(runner)
    }

    fn payload(value: &NearMiss) -> &Value {
        &value.payload
    }

    fn with(target: &Target, value: &NearMiss, payload: Value) -> Option<NearMiss> {
        violates_only(&target.validator, &payload, &value.keyword, &value.path).then(|| NearMiss {
            payload,
            ..value.clone()
        })
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Mutated;

impl Kind for Mutated {
    type Value = Value;

    fn make(target: &Target, runner: &mut TestRunner) -> Result<Value, Reason> {
        target.mutated(runner)
    }

    fn payload(value: &Value) -> &Value {
        value
    }

    fn with(_: &Target, _: &Value, payload: Value) -> Option<Value> {
        Some(payload)
    }
}

/// A strategy of payloads of one message type.
#[derive(Debug, Clone)]
pub(crate) struct Payloads<K> {
    /// An error names a message that the protocol does not have.
    pub(crate) target: Result<Arc<Target>, String>,
    pub(crate) kind: PhantomData<K>,
}

impl<K: Kind> Strategy for Payloads<K> {
    type Tree = Tree<K::Value>;
    type Value = K::Value;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let target = Arc::clone(
            self.target
                .as_ref()
                .map_err(|reason| Reason::from(reason.clone()))?,
        );
        let value = K::make(&target, runner)?;
        Ok(Tree::new(value, K::payload, move |value, payload| {
            K::with(&target, value, payload)
        }))
    }
}
