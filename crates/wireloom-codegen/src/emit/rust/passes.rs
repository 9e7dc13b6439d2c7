//! Says of a message's decoder what it decides itself in its single pass, and what it leaves to the validator.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use wireloom_spec::model::{DefId, DefKind, Extra, Schema, Shape, StringRule, Struct};

use super::scope::Scope;

/// A comment in front of the decoder of a type, if it is a message's payload.
pub(super) fn comment(scope: &Scope<'_>, id: DefId) -> Option<TokenStream> {
    scope.messages().find(|message| message.payload == id)?;
    let mut parts = Parts {
        scope,
        seen: BTreeSet::new(),
        found: Vec::new(),
    };
    parts.def(id, "");
    let lines = if parts.found.is_empty() {
        vec![" Decided in a single pass.".to_owned()]
    } else {
        let head =
            " Decided in a single pass, except for these parts. A type is named where it stands first.";
        let parts = parts.found.iter().map(|part| format!(" - {part}"));
        std::iter::once(head.to_owned()).chain(parts).collect()
    };
    Some(quote!(#(#[comment = #lines])*))
}

/// What a single pass does not decide, found type by type.
struct Parts<'s, 'm> {
    scope: &'s Scope<'m>,
    seen: BTreeSet<usize>,
    found: Vec<String>,
}

impl Parts<'_, '_> {
    fn add(&mut self, pointer: &str, why: &str) {
        // A name may hold anything: line breaks and the like are shown as escapes.
        let place = if pointer.is_empty() { "all of it" } else { pointer };
        self.found.push(format!("{}: {why}", place.escape_debug()));
    }

    fn residual(&mut self, pointer: &str, keywords: &[String]) {
        if !keywords.is_empty() {
            self.add(pointer, &format!("the validator decides {}", keywords.join(", ")));
        }
    }

    fn def(&mut self, id: DefId, pointer: &str) {
        if !self.seen.insert(id.0) {
            return;
        }
        let def = self.scope.model().def(id);
        self.residual(pointer, &def.residual);
        match &def.kind {
            DefKind::Alias(schema) | DefKind::Newtype(schema) => self.schema(schema, pointer),
            DefKind::Struct(object) => self.structure(object, pointer),
            DefKind::Enum(_) => {}
            DefKind::Tagged(tagged) => {
                for variant in &tagged.variants {
                    self.def(variant.def, pointer);
                }
            }
            DefKind::Union(union) => {
                self.add(pointer, "its variants are tried in turn");
                for variant in &union.variants {
                    self.schema(&variant.schema, pointer);
                }
            }
        }
    }

    fn structure(&mut self, object: &Struct, pointer: &str) {
        for field in &object.fields {
            let name = field.name.replace('~', "~0").replace('/', "~1");
            self.schema(&field.schema, &format!("{pointer}/{name}"));
        }
        if let Extra::Typed(_, schema) = &object.extra {
            self.schema(schema, &format!("{pointer}/*"));
        }
    }

    fn schema(&mut self, schema: &Schema, pointer: &str) {
        self.residual(pointer, &schema.residual);
        match &schema.shape {
            Shape::String(rule) => self.string(rule, pointer),
            Shape::Array { items, .. } => self.schema(items, &format!("{pointer}/*")),
            Shape::Map { values, .. } => self.schema(values, &format!("{pointer}/*")),
            Shape::Tuple(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.schema(item, &format!("{pointer}/{index}"));
                }
            }
            Shape::Nullable(inner) => self.schema(inner, pointer),
            Shape::Def(id) => self.def(*id, pointer),
            _ => {}
        }
    }

    fn string(&mut self, rule: &StringRule, pointer: &str) {
        if let Some(reason) = rule
            .pattern
            .as_deref()
            .and_then(|pattern| self.scope.without_table(pattern))
        {
            self.add(pointer, &format!("the validator decides pattern, since {reason}"));
        }
        if rule.format.is_some() {
            self.add(pointer, "the validator decides format");
        }
    }
}
