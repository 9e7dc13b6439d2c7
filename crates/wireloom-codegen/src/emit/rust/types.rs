//! Definitions of types, without what reads and writes them.

use proc_macro2::TokenStream;
use quote::quote;
use wireloom_spec::model::{
    Def, DefId, DefKind, EnumVariant, Extra, IntRepr, LiteralBase, Origin, Schema, Shape, Struct, Tagged,
    Union,
};

use super::docs::{Doc, code};
use super::lints::{enum_exemptions, type_exemption};
use super::literals::ident;
use super::scope::{Definition, Scope};

/// The definition of a type.
pub(super) fn definition(scope: &Scope<'_>, id: DefId) -> TokenStream {
    let def = scope.model().def(id);
    let name = ident(&def.rust_name);
    let item = scope.definition(id, || {
        let doc = doc(scope, def).tokens();
        let exemptions = enum_exemptions(scope, def);
        let (derive, item) = match &def.kind {
            DefKind::Alias(schema) => {
                let target = ty(scope, schema, false);
                (None, quote!(pub type #name = #target;))
            }
            DefKind::Newtype(schema) => {
                let inner = ty(scope, schema, false);
                let exemption = type_exemption([schema]);
                let doc = Doc::new("What travels.").tokens();
                (
                    Some(Vec::new()),
                    quote!(pub struct #name(#doc #exemption pub #inner);),
                )
            }
            DefKind::Struct(object) => {
                let fields = fields(scope, object);
                (Some(struct_traits(object)), quote!(pub struct #name { #fields }))
            }
            DefKind::Enum(variants) => {
                let variants = enum_variants(variants);
                let traits = vec![quote!(Copy), quote!(Hash), quote!(PartialOrd), quote!(Ord)];
                (Some(traits), quote!(pub enum #name { #variants }))
            }
            DefKind::Tagged(tagged) => {
                let variants = tagged_variants(scope, tagged);
                (Some(Vec::new()), quote!(pub enum #name { #variants }))
            }
            DefKind::Union(union) => {
                let variants = union_variants(scope, union);
                (Some(Vec::new()), quote!(pub enum #name { #variants }))
            }
        };
        Definition {
            doc: quote!(#doc #exemptions),
            derive,
            item,
        }
    });
    let functions = match &def.kind {
        DefKind::Enum(variants) => strings(scope, id, variants),
        _ => TokenStream::new(),
    };
    quote!(#item #functions)
}

fn doc(scope: &Scope<'_>, def: &Def) -> Doc {
    let doc = match &def.origin {
        Origin::Type(name) => Doc::of(&def.docs, || format!("The protocol's type {}.", code(name))),
        Origin::Payload(name) => {
            let doc = Doc::of(&def.docs, || format!("The message {}.", code(name)));
            if def.docs.description.is_some() {
                doc.and(format!("The message {}.", code(name)))
            } else {
                doc
            }
        }
        Origin::Inline(parent) => {
            let parent = &scope.model().def(*parent).rust_name;
            Doc::of(&def.docs, || format!("Part of {}.", code(parent)))
        }
    };
    doc.default(&def.docs).residual(&def.residual)
}

fn enum_variants(variants: &[EnumVariant]) -> TokenStream {
    let variants = variants.iter().map(|variant| {
        let name = ident(&variant.rust_name);
        let doc = Doc::new(format!("{}.", code(&variant.value))).tokens();
        quote!(#doc #name)
    });
    quote!(#(#variants),*)
}

fn struct_traits(object: &Struct) -> Vec<TokenStream> {
    let mut fields = object.fields.iter().filter(|field| field.constant.is_none());
    let mut traits = Vec::new();
    if fields.clone().next().is_none() && matches!(object.extra, Extra::Refused) {
        traits.push(quote!(Copy));
    }
    if fields.all(|field| !field.required) {
        traits.push(quote!(Default));
    }
    traits
}

fn fields(scope: &Scope<'_>, object: &Struct) -> TokenStream {
    let fields = object.fields.iter().filter(|field| field.constant.is_none());
    let fields = fields.map(|field| {
        let name = ident(&field.rust_name);
        let inner = ty(scope, &field.schema, field.boxed);
        let ty = if field.required {
            inner
        } else {
            quote!(::std::option::Option<#inner>)
        };
        let docs = &field.schema.docs;
        let doc = Doc::of(docs, || format!("{}.", code(&field.name)))
            .default(docs)
            .residual(&field.schema.residual)
            .tokens();
        let deprecated = docs.deprecated.then(|| quote!(#[deprecated]));
        let exemption = type_exemption([&field.schema]);
        quote!(#doc #deprecated #exemption pub #name: #ty)
    });
    let extra = extra(scope, &object.extra);
    quote!(#(#fields,)* #extra)
}

fn extra(scope: &Scope<'_>, extra: &Extra) -> TokenStream {
    let (name, value) = match extra {
        Extra::Refused => return TokenStream::new(),
        Extra::Any(name) => (name, quote!(::wireloom::json::Value)),
        Extra::Typed(name, schema) => (name, ty(scope, schema, false)),
    };
    let name = ident(name);
    let doc = Doc::new("Properties that the protocol does not name.").tokens();
    quote!(#doc pub #name: ::std::collections::BTreeMap<::std::string::String, #value>)
}

fn tagged_variants(scope: &Scope<'_>, tagged: &Tagged) -> TokenStream {
    let variants = tagged.variants.iter().map(|variant| {
        let name = ident(&variant.rust_name);
        let docs = &scope.model().def(variant.def).docs;
        let place = format!("{} is {}.", code(&tagged.tag), code(&variant.value));
        let doc = Doc::of(docs, || place.clone());
        let doc = if docs.description.is_some() {
            doc.and(place)
        } else {
            doc
        }
        .tokens();
        let inner = boxed(scope.path(variant.def), variant.boxed);
        quote!(#doc #name(#inner))
    });
    quote!(#(#variants),*)
}

fn union_variants(scope: &Scope<'_>, union: &Union) -> TokenStream {
    let variants = union.variants.iter().map(|variant| {
        let name = ident(&variant.rust_name);
        let doc = Doc::of(&variant.schema.docs, || {
            format!("{}.", in_words(scope, &variant.schema))
        })
        .residual(&variant.schema.residual)
        .tokens();
        if is_unit(&variant.schema) {
            return quote!(#doc #name);
        }
        let inner = ty(scope, &variant.schema, variant.boxed);
        let exemption = type_exemption([&variant.schema]);
        quote!(#doc #exemption #name(#inner))
    });
    quote!(#(#variants),*)
}

/// Whether a variant of this schema holds nothing.
pub(super) fn is_unit(schema: &Schema) -> bool {
    matches!(schema.shape, Shape::Null)
}

fn in_words(scope: &Scope<'_>, schema: &Schema) -> String {
    match &schema.shape {
        Shape::Any => "Anything".to_owned(),
        Shape::Null => "`null`".to_owned(),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::Integer { .. } => "An integer".to_owned(),
        Shape::IntegerText(_) => "An integer as text".to_owned(),
        Shape::Number(_) => "A number".to_owned(),
        Shape::String(_) => "A string".to_owned(),
        Shape::Literals { .. } => "One of a few constants".to_owned(),
        Shape::Array { .. } => "A list".to_owned(),
        Shape::Tuple(_) => "A tuple".to_owned(),
        Shape::Map { .. } => "An object with values of one kind".to_owned(),
        Shape::Nullable(inner) => format!("{}, or `null`", in_words(scope, inner)),
        Shape::Def(id) => format!("A value of {}", code(&scope.model().def(*id).rust_name)),
    }
}

/// The functions of an enum of strings.
fn strings(scope: &Scope<'_>, id: DefId, variants: &[EnumVariant]) -> TokenStream {
    let names: Vec<_> = variants.iter().map(|variant| ident(&variant.rust_name)).collect();
    let values = variants.iter().map(|variant| &variant.value);
    let functions = scope.item(|| {
        let name = scope.path(id);
        quote! {
            impl #name {
                /// Every value, in the order of the protocol.
                pub const ALL: &'static [Self] = &[#(Self::#names),*];

                /// The string on the wire.
                #[must_use]
                pub const fn as_str(self) -> &'static str {
                    match self { #(Self::#names => #values),* }
                }
            }
        }
    });
    let display = scope.item(|| {
        let name = scope.path(id);
        quote! {
            impl ::std::fmt::Display for #name {
                fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                    f.write_str(self.as_str())
                }
            }
        }
    });
    quote!(#functions #display)
}

/// The Rust type of a schema at a place, with a `Box` around what is not optional about it if it needs one.
pub(super) fn ty(scope: &Scope<'_>, schema: &Schema, boxed_inside: bool) -> TokenStream {
    if let Shape::Nullable(inner) = &schema.shape {
        let inner = ty(scope, inner, boxed_inside);
        return quote!(::std::option::Option<#inner>);
    }
    boxed(plain(scope, &schema.shape), boxed_inside)
}

fn boxed(inner: TokenStream, boxed: bool) -> TokenStream {
    if boxed {
        quote!(::std::boxed::Box<#inner>)
    } else {
        inner
    }
}

fn plain(scope: &Scope<'_>, shape: &Shape) -> TokenStream {
    match shape {
        Shape::Any => quote!(::wireloom::json::Value),
        Shape::Null => quote!(()),
        Shape::Boolean => quote!(bool),
        Shape::Integer { repr, .. } | Shape::IntegerText(repr) => match repr {
            IntRepr::I32 => quote!(i32),
            IntRepr::U32 => quote!(u32),
            IntRepr::I64 => quote!(i64),
            IntRepr::U64 => quote!(u64),
        },
        Shape::Number(_) => quote!(f64),
        Shape::String(_) => quote!(::std::string::String),
        Shape::Literals { base, .. } => match base {
            LiteralBase::Integer => quote!(i64),
            LiteralBase::Number => quote!(f64),
            LiteralBase::Boolean => quote!(bool),
            LiteralBase::Any => quote!(::wireloom::json::Value),
        },
        Shape::Array { items, .. } => {
            let item = ty(scope, items, false);
            quote!(::std::vec::Vec<#item>)
        }
        Shape::Tuple(items) => {
            let items = items.iter().map(|item| ty(scope, item, false));
            quote!((#(#items,)*))
        }
        Shape::Map { values, .. } => {
            let value = ty(scope, values, false);
            quote!(::std::collections::BTreeMap<::std::string::String, #value>)
        }
        Shape::Nullable(inner) => {
            let inner = ty(scope, inner, false);
            quote!(::std::option::Option<#inner>)
        }
        Shape::Def(id) => scope.path(*id),
    }
}
