//! A place where a schema stands: read later, by [`crate::schema`]; described here for editors.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::Read;
use crate::diagnostic::Sink;
use crate::schema::keywords::{KEYWORDS, Takes};
use crate::syntax::Node;

/// A schema as it stands in the file.
#[derive(Debug, Clone)]
pub(crate) struct SchemaPosition(pub(crate) Node);

impl Read for SchemaPosition {
    fn read(node: Node, _: &mut Sink) -> Option<Self> {
        Some(Self(node))
    }

    fn example() -> String {
        "string".to_owned()
    }
}

impl JsonSchema for SchemaPosition {
    fn schema_name() -> Cow<'static, str> {
        "Schema".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let schema = generator.subschema_for::<Self>().to_value();
        let mut properties = Map::new();
        let fields = json!({
            "description": "A closed object: each field is required unless its name ends in `?`.",
            "type": "object",
            "additionalProperties": schema,
        });
        properties.insert("fields".to_owned(), fields);
        let open = json!({ "description": "Beside `fields`: whether unknown fields are accepted.", "type": "boolean" });
        properties.insert("open".to_owned(), open);
        for keyword in KEYWORDS {
            let mut described = Map::new();
            described.insert("description".to_owned(), keyword.about.into());
            described.extend(takes(keyword.takes, &schema));
            properties.insert(keyword.name.to_owned(), described.into());
        }
        json_schema!({
            "description": "JSON Schema 2020-12, a type expression such as `string`, `Name[]`, `Name?` or `map<Name>`, or `fields`.",
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "boolean" },
                { "type": "object", "properties": properties, "additionalProperties": false },
            ],
        })
    }
}

fn takes(takes: Takes, schema: &Value) -> Map<String, Value> {
    let types = json!({ "enum": ["null", "boolean", "integer", "number", "string", "array", "object"] });
    let names = json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true });
    let value = match takes {
        Takes::Type => {
            json!({ "anyOf": [types, { "type": "array", "items": types, "minItems": 1, "uniqueItems": true }] })
        }
        Takes::Json => json!({}),
        Takes::JsonList => json!({ "type": "array" }),
        Takes::Count => json!({ "type": "integer", "minimum": 0 }),
        Takes::Number => json!({ "type": "number" }),
        Takes::PositiveNumber => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Takes::Text => json!({ "type": "string" }),
        Takes::Names => names,
        Takes::NamesMap => json!({ "type": "object", "additionalProperties": names }),
        Takes::Flag => json!({ "type": "boolean" }),
        Takes::Schema => json!({ "$ref": schema.get("$ref") }),
        Takes::SchemaList => json!({ "type": "array", "items": schema, "minItems": 1 }),
        Takes::SchemaMap => json!({ "type": "object", "additionalProperties": schema }),
    };
    match value {
        Value::Object(value) => value,
        _ => Map::new(),
    }
}
