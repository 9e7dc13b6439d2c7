//! One connection's conversation: takes frames, calls handlers, keeps what is in flight. Knows nothing of sockets.
//!
//! A transport drives it from a single task: [`Connection::take`] for each frame, [`Connection::poll`] whenever the
//! task wakes, and whatever stands in the outbox is written.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use compact_str::CompactString;
use futures_util::future::{AbortHandle, Abortable, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use governor::RateLimiter;
use governor::clock::MonotonicClock;
use governor::state::{InMemoryState, NotKeyed};
use tokio::time::{Instant, Sleep};
use tracing::Instrument;

use crate::auth::Secret;
use crate::auth::badge::{self, Badge, Guest};
use crate::clients::Link;
use crate::close::CloseCode;
use crate::diagnose::{Diagnosis, diagnose, unknown_type};
use crate::engine::{Core, Shared};
use crate::envelope::Frame;
use crate::handler::{Ctx, Finished, NotCalled, Work};
use crate::json::{Encode, Fault, FaultKind};
use crate::message::{Message, ServerMessage};
use crate::messages::{
    ConnectionAck, ConnectionAuthenticate, ConnectionEstablished, ConnectionEstablishedLimits,
    ConnectionEstablishedProtocol, ConnectionResume, ConnectionResumed, ConnectionResumedReason, Ping, Pong,
    RequestCancel,
};
use crate::metrics::OK;
use crate::outbox::Class;
use crate::reject::{Internal, Kind, Reject, code};
use crate::table::{EngineTask, Entry, Task, quota};

type Limiter = RateLimiter<NotKeyed, InMemoryState, MonotonicClock>;

/// A conversation.
pub(crate) struct Connection<S> {
    shared: Arc<Shared<S>>,
    link: Arc<Link>,
    in_flight: FuturesUnordered<Abortable<Running>>,
    /// Requests in flight that can be cancelled, by correlation id.
    cancellable: Vec<Cancellable>,
    limiter: Option<Limiter>,
    /// Limiters of message types that have their own, by index of the type.
    own_limiters: Vec<(usize, Limiter)>,
    violations: u32,
    strikes: u32,
    /// Whether the application's connect hook is at work: no frame is taken before it has ended.
    connecting: Arc<AtomicBool>,
    /// Whether the client was told that the server shuts down.
    warned: bool,
    closed: bool,
}

/// What `request:cancel` needs to know of a request in flight.
struct Cancellable {
    correlation_id: CompactString,
    handle: AbortHandle,
    entry: usize,
    started: Instant,
}

/// A request that was not answered yet.
struct Running {
    work: Work,
    deadline: Option<Pin<Box<Sleep>>>,
    entry: usize,
    correlation_id: Option<CompactString>,
    started: Instant,
}

/// A request that was answered.
struct Done {
    finished: Finished,
    entry: usize,
    correlation_id: Option<CompactString>,
    started: Instant,
}

impl Future for Running {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        let running = &mut *self;
        let polled = catch_unwind(AssertUnwindSafe(|| running.work.as_mut().poll(cx)));
        let finished = match polled {
            Ok(Poll::Ready(finished)) => finished,
            Ok(Poll::Pending) => {
                let late = running
                    .deadline
                    .as_mut()
                    .is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready());
                if !late {
                    return Poll::Pending;
                }
                let reject = Reject::error(code::TIMEOUT, "the handler took too long", true, Vec::new());
                Finished::rejected(reject, running.correlation_id.as_deref())
            }
            Err(panic) => Finished::rejected(panicked(&*panic), running.correlation_id.as_deref()),
        };
        let correlation_id = running.correlation_id.take();
        Poll::Ready(Done {
            finished,
            entry: running.entry,
            correlation_id,
            started: running.started,
        })
    }
}

/// What becomes of a panic: the log reads its text.
fn panicked(panic: &(dyn Any + Send)) -> Reject {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Reject::internal(Internal::new(format!("the handler panicked: {text}")))
}

/// Why a frame was refused before its handler was called.
enum Refused {
    /// It could not be read or decoded; the diagnosis says why.
    Fault(Fault),
    /// The engine refuses it.
    Reject {
        reject: Reject,
        correlation_id: Option<CompactString>,
        entry: Option<usize>,
    },
}

impl<S: Send + Sync + 'static> Connection<S> {
    /// Opens a conversation and greets the client.
    pub(crate) fn open(shared: Arc<Shared<S>>, guest: Guest, cx: &mut Context<'_>) -> Self {
        let core = &shared.core;
        let badge = Badge::new(guest.peer, guest.identity);
        let link = Arc::new(Link::new(Arc::clone(core), badge));
        badge::watch_expiry(&link);
        core.clients.add(&link);
        core.metrics.connections.increment(1.0);
        core.metrics.opened.increment(1);
        tracing::info!("Client connected: {}", link.id);
        let settings = &core.settings;
        let limiter = settings
            .rate
            .and_then(|rate| quota(rate, settings.burst))
            .map(limiter);
        let mut connection = Self {
            link,
            in_flight: FuturesUnordered::new(),
            cancellable: Vec::new(),
            limiter,
            own_limiters: Vec::new(),
            violations: 0,
            strikes: 0,
            connecting: Arc::default(),
            warned: false,
            closed: false,
            shared,
        };
        connection.greet();
        if let Some(correlation_id) = guest.by_message
            && let Some(identity) = connection.link.badge.identity()
        {
            connection.answer(&badge::authenticated(&identity), correlation_id.as_deref());
        }
        if connection.shared.on_connect.is_some() {
            let shared = Arc::clone(&connection.shared);
            let context = connection.context(None);
            let hook = async move {
                if let Some(hook) = &shared.on_connect {
                    hook(context).await;
                }
            };
            let hook = AssertUnwindSafe(hook).catch_unwind();
            let connecting = Arc::clone(&connection.connecting);
            connecting.store(true, Ordering::Relaxed);
            let work: Work = Box::pin(async move {
                let ended = hook.await;
                connecting.store(false, Ordering::Relaxed);
                match ended {
                    Ok(()) => Finished::nothing(),
                    Err(panic) => Finished::rejected(panicked(&*panic), None),
                }
            });
            connection.start(work, usize::MAX, None, None, Instant::now(), cx);
        }
        connection
    }

    fn core(&self) -> &Core {
        &self.shared.core
    }

    /// What others send by.
    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    fn context(&self, correlation_id: Option<CompactString>) -> Ctx<S> {
        Ctx {
            shared: Arc::clone(&self.shared),
            link: Arc::clone(&self.link),
            correlation_id,
        }
    }

    fn greet(&self) {
        let Core {
            protocol, settings, ..
        } = self.core();
        let unsigned = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let greeting = ConnectionEstablished {
            client_id: self.link.id.to_string(),
            resume_token: None,
            protocol: ConnectionEstablishedProtocol {
                name: protocol.info.name.clone(),
                version: protocol.info.version.clone(),
                hash: protocol.hash.clone(),
                extra: Default::default(),
            },
            heartbeat_ms: u64::try_from(settings.heartbeat_interval.as_millis()).unwrap_or(u64::MAX),
            limits: ConnectionEstablishedLimits {
                message_bytes: unsigned(settings.message_bytes),
                depth: u64::from(settings.depth),
                in_flight: unsigned(settings.in_flight),
                extra: Default::default(),
            },
            extra: Default::default(),
        };
        self.answer(&greeting, None);
    }

    fn answer<M: ServerMessage>(&self, message: &M, correlation_id: Option<&str>) {
        let finished = Finished::reply(&self.link, <M as Message>::TYPE, correlation_id, |out| {
            message.encode(out);
        });
        self.queue(finished.frame);
    }

    fn queue(&self, frame: Option<String>) {
        if let Some(frame) = frame {
            // When it is closed, the transport is about to notice.
            let _closed = self
                .link
                .outbox
                .put_quietly(Utf8Bytes::from(frame), Class::Disconnect);
        }
    }

    /// Whether more frames should be taken now: not before the connect hook has ended, not while answers pile up.
    pub(crate) fn wants_frames(&self) -> bool {
        !self.connecting() && !self.link.outbox.crowded()
    }

    /// Whether the connect hook is still at work, or credentials are being judged.
    pub(crate) fn connecting(&self) -> bool {
        self.connecting.load(Ordering::Relaxed) || self.link.badge.judging()
    }

    /// Counts a frame of the peer. Whether it came too fast.
    fn over_rate(&self) -> bool {
        self.limiter
            .as_ref()
            .is_some_and(|limiter| limiter.check().is_err())
            || !self.link.badge.admits_message(&self.core().access)
    }

    /// Whether nothing is in flight.
    pub(crate) fn idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether nothing is left to be done before a shutdown, the client's warning included.
    pub(crate) fn drained(&self) -> bool {
        self.warned && self.idle()
    }

    /// Takes one text frame, which came just now. What answers at once is in the outbox afterwards.
    pub(crate) fn take(&mut self, text: &str, started: Instant, cx: &mut Context<'_>) {
        let refused = match self.dispatch(text, started, cx) {
            Ok(()) => {
                self.violations = 0;
                return;
            }
            Err(refused) => refused,
        };
        let (reject, correlation_id, entry) = match refused {
            Refused::Reject {
                reject,
                correlation_id,
                entry,
            } => (reject, correlation_id, entry),
            Refused::Fault(fault) => self.diagnose(text, fault),
        };
        let verdict = self.blame(reject.code());
        let finished = Finished::rejected(reject, correlation_id.as_deref());
        self.finish(Done {
            finished,
            entry: entry.unwrap_or(usize::MAX),
            correlation_id,
            started,
        });
        // The last error is told before the connection is closed for it.
        if let Some(code) = verdict {
            self.link.outbox.close(code);
        }
    }

    /// Counts a ping or pong of the peer: they are messages to the rate limit, which alone bounds a flood of them.
    pub(crate) fn count_control_frame(&mut self) {
        if self.over_rate()
            && let Some(code) = self.blame(code::RATE_LIMITED)
        {
            self.link.outbox.close(code);
        }
    }

    /// Counts what the peer does wrong; the code to close with when it does not stop.
    fn blame(&mut self, error: &str) -> Option<CloseCode> {
        let settings = &self.shared.core.settings;
        match error {
            code::RATE_LIMITED => {
                self.strikes += 1;
                (self.strikes >= settings.rate_strikes).then_some(CloseCode::RateExceeded)
            }
            code::INVALID_JSON
            | code::INVALID_ENVELOPE
            | code::UNKNOWN_TYPE
            | code::WRONG_DIRECTION
            | code::INVALID_PAYLOAD
            | code::TOO_LARGE => {
                self.violations += 1;
                (self.violations >= settings.violations).then_some(CloseCode::ProtocolViolations)
            }
            _ => None,
        }
    }

    #[cold]
    fn diagnose(&self, text: &str, fault: Fault) -> (Reject, Option<CompactString>, Option<usize>) {
        let core = self.core();
        let envelope_id = || {
            let mut frame = Frame::open(text, core.settings.depth).ok()?;
            frame.finish().ok()?;
            frame.correlation_id().map(CompactString::from)
        };
        if fault.kind == FaultKind::TooComplex {
            // The validator would try as many variants as the decoder gave up on.
            let message = format!("the payload cannot be decided: {}", fault.kind);
            return (
                Reject::engine(code::INVALID_PAYLOAD, message),
                envelope_id(),
                None,
            );
        }
        match diagnose(text, core.settings.depth, &self.shared.table, &core.protocol) {
            Some(Diagnosis {
                reject,
                correlation_id,
                entry,
            }) => (reject, correlation_id.map(Into::into), entry),
            None => {
                // The decoder and the validator disagree: a bug of ours, which must not look like the client's.
                let cause = format!(
                    "a message was refused that its schema accepts: {} at {}",
                    fault.kind, fault.at
                );
                (Reject::internal(Internal::new(cause)), envelope_id(), None)
            }
        }
    }

    fn dispatch(&mut self, text: &str, started: Instant, cx: &mut Context<'_>) -> Result<(), Refused> {
        let depth = self.shared.core.settings.depth;
        if self.over_rate() {
            return Err(self.refuse_unread(text, depth));
        }
        self.strikes = self.strikes.saturating_sub(1);
        if text.starts_with('\u{feff}') {
            let reject = Reject::engine(
                code::INVALID_JSON,
                "a message must not begin with a byte order mark",
            );
            return Err(Refused::Reject {
                reject,
                correlation_id: None,
                entry: None,
            });
        }
        let mut frame = Frame::open(text, depth).map_err(Refused::Fault)?;
        let at = frame.name().and_then(|name| self.shared.table.find(name));
        let shared = Arc::clone(&self.shared);
        let Some((at, entry)) = at.and_then(|at| Some((at, shared.table.entry(at)?))) else {
            let reject = unknown_type(frame.name().and_then(|name| shared.table.nearest(name)));
            return Err(rejected(&mut frame, None, reject));
        };
        tracing::debug!(target: "wireloom::message", "Message from {}: {}", self.link.id, entry.name);
        if let Err(reject) = self.admit_type(at, entry, text.len()) {
            return Err(rejected(&mut frame, Some(at), reject));
        }
        match &entry.task {
            Task::Engine(EngineTask::Authenticate) if self.core().access.judges() => {
                let ConnectionAuthenticate { token } =
                    frame.payload(entry.payload_optional).map_err(Refused::Fault)?;
                let correlation_id = frame.correlation_id().map(CompactString::from);
                let work = badge::renew(&self.link, Secret::new(token), correlation_id.clone());
                self.start(work, at, correlation_id, None, started, cx);
                Ok(())
            }
            Task::Engine(task) => self.engine_task(*task, &mut frame, at, entry, started),
            Task::Handler(route) => {
                let mut correlation_id = None;
                // A handler may panic before its future is there.
                let called = catch_unwind(AssertUnwindSafe(|| {
                    route.call(&mut frame, entry.payload_optional, &mut |id| {
                        correlation_id = id.map(CompactString::from);
                        self.admit_request(id)?;
                        Ok(self.context(correlation_id.clone()))
                    })
                }));
                let work = match called.unwrap_or_else(|panic| Err(panicked(&*panic).into())) {
                    Ok(work) => work,
                    Err(NotCalled::Fault(fault)) => return Err(Refused::Fault(fault)),
                    Err(NotCalled::Reject(reject)) => {
                        return Err(Refused::Reject {
                            reject,
                            correlation_id,
                            entry: Some(at),
                        });
                    }
                };
                self.start(work, at, correlation_id, entry.timeout, started, cx);
                Ok(())
            }
            Task::Unhandled => {
                let cause = Internal::new(format!("no handler for {}", entry.name));
                Err(rejected(&mut frame, Some(at), Reject::internal(cause)))
            }
        }
    }

    /// Refuses what came too fast. Cheap on purpose: what is wrong with it beyond that is not looked for.
    #[cold]
    fn refuse_unread(&self, text: &str, depth: u32) -> Refused {
        let mut frame = Frame::open(text, depth).ok();
        let entry = frame
            .as_ref()
            .and_then(|frame| self.shared.table.find(frame.name()?));
        let correlation_id = frame.as_mut().and_then(|frame| {
            frame.finish().ok()?;
            frame.correlation_id().map(CompactString::from)
        });
        Refused::Reject {
            reject: rate_limited(),
            correlation_id,
            entry,
        }
    }

    /// What can be refused by the type alone.
    fn admit_type(&mut self, at: usize, entry: &Entry<S>, bytes: usize) -> Result<(), Reject> {
        if !entry.inbound {
            let message = format!("{} is sent by the server only", entry.name);
            return Err(Reject::engine(code::WRONG_DIRECTION, message));
        }
        if bytes > entry.message_bytes {
            let message = format!("a {} may have {} bytes at most", entry.name, entry.message_bytes);
            return Err(Reject::engine(code::TOO_LARGE, message));
        }
        if let Some(quota) = entry.quota {
            let known = self.own_limiters.iter().position(|(of, _)| *of == at);
            let known = known.unwrap_or_else(|| {
                self.own_limiters.push((at, limiter(quota)));
                self.own_limiters.len() - 1
            });
            if self
                .own_limiters
                .get(known)
                .is_some_and(|(_, limiter)| limiter.check().is_err())
            {
                return Err(rate_limited());
            }
        }
        if self.core().draining() && matches!(entry.task, Task::Handler(_)) {
            return Err(Reject::error(
                code::OVERLOADED,
                "the server is shutting down",
                true,
                Vec::new(),
            ));
        }
        if !entry.auth.is_empty() {
            self.link.badge.admits(&entry.name, &entry.auth)?;
        }
        let state = self.link.state.load(Ordering::Relaxed);
        if entry.transition(state).is_err() {
            let table = &self.shared.table;
            let message = format!(
                "{} is not accepted in state \"{}\", which accepts: {}",
                entry.name,
                table.state(state),
                table.accepted_in(state).join(", ")
            );
            return Err(Reject::engine(code::INVALID_STATE, message));
        }
        Ok(())
    }

    /// What can be refused once the envelope is read.
    fn admit_request(&self, correlation_id: Option<&str>) -> Result<(), Reject> {
        if self.in_flight.len() >= self.core().settings.in_flight {
            let message = format!("more than {} requests in flight", self.core().settings.in_flight);
            return Err(Reject::error(code::TOO_MANY_REQUESTS, message, true, Vec::new()));
        }
        if let Some(id) = correlation_id
            && self.cancellable.iter().any(|known| known.correlation_id == id)
        {
            let message = "a request with this correlationId is still in flight";
            return Err(Reject::engine(code::DUPLICATE, message));
        }
        Ok(())
    }

    /// Polls a handler in place; what does not finish at once goes on beside others.
    fn start(
        &mut self,
        work: Work,
        entry: usize,
        correlation_id: Option<CompactString>,
        timeout: Option<Duration>,
        started: Instant,
        cx: &mut Context<'_>,
    ) {
        let span = self.shared.table.entry(entry).map_or_else(tracing::Span::none, |entry| {
            let id = correlation_id.as_deref();
            tracing::debug_span!("message", client_id = %self.link.id, r#type = %entry.name, correlation_id = id)
        });
        let work: Work = if span.is_none() {
            work
        } else {
            Box::pin(work.instrument(span))
        };
        let mut running = Running {
            work,
            deadline: None,
            entry,
            correlation_id,
            started,
        };
        if let Poll::Ready(done) = Pin::new(&mut running).poll(cx) {
            self.finish(done);
            return;
        }
        running.deadline = timeout.map(|timeout| Box::pin(tokio::time::sleep(timeout)));
        let (handle, registration) = AbortHandle::new_pair();
        if let Some(id) = &running.correlation_id {
            let Running { entry, started, .. } = running;
            let correlation_id = id.clone();
            self.cancellable.push(Cancellable {
                correlation_id,
                handle,
                entry,
                started,
            });
        }
        self.in_flight.push(Abortable::new(running, registration));
    }

    /// Goes on with what is in flight. Whether anything ended.
    ///
    /// What ends while answers pile up is left for later: a client that reads is not cut off for many large answers.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut ended = false;
        if self.core().draining() && !self.warned {
            self.warned = true;
            self.queue(Some(self.core().farewell()));
        }
        while !self.link.outbox.crowded()
            && let Poll::Ready(Some(done)) = self.in_flight.poll_next_unpin(cx)
        {
            ended = true;
            // A request that was aborted was answered when it was cancelled.
            if let Ok(done) = done {
                if let Some(id) = &done.correlation_id {
                    self.cancellable.retain(|known| known.correlation_id != *id);
                }
                self.finish(done);
            }
        }
        ended
    }

    /// Answers, counts and logs what ended.
    fn finish(&mut self, done: Done) {
        let Done {
            finished: Finished { frame, reject },
            entry,
            correlation_id,
            started,
        } = done;
        let shared = &self.shared;
        let entry = shared.table.entry(entry);
        let metrics = entry.map_or(&shared.core.metrics.unknown, |entry| &entry.metrics);
        metrics.count(reject.as_ref().map_or(OK, Reject::code), started.elapsed());
        match reject.as_ref().map(Reject::kind) {
            None => {
                let state = self.link.state.load(Ordering::Relaxed);
                if let Some(Ok(Some(next))) = entry.map(|entry| entry.transition(state)) {
                    self.link.state.store(next, Ordering::Relaxed);
                }
            }
            Some(Kind::Internal(cause)) => {
                tracing::error!(
                    client_id = %self.link.id,
                    r#type = entry.map(|entry| entry.name.as_str()),
                    correlation_id = correlation_id.as_deref(),
                    "{}", cause.chain()
                );
            }
            Some(_) => {
                tracing::debug!(
                    client_id = %self.link.id,
                    r#type = entry.map(|entry| entry.name.as_str()),
                    correlation_id = correlation_id.as_deref(),
                    code = reject.as_ref().map(Reject::code),
                    "refused"
                );
            }
        }
        self.queue(frame);
    }

    /// The messages that the engine answers itself.
    fn engine_task(
        &mut self,
        task: EngineTask,
        frame: &mut Frame<'_>,
        at: usize,
        entry: &Entry<S>,
        started: Instant,
    ) -> Result<(), Refused> {
        let optional = entry.payload_optional;
        let finished = match task {
            EngineTask::Ping => {
                frame.payload::<Ping>(optional).map_err(Refused::Fault)?;
                let pong = Pong {
                    extra: Default::default(),
                };
                Finished::reply(
                    &self.link,
                    <Pong as Message>::TYPE,
                    frame.correlation_id(),
                    |out| pong.encode(out),
                )
            }
            EngineTask::Ack => {
                frame.payload::<ConnectionAck>(optional).map_err(Refused::Fault)?;
                Finished::nothing()
            }
            EngineTask::Resume => {
                frame
                    .payload::<ConnectionResume>(optional)
                    .map_err(Refused::Fault)?;
                // No session outlives its connection: there is none to take up, and it says so.
                let resumed = ConnectionResumed {
                    client_id: self.link.id.to_string(),
                    resumed: false,
                    reason: Some(ConnectionResumedReason::Unknown),
                    replayed: 0,
                    resume_token: None,
                    extra: Default::default(),
                };
                let name = <ConnectionResumed as Message>::TYPE;
                Finished::reply(&self.link, name, frame.correlation_id(), |out| {
                    resumed.encode(out);
                })
            }
            EngineTask::Authenticate => {
                frame
                    .payload::<ConnectionAuthenticate>(optional)
                    .map_err(Refused::Fault)?;
                let reject = Reject::engine(code::UNAUTHORIZED, "this server takes no credentials");
                Finished::rejected(reject, frame.correlation_id())
            }
            EngineTask::Cancel => {
                frame.payload::<RequestCancel>(optional).map_err(Refused::Fault)?;
                self.cancel(frame.correlation_id())
            }
        };
        let correlation_id = frame.correlation_id().map(CompactString::from);
        self.finish(Done {
            finished,
            entry: at,
            correlation_id,
            started,
        });
        Ok(())
    }

    /// Drops the request in flight with this correlation id. One that has ended already was answered: nothing to do.
    fn cancel(&mut self, correlation_id: Option<&str>) -> Finished {
        let Some(id) = correlation_id else {
            let message = "request:cancel names the request by its correlationId, which is missing";
            return Finished::rejected(Reject::engine(code::INVALID_ENVELOPE, message), None);
        };
        let Some(at) = self
            .cancellable
            .iter()
            .position(|known| known.correlation_id == id)
        else {
            return Finished::nothing();
        };
        let request = self.cancellable.swap_remove(at);
        request.handle.abort();
        if let Some(entry) = self.shared.table.entry(request.entry) {
            entry.metrics.count(code::CANCELLED, request.started.elapsed());
        }
        let cancelled = Reject::engine(code::CANCELLED, "the request was cancelled");
        Finished {
            reject: None,
            ..Finished::rejected(cancelled, Some(id))
        }
    }

    /// Drops what is in flight and takes no more messages for the client; what waits may still be written.
    pub(crate) fn end(&mut self, code: CloseCode) {
        self.in_flight.clear();
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
        self.in_flight.clear();
        self.link.outbox.close(CloseCode::Normal);
        if !self.closed
            && let Some(hook) = &self.shared.on_disconnect
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // Dropped in the middle of something: the application hears of it all the same.
            let cx = Ctx {
                shared: Arc::clone(&self.shared),
                link: Arc::clone(&self.link),
                correlation_id: None,
            };
            runtime.spawn(self.shared.core.tasks.track_future(hook(cx)));
        }
        self.shared.core.clients.remove(&self.link);
        self.shared.core.metrics.connections.decrement(1.0);
        tracing::info!("Client disconnected: {}", self.link.id);
    }
}

fn limiter(quota: governor::Quota) -> Limiter {
    RateLimiter::direct_with_clock(quota, MonotonicClock)
}

fn rate_limited() -> Reject {
    Reject::error(
        code::RATE_LIMITED,
        "more messages than allowed; slow down",
        true,
        Vec::new(),
    )
}

/// Refuses a frame by what is known already, and reads on to its correlation id.
fn rejected(frame: &mut Frame<'_>, entry: Option<usize>, reject: Reject) -> Refused {
    match frame.finish() {
        Ok(()) => {
            let correlation_id = frame.correlation_id().map(CompactString::from);
            Refused::Reject {
                reject,
                correlation_id,
                entry,
            }
        }
        Err(fault) => Refused::Fault(fault),
    }
}
