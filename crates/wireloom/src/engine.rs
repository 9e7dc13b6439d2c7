//! The engine: a protocol, its handlers and everyone who is connected, built once and shared by all connections.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(feature = "store")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
#[cfg(feature = "store")]
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Authenticator;
use crate::auth::access::Access;
use crate::clients::{Client, ClientId, Clients, Outgoing, Room, SendError};
use crate::close::CloseCode;
#[cfg(feature = "store")]
use crate::driver::Driver;
use crate::envelope;
use crate::handler::{Ctx, On, OnStream, Route};
use crate::journal::Journal;
use crate::json::{Encode, Writer};
use crate::limits::Admission;
use crate::message::{Message, Request, ServerMessage, StreamRequest};
use crate::messages::ConnectionClosing;
use crate::metrics::Metrics;
use crate::protocol::Protocol;
use crate::session::Sessions;
#[cfg(feature = "store")]
use crate::store::{Store, records::Saved};
use crate::table::Table;

/// How an engine behaves. Starts as the protocol's `connection` says; an operator may change it.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Time between two pings of the server.
    pub heartbeat_interval: Duration,
    /// Silence tolerated beyond an interval before the peer is dropped.
    pub heartbeat_timeout: Duration,
    /// Largest inbound message, in bytes.
    pub message_bytes: usize,
    /// Deepest nesting of an inbound message, envelope included.
    pub depth: u32,
    /// Messages a second that a connection may send in the long run; `None` is no limit.
    pub rate: Option<f64>,
    /// Messages that a connection may send at once.
    pub burst: u32,
    /// Requests of a connection that may be in flight together.
    pub in_flight: usize,
    /// Bytes that may wait to be written to a connection.
    pub outbox_bytes: usize,
    /// Protocol violations in a row after which a connection is closed with 4400.
    pub violations: u32,
    /// Refused messages, less those accepted since, after which a connection that exceeds its rate is closed with
    /// 4429.
    pub rate_strikes: u32,
    /// Longest time that a write may be stuck before the connection is dropped.
    pub write_timeout: Duration,
    /// Origins that browsers may connect from, beside the server's own host and localhost; `*` allows all.
    pub origins: Vec<String>,
    /// Most connections; the next is closed with 1013.
    pub connections: usize,
    /// Who may come in, and how often.
    pub admission: Admission,
    /// Read buffer of a connection, in bytes. Small, since it is what an idle connection costs; 16 KiB where typical
    /// messages are larger than 1 KiB.
    pub read_buffer_bytes: usize,
    /// Whether outbound messages are checked against their schemas, too: a mistake of a handler becomes `internal`
    /// (and a line in the log) instead of a message that clients cannot read. On in debug builds.
    pub check_outbound: bool,
    /// How long a session outlives its connection; zero turns sessions off. Clients that negotiate the subprotocol have
    /// one.
    pub resume_window: Duration,
    /// Messages that a session keeps for a client that may have missed them.
    pub resume_messages: usize,
    /// Bytes that a session keeps, 64 a message included.
    pub resume_bytes: usize,
    /// Sessions that wait for their clients together; the longest gone end first.
    pub parked_sessions: usize,
    /// Bytes that these keep together; the longest gone end first.
    pub parked_bytes: usize,
    /// What `connection:closing` tells clients to wait before they connect again.
    pub reconnect_after: Duration,
}

impl Settings {
    /// What a protocol says.
    #[must_use]
    pub fn of(protocol: &Protocol) -> Self {
        let connection = &protocol.connection;
        Self {
            heartbeat_interval: Duration::from_millis(connection.heartbeat_interval_ms.max(1)),
            heartbeat_timeout: Duration::from_millis(connection.heartbeat_timeout_ms),
            message_bytes: connection.limits.message_bytes,
            depth: connection.limits.depth,
            rate: connection.limits.rate,
            burst: connection.limits.burst,
            in_flight: connection.limits.in_flight,
            outbox_bytes: connection.limits.outbox_bytes,
            violations: 100,
            rate_strikes: 1000,
            write_timeout: Duration::from_secs(10),
            origins: Vec::new(),
            connections: 100_000,
            admission: Admission::default(),
            read_buffer_bytes: 4096,
            check_outbound: cfg!(debug_assertions),
            resume_window: Duration::from_millis(connection.resume_window_ms),
            resume_messages: usize::try_from(connection.resume_messages).unwrap_or(usize::MAX),
            resume_bytes: usize::try_from(connection.resume_bytes).unwrap_or(usize::MAX),
            parked_sessions: 100_000,
            parked_bytes: 256 * 1024 * 1024,
            reconnect_after: Duration::from_secs(1),
        }
    }
}

/// What all connections share, whatever the application's state.
pub(crate) struct Core {
    pub(crate) protocol: Protocol,
    pub(crate) settings: Settings,
    pub(crate) clients: Clients,
    /// Sessions that outlive their connections.
    pub(crate) sessions: Sessions,
    /// Where sessions are written down, if they outlive the server.
    pub(crate) journal: Option<Arc<Journal>>,
    /// Sockets that are open.
    pub(crate) sockets: AtomicUsize,
    pub(crate) metrics: Metrics,
    pub(crate) access: Access,
    /// Index of the state that a new session is in; see [`Table`].
    pub(crate) initial_state: usize,
    /// Whether frames are given back as they came, and nothing is said unasked.
    #[cfg(feature = "echo")]
    pub(crate) echo: bool,
    draining: AtomicBool,
    /// Cancelled when connections must end at once.
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// Ready when the store has written everything and is closed.
    #[cfg(feature = "store")]
    store_closed: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Drop for Core {
    fn drop(&mut self) {
        if let Some(journal) = &self.journal {
            journal.close();
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("protocol", &self.protocol.subprotocol)
            .finish_non_exhaustive()
    }
}

impl Core {
    /// Whether the server shuts down.
    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The frame that tells a client that the server is about to go.
    pub(crate) fn farewell(&self) -> Utf8Bytes {
        let after = u64::try_from(self.settings.reconnect_after.as_millis()).unwrap_or(u64::MAX);
        let closing = ConnectionClosing {
            reason: "shutdown".to_owned(),
            reconnect_after_ms: after,
            extra: Default::default(),
        };
        let payload = |out: &mut Writer| closing.encode(out);
        envelope::frame(ConnectionClosing::TYPE, payload, envelope::now_ms(), None)
    }
}

/// What is called when a client connects or disconnects.
pub(crate) type Hook<S> = Box<dyn Fn(Ctx<S>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

pub(crate) struct Shared<S> {
    pub(crate) state: S,
    pub(crate) core: Arc<Core>,
    pub(crate) table: Table<S>,
    pub(crate) on_connect: Option<Hook<S>>,
    pub(crate) on_disconnect: Option<Hook<S>>,
}

impl<S> fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}

/// A protocol at work. Cheap to clone; all clones are the same engine.
pub struct Engine<S> {
    pub(crate) shared: Arc<Shared<S>>,
}

impl<S> fmt::Debug for Engine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Engine").field(&self.shared.core).finish()
    }
}

impl<S> Clone for Engine<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: Send + Sync + 'static> Engine<S> {
    fn core(&self) -> &Arc<Core> {
        &self.shared.core
    }

    /// The application's state.
    #[must_use]
    pub fn state(&self) -> &S {
        &self.shared.state
    }

    /// The protocol it speaks.
    #[must_use]
    pub fn protocol(&self) -> &Protocol {
        &self.core().protocol
    }

    /// How it behaves.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.core().settings
    }

    /// A connected client; `None` if there is none of this identity.
    #[must_use]
    pub fn client(&self, id: impl AsRef<str>) -> Option<Client> {
        self.core().clients.get(id.as_ref())
    }

    /// Who is connected, earliest first.
    #[must_use]
    pub fn clients(&self) -> Vec<ClientId> {
        self.core().clients.ids()
    }

    /// How many are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.core().sockets.load(Ordering::Relaxed)
    }

    /// Queues a message for every connected client; encoded once. Returns for how many.
    ///
    /// # Errors
    ///
    /// If the message does not satisfy its own schema. Slow clients are treated as the message's `delivery` says.
    pub fn broadcast<M: ServerMessage>(&self, message: M) -> Result<usize, SendError> {
        Ok(self
            .core()
            .clients
            .broadcast(&Outgoing::encode(self.core(), &message)?))
    }

    /// Everyone in a room.
    #[must_use]
    pub fn room(&self, name: &str) -> Room {
        Room {
            core: Arc::clone(self.core()),
            name: name.into(),
        }
    }

    /// Whether it takes new connections: false once [`Engine::shutdown`] began.
    #[must_use]
    pub fn ready(&self) -> bool {
        !self.core().draining()
    }

    /// Shuts down: new connections and requests are refused, every client is told by `connection:closing`, requests
    /// in flight may end until `deadline`, then everything queued is written and connections close with 1001.
    ///
    /// Returns when the last connection is gone, at the latest a second after the deadline. Returns whether everything ended in time.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let ended = self.end_connections(deadline).await;
        #[cfg(feature = "store")]
        self.close_store().await;
        ended
    }

    async fn end_connections(&self, deadline: Duration) -> bool {
        let core = self.core();
        core.draining.store(true, Ordering::Release);
        core.tasks.close();
        core.access.closing.cancel();
        // Each connection's task says goodbye itself: one that connects just now does, too.
        core.clients.for_each(|link| link.outbox.wake());
        if tokio::time::timeout(deadline, core.tasks.wait()).await.is_ok() {
            return true;
        }
        core.clients
            .for_each(|link| link.outbox.close(CloseCode::GoingAway));
        core.stop.cancel();
        // What is queued may take a moment to be written; a peer that does not read gets no more than that.
        let _late = tokio::time::timeout(Duration::from_secs(1), core.tasks.wait()).await;
        false
    }

    /// Has the sessions of an earlier process wait for their clients, the longest gone first.
    #[cfg(feature = "store")]
    fn restore(&self, mut saved: Vec<Saved>) {
        saved.sort_by_key(|saved| std::cmp::Reverse(saved.waited));
        let core = self.core();
        let (found, mut waiting) = (saved.len(), 0);
        for saved in saved {
            if let Some(driver) = Driver::restore(Arc::clone(&self.shared), saved) {
                waiting += 1;
                core.tasks.spawn(driver.run());
            }
        }
        if found > 0 {
            tracing::info!("{waiting} of {found} sessions of an earlier process wait for their clients");
        }
    }

    /// Has everything that was recorded written to the disk.
    #[cfg(feature = "store")]
    async fn close_store(&self) {
        let core = self.core();
        if let Some(journal) = &core.journal {
            journal.close();
        }
        let closed = core
            .store_closed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(closed) = closed {
            // One that failed has told the log.
            let _failed = closed.await;
        }
    }
}

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

    /// Changes how it behaves.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Clients must show credentials that this accepts; see [`Admission::anonymous`] for an exception. Without one,
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

    /// Called when a client is gone, whatever the way. Its requests in flight were dropped before.
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
        let table = Table::new(&self.protocol, &self.settings, self.routes);
        let core = Core {
            initial_state: table.initial_state(),
            access: Access::new(
                self.authenticator,
                &self.settings.admission,
                self.settings.connections,
            ),
            protocol: self.protocol,
            settings: self.settings,
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
