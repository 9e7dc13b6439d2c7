//! Sessions that outlive their connections: who may take one up again, and how a socket gets to the task of the session.
//!
//! A session has one task for all its life. A connection that asks to resume proves by its token which session it means;
//! its socket is then handed to that session's task, and nothing of the session ever moves.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use compact_str::CompactString;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clients::Link;
use crate::close::CloseCode;
use crate::driver::{self, Line};
use crate::engine::Settings;
#[cfg(feature = "store")]
use crate::journal::Clock;
use crate::messages::ConnectionResumedReason as Reason;
use crate::replay::{Bounds, Replay};
#[cfg(feature = "store")]
use crate::store::records::{Right, Saved};

/// Names of sessions that are over, so that their clients are told `expired` and not `unknown`.
const REMEMBERED: usize = 10_000;

/// Bytes of a session's name, and of what proves the right to it, in a token.
const KEY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;

/// What proves the right to a session: 256 bits of the system's random source.
#[derive(Clone, PartialEq, Eq)]
enum Secret {
    Known([u8; SECRET_BYTES]),
    /// Of one that an earlier process has given out.
    #[cfg_attr(not(feature = "store"), expect(dead_code, reason = "comes from the store"))]
    Digest([u8; SECRET_BYTES]),
}

impl Secret {
    fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self::Known(bytes))
    }

    /// Compared in constant time.
    fn is(&self, other: &[u8]) -> bool {
        match self {
            Self::Known(bytes) => bytes.ct_eq(other).into(),
            Self::Digest(digest) => digest.ct_eq(Sha256::digest(other).as_slice()).into(),
        }
    }

    /// What may be written down of it.
    #[cfg_attr(not(feature = "store"), expect(dead_code, reason = "goes to the store"))]
    fn digest(&self) -> [u8; SECRET_BYTES] {
        match self {
            Self::Known(bytes) => Sha256::digest(bytes).into(),
            Self::Digest(digest) => *digest,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A session that can be taken up again, as its link holds it.
#[derive(Debug)]
pub(crate) struct Session {
    key: u128,
    state: Mutex<State>,
    /// Whether a socket waits to be taken over. Read by the session's task at each turn.
    called: AtomicBool,
}

#[derive(Debug)]
struct State {
    secret: Secret,
    /// The secret that the client came with last, until it is known to have the newer one.
    previous: Option<Secret>,
    /// Number among the parked, and since when it is, while it is.
    parked: Option<(u64, Instant)>,
    /// Whether a socket is on its way.
    claimed: bool,
    /// Whether it has ended, or must.
    over: bool,
    handover: Option<Box<Handover>>,
}

/// A socket whose client has shown the session's token.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) line: Line,
    pub(crate) claim: Claimed,
    /// The short-lived client that the socket was for, and whose credentials count from now on.
    pub(crate) from: Arc<Link>,
}

/// What the new connection is told when it has the session.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) token: String,
    pub(crate) correlation_id: Option<CompactString>,
}

/// The right to a session, won with its token.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) link: Arc<Link>,
    pub(crate) claimed: Claimed,
}

impl Session {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new(key: u128, secret: Secret) -> Self {
        Self {
            key,
            state: Mutex::new(State {
                secret,
                previous: None,
                parked: None,
                claimed: false,
                over: false,
                handover: None,
            }),
            called: AtomicBool::new(false),
        }
    }

    /// Its name in the store.
    pub(crate) fn key(&self) -> u128 {
        self.key
    }

    /// The token of its client; `None` while only an earlier process has known it.
    pub(crate) fn token(&self) -> Option<String> {
        token(self.key, &self.state().secret)
    }

    /// Whether it has ended, or must.
    pub(crate) fn is_over(&self) -> bool {
        self.state().over
    }

    /// The client has shown that it got its token: the one before is worth nothing any more.
    pub(crate) fn confirm(&self) {
        self.state().previous = None;
    }

    /// Whether a socket waits, or the session must end.
    pub(crate) fn called(&self) -> bool {
        self.called.load(Ordering::Acquire)
    }

    /// The socket that waits.
    pub(crate) fn taken_over(&self) -> Option<Box<Handover>> {
        let mut state = self.state();
        let handover = state.handover.take();
        if handover.is_some() {
            state.claimed = false;
            self.called.store(state.over, Ordering::Release);
        }
        handover
    }

    /// Ends it: nobody takes it up again from here on. Returns the socket that waits already.
    pub(crate) fn end(&self) -> Option<Box<Handover>> {
        let mut state = self.state();
        state.over = true;
        state.handover.take()
    }

    /// Ends it, unless a socket is on its way.
    pub(crate) fn expire(&self) -> bool {
        let mut state = self.state();
        state.over |= !state.claimed;
        state.over
    }
}

fn token(key: u128, secret: &Secret) -> Option<String> {
    let Secret::Known(secret) = secret else {
        return None;
    };
    let mut bytes = [0; KEY_BYTES + SECRET_BYTES];
    let (front, back) = bytes.split_at_mut(KEY_BYTES);
    front.copy_from_slice(&key.to_be_bytes());
    back.copy_from_slice(secret);
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

impl Handover {
    /// Closes the socket with a code.
    pub(crate) fn turn_away(self, code: CloseCode) {
        let core = Arc::clone(&self.from.core);
        let tasks = core.tasks.clone();
        tasks.spawn(async move {
            driver::in_time(&core, driver::close(self.line.socket, code)).await;
        });
    }
}

impl Claim {
    /// Hands the socket to the session's task.
    pub(crate) fn hand_over(self, line: Line, from: Arc<Link>) {
        let Self { link, claimed: claim } = self;
        if let Some(session) = &link.session {
            let handover = Box::new(Handover { line, claim, from });
            let (turned_away, code) = {
                let mut state = session.state();
                if state.over {
                    // It ended meanwhile, as its client is told when it asks again.
                    (Some(handover), CloseCode::Timeout)
                } else {
                    // Two came before the session's task looked: the newest has it.
                    (state.handover.replace(handover), CloseCode::TakenOver)
                }
            };
            session.called.store(true, Ordering::Release);
            if let Some(turned_away) = turned_away {
                turned_away.turn_away(code);
            }
        }
        link.outbox.wake();
    }
}

/// Every session that can be taken up again.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    known: Mutex<Known>,
    /// Bytes that are kept for clients that are not there.
    pub(crate) parked_bytes: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Known {
    links: HashMap<u128, Arc<Link>>,
    /// Those whose client is not there, longest gone first.
    parked: BTreeMap<u64, Arc<Link>>,
    next: u64,
    over: HashSet<u128>,
    over_in_order: VecDeque<u128>,
}

impl Known {
    /// Remembers that a session is over.
    fn remember(&mut self, key: u128) {
        if self.over.insert(key) {
            self.over_in_order.push_back(key);
            if self.over_in_order.len() > REMEMBERED
                && let Some(oldest) = self.over_in_order.pop_front()
            {
                self.over.remove(&oldest);
            }
        }
    }
}

impl Sessions {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new session; none where sessions are off, or the system has no random numbers.
    pub(crate) fn session(settings: &Settings) -> Option<Session> {
        if settings.resume_window.is_zero() || settings.resume_messages == 0 {
            return None;
        }
        let secret = Secret::new()
            .map_err(|error| tracing::error!("no random numbers, so no session can be resumed: {error}"))
            .ok()?;
        Some(Session::new(uuid::Uuid::new_v4().as_u128(), secret))
    }

    /// Has it found by its token.
    pub(crate) fn add(&self, link: &Arc<Link>) {
        if link.session.is_some() {
            let replay = Replay::new(Bounds::of(&link.core.settings));
            self.keep(link, replay);
            link.record();
        }
    }

    fn keep(&self, link: &Arc<Link>, replay: Replay) {
        if let Some(session) = &link.session {
            let total = Arc::clone(&self.parked_bytes);
            link.outbox.keep(replay, total, link.recorder());
            self.known().links.insert(session.key, Arc::clone(link));
        }
    }

    /// Claims the session of a token for `from`, the client of a new connection, which has everything up to `seq`. The
    /// session's secret is changed.
    ///
    /// # Errors
    ///
    /// Says why the session cannot be taken up exactly where it was left.
    pub(crate) fn claim(
        &self,
        from: &Link,
        text: &str,
        seq: u64,
        correlation_id: Option<CompactString>,
    ) -> Result<Claim, Reason> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Reason::Unknown)?;
        let (key, shown) = bytes
            .split_first_chunk::<KEY_BYTES>()
            .filter(|(_, secret)| secret.len() == SECRET_BYTES)
            .ok_or(Reason::Unknown)?;
        let key = u128::from_be_bytes(*key);
        let link = {
            let known = self.known();
            match known.links.get(&key) {
                Some(link) => Arc::clone(link),
                // Its token cannot be checked any more; who knows the name had it.
                None if known.over.contains(&key) => return Err(Reason::Expired),
                None => return Err(Reason::Unknown),
            }
        };
        let session = link.session.as_ref().ok_or(Reason::Unknown)?;
        let mut state = session.state();
        // Both are compared whatever the first says.
        let current = state.secret.is(shown);
        let previous = state.previous.as_ref().is_some_and(|secret| secret.is(shown));
        // Whoever has stolen a token is somebody else.
        if !(current || previous) || !link.badge.is_like(&from.badge) {
            return Err(Reason::Unknown);
        }
        if state.over {
            return Err(Reason::Expired);
        }
        if !link.outbox.pin(seq) {
            // Its client begins anew: nobody can take it up exactly any more.
            state.over = true;
            session.called.store(true, Ordering::Release);
            link.outbox.wake();
            return Err(Reason::Gap);
        }
        let fresh = Secret::new().map_err(|error| {
            tracing::error!("no random numbers, so no session can be resumed: {error}");
            Reason::Unsupported
        })?;
        let shown = if current {
            std::mem::replace(&mut state.secret, fresh)
        } else {
            // The token before was lost on its way: nobody has it.
            state.secret = fresh;
            state.previous.take().ok_or(Reason::Unknown)?
        };
        state.previous = Some(shown);
        state.claimed = true;
        let claimed = Claimed {
            token: token(key, &state.secret).ok_or(Reason::Unsupported)?,
            correlation_id,
        };
        drop(state);
        link.record();
        Ok(Claim { link, claimed })
    }

    /// The client is gone, the session stays. The longest gone end where too many or too many bytes are kept.
    pub(crate) fn park(&self, link: &Arc<Link>) {
        link.outbox.park();
        let Some(session) = &link.session else { return };
        {
            let mut known = self.known();
            known.next += 1;
            let number = known.next;
            known.parked.insert(number, Arc::clone(link));
            let mut state = session.state();
            // One that waited already when the server was started again has waited since then.
            let since = state.parked.map_or_else(Instant::now, |(_, since)| since);
            state.parked = Some((number, since));
        }
        link.record();
        self.keep_bounds(&link.core.settings);
    }

    /// Has the longest gone end while more bytes are kept than may be. Costs nothing while they are not.
    pub(crate) fn keep_bytes(&self, settings: &Settings) {
        if self.parked_bytes.load(Ordering::Relaxed) > settings.parked_bytes {
            self.keep_bounds(settings);
        }
    }

    /// Has the longest gone end until what is kept is within its bounds.
    fn keep_bounds(&self, settings: &Settings) {
        loop {
            let oldest = {
                let mut known = self.known();
                let bytes = self.parked_bytes.load(Ordering::Relaxed);
                if known.parked.len() <= settings.parked_sessions && bytes <= settings.parked_bytes {
                    return;
                }
                known.parked.pop_first()
            };
            // One that is claimed just now is on its way back: the next one goes instead.
            let Some((_, oldest)) = oldest else { return };
            if let Some(session) = &oldest.session
                && session.expire()
            {
                // Its task may take a moment to end: what it kept counts no more from here on.
                oldest.outbox.forget();
                session.called.store(true, Ordering::Release);
                oldest.outbox.wake();
            }
        }
    }

    /// How many sessions wait for their clients, and the bytes that are kept for them.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let sessions = self.known().parked.len();
        (sessions, self.parked_bytes.load(Ordering::Relaxed))
    }

    /// The client is back.
    pub(crate) fn unpark(&self, session: &Session) {
        let parked = session.state().parked.take();
        if let Some((number, _)) = parked {
            self.known().parked.remove(&number);
        }
    }

    /// The session goes on in the server's next process.
    pub(crate) fn leave(&self, link: &Arc<Link>) {
        self.park(link);
        let Some(session) = &link.session else { return };
        let parked = session.state().parked;
        let mut known = self.known();
        known.links.remove(&session.key);
        if let Some((number, _)) = parked {
            known.parked.remove(&number);
        }
    }

    /// The session has ended.
    pub(crate) fn remove(&self, link: &Link) {
        let Some(session) = &link.session else { return };
        session.state().over = true;
        self.unpark(session);
        // Nothing is kept for it any more: who still sends to it is told that it is gone.
        link.outbox.forget();
        let mut known = self.known();
        if known.links.remove(&session.key).is_some() {
            known.remember(session.key);
            if let Some(recorder) = link.recorder() {
                recorder.over();
            }
        }
    }
}

#[cfg(feature = "store")]
impl Session {
    /// Who may take it up, and until when; `None` when it is over.
    pub(crate) fn right(&self, clock: &Clock) -> Option<Right> {
        let state = self.state();
        (!state.over).then(|| Right {
            secret: state.secret.digest(),
            previous: state.previous.as_ref().map(Secret::digest),
            parked_at: state.parked.map(|(_, since)| clock.at(since)),
        })
    }

    /// One of an earlier process, whose client is not there.
    pub(crate) fn restored(saved: &Saved) -> Self {
        let session = Self::new(saved.key, Secret::Digest(saved.profile.right.secret));
        let mut state = session.state();
        state.previous = saved.profile.right.previous.map(Secret::Digest);
        let now = Instant::now();
        state.parked = Some((0, now.checked_sub(saved.waited).unwrap_or(now)));
        drop(state);
        session
    }
}

#[cfg(feature = "store")]
impl Sessions {
    /// Has one of an earlier process found by its token. It is to be parked next.
    pub(crate) fn restore(&self, link: &Arc<Link>, replay: Replay) {
        self.keep(link, replay);
    }

    /// A session ended while no process was there: its client is told so.
    pub(crate) fn expired(&self, key: u128) {
        self.known().remember(key);
    }
}
