//! What a type looks like: a sentence, and its fields.

use wireloom_spec::model::{Def, DefId, DefKind, Docs, Extra, Model, Origin, Schema, Shape as Form, Struct};

use super::Prose;
use crate::emit::constraints;

/// A type, for people.
pub(in crate::emit) struct Shape<'m> {
    /// A sentence about it.
    pub(in crate::emit) notes: Option<Prose>,
    pub(in crate::emit) fields: Vec<Field<'m>>,
}

/// A field of an object.
pub(in crate::emit) struct Field<'m> {
    pub(in crate::emit) name: &'m str,
    /// Its type.
    pub(in crate::emit) target: Prose,
    pub(in crate::emit) required: bool,
    pub(in crate::emit) constraints: Prose,
    pub(in crate::emit) docs: &'m Docs,
}

/// What a type looks like; `optional` for a payload that may be left out.
pub(in crate::emit) fn shape<'m>(model: &'m Model, def: &'m Def, optional: bool) -> Shape<'m> {
    let mut notes = Vec::new();
    let mut fields = Vec::new();
    match &def.kind {
        DefKind::Struct(object) => {
            fields = self::fields(model, object);
            if fields.is_empty() && matches!(object.extra, Extra::Refused) {
                notes.push(Prose::of(if optional { "no payload" } else { "an empty object" }));
            }
            notes.extend(constraints::of_struct(object, &def.residual));
            if let Extra::Typed(_, schema) = &object.extra {
                notes.push(Prose::of("their values: ").and(of_schema(model, schema)));
            }
        }
        DefKind::Alias(schema) | DefKind::Newtype(schema) => {
            notes.push(of_schema(model, schema));
            notes.extend(constraints::constraints(schema));
        }
        DefKind::Enum(variants) => {
            let values = variants.iter().map(|variant| &variant.value);
            notes.push(Prose::of("one of ").and(Prose::codes(values)));
        }
        DefKind::Tagged(tagged) => {
            let variants = tagged.variants.iter().map(|variant| {
                Prose::default()
                    .code(&variant.value)
                    .words(": ")
                    .and(of_def(model, variant.def))
            });
            let variants = Prose::joined(variants, "; ");
            notes.push(Prose::of("by ").code(&tagged.tag).words(": ").and(variants));
        }
        DefKind::Union(union) => {
            let variants = union
                .variants
                .iter()
                .map(|variant| of_schema(model, &variant.schema));
            let words = if union.exactly_one {
                "exactly one of "
            } else {
                "any of "
            };
            notes.push(Prose::of(words).and(Prose::joined(variants, ", ")));
        }
    }
    Shape {
        notes: (!notes.is_empty()).then(|| Prose::joined(notes, "; ").sentence()),
        fields,
    }
}

fn fields<'m>(model: &'m Model, object: &'m Struct) -> Vec<Field<'m>> {
    let field = |field: &'m wireloom_spec::model::Field| {
        let (target, constraints) = match &field.constant {
            Some(constant) => (Prose::default().code(format!("\"{constant}\"")), Prose::default()),
            None => (
                of_schema(model, &field.schema),
                Prose::joined(constraints::constraints(&field.schema), "; "),
            ),
        };
        Field {
            name: &field.name,
            target,
            required: field.required,
            constraints,
            docs: &field.schema.docs,
        }
    };
    object.fields.iter().map(field).collect()
}

/// A type where it is used: plain words, and links to what has a section.
fn of_schema(model: &Model, schema: &Schema) -> Prose {
    match &schema.shape {
        Form::Any => Prose::of("anything"),
        Form::Null => Prose::of("null"),
        Form::Boolean => Prose::of("boolean"),
        Form::Integer { .. } => Prose::of("integer"),
        Form::Number(_) => Prose::of("number"),
        Form::String(_) | Form::IntegerText(_) => Prose::of("string"),
        Form::Literals { values, .. } => {
            Prose::of("one of ").and(Prose::codes(values.iter().map(ToString::to_string)))
        }
        Form::Array { items, .. } => Prose::of("list of ").and(of_schema(model, items)),
        Form::Tuple(items) => {
            let items = items.iter().map(|item| of_schema(model, item));
            Prose::of("tuple of (").and(Prose::joined(items, ", ")).words(")")
        }
        Form::Map { values, .. } => Prose::of("map of ").and(of_schema(model, values)),
        Form::Nullable(inner) => of_schema(model, inner).words(" or null"),
        Form::Def(id) => of_def(model, *id),
    }
}

fn of_def(model: &Model, id: DefId) -> Prose {
    let def = model.def(id);
    match (&def.origin, &def.kind) {
        (Origin::Inline(_), DefKind::Enum(variants)) => {
            Prose::codes(variants.iter().map(|variant| &variant.value))
        }
        _ => Prose::default().r#type(id),
    }
}
