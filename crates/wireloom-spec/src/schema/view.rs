//! A schema, or a part of it: one of its types alone, or what is left of it without null.

use serde_json::{Map, Value};

use super::keywords::{self, Applies};
use super::raw::{Constant, IntFormat, Keywords, Raw, Type};

/// What of a schema is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) raw: &'a Raw,
    /// Only values of this type, by the keywords that apply to it.
    pub(crate) only: Option<Type>,
    /// Everything but null.
    pub(crate) without_null: bool,
}

impl<'a> View<'a> {
    pub(crate) fn whole(raw: &'a Raw) -> Self {
        Self {
            raw,
            only: None,
            without_null: false,
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_none() && !self.without_null
    }

    pub(crate) fn key(&self) -> (usize, Option<Type>, bool) {
        (self.raw.id, self.only, self.without_null)
    }

    pub(crate) fn types(&self) -> Option<Vec<Type>> {
        if let Some(only) = self.only {
            return Some(vec![only]);
        }
        let types = self.raw.keywords()?.types.as_ref()?;
        Some(
            types
                .iter()
                .copied()
                .filter(|kind| !(self.without_null && *kind == Type::Null))
                .collect(),
        )
    }

    /// The constants that are left.
    pub(crate) fn constants(&self) -> Option<Vec<&'a Constant>> {
        let constants = self.raw.keywords()?.constants.as_ref()?;
        let fits = |constant: &&Constant| {
            !(self.without_null && constant.value.is_null())
                && self.only.is_none_or(|only| only.fits(&constant.value))
        };
        Some(constants.iter().filter(fits).collect())
    }

    /// The JSON Schema of what is looked at.
    pub(crate) fn json(&self) -> Value {
        let (Value::Object(json), Some(keywords), false) =
            (&self.raw.json, self.raw.keywords(), self.is_whole())
        else {
            return self.raw.json.clone();
        };
        let mut part = Map::new();
        for (key, value) in json {
            if let Some(value) = self.keyword(key, value, keywords) {
                part.insert(key.clone(), value);
            }
        }
        Value::Object(part)
    }

    fn keyword(&self, key: &str, value: &Value, keywords: &Keywords) -> Option<Value> {
        let is_text = keywords.int_format.is_some_and(IntFormat::is_text);
        if let Some(only) = self.only {
            return match key {
                "type" if is_text && only == Type::Integer => Some("string".into()),
                "pattern" if is_text && only == Type::Integer => Some(value.clone()),
                "type" => Some(only.name().into()),
                _ => {
                    let applies = keywords::find(key).map_or(Applies::Note, |keyword| keyword.applies);
                    let applies = if key == "format" {
                        Applies::Strings
                    } else {
                        applies
                    };
                    (applies != Applies::Any && applies.to(only)).then(|| value.clone())
                }
            };
        }
        let Value::Array(items) = value else {
            return Some(value.clone());
        };
        let is_null = |item: &Value| match key {
            "type" => item == "null",
            "enum" => item.is_null(),
            "anyOf" | "oneOf" => item.get("type").is_some_and(|kind| kind == "null"),
            _ => false,
        };
        let left: Vec<_> = items.iter().filter(|item| !is_null(item)).cloned().collect();
        match left.as_slice() {
            [one] if key == "type" => Some(one.clone()),
            _ => Some(left.into()),
        }
    }
}
