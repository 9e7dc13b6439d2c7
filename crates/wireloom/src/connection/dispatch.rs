//! From a text frame to its handler, or to what is said instead.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Duration;

use compact_str::CompactString;

use super::Connection;
use super::admission::{admit_type, rate_limited};
use super::requests::{ANY, Answer, Request, Waiting, panicked};
use crate::auth::Secret;
use crate::auth::badge;
use crate::close::CloseCode;
use crate::diagnose::{Diagnosis, diagnose, unknown_type};
use crate::envelope::{Draft, Frame};
use crate::handler::{Asker, Finished, NotCalled, Work, in_span};
use crate::json::{Fault, FaultKind};
use crate::messages::ConnectionAuthenticate;
use crate::outbox::Numbering;
use crate::reject::{Internal, Reject, code};
use crate::replay::Asked;
use crate::table::{EngineTask, Entry, Task};

/// Why a frame was refused before its handler was called.
pub(super) enum Refused {
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
    /// Takes one text frame. Returns what answers at once, if that is the next thing to write; else it is in the outbox.
    #[must_use]
    pub(crate) fn take(&mut self, text: &str, cx: &mut Context<'_>) -> Option<Draft> {
        if self.unconfirmed {
            // The client waits for its new token before it sends anything.
            self.unconfirmed = false;
            if let Some(session) = &self.link.session {
                session.confirm();
            }
        }
        if self.earlier.is_some() && self.is_answered_already(text) {
            return None;
        }
        match self.dispatch(text, cx) {
            Ok(answer) => {
                self.violations = 0;
                let Answer { text, numbering } = answer?;
                let outbox = &self.link.outbox;
                // Behind what waits already, numbered, and not at all when the connection closes.
                if numbering != Numbering::None || !outbox.is_empty() || outbox.closing().is_some() {
                    self.queue(Some(Answer { text, numbering }));
                    return None;
                }
                Some(text)
            }
            Err(refused) => {
                self.refuse(text, refused);
                None
            }
        }
    }

    /// Whether a client that is back says again what is at work, or was answered, since before it was gone: the answer
    /// is on its way. Looked at in front of everything else, since nothing may answer it a second time.
    #[cold]
    fn is_answered_already(&mut self, text: &str) -> bool {
        let (Some(earlier), true) = (&self.earlier, self.now < self.earlier_until) else {
            self.earlier = None;
            return false;
        };
        let depth = self.shared.core.settings.depth;
        let Ok(mut frame) = Frame::open(text, depth) else {
            return false;
        };
        let known = frame
            .finish()
            .is_ok()
            .then(|| earlier.get(frame.correlation_id()?))
            .flatten();
        // The same id with another payload is refused where its payload is known.
        if known.is_none_or(|hash| *hash != ANY && *hash != frame.hash()) {
            return false;
        }
        self.acknowledge(&frame);
        if let Some(limiter) = &self.limiter {
            // It counts, and is never refused: the client was told by us to send it.
            let _counted = limiter.check();
        }
        true
    }

    /// Whether a message that is refused since the server shuts down is left for its next process: its client says it
    /// again there, since nothing answers it.
    fn is_left(&self, refused: &Refused) -> bool {
        let Refused::Reject {
            reject,
            correlation_id: Some(_),
            ..
        } = refused
        else {
            return false;
        };
        reject.code() == code::OVERLOADED && self.core().draining() && self.link.journal().is_some()
    }

    #[cold]
    fn refuse(&mut self, text: &str, refused: Refused) {
        self.fresh = false;
        if self.is_left(&refused) {
            return;
        }
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
        let request = Request {
            hash: ANY,
            ..self.request(entry.unwrap_or(usize::MAX), correlation_id.as_deref())
        };
        self.finish(finished, request);
        // The last error is told before the connection is closed for it.
        if let Some(code) = verdict {
            self.link.outbox.close(code);
        }
    }

    /// Counts a frame of the peer. Whether it came too fast.
    fn over_rate(&self) -> bool {
        self.limiter
            .as_ref()
            .is_some_and(|limiter| limiter.check().is_err())
            || !self.link.badge.admits_message(&self.core().access)
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

    fn dispatch(&mut self, text: &str, cx: &mut Context<'_>) -> Result<Option<Answer>, Refused> {
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
        let mut frame = Frame::new(text, depth);
        frame.begin().map_err(Refused::Fault)?;
        let table = &self.shared.table;
        let latest = self.latest;
        let at = frame.name().and_then(|name| table.find_likely(name, latest));
        let Some((at, entry)) = at.and_then(|at| Some((at, table.entry(at)?))) else {
            let reject = unknown_type(frame.name().and_then(|name| table.nearest(name)));
            return Err(rejected(&mut frame, None, reject));
        };
        self.latest = at;
        tracing::debug!(target: "wireloom::message", "Message from {}: {}", self.link.id, entry.name);
        let own = &mut self.own_limiters;
        if let Err(reject) = admit_type(
            &self.shared,
            &self.link,
            own,
            &self.clock,
            (at, entry),
            text.len(),
        ) {
            return Err(rejected(&mut frame, Some(at), reject));
        }
        match &entry.task {
            Task::Engine(EngineTask::Authenticate) if self.core().access.judges() => {
                let ConnectionAuthenticate { token } =
                    frame.payload(entry.payload_optional).map_err(Refused::Fault)?;
                let request = self.request(at, frame.correlation_id());
                let work = badge::renew(&self.link, Secret::new(token));
                let begun = self.begin(work, (&entry.name, &request), None, cx);
                Ok(self.go_on(begun, request, None))
            }
            Task::Engine(task) => {
                let (task, optional) = (*task, entry.payload_optional);
                let answer = self.engine_task(task, &mut frame, at, optional)?;
                // Credentials may come in front of it: still nothing was asked for.
                self.fresh &= task == EngineTask::Authenticate;
                self.acknowledge(&frame);
                Ok(answer)
            }
            Task::Handler(route) => {
                let mut request = Request {
                    entry: at,
                    correlation_id: None,
                    hash: ANY,
                    started: self.now,
                };
                self.fresh = false;
                // A handler may panic before its future is there, and in it.
                let called = catch_unwind(AssertUnwindSafe(|| {
                    let work = route.call(&mut frame, entry.payload_optional, &mut |frame| {
                        request.correlation_id = frame.correlation_id().map(CompactString::from);
                        self.admit_request(frame, &mut request)?;
                        Ok(self.context(request.correlation_id.clone()))
                    })?;
                    self.acknowledge(&frame);
                    let ticket = self.write_down(&request);
                    Ok(self.begin(work, (&entry.name, &request), ticket, cx))
                }));
                match called {
                    Ok(Ok(begun)) => Ok(self.go_on(begun, request, entry.timeout)),
                    Ok(Err(NotCalled::Fault(fault))) => Err(Refused::Fault(fault)),
                    Ok(Err(NotCalled::Reject(reject))) => Err(Refused::Reject {
                        reject,
                        correlation_id: request.correlation_id,
                        entry: Some(at),
                    }),
                    Err(panic) => {
                        let finished =
                            Finished::rejected(panicked(&*panic), request.correlation_id.as_deref());
                        Ok(self.go_on(Begun::Answered(finished), request, None))
                    }
                }
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

    /// What can be refused once the envelope is read.
    fn admit_request(&self, frame: &Frame<'_>, request: &mut Request) -> Result<(), Reject> {
        let Some(id) = &request.correlation_id else {
            return self.admit_one_more();
        };
        if self.link.session.is_some() {
            request.hash = frame.hash();
        }
        let earlier = self.earlier.as_ref();
        if earlier.is_some_and(|earlier| earlier.contains_key(id)) {
            let message = "this correlationId was used for another request of the session";
            return Err(Reject::engine(code::DUPLICATE, message));
        }
        if self
            .known
            .iter()
            .any(|known| known.request.correlation_id.as_ref() == Some(id))
        {
            let message = "a request with this correlationId is still in flight";
            return Err(Reject::engine(code::DUPLICATE, message));
        }
        self.admit_one_more()
    }

    fn admit_one_more(&self) -> Result<(), Reject> {
        let most = self.core().settings.in_flight;
        if self.in_flight.len() + self.gate.len() < most {
            return Ok(());
        }
        let message = format!("more than {most} requests in flight");
        Err(Reject::error(code::TOO_MANY_REQUESTS, message, true, Vec::new()))
    }

    /// Forgets what the client says that it has.
    fn acknowledge(&self, frame: &Frame<'_>) {
        if let Some(seq) = frame.ack() {
            self.link.outbox.acknowledge(seq);
        }
    }

    /// Writes down that a request runs, where its session outlives the server: it runs once, whatever happens to the
    /// server. Returns the ticket to wait for.
    fn write_down(&self, request: &Request) -> Option<u64> {
        self.link.journal()?;
        match &request.correlation_id {
            Some(id) => Some(self.link.recorder()?.began(Asked {
                correlation_id: id.clone(),
                hash: request.hash,
            })),
            // It waits only for those in front of it.
            None => self.gate.back().map(|last| last.ticket),
        }
    }

    /// Polls a handler in place, unless it has to wait for a ticket.
    fn begin(
        &self,
        work: Work,
        (name, request): (&str, &Request),
        ticket: Option<u64>,
        cx: &mut Context<'_>,
    ) -> Begun {
        let correlation_id = request.correlation_id.as_deref();
        let span = tracing::debug_span!("message", client_id = %self.link.id, r#type = name, correlation_id);
        let mut work = if span.is_none() { work } else { in_span(work, span) };
        if let Some(ticket) = ticket {
            return Begun::Waiting(ticket, work);
        }
        let asker = Asker {
            link: &self.link,
            correlation_id,
        };
        match work.as_mut().poll(cx, asker) {
            Poll::Ready(finished) => Begun::Answered(finished),
            Poll::Pending => Begun::AtWork(work),
        }
    }

    /// Returns the answer of a handler; what did not finish at once goes on beside others.
    fn go_on(&mut self, begun: Begun, request: Request, timeout: Option<Duration>) -> Option<Answer> {
        match begun {
            Begun::Answered(finished) => {
                let numbering = self.numbering(&request);
                let text = self.settle(finished, &request);
                self.answer(text, numbering)
            }
            Begun::AtWork(work) => {
                self.push(work, request, timeout);
                None
            }
            Begun::Waiting(ticket, work) => {
                let entry = self.shared.table.entry(request.entry);
                let leads_on = entry.is_some_and(Entry::leads_on);
                let running = self.know(work, request, timeout);
                self.gate.push_back(Waiting {
                    ticket,
                    running,
                    leads_on,
                });
                None
            }
        }
    }
}

/// A handler that was called.
enum Begun {
    Answered(Finished),
    AtWork(Work),
    /// It begins when this ticket of the journal is written.
    Waiting(u64, Work),
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
