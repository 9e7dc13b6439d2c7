//! What a server of the protocol must have: a handler for each client message, with the errors that it may return.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use wireloom_spec::model::{Answer, ErrorCode, Message};

use super::File;
use super::docs::{Doc, code};
use super::literals::{ident, snake};
use super::scope::Scope;

/// Requests with their error types, and the struct of handlers.
pub(super) fn handlers(scope: &Scope<'_>, file: &mut File) {
    for message in requests(scope) {
        let errors = ErrorType::of(scope, message);
        file.put(scope.item(|| request(scope, message, &errors)));
        file.put(scope.item(|| errors.definition(scope)));
        file.put(errors.impls(scope));
    }
    file.put(all_handlers(scope));
}

/// Mentions of all functions.
pub(super) fn functions(scope: &Scope<'_>) -> TokenStream {
    let of_errors = requests(scope).map(|message| {
        let errors = ErrorType::of(scope, message);
        let name = ident(&errors.name);
        let functions = errors.codes.iter().map(|error| function_name(error));
        quote!(used::<#name>(); #(let _ = #name::#functions;)*)
    });
    let of_handlers = if requests(scope).next().is_some() {
        quote!(let _ = (Handlers::<()>::engine, Handlers::<()>::builder);)
    } else {
        quote!(let _ = (Handlers::engine::<()>, Handlers::builder::<()>);)
    };
    quote!(#(#of_errors)* #of_handlers)
}

fn requests<'m>(scope: &Scope<'m>) -> impl Iterator<Item = &'m Message> {
    scope.messages().filter(|message| message.from.client())
}

/// The error type of one request.
struct ErrorType<'m> {
    message: &'m Message,
    name: String,
    codes: Vec<&'m ErrorCode>,
    /// The message that ends the stream badly, and its variant.
    ends: Option<(&'m Message, String)>,
    internal: &'static str,
}

impl<'m> ErrorType<'m> {
    fn of(scope: &Scope<'m>, message: &'m Message) -> Self {
        let model = scope.model();
        let codes: Vec<_> = model
            .errors
            .iter()
            .filter(|error| message.errors.contains(&error.code))
            .collect();
        let taken: BTreeSet<&str> = codes.iter().map(|error| error.rust_name.as_str()).collect();
        let internal = if taken.contains("Internal") {
            "Undeclared"
        } else {
            "Internal"
        };
        let ends = match &message.answer {
            Answer::Stream {
                error: Some(error), ..
            } => model.message(error),
            _ => None,
        };
        let ends = ends.map(|message| {
            let mut variant = model.def(message.payload).rust_name.clone();
            while variant == internal || taken.contains(variant.as_str()) {
                variant.push_str("Message");
            }
            (message, variant)
        });
        let request = model.def(message.payload).rust_name.trim_end_matches('_');
        let name = format!("{request}Error");
        Self {
            message,
            name,
            codes,
            ends,
            internal,
        }
    }

    fn definition(&self, scope: &Scope<'_>) -> TokenStream {
        let name = ident(&self.name);
        let doc = Doc::new(format!("Why {} may fail.", code(&self.message.name))).tokens();
        let codes = self.codes.iter().map(|error| {
            let variant = ident(&error.rust_name);
            let doc = Doc::new(super::docs::plain(&error.description));
            let doc = doc.and(format!("The peer reads {}.", code(&error.code))).tokens();
            quote!(#doc #variant(::wireloom::Reason))
        });
        let ends = self.ends.iter().map(|(message, variant)| {
            let variant = ident(variant);
            let payload = scope.path(message.payload);
            let doc = Doc::new(format!("The stream ends with {}.", code(&message.name))).tokens();
            quote!(#doc #variant(::std::boxed::Box<#payload>))
        });
        let internal = ident(self.internal);
        let internal_doc =
            Doc::new("Anything that the protocol does not declare: the peer reads `internal`, the log reads the cause.")
                .tokens();
        quote! {
            #doc
            #[derive(Debug)]
            pub enum #name {
                #(#codes,)*
                #(#ends,)*
                #internal_doc
                #internal(::wireloom::Internal)
            }
        }
    }

    fn impls(&self, scope: &Scope<'_>) -> TokenStream {
        let name = ident(&self.name);
        let internal = ident(self.internal);
        let mut impls = Vec::new();
        if !self.codes.is_empty() {
            let functions = self.codes.iter().map(|error| {
                let variant = ident(&error.rust_name);
                let function = function_name(error);
                let doc = Doc::new(format!("{} with its declared description.", code(&error.code))).tokens();
                quote! {
                    #doc
                    #[must_use]
                    pub fn #function() -> Self {
                        Self::#variant(::std::default::Default::default())
                    }
                }
            });
            impls.push(quote!(impl #name { #(#functions)* }));
        }
        let cause = scope.parameter("E");
        impls.push(quote! {
            impl<#cause> ::std::convert::From<#cause> for #name
            where
                #cause: ::std::error::Error + ::std::marker::Send + ::std::marker::Sync + 'static,
            {
                fn from(cause: #cause) -> Self {
                    Self::#internal(::wireloom::Internal::new(cause))
                }
            }
        });
        if let Some((message, variant)) = &self.ends {
            let variant = ident(variant);
            impls.push(scope.item(|| {
                let payload = scope.path(message.payload);
                quote! {
                    impl ::std::convert::From<#payload> for #name {
                        fn from(message: #payload) -> Self {
                            Self::#variant(::std::boxed::Box::new(message))
                        }
                    }
                }
            }));
        }
        let codes = self.codes.iter().map(|error| {
            let variant = ident(&error.rust_name);
            let ErrorCode { code, description, retryable, .. } = error;
            quote!(Self::#variant(reason) => ::wireloom::Reject::declared(#code, reason.or(#description), #retryable))
        });
        let ends = self.ends.iter().map(|(_, variant)| {
            let variant = ident(variant);
            quote!(Self::#variant(message) => ::wireloom::Reject::message(&*message))
        });
        impls.push(quote! {
            impl ::wireloom::IntoReject for #name {
                fn into_reject(self) -> ::wireloom::Reject {
                    match self {
                        #(#codes,)*
                        #(#ends,)*
                        Self::#internal(cause) => ::wireloom::Reject::internal(cause),
                    }
                }
            }
        });
        impls.push(self.display());
        impls.push(self.reading(scope));
        quote!(#(#impls)*)
    }

    /// The error for people: the server's text, where there is one.
    fn display(&self) -> TokenStream {
        let name = ident(&self.name);
        let internal = ident(self.internal);
        let codes = self.codes.iter().map(|error| {
            let variant = ident(&error.rust_name);
            let description = &error.description;
            quote!(Self::#variant(reason) => f.write_str(reason.text().unwrap_or(#description)))
        });
        let ends = self.ends.iter().map(|(message, variant)| {
            let variant = ident(variant);
            let text = format!("the stream ended with {}", message.name);
            quote!(Self::#variant(_) => f.write_str(#text))
        });
        quote! {
            impl ::std::fmt::Display for #name {
                fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                    match self {
                        #(#codes,)*
                        #(#ends,)*
                        Self::#internal(_) => f.write_str("internal error"),
                    }
                }
            }
        }
    }

    /// How a client makes the error of what the server answered.
    fn reading(&self, scope: &Scope<'_>) -> TokenStream {
        let name = ident(&self.name);
        let from_code = (!self.codes.is_empty()).then(|| {
            let codes = self.codes.iter().map(|error| {
                let variant = ident(&error.rust_name);
                let code = &error.code;
                quote!(#code => ::std::option::Option::Some(Self::#variant(::std::convert::From::from(text))))
            });
            quote! {
                fn from_code(code: &str, text: ::std::string::String) -> ::std::option::Option<Self> {
                    match code {
                        #(#codes,)*
                        _ => ::std::option::Option::None,
                    }
                }
            }
        });
        scope.item(|| {
            let from_end = self.ends.as_ref().map(|(message, variant)| {
                let wire = &message.name;
                let variant = ident(variant);
                let payload = scope.path(message.payload);
                quote! {
                    const END: ::std::option::Option<&'static str> = ::std::option::Option::Some(#wire);

                    fn from_end(reader: &mut ::wireloom::json::Reader<'_>) -> ::wireloom::json::Read<Self> {
                        let message = <#payload as ::wireloom::json::Decode>::decode(reader)?;
                        ::std::result::Result::Ok(Self::#variant(::std::boxed::Box::new(message)))
                    }
                }
            });
            quote! {
                impl ::wireloom::FromAnswer for #name { #from_end #from_code }
            }
        })
    }
}

/// The function that makes an error. `default` and `new` mean something else in Rust.
fn function_name(error: &ErrorCode) -> Ident {
    let name = snake(&error.rust_name);
    let reserved = matches!(name.as_str(), "default" | "new" | "self" | "super" | "crate");
    // `gen` is one since the edition of 2024.
    let is_keyword = syn::parse_str::<Ident>(&name).is_err() || name == "gen";
    match (reserved, is_keyword) {
        (true, _) => ident(&format!("{name}_")),
        (false, true) => ident(&format!("r#{name}")),
        (false, false) => ident(&name),
    }
}

fn request(scope: &Scope<'_>, message: &Message, errors: &ErrorType<'_>) -> TokenStream {
    let name = scope.path(message.payload);
    let error = ident(&errors.name);
    let payload = |wire: &str| match scope.model().message(wire) {
        Some(message) => scope.path(message.payload),
        None => quote!(()),
    };
    match &message.answer {
        Answer::None => quote! {
            impl ::wireloom::Request for #name {
                type Reply = ();
                type Error = #error;
            }
        },
        Answer::Reply(reply) => {
            let reply = payload(reply);
            quote! {
                impl ::wireloom::Request for #name {
                    type Reply = #reply;
                    type Error = #error;
                }
            }
        }
        Answer::Stream { item, end, .. } => {
            let (item, end) = (payload(item), payload(end));
            quote! {
                impl ::wireloom::StreamRequest for #name {
                    type Item = #item;
                    type End = #end;
                    type Error = #error;
                }
            }
        }
    }
}

fn all_handlers(scope: &Scope<'_>) -> TokenStream {
    let requests: Vec<_> = requests(scope).collect();
    let state = scope.parameter("S");
    let is_stream = |message: &Message| matches!(message.answer, Answer::Stream { .. });
    let fields = |scope: &Scope<'_>| -> Vec<TokenStream> {
        let fields = requests.iter().map(|message| {
            let field = ident(&message.rust_field);
            let payload = scope.path(message.payload);
            let doc = Doc::of(&message.docs, || format!("Handles {}.", code(&message.name)));
            let doc = if message.docs.description.is_some() {
                doc.and(format!("Handles {}.", code(&message.name)))
            } else {
                doc
            };
            let doc = doc.tokens();
            if is_stream(message) {
                quote!(#doc pub #field: ::wireloom::OnStream<#state, #payload>)
            } else {
                quote!(#doc pub #field: ::wireloom::On<#state, #payload>)
            }
        });
        fields.collect()
    };
    let parameter = if requests.is_empty() {
        None
    } else {
        Some(quote!(<#state>))
    };
    let of_impl = parameter
        .as_ref()
        .map(|_| quote!(<#state: ::std::marker::Send + ::std::marker::Sync + 'static>));
    let of_function = if parameter.is_none() {
        Some(quote!(<#state: ::std::marker::Send + ::std::marker::Sync + 'static>))
    } else {
        None
    };
    let definition = scope.item(|| {
        let fields = fields(scope);
        quote! {
            /// A handler for every message that clients send. Forgetting one does not compile.
            #[must_use = "handlers serve nobody until an engine is made of them"]
            pub struct Handlers #parameter { #(#fields),* }
        }
    });
    let calls = requests.iter().map(|message| {
        let field = ident(&message.rust_field);
        if is_stream(message) {
            quote!(.on_stream(self.#field))
        } else {
            quote!(.on(self.#field))
        }
    });
    quote! {
        #definition
        impl #of_impl Handlers #parameter {
            /// An engine that behaves as the protocol says.
            pub fn engine #of_function(self, state: #state) -> ::wireloom::Engine<#state> {
                self.builder(state).build()
            }

            /// What makes the engine, to change settings and hooks first.
            pub fn builder #of_function(self, state: #state) -> ::wireloom::Builder<#state> {
                ::wireloom::Builder::generated(PROTOCOL, state) #(#calls)*
            }
        }
    }
}
