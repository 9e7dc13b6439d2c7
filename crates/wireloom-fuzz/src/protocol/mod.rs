//! Whole protocols at random: types, and messages that carry them. What a schema may be made of is in `schema`,
//! `scalar` and `object`.
//!
//! They are for tests of what reads protocols. Most of them are valid; which are not is for `wireloom_spec::check` to say.

mod object;
mod pool;
mod scalar;
mod schema;

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::random::Random;

/// The text of a `protocol.yaml` that the seed decides: the same text for the same seed.
///
/// It uses everything that the language has for schemas, in odd combinations and under odd names. Nearly always it is a
/// valid protocol; callers go on to another seed where it is not.
#[must_use]
pub fn random_protocol(seed: u64) -> String {
    let mut random = Random::new(seed);
    let named = Named::some(&mut random);
    let mut maker = Maker {
        random,
        named,
        made: 0,
        schemas: 0,
    };
    let types: Map<String, Value> = (0..maker.named.len())
        .map(|at| {
            maker.made = at;
            let name = maker.named.get(at).map_or("", |named| named.name);
            (name.to_owned(), maker.named_type(at))
        })
        .collect();
    maker.made = types.len();
    let messages = maker.messages(&types);
    text(seed, &types, &messages)
}

/// Schemas of one protocol that may be nested in others, before only small ones are made.
const MANY: u32 = 150;

/// What a named type is, as far as it matters to those that refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A closed object with the family's tag.
    Variant,
    /// An object that lets other properties through.
    Open,
    Any,
}

#[derive(Debug)]
struct Named {
    name: &'static str,
    kind: Kind,
}

impl Named {
    /// A family of variants first, since unions refer to them; then objects for `allOf`, then anything.
    fn some(random: &mut Random) -> Vec<Self> {
        let mut names = pool::TYPES.to_vec();
        random.shuffle(&mut names);
        let variants = 2 + random.below(2);
        let open = 1 + random.below(2);
        let others = 2 + random.below(5);
        let kinds = [(Kind::Variant, variants), (Kind::Open, open), (Kind::Any, others)];
        let kinds = kinds
            .into_iter()
            .flat_map(|(kind, count)| std::iter::repeat_n(kind, count));
        names
            .into_iter()
            .zip(kinds)
            .map(|(name, kind)| Self { name, kind })
            .collect()
    }
}

/// Makes the parts of one protocol.
#[derive(Debug)]
struct Maker {
    random: Random,
    named: Vec<Named>,
    /// How many of the named types are made: those that may be referred to from anywhere.
    made: usize,
    schemas: u32,
}

impl Maker {
    fn one_in(&mut self, n: usize) -> bool {
        self.random.once_in(n)
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        self.random.pick(of).cloned()
    }

    /// One of a few texts; empty if there are none.
    fn word(&mut self, of: &[&'static str]) -> &'static str {
        self.random.pick(of).copied().unwrap_or_default()
    }

    fn named_type(&mut self, at: usize) -> Value {
        match self.named.get(at).map(|named| named.kind) {
            Some(Kind::Variant) => self.tagged_object(pool::FAMILY, pool::tag_value(at), 1),
            Some(Kind::Open) => self.open_object(1),
            _ => self.schema(0, false),
        }
    }

    /// Messages of every direction. Each type is used by one, so that all of them can be reached.
    fn messages(&mut self, types: &Map<String, Value>) -> Map<String, Value> {
        let mut names = pool::MESSAGES.to_vec();
        self.random.shuffle(&mut names);
        let mut names = names.into_iter();
        let mut messages = Map::new();
        let mut of_server = Vec::new();
        let mut rest: Vec<&String> = types.keys().collect();
        while !rest.is_empty() {
            let Some(name) = names.next() else { break };
            let here = rest.split_off(rest.len().saturating_sub(1 + self.random.below(3)));
            let payload = match here.as_slice() {
                [one] if self.one_in(2) => json!(one),
                several => self.carrier(several),
            };
            let from = if of_server.len() < 3 { "server" } else { "both" };
            of_server.push(name);
            messages.insert(name.to_owned(), json!({ "from": from, "payload": payload }));
        }
        for name in names.take(3 + self.random.below(4)) {
            let mut message = json!({ "from": "client", "payload": self.schema(0, false) });
            if self.one_in(12) {
                message = json!({ "from": "client" });
            }
            if self.one_in(8) {
                set(&mut message, "deprecated", true);
            }
            let answer = self.pick(&of_server);
            match self.random.below(3) {
                0 => set(&mut message, "reply", answer),
                1 if of_server.len() > 1 => {
                    let (item, end) = (of_server.first().copied(), of_server.last().copied());
                    set(&mut message, "stream", json!({ "item": item, "end": end }));
                }
                _ => {}
            }
            messages.insert(name.to_owned(), message);
        }
        messages
    }

    /// An object with a property for each of several types.
    fn carrier(&mut self, names: &[&String]) -> Value {
        let mut fields = Map::new();
        for (at, name) in names.iter().enumerate() {
            let mark = if self.one_in(2) { "?" } else { "" };
            let suffix = self.word(&["", "", "[]", "?"]);
            fields.insert(format!("f{at}{mark}"), format!("{name}{suffix}").into());
        }
        json!({ "fields": fields })
    }
}

fn set(schema: &mut Value, keyword: &str, value: impl Into<Value>) {
    if let Some(keywords) = schema.as_object_mut() {
        keywords.insert(keyword.to_owned(), value.into());
    }
}

/// A file of one line a type and message; schemas in the JSON that YAML is made of, too.
fn text(seed: u64, types: &Map<String, Value>, messages: &Map<String, Value>) -> String {
    let mut out = format!("# Made at random from the seed {seed}.\nwireloom: 1\n");
    out.push_str("info: { name: random, version: 1.0.0 }\n");
    for (title, table) in [("types", types), ("messages", messages)] {
        // A string takes everything that is written to it, here and below.
        let _written = writeln!(out, "{title}:");
        for (name, value) in table {
            let _written = writeln!(out, "  {}: {}", json!(name), escaped(&value.to_string()));
        }
    }
    out
}

/// JSON in ASCII, with the escapes of YAML for everything else: some characters may not stand in YAML as they are.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        let code = u32::from(character);
        let _written = match code {
            0x20..0x7f => write!(out, "{character}"),
            0..0x1_0000 => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out
}
