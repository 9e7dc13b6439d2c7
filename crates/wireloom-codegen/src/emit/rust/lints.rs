//! What rustc and clippy would say of generated code, answered in one place: by code that gives no reason, by an
//! expectation that is known to be met, or, where only a layout in memory decides, by an exemption with a reason.

use proc_macro2::TokenStream;
use quote::quote;
use wireloom_spec::model::{Def, DefId, DefKind, Extra, Schema, Shape};

use super::handlers;
use super::scope::Scope;

/// For an item that names what the protocol deprecates.
pub(super) fn expect_deprecated() -> TokenStream {
    quote!(#[expect(deprecated, reason = "the protocol still has it")])
}

/// Uses every type and function, so that a program which needs only some of them compiles without warnings.
pub(super) fn everything_is_used(scope: &Scope<'_>) -> TokenStream {
    scope.item(|| {
        let types: Vec<_> = scope.defs().collect();
        let paths = types.iter().map(|id| scope.path(*id));
        let functions = types
            .iter()
            .filter(|id| matches!(scope.model().def(**id).kind, DefKind::Enum(_)))
            .map(|id| {
                let name = scope.path(*id);
                quote!(let _ = (#name::ALL, #name::as_str);)
            });
        let handlers = handlers::functions(scope);
        let comment = " Uses all there is: a program that needs only some of it compiles without warnings.";
        quote! {
            #[comment = #comment]
            const _: () = {
                const fn used<T>() {}
                used::<engine::Ping>();
                #(used::<#paths>();)*
                #(#functions)*
                #handlers
                let _ = SUBPROTOCOL;
            };
        }
    })
}

/// Exemptions of an enum: names of variants are the protocol's, and so is their size.
pub(super) fn enum_exemptions(scope: &Scope<'_>, def: &Def) -> TokenStream {
    let names: Vec<&str> = match &def.kind {
        DefKind::Enum(variants) => variants
            .iter()
            .map(|variant| variant.rust_name.as_str())
            .collect(),
        DefKind::Tagged(tagged) => tagged
            .variants
            .iter()
            .map(|variant| variant.rust_name.as_str())
            .collect(),
        DefKind::Union(union) => union
            .variants
            .iter()
            .map(|variant| variant.rust_name.as_str())
            .collect(),
        _ => return TokenStream::new(),
    };
    let mut lints = Vec::new();
    if repetitive(&def.rust_name, &names) {
        lints.push(quote!(clippy::enum_variant_names));
    }
    if names
        .iter()
        .any(|name| name.len() > 2 && name.chars().all(|c| c.is_ascii_uppercase()))
    {
        lints.push(quote!(clippy::upper_case_acronyms));
    }
    if uneven(scope, &def.kind) {
        lints.push(quote!(clippy::large_enum_variant));
    }
    if lints.is_empty() {
        return TokenStream::new();
    }
    quote!(#[allow(#(#lints),*, reason = "names and sizes are those of the protocol")])
}

/// Exemption of a field, a variant or a newtype whose type is nested deeply.
pub(super) fn type_exemption<'s>(schemas: impl IntoIterator<Item = &'s Schema>) -> TokenStream {
    // Clippy counts 10 for each level and each part of it and stops at 250; two levels of `Option` may come on top.
    let complex = schemas.into_iter().any(|schema| complexity(schema, 3) > 150);
    if complex {
        quote!(#[allow(clippy::type_complexity, reason = "the type is that of the protocol")])
    } else {
        TokenStream::new()
    }
}

fn complexity(schema: &Schema, level: u64) -> u64 {
    let inner: u64 = match &schema.shape {
        Shape::Array { items, .. } => complexity(items, level + 1),
        Shape::Map { values, .. } => 10 * (level + 1) + complexity(values, level + 1),
        Shape::Nullable(inner) => complexity(inner, level + 1),
        Shape::Tuple(items) => items.iter().map(|item| complexity(item, level + 1)).sum(),
        _ => 0,
    };
    10 * level + inner
}

/// Whether clippy may find that variants repeat each other's words or the enum's name.
fn repetitive(type_name: &str, variants: &[&str]) -> bool {
    let words = |name: &str| -> Vec<String> {
        let snake = super::literals::snake(name);
        snake.split('_').map(str::to_owned).collect()
    };
    let own = words(type_name);
    let all: Vec<_> = variants.iter().map(|name| words(name)).collect();
    if all
        .iter()
        .any(|words| words.starts_with(&own) || words.ends_with(&own))
    {
        return true;
    }
    let shared = |word: fn(&Vec<String>) -> Option<&String>| {
        let first = all.first().and_then(word);
        all.len() >= 3 && first.is_some() && all.iter().all(|words| word(words) == first)
    };
    shared(|words| words.first()) || shared(|words| words.last())
}

/// Whether one variant may be more than 200 bytes larger than the next; below half of that, it is not.
fn uneven(scope: &Scope<'_>, kind: &DefKind) -> bool {
    let mut sizes: Vec<u64> = match kind {
        DefKind::Tagged(tagged) => tagged
            .variants
            .iter()
            .map(|variant| {
                if variant.boxed {
                    8
                } else {
                    def_size(scope, variant.def, SIZE_DEPTH)
                }
            })
            .collect(),
        DefKind::Union(union) => union
            .variants
            .iter()
            .map(|variant| {
                if variant.boxed {
                    8
                } else {
                    size(scope, &variant.schema, SIZE_DEPTH)
                }
            })
            .collect(),
        _ => return false,
    };
    sizes.sort_unstable();
    match sizes.as_slice() {
        [.., next, largest] => largest - next > 100,
        _ => false,
    }
}

/// Types nested deeper are taken for large.
const SIZE_DEPTH: u32 = 8;

fn size(scope: &Scope<'_>, schema: &Schema, depth: u32) -> u64 {
    match &schema.shape {
        Shape::Null => 0,
        Shape::Boolean => 1,
        Shape::Integer { .. } | Shape::IntegerText(_) | Shape::Number(_) => 8,
        Shape::String(_) | Shape::Array { .. } | Shape::Map { .. } => 24,
        Shape::Any | Shape::Literals { .. } => 72,
        Shape::Nullable(inner) => 8 + size(scope, inner, depth),
        Shape::Tuple(items) => items.iter().map(|item| size(scope, item, depth)).sum(),
        Shape::Def(id) => def_size(scope, *id, depth),
    }
}

fn def_size(scope: &Scope<'_>, id: DefId, depth: u32) -> u64 {
    let Some(depth) = depth.checked_sub(1) else {
        return 1024;
    };
    match &scope.model().def(id).kind {
        DefKind::Alias(schema) | DefKind::Newtype(schema) => size(scope, schema, depth),
        DefKind::Enum(_) => 1,
        DefKind::Struct(object) => {
            let fields: u64 = object
                .fields
                .iter()
                .filter(|field| field.constant.is_none())
                .map(|field| {
                    if field.boxed {
                        8
                    } else {
                        8 + size(scope, &field.schema, depth)
                    }
                })
                .sum();
            fields
                + if matches!(object.extra, Extra::Refused) {
                    0
                } else {
                    24
                }
        }
        DefKind::Tagged(tagged) => {
            let sizes = tagged.variants.iter();
            8 + sizes
                .map(|v| if v.boxed { 8 } else { def_size(scope, v.def, depth) })
                .max()
                .unwrap_or(0)
        }
        DefKind::Union(union) => {
            let sizes = union.variants.iter();
            8 + sizes
                .map(|v| if v.boxed { 8 } else { size(scope, &v.schema, depth) })
                .max()
                .unwrap_or(0)
        }
    }
}
