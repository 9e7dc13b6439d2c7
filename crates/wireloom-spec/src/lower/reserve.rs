//! Names of generated types: each taken once, in Rust and in TypeScript. Who comes second is told of the first.

use std::collections::HashMap;

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::model::Span;
use crate::names::{self, Names};

/// Rust types that every generated module has.
const RUST: [&str; 2] = ["Handlers", "Protocol"];

/// TypeScript types that every generated file has.
const TYPESCRIPT: [&str; 14] = [
    "ClientMessageType",
    "ServerMessageType",
    "MessageType",
    "ClientMessage",
    "ServerMessage",
    "Envelope",
    "EngineErrorCode",
    "ApplicationErrorCode",
    "ErrorCode",
    "ClientPayloads",
    "ServerPayloads",
    "Replies",
    "Streams",
    "RequestErrors",
];

/// Names of types that generated code always has, in Rust or in TypeScript: a type of a protocol can have none of them.
pub fn reserved_types() -> impl Iterator<Item = &'static str> {
    RUST.into_iter().chain(TYPESCRIPT)
}

/// The namespaces of generated code, with what stands in them already.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) rust: Names,
    pub(crate) ts: Names,
    pub(crate) engine: Names,
    owners: HashMap<(Language, String), Owner>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Language {
    Rust,
    TypeScript,
    /// Names of functions and fields in Rust.
    RustFields,
}

#[derive(Debug, Clone)]
struct Owner {
    what: String,
    span: Option<Span>,
}

/// Takes the names that the generated code always has.
pub(crate) fn reserve<'a>(protocol: &str, engine: impl Iterator<Item = &'a str>) -> Reserved {
    let mut reserved = Reserved {
        rust: names::rust_names(),
        ts: names::ts_names(),
        engine: names::rust_names(),
        owners: HashMap::new(),
    };
    let always = |name: &str| Owner {
        what: format!("`{name}`, which the generated code always has"),
        span: None,
    };
    for name in RUST {
        reserved.rust.claim(name);
        reserved
            .owners
            .insert((Language::Rust, name.to_owned()), always(name));
    }
    let of_protocol = format!("{}Protocol", names::type_part(protocol));
    for name in TYPESCRIPT.into_iter().map(str::to_owned).chain([of_protocol]) {
        reserved.ts.claim(&name);
        let owner = always(&name);
        reserved.owners.insert((Language::TypeScript, name), owner);
    }
    for message in engine {
        let rust = names::rust_type(message);
        reserved.engine.claim(&rust);
        let ts = payload_name(message);
        reserved.ts.claim(&ts);
        let what = format!("the payload of the engine's message `{message}`");
        reserved
            .owners
            .insert((Language::TypeScript, ts), Owner { what, span: None });
    }
    reserved
}

impl Reserved {
    /// Takes the names of a type under `types`.
    pub(crate) fn named_type(&mut self, name: &str, span: Span, sink: &mut Sink) {
        let what = format!("the type `{name}`");
        let (rust, ts) = (names::rust_type(name), names::ts_type(name));
        self.rust.claim(&rust);
        self.ts.claim(&ts);
        let clash = self.take(Language::Rust, &rust, &what, span, sink);
        if !clash {
            self.take(Language::TypeScript, &ts, &what, span, sink);
        }
    }

    /// Takes the names of a message: its payload's, its field's, and its error's if a client asks with it.
    pub(crate) fn message(&mut self, name: &str, asks: bool, span: Span, sink: &mut Sink) {
        let what = format!("the message `{name}`");
        let (rust, ts) = (names::rust_type(name), payload_name(name));
        self.rust.claim(&rust);
        self.ts.claim(&ts);
        let mut clash = self.take(Language::Rust, &rust, &what, span, sink);
        clash = clash || self.take(Language::TypeScript, &ts, &what, span, sink);
        clash = clash || self.take(Language::RustFields, &names::field_name(name), &what, span, sink);
        if asks {
            // `None_` is escaped, `NoneError` has no need to be.
            let error = format!("{}Error", rust.trim_end_matches('_'));
            self.rust.claim(&error);
            if !clash {
                self.take(
                    Language::Rust,
                    &error,
                    &format!("the error of the message `{name}`"),
                    span,
                    sink,
                );
            }
        }
    }

    /// Whether somebody else has the name, which is reported.
    fn take(&mut self, language: Language, name: &str, what: &str, span: Span, sink: &mut Sink) -> bool {
        let key = (language, name.to_owned());
        let Some(owner) = self.owners.get(&key) else {
            self.owners.insert(
                key,
                Owner {
                    what: what.to_owned(),
                    span: Some(span),
                },
            );
            return false;
        };
        let language = match language {
            Language::Rust | Language::RustFields => "Rust",
            Language::TypeScript => "TypeScript",
        };
        let report = Report::new(
            &codes::COLLISION,
            span,
            format!("{what} becomes `{name}` in {language}, as does {}", owner.what),
        )
        .help("rename one of them");
        let report = match owner.span {
            Some(first) => report.related(first, owner.what.clone()),
            None => report,
        };
        sink.push(report);
        true
    }
}

/// The name of a payload's interface in TypeScript.
pub(crate) fn payload_name(message: &str) -> String {
    format!("{}Payload", names::type_part(message))
}
