//! Type expressions of TypeScript.

use std::collections::BTreeSet;

use serde_json::Value;
use wireloom_spec::model::{Def, DefId, DefKind, Model, Schema, Shape};

/// A type expression, and whether it must stand in parentheses in front of `[]`.
#[derive(Debug)]
pub(super) struct Type {
    text: String,
    compound: bool,
}

impl Type {
    fn simple(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            compound: false,
        }
    }

    fn one_of(parts: Vec<String>) -> Self {
        let mut seen = BTreeSet::new();
        let parts: Vec<_> = parts
            .into_iter()
            .filter(|part| seen.insert(part.clone()))
            .collect();
        match parts.as_slice() {
            [] => Self::simple("never"),
            [one] => Self {
                text: one.clone(),
                compound: true,
            },
            _ => Self {
                text: parts.join(" | "),
                compound: true,
            },
        }
    }
}

/// Writes the types of one model.
#[derive(Debug)]
pub(super) struct Types<'m> {
    model: &'m Model,
    /// For each type: whether it is a `type` that leads back to itself by way of `type`s alone. TypeScript evaluates
    /// `Record` while it resolves such a type, and finds it circular; an index signature it leaves for later.
    circular: Vec<bool>,
}

impl<'m> Types<'m> {
    pub(super) fn of(model: &'m Model) -> Self {
        let circular = (0..model.defs.len())
            .map(|index| is_circular(model, DefId(index)))
            .collect();
        Self { model, circular }
    }

    /// What a `type` of this definition is equal to.
    pub(super) fn target(&self, id: DefId) -> String {
        let def = self.model.def(id);
        let circular = self.circular.get(id.0).copied().unwrap_or(false);
        match &def.kind {
            DefKind::Alias(schema) | DefKind::Newtype(schema) => self.schema_in(schema, circular).text,
            DefKind::Enum(variants) => one_of(
                variants
                    .iter()
                    .map(|variant| literal(&variant.value.as_str().into())),
            ),
            DefKind::Tagged(tagged) => one_of(
                tagged
                    .variants
                    .iter()
                    .map(|variant| self.model.def(variant.def).ts_name.clone()),
            ),
            DefKind::Union(union) => {
                let parts = union
                    .variants
                    .iter()
                    .map(|variant| self.schema_in(&variant.schema, circular).text);
                Type::one_of(parts.collect()).text
            }
            DefKind::Struct(_) => def.ts_name.clone(),
        }
    }

    /// A type expression.
    pub(super) fn schema(&self, schema: &Schema) -> String {
        self.schema_in(schema, false).text
    }

    fn schema_in(&self, schema: &Schema, circular: bool) -> Type {
        match &schema.shape {
            Shape::Any => Type::simple("unknown"),
            Shape::Null => Type::simple("null"),
            Shape::Boolean => Type::simple("boolean"),
            Shape::Integer { .. } | Shape::Number(_) => Type::simple("number"),
            Shape::String(_) | Shape::IntegerText(_) => Type::simple("string"),
            Shape::Literals { values, .. } => Type::one_of(values.iter().map(literal).collect()),
            Shape::Array { items, .. } => {
                let item = self.schema_in(items, circular);
                let Type { text, compound } = item;
                Type::simple(if compound {
                    format!("({text})[]")
                } else {
                    format!("{text}[]")
                })
            }
            Shape::Tuple(items) => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| self.schema_in(item, circular).text)
                    .collect();
                Type::simple(format!("[{}]", items.join(", ")))
            }
            Shape::Map { values, .. } => {
                let value = self.schema_in(values, circular).text;
                let text = if circular {
                    format!("{{ [key: string]: {value} }}")
                } else {
                    format!("Record<string, {value}>")
                };
                Type::simple(text)
            }
            Shape::Nullable(inner) => {
                let inner = self.schema_in(inner, circular).text;
                let has_null = inner == "null" || inner.ends_with(" | null");
                if has_null {
                    Type {
                        text: inner,
                        compound: true,
                    }
                } else {
                    Type::one_of(vec![inner, "null".to_owned()])
                }
            }
            Shape::Def(id) => Type::simple(self.model.def(*id).ts_name.clone()),
        }
    }
}

/// A union of these, one a line where they are many.
pub(super) fn one_of(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.collect();
    let length: usize = parts.iter().map(|part| part.len() + 3).sum();
    match parts.len() {
        0 => "never".to_owned(),
        1 => parts.concat(),
        _ if length <= 90 => parts.join(" | "),
        _ => parts.iter().map(|part| format!("\n  | {part}")).collect(),
    }
}

/// What stands behind `=`.
pub(super) fn behind_equals(text: &str) -> String {
    if text.starts_with('\n') {
        text.to_owned()
    } else {
        format!(" {text}")
    }
}

/// A literal type.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(name, value)| format!("{}: {}", property(name), literal(value)))
                .collect();
            format!("{{ {} }}", entries.join("; "))
        }
        // Line separators are allowed in strings since ES2019, yet not every tool has heard.
        Value::String(text) => Value::from(text.as_str())
            .to_string()
            .replace('\u{2028}', "\\u2028")
            .replace('\u{2029}', "\\u2029"),
        other => other.to_string(),
    }
}

/// A property's name, in quotes where it is no identifier.
pub(super) fn property(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    if is_plain {
        name.to_owned()
    } else {
        literal(&name.into())
    }
}

fn is_circular(model: &Model, start: DefId) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(id) = open.pop() {
        for part in parts(model.def(id)) {
            if part == start {
                return true;
            }
            if seen.insert(part) {
                open.push(part);
            }
        }
    }
    false
}

/// The types that a `type` names; an `interface` ends every circle.
fn parts(def: &Def) -> Vec<DefId> {
    fn named(schema: &Schema, parts: &mut Vec<DefId>) {
        match &schema.shape {
            Shape::Def(id) => parts.push(*id),
            Shape::Array { items: inner, .. } | Shape::Map { values: inner, .. } | Shape::Nullable(inner) => {
                named(inner, parts);
            }
            Shape::Tuple(items) => items.iter().for_each(|item| named(item, parts)),
            _ => {}
        }
    }
    let mut parts = Vec::new();
    match &def.kind {
        DefKind::Alias(schema) | DefKind::Newtype(schema) => named(schema, &mut parts),
        DefKind::Tagged(tagged) => parts.extend(tagged.variants.iter().map(|variant| variant.def)),
        DefKind::Union(union) => union
            .variants
            .iter()
            .for_each(|variant| named(&variant.schema, &mut parts)),
        DefKind::Enum(_) | DefKind::Struct(_) => {}
    }
    parts
}
