//! The shape of `protocol.yaml` as Rust types. One declaration gives both the reader, which reports every mistake with its
//! place and goes on, and, through schemars, the file's own JSON Schema for editors.
//!
//! Reading here is by shape alone; what names mean is [`crate::lower`]'s.

pub(crate) mod advice;
mod file;
mod position;
mod scalars;

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

pub(crate) use file::*;
pub(crate) use position::SchemaPosition;
pub(crate) use scalars::*;

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::model::Span;
use crate::suggest;
use crate::syntax::{Data, Entry, Node};

/// A type that can be read from a node. `None`: a diagnostic says why.
pub(crate) trait Read: Sized {
    fn read(node: Node, sink: &mut Sink) -> Option<Self>;

    /// What one looks like, for helps.
    fn example() -> String;
}

/// A value that was read, with its places.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    /// The key before it.
    pub(crate) key: Span,
    pub(crate) span: Span,
}

/// A key's value, if it is there and in order.
#[derive(Debug, Clone)]
pub(crate) struct Slot<T>(pub(crate) Option<At<T>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Slot<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|at| &at.value)
    }

    pub(crate) fn at(&self) -> Option<&At<T>> {
        self.0.as_ref()
    }

    /// The key's place, if the key is there.
    pub(crate) fn key(&self) -> Option<Span> {
        self.0.as_ref().map(|at| at.key)
    }
}

impl<T: JsonSchema> JsonSchema for Slot<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Declares a mapping with known keys: the struct, its schema and its reader.
macro_rules! shape {
    ($(#[doc = $doc:literal])+ $name:ident as $title:literal {
        $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty = $key:literal $($default:ident)?;)*
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields, rename = $title)]
        pub(crate) struct $name {
            $($(#[doc = $field_doc])+ #[schemars(rename = $key $(, $default)?)]
            pub(crate) $field: crate::shape::Slot<$type>,)*
        }

        impl crate::shape::Read for $name {
            fn read(node: crate::syntax::Node, sink: &mut crate::diagnostic::Sink) -> Option<Self> {
                let mut keys = crate::shape::Keys::of(node, Self::example, sink)?;
                let shape = Self {
                    $($field: keys.take($key, !crate::shape::optional(&[$(stringify!($default))?]), sink),)*
                };
                keys.refuse_rest(&[$($key),*], sink);
                Some(shape)
            }

            fn example() -> String {
                let keys = [$((
                    $key,
                    !crate::shape::optional(&[$(stringify!($default))?]),
                    <$type as crate::shape::Read>::example(),
                )),*];
                crate::shape::advice::example(&keys)
            }
        }
    };
}
pub(crate) use shape;

/// Whether a field of [`shape!`] has the mark `default`.
pub(crate) fn optional(marks: &[&str]) -> bool {
    !marks.is_empty()
}

/// The entries of a mapping while they are taken one by one.
pub(crate) struct Keys {
    span: Span,
    order: Vec<String>,
    entries: BTreeMap<String, Entry>,
}

impl Keys {
    pub(crate) fn of(node: Node, example: fn() -> String, sink: &mut Sink) -> Option<Self> {
        let span = node.name;
        let entries = entries(node, example, sink)?;
        let order = entries.iter().map(|entry| entry.key.clone()).collect();
        Some(Self {
            span,
            order,
            entries: entries
                .into_iter()
                .map(|entry| (entry.key.clone(), entry))
                .collect(),
        })
    }

    pub(crate) fn take<T: Read>(&mut self, key: &str, required: bool, sink: &mut Sink) -> Slot<T> {
        match self.entries.remove(key) {
            Some(Entry { key_span, value, .. }) => {
                let span = value.span;
                Slot(T::read(value, sink).map(|value| At {
                    value,
                    key: key_span,
                    span,
                }))
            }
            None => {
                if required {
                    let report = Report::new(
                        &codes::MISSING_KEY,
                        self.span,
                        format!("the key `{key}` is missing"),
                    )
                    .help(format!("write `{key}: {}`", T::example()));
                    sink.push(report);
                }
                Slot(None)
            }
        }
    }

    pub(crate) fn refuse_rest(self, known: &[&str], sink: &mut Sink) {
        for key in self.order {
            if let Some(entry) = self.entries.get(&key) {
                let report = Report::new(
                    &codes::UNKNOWN_KEY,
                    entry.key_span,
                    format!("unknown key `{key}`"),
                )
                .help(entry.torn_text().unwrap_or_else(|| suggest::one_of(&key, known)));
                sink.push(report);
            }
        }
    }
}

/// A list.
#[derive(Debug, Clone)]
pub(crate) struct List<T>(pub(crate) Vec<At<T>>);

impl<T: Read> Read for List<T> {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        let Data::Seq(items) = node.data else {
            return wrong_type(&node, "a list", advice::list(&node, &T::example()), sink);
        };
        let read = items.into_iter().filter_map(|item| {
            let span = item.span;
            T::read(item, sink).map(|value| At {
                value,
                key: span,
                span,
            })
        });
        Some(Self(read.collect()))
    }

    fn example() -> String {
        format!("[{}]", T::example())
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("List_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": generator.subschema_for::<T>() })
    }
}

/// A mapping with keys of the author's own.
#[derive(Debug, Clone)]
pub(crate) struct Table<T>(pub(crate) Vec<Row<T>>);

/// An entry of a [`Table`].
#[derive(Debug, Clone)]
pub(crate) struct Row<T> {
    pub(crate) name: String,
    /// The value and its places. `None`: a diagnostic says why; the name is known all the same.
    pub(crate) entry: Option<At<T>>,
    pub(crate) name_span: Span,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Read> Read for Table<T> {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        let rows = entries(node, Self::example, sink)?
            .into_iter()
            .map(|Entry { key, key_span, value }| {
                let span = value.span;
                let entry = T::read(value, sink).map(|value| At {
                    value,
                    key: key_span,
                    span,
                });
                Row {
                    name: key,
                    entry,
                    name_span: key_span,
                }
            });
        Some(Self(rows.collect()))
    }

    fn example() -> String {
        format!("{{ NAME: {} }}", T::example())
    }
}

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Table_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<T>() })
    }
}

/// The entries of a mapping that looks like `example`.
pub(crate) fn entries(node: Node, example: fn() -> String, sink: &mut Sink) -> Option<Vec<Entry>> {
    match node.data {
        Data::Map(entries) => Some(entries),
        _ => wrong_type(&node, "a mapping", advice::mapping(&example()), sink),
    }
}

/// Reports a value of the wrong type, unless it was reported as something worse already.
pub(crate) fn wrong_type<T>(
    node: &Node,
    expected: &str,
    help: impl Into<String>,
    sink: &mut Sink,
) -> Option<T> {
    if !matches!(node.data, Data::Refused) {
        let message = format!("expected {expected}, found {}", node.kind());
        sink.push(Report::new(&codes::WRONG_TYPE, node.span, message).help(help));
    }
    None
}
