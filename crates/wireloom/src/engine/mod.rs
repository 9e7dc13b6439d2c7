//! The engine: a protocol, its handlers and everyone who is connected, built once and shared by all connections.

mod builder;
mod settings;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(feature = "store")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "store")]
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::builder::Builder;
pub(crate) use self::settings::FAR;
pub use self::settings::Settings;
use crate::auth::access::Access;
use crate::clients::{Client, ClientId, Clients, Outgoing, Room, SendError};
use crate::close::CloseCode;
#[cfg(feature = "store")]
use crate::driver::Driver;
use crate::envelope;
use crate::handler::Ctx;
use crate::journal::Journal;
use crate::json::{Encode, Writer};
use crate::message::{Message, ServerMessage};
use crate::messages::ConnectionClosing;
use crate::metrics::Metrics;
use crate::protocol::Protocol;
use crate::session::Sessions;
#[cfg(feature = "store")]
use crate::store::records::Saved;
use crate::table::Table;

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
        envelope::frame(ConnectionClosing::TYPE, payload, envelope::now_ms(), None).keep()
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

    /// A client, connected or away with a session that waits for it; `None` if there is none of this identity.
    #[must_use]
    pub fn client(&self, id: impl AsRef<str>) -> Option<Client> {
        self.core().clients.get(id.as_ref())
    }

    /// Every client, earliest first, with those that are away: [`Client::is_connected`] tells them apart.
    #[must_use]
    pub fn clients(&self) -> Vec<ClientId> {
        self.core().clients.ids()
    }

    /// How many connections there are.
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
