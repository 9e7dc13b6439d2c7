//! Measures, on the corpus, which branches of every schema the valid payloads reach: every alternative, every constant, every
//! type, properties that are there and that are not, lengths and numbers at their bounds, both sides of a condition.
//!
//! A branch is the schema that a value has to satisfy beside its own. Of a branch that was not reached, values are made for the
//! branch alone and put in the place of others: if one of them fits the whole payload, the branch can be reached, and the
//! strategies have missed it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::Path;
use std::rc::Rc;

use jsonschema::{Draft, PatternOptions, Validator};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use wireloom_fuzz::Fuzzer;
use wireloom_spec::Model;

type Outcome = Result<(), Box<dyn Error>>;

/// Payloads of a message in which nothing new is reached, before it is left.
const PATIENCE: usize = 400;
/// Payloads of a place that are kept, for values of missed branches to be put into them.
const KEPT: usize = 12;
/// Values that are made for a branch that was not reached.
const CANDIDATES: usize = 24;
/// Longest strings and arrays whose bounds have to be reached.
const LONGEST: u64 = 1_000;

/// A branch that was not reached: what it is called, and what a value of it satisfies.
type Branch = (String, Value);

/// All that is known of one protocol while it is measured.
struct Measure {
    defs: Map<String, Value>,
    /// By the pointer of their schema.
    validators: RefCell<HashMap<String, Rc<Validator>>>,
    /// By the pointer of the schema that has them.
    left: BTreeMap<String, Vec<Branch>>,
    /// How many branches there are, how many of them no value can have, and how many were reached.
    all: usize,
    unreachable: usize,
    reached: usize,
    /// The schemas of payloads by message; those of types under no name.
    documents: HashMap<String, Value>,
    /// For each schema inside another one: that one's pointer, and the way from there.
    parents: HashMap<String, (String, String)>,
    /// For each schema's pointer: payloads that have a value of it, and where.
    kept: HashMap<String, Vec<(Value, String)>>,
}

impl Measure {
    fn of(model: &Model) -> Self {
        let mut measure = Self {
            defs: model.schema_defs(),
            validators: RefCell::default(),
            left: BTreeMap::new(),
            all: 0,
            unreachable: 0,
            reached: 0,
            documents: HashMap::new(),
            parents: HashMap::new(),
            kept: HashMap::new(),
        };
        measure
            .documents
            .insert(String::new(), json!({ "$defs": measure.defs }));
        for message in &model.messages {
            let schema = model.def(message.payload).schema.clone();
            measure.documents.insert(message.name.clone(), schema);
        }
        for (name, schema) in measure.defs.clone() {
            measure.collect(&schema, &format!("#/$defs/{name}"));
        }
        measure
    }

    /// Whether a value satisfies the schema at a pointer.
    fn fits(&self, at: &str, schema: &Value, value: &Value) -> bool {
        if let Some(fits) = simple(schema, value) {
            return fits;
        }
        let known = self.validators.borrow().get(at).cloned();
        let validator = known.unwrap_or_else(|| {
            let validator = jsonschema::options()
                .with_draft(Draft::Draft202012)
                .should_validate_formats(true)
                .with_pattern_options(PatternOptions::regex())
                .build(&json!({ "$defs": self.defs, "allOf": [schema] }))
                .expect("a schema of a checked protocol compiles");
            let validator = Rc::new(validator);
            self.validators
                .borrow_mut()
                .insert(at.to_owned(), Rc::clone(&validator));
            validator
        });
        validator.is_valid(value)
    }

    /// The branches of a schema and of those inside it.
    fn collect(&mut self, schema: &Value, at: &str) {
        let Some(keywords) = schema.as_object() else {
            return;
        };
        let mut branches = branches(keywords);
        self.all += branches.len();
        branches.retain(|(_, what)| !self.is_unreachable(at, what));
        if !branches.is_empty() {
            self.left.insert(at.to_owned(), branches);
        }
        for (part, schema) in parts(keywords) {
            let inner = format!("{at}/{part}");
            self.parents.insert(inner.clone(), (at.to_owned(), part));
            self.collect(schema, &inner);
        }
    }

    /// The schema at a pointer.
    fn schema(&self, at: &str) -> Option<&Value> {
        let (document, path) = at.split_once('#')?;
        self.documents.get(document)?.pointer(path)
    }

    /// Whether it is proven that no value can have a branch: what describes the same value beside the schema refuses the only
    /// value that the branch lets through, or asks for the property that it lacks.
    fn is_unreachable(&mut self, at: &str, what: &Value) -> bool {
        let beside = self.beside(at);
        let proven = match self.only(what, &beside) {
            Some(only) => beside.iter().any(|around| {
                let schema = self.schema(around).unwrap_or(&Value::Bool(true));
                !self.fits(around, schema, &only)
            }),
            None => what.pointer("/not/required/0").is_some_and(|name| {
                let asks = |around: &String| {
                    let required = self.schema(around)?.get("required")?.as_array()?;
                    Some(required.contains(name))
                };
                beside.iter().any(|around| asks(around) == Some(true))
            }),
        };
        self.unreachable += usize::from(proven);
        proven
    }

    /// The pointers of everything that describes the same value as a schema: itself, what it is a part of, and the parts of
    /// that which always apply.
    fn beside(&self, at: &str) -> Vec<String> {
        let mut beside = vec![at.to_owned()];
        let mut next = 0;
        while let Some(at) = beside.get(next).cloned() {
            next += 1;
            let mut found = Vec::new();
            let parts = |at: &str| {
                self.schema(at)
                    .and_then(|schema| schema.get("allOf")?.as_array())
                    .map_or(0, Vec::len)
            };
            for index in 0..parts(&at) {
                found.push(format!("{at}/allOf/{index}"));
            }
            if let Some((around, part)) = self.parents.get(&at) {
                match part.split_once('/') {
                    None if part == "then" || part == "else" => found.push(around.clone()),
                    Some(("allOf" | "anyOf" | "oneOf", _)) => found.push(around.clone()),
                    // The same property in what describes the same object.
                    Some(("properties", _)) => {
                        let others = self.beside(around);
                        found.extend(others.iter().map(|object| format!("{object}/{part}")));
                    }
                    _ => {}
                }
            }
            for at in found {
                if self.schema(&at).is_some() && !beside.contains(&at) {
                    beside.push(at);
                }
            }
        }
        beside
    }

    /// The only value of a branch; of strings of one length any stands for all, where nothing but their length is looked at.
    fn only(&self, what: &Value, beside: &[String]) -> Option<Value> {
        if let Some(value) = what.get("const") {
            return Some(value.clone());
        }
        let count = |name: &str| what.get(name).and_then(Value::as_u64);
        if count("maxItems") == Some(0) {
            return Some(json!([]));
        }
        let length = count("maxLength").filter(|length| count("minLength") == Some(*length))?;
        let of_length = beside.iter().all(|at| {
            let text = self.schema(at).map(Value::to_string).unwrap_or_default();
            !["\"pattern\"", "\"format\"", "\"const\"", "\"enum\"", "\"$ref\""]
                .iter()
                .any(|word| text.contains(word))
        });
        of_length.then(|| "a".repeat(usize::try_from(length).unwrap_or(0)).into())
    }

    /// Marks what a value reaches that satisfies the schema.
    fn visit(&mut self, schema: &Value, at: &str, value: &Value, place: &str, whole: &Value) {
        let Some(keywords) = schema.as_object() else {
            return;
        };
        if let Some(mut left) = self.left.remove(at) {
            let before = left.len();
            left.retain(|(label, what)| !self.fits(&format!("{at} {label}"), what, value));
            self.reached += before - left.len();
            if !left.is_empty() {
                self.left.insert(at.to_owned(), left);
                let kept = self.kept.entry(at.to_owned()).or_default();
                if kept.len() < KEPT {
                    kept.push((whole.clone(), place.to_owned()));
                }
            }
        }
        let target = keywords.get("$ref").and_then(Value::as_str);
        if let Some(name) = target.and_then(|target| target.strip_prefix("#/$defs/")) {
            let target = self.defs.get(name).cloned().unwrap_or_default();
            self.visit(&target, &format!("#/$defs/{name}"), value, place, whole);
        }
        for (part, inner) in parts(keywords) {
            let inner_at = format!("{at}/{part}");
            for (value, step) in self.values(keywords, &part, inner, &inner_at, value) {
                self.visit(inner, &inner_at, value, &format!("{place}{step}"), whole);
            }
        }
    }

    /// The values that a subschema describes, and the steps to them.
    fn values<'v>(
        &self,
        all: &Map<String, Value>,
        part: &str,
        schema: &Value,
        at: &str,
        value: &'v Value,
    ) -> Vec<(&'v Value, String)> {
        let (keyword, rest) = part.split_once('/').unwrap_or((part, ""));
        let condition = |at: &str| {
            all.get("if")
                .is_some_and(|test| self.fits(&format!("{at} if"), test, value))
        };
        let around = at.trim_end_matches(part).trim_end_matches('/');
        let applies = match keyword {
            "allOf" => true,
            "anyOf" | "oneOf" => self.fits(at, schema, value),
            "then" => condition(around),
            "else" => !condition(around),
            "dependentSchemas" => value.get(unescaped(rest)).is_some(),
            _ => {
                return match value {
                    Value::Object(entries) => members(all, keyword, rest, entries),
                    Value::Array(items) => elements(all, keyword, rest, items),
                    _ => Vec::new(),
                };
            }
        };
        if applies {
            vec![(value, String::new())]
        } else {
            Vec::new()
        }
    }

    /// How many branches are left in a payload's schema and in the types that it may lead to.
    fn left_below(&self, roots: &[String]) -> usize {
        let below = |at: &str| {
            roots.iter().any(|root| {
                at.strip_prefix(root.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        self.left
            .iter()
            .filter(|(at, _)| below(at))
            .map(|(_, left)| left.len())
            .sum()
    }

    /// The pointers of a payload's schema and of the types that it leads to.
    fn roots(&self, schema: &Value, at: &str) -> Vec<String> {
        let mut roots = vec![at.to_owned()];
        let mut open = vec![schema.to_string()];
        while let Some(text) = open.pop() {
            for (name, schema) in &self.defs {
                let root = format!("#/$defs/{name}");
                if text.contains(&format!("\"{root}\"")) && !roots.contains(&root) {
                    roots.push(root);
                    open.push(schema.to_string());
                }
            }
        }
        roots
    }
}

fn members<'v>(
    all: &Map<String, Value>,
    keyword: &str,
    rest: &str,
    entries: &'v Map<String, Value>,
) -> Vec<(&'v Value, String)> {
    let named = |name: &str| all.get("properties").and_then(|known| known.get(name)).is_some();
    let step = |name: &str| format!("/{}", escaped(name));
    match keyword {
        "properties" => {
            let name = unescaped(rest);
            entries
                .get(&name)
                .into_iter()
                .map(|value| (value, step(&name)))
                .collect()
        }
        "additionalProperties" if all.get("patternProperties").is_none() => entries
            .iter()
            .filter(|(name, _)| !named(name))
            .map(|(name, value)| (value, step(name)))
            .collect(),
        _ => Vec::new(),
    }
}

fn elements<'v>(
    all: &Map<String, Value>,
    keyword: &str,
    rest: &str,
    items: &'v [Value],
) -> Vec<(&'v Value, String)> {
    let prefix = all
        .get("prefixItems")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let index = rest.parse::<usize>().ok();
    items
        .iter()
        .enumerate()
        .filter(|(at, _)| match keyword {
            "items" => *at >= prefix,
            "prefixItems" => Some(*at) == index,
            _ => false,
        })
        .map(|(at, value)| (value, format!("/{at}")))
        .collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// Subschemas that describe values or parts of values, with the way to them.
fn parts(keywords: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut parts = Vec::new();
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("items" | "additionalProperties" | "then" | "else", schema) => {
                parts.push((keyword.clone(), schema))
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(list)) => {
                let list = list.iter().enumerate();
                parts.extend(list.map(|(index, schema)| (format!("{keyword}/{index}"), schema)));
            }
            ("properties" | "dependentSchemas", Value::Object(entries)) => {
                let entries = entries.iter();
                parts.extend(entries.map(|(name, schema)| (format!("{keyword}/{}", escaped(name)), schema)));
            }
            _ => {}
        }
    }
    parts
}

/// The branches of one schema, and what a value satisfies in each.
fn branches(keywords: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let count = |name: &str| keywords.get(name).and_then(Value::as_u64);
    let types = match keywords.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let has_type = |name: &str| types.contains(&name);
    let fixed = keywords.contains_key("const") || keywords.contains_key("enum");
    for keyword in ["anyOf", "oneOf"] {
        for (index, alternative) in keywords
            .get(keyword)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            found.push((format!("{keyword}/{index}"), alternative.clone()));
        }
    }
    for value in keywords
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        found.push((format!("the constant {value}"), json!({ "const": value })));
    }
    if !fixed && types.len() > 1 {
        for name in &types {
            found.push((format!("the type {name}"), json!({ "type": name })));
        }
    }
    if !fixed && has_type("boolean") {
        for value in [true, false] {
            found.push((value.to_string(), json!({ "const": value })));
        }
    }
    if !fixed && (has_type("integer") || has_type("number")) {
        for bound in ["minimum", "maximum"] {
            if let Some(value) = keywords.get(bound) {
                found.push((format!("its {bound}"), json!({ "const": value })));
            }
        }
    }
    if !fixed && has_type("string") {
        for bound in ["minLength", "maxLength"] {
            if let Some(length) = count(bound).filter(|length| *length <= LONGEST) {
                found.push((
                    format!("its {bound}"),
                    json!({ "type": "string", "minLength": length, "maxLength": length }),
                ));
            }
        }
    }
    if !fixed && has_type("array") {
        let (min, max) = (count("minItems").unwrap_or(0), count("maxItems"));
        for (label, length) in [("its fewest items", Some(min)), ("its most items", max)] {
            if let Some(length) = length.filter(|length| *length <= LONGEST) {
                found.push((
                    label.to_owned(),
                    json!({ "type": "array", "minItems": length, "maxItems": length }),
                ));
            }
        }
        if max.is_none_or(|max| max > min) && keywords.get("items") != Some(&Value::Bool(false)) {
            found.push((
                "more items".to_owned(),
                json!({ "type": "array", "minItems": min + 1 }),
            ));
        }
    }
    if !fixed && has_type("object") {
        let required: Vec<&str> = keywords
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let properties = keywords.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            if required.contains(&name.as_str()) || *schema == Value::Bool(false) {
                continue;
            }
            let there = json!({ "type": "object", "required": [name] });
            found.push((format!("with {name:?}"), there.clone()));
            found.push((
                format!("without {name:?}"),
                json!({ "type": "object", "not": there }),
            ));
        }
        let closed = keywords.get("additionalProperties") == Some(&Value::Bool(false));
        if !closed && properties.is_none_or(Map::is_empty) && required.is_empty() {
            let min = count("minProperties").unwrap_or(0);
            found.push((
                "its fewest entries".to_owned(),
                json!({ "type": "object", "maxProperties": min }),
            ));
            if count("maxProperties").is_none_or(|max| max > min) {
                found.push((
                    "more entries".to_owned(),
                    json!({ "type": "object", "minProperties": min + 1 }),
                ));
            }
        }
    }
    if let Some(test) = keywords.get("if") {
        found.push(("if".to_owned(), test.clone()));
        found.push(("if not".to_owned(), json!({ "not": test })));
    }
    found
}

/// Whether a value satisfies a schema of [`branches`], where that is seen at once.
fn simple(schema: &Value, value: &Value) -> Option<bool> {
    let keywords = schema.as_object()?;
    let count = |name: &str| keywords.get(name).and_then(Value::as_u64);
    let within = |length: usize, min: &str, max: &str| {
        let length = length as u64;
        count(min).is_none_or(|min| length >= min) && count(max).is_none_or(|max| length <= max)
    };
    let keys: Vec<&str> = keywords.keys().map(String::as_str).collect();
    Some(match (keys.as_slice(), value) {
        (["const"], Value::Number(number)) => {
            let wanted = keywords.get("const")?.as_f64();
            wanted.is_some() && wanted == number.as_f64()
        }
        (["const"], Value::Bool(_) | Value::Null | Value::String(_)) => keywords.get("const") == Some(value),
        (["type", "minLength", "maxLength"], Value::String(text)) => {
            within(text.chars().count(), "minLength", "maxLength")
        }
        (["type", "minItems" | "maxItems", ..], Value::Array(items)) if keys.len() <= 3 => keys
            .iter()
            .all(|key| ["type", "minItems", "maxItems"].contains(key))
            .then(|| within(items.len(), "minItems", "maxItems"))?,
        _ => return None,
    })
}

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
