//! What is left of a sender's values when a reader has left out the fields that it does not know: a schema for them. It
//! accepts at least the values that are left, so what is proved of it holds for each of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::reader::{Names, Reader, below, item_schemas, names, prefix_length};
use super::universe::{reference, to};
use crate::canonical;

/// Types that are made for one projection, before it is given up.
const MOST: usize = 200;

/// Cuts the schemas of a sender down to what a reader keeps.
pub(super) struct Projection<'v> {
    reader: Reader<'v>,
    /// Types cut for one place, by what they were and who reads them there.
    names: BTreeMap<String, String>,
    /// The types that were made; to be put beside those of the reader.
    pub(super) defs: Map<String, Value>,
    pub(super) given_up: bool,
}

impl<'v> Projection<'v> {
    pub(super) fn new(reader: Reader<'v>) -> Self {
        Self {
            reader,
            names: BTreeMap::new(),
            defs: Map::new(),
            given_up: false,
        }
    }

    /// A schema that accepts whatever is left of a value of `sender`.
    pub(super) fn of(&mut self, sender: &Value, readers: &[&'v Value]) -> Value {
        // What is left of anything is anything.
        let Value::Object(keywords) = sender else {
            return sender.clone();
        };
        if readers == [sender] || !self.reader.may_prune(readers) {
            return sender.clone();
        }
        let parts = self.reader.parts(readers);
        let mut cut = Map::new();
        for (key, value) in keywords {
            match key.as_str() {
                "$ref" => self.reference(sender, readers, &mut cut),
                "allOf" | "anyOf" => {
                    let list = value.as_array().into_iter().flatten();
                    let list: Vec<Value> = list.map(|part| self.of(part, readers)).collect();
                    more(&mut cut, key, list);
                }
                "oneOf" => self.one_of(value, readers, &mut cut),
                "not" if self.ignores(value, readers) => {
                    cut.insert(key.clone(), value.clone());
                }
                "if" if self.ignores(value, readers) => {
                    cut.insert(key.clone(), value.clone());
                    for branch in ["then", "else"] {
                        if let Some(schema) = keywords.get(branch) {
                            cut.insert(branch.to_owned(), self.of(schema, readers));
                        }
                    }
                }
                "const" | "enum" => {
                    let values = match value {
                        Value::Array(values) if key == "enum" => values.clone(),
                        value => vec![value.clone()],
                    };
                    let left = values.into_iter().map(|mut value| {
                        self.reader.prune(&mut value, readers);
                        value
                    });
                    more(
                        &mut cut,
                        "anyOf",
                        vec![json!({ "enum": left.collect::<Vec<_>>() })],
                    );
                }
                // What asks for the whole of a value says nothing of what is left.
                "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "minContains"
                | "maxContains"
                | "uniqueItems"
                | "unevaluatedItems"
                | "unevaluatedProperties"
                | "items"
                | "prefixItems"
                | "properties"
                | "required"
                | "additionalProperties"
                | "patternProperties"
                | "minProperties"
                | "dependentRequired"
                | "dependentSchemas" => {}
                _ => {
                    cut.insert(key.clone(), value.clone());
                }
            }
        }
        self.object(keywords, readers, &parts, &mut cut);
        self.array(keywords, &parts, &mut cut);
        cut.into()
    }

    fn reference(&mut self, sender: &Value, readers: &[&'v Value], cut: &mut Map<String, Value>) {
        let Some(name) = reference(sender) else { return };
        let target = to(name);
        if readers == [&target] {
            cut.insert("$ref".to_owned(), json!(format!("#/$defs/{name}")));
            return;
        }
        let Some(schema) = self.reader.defs.get(name) else {
            return;
        };
        let place: Vec<String> = readers.iter().map(|reader| canonical::text(reader)).collect();
        let key = format!("{name} {}", place.join(" "));
        let made = match self.names.get(&key) {
            Some(made) => made.clone(),
            None if self.names.len() >= MOST => {
                self.given_up = true;
                return;
            }
            None => {
                let made = format!("cut:{}", self.names.len());
                self.names.insert(key, made.clone());
                let schema = self.of(schema, readers);
                self.defs.insert(made.clone(), schema);
                made
            }
        };
        cut.insert("$ref".to_owned(), json!(format!("#/$defs/{made}")));
    }

    /// Exactly one, if none of them looks at what is left out; else at least one.
    fn one_of(&mut self, list: &Value, readers: &[&'v Value], cut: &mut Map<String, Value>) {
        let list: Vec<&Value> = list.as_array().into_iter().flatten().collect();
        if list.iter().all(|part| self.ignores(part, readers)) {
            cut.insert("oneOf".to_owned(), json!(list));
        } else {
            let list = list.into_iter().map(|part| self.of(part, readers)).collect();
            more(cut, "anyOf", list);
        }
    }

    fn object(
        &mut self,
        keywords: &Map<String, Value>,
        readers: &[&'v Value],
        parts: &[&'v Map<String, Value>],
        cut: &mut Map<String, Value>,
    ) {
        let kept = names(parts);
        let keeps = |name: &str| match &kept {
            Names::Open => true,
            Names::Known(known) => known.contains(name),
        };
        let table = |key: &str| keywords.get(key).and_then(Value::as_object).into_iter().flatten();
        let additional = keywords.get("additionalProperties").unwrap_or(&Value::Bool(true));
        let has_patterns = table("patternProperties").next().is_some();
        let closed = matches!(kept, Names::Known(_));
        let mut properties: Map<String, Value> = table("properties")
            .filter(|(name, _)| keeps(name))
            .map(|(name, schema)| (name.clone(), self.of(schema, &below(parts, name))))
            .collect();
        // What the sender lets through without naming it, under the names that the reader knows.
        for name in parts
            .iter()
            .filter_map(|part| part.get("properties")?.as_object())
            .flat_map(Map::keys)
        {
            if properties.contains_key(name) {
                continue;
            }
            let schema = match additional {
                // A pattern may let it through.
                _ if has_patterns && closed => Value::Bool(true),
                _ if has_patterns => continue,
                Value::Bool(false) => continue,
                other => self.of(other, &below(parts, name)),
            };
            properties.insert(name.clone(), schema);
        }
        let patterns: Map<String, Value> = table("patternProperties")
            .filter(|_| !closed)
            .map(|(pattern, schema)| {
                let same = parts
                    .iter()
                    .filter_map(|part| part.get("properties")?.as_object())
                    .flat_map(Map::keys)
                    .map(String::as_str)
                    .chain([""])
                    .all(|name| &self.of(schema, &below(parts, name)) == schema);
                (
                    pattern.clone(),
                    if same { schema.clone() } else { Value::Bool(true) },
                )
            })
            .collect();
        let rest = match (additional, &kept) {
            (Value::Bool(false), _) | (_, Names::Known(_)) => Value::Bool(false),
            (_, _) if has_patterns => Value::Bool(true),
            (other, _) => self.of(other, &below(parts, "")),
        };
        let required: Vec<&Value> = keywords
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|name| name.as_str().is_some_and(keeps))
            .collect();
        if !required.is_empty() {
            cut.insert("required".to_owned(), json!(required));
        }
        if let (Names::Open, Some(least)) = (&kept, keywords.get("minProperties")) {
            cut.insert("minProperties".to_owned(), least.clone());
        }
        let dependent: Map<String, Value> = table("dependentRequired")
            .filter(|(name, _)| keeps(name))
            .map(|(name, others)| {
                let others = others.as_array().into_iter().flatten();
                let others = others.filter(|other| other.as_str().is_some_and(keeps));
                (name.clone(), others.cloned().collect())
            })
            .collect();
        let schemas: Map<String, Value> = table("dependentSchemas")
            .filter(|(name, _)| keeps(name))
            .map(|(name, schema)| (name.clone(), self.of(schema, readers)))
            .collect();
        for (key, table) in [
            ("properties", properties),
            ("patternProperties", patterns),
            ("dependentRequired", dependent),
            ("dependentSchemas", schemas),
        ] {
            if !table.is_empty() {
                cut.insert(key.to_owned(), table.into());
            }
        }
        if rest != Value::Bool(true) {
            cut.insert("additionalProperties".to_owned(), rest);
        }
    }

    fn array(
        &mut self,
        keywords: &Map<String, Value>,
        parts: &[&'v Map<String, Value>],
        cut: &mut Map<String, Value>,
    ) {
        let own: Vec<&Value> = keywords
            .get("prefixItems")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        let prefix: Vec<Value> = own
            .iter()
            .enumerate()
            .map(|(at, schema)| self.of(schema, &item_schemas(parts, at)))
            .collect();
        let items = keywords.get("items").map(|items| {
            // Places that the reader tells apart and the sender does not must come to the same.
            let last = prefix_length(parts).max(own.len());
            let made: Vec<Value> = (own.len()..=last)
                .map(|at| self.of(items, &item_schemas(parts, at)))
                .collect();
            match made.split_first() {
                Some((first, rest)) if rest.iter().all(|other| other == first) => first.clone(),
                _ => Value::Bool(true),
            }
        });
        let same = prefix.iter().eq(own.iter().copied()) && items.as_ref() == keywords.get("items");
        let mut others = own.len()..=prefix_length(parts).max(own.len());
        let unnamed = keywords.get("items").is_none()
            && others.any(|at| self.reader.may_prune(&item_schemas(parts, at)));
        let pruned = !same || unnamed;
        if !pruned {
            for key in [
                "contains",
                "minContains",
                "maxContains",
                "uniqueItems",
                "unevaluatedItems",
            ] {
                if let Some(value) = keywords.get(key) {
                    cut.insert(key.to_owned(), value.clone());
                }
            }
        }
        if !prefix.is_empty() {
            cut.insert("prefixItems".to_owned(), prefix.into());
        }
        if let Some(items) = items {
            cut.insert("items".to_owned(), items);
        }
    }

    /// Whether a schema says the same of a value and of what is left of it.
    fn ignores(&self, schema: &Value, readers: &[&'v Value]) -> bool {
        let Value::Object(keywords) = schema else {
            return true;
        };
        let parts = self.reader.parts(readers);
        let kept = names(&parts);
        let keeps = |name: &str| match &kept {
            Names::Open => true,
            Names::Known(known) => known.contains(name),
        };
        let list = |value: &Value| {
            let list = value.as_array().into_iter().flatten();
            list.into_iter().all(|part| self.ignores(part, readers))
        };
        keywords.iter().all(|(key, value)| match key.as_str() {
            "type" | "minLength" | "maxLength" | "pattern" | "format" | "minimum" | "maximum"
            | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" | "minItems" | "maxItems" => true,
            "const" => !value.is_object() && !value.is_array(),
            "enum" => value
                .as_array()
                .into_iter()
                .flatten()
                .all(|value| !value.is_object() && !value.is_array()),
            "required" => value
                .as_array()
                .into_iter()
                .flatten()
                .all(|name| name.as_str().is_some_and(keeps)),
            "properties" => value
                .as_object()
                .into_iter()
                .flatten()
                .all(|(name, schema)| keeps(name) && self.ignores(schema, &below(&parts, name))),
            "allOf" | "anyOf" | "oneOf" => list(value),
            "not" | "if" | "then" | "else" => self.ignores(value, readers),
            "items" => {
                let last = prefix_length(&parts);
                (0..=last).all(|at| self.ignores(value, &item_schemas(&parts, at)))
            }
            _ => !self.reader.may_prune(readers),
        })
    }
}

/// Adds schemas of which a value must fit some or all, beside those that are there.
fn more(cut: &mut Map<String, Value>, key: &str, list: Vec<Value>) {
    if key == "allOf" || !cut.contains_key(key) {
        match cut.get_mut(key) {
            Some(Value::Array(there)) => there.extend(list),
            _ => {
                cut.insert(key.to_owned(), list.into());
            }
        }
        return;
    }
    more(cut, "allOf", vec![json!({ key: list })]);
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Projection, Reader};

    fn left(sender: &Value, reader: &Value) -> Value {
        let defs = Map::new();
        Projection::new(Reader { defs: &defs }).of(sender, &[reader])
    }

    #[test]
    fn fields_that_the_reader_does_not_know_are_gone() {
        let reader = json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": false });
        let sender = json!({
            "type": "object", "properties": { "a": {}, "b": {} }, "required": ["a", "b"],
            "additionalProperties": false
        });
        assert_eq!(
            left(&sender, &reader),
            json!({ "type": "object", "properties": { "a": {} }, "required": ["a"], "additionalProperties": false })
        );
        let open = json!({ "type": "object" });
        assert_eq!(
            left(&open, &reader),
            json!({ "type": "object", "properties": { "a": true }, "additionalProperties": false })
        );
        assert_eq!(left(&sender, &open), sender);
    }
}
