//! The second front door: handlers by name over JSON values, for protocols that are known only at run time.
//!
//! The same engine, the same checks. What handlers return is checked as well, since no type does it.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde_json::Value;

use crate::clients::{Outgoing, SendError};
use crate::engine::{Builder, Engine, Settings};
use crate::envelope::Frame;
use crate::handler::{Admit, Asker, Ctx, Finished, ItemSink, NotCalled, Route, Work, answering};
use crate::json::{Decode, Fault, FaultKind, Read, Reader};
use crate::protocol::Protocol;
use crate::reject::{Internal, Reject};
use crate::schema::{self, Validator};

/// Handlers by name, on the way to an [`Engine`].
#[derive(Debug)]
pub struct Registry<S> {
    builder: Builder<S>,
    missing: BTreeSet<String>,
    problem: Option<RegistryError>,
}

/// Why no engine can be made of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryError {
    /// The protocol has no message of this type that clients send, or the engine answers it itself.
    NotHandled(String),
    /// The message is answered in another way: [`Registry::on`] is for replies, [`Registry::on_stream`] for streams.
    WrongKind(String),
    /// The schema of a message does not compile, and why.
    Schema(String, String),
    /// Messages without a handler.
    Missing(Vec<String>),
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHandled(name) => write!(f, "\"{name}\" is not a message that an application handles"),
            Self::WrongKind(name) => write!(f, "\"{name}\" is answered in another way than its handler does"),
            Self::Schema(name, cause) => write!(f, "the schema of \"{name}\" does not compile: {cause}"),
            Self::Missing(names) => write!(f, "no handler for: {}", names.join(", ")),
        }
    }
}

impl std::error::Error for RegistryError {}

impl<S: Send + Sync + 'static> Registry<S> {
    /// Begins with a protocol.
    #[must_use]
    pub fn new(protocol: Protocol, state: S) -> Self {
        let handled = |(name, message): (&String, &crate::protocol::Description)| {
            (message.from.client() && !message.engine).then(|| name.clone())
        };
        let missing = protocol.messages.iter().filter_map(handled).collect();
        Self {
            builder: Builder::new(protocol, state),
            missing,
            problem: None,
        }
    }

    /// Changes how the engine behaves.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        self.builder = self.builder.settings(change);
        self
    }

    /// Clients must show credentials that this accepts; see [`Builder::authenticator`].
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl crate::Authenticator) -> Self {
        self.builder = self.builder.authenticator(authenticator);
        self
    }

    /// Has sessions outlive this process; see [`Builder::store`].
    #[cfg(feature = "store")]
    #[must_use]
    pub fn store(mut self, store: crate::Store) -> Self {
        self.builder = self.builder.store(store);
        self
    }

    /// Called when a client has connected; see [`Builder::on_connect`].
    #[must_use]
    pub fn on_connect<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Ctx<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.builder = self.builder.on_connect(hook);
        self
    }

    /// Called when a client is gone; see [`Builder::on_disconnect`].
    #[must_use]
    pub fn on_disconnect<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Ctx<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.builder = self.builder.on_disconnect(hook);
        self
    }

    /// Adds the handler of a message that is answered by a reply, or by nothing (then what it returns is ignored).
    #[must_use]
    pub fn on<F, Fut>(self, name: &str, handler: F) -> Self
    where
        F: Fn(Ctx<S>, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, Reject>> + Send + 'static,
    {
        self.add(name, |protocol| {
            let message = protocol.messages.get(name)?;
            if message.stream.is_some() {
                return Some(Err(RegistryError::WrongKind(name.to_owned())));
            }
            let reply = message.reply.clone();
            Some(Checked::new(protocol, name).and_then(|payload| {
                let reply = reply
                    .map(|reply| Checked::new(protocol, &reply))
                    .transpose()?
                    .map(Arc::new);
                Ok(Box::new(Once {
                    payload,
                    reply,
                    handler,
                }) as Box<dyn Route<S>>)
            }))
        })
    }

    /// Adds the handler of a message that is answered by a stream. What it returns is the message that ends it.
    #[must_use]
    pub fn on_stream<F, Fut>(self, name: &str, handler: F) -> Self
    where
        F: Fn(Ctx<S>, Value, ValueItems) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, Reject>> + Send + 'static,
    {
        self.add(name, |protocol| {
            let message = protocol.messages.get(name)?;
            let Some(stream) = message.stream.clone() else {
                return Some(Err(RegistryError::WrongKind(name.to_owned())));
            };
            Some(Checked::new(protocol, name).and_then(|payload| {
                let item = Arc::new(Checked::new(protocol, &stream.item)?);
                let end = Arc::new(Checked::new(protocol, &stream.end)?);
                let error = stream.error.map(|error| Checked::new(protocol, &error));
                Ok(Box::new(Many {
                    payload,
                    item,
                    end,
                    error: error.transpose()?.map(Arc::new),
                    handler,
                }) as Box<dyn Route<S>>)
            }))
        })
    }

    fn add(
        mut self,
        name: &str,
        route: impl FnOnce(&Protocol) -> Option<Result<Box<dyn Route<S>>, RegistryError>>,
    ) -> Self {
        let known = self.missing.remove(name);
        let route = route(self.builder.protocol()).filter(|_| known);
        match route.unwrap_or_else(|| Err(RegistryError::NotHandled(name.to_owned()))) {
            Ok(route) => self.builder = self.builder.route(route),
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// Makes the engine.
    ///
    /// # Errors
    ///
    /// If a handler fits no message of the protocol, or a message has no handler.
    pub fn build(self) -> Result<Engine<S>, RegistryError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        if !self.missing.is_empty() {
            return Err(RegistryError::Missing(self.missing.into_iter().collect()));
        }
        Ok(self.builder.build())
    }
}

/// Where a handler sends the items of a stream, as JSON values.
#[derive(Debug)]
pub struct ValueItems {
    sink: ItemSink,
    item: Arc<Checked>,
    error: Option<Arc<Checked>>,
}

impl ValueItems {
    /// Sends an item. Waits while the client reads slower than items come.
    ///
    /// # Errors
    ///
    /// If the item does not satisfy its schema: `internal`, for `?`.
    pub async fn send(&mut self, item: Value) -> Result<(), Reject> {
        self.item.check(&item)?;
        self.sink.send(&self.item.name, |out| out.value(&item)).await;
        Ok(())
    }

    /// Ends the stream badly, with the message that the protocol names for that: what the handler returns as its
    /// error. `internal` if it names none, or the payload does not satisfy its schema.
    #[must_use]
    pub fn failed(&self, payload: &Value) -> Reject {
        let Some(error) = &self.error else {
            let cause = "a stream failed, and the protocol has no message that says so";
            return Reject::internal(Internal::new(cause));
        };
        match error.check(payload) {
            Ok(()) => Reject::raw_message(error.name.clone().into(), payload.to_string()),
            Err(reject) => reject,
        }
    }
}

impl<S: Send + Sync + 'static> Engine<S> {
    /// Queues a message by its type for every connected client, as [`Engine::broadcast`] does. Returns for how many.
    ///
    /// Its schema is compiled for each call: meant for what is sent now and then.
    ///
    /// # Errors
    ///
    /// If the server does not send this type, or the payload does not satisfy its schema.
    pub fn broadcast_value(&self, name: &str, payload: &Value) -> Result<usize, SendError> {
        let core = &self.shared.core;
        let message = core.protocol.messages.get(name);
        if !message.is_some_and(|message| message.from.server() && !message.engine) {
            return Err(SendError::NotSent(name.to_owned()));
        }
        let checked = Checked::new(&core.protocol, name);
        if !checked.is_ok_and(|checked| checked.validator.is_valid(payload)) {
            return Err(SendError::Invalid(name.to_owned().into()));
        }
        Ok(core.clients.broadcast(&Outgoing::of_value(core, name, payload)))
    }
}

/// A message type and its validator.
#[derive(Debug)]
struct Checked {
    name: String,
    validator: Validator,
}

impl Checked {
    fn new(protocol: &Protocol, name: &str) -> Result<Self, RegistryError> {
        let schema = protocol.payload_schema(name).unwrap_or_default();
        let validator =
            schema::compile(&schema).map_err(|cause| RegistryError::Schema(name.to_owned(), cause))?;
        Ok(Self {
            name: name.to_owned(),
            validator,
        })
    }

    /// Whether a value that the server is about to send satisfies the schema.
    fn check(&self, value: &Value) -> Result<(), Reject> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let cause = format!("a {} does not satisfy its own schema", self.name);
        Err(Reject::internal(Internal::new(cause)))
    }

    fn payload(&self, frame: &mut Frame<'_>, optional: bool) -> Result<Value, NotCalled> {
        let Strict(value) = frame.payload(optional)?;
        if self.validator.is_valid(&value) {
            return Ok(value);
        }
        Err(NotCalled::Fault(Fault {
            at: 0,
            kind: FaultKind::Refused,
        }))
    }
}

/// A value of any kind, read strictly.
struct Strict(Value);

impl Decode for Strict {
    fn decode(reader: &mut Reader<'_>) -> Read<Self> {
        reader.value().map(Self)
    }
}

struct Once<F> {
    payload: Checked,
    reply: Option<Arc<Checked>>,
    handler: F,
}

impl<S, F, Fut> Route<S> for Once<F>
where
    S: Send + Sync + 'static,
    F: Fn(Ctx<S>, Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, Reject>> + Send + 'static,
{
    fn name(&self) -> &str {
        &self.payload.name
    }

    fn call(&self, frame: &mut Frame<'_>, optional: bool, admit: Admit<'_, S>) -> Result<Work, NotCalled> {
        let payload = self.payload.payload(frame, optional)?;
        let cx = admit(frame)?;
        let reply = self.reply.clone();
        let answer = (self.handler)(cx, payload);
        Ok(answering(answer, move |result, asker| {
            finish(asker, reply.as_deref(), result)
        }))
    }
}

struct Many<F> {
    payload: Checked,
    item: Arc<Checked>,
    end: Arc<Checked>,
    error: Option<Arc<Checked>>,
    handler: F,
}

impl<S, F, Fut> Route<S> for Many<F>
where
    S: Send + Sync + 'static,
    F: Fn(Ctx<S>, Value, ValueItems) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, Reject>> + Send + 'static,
{
    fn name(&self) -> &str {
        &self.payload.name
    }

    fn call(&self, frame: &mut Frame<'_>, optional: bool, admit: Admit<'_, S>) -> Result<Work, NotCalled> {
        let payload = self.payload.payload(frame, optional)?;
        let cx = admit(frame)?;
        let items = ValueItems {
            sink: ItemSink::new(&cx),
            item: Arc::clone(&self.item),
            error: self.error.clone(),
        };
        let end = Arc::clone(&self.end);
        let answer = (self.handler)(cx, payload, items);
        Ok(answering(answer, move |result, asker| {
            finish(asker, Some(&end), result)
        }))
    }
}

fn finish(asker: Asker<'_>, reply: Option<&Checked>, result: Result<Value, Reject>) -> Finished {
    let checked = result.and_then(|value| match reply {
        Some(reply) => reply.check(&value).map(|()| Some((reply, value))),
        None => Ok(None),
    });
    match checked {
        Ok(Some((reply, value))) => Finished::reply(asker, &reply.name, |out| out.value(&value)),
        Ok(None) => Finished::nothing(),
        Err(reject) => Finished::rejected(reject, asker.correlation_id),
    }
}
