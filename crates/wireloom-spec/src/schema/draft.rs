//! A schema while its keywords are read, each by its type. What they come to together is `settle`'s.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Map, Number, Value};

use super::expand::{Expander, Role};
use super::keywords::{Applies, Keyword, Takes};
use super::raw::{Constant, IntFormat, Keywords, Property, Sample, Type};
use crate::codes;
use crate::diagnostic::Report;
use crate::model::{Docs, Span};
use crate::shape::advice;
use crate::suggest;
use crate::syntax::{Data, Entry, Node};

/// A schema while it is read.
pub(super) struct Draft<'n> {
    pub(super) entries: &'n [Entry],
    pub(super) span: Span,
    pub(super) role: Role,
    pub(super) is_fields: bool,
    pub(super) keywords: Keywords,
    pub(super) json: Map<String, Value>,
    pub(super) docs: Docs,
    pub(super) samples: Vec<Sample>,
    /// Where each asserting keyword stands.
    pub(super) spans: Vec<Span>,
    pub(super) constants: Vec<Constant>,
    pub(super) bounds: Bounds,
    pub(super) min_contains: Option<u64>,
    pub(super) max_contains: Option<u64>,
}

#[derive(Default)]
pub(super) struct Bounds {
    pub(super) minimum: Option<Number>,
    pub(super) maximum: Option<Number>,
    pub(super) above: Option<Number>,
    pub(super) below: Option<Number>,
}

impl<'n> Draft<'n> {
    pub(super) fn new(entries: &'n [Entry], span: Span, role: Role) -> Self {
        Self {
            entries,
            span,
            role,
            is_fields: entries.iter().any(|entry| entry.key == "fields"),
            keywords: Keywords::default(),
            json: Map::new(),
            docs: Docs::default(),
            samples: Vec::new(),
            spans: Vec::new(),
            constants: Vec::new(),
            bounds: Bounds::default(),
            min_contains: None,
            max_contains: None,
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(super) fn present(&mut self, keyword: &'static str, applies: Applies, span: Span) {
        self.keywords.present.push((keyword, applies));
        self.spans.push(span);
    }

    pub(super) fn key_span(&self, key: &str) -> Span {
        self.entry(key).map_or(self.span, |entry| entry.key_span)
    }

    pub(super) fn is_text_integer(&self) -> bool {
        self.keywords.int_format.is_some_and(IntFormat::is_text)
    }
}

impl Expander<'_> {
    /// Reads `type` and `format` first: what the other keywords mean depends on them.
    pub(super) fn types_and_format(&mut self, draft: &mut Draft<'_>) {
        if let Some(entry) = draft.entry("type") {
            draft.keywords.types = self.types(&entry.value);
        }
        if draft.is_fields {
            if let (Some(types), Some(entry)) = (&draft.keywords.types, draft.entry("type"))
                && types != &[Type::Object]
            {
                let report = Report::new(&codes::FIELDS, entry.key_span, "`fields` describes an object")
                    .help("remove `type`, or name the object under `types` and write `Name?`");
                self.sink.push(report);
            }
            draft.keywords.types = Some(vec![Type::Object]);
            draft.json.insert("type".to_owned(), "object".into());
        }
        let Some(entry) = draft.entry("format") else {
            return;
        };
        let Data::String(format) = &entry.value.data else {
            return;
        };
        if let Some((_, format)) = IntFormat::ALL.iter().find(|(name, _)| name == format) {
            draft.keywords.int_format = Some(*format);
        }
    }

    fn types(&mut self, node: &Node) -> Option<Vec<Type>> {
        let names: Vec<(&str, Span)> = match &node.data {
            Data::String(name) => vec![(name, node.span)],
            Data::Seq(items) => {
                let mut names = Vec::new();
                for item in items {
                    match &item.data {
                        Data::String(name) => names.push((name.as_str(), item.span)),
                        Data::Null => {
                            let report = Report::new(
                                &codes::WRONG_TYPE,
                                item.span,
                                "expected a type's name, found null",
                            )
                            .help("write \"null\" with quotes");
                            self.sink.push(report);
                        }
                        _ => self.wrong_type(item, "a type's name", advice::text(item)),
                    }
                }
                if items.is_empty() {
                    let report = Report::new(
                        &codes::CONTRADICTION,
                        node.span,
                        "a list of no types: nothing is valid",
                    );
                    self.sink.push(report);
                }
                names
            }
            Data::Null => {
                let report = Report::new(
                    &codes::WRONG_TYPE,
                    node.span,
                    "expected a type's name, found null",
                )
                .help("write \"null\" with quotes");
                self.sink.push(report);
                return None;
            }
            _ => {
                self.wrong_type(
                    node,
                    "a type's name or a list of them",
                    "write a type's name: `string`",
                );
                return None;
            }
        };
        let mut types = Vec::new();
        for (name, span) in names {
            match Type::ALL.iter().find(|(known, _)| *known == name) {
                Some((_, kind)) if types.contains(kind) => {
                    self.sink.push(Report::new(
                        &codes::DUPLICATE_ENTRY,
                        span,
                        format!("`{name}` stands twice"),
                    ));
                }
                Some((_, kind)) => types.push(*kind),
                None => {
                    let help = if self.types.contains(name) {
                        format!(
                            "a type of this file is written `$ref: \"#/types/{name}\"`, or `{name}` alone"
                        )
                    } else {
                        suggest::one_of(name, &Type::ALL.map(|(name, _)| name))
                    };
                    let report =
                        Report::new(&codes::VALUE, span, format!("JSON Schema has no type `{name}`"))
                            .help(help);
                    self.sink.push(report);
                }
            }
        }
        if types.contains(&Type::Number) {
            types.retain(|kind| *kind != Type::Integer);
        }
        (!types.is_empty()).then_some(types)
    }

    pub(super) fn keyword(&mut self, keyword: &'static Keyword, entry: &Entry, draft: &mut Draft<'_>) {
        let Keyword {
            name, takes, applies, ..
        } = keyword;
        let json = match takes {
            Takes::Type => draft
                .keywords
                .types
                .as_ref()
                .map(|types| type_json(types, draft.is_text_integer())),
            Takes::Json => self.json(name, entry, draft),
            Takes::JsonList => self.json_list(name, entry, draft),
            Takes::Count => self.count(name, entry, draft),
            Takes::Number | Takes::PositiveNumber => self.number(name, *takes, entry, draft),
            Takes::Text => self.text(name, entry, draft),
            Takes::Flag => self.flag(name, entry, draft),
            Takes::Names => self.names(&entry.value).map(|names| {
                let json = names
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect::<Vec<_>>()
                    .into();
                if !draft.is_fields {
                    draft.keywords.required = names;
                }
                json
            }),
            Takes::NamesMap => self.names_map(entry),
            Takes::Schema => self.inner(name, entry, draft),
            Takes::SchemaList => self.inner_list(name, entry, draft),
            Takes::SchemaMap => self.inner_map(name, entry, draft),
        };
        let Some(json) = json else { return };
        if *applies != Applies::Note {
            let applies = match *name {
                "format" if draft.keywords.int_format.is_some() => Applies::Numbers,
                "format" => Applies::Strings,
                _ => *applies,
            };
            draft.present(name, applies, entry.key_span);
        }
        // The width of an integer is in its bounds, or in the pattern of its string.
        if *name != "format" || draft.keywords.int_format.is_none() {
            draft.json.insert((*name).to_owned(), json);
        }
    }

    fn json(&mut self, name: &str, entry: &Entry, draft: &mut Draft<'_>) -> Option<Value> {
        if entry.value.has_hole() {
            return None;
        }
        let value = entry.value.to_json();
        if name == "default" {
            draft.docs.default = Some(value.clone());
            draft.samples.push(Sample {
                what: "default",
                node: entry.value.clone(),
            });
        } else {
            draft.constants = vec![Constant {
                value: value.clone(),
                span: entry.value.span,
            }];
        }
        Some(value)
    }

    fn json_list(&mut self, name: &str, entry: &Entry, draft: &mut Draft<'_>) -> Option<Value> {
        let Data::Seq(items) = &entry.value.data else {
            self.wrong_type(&entry.value, "a list of values", advice::list(&entry.value, "1"));
            return None;
        };
        let items: Vec<&Node> = items.iter().filter(|item| !item.has_hole()).collect();
        if name == "examples" {
            for item in &items {
                draft.docs.examples.push(item.to_json());
                draft.samples.push(Sample {
                    what: "example",
                    node: (*item).clone(),
                });
            }
        } else if items.is_empty() {
            let report = Report::new(
                &codes::CONSTANTS,
                entry.value.span,
                "an `enum` of no values: nothing is valid",
            );
            self.sink.push(report);
            return None;
        } else if draft.entry("const").is_none() {
            // Beside `const` the list decides nothing more than which constants are possible at all.
            draft.constants = items
                .iter()
                .map(|item| Constant {
                    value: item.to_json(),
                    span: item.span,
                })
                .collect();
        }
        Some(entry.value.to_json())
    }

    fn count(&mut self, name: &str, entry: &Entry, draft: &mut Draft<'_>) -> Option<Value> {
        let Data::Number(number) = &entry.value.data else {
            self.wrong_type(&entry.value, "a whole number", advice::count());
            return None;
        };
        let Some(count) = number.as_u64() else {
            let message = format!("`{name}` is a whole number from 0, not {number}");
            self.sink
                .push(Report::new(&codes::VALUE, entry.value.span, message).help("write digits alone: `10`"));
            return None;
        };
        let keywords = &mut draft.keywords;
        match name {
            "minLength" => keywords.string.min_length = Some(count),
            "maxLength" => keywords.string.max_length = Some(count),
            "minItems" => keywords.min_items = Some(count),
            "maxItems" => keywords.max_items = Some(count),
            "minProperties" => keywords.min_properties = Some(count),
            "maxProperties" => keywords.max_properties = Some(count),
            "minContains" => draft.min_contains = Some(count),
            _ => draft.max_contains = Some(count),
        }
        Some(count.into())
    }

    fn number(&mut self, name: &str, takes: Takes, entry: &Entry, draft: &mut Draft<'_>) -> Option<Value> {
        let Data::Number(number) = &entry.value.data else {
            self.wrong_type(&entry.value, "a number", advice::count());
            return None;
        };
        let as_float = number.as_f64()?;
        if takes == Takes::PositiveNumber && as_float <= 0.0 {
            let message = format!("`{name}` is a number above 0, not {number}");
            self.sink.push(
                Report::new(&codes::VALUE, entry.value.span, message)
                    .help("for example `0.01`, for two digits after the point"),
            );
            return None;
        }
        let (bounds, range) = (&mut draft.bounds, &mut draft.keywords.number);
        let (bound, value) = match name {
            "minimum" => (&mut bounds.minimum, &mut range.min),
            "maximum" => (&mut bounds.maximum, &mut range.max),
            "exclusiveMinimum" => (&mut bounds.above, &mut range.above),
            "exclusiveMaximum" => (&mut bounds.below, &mut range.below),
            _ => return Some(number.clone().into()),
        };
        *bound = Some(number.clone());
        *value = Some(as_float);
        Some(number.clone().into())
    }

    fn flag(&mut self, name: &str, entry: &Entry, draft: &mut Draft<'_>) -> Option<Value> {
        let Data::Bool(flag) = entry.value.data else {
            self.wrong_type(&entry.value, "`true` or `false`", advice::flag());
            return None;
        };
        if name == "deprecated" {
            draft.docs.deprecated = flag;
        }
        Some(flag.into())
    }

    fn names(&mut self, node: &Node) -> Option<Vec<(String, Span)>> {
        let Data::Seq(items) = &node.data else {
            self.wrong_type(node, "a list of names", advice::list(node, "NAME"));
            return None;
        };
        let mut seen = HashSet::new();
        let mut names = Vec::new();
        for item in items {
            match &item.data {
                Data::String(name) if seen.insert(name.as_str()) => names.push((name.clone(), item.span)),
                Data::String(name) => {
                    self.sink.push(Report::new(
                        &codes::DUPLICATE_ENTRY,
                        item.span,
                        format!("`{name}` stands twice"),
                    ));
                }
                _ => self.wrong_type(item, "a property's name", advice::text(item)),
            }
        }
        Some(names)
    }

    fn names_map(&mut self, entry: &Entry) -> Option<Value> {
        let Data::Map(entries) = &entry.value.data else {
            self.wrong_type(
                &entry.value,
                "a mapping of lists of names",
                advice::mapping("{ NAME: [OTHER] }"),
            );
            return None;
        };
        for each in entries {
            self.names(&each.value);
        }
        Some(entry.value.to_json())
    }

    fn inner(&mut self, name: &str, entry: &Entry, draft: &mut Draft<'_>) -> Option<Value> {
        let role = if matches!(name, "items" | "additionalProperties") {
            Role::Whole
        } else {
            Role::Applied
        };
        let schema = self.read(&entry.value, role);
        let json = schema.json.clone();
        match name {
            "items" => draft.keywords.items = Some(Box::new(schema)),
            "additionalProperties" if !draft.is_fields => draft.keywords.additional = Some(Box::new(schema)),
            "not" | "if" | "then" | "else" => draft.keywords.applied.push(schema),
            _ => draft.keywords.others.push(schema),
        }
        Some(json)
    }

    fn inner_list(&mut self, name: &str, entry: &Entry, draft: &mut Draft<'_>) -> Option<Value> {
        let Data::Seq(items) = &entry.value.data else {
            self.wrong_type(
                &entry.value,
                "a list of schemas",
                advice::list(&entry.value, "string"),
            );
            return None;
        };
        if items.is_empty() {
            let message = format!("`{name}` is a list of at least one schema");
            self.sink.push(
                Report::new(&codes::VALUE, entry.value.span, message)
                    .help("write the schemas between the brackets: `[string, integer]`"),
            );
            return None;
        }
        let role = match name {
            "prefixItems" => Role::Whole,
            "allOf" => Role::Applied,
            _ if draft.keywords.types.is_some() => Role::Applied,
            _ => draft.role,
        };
        let schemas: Vec<_> = items.iter().map(|item| self.read(item, role)).collect();
        let json = schemas.iter().map(|schema| schema.json.clone()).collect();
        if name == "oneOf" {
            draft.keywords.one_of_spans = items.iter().map(|item| item.span).collect();
        }
        let slot = match name {
            "prefixItems" => &mut draft.keywords.prefix_items,
            "allOf" => &mut draft.keywords.all_of,
            "anyOf" => &mut draft.keywords.any_of,
            _ => &mut draft.keywords.one_of,
        };
        *slot = Some(schemas);
        Some(Value::Array(json))
    }

    fn inner_map(&mut self, name: &str, entry: &Entry, draft: &mut Draft<'_>) -> Option<Value> {
        let Data::Map(entries) = &entry.value.data else {
            self.wrong_type(
                &entry.value,
                "a mapping of schemas",
                advice::mapping("{ NAME: string }"),
            );
            return None;
        };
        let role = if name == "dependentSchemas" {
            Role::Applied
        } else {
            Role::Whole
        };
        let mut schemas = IndexMap::with_capacity(entries.len());
        for each in entries {
            if name == "patternProperties" {
                self.pattern(&each.key, each.key_span);
            }
            let schema = self.read(&each.value, role);
            schemas.insert(
                each.key.clone(),
                Property {
                    schema,
                    name_span: each.key_span,
                },
            );
        }
        let json = schemas
            .iter()
            .map(|(key, each)| (key.clone(), each.schema.json.clone()))
            .collect();
        if name == "properties" && !draft.is_fields {
            draft.keywords.properties = Some(schemas);
        } else {
            let keywords = &mut draft.keywords;
            let into = if name == "dependentSchemas" {
                &mut keywords.applied
            } else {
                &mut keywords.others
            };
            into.extend(schemas.into_values().map(|each| each.schema));
        }
        Some(Value::Object(json))
    }
}

fn type_json(types: &[Type], integer_is_text: bool) -> Value {
    let name = |kind: &Type| match kind {
        Type::Integer if integer_is_text => "string",
        kind => kind.name(),
    };
    match types {
        [one] => name(one).into(),
        several => several.iter().map(name).collect::<Vec<_>>().into(),
    }
}
