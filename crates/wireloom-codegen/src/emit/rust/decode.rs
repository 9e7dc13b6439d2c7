//! Decoders: one pass over the text that reads and checks together.
//!
//! Where a schema says more than its shape, the value is read by its shape and then shown to the schema's validator.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};
use wireloom_spec::model::{
    Def, DefId, DefKind, EnumVariant, Extra, Field, IntRepr, LiteralBase, Schema, Shape, StringRule, Struct,
    Tagged, TaggedVariant, Union,
};

use super::literals::{ident, integer, length, raw_text, value, visible_json};
use super::passes;
use super::reading::Reading;
use super::scalars::{literals, number};
use super::scope::Scope;
use super::types::is_unit;
use crate::emit::json_schema;

/// Most fields of a type that are looked for in order; in larger types the others are looked up.
const MAX_EXPECTED: usize = 64;

/// `Decode` of a type, or the function that decodes an alias.
pub(super) fn decoder(scope: &Scope<'_>, id: DefId) -> TokenStream {
    let def = scope.model().def(id);
    scope.item(|| {
        let mut body = Body {
            scope,
            statics: Vec::new(),
            checks: Vec::new(),
            schemas: Vec::new(),
        };
        let reading = body.def(def);
        let reading = body.residual(reading, &def.schema, &def.residual).body();
        let statics = &body.statics;
        let passes = passes::comment(scope, id);
        let name = scope.path(id);
        match scope.decode_function(id) {
            Some(function) => quote! {
                fn #function(reader: &mut ::wireloom::json::Reader<'_>) -> ::wireloom::json::Read<#name> {
                    #(#statics)*
                    #reading
                }
            },
            None => quote! {
                #passes
                impl ::wireloom::json::Decode for #name {
                    fn decode(reader: &mut ::wireloom::json::Reader<'_>) -> ::wireloom::json::Read<Self> {
                        #(#statics)*
                        #reading
                    }
                }
            },
        }
    })
}

/// The body of one function, and the statics that stand at its beginning.
struct Body<'s, 'm> {
    scope: &'s Scope<'m>,
    statics: Vec<TokenStream>,
    /// Texts of the string checks among the statics, with their names.
    checks: Vec<(String, Ident)>,
    /// Texts of the schemas among the statics, with their names.
    schemas: Vec<(String, Ident)>,
}

impl Body<'_, '_> {
    fn def(&mut self, def: &Def) -> Reading {
        match &def.kind {
            DefKind::Alias(schema) => self.schema(schema, false),
            DefKind::Newtype(schema) => self.schema(schema, false).map(&quote!(Self)),
            DefKind::Struct(object) => self.structure(object),
            DefKind::Enum(variants) => enumeration(variants),
            DefKind::Tagged(tagged) => tagged_union(tagged, &self.telling(tagged)),
            DefKind::Union(union) => self.union(union),
        }
    }

    /// A value at a place.
    fn schema(&mut self, schema: &Schema, boxed: bool) -> Reading {
        let reading = self.shape(&schema.shape, boxed);
        self.residual(reading, &schema.json, &schema.residual)
    }

    /// Shows the value to the validator of its schema if the shape does not decide everything.
    fn residual(&mut self, reading: Reading, json: &serde_json::Value, keywords: &[String]) -> Reading {
        if keywords.is_empty() {
            return reading;
        }
        let document = json_schema::document(self.scope.definitions(), json).to_string();
        let number = self.schemas.len() + 1;
        let name = match self.schemas.iter().find(|(text, _)| *text == document) {
            Some((_, name)) => name.clone(),
            None => {
                let name = format_ident!("SCHEMA_{number}");
                let text = raw_text(&visible_json(&document));
                let comment = format!(" For what the decoder does not decide: {}.", keywords.join(", "));
                self.statics.push(quote! {
                    #[comment = #comment]
                    static #name: ::std::sync::LazyLock<::wireloom::schema::Schema> =
                        ::std::sync::LazyLock::new(|| ::wireloom::schema::Schema::of(#text, "/schema"));
                });
                self.schemas.push((document, name.clone()));
                name
            }
        };
        let read = reading.callable();
        Reading::Result(quote!(reader.checked(&#name, #read)))
    }

    fn shape(&mut self, shape: &Shape, boxed: bool) -> Reading {
        if let Shape::Nullable(inner) = shape {
            let inner = self.schema(inner, boxed).callable();
            return Reading::Result(quote!(reader.nullable(#inner)));
        }
        let reading = self.plain(shape);
        if boxed {
            reading.map(&quote!(::std::boxed::Box::new))
        } else {
            reading
        }
    }

    fn plain(&mut self, shape: &Shape) -> Reading {
        Reading::Result(match shape {
            Shape::Any => quote!(reader.value()),
            Shape::Null => quote!(reader.null()),
            Shape::Boolean => quote!(reader.boolean()),
            Shape::Integer { repr, min, max } => {
                let (min, max) = (integer(*min), integer(*max));
                match repr {
                    IntRepr::I64 => quote!(reader.integer(#min, #max)),
                    _ => quote!(reader.integer_as(#min, #max)),
                }
            }
            Shape::IntegerText(repr) => match repr {
                IntRepr::I64 | IntRepr::I32 => quote!(reader.i64_text()),
                IntRepr::U64 | IntRepr::U32 => quote!(reader.u64_text()),
            },
            Shape::Number(range) => number(range),
            Shape::String(rule) => self.string(rule),
            Shape::Literals {
                base: LiteralBase::Any,
                values,
            } => self.constants(values),
            Shape::Literals { base, values } => literals(*base, values),
            Shape::Array {
                items,
                min_items,
                max_items,
            } => {
                let (min, max) = (length(*min_items, 0), length(*max_items, usize::MAX));
                let item = self.schema(items, false).callable();
                quote!(reader.array(#min, #max, #item))
            }
            Shape::Tuple(items) => return self.tuple(items),
            Shape::Map {
                values,
                min_properties,
                max_properties,
            } => {
                let (min, max) = (length(*min_properties, 0), length(*max_properties, usize::MAX));
                let value = self.schema(values, false).callable();
                quote!(reader.map(#min, #max, #value))
            }
            Shape::Nullable(inner) => {
                let inner = self.schema(inner, false).callable();
                quote!(reader.nullable(#inner))
            }
            Shape::Def(id) => {
                return Reading::Function(match self.scope.decode_function(*id) {
                    Some(function) => quote!(#function),
                    None => quote!(::wireloom::json::Decode::decode),
                });
            }
        })
    }

    fn string(&mut self, rule: &StringRule) -> TokenStream {
        let (min, max) = (length(rule.min_length, 0), length(rule.max_length, usize::MAX));
        match self.string_check(rule) {
            Some(accept) => quote!(reader.text_where(#min, #max, #accept)),
            None => quote!(reader.text(#min, #max)),
        }
    }

    /// A closure that says whether a string has the pattern and the format of the rule, if the rule has any.
    fn string_check(&mut self, rule: &StringRule) -> Option<TokenStream> {
        let pattern = rule.pattern.as_deref().map(|pattern| self.pattern_check(pattern));
        let format = rule.format.as_deref().map(|format| {
            let check = by_validator("format", format);
            self.check(check, "A format: decided by the validator.")
        });
        let names: Vec<_> = pattern.into_iter().chain(format).collect();
        (!names.is_empty()).then(|| quote!(|text| #(#names.accepts(text))&&*))
    }

    fn pattern_check(&mut self, pattern: &str) -> Ident {
        match self.scope.without_table(pattern) {
            Some(reason) => self.check(
                by_validator("pattern", pattern),
                &format!("Decided by the validator: {reason}."),
            ),
            None => {
                let pattern = raw_text(pattern);
                self.check(quote!(pattern(#pattern)), "A table of states.")
            }
        }
    }

    /// The name of the static that holds a check, which is made by this function of `StringCheck`.
    fn check(&mut self, make: TokenStream, comment: &str) -> Ident {
        let text = make.to_string();
        if let Some((_, name)) = self.checks.iter().find(|(known, _)| *known == text) {
            return name.clone();
        }
        let name = format_ident!("CHECK_{}", self.checks.len() + 1);
        let comment = format!(" {comment}");
        self.statics.push(quote! {
            #[comment = #comment]
            static #name: ::std::sync::LazyLock<::wireloom::schema::StringCheck> =
                ::std::sync::LazyLock::new(|| ::wireloom::schema::StringCheck::#make);
        });
        self.checks.push((text, name.clone()));
        name
    }

    fn constants(&mut self, constants: &[serde_json::Value]) -> TokenStream {
        let name = format_ident!("CONSTANTS_{}", self.statics.len() + 1);
        let constants = constants.iter().map(value);
        self.statics.push(quote! {
            static #name: ::std::sync::LazyLock<::std::vec::Vec<::wireloom::json::Value>> =
                ::std::sync::LazyLock::new(|| ::std::vec![#(#constants),*]);
        });
        quote!(reader.literal(&#name))
    }

    fn tuple(&mut self, items: &[Schema]) -> Reading {
        if items.is_empty() {
            return Reading::Result(quote!(
                reader.array(0, 0, ::wireloom::json::Reader::null).map(drop)
            ));
        }
        let names: Vec<_> = (0..items.len())
            .map(|index| format_ident!("item_{index}"))
            .collect();
        let steps = items.iter().zip(&names).enumerate().map(|(index, (item, name))| {
            let value = self.schema(item, false).value();
            let before = if index == 0 {
                quote!(reader.tuple()?;)
            } else {
                quote!(reader.comma()?;)
            };
            if matches!(item.shape, Shape::Null) && item.residual.is_empty() {
                quote!(#before #value; let #name = ();)
            } else {
                quote!(#before let #name = #value;)
            }
        });
        let steps = quote!(#(#steps)* reader.tuple_end()?;);
        Reading::ValueAfter(steps, quote!((#(#names,)*)))
    }

    fn structure(&mut self, object: &Struct) -> Reading {
        let locals = locals(&object.fields);
        let bounds = self.property_bounds(object);
        if object.fields.is_empty() && matches!(object.extra, Extra::Refused) {
            let steps = quote! {
                let mut object = reader.object()?;
                if reader.name(&mut object)?.is_some() {
                    return ::std::result::Result::Err(reader.refuse());
                }
                #bounds
            };
            return Reading::ValueAfter(steps, quote!(Self {}));
        }
        let slots = locals
            .iter()
            .map(|local| quote!(let mut #local = ::std::option::Option::None;));
        let arms: Vec<_> = object
            .fields
            .iter()
            .zip(&locals)
            .enumerate()
            .map(|(index, (field, local))| {
                let index = Literal::usize_unsuffixed(index);
                let read = match &field.constant {
                    Some(constant) => {
                        let text = text(constant);
                        quote!(|reader| reader.constant(#text))
                    }
                    None => self.schema(&field.schema, field.boxed).callable(),
                };
                quote!(#index => { reader.once(&mut #local, #read)?; })
            })
            .collect();
        if !arms.is_empty() {
            let names = object.fields.iter().map(|field| name_in_text(&field.name));
            self.statics.push(quote!(const FIELDS: &[&str] = &[#(#names),*];));
        }
        let (slot, other, kept) = match &object.extra {
            Extra::Refused => (
                None,
                quote!(return ::std::result::Result::Err(reader.refuse())),
                None,
            ),
            Extra::Any(name) => self.extra(name, &quote!(|reader| reader.value())),
            Extra::Typed(name, schema) => {
                let read = self.schema(schema, false).callable();
                self.extra(name, &read)
            }
        };
        let entries = if arms.is_empty() {
            quote!(while reader.field(&mut object, &[])?.is_some() { #other; })
        } else {
            // In order, each name costs one comparison with a constant.
            let expected = (0..arms.len()).take(MAX_EXPECTED).map(|index| {
                let index = Literal::usize_unsuffixed(index);
                quote! {
                    #index if reader.at::<#index>(&mut object, FIELDS) => ::std::option::Option::Some(#index),
                }
            });
            quote! {
                while let ::std::option::Option::Some(field) = match object.expected() {
                    #(#expected)*
                    _ => reader.field(&mut object, FIELDS)?,
                } {
                    match field { #(#arms)* _ => { #other; } }
                }
            }
        };
        // Constants are asked for and not kept.
        let constants = object
            .fields
            .iter()
            .zip(&locals)
            .filter(|(field, _)| field.constant.is_some());
        let constants = constants.map(|(_, local)| quote!(reader.required(#local)?;));
        let fields = object
            .fields
            .iter()
            .zip(&locals)
            .filter(|(field, _)| field.constant.is_none());
        let fields = fields.map(|(field, local)| {
            if field.schema.docs.deprecated {
                self.scope.names_deprecated();
            }
            let name = ident(&field.rust_name);
            let value = if field.required {
                quote!(reader.required(#local)?)
            } else {
                quote!(#local)
            };
            if name == value.to_string() {
                quote!(#name)
            } else {
                quote!(#name: #value)
            }
        });
        let result = quote!(Self { #(#fields,)* #kept });
        let steps = quote! {
            #(#slots)*
            #slot
            let mut object = reader.object()?;
            #entries
            #bounds
            #(#constants)*
        };
        Reading::ValueAfter(steps, result)
    }

    /// The slot of properties that are not named, what is done with one, and the field.
    fn extra(
        &self,
        name: &str,
        read: &TokenStream,
    ) -> (Option<TokenStream>, TokenStream, Option<TokenStream>) {
        let name = ident(name);
        (
            Some(quote!(let mut rest = ::std::collections::BTreeMap::new();)),
            quote!(reader.extra(&mut rest, #read)?),
            Some(if name == "rest" {
                quote!(rest)
            } else {
                quote!(#name: rest)
            }),
        )
    }

    fn property_bounds(&self, object: &Struct) -> Option<TokenStream> {
        if object.min_properties.is_none() && object.max_properties.is_none() {
            return None;
        }
        let (min, max) = (
            length(object.min_properties, 0),
            length(object.max_properties, usize::MAX),
        );
        Some(quote!(reader.properties(&object, #min, #max)?;))
    }

    /// Names that only one variant has, with that variant's tag: each is as good as the tag, which may come later. There are
    /// none if a variant takes names that it does not know.
    fn telling<'t>(&'t self, tagged: &'t Tagged) -> Vec<(&'t str, &'t str)> {
        let object = |variant: &'t TaggedVariant| match &self.scope.model().def(variant.def).kind {
            DefKind::Struct(object) if object.extra == Extra::Refused => Some((&*variant.value, object)),
            _ => None,
        };
        let Some(objects) = tagged.variants.iter().map(object).collect::<Option<Vec<_>>>() else {
            return Vec::new();
        };
        let names = |object: &'t Struct| object.fields.iter().map(|field| &*field.name);
        let has = |object: &'t Struct, name: &str| names(object).any(|other| other == name);
        let of_one = |name: &str| objects.iter().filter(|(_, object)| has(object, name)).count() == 1;
        objects
            .iter()
            .flat_map(|(tag, object)| names(object).map(|name| (name, *tag)))
            .filter(|(name, _)| of_one(name))
            .collect()
    }

    fn union(&mut self, union: &Union) -> Reading {
        let attempts: Vec<_> = union
            .variants
            .iter()
            .map(|variant| {
                let name = ident(&variant.rust_name);
                let reading = self.schema(&variant.schema, variant.boxed);
                let map = if is_unit(&variant.schema) {
                    quote!(|()| Self::#name)
                } else {
                    quote!(Self::#name)
                };
                let read = reading.map(&map).callable();
                quote!(let union = union.or(reader, #read)?;)
            })
            .collect();
        let begin = if union.exactly_one {
            quote!(reader.exactly_one())
        } else {
            quote!(reader.first_of())
        };
        Reading::ResultAfter(
            quote!(let union = #begin; #(#attempts)*),
            quote!(union.end(reader)),
        )
    }
}

/// How a check is made that the validator decides.
fn by_validator(keyword: &str, value: &str) -> TokenStream {
    let schema = raw_text(&visible_json(&serde_json::json!({ keyword: value }).to_string()));
    quote!(new(#schema))
}

/// A string as it stands in a text: in quotes.
fn text(string: &str) -> TokenStream {
    raw_text(&visible_json(&serde_json::Value::from(string).to_string()))
}

/// A name as it stands in a text behind another field.
fn name_in_text(name: &str) -> TokenStream {
    raw_text(&visible_json(&format!(",{}:", serde_json::Value::from(name))))
}

/// Names of local variables for the fields, apart from those that the decoder has itself.
fn locals(fields: &[Field]) -> Vec<Ident> {
    const OWN: [&str; 4] = ["reader", "object", "field", "rest"];
    let taken = |name: &str| OWN.contains(&name) || fields.iter().any(|field| field.rust_name == name);
    let local = |field: &Field| {
        let mut name = field.rust_name.clone();
        if OWN.contains(&name.as_str()) || name.starts_with('_') {
            name = format!("its_{}", name.trim_start_matches('_'));
            while taken(&name) {
                name.push('_');
            }
        }
        ident(&name)
    };
    fields.iter().map(local).collect()
}

fn enumeration(variants: &[EnumVariant]) -> Reading {
    let values = variants.iter().map(|variant| &variant.value);
    let names = variants.iter().map(|variant| ident(&variant.rust_name));
    Reading::Result(quote! {
        match reader.string()?.as_ref() {
            #(#values => ::std::result::Result::Ok(Self::#names),)*
            _ => ::std::result::Result::Err(reader.refuse()),
        }
    })
}

fn tagged_union(tagged: &Tagged, telling: &[(&str, &str)]) -> Reading {
    let tag = name_in_text(&tagged.tag);
    let telling = telling.iter().map(|(name, tag)| quote!((#name, #tag)));
    let arms = tagged.variants.iter().map(|variant| {
        let value = &variant.value;
        let name = ident(&variant.rust_name);
        let read = Reading::Function(quote!(::wireloom::json::Decode::decode));
        let read = if variant.boxed {
            read.map(&quote!(::std::boxed::Box::new))
        } else {
            read
        };
        let read = read.map(&quote!(Self::#name)).body();
        quote!(#value => #read,)
    });
    Reading::Result(quote! {
        match reader.tag(#tag, &[#(#telling),*])?.as_ref() {
            #(#arms)*
            _ => ::std::result::Result::Err(reader.refuse()),
        }
    })
}
