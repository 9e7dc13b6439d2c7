//! What the generator knows while it writes one file: which types belong to it, what they are called, what they are.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use wireloom_spec::model::{Def, DefId, DefKind, Extra, Message, Model, Schema, Shape};

use super::lints;
use super::literals::{ident, snake};
use super::patterns;
use crate::emit::json_schema::Definitions;

/// A model, seen from the file that is being written.
#[derive(Debug)]
pub(super) struct Scope<'m> {
    model: &'m Model,
    /// Whether the file is the runtime's own, with the engine's messages; else it is a protocol's, without them.
    engine: bool,
    /// For each type: whether it belongs to the engine.
    of_engine: Vec<bool>,
    /// For each type: whether it holds a number that is not an integer.
    inexact: Vec<bool>,
    /// For each alias: what its functions are called behind `decode_` and `encode_`.
    functions: Vec<Option<String>>,
    definitions: Definitions<'m>,
    /// Patterns that were tried: each is compiled once.
    patterns: RefCell<BTreeMap<String, Option<&'static str>>>,
    deprecated: Cell<bool>,
}

/// A type's definition in parts.
pub(super) struct Definition {
    pub(super) doc: TokenStream,
    /// Traits to derive besides `Debug`, `Clone`, `PartialEq` and `Eq`; `None` for what derives nothing.
    pub(super) derive: Option<Vec<TokenStream>>,
    pub(super) item: TokenStream,
}

impl<'m> Scope<'m> {
    pub(super) fn of_protocol(model: &'m Model) -> Self {
        Self::new(model, false)
    }

    pub(super) fn of_engine(model: &'m Model) -> Self {
        Self::new(model, true)
    }

    fn new(model: &'m Model, engine: bool) -> Self {
        let parts: Vec<Vec<DefId>> = model.defs.iter().map(parts).collect();
        let of_engine = engine_types(model);
        let mut taken = BTreeSet::new();
        let functions = model
            .defs
            .iter()
            .map(|def| {
                matches!(def.kind, DefKind::Alias(_)).then(|| {
                    let name = snake(&def.rust_name);
                    let mut free = name.clone();
                    let mut number = 2;
                    while !taken.insert(free.clone()) {
                        free = format!("{name}_{number}");
                        number += 1;
                    }
                    free
                })
            })
            .collect();
        Self {
            model,
            engine,
            of_engine,
            inexact: spread(&parts, model.defs.iter().map(holds_float).collect()),
            functions,
            definitions: Definitions::of(model),
            patterns: RefCell::default(),
            deprecated: Cell::new(false),
        }
    }

    pub(super) fn model(&self) -> &'m Model {
        self.model
    }

    pub(super) fn definitions(&self) -> &Definitions<'m> {
        &self.definitions
    }

    /// Why the runtime checks a pattern by the validator, if it does.
    pub(super) fn without_table(&self, pattern: &str) -> Option<&'static str> {
        let mut known = self.patterns.borrow_mut();
        *known
            .entry(pattern.to_owned())
            .or_insert_with(|| patterns::without_table(pattern))
    }

    /// The types of this file, in order.
    pub(super) fn defs(&self) -> impl Iterator<Item = DefId> {
        (0..self.model.defs.len())
            .map(DefId)
            .filter(|id| self.is_of_engine(*id) == self.engine)
    }

    fn is_of_engine(&self, id: DefId) -> bool {
        self.of_engine.get(id.0).copied().unwrap_or(false)
    }

    /// The messages of this file, in order.
    pub(super) fn messages(&self) -> impl Iterator<Item = &'m Message> {
        self.model
            .messages
            .iter()
            .filter(|message| message.engine == self.engine)
    }

    /// How this file names a type.
    pub(super) fn path(&self, id: DefId) -> TokenStream {
        let def = self.model.def(id);
        if def.docs.deprecated {
            self.deprecated.set(true);
        }
        let name = ident(&def.rust_name);
        if self.is_of_engine(id) && !self.engine {
            quote!(::wireloom::messages::#name)
        } else {
            quote!(#name)
        }
    }

    /// Says that the item that is being written names something deprecated.
    pub(super) fn names_deprecated(&self) {
        self.deprecated.set(true);
    }

    /// Whether the type is one of its own in Rust, and not only another name.
    pub(super) fn is_nominal(&self, id: DefId) -> bool {
        self.function(id).is_none()
    }

    /// What the functions of an alias are called behind `decode_` and `encode_`.
    fn function(&self, id: DefId) -> Option<&str> {
        self.functions.get(id.0)?.as_deref()
    }

    /// The function that decodes an alias.
    pub(super) fn decode_function(&self, id: DefId) -> Option<Ident> {
        self.function(id).map(|name| format_ident!("decode_{name}"))
    }

    /// The function that encodes an alias.
    pub(super) fn encode_function(&self, id: DefId) -> Option<Ident> {
        self.function(id).map(|name| format_ident!("encode_{name}"))
    }

    /// Whether values of the type are equal to themselves, come what may.
    pub(super) fn is_eq(&self, id: DefId) -> bool {
        !self.inexact.get(id.0).copied().unwrap_or(true)
    }

    /// Writes an item, with the expectation that it needs if it names something deprecated.
    pub(super) fn item(&self, item: impl FnOnce() -> TokenStream) -> TokenStream {
        self.deprecated.set(false);
        let item = item();
        if self.deprecated.replace(false) {
            let expect = lints::expect_deprecated();
            quote!(#expect #item)
        } else {
            item
        }
    }

    /// Writes the definition of a type. A derived `Eq` names the types of all fields outside of the definition, so it is
    /// written out where one of them is deprecated.
    pub(super) fn definition(&self, id: DefId, item: impl FnOnce() -> Definition) -> TokenStream {
        self.deprecated.set(false);
        let Definition { doc, derive, item } = item();
        let named = self.deprecated.replace(false);
        let expect = named.then(lints::expect_deprecated);
        let deprecated = self.model.def(id).docs.deprecated.then(|| quote!(#[deprecated]));
        let eq = self.is_eq(id) && derive.is_some();
        let derive = derive.map(|more| {
            let eq = (eq && !named).then(|| quote!(, Eq));
            quote!(#[derive(Debug, Clone, PartialEq #eq #(, #more)*)])
        });
        let separate_eq = (eq && named).then(|| {
            self.item(|| {
                let name = self.path(id);
                quote!(impl ::std::cmp::Eq for #name {})
            })
        });
        quote!(#doc #deprecated #expect #derive #item #separate_eq)
    }

    /// A name for a type parameter that no type of the protocol has.
    pub(super) fn parameter(&self, wanted: &str) -> Ident {
        let is_free = |name: &str| self.model.defs.iter().all(|def| def.rust_name != name);
        let mut name = wanted.to_owned();
        while !is_free(&name) {
            name.push('T');
        }
        ident(&name)
    }
}

/// For each type: whether it belongs to a message of the engine.
fn engine_types(model: &Model) -> Vec<bool> {
    let mut of_engine = vec![false; model.defs.len()];
    for message in model.messages.iter().filter(|message| message.engine) {
        let mut open = vec![message.payload];
        while let Some(id) = open.pop() {
            if let Some(seen) = of_engine.get_mut(id.0)
                && !std::mem::replace(seen, true)
            {
                open.extend(parts(model.def(id)));
            }
        }
    }
    of_engine
}

/// The types that a type names.
fn parts(def: &Def) -> Vec<DefId> {
    let mut parts = Vec::new();
    match &def.kind {
        DefKind::Alias(schema) | DefKind::Newtype(schema) => named(schema, &mut parts),
        DefKind::Struct(object) => {
            for field in &object.fields {
                named(&field.schema, &mut parts);
            }
            if let Extra::Typed(_, schema) = &object.extra {
                named(schema, &mut parts);
            }
        }
        DefKind::Enum(_) => {}
        DefKind::Tagged(tagged) => parts.extend(tagged.variants.iter().map(|variant| variant.def)),
        DefKind::Union(union) => {
            for variant in &union.variants {
                named(&variant.schema, &mut parts);
            }
        }
    }
    parts
}

fn named(schema: &Schema, parts: &mut Vec<DefId>) {
    match &schema.shape {
        Shape::Def(id) => parts.push(*id),
        Shape::Array { items: inner, .. } | Shape::Map { values: inner, .. } | Shape::Nullable(inner) => {
            named(inner, parts);
        }
        Shape::Tuple(items) => {
            for item in items {
                named(item, parts);
            }
        }
        _ => {}
    }
}

fn holds_float(def: &Def) -> bool {
    fn float(schema: &Schema) -> bool {
        match &schema.shape {
            Shape::Number(_) => true,
            Shape::Literals { base, .. } => matches!(base, wireloom_spec::model::LiteralBase::Number),
            Shape::Array { items: inner, .. } | Shape::Map { values: inner, .. } | Shape::Nullable(inner) => {
                float(inner)
            }
            Shape::Tuple(items) => items.iter().any(float),
            _ => false,
        }
    }
    match &def.kind {
        DefKind::Alias(schema) | DefKind::Newtype(schema) => float(schema),
        DefKind::Struct(object) => {
            object.fields.iter().any(|field| float(&field.schema))
                || matches!(&object.extra, Extra::Typed(_, schema) if float(schema))
        }
        DefKind::Enum(_) | DefKind::Tagged(_) => false,
        DefKind::Union(union) => union.variants.iter().any(|variant| float(&variant.schema)),
    }
}

/// Spreads a mark from the marked types to all that are made of them.
fn spread(parts: &[Vec<DefId>], mut marked: Vec<bool>) -> Vec<bool> {
    let mut wholes = vec![Vec::new(); parts.len()];
    for (whole, parts) in parts.iter().enumerate() {
        for part in parts {
            if let Some(wholes) = wholes.get_mut(part.0) {
                wholes.push(whole);
            }
        }
    }
    let mut open: Vec<usize> = (0..marked.len()).filter(|index| marked[*index]).collect();
    while let Some(part) = open.pop() {
        for &whole in &wholes[part] {
            if !std::mem::replace(&mut marked[whole], true) {
                open.push(whole);
            }
        }
    }
    marked
}
