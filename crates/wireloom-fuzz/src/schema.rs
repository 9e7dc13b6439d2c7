//! JSON Schema as the generators read it: every keyword parsed once, references by name.
//!
//! It is read from the schemas that the model emits, not from the shapes beside them. The emitted schema is what a
//! payload means; a shape that says something else is a mistake that the fuzzers are there to find.

use std::collections::BTreeMap;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};

/// JSON types, as a set of bits.
pub(crate) mod types {
    pub(crate) const NULL: u8 = 1;
    pub(crate) const BOOLEAN: u8 = 2;
    pub(crate) const INTEGER: u8 = 4;
    /// Numbers that are no integers; `number` is both.
    pub(crate) const FRACTION: u8 = 8;
    pub(crate) const STRING: u8 = 16;
    pub(crate) const ARRAY: u8 = 32;
    pub(crate) const OBJECT: u8 = 64;
    pub(crate) const ALL: u8 = 127;

    pub(crate) fn named(name: &str) -> u8 {
        match name {
            "null" => NULL,
            "boolean" => BOOLEAN,
            "integer" => INTEGER,
            "number" => INTEGER | FRACTION,
            "string" => STRING,
            "array" => ARRAY,
            "object" => OBJECT,
            _ => 0,
        }
    }
}

/// A schema, or one of its subschemas.
#[derive(Debug)]
pub(crate) struct Node {
    /// The types that it allows.
    pub(crate) types: u8,
    /// Whether it has a `type` of its own.
    pub(crate) typed: bool,
    /// Name in `$defs` that it refers to.
    pub(crate) reference: Option<String>,
    /// `enum` or `const`, and which of the two.
    pub(crate) constants: Option<(&'static str, Vec<Value>)>,
    pub(crate) all_of: Vec<Node>,
    pub(crate) any_of: Vec<Node>,
    pub(crate) one_of: Vec<Node>,
    pub(crate) condition: Option<Box<Condition>>,
    pub(crate) negated: bool,
    pub(crate) number: NumberRule,
    pub(crate) string: StringRule,
    pub(crate) array: ArrayRule,
    pub(crate) object: ObjectRule,
    /// Decides what is not built right at once; `None` where nothing is left to decide.
    pub(crate) check: Option<Validator>,
}

#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) test: Node,
    pub(crate) then: Option<Node>,
    pub(crate) otherwise: Option<Node>,
}

#[derive(Debug, Default)]
pub(crate) struct NumberRule {
    pub(crate) min: Option<f64>,
    pub(crate) above: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) below: Option<f64>,
    pub(crate) multiple_of: Option<f64>,
}

#[derive(Debug, Default)]
pub(crate) struct StringRule {
    pub(crate) min: Option<u64>,
    pub(crate) max: Option<u64>,
    pub(crate) pattern: Option<String>,
    pub(crate) format: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct ArrayRule {
    pub(crate) prefix: Vec<Node>,
    pub(crate) items: Option<Box<Node>>,
    pub(crate) min: Option<u64>,
    pub(crate) max: Option<u64>,
    pub(crate) unique: bool,
    pub(crate) contains: Option<Box<Node>>,
    pub(crate) min_contains: Option<u64>,
    pub(crate) max_contains: Option<u64>,
    pub(crate) unevaluated: Option<Box<Node>>,
}

#[derive(Debug, Default)]
pub(crate) struct ObjectRule {
    pub(crate) properties: Vec<(String, Node)>,
    pub(crate) required: Vec<String>,
    pub(crate) patterns: Vec<(String, Node, Option<Validator>)>,
    pub(crate) additional: Option<Box<Node>>,
    pub(crate) names: Option<Box<Node>>,
    pub(crate) min: Option<u64>,
    pub(crate) max: Option<u64>,
    pub(crate) dependent_required: Vec<(String, Vec<String>)>,
    pub(crate) dependent_schemas: Vec<(String, Node)>,
    pub(crate) unevaluated: Option<Box<Node>>,
}

impl ObjectRule {
    pub(crate) fn property(&self, name: &str) -> Option<&Node> {
        self.properties
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, node)| node)
    }

    /// The schemas of `patternProperties` that a name falls under.
    pub(crate) fn matching<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Node> {
        let text = Value::from(name);
        self.patterns.iter().filter_map(move |(_, node, check)| {
            check
                .as_ref()
                .is_some_and(|check| check.is_valid(&text))
                .then_some(node)
        })
    }
}

/// Keywords that a value is not built to satisfy at once; it is checked, and built again if it does not.
const CHECKED: [&str; 18] = [
    "not",
    "if",
    "oneOf",
    "anyOf",
    "allOf",
    "enum",
    "pattern",
    "format",
    "multipleOf",
    "uniqueItems",
    "contains",
    "unevaluatedItems",
    "unevaluatedProperties",
    "propertyNames",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "maxProperties",
];

/// Schemas of one protocol.
#[derive(Debug)]
pub(crate) struct Schemas {
    source: Map<String, Value>,
    pub(crate) defs: BTreeMap<String, Node>,
    /// Levels of nesting that each type needs at least; a type that can have no value is missing.
    heights: BTreeMap<String, u32>,
    /// What `items`, `additionalProperties` and their like are where they are missing.
    pub(crate) any: Node,
    text: Node,
}

/// Compiles a schema the way the runtime does: draft 2020-12, formats asserted, patterns by a linear-time engine.
pub(crate) fn compile(schema: &Value) -> Option<Validator> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .ok()
}

impl Schemas {
    pub(crate) fn new(source: Map<String, Value>) -> Self {
        let mut schemas = Self {
            source,
            defs: BTreeMap::new(),
            heights: BTreeMap::new(),
            any: Node::default(),
            text: Node {
                types: types::STRING,
                ..Node::default()
            },
        };
        let defs = schemas
            .source
            .iter()
            .map(|(name, schema)| (name.clone(), schemas.node(schema)))
            .collect();
        schemas.defs = defs;
        schemas.measure();
        schemas
    }

    /// A schema together with everything that it refers to.
    pub(crate) fn complete(&self, schema: &Value) -> Value {
        json!({ "$defs": self.source, "allOf": [schema] })
    }

    /// Reads a schema.
    pub(crate) fn node(&self, schema: &Value) -> Node {
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(false) => {
                return Node {
                    types: 0,
                    ..Node::default()
                };
            }
            _ => return Node::default(),
        };
        let get = |name: &str| keywords.get(name);
        let one = |name: &str| get(name).map(|schema| Box::new(self.node(schema)));
        let list = |name: &str| -> Vec<Node> {
            let schemas = get(name).and_then(Value::as_array);
            schemas
                .into_iter()
                .flatten()
                .map(|schema| self.node(schema))
                .collect()
        };
        let table = |name: &str| get(name).and_then(Value::as_object).into_iter().flatten();
        let named = |name: &str| -> Vec<(String, Node)> {
            table(name)
                .map(|(key, schema)| (key.clone(), self.node(schema)))
                .collect()
        };
        let count = |name: &str| get(name).and_then(Value::as_f64).map(|n| n as u64);
        let bound = |name: &str| get(name).and_then(Value::as_f64);
        let text = |name: &str| get(name).and_then(Value::as_str).map(str::to_owned);
        let reference = text("$ref").and_then(|target| {
            let name = target.strip_prefix("#/$defs/")?;
            Some(name.replace("~1", "/").replace("~0", "~"))
        });
        let constants = match (get("const"), get("enum").and_then(Value::as_array)) {
            (Some(value), _) => Some(("const", vec![value.clone()])),
            (None, Some(values)) => Some(("enum", values.clone())),
            (None, None) => None,
        };
        let condition = get("if").map(|test| {
            Box::new(Condition {
                test: self.node(test),
                then: get("then").map(|schema| self.node(schema)),
                otherwise: get("else").map(|schema| self.node(schema)),
            })
        });
        let beside_reference = reference.is_some() && keywords.len() > 1;
        let check = if beside_reference || CHECKED.iter().any(|name| keywords.contains_key(*name)) {
            compile(&self.complete(schema))
        } else {
            None
        };
        Node {
            types: get("type").map_or(types::ALL, allowed),
            typed: get("type").is_some(),
            reference,
            constants,
            all_of: list("allOf"),
            any_of: list("anyOf"),
            one_of: list("oneOf"),
            condition,
            negated: get("not").is_some(),
            number: NumberRule {
                min: bound("minimum"),
                above: bound("exclusiveMinimum"),
                max: bound("maximum"),
                below: bound("exclusiveMaximum"),
                multiple_of: bound("multipleOf"),
            },
            string: StringRule {
                min: count("minLength"),
                max: count("maxLength"),
                pattern: text("pattern"),
                format: text("format"),
            },
            array: ArrayRule {
                prefix: list("prefixItems"),
                items: one("items"),
                min: count("minItems"),
                max: count("maxItems"),
                unique: get("uniqueItems") == Some(&Value::Bool(true)),
                contains: one("contains"),
                min_contains: count("minContains"),
                max_contains: count("maxContains"),
                unevaluated: one("unevaluatedItems"),
            },
            object: ObjectRule {
                properties: named("properties"),
                required: get("required").map(strings).unwrap_or_default(),
                patterns: table("patternProperties")
                    .map(|(pattern, schema)| {
                        let check = compile(&json!({ "pattern": pattern }));
                        (pattern.clone(), self.node(schema), check)
                    })
                    .collect(),
                additional: one("additionalProperties"),
                names: one("propertyNames"),
                min: count("minProperties"),
                max: count("maxProperties"),
                dependent_required: table("dependentRequired")
                    .map(|(name, names)| (name.clone(), strings(names)))
                    .collect(),
                dependent_schemas: named("dependentSchemas"),
                unevaluated: one("unevaluatedProperties"),
            },
            check,
        }
    }

    /// The names of the definitions, in the order of the protocol.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.source.keys().map(String::as_str)
    }

    /// The schema of any string.
    pub(crate) fn text_node(&self) -> &Node {
        &self.text
    }

    /// Everything that schemas of one object say of the property of a name.
    pub(crate) fn of_property<'s>(&'s self, parts: &[&'s Node], name: &str) -> Vec<&'s Node> {
        let mut nodes = Vec::new();
        let mut evaluated = false;
        for part in parts {
            let before = nodes.len();
            nodes.extend(part.object.property(name));
            nodes.extend(part.object.matching(name));
            if nodes.len() == before {
                nodes.extend(part.object.additional.as_deref());
            }
            evaluated |= nodes.len() > before;
        }
        if !evaluated {
            nodes.extend(parts.iter().filter_map(|part| part.object.unevaluated.as_deref()));
        }
        if nodes.is_empty() {
            nodes.push(&self.any);
        }
        nodes
    }

    pub(crate) fn def(&self, name: &str) -> Option<&Node> {
        self.defs.get(name)
    }

    /// Finds the least height of every type: those that need no other type first, then what stands on them.
    fn measure(&mut self) {
        loop {
            let found: Vec<_> = self
                .defs
                .iter()
                .filter_map(|(name, node)| Some((name.clone(), self.height(node)?)))
                .collect();
            let heights: BTreeMap<_, _> = found.into_iter().collect();
            if heights == self.heights {
                return;
            }
            self.heights = heights;
        }
    }

    /// Levels of nesting that a value needs at least, as far as they are known.
    pub(crate) fn height(&self, node: &Node) -> Option<u32> {
        if node.types == 0 {
            return None;
        }
        if node.constants.is_some() {
            return Some(0);
        }
        let most = |nodes: &mut dyn Iterator<Item = &Node>| -> Option<u32> {
            let mut most = 0;
            for node in nodes {
                most = self.height(node)?.max(most);
            }
            Some(most)
        };
        let least = |nodes: &[Node]| nodes.iter().filter_map(|node| self.height(node)).min();
        let mut height = most(&mut node.all_of.iter())?;
        if let Some(name) = &node.reference {
            height = height.max(self.heights.get(name).copied()?);
        }
        for variants in [&node.any_of, &node.one_of] {
            if !variants.is_empty() {
                height = height.max(least(variants)?);
            }
        }
        let inside = if node.types == types::OBJECT {
            let required = &node.object.required;
            most(&mut required.iter().filter_map(|name| node.object.property(name)))? + 1
        } else if node.types == types::ARRAY {
            let min = node.array.min.unwrap_or(0);
            let prefix = node.array.prefix.iter().take(usize::try_from(min).unwrap_or(0));
            let rest = node.array.items.iter().map(Box::as_ref);
            let rest = rest.filter(|_| min > node.array.prefix.len() as u64);
            most(&mut prefix.chain(rest))? + 1
        } else {
            0
        };
        Some(height.max(inside))
    }
}

impl Default for Node {
    fn default() -> Self {
        Self {
            types: types::ALL,
            typed: false,
            reference: None,
            constants: None,
            all_of: Vec::new(),
            any_of: Vec::new(),
            one_of: Vec::new(),
            condition: None,
            negated: false,
            number: NumberRule::default(),
            string: StringRule::default(),
            array: ArrayRule::default(),
            object: ObjectRule::default(),
            check: None,
        }
    }
}

fn allowed(keyword: &Value) -> u8 {
    match keyword {
        Value::String(name) => types::named(name),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .fold(0, |set, name| set | types::named(name)),
        _ => types::ALL,
    }
}

fn strings(names: &Value) -> Vec<String> {
    let names = names.as_array().into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}
