//! `delivery.key` leads to a property that every payload has.

use crate::codes;
use crate::diagnostic::Report;
use crate::model::{Def, DefId, DefKind, Extra, Schema, Shape, Span};
use crate::suggest;

/// Why the pointer cannot be used with payloads of this type, if it cannot.
pub(crate) fn delivery(pointer: &str, payload: DefId, defs: &[Def], at: Span) -> Option<Report> {
    let fault = |message: String| Some(Report::new(&codes::DELIVERY, at, message));
    let Some(rest) = pointer.strip_prefix('/') else {
        return fault(format!("`{pointer}` is no JSON Pointer to a property"))
            .map(|report| report.help("write it as `/sessionId`"));
    };
    let mut def = defs.get(payload.0);
    let mut way = String::new();
    for segment in rest.split('/') {
        let name = segment.replace("~1", "/").replace("~0", "~");
        let Some(kind) = def.map(|def| &def.kind) else {
            return fault(format!("`{way}` is no object"));
        };
        match property(kind, &name, defs) {
            Found::Required(next) => def = next,
            Found::Optional => {
                return fault(format!("the property `{name}` may be missing")).map(|report| {
                    report.help("make it required, or leave `key` out to keep one message of this type")
                });
            }
            Found::Nothing(known) => {
                let help = suggest::did_you_mean(&name, known.iter().map(String::as_str));
                return fault(format!("there is no property `{name}` in every payload"))
                    .map(|report| report.maybe_help(help));
            }
        }
        way.push('/');
        way.push_str(segment);
    }
    None
}

enum Found<'a> {
    /// It is always there; what it is, if it is an object.
    Required(Option<&'a Def>),
    Optional,
    /// The properties that there are.
    Nothing(Vec<String>),
}

fn property<'a>(kind: &'a DefKind, name: &str, defs: &'a [Def]) -> Found<'a> {
    match kind {
        DefKind::Struct(object) => match object.fields.iter().find(|field| field.name == name) {
            Some(field) if field.required => Found::Required(named(&field.schema, defs)),
            Some(_) => Found::Optional,
            None if object.extra != Extra::Refused => Found::Optional,
            None => Found::Nothing(object.fields.iter().map(|field| field.name.clone()).collect()),
        },
        DefKind::Tagged(tagged) => {
            // It must be there whichever variant comes; deeper ways into variants are not followed.
            let mut target = None;
            for variant in &tagged.variants {
                let Some(def) = defs.get(variant.def.0) else {
                    return Found::Nothing(Vec::new());
                };
                match property(&def.kind, name, defs) {
                    Found::Required(next) => target = target.or(next),
                    other => return other,
                }
            }
            Found::Required(target)
        }
        DefKind::Alias(schema) | DefKind::Newtype(schema) => match named(schema, defs) {
            Some(def) if !matches!(def.kind, DefKind::Alias(_) | DefKind::Newtype(_)) => {
                property(&def.kind, name, defs)
            }
            _ => Found::Nothing(Vec::new()),
        },
        DefKind::Enum(_) | DefKind::Union(_) => Found::Nothing(Vec::new()),
    }
}

/// The definition that a schema is, aliases looked through.
fn named<'a>(schema: &'a Schema, defs: &'a [Def]) -> Option<&'a Def> {
    let mut schema = schema;
    for _ in 0..defs.len() {
        let Shape::Def(id) = &schema.shape else {
            return None;
        };
        match defs.get(id.0) {
            Some(Def {
                kind: DefKind::Alias(target),
                ..
            }) => schema = target,
            other => return other,
        }
    }
    None
}
