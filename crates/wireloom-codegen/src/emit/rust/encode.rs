//! Encoders: literal fragments with the values between them.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use wireloom_spec::model::{
    Def, DefId, DefKind, EnumVariant, Extra, IntRepr, LiteralBase, Schema, Shape, Struct, Tagged, Union,
};

use super::literals::{ident, raw_text, visible_json};
use super::scope::Scope;
use super::types::is_unit;

/// `Encode` of a type, or the function that encodes an alias.
pub(super) fn encoder(scope: &Scope<'_>, id: DefId) -> TokenStream {
    let def = scope.model().def(id);
    if string_alias(def).is_some() {
        return TokenStream::new();
    }
    scope.item(|| {
        let name = scope.path(id);
        match scope.encode_function(id) {
            Some(function) => {
                let body = body(scope, def);
                let value = value_or_blank(&body);
                quote! {
                    fn #function(#value: &#name, out: &mut ::wireloom::json::Writer) { #body }
                }
            }
            None => {
                let body = body(scope, def);
                quote! {
                    impl ::wireloom::json::Encode for #name {
                        fn encode(&self, out: &mut ::wireloom::json::Writer) { #body }
                    }
                }
            }
        }
    })
}

/// The shape of an alias of a string: it is written where it stands, in one piece with the quotes.
fn string_alias(def: &Def) -> Option<&Shape> {
    match &def.kind {
        DefKind::Alias(schema) => Some(&schema.shape).filter(|shape| matches!(shape, Shape::String(_))),
        _ => None,
    }
}

/// What is written, in order.
#[derive(Default)]
struct Pieces(Vec<Piece>);

enum Piece {
    /// JSON text.
    Raw(String),
    /// A call that writes.
    Call(TokenStream),
    /// A statement.
    Code(TokenStream),
}

impl Pieces {
    /// Text that is JSON already; what stands side by side becomes one piece.
    fn raw(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Raw(last)) => last.push_str(text),
            _ => self.0.push(Piece::Raw(text.to_owned())),
        }
    }

    fn call(&mut self, call: TokenStream) {
        self.0.push(Piece::Call(call));
    }

    fn code(&mut self, statement: TokenStream) {
        self.0.push(Piece::Code(statement));
    }

    /// As statements.
    fn tokens(self) -> TokenStream {
        self.0.into_iter().map(Piece::statement).collect()
    }

    /// As the body of a closure or a match arm.
    fn body(self) -> TokenStream {
        match <[Piece; 1]>::try_from(self.0) {
            Ok([Piece::Call(call)]) => call,
            Ok([Piece::Raw(text)]) => raw(&text),
            Ok([piece]) => {
                let statement = piece.statement();
                quote!({ #statement })
            }
            Err(pieces) => {
                let statements = pieces.into_iter().map(Piece::statement);
                quote!({ #(#statements)* })
            }
        }
    }
}

impl Piece {
    fn statement(self) -> TokenStream {
        match self {
            Self::Raw(text) => {
                let call = raw(&text);
                quote!(#call;)
            }
            Self::Call(call) => quote!(#call;),
            Self::Code(statement) => statement,
        }
    }
}

fn raw(text: &str) -> TokenStream {
    let text = raw_text(text);
    quote!(out.raw(#text))
}

/// Where the value is that is to be written.
struct Place {
    /// The value itself, as an expression that can be read in part.
    value: TokenStream,
    /// A reference to it.
    reference: TokenStream,
    /// What the index of a tuple is written behind.
    base: TokenStream,
}

impl Place {
    /// A field, or what a box in a field holds.
    fn field(path: TokenStream, boxed: bool) -> Self {
        if boxed {
            Self {
                value: quote!(*#path),
                reference: quote!(&*#path),
                base: path,
            }
        } else {
            Self {
                reference: quote!(&#path),
                value: path.clone(),
                base: path,
            }
        }
    }

    /// What the variable `value` refers to, or what a box there holds.
    fn variable(boxed: bool) -> Self {
        if boxed {
            Self {
                value: quote!(**value),
                reference: quote!(&**value),
                base: quote!(value),
            }
        } else {
            Self {
                value: quote!(*value),
                reference: quote!(value),
                base: quote!(value),
            }
        }
    }
}

fn body(scope: &Scope<'_>, def: &Def) -> TokenStream {
    match &def.kind {
        DefKind::Alias(schema) => {
            let mut pieces = Pieces::default();
            variable(scope, schema, false, &mut pieces);
            pieces.tokens()
        }
        DefKind::Newtype(schema) => {
            let mut pieces = Pieces::default();
            place(scope, schema, quote!(self.0), false, &mut pieces);
            pieces.tokens()
        }
        DefKind::Struct(object) => structure(scope, object),
        DefKind::Enum(variants) => enumeration(variants),
        DefKind::Tagged(tagged) => tagged_union(tagged),
        DefKind::Union(union) => untagged_union(scope, union),
    }
}

fn structure(scope: &Scope<'_>, object: &Struct) -> TokenStream {
    let mut pieces = Pieces::default();
    // Until a name is certain to have been written, a variable says whether a comma must stand in front of the next.
    let is_certain = |field: &wireloom_spec::model::Field| field.required || field.constant.is_some();
    let mut certain = false;
    let starts_open = object.fields.first().is_some_and(|field| !is_certain(field));
    if starts_open {
        pieces.code(quote!(let mut first = true;));
    }
    pieces.raw("{");
    for (index, field) in object.fields.iter().enumerate() {
        let key = format!("{}:", json(&field.name));
        let comma = if certain { "," } else { "" };
        if is_certain(field) {
            if !certain && index > 0 {
                pieces.call(quote!(out.separate(&mut first)));
            }
            pieces.raw(&format!("{comma}{key}"));
        }
        certain |= is_certain(field);
        if let Some(constant) = &field.constant {
            pieces.raw(&json(constant));
            continue;
        }
        if field.schema.docs.deprecated {
            scope.names_deprecated();
        }
        let name = ident(&field.rust_name);
        if field.required {
            place(scope, &field.schema, quote!(self.#name), field.boxed, &mut pieces);
            continue;
        }
        let mut inner = Pieces::default();
        if !certain {
            inner.call(quote!(out.separate(&mut first)));
        }
        inner.raw(&format!("{comma}{key}"));
        variable(scope, &field.schema, field.boxed, &mut inner);
        let inner = inner.tokens();
        pieces.code(if uses_value(&inner) {
            quote!(if let ::std::option::Option::Some(value) = &self.#name { #inner })
        } else {
            quote!(if self.#name.is_some() { #inner })
        });
    }
    let extra = match &object.extra {
        Extra::Refused => None,
        Extra::Any(name) => Some((name, quote!(|out, value| out.value(value)))),
        Extra::Typed(name, schema) => Some((name, closure(scope, schema, false))),
    };
    if let Some((name, write)) = extra {
        let name = ident(name);
        let first = match (certain, object.fields.is_empty()) {
            (true, _) => quote!(&mut false),
            (false, true) => quote!(&mut true),
            (false, false) => quote!(&mut first),
        };
        pieces.call(quote!(out.entries(#first, &self.#name, #write)));
    }
    pieces.raw("}");
    pieces.tokens()
}

fn enumeration(variants: &[EnumVariant]) -> TokenStream {
    let names = variants.iter().map(|variant| ident(&variant.rust_name));
    let texts = variants.iter().map(|variant| raw_text(&json(&variant.value)));
    quote! {
        out.raw(match self { #(Self::#names => #texts),* });
    }
}

fn tagged_union(tagged: &Tagged) -> TokenStream {
    let arms = tagged.variants.iter().map(|variant| {
        let name = ident(&variant.rust_name);
        let value = Place::variable(variant.boxed).reference;
        quote!(Self::#name(value) => out.put(#value))
    });
    quote!(match self { #(#arms),* })
}

fn untagged_union(scope: &Scope<'_>, union: &Union) -> TokenStream {
    let arms = union.variants.iter().map(|variant| {
        let name = ident(&variant.rust_name);
        if is_unit(&variant.schema) {
            return quote!(Self::#name => out.null());
        }
        let mut pieces = Pieces::default();
        variable(scope, &variant.schema, variant.boxed, &mut pieces);
        let body = pieces.body();
        let value = value_or_blank(&body);
        quote!(Self::#name(#value) => #body)
    });
    quote!(match self { #(#arms),* })
}

/// Writes a value that is a field.
fn place(scope: &Scope<'_>, schema: &Schema, path: TokenStream, boxed: bool, pieces: &mut Pieces) {
    match &schema.shape {
        Shape::Nullable(inner) => nullable(scope, inner, &quote!(&#path), boxed, pieces),
        shape => write(scope, shape, &Place::field(path, boxed), pieces),
    }
}

/// Writes what the variable `value` refers to.
fn variable(scope: &Scope<'_>, schema: &Schema, boxed: bool, pieces: &mut Pieces) {
    match &schema.shape {
        Shape::Nullable(inner) => nullable(scope, inner, &quote!(value), boxed, pieces),
        shape => write(scope, shape, &Place::variable(boxed), pieces),
    }
}

/// Writes an `Option`; a box is inside of it.
fn nullable(scope: &Scope<'_>, inner: &Schema, reference: &TokenStream, boxed: bool, pieces: &mut Pieces) {
    let write = closure(scope, inner, boxed);
    pieces.call(quote!(out.nullable(#reference, #write)));
}

/// Writes a value by its shape.
fn write(scope: &Scope<'_>, shape: &Shape, place: &Place, pieces: &mut Pieces) {
    let Place {
        value,
        reference,
        base,
    } = place;
    pieces.call(match shape {
        Shape::Null => return pieces.raw("null"),
        Shape::Any => quote!(out.value(#reference)),
        Shape::Boolean => quote!(out.boolean(#value)),
        Shape::Integer { repr, .. } => match repr {
            IntRepr::I64 => quote!(out.integer(#value)),
            IntRepr::I32 | IntRepr::U32 => quote!(out.integer(i64::from(#value))),
            IntRepr::U64 => quote!(out.unsigned(#value)),
        },
        Shape::IntegerText(repr) => match repr {
            IntRepr::I64 | IntRepr::I32 => quote!(out.integer_text(#value)),
            IntRepr::U64 | IntRepr::U32 => quote!(out.unsigned_text(#value)),
        },
        Shape::Number(_) => quote!(out.number(#value)),
        Shape::String(_) => {
            // The quotes are one piece with what stands around them.
            pieces.raw("\"");
            pieces.call(quote!(out.text(#reference)));
            return pieces.raw("\"");
        }
        Shape::Literals { base, .. } => match base {
            LiteralBase::Integer => quote!(out.integer(#value)),
            LiteralBase::Number => quote!(out.number(#value)),
            LiteralBase::Boolean => quote!(out.boolean(#value)),
            LiteralBase::Any => quote!(out.value(#reference)),
        },
        Shape::Array { items, .. } => {
            let write = closure(scope, items, false);
            quote!(out.array(#reference, #write))
        }
        Shape::Tuple(items) => {
            pieces.raw("[");
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    pieces.raw(",");
                }
                let index = proc_macro2::Literal::usize_unsuffixed(index);
                self::place(scope, item, quote!(#base.#index), false, pieces);
            }
            return pieces.raw("]");
        }
        Shape::Map { values, .. } => {
            let write = closure(scope, values, false);
            pieces.raw("{");
            pieces.call(quote!(out.entries(&mut true, #reference, #write)));
            return pieces.raw("}");
        }
        Shape::Nullable(inner) => return nullable(scope, inner, reference, false, pieces),
        Shape::Def(id) => match (string_alias(scope.model().def(*id)), scope.encode_function(*id)) {
            (Some(string), _) => return write(scope, string, place, pieces),
            (None, Some(function)) => quote!(#function(#reference, out)),
            (None, None) => quote!(out.put(#reference)),
        },
    });
}

/// A closure that writes what it is given.
fn closure(scope: &Scope<'_>, schema: &Schema, boxed: bool) -> TokenStream {
    let mut pieces = Pieces::default();
    variable(scope, schema, boxed, &mut pieces);
    let body = pieces.body();
    let value = value_or_blank(&body);
    quote!(|out, #value| #body)
}

/// The name of the variable `value`, or `_` where it is not used.
fn value_or_blank(body: &TokenStream) -> TokenStream {
    if uses_value(body) {
        quote!(value)
    } else {
        quote!(_)
    }
}

fn uses_value(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "value",
        TokenTree::Group(group) => uses_value(&group.stream()),
        _ => false,
    })
}

fn json(text: &str) -> String {
    visible_json(&serde_json::Value::from(text).to_string())
}
