//! Whether a reader accepts whatever a sender may send: a proof, a value that it refuses, or neither.

use std::cell::RefCell;
use std::collections::HashMap;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::project::Projection;
use super::prove::{self, Proof};
use super::reader::Reader;
use super::shrink::simplest;
use super::split::tag;
use super::universe::{Universe, complete};
use crate::canonical;

/// Where values are taken from to look for one that a reader refuses. Schemas are whole, with their `$defs`; nothing that
/// comes is relied on: each value is judged by a validator.
pub trait Search {
    /// Values that satisfy a schema, as different from each other as may be.
    fn valid(&self, schema: &Value) -> Vec<Value>;
    /// Values that nearly satisfy it.
    fn near_misses(&self, schema: &Value) -> Vec<Value>;
}

/// What a judgement comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Judgement {
    /// Everything is accepted; it is proved.
    Accepted,
    /// This value is refused.
    Refused(Value),
    /// Something is refused, and nothing that could be shown was found.
    RefusedUnseen,
    /// Neither a proof nor a value was found.
    Undecided,
}

/// How the reader reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner<'v> {
    /// As servers do: by its schema alone.
    Strict,
    /// As clients do: without the fields that none of these schemas, which stand at the same place, knows.
    Tolerant(&'v [Value]),
}

/// Unions in unions that are looked into for what is plain.
const PARTS: u32 = 4;

/// Judges pairs of schemas of one universe.
pub(super) struct Judge<'u> {
    universe: &'u Universe,
    search: &'u dyn Search,
    known: RefCell<HashMap<String, Judgement>>,
}

impl<'u> Judge<'u> {
    pub(super) fn new(universe: &'u Universe, search: &'u dyn Search) -> Self {
        Self {
            universe,
            search,
            known: RefCell::default(),
        }
    }

    /// Whether `reader` accepts all that fits `sender`.
    pub(super) fn accepts(&self, reader: &Value, sender: &Value, manner: Manner<'_>) -> Judgement {
        if reader == sender {
            return Judgement::Accepted;
        }
        let mut key = format!("{} {}", canonical::text(reader), canonical::text(sender));
        if let Manner::Tolerant(place) = manner {
            place
                .iter()
                .for_each(|schema| key.push_str(&canonical::text(schema)));
        }
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let judgement = self.judge(reader, sender, manner);
        self.known.borrow_mut().insert(key, judgement.clone());
        judgement
    }

    /// Whether it is proved that `reader` accepts all that fits `sender`.
    pub(super) fn proves(&self, reader: &Value, sender: &Value, manner: Manner<'_>) -> bool {
        let strict = self.strict_proof(reader, sender);
        matches!(strict, Proof::Yes) || self.tolerant_proof(reader, sender, manner)
    }

    /// Whether it is proved that no value fits both.
    pub(super) fn disjoint(&self, one: &Value, other: &Value) -> bool {
        differ(self.universe.resolve(one), self.universe.resolve(other))
            || prove::disjoint(&self.universe.complete(one), &self.universe.complete(other))
    }

    fn strict_proof(&self, reader: &Value, sender: &Value) -> Proof {
        if self.is_plain(reader, sender, PARTS) {
            return Proof::Yes;
        }
        let whole = |schema| self.universe.complete(schema);
        let proof = prove::covers(&whole(reader), &whole(sender));
        // One variant that the prover does not know hides what it knows of the others.
        if matches!(proof, Proof::Unknown(_))
            && let Some(variants) = only(sender, &["anyOf", "oneOf"])
            && variants.iter().all(|variant| {
                self.is_plain(reader, variant, PARTS)
                    || matches!(prove::covers(&whole(reader), &whole(variant)), Proof::Yes)
            })
        {
            return Proof::Yes;
        }
        proof
    }

    /// Whether `reader` plainly accepts all that `sender` may send, whatever their parts mean.
    fn is_plain(&self, reader: &Value, sender: &Value, depth: u32) -> bool {
        if reader == sender || reader == &Value::Bool(true) || sender == &Value::Bool(false) {
            return true;
        }
        if depth == 0 {
            return false;
        }
        let inner = |reader: &Value, sender: &Value| self.is_plain(reader, sender, depth - 1);
        only(sender, &["anyOf", "oneOf"]).is_some_and(|list| list.iter().all(|each| inner(reader, each)))
            || only(sender, &["allOf"]).is_some_and(|list| list.iter().any(|each| inner(reader, each)))
            || only(reader, &["allOf"]).is_some_and(|list| list.iter().all(|each| inner(each, sender)))
            || only(reader, &["anyOf"]).is_some_and(|list| list.iter().any(|each| inner(each, sender)))
            || only(reader, &["oneOf"]).is_some_and(|list| {
                list.iter().any(|each| inner(each, sender)) && self.exclude_each_other(list)
            })
    }

    fn exclude_each_other(&self, list: &[Value]) -> bool {
        let resolve = |schema| self.universe.resolve(schema);
        list.iter().enumerate().all(|(at, one)| {
            let mut others = list.iter().skip(at + 1);
            others.all(|other| differ(resolve(one), resolve(other)))
        })
    }

    fn tolerant_proof(&self, reader: &Value, sender: &Value, manner: Manner<'_>) -> bool {
        let Manner::Tolerant(place) = manner else {
            return false;
        };
        if prove::is_too_deep(&self.universe.complete(sender)) {
            return false;
        }
        let place = Self::place(place, reader);
        let keeps = Reader {
            defs: &self.universe.defs,
        };
        // Values that the reader would cut although it accepts them are beyond what a projection says.
        if !keeps.may_prune(&place) || !keeps.keeps_its_own(&place) {
            return false;
        }
        let mut projection = Projection::new(keeps);
        let left = projection.of(sender, &place);
        if projection.given_up {
            return false;
        }
        let mut defs = self.universe.defs.clone();
        defs.extend(projection.defs);
        let proof = prove::covers(&self.universe.complete(reader), &complete(&defs, &left));
        matches!(proof, Proof::Yes)
    }

    fn judge(&self, reader: &Value, sender: &Value, manner: Manner<'_>) -> Judgement {
        let proof = self.strict_proof(reader, sender);
        if matches!(proof, Proof::Yes) || self.tolerant_proof(reader, sender, manner) {
            return Judgement::Accepted;
        }
        let whole_reader = self.universe.complete(reader);
        let whole_sender = self.universe.complete(sender);
        let Some(refused) = self.refusal(reader, sender, manner) else {
            return Judgement::Undecided;
        };
        let mut first = Vec::new();
        if let Proof::No(difference) | Proof::Unknown(Some(difference)) = &proof {
            first.push(difference.clone());
        }
        if let Manner::Tolerant(_) = manner {
            // What a reader refuses that minds no field at all is likely to be refused by this one.
            let opened = self.universe.complete(&opened(reader));
            if let Proof::No(difference) | Proof::Unknown(Some(difference)) =
                prove::covers(&opened, &whole_sender)
            {
                first.insert(0, difference);
            }
        }
        let sources: [&dyn Fn() -> Vec<Value>; 4] = [
            &simple_values,
            &|| {
                first
                    .iter()
                    .flat_map(|schema| self.search.valid(schema))
                    .collect()
            },
            &|| self.search.near_misses(&whole_reader),
            &|| self.search.valid(&whole_sender),
        ];
        for values in sources {
            let found = values().into_iter().filter(&refused);
            if let Some(shortest) = found.min_by_key(|value| value.to_string().len()) {
                return Judgement::Refused(simplest(shortest, refused));
            }
        }
        match (proof, manner) {
            (Proof::No(_), Manner::Strict) => Judgement::RefusedUnseen,
            _ => Judgement::Undecided,
        }
    }

    /// Whether `sender` may send this value, and `reader` refuses it.
    pub(super) fn shows(&self, reader: &Value, sender: &Value, manner: Manner<'_>, value: &Value) -> bool {
        self.refusal(reader, sender, manner)
            .is_some_and(|refused| refused(value))
    }

    /// Tells of a value whether `sender` may send it and `reader` refuses it; `None` if a schema does not compile.
    fn refusal(&self, reader: &Value, sender: &Value, manner: Manner<'_>) -> Option<impl Fn(&Value) -> bool> {
        let accepts = compile(&self.universe.complete(reader))?;
        let sends = compile(&self.universe.complete(sender))?;
        Some(move |value: &Value| {
            if !sends.is_valid(value) || accepts.is_valid(value) {
                return false;
            }
            let Manner::Tolerant(place) = manner else {
                return true;
            };
            let mut left = value.clone();
            let defs = &self.universe.defs;
            Reader { defs }.prune(&mut left, &Self::place(place, reader));
            !accepts.is_valid(&left)
        })
    }

    /// The schemas by which a reader knows fields at a place: its own among them.
    fn place<'a>(place: &'a [Value], reader: &'a Value) -> Vec<&'a Value> {
        if place.is_empty() {
            vec![reader]
        } else {
            place.iter().collect()
        }
    }
}

/// The schema without what closes its objects.
fn opened(schema: &Value) -> Value {
    let Value::Object(keywords) = schema else {
        return schema.clone();
    };
    let open = |(key, value): (&String, &Value)| {
        let closes = matches!(key.as_str(), "additionalProperties" | "unevaluatedProperties");
        if closes && value == &Value::Bool(false) {
            return None;
        }
        let value = match (key.as_str(), value) {
            ("properties" | "patternProperties", Value::Object(table)) => table
                .iter()
                .map(|(name, schema)| (name.clone(), opened(schema)))
                .collect::<Map<_, _>>()
                .into(),
            ("allOf" | "anyOf" | "prefixItems", Value::Array(list)) => list.iter().map(opened).collect(),
            ("items" | "additionalProperties", schema) => opened(schema),
            _ => value.clone(),
        };
        Some((key.clone(), value))
    };
    Value::Object(keywords.iter().filter_map(open).collect())
}

/// What is tried before anything is made up.
fn simple_values() -> Vec<Value> {
    let values = json!([null, true, false, 0, 1, -1, 0.5, "", "a", [], {}]);
    values.as_array().cloned().unwrap_or_default()
}

/// The list of a schema that has nothing but one of these keywords.
fn only<'v>(schema: &'v Value, keywords: &[&str]) -> Option<&'v [Value]> {
    let object = schema.as_object().filter(|object| object.len() == 1)?;
    let (key, list) = object.iter().next()?;
    keywords
        .contains(&key.as_str())
        .then(|| list.as_array().map(Vec::as_slice))?
}

/// Whether two schemas have no type in common, or the same required property with different constants: what is nearly
/// always so where variants exclude each other, and is seen at once.
fn differ(one: &Value, other: &Value) -> bool {
    if let (Some(one), Some(other)) = (types(one), types(other))
        && !one.iter().any(|kind| other.contains(kind))
    {
        return true;
    }
    matches!((tag(one), tag(other)), (Some((name, value)), Some((other_name, other_value)))
        if name == other_name && value != other_value)
}

/// The types that a schema's own `type` allows; integers are numbers.
fn types(schema: &Value) -> Option<Vec<&str>> {
    let kinds = match schema.get("type")? {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => vec![kind.as_str()?],
    };
    let number = |kind| if kind == "integer" { "number" } else { kind };
    Some(kinds.into_iter().map(number).collect())
}

fn compile(schema: &Value) -> Option<Validator> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .offline()
        .build(schema)
        .ok()
}
