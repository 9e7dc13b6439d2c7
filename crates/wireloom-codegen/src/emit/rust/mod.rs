//! Rust: types, their decoders and encoders, and the handlers that a server of the protocol must have.
//!
//! Everything is named by its full path, since a protocol may have a type called `Result`. The runtime appears as
//! text only (`::wireloom::...`).

mod decode;
mod docs;
mod encode;
mod handlers;
mod lints;
mod literals;
mod scope;
mod types;

use proc_macro2::TokenStream;
use quote::quote;
use wireloom_spec::model::{Message, Model};

use self::docs::Doc;
use self::literals::{raw_text, visible_json};
use self::scope::Scope;

/// Rust of a protocol, to be `include!`d in a module: it has no inner attributes.
#[must_use]
pub fn rust(model: &Model, source: &str) -> String {
    let scope = Scope::of_protocol(model);
    let types = types(&scope);
    let messages = messages(&scope);
    let handlers = handlers::handlers(&scope);
    let used = lints::everything_is_used(&scope);
    let description = raw_text(&visible_json(&super::protocol_json(model, source)));
    let subprotocol = model.info.subprotocol();
    let doc = Doc::new(format!(
        "The WebSocket subprotocol of version {}.",
        model.info.version
    ))
    .tokens();
    file(
        &format!("// {}\n\n", super::notice(source)),
        quote! {
            #doc
            pub const SUBPROTOCOL: &str = #subprotocol;
            /// The engine's own messages, part of every protocol.
            pub use ::wireloom::messages as engine;
            #types
            #messages
            #handlers
            #used
            /// The protocol as the runtime reads it.
            pub const PROTOCOL: &str = #description;
        },
    )
}

/// Rust of the engine's own messages, as a module of the runtime.
#[must_use]
pub fn rust_engine(model: &Model, source: &str) -> String {
    let scope = Scope::of_engine(model);
    let types = types(&scope);
    let messages = messages(&scope);
    let head = format!(
        "// {}\n//! The engine's own messages, part of every protocol.\n\n",
        super::notice(source)
    );
    file(&head, quote!(#types #messages))
}

fn file(head: &str, tokens: TokenStream) -> String {
    match syn::parse2(tokens.clone()) {
        Ok(file) => format!("{head}{}", spaced(&prettyplease::unparse(&file))),
        // Never so far; were it so, the compiler says where.
        Err(error) => {
            let error = error.to_string();
            format!("{head}::std::compile_error!({error:?});\n{tokens}\n")
        }
    }
}

/// With an empty line between items, which the printer leaves out.
fn spaced(text: &str) -> String {
    const BEGINNINGS: [&str; 7] = [
        "//",
        "#[",
        "impl ",
        "impl<",
        "pub ",
        "fn ",
        "::wireloom::serde_impls!",
    ];
    let mut spaced = String::with_capacity(text.len() + text.len() / 16);
    let mut ended = false;
    for line in text.split_inclusive('\n') {
        if ended && BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) {
            spaced.push('\n');
        }
        let is_doc = line.starts_with("//");
        ended = !is_doc && !line.starts_with(' ') && (line.ends_with("}\n") || line.ends_with(";\n"));
        spaced.push_str(line);
    }
    spaced
}

/// Type definitions with their decoders and encoders.
fn types(scope: &Scope<'_>) -> TokenStream {
    let items = scope.defs().map(|id| {
        let definition = types::definition(scope, id);
        let decoder = decode::decoder(scope, id);
        let encoder = encode::encoder(scope, id);
        quote!(#definition #decoder #encoder)
    });
    let items: TokenStream = items.collect();
    let (deprecated, current): (Vec<_>, Vec<_>) = scope
        .defs()
        .filter(|id| scope.is_nominal(*id))
        .partition(|id| scope.model().def(*id).docs.deprecated);
    let serde = |ids: &[_]| -> TokenStream {
        let names = ids.iter().map(|id| scope.path(*id));
        if ids.is_empty() {
            TokenStream::new()
        } else {
            quote!(::wireloom::serde_impls!(#(#names),*);)
        }
    };
    let current = serde(&current);
    let deprecated = match serde(&deprecated) {
        impls if impls.is_empty() => impls,
        impls => {
            let expect = lints::expect_deprecated();
            quote!(#expect const _: () = { #impls };)
        }
    };
    quote!(#items #current #deprecated)
}

/// What the runtime knows of each message type.
fn messages(scope: &Scope<'_>) -> TokenStream {
    scope
        .messages()
        .map(|message| message_impls(scope, message))
        .collect()
}

fn message_impls(scope: &Scope<'_>, message: &Message) -> TokenStream {
    let wire = &message.name;
    let name = scope.item(|| {
        let name = scope.path(message.payload);
        quote! {
            impl ::wireloom::Message for #name {
                const TYPE: &'static str = #wire;
            }
        }
    });
    let direction = |side: TokenStream| {
        scope.item(|| {
            let name = scope.path(message.payload);
            quote!(impl ::wireloom::#side for #name {})
        })
    };
    let client = message.from.client().then(|| direction(quote!(ClientMessage)));
    let server = message.from.server().then(|| direction(quote!(ServerMessage)));
    quote!(#name #client #server)
}
