//! Schemas with the formats of their integers. A JSON Schema has them as bounds and patterns; AsyncAPI's own readers know
//! the formats by name.

use serde_json::{Map, Value};
use wireloom_spec::model::{Def, DefKind, Extra, Field, IntRepr, Model, Origin, Schema, Shape};

/// The schema of a named type, with formats.
pub(super) fn of_def(model: &Model, def: &Def) -> Value {
    let mut json = def.schema.clone();
    kind(model, &def.kind, &mut json);
    json
}

fn kind(model: &Model, kind: &DefKind, json: &mut Value) {
    match kind {
        DefKind::Alias(schema) | DefKind::Newtype(schema) => place(model, schema, json),
        DefKind::Struct(object) => {
            for field in &object.fields {
                property(model, field, json);
            }
            if let Extra::Typed(_, values) = &object.extra {
                inside(json, "additionalProperties", |json| place(model, values, json));
            }
        }
        DefKind::Enum(_) => {}
        DefKind::Tagged(tagged) => {
            let defs = tagged.variants.iter().map(|variant| model.def(variant.def));
            alternatives(json, defs, |def, json| own(model, def, json));
        }
        DefKind::Union(union) => {
            let schemas = union.variants.iter().map(|variant| &variant.schema);
            alternatives(json, schemas, |schema, json| place(model, schema, json));
        }
    }
}

/// A property, where the object itself describes it or one of the schemas that it is merged from.
fn property(model: &Model, field: &Field, json: &mut Value) {
    inside(json, "properties", |properties| {
        inside(properties, &field.name, |json| place(model, &field.schema, json));
    });
    inside(json, "allOf", |parts| {
        for part in parts.as_array_mut().into_iter().flatten() {
            property(model, field, part);
        }
    });
}

fn place(model: &Model, schema: &Schema, json: &mut Value) {
    // A schema around one other adds nothing to its shape.
    if json.get("type").is_none() && !matches!(schema.shape, Shape::Def(_)) {
        inside(json, "allOf", |parts| {
            for part in parts.as_array_mut().into_iter().flatten() {
                place(model, schema, part);
            }
        });
    }
    match &schema.shape {
        Shape::Integer { repr, .. } => format(*repr, false, json),
        Shape::IntegerText(repr) => format(*repr, true, json),
        Shape::Array { items, .. } => inside(json, "items", |json| place(model, items, json)),
        Shape::Tuple(items) => inside(json, "prefixItems", |json| {
            for (item, json) in items.iter().zip(json.as_array_mut().into_iter().flatten()) {
                place(model, item, json);
            }
        }),
        Shape::Map { values, .. } => {
            inside(json, "additionalProperties", |json| place(model, values, json));
        }
        Shape::Nullable(inner) => match alternative(json) {
            // The type is a list with "null" in it, or several alternatives share one null.
            None => place(model, inner, json),
            Some(other) => place(model, inner, other),
        },
        Shape::Def(id) => own(model, model.def(*id), json),
        _ => {}
    }
}

/// A type that stands here in full; one of `types` stands elsewhere.
fn own(model: &Model, def: &Def, json: &mut Value) {
    if matches!(def.origin, Origin::Inline(_)) {
        kind(model, &def.kind, json);
    }
}

fn is_null(json: &Value) -> bool {
    json.get("type").is_some_and(|name| name == "null")
}

/// The list of alternatives, if there is one, without null.
fn list(json: &mut Value) -> Option<impl Iterator<Item = &mut Value>> {
    let key = ["oneOf", "anyOf"]
        .into_iter()
        .find(|key| json.get(key).is_some())?;
    let list = json.get_mut(key)?.as_array_mut()?;
    Some(list.iter_mut().filter(|json| !is_null(json)))
}

/// The alternative to null, if it is the only one.
fn alternative(json: &mut Value) -> Option<&mut Value> {
    let count = list(json)?.count();
    list(json)?.next().filter(|_| count == 1)
}

fn alternatives<T>(json: &mut Value, variants: impl Iterator<Item = T>, with: impl Fn(T, &mut Value)) {
    if list(json).is_none() {
        // The variants are the types of one schema.
        for variant in variants {
            with(variant, json);
        }
        return;
    }
    for (variant, json) in variants.zip(list(json).into_iter().flatten()) {
        with(variant, json);
    }
}

fn inside(json: &mut Value, key: &str, with: impl FnOnce(&mut Value)) {
    if let Some(json) = json.get_mut(key) {
        with(json);
    }
}

/// Puts the format where bounds or a pattern say it.
fn format(repr: IntRepr, is_text: bool, json: &mut Value) {
    let name = match (repr, is_text) {
        (IntRepr::I32, _) => "int32",
        (IntRepr::U32, _) => "uint32",
        (IntRepr::I64, true) => "int64",
        (IntRepr::U64, true) => "uint64",
        (IntRepr::I64 | IntRepr::U64, false) => return,
    };
    let of = if is_text { "string" } else { "integer" };
    let Value::Object(keywords) = json else { return };
    let is = |value: &Value| {
        value == of
            || value
                .as_array()
                .is_some_and(|types| types.iter().any(|each| each == of))
    };
    if keywords.get("type").is_some_and(is) {
        let mut with_format = Map::new();
        for (key, value) in std::mem::take(keywords) {
            let behind = (key == "type").then(|| ("format".to_owned(), name.into()));
            with_format.insert(key, value);
            with_format.extend(behind);
        }
        *keywords = with_format;
    }
}
