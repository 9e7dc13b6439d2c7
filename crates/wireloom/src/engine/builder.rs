//! What an engine is made of.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
#[cfg(feature = "store")]
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Core, Engine, Hook, Settings, Shared};
use crate::auth::Authenticator;
use crate::auth::access::Access;
use crate::clients::Clients;
use crate::handler::{Ctx, On, OnStream, Route};
use crate::message::{Request, StreamRequest};
use crate::metrics::Metrics;
use crate::protocol::Protocol;
use crate::session::Sessions;
#[cfg(feature = "store")]
use crate::store::Store;
use crate::table::Table;

/// Makes an engine.
pub struct Builder<S> {
    protocol: Protocol,
    settings: Settings,
    state: S,
    routes: Vec<Box<dyn Route<S>>>,
    authenticator: Option<Box<dyn Authenticator>>,
    on_connect: Option<Hook<S>>,
    on_disconnect: Option<Hook<S>>,
    #[cfg(feature = "store")]
    store: Option<Store>,
    #[cfg(feature = "echo")]
    echo: bool,
}

impl<S> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("protocol", &self.protocol.subprotocol)
            .finish_non_exhaustive()
    }
}

impl<S: Send + Sync + 'static> Builder<S> {
    /// Begins with a protocol. Typed code calls the generated `Handlers::builder` instead.
    #[must_use]
    pub fn new(protocol: Protocol, state: S) -> Self {
        let settings = Settings::of(&protocol);
        Self {
            protocol,
            settings,
            state,
            routes: Vec::new(),
            authenticator: None,
            on_connect: None,
            on_disconnect: None,
            #[cfg(feature = "store")]
            store: None,
            #[cfg(feature = "echo")]
            echo: false,
        }
    }

    /// Begins with the description that generated code carries.
    ///
    /// # Panics
    ///
    /// If the text is no description of a protocol, which the generator rules out.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the generator wrote the text; there is nobody to report to"
    )]
    pub fn generated(protocol: &str, state: S) -> Self {
        Self::new(
            Protocol::from_json(protocol).expect("generated code carries a valid protocol"),
            state,
        )
    }

    /// Adds the handler of a message that is answered at most once.
    #[must_use]
    pub fn on<M: Request>(mut self, handler: On<S, M>) -> Self {
        self.routes.push(handler.route);
        self
    }

    /// Adds the handler of a message that is answered by a stream.
    #[must_use]
    pub fn on_stream<M: StreamRequest>(mut self, handler: OnStream<S, M>) -> Self {
        self.routes.push(handler.route);
        self
    }

    pub(crate) fn route(mut self, route: Box<dyn Route<S>>) -> Self {
        self.routes.push(route);
        self
    }

    pub(crate) fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// Changes how it behaves, within the bounds of [`Settings`].
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Clients must show credentials that this accepts; see [`crate::Admission::anonymous`] for an exception. Without one,
    /// everyone is let in, and messages that need scopes are refused.
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticator = Some(Box::new(authenticator));
        self
    }

    /// Gives every frame back as it came, text and binary, over the same sockets, limits and goodbyes: what a suite that
    /// tests for RFC 6455 talks to. No message is read or answered.
    #[cfg(feature = "echo")]
    #[must_use]
    pub fn echo(mut self) -> Self {
        self.echo = true;
        self
    }

    /// Called when a client has connected, behind its greeting. What it sends comes before any reply: the client's
    /// messages are taken when it has ended, so it should not go on for long.
    #[must_use]
    pub fn on_connect<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Ctx<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on_connect = Some(Box::new(move |cx| Box::pin(hook(cx))));
        self
    }

    /// Called when a client is gone for good, whatever the way; not while its session waits for it. Its requests in flight
    /// were dropped before. It is still among the clients and in its rooms, so that these can be told, until the hook has
    /// ended.
    #[must_use]
    pub fn on_disconnect<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Ctx<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on_disconnect = Some(Box::new(move |cx| Box::pin(hook(cx))));
        self
    }

    /// Has sessions outlive this process: those that an earlier one has left in the store go on, and what this one
    /// promises is written there first.
    ///
    /// A session that goes on has its client's identity, its state and its rooms; [`Builder::on_connect`] is not called
    /// for it again. Requests that were at work when the earlier process ended are answered with `internal`.
    #[cfg(feature = "store")]
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// Makes the engine. Its metrics go to the recorder that is current now.
    ///
    /// # Panics
    ///
    /// With a store, outside of a Tokio runtime.
    #[must_use]
    pub fn build(self) -> Engine<S> {
        #[cfg(feature = "store")]
        let (journal, saved, store_closed) = match self.store {
            Some(Store {
                journal,
                saved,
                closed,
            }) => (Some(journal), saved, Some(closed)),
            None => (None, Vec::new(), None),
        };
        #[cfg(not(feature = "store"))]
        let journal = None;
        let settings = self.settings.bounded();
        let table = Table::new(&self.protocol, &settings, self.routes);
        let core = Core {
            initial_state: table.initial_state(),
            access: Access::new(self.authenticator, &settings.admission, settings.connections),
            protocol: self.protocol,
            settings,
            clients: Clients::default(),
            sessions: Sessions::default(),
            journal,
            sockets: AtomicUsize::new(0),
            metrics: Metrics::new(),
            #[cfg(feature = "echo")]
            echo: self.echo,
            draining: AtomicBool::new(false),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            #[cfg(feature = "store")]
            store_closed: Mutex::new(store_closed),
        };
        let engine = Engine {
            shared: Arc::new(Shared {
                state: self.state,
                core: Arc::new(core),
                table,
                on_connect: self.on_connect,
                on_disconnect: self.on_disconnect,
            }),
        };
        #[cfg(feature = "store")]
        engine.restore(saved);
        engine
    }
}
