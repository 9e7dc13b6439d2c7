//! The branches of one protocol: which there are, which can have no value, and which were reached.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};
use wireloom_spec::Model;

use crate::schema::{branches, elements, members, parts, simple, unescaped};

/// Payloads of a place that are kept, for values of missed branches to be put into them.
const KEPT: usize = 12;

/// A branch that was not reached: what it is called, and what a value of it satisfies.
pub(crate) type Branch = (String, Value);

/// All that is known of one protocol while it is measured.
pub(crate) struct Measure {
    pub(crate) defs: Map<String, Value>,
    /// By the pointer of their schema.
    validators: RefCell<HashMap<String, Rc<Validator>>>,
    /// By the pointer of the schema that has them.
    pub(crate) left: BTreeMap<String, Vec<Branch>>,
    /// How many branches there are, how many of them no value can have, and how many were reached.
    pub(crate) all: usize,
    pub(crate) unreachable: usize,
    pub(crate) reached: usize,
    /// The schemas of payloads by message; those of types under no name.
    documents: HashMap<String, Value>,
    /// For each schema inside another one: that one's pointer, and the way from there.
    parents: HashMap<String, (String, String)>,
    /// For each schema's pointer: payloads that have a value of it, and where.
    pub(crate) kept: HashMap<String, Vec<(Value, String)>>,
}

impl Measure {
    pub(crate) fn of(model: &Model) -> Self {
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
    pub(crate) fn fits(&self, at: &str, schema: &Value, value: &Value) -> bool {
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
    pub(crate) fn collect(&mut self, schema: &Value, at: &str) {
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
    pub(crate) fn schema(&self, at: &str) -> Option<&Value> {
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
    pub(crate) fn visit(&mut self, schema: &Value, at: &str, value: &Value, place: &str, whole: &Value) {
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
    pub(crate) fn left_below(&self, roots: &[String]) -> usize {
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
    pub(crate) fn roots(&self, schema: &Value, at: &str) -> Vec<String> {
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
