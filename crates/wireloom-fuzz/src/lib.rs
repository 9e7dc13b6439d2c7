//! Property-test strategies from a protocol: payloads that satisfy their schemas, payloads that violate exactly one
//! keyword, whole frames, and texts that are no message at all; and whole [`conversation`]s.
//!
//! With the feature `live`, the module `live` holds conversations with a running server and finds what it does wrong.
//!
//! Everything is a [`proptest`](mod@proptest) strategy that shrinks: a failing payload is reported in its simplest form. What is
//! valid is decided by the `jsonschema` crate, set up as the runtime sets it up, so that a server and these strategies
//! share a specification and no code.
//!
//! ```
//! use proptest::prelude::*;
//! use wireloom_fuzz::Fuzzer;
//!
//! let fuzzer = Fuzzer::from_yaml("
//! wireloom: 1
//! info: { name: demo, version: 1.0.0 }
//! messages:
//!   greet: { from: client, payload: { fields: { name: { type: string, minLength: 1 } } } }
//! ").unwrap();
//! proptest!(|(payload in fuzzer.valid("greet"), near_miss in fuzzer.near_miss("greet"))| {
//!     prop_assert!(payload["name"].is_string());
//!     prop_assert!(near_miss.payload["name"] == "" || near_miss.keyword != "minLength");
//! });
//! ```

pub mod conversation;
mod damage;
mod description;
mod frame;
mod hostile;
mod likely;
#[cfg(feature = "live")]
pub mod live;
mod numbers;
mod payload;
mod protocol;
mod random;
mod sample;
mod schema;
mod search;
mod shrink;
mod spelling;
mod text;
mod violate;

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use wireloom_spec::{Diagnostic, Model, Severity};

pub use damage::damaged;
pub use description::InvalidDescription;
pub use frame::Frame;
pub use payload::NearMiss;
pub use protocol::random_protocol;
pub use search::Samples;
pub use spelling::spelled;

use crate::description::Description;
use crate::payload::{Kind, Mutated, Near, Payloads, Target, Valid};
use crate::schema::Schemas;
use crate::text::Patterns;

/// Why a frame is not used: its size is refused before anybody looks at what it says.
const TOO_LARGE: &str = "the frame is larger than the protocol allows";

/// Strategies for one protocol. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fuzzer {
    targets: Arc<Vec<Arc<Target>>>,
    types: Arc<Vec<Arc<Target>>>,
}

/// A protocol with errors in it.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidProtocol {
    /// The errors, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for InvalidProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.diagnostics.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidProtocol {}

impl Fuzzer {
    /// Strategies for the protocol in the text of a `protocol.yaml`.
    ///
    /// # Errors
    ///
    /// If the text is no valid protocol.
    pub fn from_yaml(text: &str) -> Result<Self, InvalidProtocol> {
        let checked = wireloom_spec::check("protocol.yaml", text);
        match checked.model {
            Some(model) => Ok(Self::from_model(&model)),
            None => {
                let errors = checked.diagnostics.into_iter();
                Err(InvalidProtocol {
                    diagnostics: errors
                        .filter(|diagnostic| diagnostic.severity == Severity::Error)
                        .collect(),
                })
            }
        }
    }

    /// Strategies for a checked protocol.
    #[must_use]
    pub fn from_model(model: &Model) -> Self {
        Self::of(Description::of(model))
    }

    /// Strategies for the protocol that a description tells of: the text of the generated `protocol.json`, which generated
    /// Rust has as `PROTOCOL`, and servers serve.
    ///
    /// # Errors
    ///
    /// If the text is no description of a protocol.
    pub fn from_description(json: &str) -> Result<Self, InvalidDescription> {
        Description::read(json).map(Self::of)
    }

    fn of(description: Description) -> Self {
        let familiar = Arc::new(description.familiar());
        let Description {
            connection,
            messages,
            defs,
        } = description;
        let schemas = Arc::new(Schemas::new(defs));
        let patterns = Arc::new(Mutex::new(Patterns::default()));
        let target = |name: &str, message: description::Message| {
            // A checked protocol has schemas that compile.
            let validator = schema::compile(&schemas.complete(&message.payload))?;
            let bytes = message.limits.message_bytes;
            let bytes = bytes.unwrap_or(connection.limits.message_bytes);
            Some(Arc::new(Target {
                name: name.to_owned(),
                optional: message.payload_optional,
                client: message.from != "server",
                server: message.from != "client",
                engine: message.engine,
                message_bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
                examples: message.examples,
                familiar: Arc::clone(&familiar),
                node: schemas.node(&message.payload),
                schemas: Arc::clone(&schemas),
                patterns: Arc::clone(&patterns),
                validator,
            }))
        };
        let types = schemas
            .names()
            .filter_map(|name| target(name, description::Message::of_type(name)));
        let types = types.collect();
        let messages = messages.0.into_iter();
        Self {
            targets: Arc::new(
                messages
                    .filter_map(|(name, message)| target(&name, message))
                    .collect(),
            ),
            types: Arc::new(types),
        }
    }

    /// The types of all messages, the engine's own included.
    pub fn messages(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(|target| target.name.as_str())
    }

    /// The types that clients send and an application handles.
    pub fn client_messages(&self) -> impl Iterator<Item = &str> {
        let handled = |target: &&Arc<Target>| target.client && !target.engine;
        self.targets
            .iter()
            .filter(handled)
            .map(|target| target.name.as_str())
    }

    /// Whether a payload satisfies the schema of a message, as the `jsonschema` crate sees it.
    #[must_use]
    pub fn accepts(&self, message: &str, payload: &Value) -> bool {
        self.target(message).is_ok_and(|target| target.accepts(payload))
    }

    /// The first thing in a payload that violates the schema of a message: the keyword, where, and a text for people.
    #[cfg(feature = "live")]
    pub(crate) fn violation(&self, message: &str, payload: &Value) -> Option<(String, String, String)> {
        let target = self.target(message).ok()?;
        let mut errors = target.validator.iter_errors(payload);
        errors.next().map(|error| {
            (
                error.kind().keyword().to_owned(),
                error.instance_path().to_string(),
                error.to_string(),
            )
        })
    }

    /// The examples that the protocol gives of each message's payload.
    pub fn examples(&self) -> impl Iterator<Item = (&str, &[Value])> {
        self.targets
            .iter()
            .map(|target| (target.name.as_str(), target.examples.as_slice()))
    }

    fn target(&self, message: &str) -> Result<Arc<Target>, String> {
        let found = self.targets.iter().find(|target| target.name == message);
        found
            .cloned()
            .ok_or_else(|| format!("the protocol has no message {message:?}"))
    }

    /// The names of the types under `types`.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(|target| target.name.as_str())
    }

    /// Values that satisfy the schema of a type under `types`.
    ///
    /// A type that the protocol does not have makes the test fail with a reason that says so.
    pub fn valid_type(&self, name: &str) -> BoxedStrategy<Value> {
        let found = self.types.iter().find(|target| target.name == name);
        Payloads::<Valid> {
            target: found
                .cloned()
                .ok_or_else(|| format!("the protocol has no type {name:?}")),
            kind: PhantomData,
        }
        .boxed()
    }

    fn payloads<K: Kind>(&self, message: &str) -> BoxedStrategy<K::Value> {
        Payloads::<K> {
            target: self.target(message),
            kind: PhantomData,
        }
        .boxed()
    }

    /// Payloads that satisfy the schema of a message.
    ///
    /// A message that the protocol does not have makes the test fail with a reason that says so.
    pub fn valid(&self, message: &str) -> BoxedStrategy<Value> {
        self.payloads::<Valid>(message)
    }

    /// One payload that satisfies the schema of a message and looks as if somebody had written it: examples of the
    /// fields, words and small numbers wherever the schema lets them stand. Equal seeds give equal payloads. `None` if the protocol has no such
    /// message, or no payload was found.
    ///
    /// ```
    /// # let fuzzer = wireloom_fuzz::Fuzzer::from_yaml("
    /// # wireloom: 1
    /// # info: { name: demo, version: 1.0.0 }
    /// # messages:
    /// #   greet: { from: client, payload: { fields: { name: { type: string, minLength: 1 } } } }
    /// # ").unwrap();
    /// let payload = fuzzer.likely("greet", 7).unwrap();
    /// assert!(fuzzer.accepts("greet", &payload));
    /// assert_eq!(fuzzer.likely("greet", 7), Some(payload));
    /// ```
    #[must_use]
    pub fn likely(&self, message: &str, seed: u64) -> Option<Value> {
        self.target(message).ok()?.likely(seed)
    }

    /// Payloads that violate exactly one keyword of the schema of a message.
    ///
    /// A message that any payload fits has none; then the test fails with a reason that says so.
    pub fn near_miss(&self, message: &str) -> BoxedStrategy<NearMiss> {
        self.payloads::<Near>(message)
    }

    /// Valid payloads in which something was exchanged, removed, repeated or renamed: many are invalid, some are not.
    pub fn mutated(&self, message: &str) -> BoxedStrategy<Value> {
        self.payloads::<Mutated>(message)
    }

    /// Whole frames of a message with a valid payload, in any spelling of JSON, no larger than the protocol allows.
    pub fn frame(&self, message: &str) -> BoxedStrategy<Frame> {
        let name = message.to_owned();
        let target = self.target(message).ok();
        let optional = target.as_ref().is_some_and(|target| target.optional);
        let limit = target.map_or(usize::MAX, |target| target.message_bytes);
        (self.valid(message), frame::envelope(), any::<bool>())
            .prop_map(move |(payload, envelope, left_out)| {
                let payload = (!(optional && left_out)).then_some(payload);
                envelope.frame(&name, payload)
            })
            .prop_filter(TOO_LARGE, move |frame| frame.text.len() <= limit)
            .boxed()
    }

    /// Valid frames of every message that clients may send, the engine's own included.
    pub fn client_frame(&self) -> BoxedStrategy<Frame> {
        let fuzzer = self.clone();
        self.some(|target| target.client)
            .prop_flat_map(move |name| fuzzer.frame(&name))
            .boxed()
    }

    /// Frames of every message that clients may send, whose payload violates exactly one keyword.
    pub fn near_miss_frame(&self) -> BoxedStrategy<(Frame, NearMiss)> {
        let fuzzer = self.clone();
        self.some(|target| target.client && target.can_miss())
            .prop_flat_map(move |name| {
                let limit = fuzzer
                    .target(&name)
                    .map_or(usize::MAX, |target| target.message_bytes);
                (fuzzer.near_miss(&name), frame::envelope())
                    .prop_map(move |(near_miss, envelope)| {
                        (envelope.frame(&name, Some(near_miss.payload.clone())), near_miss)
                    })
                    .prop_filter(TOO_LARGE, move |(frame, _)| frame.text.len() <= limit)
            })
            .boxed()
    }

    /// Texts that are to be answered with an error, whatever the protocol: broken JSON, duplicate names, lone
    /// surrogates, numbers that no double holds, deep nesting, envelopes that are none, messages of the server.
    pub fn hostile_text(&self) -> BoxedStrategy<String> {
        let plain = |frame: Frame| {
            let mut fields = serde_json::Map::new();
            fields.insert("type".to_owned(), frame.message.into());
            fields.extend(frame.payload.map(|payload| ("payload".to_owned(), payload)));
            Value::Object(fields).to_string()
        };
        let broken = hostile::texts(self.client_frame().prop_map(plain).boxed());
        let fuzzer = self.clone();
        let of_server = self
            .some(|target| target.server && !target.client)
            .prop_flat_map(move |name| fuzzer.frame(&name))
            .prop_map(|frame| frame.text);
        prop_oneof![8 => broken, 1 => of_server].boxed()
    }

    /// The names of some messages.
    fn some(&self, which: fn(&Target) -> bool) -> impl Strategy<Value = String> + use<> {
        let targets = self.targets.iter().filter(|target| which(target));
        let names: Vec<String> = targets.map(|target| target.name.clone()).collect();
        // Every protocol has the engine's messages in both directions.
        select(names)
    }
}
