//! JSON Schema of any draft, and its relatives in AsyncAPI and OpenAPI, to the schemas of the language. Whatever is
//! referred to becomes a type. What has no counterpart is reported, and the rest is kept.

use std::collections::VecDeque;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use wireloom_spec::model::FORMATS;

use super::documents::{Documents, Place, Siblings};
use super::names::Names;

/// What is done with most of what is not carried.
pub(super) const LEFT_OUT: &str = "left out";

/// Names of JSON Schema's types.
const TYPES: [&str; 7] = [
    "null", "boolean", "integer", "number", "string", "array", "object",
];

/// Deepest nesting of schemas; the language has 64 levels for the whole file.
const MAX_DEPTH: usize = 48;

/// Converts the schemas of an import.
#[derive(Debug)]
pub(super) struct Schemas<'a> {
    pub(super) documents: &'a mut Documents,
    pub(super) names: Names,
    /// Types by where they stand; without a schema until it is their turn.
    types: IndexMap<Place, Type>,
    waiting: VecDeque<Place>,
    /// Definitions that become types only if something refers to them.
    definitions: Vec<Place>,
}

#[derive(Debug)]
struct Type {
    name: String,
    schema: Option<Value>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(documents: &'a mut Documents, names: Names) -> Self {
        Self {
            documents,
            names,
            types: IndexMap::new(),
            waiting: VecDeque::new(),
            definitions: Vec::new(),
        }
    }

    /// Makes a type of a schema, and gives its name.
    pub(super) fn named(&mut self, place: &Place) -> String {
        if let Some(known) = self.types.get(place) {
            return known.name.clone();
        }
        let wanted = self.wanted(place);
        let name = self.names.named_type(&wanted);
        if name != wanted {
            let instead = format!("its type is named {name}");
            self.documents
                .changed(place, format!("`{wanted}` is no free name of a type"), instead);
        }
        self.types.insert(
            place.clone(),
            Type {
                name: name.clone(),
                schema: None,
            },
        );
        self.waiting.push_back(place.clone());
        name
    }

    /// What a schema at a place is called.
    fn wanted(&self, place: &Place) -> String {
        let title = |place: &Place| {
            let title = self.documents.at(place)?.get("title")?.as_str()?;
            title
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric())
                .then(|| title.to_owned())
        };
        // A keyword or a number says nothing; the name before it does.
        let named = place.pointer.rsplit('/').find(|part| {
            part.starts_with(|first: char| first.is_ascii_alphabetic())
                && ![
                    "schema",
                    "items",
                    "payload",
                    "allOf",
                    "anyOf",
                    "oneOf",
                    "properties",
                ]
                .contains(part)
        });
        match (place.last(), named) {
            (Some(last), Some(named)) if last == *named => last,
            (_, Some(named)) => title(place).unwrap_or_else(|| named.to_owned()),
            _ => title(place).unwrap_or_else(|| self.documents.stem(place.file)),
        }
    }

    /// The schema at a place, with everything that it refers to among the types.
    pub(super) fn at(&mut self, place: &Place) -> Value {
        let value = self.documents.at(place).cloned().unwrap_or(Value::Bool(true));
        self.schema(&value, place)
    }

    /// The types, converted, and nothing left to do.
    pub(super) fn finish(&mut self) -> Map<String, Value> {
        while let Some(place) = self.waiting.pop_front() {
            let schema = self.at(&place);
            if let Some(waiting) = self.types.get_mut(&place) {
                waiting.schema = Some(schema);
            }
        }
        for place in std::mem::take(&mut self.definitions) {
            if !self.types.contains_key(&place) {
                self.documents
                    .lost(&place, "nothing refers to this definition", LEFT_OUT);
            }
        }
        self.types
            .values()
            .filter_map(|each| Some((each.name.clone(), each.schema.clone()?)))
            .collect()
    }

    /// The name of the type that a schema has become, if it has.
    pub(super) fn name_of(&self, place: &Place) -> Option<&str> {
        self.types.get(place).map(|known| known.name.as_str())
    }

    /// Where a type of this name comes from.
    pub(super) fn origin(&self, name: &str) -> Option<&Place> {
        self.types
            .iter()
            .find(|(_, each)| each.name == name)
            .map(|(place, _)| place)
    }

    pub(super) fn schema(&mut self, value: &Value, place: &Place) -> Value {
        match value {
            Value::Bool(_) => value.clone(),
            Value::Object(_) if place.pointer.matches('/').count() > MAX_DEPTH * 2 => {
                self.documents
                    .lost(place, "the schema is nested too deep", "anything is accepted");
                Value::Bool(true)
            }
            Value::Object(keywords) => self.object(keywords, place),
            _ => {
                self.documents
                    .lost(place, "this is no schema", "anything is accepted");
                Value::Bool(true)
            }
        }
    }

    fn object(&mut self, keywords: &Map<String, Value>, place: &Place) -> Value {
        let mut out = Map::new();
        let reference = ["$ref", "$dynamicRef", "$recursiveRef"]
            .into_iter()
            .find_map(|key| Some((key, keywords.get(key)?.as_str()?)));
        let mut ignored = false;
        if let Some((key, reference)) = reference {
            if key != "$ref" {
                self.documents.changed(
                    &place.at(key),
                    format!("`{key}` may lead to another schema in another context"),
                    "it leads where `$ref` would",
                );
            }
            if let Some(name) = self.reference(reference, &place.at(key)) {
                out.insert("$ref".to_owned(), format!("#/types/{name}").into());
            }
            ignored = self.documents.siblings(place) == Siblings::Ignored;
        }
        for (key, value) in keywords {
            let at = place.at(key);
            let is_note = ["description", "title", "deprecated", "$comment"].contains(&key.as_str());
            if ignored && !is_note && !key.starts_with("$ref") {
                let what = format!("`{key}` beside `$ref` means nothing in this draft");
                self.documents.lost(&at, what, LEFT_OUT);
                continue;
            }
            self.keyword(key, value, &at, keywords, &mut out);
        }
        super::keywords::settle(keywords, &mut out, place, self.documents);
        Value::Object(out)
    }

    fn reference(&mut self, reference: &str, place: &Place) -> Option<String> {
        let found = self.documents.follow(place, reference);
        let target = found.and_then(|target| self.schema_place(target));
        match target {
            Ok(target) => Some(self.named(&target)),
            Err(why) => {
                self.documents.lost(place, why, "anything is accepted");
                None
            }
        }
    }

    /// The place of a schema, also where its format stands around it.
    pub(super) fn schema_place(&self, place: Place) -> Result<Place, String> {
        let wrapped = |value: &Value| value.get("schemaFormat").is_some() && value.get("schema").is_some();
        let place = match self.documents.at(&place) {
            Some(value) if wrapped(value) => place.at("schema"),
            _ => place,
        };
        match self.documents.at(&place) {
            Some(Value::Object(_) | Value::Bool(_)) => Ok(place),
            _ => Err("the reference leads to no schema".to_owned()),
        }
    }

    fn keyword(
        &mut self,
        key: &str,
        value: &Value,
        at: &Place,
        all: &Map<String, Value>,
        out: &mut Map<String, Value>,
    ) {
        let converted = match key {
            "$ref" | "$dynamicRef" | "$recursiveRef" | "$schema" => None,
            // The type says it, the bounds say it, or `items` takes it with it: `settle` looks at both.
            "type" | "format" | "nullable" | "example" => None,
            "not"
            | "if"
            | "then"
            | "else"
            | "contains"
            | "propertyNames"
            | "additionalProperties"
            | "unevaluatedItems"
            | "unevaluatedProperties" => Some(self.schema(value, at)),
            "items" => {
                if let Value::Array(items) = value {
                    if let Some(items) = self.list(items, at) {
                        out.insert("prefixItems".to_owned(), items);
                    }
                    None
                } else {
                    Some(self.schema(value, at))
                }
            }
            "additionalItems" => {
                if all.get("items").is_some_and(Value::is_array) {
                    let items = self.schema(value, at);
                    out.insert("items".to_owned(), items);
                }
                None
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => match value.as_array() {
                Some(items) => self.list(items, at),
                None => self.not_understood(key, at),
            },
            "properties" | "patternProperties" | "dependentSchemas" => match value.as_object() {
                Some(entries) => Some(self.table(entries, at)),
                None => self.not_understood(key, at),
            },
            "dependencies" => {
                self.dependencies(value, at, out);
                None
            }
            "$defs" | "definitions" => {
                let names = value.as_object().into_iter().flatten().map(|(name, _)| name);
                self.definitions.extend(names.map(|name| at.at(name)));
                None
            }
            _ => super::keywords::plain(key, value, at, all, self.documents),
        };
        if let Some(converted) = converted {
            out.insert(key.to_owned(), converted);
        }
    }

    fn not_understood(&mut self, key: &str, at: &Place) -> Option<Value> {
        self.documents.lost(
            at,
            format!("`{key}` is not of the form that it should have"),
            LEFT_OUT,
        );
        None
    }

    fn list(&mut self, items: &[Value], at: &Place) -> Option<Value> {
        if items.is_empty() {
            return None;
        }
        let items = items.iter().enumerate();
        let items: Vec<Value> = items
            .map(|(index, item)| self.schema(item, &at.at(index)))
            .collect();
        Some(items.into())
    }

    fn table(&mut self, entries: &Map<String, Value>, at: &Place) -> Value {
        let entries = entries
            .iter()
            .map(|(name, value)| (name.clone(), self.schema(value, &at.at(name))));
        Value::Object(entries.collect())
    }

    /// `dependencies` of draft 7 are two keywords today.
    fn dependencies(&mut self, value: &Value, at: &Place, out: &mut Map<String, Value>) {
        let (mut required, mut schemas) = (Map::new(), Map::new());
        for (name, value) in value.as_object().into_iter().flatten() {
            match value {
                Value::Array(_) => required.insert(name.clone(), value.clone()),
                Value::String(one) => required.insert(name.clone(), json!([one])),
                _ => schemas.insert(name.clone(), self.schema(value, &at.at(name))),
            };
        }
        if !required.is_empty() {
            out.insert("dependentRequired".to_owned(), required.into());
        }
        if !schemas.is_empty() {
            out.insert("dependentSchemas".to_owned(), schemas.into());
        }
    }
}

/// Whether a name is that of a type of JSON Schema.
pub(super) fn is_type(name: &str) -> bool {
    TYPES.contains(&name)
}

/// Whether a format of strings is asserted by the language.
pub(super) fn is_format(name: &str) -> bool {
    FORMATS.contains(&name)
}
