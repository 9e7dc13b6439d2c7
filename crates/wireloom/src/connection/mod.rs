//! One client's conversation: takes frames, calls handlers, keeps what is in flight. Knows nothing of sockets.
//!
//! A transport drives it from a single task: [`Connection::take`] for each frame, [`Connection::poll`] whenever the
//! task wakes, and whatever stands in the outbox is written. The conversation of a session that can be resumed outlives
//! its transports: between two of them it is [`Connection::park`]ed.

mod admission;
mod dispatch;
mod engine_tasks;
mod outcome;
mod requests;
#[cfg(feature = "store")]
mod restore;

use std::collections::BTreeMap;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use compact_str::CompactString;
use futures_util::future::{AbortHandle, Abortable, Aborted, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::admission::{Limiter, TaskClock, limiter};
use self::dispatch::Refused;
pub(crate) use self::requests::Answer;
use self::requests::{ANY, Done, HOOK, InFlight, Request, Running, Waiting, panicked};
use crate::auth::badge::{self, Badge, Guest};
use crate::clients::Link;
use crate::close::CloseCode;
use crate::engine::{Core, Settings, Shared};
use crate::envelope;
use crate::handler::{Ctx, Finished, Seat, Work, answering};
use crate::json::{Encode, Writer};
use crate::message::{Message, ServerMessage};
use crate::messages::{
    ConnectionEstablished, ConnectionEstablishedLimits, ConnectionEstablishedProtocol, ConnectionResumed,
};
use crate::outbox::{Class, Numbering};
use crate::protocol::OnDisconnect;
use crate::replay::Asked;
use crate::session::{Claim, Claimed, Session};
use crate::table::quota;

/// A conversation.
pub(crate) struct Connection<S> {
    seat: Arc<Seat<S>>,
    shared: Arc<Shared<S>>,
    link: Arc<Link>,
    in_flight: FuturesUnordered<Abortable<Running>>,
    /// Requests that run when it is written down that they do. In order.
    gate: VecDeque<Waiting>,
    /// What is known of the requests in flight.
    known: Vec<InFlight>,
    /// Requests that went on beside others so far.
    started: u64,
    limiter: Option<Limiter>,
    /// Limiters of message types that have their own, by index of the type.
    own_limiters: Vec<(usize, Limiter)>,
    /// Index of the type of the message before: the next one is likely to be of the same.
    latest: usize,
    violations: u32,
    strikes: u32,
    opened: Instant,
    /// When the task woke: one look at the clock for all that is there by then.
    now: Instant,
    /// How many messages of a type were answered since, and are not counted yet.
    answered: (usize, usize),
    clock: TaskClock,
    /// Whether the application's connect hook is at work: no frame is taken before it has ended.
    connecting: Arc<AtomicBool>,
    /// Whether nothing was asked for yet: only then may the client resume another session.
    fresh: bool,
    /// The session that the client has shown to be its own. The driver hands the socket over.
    claim: Option<Claim>,
    /// Whether the client may not have its newest token yet.
    unconfirmed: bool,
    /// Requests from before the last resume, with their hashes: the client says them again.
    earlier: Option<HashMap<CompactString, u64>>,
    /// Until when those are looked at.
    earlier_until: Instant,
    /// Requests that ended without an answer, oldest first, and when: the client may not know it, and say them again.
    silent: VecDeque<(Asked, Instant)>,
    /// Whether the client was told that the server shuts down.
    warned: bool,
    closed: bool,
    /// Whether its session goes on in the server's next process.
    survives: bool,
}

impl<S: Send + Sync + 'static> Connection<S> {
    /// Opens a conversation and greets the client; `resumable` where the client may come back for it.
    pub(crate) fn open(shared: Arc<Shared<S>>, guest: Guest, resumable: bool) -> Self {
        let core = &shared.core;
        let badge = Badge::new(guest.peer, guest.identity);
        let link = Arc::new(Link::new(Arc::clone(core), badge, resumable));
        badge::watch_expiry(&link);
        core.sessions.add(&link);
        core.metrics.opened.increment(1);
        tracing::info!("Client connected: {}", link.id);
        let mut connection = Self::on(shared, link);
        connection.greet();
        if let Some(correlation_id) = guest.by_message
            && let Some(identity) = connection.link.badge.identity()
        {
            let authenticated = badge::authenticated(&identity);
            connection.tell(&authenticated, correlation_id.as_deref());
        }
        // Known to others from here on: nothing of theirs comes in front of the greeting.
        connection.core().clients.add(&connection.link);
        connection.call_connect_hook();
        connection
    }

    /// A conversation in which nothing was said yet.
    fn on(shared: Arc<Shared<S>>, link: Arc<Link>) -> Self {
        let settings = &shared.core.settings;
        let clock = TaskClock::default();
        let limiter = settings
            .rate
            .and_then(|rate| quota(rate, settings.burst))
            .map(|quota| limiter(quota, &clock));
        let now = Instant::now();
        let seat = Arc::new(Seat {
            shared: Arc::clone(&shared),
            link: Arc::clone(&link),
        });
        Self {
            seat,
            link,
            in_flight: FuturesUnordered::new(),
            gate: VecDeque::new(),
            known: Vec::new(),
            started: 0,
            limiter,
            own_limiters: Vec::new(),
            latest: 0,
            violations: 0,
            strikes: 0,
            opened: now,
            now,
            answered: (0, 0),
            clock,
            connecting: Arc::default(),
            fresh: true,
            claim: None,
            unconfirmed: false,
            earlier: None,
            earlier_until: now,
            silent: VecDeque::new(),
            warned: false,
            closed: false,
            survives: false,
            shared,
        }
    }

    fn call_connect_hook(&mut self) {
        if self.shared.on_connect.is_none() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let context = self.context(None);
        let hook = async move {
            if let Some(hook) = &shared.on_connect {
                hook(context).await;
            }
        };
        let hook = AssertUnwindSafe(hook).catch_unwind();
        let connecting = Arc::clone(&self.connecting);
        connecting.store(true, Ordering::Relaxed);
        let work = answering(hook, move |ended, _| {
            connecting.store(false, Ordering::Relaxed);
            match ended {
                Ok(()) => Finished::nothing(),
                Err(panic) => Finished::rejected(panicked(&*panic), None),
            }
        });
        self.push(work, self.request(HOOK, None), None);
    }

    fn core(&self) -> &Core {
        &self.shared.core
    }

    /// How the engine behaves.
    pub(crate) fn settings(&self) -> &Settings {
        &self.core().settings
    }

    /// What others send by.
    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    fn context(&self, correlation_id: Option<CompactString>) -> Ctx<S> {
        Ctx {
            seat: Arc::clone(&self.seat),
            correlation_id,
        }
    }

    fn greet(&self) {
        #[cfg(feature = "echo")]
        if self.core().echo {
            return;
        }
        let Core {
            protocol, settings, ..
        } = self.core();
        let unsigned = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        fn some<T>(map: BTreeMap<String, T>) -> Option<BTreeMap<String, T>> {
            (!map.is_empty()).then_some(map)
        }
        let greeting = ConnectionEstablished {
            client_id: self.link.id.to_string(),
            resume_token: self.link.session.as_ref().and_then(Session::token),
            protocol: ConnectionEstablishedProtocol {
                name: protocol.info.name.clone(),
                version: protocol.info.version.clone(),
                hash: protocol.hash.clone(),
                answers: some(protocol.answers()),
                extra: Default::default(),
            },
            heartbeat_ms: u64::try_from(settings.heartbeat_interval.as_millis()).unwrap_or(u64::MAX),
            limits: ConnectionEstablishedLimits {
                message_bytes: unsigned(settings.message_bytes),
                depth: u64::from(settings.depth),
                in_flight: unsigned(settings.in_flight),
                type_bytes: some(protocol.type_bytes(settings.message_bytes)),
                extra: Default::default(),
            },
            extra: Default::default(),
        };
        self.tell(&greeting, None);
    }

    /// Puts a message of the engine into the outbox.
    fn tell<M: ServerMessage>(&self, message: &M, correlation_id: Option<&str>) {
        let payload = |out: &mut Writer| message.encode(out);
        let name = <M as Message>::TYPE;
        self.queue_here(envelope::frame(name, payload, self.link.now_ms(), correlation_id).keep());
    }

    /// Puts an answer into the outbox.
    pub(crate) fn queue(&self, answer: Option<Answer>) {
        if let Some(Answer { text, numbering }) = answer {
            // When it is closed, the transport is about to notice.
            let _closed = self
                .link
                .outbox
                .put_quietly(text.keep(), Class::Answer, numbering);
        }
    }

    /// Puts a text into the outbox that concerns this connection only.
    pub(crate) fn queue_here(&self, text: Utf8Bytes) {
        let _closed = self.link.outbox.put_quietly(text, Class::Answer, Numbering::None);
    }

    /// Says that the task woke: what is taken and answered from now on is so at this time.
    pub(crate) fn wake(&mut self) {
        self.count_answered();
        self.now = Instant::now();
        let since = self.now.duration_since(self.opened).as_nanos();
        self.clock.set(u64::try_from(since).unwrap_or(u64::MAX));
        self.link.now_ms.store(envelope::now_ms(), Ordering::Relaxed);
    }

    /// When the task woke.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Whether more frames should be taken now: not before the connect hook has ended, not while answers pile up, not
    /// behind a request that has yet to run and may lead to another state, by which they are judged.
    pub(crate) fn wants_frames(&self) -> bool {
        !self.connecting()
            && !self.link.outbox.crowded()
            && self.gate.back().is_none_or(|last| !last.leads_on)
    }

    /// Whether the connect hook is still at work, or credentials are being judged.
    pub(crate) fn connecting(&self) -> bool {
        self.connecting.load(Ordering::Relaxed) || self.link.badge.judging()
    }

    /// Whether nothing is in flight.
    pub(crate) fn idle(&self) -> bool {
        self.in_flight.is_empty() && self.gate.is_empty()
    }

    /// Whether nothing is left to be done before a shutdown, the client's warning included.
    pub(crate) fn drained(&self) -> bool {
        self.warned && self.idle()
    }

    /// The session that the client asked for on this connection, and has the right to.
    pub(crate) fn claimed(&mut self) -> Option<Claim> {
        self.claim.take()
    }

    /// Whether the session outlives a connection that ends with this code; `None` for one that was lost.
    pub(crate) fn parks(&self, code: Option<CloseCode>) -> bool {
        // What is at work for a client that is gone may end, where the session goes on in the next process.
        let goes_on = !self.core().draining() || (code.is_none() && self.link.journal().is_some());
        self.link.session.is_some() && goes_on && code.is_none_or(CloseCode::parks)
    }

    /// Has its session go on in the server's next process, where one that ends with this code does; `None` where there
    /// is no connection. Whether it does.
    pub(crate) fn survive(&mut self, code: Option<CloseCode>) -> bool {
        self.survives =
            self.link.journal().is_some() && self.core().draining() && code.is_none_or(CloseCode::parks);
        self.survives
    }

    /// Whether its session goes on in the server's next process.
    pub(crate) fn survives(&self) -> bool {
        self.survives
    }

    /// Goes on without a client: what is sent to it is kept. Requests that end with the connection are cancelled.
    pub(crate) fn park(&mut self) {
        let shared = Arc::clone(&self.shared);
        let stays = |request: &InFlight| {
            let entry = shared.table.entry(request.request.entry);
            entry.is_none_or(|entry| entry.on_disconnect == OnDisconnect::Detach)
        };
        let (stay, go): (Vec<_>, Vec<_>) = self.known.drain(..).partition(stays);
        self.known = stay;
        for cancelled in go {
            let finished = cancelled.abort();
            self.finish(finished, cancelled.request);
        }
        self.core().sessions.park(&self.link);
        self.measure_parked();
    }

    /// Shows how many sessions wait for their clients, and what is kept for them.
    pub(crate) fn measure_parked(&self) {
        let core = self.core();
        let (sessions, bytes) = core.sessions.waiting();
        core.metrics.parked.set(sessions as f64);
        core.metrics.parked_bytes.set(bytes as f64);
    }

    /// Goes on with a client that is back. Returns what is to be written before anything else.
    pub(crate) fn attach(&mut self, claimed: Claimed) -> VecDeque<Utf8Bytes> {
        if let Some(session) = &self.link.session {
            self.core().sessions.unpark(session);
        }
        self.link.record();
        self.measure_parked();
        let (mut missed, mut earlier) = self.link.outbox.attach();
        for InFlight { request, .. } in &self.known {
            if let Some(id) = &request.correlation_id {
                earlier.insert(id.clone(), request.hash);
            }
        }
        for (asked, _) in &self.silent {
            earlier.insert(asked.correlation_id.clone(), asked.hash);
        }
        self.earlier = (!earlier.is_empty()).then_some(earlier);
        self.earlier_until = self.now + self.settings().resume_window;
        self.unconfirmed = true;
        self.fresh = false;
        self.violations = 0;
        let resumed = ConnectionResumed {
            client_id: self.link.id.to_string(),
            resumed: true,
            reason: None,
            replayed: missed.len() as u64,
            resume_token: Some(claimed.token),
            extra: Default::default(),
        };
        let name = <ConnectionResumed as Message>::TYPE;
        let id = claimed.correlation_id.as_deref();
        let resumed = envelope::frame(name, |out| resumed.encode(out), self.link.now_ms(), id);
        missed.push_front(resumed.keep());
        missed
    }

    /// Has a request go on beside others.
    fn push(&mut self, work: Work, request: Request, timeout: Option<Duration>) {
        let running = self.know(work, request, timeout);
        self.in_flight.push(running);
    }

    /// Makes a request known as one in flight.
    fn know(&mut self, work: Work, request: Request, timeout: Option<Duration>) -> Abortable<Running> {
        let (handle, registration) = AbortHandle::new_pair();
        self.started += 1;
        let running = Running {
            work,
            link: Arc::clone(&self.link),
            deadline: timeout.map(|timeout| Box::pin(tokio::time::sleep(timeout))),
            request: request.clone(),
            number: self.started,
        };
        self.known.push(InFlight {
            request,
            number: self.started,
            handle,
        });
        Abortable::new(running, registration)
    }

    /// Goes on with what is in flight. Whether there may be more to do, since anything ended, or runs now.
    ///
    /// What ends while answers pile up is left for later: a client that reads is not cut off for many large answers.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut went_on = false;
        if self.core().draining() && !self.warned {
            self.warned = true;
            self.queue_here(self.core().farewell());
        }
        while let Some(first) = self.gate.front()
            && !self.link.outbox.crowded()
            && self
                .link
                .journal()
                .is_none_or(|journal| journal.is_written(first.ticket, cx))
            && let Some(Waiting {
                mut running,
                leads_on,
                ..
            }) = self.gate.pop_front()
        {
            // Frames that wait behind it may be taken now.
            went_on |= leads_on;
            match Pin::new(&mut running).poll(cx) {
                Poll::Ready(done) => {
                    went_on = true;
                    self.done(done);
                }
                Poll::Pending => self.in_flight.push(running),
            }
        }
        while !self.in_flight.is_empty()
            && !self.link.outbox.crowded()
            && let Poll::Ready(Some(done)) = self.in_flight.poll_next_unpin(cx)
        {
            went_on = true;
            self.done(done);
        }
        self.count_answered();
        went_on
    }

    /// Answers a request that was in flight. One that was aborted was answered when it was cancelled.
    fn done(&mut self, done: Result<Done, Aborted>) {
        if let Ok(Done {
            finished,
            request,
            number,
        }) = done
        {
            self.known.retain(|known| known.number != number);
            self.finish(finished, request);
        }
    }

    /// A message that was admitted just now.
    fn request(&self, entry: usize, correlation_id: Option<&str>) -> Request {
        Request {
            entry,
            correlation_id: correlation_id.map(CompactString::from),
            hash: ANY,
            started: self.now,
        }
    }

    /// Drops what is in flight and takes no more messages for the client; what waits may still be written.
    pub(crate) fn end(&mut self, code: CloseCode) {
        self.count_answered();
        self.gate.clear();
        self.in_flight.clear();
        self.known.clear();
        self.link.outbox.close(code);
    }

    /// Ends the conversation, forgets the client and runs the application's hook.
    pub(crate) async fn close(mut self) {
        self.end(CloseCode::Normal);
        self.closed = true;
        if let Some(hook) = &self.shared.on_disconnect {
            hook(self.context(None)).await;
        }
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.gate.clear();
        self.in_flight.clear();
        self.link.outbox.close(CloseCode::Normal);
        if !self.closed
            && let Some(hook) = &self.shared.on_disconnect
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // Dropped in the middle of something: the application hears of it all the same.
            let cx = Ctx {
                seat: Arc::clone(&self.seat),
                correlation_id: None,
            };
            runtime.spawn(self.shared.core.tasks.track_future(hook(cx)));
        }
        let core = &self.shared.core;
        if self.survives {
            // What still waits is numbered and written down.
            core.sessions.leave(&self.link);
        } else {
            core.sessions.remove(&self.link);
        }
        core.clients.remove(&self.link);
        tracing::info!("Client disconnected: {}", self.link.id);
    }
}
