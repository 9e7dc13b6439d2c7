//! From a node of the file to a [`Raw`] schema: type expressions, `fields`, booleans and objects of keywords.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::draft::Draft;
use super::keywords::{self, Applies, REFUSED};
use super::pattern::Patterns;
use super::raw::{Form, Keywords, Property, Raw, Type};
use super::type_expr::{self, BUILT_IN, Fault, TypeExpr};
use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::model::{Docs, Span};
use crate::shape::{self, advice};
use crate::suggest;
use crate::syntax::{Data, Entry, Node};

/// Reads schemas of one file.
pub(crate) struct Expander<'a> {
    /// Names that stand under `types`.
    pub(crate) types: &'a HashSet<String>,
    pub(crate) patterns: &'a mut Patterns,
    pub(crate) sink: &'a mut Sink,
    count: &'a mut Count,
    /// Where the schema is that is read now.
    at: Span,
}

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Count {
    schemas: usize,
    weight: usize,
}

/// Most of what emitted schemas may come to: one a value, and one for every 32 bytes of text. A schema that is nested
/// counts in every schema around it, as it is emitted with each.
const MAX_WEIGHT: usize = 3_000_000;

fn weight(json: &Value) -> usize {
    1 + match json {
        Value::String(text) => text.len() / 32,
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| key.len() / 32 + weight(value))
            .sum(),
        _ => 0,
    }
}

/// What a schema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It describes a value alone: without a `type` it says less than it seems to.
    Whole,
    /// It adds to another one, as in `allOf` or `then`.
    Applied,
}

impl<'a> Expander<'a> {
    pub(crate) fn new(
        types: &'a HashSet<String>,
        patterns: &'a mut Patterns,
        count: &'a mut Count,
        sink: &'a mut Sink,
    ) -> Self {
        Self {
            types,
            patterns,
            sink,
            count,
            at: Span::default(),
        }
    }

    /// Reads a schema that describes a value alone.
    pub(crate) fn schema(&mut self, node: &Node) -> Raw {
        self.read(node, Role::Whole)
    }

    pub(crate) fn read(&mut self, node: &Node, role: Role) -> Raw {
        self.at = node.name;
        match &node.data {
            Data::Refused => self.broken(),
            Data::Bool(true) => self.raw(Form::Any, Value::Bool(true)),
            Data::Bool(false) => self.raw(Form::Never, Value::Bool(false)),
            Data::String(text) => self.type_expr(text, node.span),
            Data::Map(entries) => self.object(entries, node.span, role),
            Data::Null | Data::Number(_) | Data::Seq(_) => {
                let message = format!("expected a schema, found {}", node.kind());
                let help =
                    "a schema is a type expression such as `string`, or a mapping of JSON Schema keywords";
                self.sink
                    .push(Report::new(&codes::WRONG_TYPE, node.span, message).help(help));
                self.broken()
            }
        }
    }

    pub(crate) fn raw(&mut self, form: Form, json: Value) -> Raw {
        self.count.schemas += 1;
        let before = self.count.weight;
        self.count.weight = before.saturating_add(weight(&json));
        let (form, json) = if self.count.weight > MAX_WEIGHT {
            if before <= MAX_WEIGHT {
                let report = Report::new(
                    &codes::LIMIT,
                    self.at,
                    "the schemas of the file are too large together",
                )
                .help("name inner schemas under `types`: what is nested stands in every schema around it");
                self.sink.push(report);
            }
            (Form::Broken, Value::Bool(true))
        } else {
            (form, json)
        };
        Raw {
            id: self.count.schemas,
            form,
            json,
            docs: Docs::default(),
            samples: Vec::new(),
        }
    }

    pub(crate) fn broken(&mut self) -> Raw {
        self.raw(Form::Broken, Value::Bool(true))
    }

    fn object(&mut self, entries: &[Entry], span: Span, role: Role) -> Raw {
        if entries.is_empty() {
            return self.raw(Form::Any, Value::Bool(true));
        }
        let mut draft = Draft::new(entries, span, role);
        self.types_and_format(&mut draft);
        for entry in entries {
            match entry.key.as_str() {
                "fields" => self.fields(entry, &mut draft),
                "open" => {
                    if !draft.is_fields {
                        let report = Report::new(&codes::FIELDS, entry.key_span, "`open` without `fields`")
                            .help("`additionalProperties: true` says the same beside `properties`");
                        self.sink.push(report);
                    }
                }
                name => match keywords::find(name) {
                    Some(keyword) => self.keyword(keyword, entry, &mut draft),
                    None => self.unknown(name, entry),
                },
            }
        }
        self.settle(draft, span)
    }

    fn unknown(&mut self, name: &str, entry: &Entry) {
        let at = entry.key_span;
        let report = match REFUSED.iter().find(|(refused, _)| *refused == name) {
            Some((_, instead)) => Report::new(
                &codes::REFUSED_KEYWORD,
                at,
                format!("the keyword `{name}` is not part of this language"),
            )
            .help(*instead),
            None => Report::new(
                &codes::UNKNOWN_KEYWORD,
                at,
                format!("unknown schema keyword `{name}`"),
            )
            .help(
                suggest::did_you_mean(name, keywords::names())
                    .or_else(|| entry.torn_text())
                    .unwrap_or_else(|| not_a_keyword(entry)),
            ),
        };
        self.sink.push(report);
    }

    /// `fields`: a closed object, unless `open: true` stands beside it.
    fn fields(&mut self, entry: &Entry, draft: &mut Draft<'_>) {
        for name in ["properties", "required", "additionalProperties"] {
            if let Some(other) = draft.entry(name) {
                let report = Report::new(
                    &codes::FIELDS,
                    other.key_span,
                    format!("`{name}` beside `fields`"),
                )
                .related(entry.key_span, "`fields` stands for it")
                .help("use `fields` alone, or `type: object` with `properties`");
                self.sink.push(report);
            }
        }
        let Data::Map(fields) = &entry.value.data else {
            return self.wrong_type(
                &entry.value,
                "a mapping of fields",
                advice::mapping("{ NAME: string }"),
            );
        };
        let mut properties: IndexMap<String, Property> = IndexMap::with_capacity(fields.len());
        let mut required = Vec::new();
        for field in fields {
            let (name, optional) = match field.key.strip_suffix('?') {
                Some(name) => (name, true),
                None => (field.key.as_str(), false),
            };
            let schema = self.schema(&field.value);
            if let Some(first) = properties.get(name) {
                let report = Report::new(
                    &codes::DUPLICATE_KEY,
                    field.key_span,
                    format!("duplicate field `{name}`"),
                )
                .related(first.name_span, "first defined here");
                self.sink.push(report);
                continue;
            }
            if !optional {
                required.push((name.to_owned(), field.key_span));
            }
            properties.insert(
                name.to_owned(),
                Property {
                    schema,
                    name_span: field.key_span,
                },
            );
        }
        draft.json.insert("type".to_owned(), "object".into());
        let shown = properties
            .iter()
            .map(|(name, property)| (name.clone(), property.schema.json.clone()));
        draft
            .json
            .insert("properties".to_owned(), Value::Object(shown.collect()));
        if !required.is_empty() {
            let names: Vec<_> = required.iter().map(|(name, _)| name.as_str()).collect();
            draft.json.insert("required".to_owned(), names.into());
        }
        if !self.is_open(draft) {
            draft.json.insert("additionalProperties".to_owned(), false.into());
            draft.keywords.additional = Some(Box::new(self.raw(Form::Never, false.into())));
            draft.present("additionalProperties", Applies::Objects, entry.key_span);
        }
        draft.keywords.properties = Some(properties);
        draft.keywords.required = required;
        draft.present("properties", Applies::Objects, entry.key_span);
        draft.present("required", Applies::Objects, entry.key_span);
    }

    fn is_open(&mut self, draft: &Draft<'_>) -> bool {
        match draft.entry("open").map(|entry| &entry.value) {
            None => false,
            Some(node) => match node.data {
                Data::Bool(open) => open,
                _ => {
                    self.wrong_type(node, "`true` or `false`", advice::flag());
                    true
                }
            },
        }
    }

    fn type_expr(&mut self, text: &str, span: Span) -> Raw {
        // The place inside a scalar is known where it is written as it is read: plain, or in quotes without escapes.
        let begin = match (span.end - span.start).checked_sub(text.len()) {
            Some(quotes @ (0 | 2)) => Some(span.start + quotes / 2),
            _ => None,
        };
        match type_expr::parse(text) {
            Ok(expr) => self.expression(&expr, span, begin),
            Err(Fault::TooDeep) => {
                let message = format!("a type expression deeper than {} levels", type_expr::MAX_DEPTH);
                self.sink.push(Report::new(&codes::LIMIT, span, message));
                self.broken()
            }
            Err(Fault::Unexpected { at, what }) => {
                let start = begin.map_or(span.start, |begin| begin + at);
                let caret = if start < span.end {
                    Span { start, end: span.end }
                } else {
                    span
                };
                let message = format!("`{text}` is no type expression: {what}");
                // Between braces, the comma has ended the text.
                let is_pair = text.starts_with("map<") && (text.contains(',') || !text.contains('>'));
                let help = if is_pair {
                    "the keys of a map are strings, and only the type of its values is written: `map<integer>`"
                } else {
                    "a type is `string`, `integer`, `number`, `boolean`, `null`, `any`, a name under `types`, \
                     `T[]`, `T?` or `map<T>`"
                };
                let report = Report::new(&codes::TYPE_EXPRESSION, caret, message).help(help);
                self.sink.push(report);
                self.broken()
            }
        }
    }

    /// `begin` is where the expression's text begins, if that is known.
    fn expression(&mut self, expr: &TypeExpr, span: Span, begin: Option<usize>) -> Raw {
        match expr {
            TypeExpr::Name(name, at) => {
                let of_name = |begin| Span {
                    start: begin + at,
                    end: begin + at + name.len(),
                };
                self.named(name, begin.map_or(span, of_name))
            }
            TypeExpr::List(items) => {
                let items = self.expression(items, span, begin);
                let json = json!({ "type": "array", "items": items.json });
                let items = Some(Box::new(items));
                let present = vec![("type", Applies::Any), ("items", Applies::Arrays)];
                let keywords = Keywords {
                    types: Some(vec![Type::Array]),
                    items,
                    present,
                    ..Keywords::default()
                };
                self.raw(Form::Object(Box::new(keywords)), json)
            }
            TypeExpr::Map(values) => {
                let values = self.expression(values, span, begin);
                let json = json!({ "type": "object", "additionalProperties": values.json });
                let additional = Some(Box::new(values));
                let present = vec![("type", Applies::Any), ("additionalProperties", Applies::Objects)];
                let keywords = Keywords {
                    types: Some(vec![Type::Object]),
                    additional,
                    present,
                    ..Keywords::default()
                };
                self.raw(Form::Object(Box::new(keywords)), json)
            }
            TypeExpr::Nullable(inner) => {
                let inner = self.expression(inner, span, begin);
                self.nullable(inner, span)
            }
        }
    }

    fn nullable(&mut self, mut inner: Raw, span: Span) -> Raw {
        let already = match &mut inner.form {
            Form::Broken => return inner,
            Form::Any => true,
            Form::Never => false,
            Form::Object(keywords) => match &mut keywords.types {
                Some(types) if types.contains(&Type::Null) => true,
                Some(types) => {
                    types.push(Type::Null);
                    let names: Vec<_> = types.iter().map(|each| each.name()).collect();
                    set(&mut inner.json, "type", names.into());
                    return inner;
                }
                None => keywords.any_of.is_some(),
            },
        };
        if already {
            let report = Report::new(
                &codes::TYPE_EXPRESSION,
                span,
                "`?` on a type that is null already",
            )
            .help("remove the `?`");
            self.sink.push(report);
            return inner;
        }
        let nothing = self.named("null", span);
        let json = json!({ "anyOf": [&inner.json, &nothing.json] });
        let any_of = Some(vec![inner, nothing]);
        let keywords = Keywords {
            any_of,
            present: vec![("anyOf", Applies::Any)],
            ..Keywords::default()
        };
        self.raw(Form::Object(Box::new(keywords)), json)
    }

    /// A built-in type, or one under `types`.
    fn named(&mut self, name: &str, span: Span) -> Raw {
        if name == "any" {
            return self.raw(Form::Any, Value::Bool(true));
        }
        if let Some((_, kind)) = Type::ALL
            .iter()
            .find(|(built_in, kind)| *built_in == name && !matches!(kind, Type::Array | Type::Object))
        {
            let mut keywords = Keywords {
                types: Some(vec![*kind]),
                present: vec![("type", Applies::Any)],
                ..Keywords::default()
            };
            let mut json = json!({ "type": name });
            if *kind == Type::Integer {
                keywords.int_range = super::integer::format_range(None);
                set(&mut json, "minimum", keywords.int_range.0.into());
                set(&mut json, "maximum", keywords.int_range.1.into());
            }
            return self.raw(Form::Object(Box::new(keywords)), json);
        }
        if !self.types.contains(name) {
            let help = match name {
                "array" | "list" => Some("a list of T is written `T[]`".to_owned()),
                "object" | "map" => Some("an object is written with `fields`, or `map<T>`".to_owned()),
                "int" | "int32" | "int64" | "i32" | "i64" | "u32" | "u64" => {
                    Some("write `integer`, or `{ type: integer, format: int64 }`".to_owned())
                }
                "float" | "double" | "f64" => Some("write `number`".to_owned()),
                "bool" => Some("write `boolean`".to_owned()),
                "str" | "text" => Some("write `string`".to_owned()),
                _ => {
                    let built_in = BUILT_IN.iter().copied().filter(|name| *name != "map");
                    suggest::did_you_mean(name, built_in.chain(self.types.iter().map(String::as_str)))
                }
            };
            let report = Report::new(&codes::UNKNOWN_TYPE, span, format!("there is no type `{name}`"))
                .maybe_help(help.or_else(|| Some("define it under `types`".to_owned())));
            self.sink.push(report);
            return self.broken();
        }
        let keywords = Keywords {
            reference: Some((name.to_owned(), span)),
            present: vec![("$ref", Applies::Any)],
            ..Keywords::default()
        };
        let json = json!({ "$ref": format!("#/$defs/{name}") });
        self.raw(Form::Object(Box::new(keywords)), json)
    }

    pub(crate) fn wrong_type(&mut self, node: &Node, expected: &str, help: impl Into<String>) {
        let _: Option<()> = shape::wrong_type(node, expected, help, self.sink);
    }
}

/// What a key may be that is near no keyword: most often a field.
fn not_a_keyword(entry: &Entry) -> String {
    let key = &entry.key;
    match &entry.value.data {
        Data::String(text) if type_expr::is_type_expression(text) => {
            format!("fields stand under `fields`: `{{ fields: {{ {key}: {text} }} }}`")
        }
        Data::Map(_) => format!("fields stand under `fields`: `{{ fields: {{ {key}: ... }} }}`"),
        _ => "the keywords are those of JSON Schema 2020-12; fields stand under `fields`".to_owned(),
    }
}

/// Sets a key of a JSON object.
pub(crate) fn set(json: &mut Value, key: &str, value: Value) {
    if let Some(object) = json.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}
