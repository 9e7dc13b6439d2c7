//! A schema with its shorthands expanded.

use indexmap::IndexMap;
use serde_json::Value;

use super::keywords::Applies;
use crate::model::{Docs, NumberRange, Span, StringRule};
use crate::syntax::Node;

/// A schema at its place in the file.
#[derive(Debug)]
pub(crate) struct Raw {
    /// Unique in a run: the same schema reached by two ways is the same type.
    pub(crate) id: usize,
    pub(crate) form: Form,
    /// The JSON Schema as emitted.
    pub(crate) json: Value,
    pub(crate) docs: Docs,
    /// Examples and default, to be checked.
    pub(crate) samples: Vec<Sample>,
}

/// An example or a default.
#[derive(Debug)]
pub(crate) struct Sample {
    /// `example` or `default`.
    pub(crate) what: &'static str,
    pub(crate) node: Node,
}

#[derive(Debug)]
pub(crate) enum Form {
    /// A diagnostic says what is wrong with it.
    Broken,
    /// `true`, `any`.
    Any,
    /// `false`.
    Never,
    Object(Box<Keywords>),
}

/// The types of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Type {
    pub(crate) const ALL: [(&'static str, Self); 7] = [
        ("null", Self::Null),
        ("boolean", Self::Boolean),
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("string", Self::String),
        ("array", Self::Array),
        ("object", Self::Object),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, each)| *each == self)
            .map_or("", |(name, _)| name)
    }

    /// Whether a value is of this type; `1.0` is an integer.
    pub(crate) fn fits(self, value: &Value) -> bool {
        match value {
            Value::Null => self == Self::Null,
            Value::Bool(_) => self == Self::Boolean,
            Value::Number(number) => match self {
                Self::Number => true,
                Self::Integer => {
                    number.is_i64()
                        || number.is_u64()
                        || number.as_f64().is_some_and(|number| number.fract() == 0.0)
                }
                _ => false,
            },
            Value::String(_) => self == Self::String,
            Value::Array(_) => self == Self::Array,
            Value::Object(_) => self == Self::Object,
        }
    }
}

/// `format` of an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IntFormat {
    I32,
    U32,
    I64,
    U64,
}

impl IntFormat {
    pub(crate) const ALL: [(&'static str, Self); 4] = [
        ("int32", Self::I32),
        ("uint32", Self::U32),
        ("int64", Self::I64),
        ("uint64", Self::U64),
    ];

    /// Whether it travels as a decimal string.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::I64 | Self::U64)
    }

    /// Whether a pattern is that of such a string.
    pub(crate) fn is_pattern(pattern: &str) -> bool {
        [Self::I64, Self::U64]
            .into_iter()
            .any(|format| super::integer::text_pattern(format) == pattern)
    }
}

/// A constant with its place.
#[derive(Debug, Clone)]
pub(crate) struct Constant {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

/// A property and its schema.
#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) schema: Raw,
    pub(crate) name_span: Span,
}

/// The keywords of a schema. What lowering does not look into is only named in `present`.
#[derive(Debug, Default)]
pub(crate) struct Keywords {
    /// `type`, each once. `Integer` is left out beside `Number`, which covers it.
    pub(crate) types: Option<Vec<Type>>,
    /// `$ref`: a name in `types`.
    pub(crate) reference: Option<(String, Span)>,
    /// `const` or `enum`: what of it fits `type`.
    pub(crate) constants: Option<Vec<Constant>>,
    pub(crate) int_format: Option<IntFormat>,
    /// The bounds of an integer, all taken together.
    pub(crate) int_range: (i64, i64),
    pub(crate) number: NumberRange,
    pub(crate) string: StringRule,
    pub(crate) items: Option<Box<Raw>>,
    pub(crate) prefix_items: Option<Vec<Raw>>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) properties: Option<IndexMap<String, Property>>,
    pub(crate) required: Vec<(String, Span)>,
    pub(crate) additional: Option<Box<Raw>>,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
    pub(crate) all_of: Option<Vec<Raw>>,
    pub(crate) any_of: Option<Vec<Raw>>,
    pub(crate) one_of: Option<Vec<Raw>>,
    /// Where the branches of `one_of` are.
    pub(crate) one_of_spans: Vec<Span>,
    /// Schemas of other keywords that apply to the value itself, such as `not`.
    pub(crate) applied: Vec<Raw>,
    /// Schemas of other keywords that apply to parts of the value, such as `contains`.
    pub(crate) others: Vec<Raw>,
    /// Every asserting keyword that stands here, in the order of the file, with what it applies to.
    pub(crate) present: Vec<(&'static str, Applies)>,
}

impl Keywords {
    pub(crate) fn has(&self, keyword: &str) -> bool {
        self.present.iter().any(|(name, _)| *name == keyword)
    }

    pub(crate) fn is_type(&self, only: Type) -> bool {
        self.types.as_deref() == Some(&[only])
    }

    /// Whether the number of items is fixed.
    pub(crate) fn is_tuple(&self) -> bool {
        let closed = matches!(
            self.items.as_deref(),
            Some(Raw {
                form: Form::Never,
                ..
            })
        );
        self.prefix_items
            .as_ref()
            .is_some_and(|prefix| closed && self.min_items == Some(prefix.len() as u64))
    }

    pub(crate) fn requires(&self, property: &str) -> bool {
        self.required.iter().any(|(name, _)| name == property)
    }

    /// Every schema directly inside this one.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Raw> {
        let lists = [&self.prefix_items, &self.all_of, &self.any_of, &self.one_of];
        lists
            .into_iter()
            .flatten()
            .flatten()
            .chain(self.items.as_deref())
            .chain(self.additional.as_deref())
            .chain(
                self.properties
                    .iter()
                    .flat_map(|properties| properties.values().map(|each| &each.schema)),
            )
            .chain(&self.applied)
            .chain(&self.others)
    }
}

impl Raw {
    pub(crate) fn keywords(&self) -> Option<&Keywords> {
        match &self.form {
            Form::Object(keywords) => Some(keywords),
            _ => None,
        }
    }

    /// Calls `visit` with this schema and every schema inside it, references not followed.
    pub(crate) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        if let Some(keywords) = self.keywords() {
            for child in keywords.children() {
                child.walk(visit);
            }
        }
    }

    /// Names of the types that this schema refers to, at any depth.
    pub(crate) fn references(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.walk(&mut |raw| {
            names.extend(
                raw.keywords()
                    .and_then(|keywords| keywords.reference.as_ref())
                    .map(|(name, _)| name.as_str()),
            );
        });
        names
    }
}
