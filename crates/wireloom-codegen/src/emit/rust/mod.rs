//! Rust: types, their decoders and encoders, and the handlers that a server of the protocol must have.
//!
//! Everything is named by its full path, since a protocol may have a type called `Result`. The runtime appears as
//! text only (`::wireloom::...`).
//!
//! A message is decoded and checked in a single pass over its text. What a pass cannot decide is left to the
//! `jsonschema` validator: keywords that have no shape in Rust, formats, and patterns without a table of states. Each
//! message's decoder says so in a comment.

mod decode;
mod docs;
mod encode;
mod handlers;
mod lints;
mod literals;
mod passes;
mod patterns;
mod reading;
mod scalars;
mod scope;
mod strategies;
mod types;

use proc_macro2::TokenStream;
use quote::quote;
use wireloom_spec::model::{DefId, Model};

use self::docs::Doc;
use self::literals::{raw_text, visible_json};
use self::scope::Scope;
pub use self::strategies::strategies;

/// Rust of a protocol, to be `include!`d in a module: it has no inner attributes.
#[must_use]
pub fn rust(model: &Model, source: &str) -> String {
    let scope = Scope::of_protocol(model);
    let mut file = File::new(format!("// {}\n", super::notice(source)));
    let subprotocol = model.info.subprotocol();
    let doc = Doc::new(format!(
        "The WebSocket subprotocol of version {}.",
        model.info.version
    ))
    .tokens();
    file.put(quote! {
        #doc
        pub const SUBPROTOCOL: &str = #subprotocol;
        /// The engine's own messages, part of every protocol.
        pub use ::wireloom::messages as engine;
    });
    // Half of the types on another thread: printing them takes longer than everything else that is generated.
    let ids: Vec<DefId> = scope.defs().collect();
    let (front, back) = ids.split_at(ids.len() / 2);
    let (front, back) = std::thread::scope(|threads| {
        let back = threads.spawn(|| types(&Scope::of_protocol(model), back));
        (
            types(&scope, front),
            back.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    });
    file.text.push_str(&front);
    file.text.push_str(&back);
    serde_impls(&scope, &mut file);
    messages(&scope, &mut file);
    handlers::handlers(&scope, &mut file);
    file.put(lints::everything_is_used(&scope));
    let description = raw_text(&visible_json(&super::protocol_json(model, source)));
    file.put(quote! {
        /// The protocol as the runtime reads it.
        pub const PROTOCOL: &str = #description;
    });
    file.text
}

/// Rust of the engine's own messages, as a module of the runtime.
#[must_use]
pub fn rust_engine(model: &Model, source: &str) -> String {
    let scope = Scope::of_engine(model);
    let head = format!(
        "// {}\n//! The engine's own messages, part of every protocol.\n",
        super::notice(source)
    );
    let mut file = File::new(head);
    file.text
        .push_str(&types(&scope, &scope.defs().collect::<Vec<_>>()));
    serde_impls(&scope, &mut file);
    messages(&scope, &mut file);
    file.text
}

/// A file in the making. Items are printed one by one, since the tokens of a whole file take a hundred times its size.
struct File {
    text: String,
}

impl File {
    fn new(text: String) -> Self {
        Self { text }
    }

    /// Appends items, with an empty line in front of each.
    fn put(&mut self, tokens: TokenStream) {
        match syn::parse2::<syn::File>(tokens) {
            Ok(items) => {
                for item in items.items {
                    let alone = syn::File {
                        shebang: None,
                        frontmatter: None,
                        attrs: Vec::new(),
                        items: vec![item],
                    };
                    self.text.push('\n');
                    self.text.push_str(&prettyplease::unparse(&alone));
                }
            }
            // Never so far; were it so, the compiler says where.
            Err(error) => {
                let error = error.to_string();
                self.text
                    .push_str(&format!("\n::std::compile_error!({error:?});\n"));
            }
        }
    }
}

/// Type definitions with their decoders and encoders.
fn types(scope: &Scope<'_>, ids: &[DefId]) -> String {
    let mut file = File::new(String::new());
    for id in ids {
        file.put(types::definition(scope, *id));
        file.put(decode::decoder(scope, *id));
        file.put(encode::encoder(scope, *id));
    }
    file.text
}

/// `Serialize` and `Deserialize` of all types.
fn serde_impls(scope: &Scope<'_>, file: &mut File) {
    let (deprecated, current): (Vec<_>, Vec<_>) = scope
        .defs()
        .filter(|id| scope.is_nominal(*id))
        .partition(|id| scope.model().def(*id).docs.deprecated);
    let serde = |ids: &[DefId]| {
        let names = ids.iter().map(|id| scope.path(*id));
        quote!(::wireloom::serde_impls!(#(#names),*);)
    };
    if !current.is_empty() {
        file.put(serde(&current));
    }
    if !deprecated.is_empty() {
        let expect = lints::expect_deprecated();
        let impls = serde(&deprecated);
        file.put(quote!(#expect const _: () = { #impls };));
    }
}

/// What the runtime knows of each message type.
fn messages(scope: &Scope<'_>, file: &mut File) {
    for message in scope.messages() {
        let wire = &message.name;
        file.put(scope.item(|| {
            let name = scope.path(message.payload);
            quote! {
                impl ::wireloom::Message for #name {
                    const TYPE: &'static str = #wire;
                }
            }
        }));
        let mut direction = |side: TokenStream| {
            file.put(scope.item(|| {
                let name = scope.path(message.payload);
                quote!(impl ::wireloom::#side for #name {})
            }));
        };
        if message.from.client() {
            direction(quote!(ClientMessage));
        }
        if message.from.server() {
            direction(quote!(ServerMessage));
        }
    }
}
