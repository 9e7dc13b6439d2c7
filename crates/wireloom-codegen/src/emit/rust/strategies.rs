//! Strategies for proptest: one function a message and one a named type, for the tests of whoever uses the generated types.
//!
//! The values are built as JSON by `wireloom-fuzz`, which shares no code with the decoders, and then decoded: they shrink as
//! JSON does.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use wireloom_spec::model::{DefId, Model, Origin};

use super::File;
use super::decode;
use super::docs::Doc;
use super::literals::{ident, snake};
use super::scope::Scope;

/// Rust to be `include!`d in a module of tests that has the generated types in scope.
#[must_use]
pub fn strategies(model: &Model, source: &str) -> String {
    let scope = Scope::of_protocol(model);
    let mut file = File::new(format!("// {}\n", crate::emit::notice(source)));
    let is_named = |id: &DefId| matches!(model.def(*id).origin, Origin::Type(_));
    let named: Vec<DefId> = scope.defs().filter(is_named).collect();
    let aliases: Vec<DefId> = named
        .iter()
        .copied()
        .filter(|id| !scope.is_nominal(*id))
        .collect();
    let functions = aliases.iter().filter_map(|id| scope.decode_function(*id));
    let mut taken: BTreeSet<String> = functions.map(|name| name.to_string()).collect();
    let mut names = Vec::new();
    for message in scope.messages() {
        let name = free(message.rust_field.trim_start_matches("r#"), &mut taken);
        let (doc, wire) = (
            format!("Messages of the type `{}`, all valid.", message.name),
            &message.name,
        );
        file.put(strategy(
            &scope,
            message.payload,
            &name,
            doc,
            &quote!(valid(#wire)),
        ));
        names.push(name);
    }
    for id in named {
        let def = model.def(id);
        let Origin::Type(wire) = &def.origin else { continue };
        let name = free(&snake(&def.rust_name), &mut taken);
        let doc = format!("Values of the type `{wire}`, all valid.");
        file.put(strategy(&scope, id, &name, doc, &quote!(valid_type(#wire))));
        names.push(name);
    }
    for id in aliases {
        file.put(decode::decoder(&scope, id));
    }
    file.put(support());
    let comment = " Uses all there is: tests that need only some of it compile without warnings.";
    file.put(quote! {
        #[comment = #comment]
        const _: fn() = || {
            #(let _ = #names;)*
        };
    });
    file.text
}

fn strategy(scope: &Scope<'_>, id: DefId, name: &Ident, doc: String, values: &TokenStream) -> TokenStream {
    scope.item(|| {
        let value = scope.path(id);
        let doc = Doc::new(doc).tokens();
        let read = match scope.decode_function(id) {
            Some(function) => quote!(#function),
            None => quote!(<#value as ::wireloom::json::Decode>::decode),
        };
        quote! {
            #doc
            pub(crate) fn #name() -> impl ::proptest::strategy::Strategy<Value = #value> {
                ::proptest::strategy::Strategy::prop_map(typed::STRATEGIES.#values, |value| typed::value(&value, #read))
            }
        }
    })
}

/// What the strategies share, out of the way of their names.
fn support() -> TokenStream {
    quote! {
        mod typed {
            pub(super) static STRATEGIES: ::std::sync::LazyLock<::wireloom_fuzz::Fuzzer> =
                ::std::sync::LazyLock::new(|| {
                    ::wireloom_fuzz::Fuzzer::from_description(super::PROTOCOL)
                        .unwrap_or_else(|error| ::std::panic!("{error}"))
                });

            pub(super) fn value<T>(
                value: &::wireloom::json::Value,
                read: impl ::std::ops::Fn(&mut ::wireloom::json::Reader<'_>) -> ::wireloom::json::Read<T>,
            ) -> T {
                let text = ::std::string::ToString::to_string(value);
                match read(&mut ::wireloom::json::Reader::new(&text, 128)) {
                    ::std::result::Result::Ok(value) => value,
                    ::std::result::Result::Err(fault) => ::std::panic!("{text} is valid and was refused: {fault:?}"),
                }
            }
        }
    }
}

/// A function's name that nothing else in the file has.
fn free(name: &str, taken: &mut BTreeSet<String>) -> Ident {
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    let free = candidates.find(|candidate| !taken.contains(candidate));
    let free = free.unwrap_or_else(|| name.to_owned());
    let name = match free.as_str() {
        "self" | "super" | "crate" | "_" => ident(&format!("{free}_")),
        _ if syn::parse_str::<Ident>(&free).is_err() => ident(&format!("r#{free}")),
        _ => ident(&free),
    };
    taken.insert(free);
    name
}
