//! Takes two versions of one schema apart: what changed here, what changed further inside, and what is the same.
//!
//! Inside is where a change can be judged alone: where a schema that accepts more makes the whole accept more. So it is for
//! properties, items and the variants of a union, but not for `not`, `if`, or variants that exclude each other: what
//! changes in those is a change here.

use serde_json::{Map, Value};

use super::judge::Judge;
use super::universe::{Universe, plain, reference};

/// A way into a schema: keys of its JSON.
pub(super) type Path = Vec<String>;

/// A part inside that both have.
#[derive(Debug)]
pub(super) struct Child {
    /// The way there in the old schema, and in the new one.
    pub(super) old_way: Path,
    pub(super) new_way: Path,
    pub(super) old: Value,
    pub(super) new: Value,
    pub(super) place: ChildPlace,
}

/// The place of a part, seen from the value that the schema describes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ChildPlace {
    /// The same value.
    Same,
    /// A property of this name.
    Property(String),
    /// Any property that has no name in the schema.
    OtherProperty,
    /// The item with this number, and with `items` all that follow.
    Item(usize),
    /// What no reader cuts: names of properties, items that `contains` looks for.
    Elsewhere,
}

/// Two schemas that differ only here, and what they have inside.
#[derive(Debug)]
pub(super) struct Split {
    /// The old schema and the new one, with what the new one has inside.
    pub(super) with_new: (Value, Value),
    /// The same with what the old one has inside.
    pub(super) with_old: (Value, Value),
    /// What has changed inside.
    pub(super) children: Vec<Child>,
    /// A type that both refer to by its name, and that has changed.
    pub(super) reference: Option<String>,
}

/// Takes two schemas apart; `None` if they can only be compared as a whole.
pub(super) fn split(old: &Value, new: &Value, universe: &Universe, judge: &Judge<'_>) -> Option<Split> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return None;
    };
    let whole = |keywords: &Map<String, Value>| {
        // What they look at is whatever the others leave over.
        keywords.contains_key("unevaluatedProperties") || keywords.contains_key("unevaluatedItems")
    };
    if whole(old) || whole(new) || !types_meet(old, new) {
        return None;
    }
    let (old_union, new_union) = (union_of(old, judge), union_of(new, judge));
    let (old, new, old_union, new_union) = match (old_union, new_union) {
        (Some(one), Some(other)) => (
            at_least_one(old, one),
            at_least_one(new, other),
            Some(one),
            Some(other),
        ),
        // What became a union, or was one: a variant that the other side is by itself.
        (Some(one), None) if is_among(new, old, one) => {
            (at_least_one(old, one), alone(new), Some(one), Some(ALONE))
        }
        (None, Some(other)) if is_among(old, new, other) => {
            (alone(old), at_least_one(new, other), Some(ALONE), Some(other))
        }
        _ => (old.clone(), new.clone(), old_union, new_union),
    };
    let keyword = |union: Option<&'static str>| union.unwrap_or("anyOf").to_owned();
    let mut splitter = Splitter {
        universe,
        with_new: old.clone(),
        with_old: new.clone(),
        children: Vec::new(),
        reference: None,
        old,
        new,
        union: (keyword(old_union), keyword(new_union)),
    };
    splitter.run(old_union.is_some() && new_union.is_some());
    Some(Split {
        with_new: (splitter.with_new.into(), splitter.new.into()),
        with_old: (splitter.old.into(), splitter.with_old.into()),
        children: splitter.children,
        reference: splitter.reference,
    })
}

/// Whether some type is possible in both, as far as their `type` says.
fn types_meet(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    let types = |keywords: &Map<String, Value>| -> Option<Vec<String>> {
        Some(match keywords.get("type")? {
            Value::Array(types) => types
                .iter()
                .filter_map(|kind| kind.as_str().map(str::to_owned))
                .collect(),
            kind => vec![kind.as_str()?.to_owned()],
        })
    };
    match (types(old), types(new)) {
        (Some(old), Some(new)) => old.iter().any(|kind| new.contains(kind)),
        _ => true,
    }
}

/// The keyword of a schema's only union, if its variants can be judged one by one: those of a `oneOf` must exclude each
/// other.
fn union_of(keywords: &Map<String, Value>, judge: &Judge<'_>) -> Option<&'static str> {
    match (keywords.get("anyOf"), keywords.get("oneOf")) {
        (Some(_), None) => Some("anyOf"),
        (None, Some(Value::Array(variants))) => {
            let mut pairs = variants
                .iter()
                .enumerate()
                .flat_map(|(at, one)| variants.iter().skip(at + 1).map(move |other| (one, other)));
            pairs
                .all(|(one, other)| judge.disjoint(one, other))
                .then_some("oneOf")
        }
        _ => None,
    }
}

fn at_least_one(keywords: &Map<String, Value>, union: &str) -> Map<String, Value> {
    keywords
        .iter()
        .map(|(key, value)| {
            let key = if key == union { "anyOf" } else { key };
            (key.to_owned(), value.clone())
        })
        .collect()
}

/// Instead of a union's keyword: a schema that was made a union of one variant.
const ALONE: &str = "";

fn alone(keywords: &Map<String, Value>) -> Map<String, Value> {
    Map::from_iter([("anyOf".to_owned(), Value::Array(vec![keywords.clone().into()]))])
}

/// Whether a schema is a variant of a union that is nothing else, whatever changed inside of it.
fn is_among(schema: &Map<String, Value>, union: &Map<String, Value>, keyword: &str) -> bool {
    let schema = Value::Object(schema.clone());
    let kind = |schema: &Value| schema.get("type").cloned();
    let mut variants = union.get(keyword).and_then(Value::as_array).into_iter().flatten();
    union.len() == 1
        && variants.any(|variant| match (reference(&schema), reference(variant)) {
            (Some(one), Some(other)) => plain(one) == plain(other),
            (None, None) => {
                kind(&schema).is_some() && kind(&schema) == kind(variant) && tag(&schema) == tag(variant)
            }
            _ => false,
        })
}

struct Splitter<'u> {
    universe: &'u Universe,
    old: Map<String, Value>,
    new: Map<String, Value>,
    with_new: Map<String, Value>,
    with_old: Map<String, Value>,
    children: Vec<Child>,
    reference: Option<String>,
    /// The keywords of the unions, as the files have them.
    union: (String, String),
}

impl Splitter<'_> {
    fn run(&mut self, unions: bool) {
        self.referenced();
        for key in ["properties", "patternProperties", "dependentSchemas"] {
            self.table(key);
        }
        self.one("additionalProperties", ChildPlace::OtherProperty);
        self.one("propertyNames", ChildPlace::Elsewhere);
        if !self.either("maxContains") {
            self.one("contains", ChildPlace::Elsewhere);
        }
        if self.old.contains_key("if") && self.old.get("if") == self.new.get("if") {
            self.one("then", ChildPlace::Same);
            self.one("else", ChildPlace::Same);
        }
        let length = |keywords: &Map<String, Value>| {
            keywords
                .get("prefixItems")
                .and_then(Value::as_array)
                .map_or(0, Vec::len)
        };
        let prefix = length(&self.old);
        if prefix == length(&self.new) {
            self.one("items", ChildPlace::Item(prefix));
            let pairs = (0..prefix).map(|at| (at, at)).collect();
            self.list("prefixItems", pairs, ChildPlace::Item);
        }
        if let Some(pairs) = self.matching("allOf", true) {
            self.list("allOf", pairs, |_| ChildPlace::Same);
        }
        if unions && let Some(pairs) = self.matching("anyOf", false) {
            self.list("anyOf", pairs, |_| ChildPlace::Same);
        }
    }

    fn either(&self, key: &str) -> bool {
        self.old.contains_key(key) || self.new.contains_key(key)
    }

    /// One type, which has changed: that is judged where it is defined.
    fn referenced(&mut self) {
        let (Some(old), Some(new)) = (self.old.get("$ref").cloned(), self.new.get("$ref").cloned()) else {
            return;
        };
        let name = |value: &Value| {
            value
                .as_str()
                .map(|text| text.trim_start_matches("#/$defs/").to_owned())
        };
        let (Some(old_name), Some(new_name)) = (name(&old), name(&new)) else {
            return;
        };
        if old_name != new_name && plain(&old_name) == new_name {
            self.reference = Some(new_name);
            self.with_new.insert("$ref".to_owned(), new);
            self.with_old.insert("$ref".to_owned(), old);
        }
    }

    fn table(&mut self, key: &str) {
        let (Some(Value::Object(old)), Some(Value::Object(new))) = (self.old.get(key), self.new.get(key))
        else {
            return;
        };
        let shared: Vec<(String, Value, Value)> = old
            .iter()
            .filter_map(|(name, old)| Some((name.clone(), old.clone(), new.get(name)?.clone())))
            .filter(|(_, old, new)| old != new)
            .collect();
        for (name, old, new) in shared {
            for (keywords, child) in [(&mut self.with_new, &new), (&mut self.with_old, &old)] {
                if let Some(table) = keywords.get_mut(key).and_then(Value::as_object_mut) {
                    table.insert(name.clone(), child.clone());
                }
            }
            let place = match key {
                "properties" => ChildPlace::Property(name.clone()),
                "patternProperties" => ChildPlace::OtherProperty,
                _ => ChildPlace::Same,
            };
            let way = vec![key.to_owned(), name];
            self.child(way.clone(), way, old, new, place);
        }
    }

    fn one(&mut self, key: &str, place: ChildPlace) {
        let (Some(old), Some(new)) = (self.old.get(key).cloned(), self.new.get(key).cloned()) else {
            return;
        };
        if old == new || !old.is_object() || !new.is_object() {
            return;
        }
        self.with_new.insert(key.to_owned(), new.clone());
        self.with_old.insert(key.to_owned(), old.clone());
        let way = vec![key.to_owned()];
        self.child(way.clone(), way, old, new, place);
    }

    /// Puts the pairs in front of both lists, equal to each other, and what has no partner behind them.
    fn list(&mut self, key: &str, pairs: Vec<(usize, usize)>, place: impl Fn(usize) -> ChildPlace) {
        let (Some(Value::Array(old)), Some(Value::Array(new))) =
            (self.old.get(key).cloned(), self.new.get(key).cloned())
        else {
            return;
        };
        let (mut olds, mut news) = (Vec::new(), Vec::new());
        for (from, to) in &pairs {
            let (Some(one), Some(other)) = (old.get(*from), new.get(*to)) else {
                continue;
            };
            olds.push(one.clone());
            news.push(other.clone());
            if one != other {
                let way = |union: &str, at: usize| {
                    vec![
                        if key == "anyOf" { union } else { key }.to_owned(),
                        at.to_string(),
                    ]
                };
                let (old_way, new_way) = (way(&self.union.0, *from), way(&self.union.1, *to));
                self.child(old_way, new_way, one.clone(), other.clone(), place(*from));
            }
        }
        let rest = |list: &[Value], taken: &dyn Fn(usize) -> bool| -> Vec<Value> {
            let left = list.iter().enumerate().filter(|(at, _)| !taken(*at));
            left.map(|(_, value)| value.clone()).collect()
        };
        let old_rest = rest(&old, &|at| pairs.iter().any(|pair| pair.0 == at));
        let new_rest = rest(&new, &|at| pairs.iter().any(|pair| pair.1 == at));
        let joined = |front: &[Value], rest: &[Value]| Value::Array([front, rest].concat());
        let key = key.to_owned();
        self.with_new.insert(key.clone(), joined(&news, &old_rest));
        self.new.insert(key.clone(), joined(&news, &new_rest));
        self.old.insert(key.clone(), joined(&olds, &old_rest));
        self.with_old.insert(key, joined(&olds, &new_rest));
    }

    fn child(&mut self, old_way: Path, new_way: Path, old: Value, new: Value, place: ChildPlace) {
        self.children.push(Child {
            old_way,
            new_way,
            old,
            new,
            place,
        });
    }

    /// Which schema of a list became which; `None` unless both have the list.
    fn matching(&self, key: &str, by_position: bool) -> Option<Vec<(usize, usize)>> {
        let (old, new) = (self.old.get(key)?.as_array()?, self.new.get(key)?.as_array()?);
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        let mut pair_up = |alike: &dyn Fn(usize, usize) -> bool| {
            for from in 0..old.len() {
                if pairs.iter().any(|pair| pair.0 == from) {
                    continue;
                }
                let free = |to: &usize| !pairs.iter().any(|pair| pair.1 == *to);
                if let Some(to) = (0..new.len()).filter(free).find(|to| alike(from, *to)) {
                    pairs.push((from, to));
                }
            }
        };
        let get = |from: usize, to: usize| Some((old.get(from)?, new.get(to)?));
        pair_up(&|from, to| get(from, to).is_some_and(|(old, new)| old == new));
        pair_up(&|from, to| {
            get(from, to)
                .and_then(|(old, new)| Some((reference(old)?, reference(new)?)))
                .is_some_and(|(old, new)| plain(old) == plain(new))
        });
        pair_up(&|from, to| {
            get(from, to)
                .and_then(|(old, new)| Some((self.tag(old)?, self.tag(new)?)))
                .is_some_and(|(old, new)| old == new)
        });
        if by_position {
            pair_up(&|from, to| from == to && old.len() == new.len());
        } else {
            let kind = |schema: &Value| schema.get("type").and_then(Value::as_str).map(str::to_owned);
            let only = |list: &[Value], wanted: &str| {
                let alike = list
                    .iter()
                    .filter(|schema| kind(schema).as_deref() == Some(wanted));
                alike.count() == 1
            };
            pair_up(&|from, to| {
                get(from, to)
                    .and_then(|(old, new)| Some((kind(old)?, kind(new)?)))
                    .is_some_and(|(one, other)| one == other && only(old, &one) && only(new, &other))
            });
        }
        // One that is left over on either side.
        if !by_position && old.len() - pairs.len() == 1 && new.len() - pairs.len() == 1 {
            let left = |number: usize, taken: &dyn Fn(usize) -> bool| (0..number).find(|at| !taken(*at));
            let from = left(old.len(), &|at| pairs.iter().any(|pair| pair.0 == at));
            let to = left(new.len(), &|at| pairs.iter().any(|pair| pair.1 == at));
            if let (Some(from), Some(to)) = (from, to)
                && alike(old.get(from), new.get(to))
            {
                pairs.push((from, to));
            }
        }
        pairs.sort_unstable();
        Some(pairs)
    }

    fn tag(&self, variant: &Value) -> Option<(String, String)> {
        tag(self.universe.resolve(variant))
    }
}

/// Whether two variants have the same `type`, and are not told apart by constants.
fn alike(old: Option<&Value>, new: Option<&Value>) -> bool {
    let kind = |schema: Option<&Value>| schema.and_then(|schema| schema.get("type")).cloned();
    kind(old).is_some() && kind(old) == kind(new) && old.and_then(tag) == new.and_then(tag)
}

/// The required property of an object schema whose value is a string constant.
pub(super) fn tag(schema: &Value) -> Option<(String, String)> {
    let required = schema.get("required")?.as_array()?;
    let properties = schema.get("properties")?.as_object()?;
    properties.iter().find_map(|(name, schema)| {
        let constant = schema.get("const")?.as_str()?;
        required
            .iter()
            .any(|each| each == name)
            .then(|| (name.clone(), constant.to_owned()))
    })
}
