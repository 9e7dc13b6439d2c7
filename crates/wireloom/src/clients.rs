//! Who is connected: handles to send by, and rooms to send to.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde_json::Value;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::auth::Identity;
use crate::auth::badge::Badge;
use crate::close::CloseCode;
use crate::engine::Core;
use crate::envelope;
#[cfg(feature = "store")]
use crate::journal::Clock;
use crate::journal::{Journal, Record, Recorder};
use crate::json::{Reader, Writer};
use crate::message::ServerMessage;
use crate::outbox::{Class, Numbering, Outbox, Put};
use crate::protocol::{Delivery, Overflow};
use crate::session::{Session, Sessions};
#[cfg(feature = "store")]
use crate::store::records::{Holder, Profile};

/// Identity of a client: unique in a server, given at connect, the reference's `client_...`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// A new one; later ones sort behind earlier ones.
    pub(crate) fn new() -> Self {
        Self(format!("client_{}", uuid::Uuid::now_v7().simple()).into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ClientId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// Why a message was not queued for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// The client is gone, or is being disconnected since it reads too slowly.
    Disconnected,
    /// The outbox is full and the message's `delivery` lets it be dropped; or the client is not there, its session is, and
    /// the message's `delivery` says that it is not resumable.
    Dropped,
    /// The message does not satisfy its own schema. Only found with [`crate::Settings::check_outbound`], and for
    /// messages that are JSON values.
    Invalid(Cow<'static, str>),
    /// The protocol has no message of this type that the server sends. Only for messages that are JSON values.
    NotSent(String),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("the client is disconnected"),
            Self::Dropped => f.write_str("the client's outbox is full, the message was dropped"),
            Self::Invalid(name) => write!(f, "a {name} does not satisfy its own schema"),
            Self::NotSent(name) => write!(f, "\"{name}\" is not a message that the server sends"),
        }
    }
}

impl std::error::Error for SendError {}

/// One connection, as everyone else sees it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: ClientId,
    pub(crate) outbox: Outbox,
    pub(crate) core: Arc<Core>,
    /// What it takes to come back for it, if its client can.
    pub(crate) session: Option<Session>,
    /// Who it is.
    pub(crate) badge: Badge,
    /// Index of the session's state; see [`crate::engine::Core`].
    pub(crate) state: AtomicUsize,
    /// Milliseconds since the epoch when its task last woke: what its replies are stamped with.
    pub(crate) now_ms: AtomicU64,
    /// The rooms it is in. Locked before [`Clients::rooms`], never behind it.
    rooms: Mutex<Membership>,
}

#[derive(Debug, Default)]
struct Membership {
    rooms: BTreeSet<Box<str>>,
    gone: bool,
}

impl Link {
    pub(crate) fn new(core: Arc<Core>, badge: Badge, resumable: bool) -> Self {
        let session = resumable.then(|| Sessions::session(&core.settings)).flatten();
        Self {
            session,
            id: ClientId::new(),
            badge,
            outbox: Outbox::new(core.settings.outbox_bytes),
            state: AtomicUsize::new(core.initial_state),
            now_ms: AtomicU64::new(envelope::now_ms()),
            rooms: Mutex::default(),
            core,
        }
    }
}

impl Link {
    /// Where its session is written down, if it outlives the server.
    pub(crate) fn journal(&self) -> Option<&Arc<Journal>> {
        self.session.as_ref().and(self.core.journal.as_ref())
    }

    /// By which its session's messages and requests are written down, if it outlives the server.
    pub(crate) fn recorder(&self) -> Option<Recorder> {
        Some(Recorder {
            session: self.session.as_ref()?.key(),
            journal: Arc::clone(self.core.journal.as_ref()?),
        })
    }

    /// Has it written down how the session is.
    pub(crate) fn record(self: &Arc<Self>) {
        if let Some(journal) = self.journal() {
            journal.record(Record::Session(Arc::clone(self)));
        }
    }

    /// Milliseconds since the epoch, as of when its task last woke.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }
}

#[cfg(feature = "store")]
impl Link {
    /// How its session is, and its name in the store; `None` when it is over.
    pub(crate) fn profile(&self, clock: &Clock) -> Option<(u128, Profile)> {
        let session = self.session.as_ref()?;
        let right = session.right(clock)?;
        let states = self.core.protocol.states.as_ref();
        let state = states.and_then(|machine| machine.states.get_index(self.state.load(Ordering::Relaxed)));
        let membership = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = Profile {
            client_id: self.id.to_string(),
            right,
            state: state.map(|(name, _)| name.clone()).unwrap_or_default(),
            rooms: membership.rooms.clone(),
            holder: self.badge.identity().map(|identity| Holder::of(&identity)),
        };
        Some((session.key(), profile))
    }
}

/// A client, to send to: connected, or away with a session that waits for it.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) link: Arc<Link>,
}

impl Client {
    /// Its identity.
    #[must_use]
    pub fn id(&self) -> &ClientId {
        &self.link.id
    }

    /// Who it is; `None` for one that showed no credentials.
    #[must_use]
    pub fn identity(&self) -> Option<Arc<Identity>> {
        self.link.badge.identity()
    }

    /// Whether it is connected. One that is not may come back within
    /// [`Settings::resume_window`](crate::Settings::resume_window), and what is sent to it is kept meanwhile; or it is gone
    /// for good.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.outbox.is_attached()
    }

    /// The rooms that it is in, sorted.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        let membership = self.link.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let rooms = membership.rooms.iter().filter(|_| !membership.gone);
        rooms.map(ToString::to_string).collect()
    }

    /// Queues a message.
    ///
    /// # Errors
    ///
    /// If the client is gone, or its outbox is full; see [`SendError`].
    pub fn send<M: ServerMessage>(&self, message: M) -> Result<(), SendError> {
        let frame = Outgoing::encode(&self.link.core, &message)?;
        frame.put(&self.link)
    }

    /// Has it disconnected, once everything queued is written; at once with [`CloseCode::Timeout`] and
    /// [`CloseCode::TooSlow`]. The code decides whether its session ends, too, or waits for it: see [`CloseCode::parks`].
    pub fn close(&self, code: CloseCode) {
        self.link.outbox.close(code);
    }

    /// Puts it into a room. It leaves its rooms when it is gone for good, not while its session waits for it.
    pub fn join(&self, room: &str) {
        let mut membership = self.link.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if !membership.gone && membership.rooms.insert(room.into()) {
            let mut rooms = self
                .link
                .core
                .clients
                .rooms
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            rooms
                .entry(room.into())
                .or_default()
                .insert(self.link.id.clone(), Arc::clone(&self.link));
            drop(rooms);
            drop(membership);
            self.link.record();
        }
    }

    /// Takes it out of a room.
    pub fn leave(&self, room: &str) {
        let mut membership = self.link.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if membership.rooms.remove(room) {
            self.link.core.clients.forget(room, &self.link.id);
            drop(membership);
            self.link.record();
        }
    }
}

/// Everyone who is in a room now.
#[derive(Debug, Clone)]
pub struct Room {
    pub(crate) core: Arc<Core>,
    pub(crate) name: Box<str>,
}

impl Room {
    /// Queues a message for everyone in the room; encoded once. Returns for how many.
    ///
    /// # Errors
    ///
    /// If the message does not satisfy its own schema. Slow clients are treated as the message's `delivery` says.
    pub fn send<M: ServerMessage>(&self, message: M) -> Result<usize, SendError> {
        let frame = Outgoing::encode(&self.core, &message)?;
        let rooms = self
            .core
            .clients
            .rooms
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(rooms
            .get(&self.name)
            .map_or(0, |members| frame.put_all(members.values())))
    }

    /// Who is in it, earliest client first, with those that are away: [`Client::is_connected`] tells them apart.
    #[must_use]
    pub fn members(&self) -> Vec<ClientId> {
        let rooms = self
            .core
            .clients
            .rooms
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        rooms
            .get(&self.name)
            .map(|members| members.keys().cloned().collect())
            .unwrap_or_default()
    }
}

/// Who is in a room, earliest client first.
type Members = BTreeMap<ClientId, Arc<Link>>;

/// All connections of an engine.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    links: RwLock<HashMap<ClientId, Arc<Link>>>,
    rooms: RwLock<HashMap<Box<str>, Members>>,
}

impl Clients {
    pub(crate) fn add(&self, link: &Arc<Link>) {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        links.insert(link.id.clone(), Arc::clone(link));
    }

    pub(crate) fn remove(&self, link: &Arc<Link>) {
        self.links
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&link.id);
        let mut membership = link.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        membership.gone = true;
        // What it was in stays known: it may still have to be written down.
        for room in &membership.rooms {
            self.forget(room, &link.id);
        }
    }

    fn forget(&self, room: &str, id: &ClientId) {
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(members) = rooms.get_mut(room) {
            members.remove(id);
            if members.is_empty() {
                rooms.remove(room);
            }
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Client> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.get(id).map(|link| Client {
            link: Arc::clone(link),
        })
    }

    pub(crate) fn ids(&self) -> Vec<ClientId> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        let mut ids: Vec<_> = links.keys().cloned().collect();
        ids.sort();
        ids
    }

    pub(crate) fn broadcast(&self, frame: &Outgoing) -> usize {
        frame.put_all(self.links.read().unwrap_or_else(PoisonError::into_inner).values())
    }

    pub(crate) fn for_each(&self, act: impl FnMut(&Arc<Link>)) {
        self.links
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .for_each(act);
    }
}

/// A message that was encoded once and may go to many.
#[derive(Debug)]
pub(crate) struct Outgoing {
    text: Utf8Bytes,
    class: Class,
    numbering: Numbering,
}

impl Outgoing {
    pub(crate) fn encode<M: ServerMessage>(core: &Core, message: &M) -> Result<Self, SendError> {
        if core.settings.check_outbound && !satisfies_schema::<M>(message) {
            tracing::error!(
                r#type = M::TYPE,
                "an outbound message does not satisfy its own schema; not sent"
            );
            return Err(SendError::Invalid(M::TYPE.into()));
        }
        let key = |pointer: Option<&str>| coalescing_key(message, pointer);
        let payload = |out: &mut Writer| message.encode(out);
        Ok(Self::new(core, Cow::Borrowed(M::TYPE), key, payload))
    }

    /// A message of a type that is known at run time only. `value` satisfies its schema.
    pub(crate) fn of_value(core: &Core, name: &str, value: &Value) -> Self {
        let key = |pointer: Option<&str>| key_of(value, pointer);
        Self::new(core, name.to_owned().into(), key, |out| out.value(value))
    }

    fn new(
        core: &Core,
        name: Cow<'static, str>,
        coalescing_key: impl FnOnce(Option<&str>) -> String,
        payload: impl FnOnce(&mut Writer),
    ) -> Self {
        let message = core.protocol.messages.get(&*name);
        let delivery = message.map(|message| &message.delivery);
        let text = envelope::frame(&name, payload, envelope::now_ms(), None).keep();
        let class = match delivery {
            Some(Delivery {
                overflow: Overflow::Drop,
                ..
            }) => Class::Drop,
            Some(Delivery {
                overflow: Overflow::Coalesce,
                key,
                ..
            }) => Class::Coalesce(Arc::new((name, coalescing_key(key.as_deref())))),
            _ => Class::Disconnect,
        };
        let numbering = match delivery {
            Some(Delivery { resumable: true, .. }) => Numbering::Numbered,
            _ => Numbering::None,
        };
        Self {
            text,
            class,
            numbering,
        }
    }

    pub(crate) fn put(&self, link: &Link) -> Result<(), SendError> {
        let put = link
            .outbox
            .put(self.text.clone(), self.class.clone(), self.numbering.clone());
        link.core.sessions.keep_bytes(&link.core.settings);
        match put {
            Put::Queued | Put::Replaced => {
                link.core.metrics.sent.increment(1);
                Ok(())
            }
            Put::Dropped => {
                link.core.metrics.dropped.increment(1);
                Err(SendError::Dropped)
            }
            Put::Closed => Err(SendError::Disconnected),
        }
    }

    fn put_all<'l>(&self, links: impl Iterator<Item = &'l Arc<Link>>) -> usize {
        links.filter(|link| self.put(link).is_ok()).count()
    }
}

/// The text that tells messages of one type apart when one may replace the other.
fn coalescing_key<M: ServerMessage>(message: &M, pointer: Option<&str>) -> String {
    let Some(pointer) = pointer else {
        return String::new();
    };
    let mut payload = Writer::default();
    message.encode(&mut payload);
    key_of(
        &serde_json::from_str(payload.as_str()).unwrap_or_default(),
        Some(pointer),
    )
}

fn key_of(payload: &Value, pointer: Option<&str>) -> String {
    let at = pointer.and_then(|pointer| payload.pointer(pointer));
    at.map(ToString::to_string).unwrap_or_default()
}

/// Whether what a message is written as can be read again: what is decoded satisfies its schema.
pub(crate) fn satisfies_schema<M: ServerMessage>(message: &M) -> bool {
    let mut payload = Writer::default();
    message.encode(&mut payload);
    let mut reader = Reader::new(payload.as_str(), u32::MAX);
    M::decode(&mut reader).is_ok()
}

/// Where an error came from, for the log.
pub(crate) fn outbound_failure(name: impl Into<Cow<'static, str>>) -> crate::reject::Internal {
    crate::reject::Internal::new(format!(
        "the message {} does not satisfy its own schema",
        name.into()
    ))
}
