//! Calls under way: which messages answer them, and when they have waited long enough.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::{Discontinuity, Ended, RawError, ServerError};
use crate::frame::RawMessage;
use crate::inbox::{Inlet, Outlet, Put};
use crate::raw::Answer;

/// Names a call; its number is its `correlationId`.
pub(crate) type CallId = u64;

/// A call that is about to begin.
#[derive(Debug)]
pub(crate) struct NewCall {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) payload: String,
    pub(crate) answer: Answer,
    /// Whether the program wants what comes before the last message.
    pub(crate) items: bool,
    /// Longest time of all, if it is bounded.
    pub(crate) timeout: Option<Duration>,
    /// Whether each item starts the time anew.
    pub(crate) restart: bool,
    /// Whether it may run twice, so that it can be sent to another session.
    pub(crate) idempotent: bool,
}

/// How the last message of a call comes to the program.
pub(crate) type Last = Result<RawMessage, RawError>;

/// The program's end of a call.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) id: CallId,
    pub(crate) items: Option<Outlet<RawMessage>>,
    pub(crate) last: oneshot::Receiver<Last>,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It waits in the queue.
    Queued,
    /// It was sent on this connection, or on one before of the same session.
    Sent,
    /// It must be sent again.
    Again,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) kind: Cow<'static, str>,
    pub(super) payload: String,
    pub(super) answer: Answer,
    pub(super) progress: Progress,
    idempotent: bool,
    /// Whether an item was handed over.
    begun: bool,
    timeout: Option<Duration>,
    restart: bool,
    deadline: Option<Instant>,
    /// None of one that was cancelled, and whose last message is still to come.
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    items: Option<Inlet<RawMessage>>,
    last: oneshot::Sender<Last>,
}

/// What became of a message that answers a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was for the call.
    Well,
    /// The program does not keep up: the call has ended, and must be cancelled.
    Overrun,
}

impl Call {
    pub(super) fn is_cancelled(&self) -> bool {
        self.waiting.is_none()
    }

    /// Tells the program how it ended. A program that is gone has no use for it.
    fn finish(&mut self, last: Last) {
        if let Some(waiting) = self.waiting.take() {
            let _gone = waiting.last.send(last);
        }
    }
}

/// All calls under way, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: BTreeMap<CallId, Call>,
    deadlines: BTreeSet<(Instant, CallId)>,
    next: CallId,
    cancelled: usize,
}

impl Calls {
    /// Calls that the program waits for.
    pub(super) fn waiting(&self) -> usize {
        self.calls.len() - self.cancelled
    }

    pub(super) fn begin(
        &mut self,
        call: NewCall,
        inbox: impl FnOnce() -> (Inlet<RawMessage>, Outlet<RawMessage>),
        now: Instant,
    ) -> Started {
        self.next += 1;
        let id = self.next;
        let deadline = call.timeout.and_then(|timeout| now.checked_add(timeout));
        if let Some(at) = deadline {
            self.deadlines.insert((at, id));
        }
        let (inlet, outlet) = call.items.then(inbox).unzip();
        let (sender, receiver) = oneshot::channel();
        self.calls.insert(
            id,
            Call {
                kind: call.kind,
                payload: call.payload,
                answer: call.answer,
                progress: Progress::Queued,
                idempotent: call.idempotent,
                begun: false,
                timeout: call.timeout,
                restart: call.restart,
                deadline,
                waiting: Some(Waiting {
                    items: inlet,
                    last: sender,
                }),
            },
        );
        Started {
            id,
            items: outlet,
            last: receiver,
        }
    }

    pub(super) fn get_mut(&mut self, id: CallId) -> Option<&mut Call> {
        self.calls.get_mut(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (CallId, &Call)> {
        self.calls.iter().map(|(id, call)| (*id, call))
    }

    /// The next time at which a call has waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// A call whose time is over.
    pub(super) fn expired(&self, now: Instant) -> Option<CallId> {
        self.deadlines
            .first()
            .filter(|(at, _)| *at <= now)
            .map(|(_, id)| *id)
    }

    /// Ends a call for the program. `Some(progress)` if there was one; one that was sent stays until the server has
    /// said its last word.
    pub(super) fn give_up(&mut self, id: CallId, why: RawError) -> Option<Progress> {
        let call = self.calls.get_mut(&id).filter(|call| !call.is_cancelled())?;
        let progress = call.progress;
        call.finish(Err(why));
        if let Some(at) = call.deadline.take() {
            self.deadlines.remove(&(at, id));
        }
        if progress == Progress::Sent {
            self.cancelled += 1;
        } else {
            self.calls.remove(&id);
        }
        Some(progress)
    }

    /// Forgets the oldest calls that were cancelled and never answered, beyond a bound.
    pub(super) fn forget_cancelled(&mut self, bound: usize) {
        while self.cancelled > bound {
            let oldest = self.calls.iter().find(|(_, call)| call.is_cancelled());
            let Some(id) = oldest.map(|(id, _)| *id) else {
                return;
            };
            self.remove(id);
        }
    }

    fn remove(&mut self, id: CallId) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        if call.is_cancelled() {
            self.cancelled -= 1;
        }
        if let Some(at) = call.deadline {
            self.deadlines.remove(&(at, id));
        }
        Some(call)
    }

    /// Takes a message that answers a call.
    pub(super) fn take(&mut self, id: CallId, message: RawMessage, now: Instant) -> Taken {
        let Some(call) = self.calls.get_mut(&id) else {
            // Of one that has ended: nobody waits for it.
            return Taken::Well;
        };
        let is_error = message.kind() == ERROR;
        if is_error || call.answer.ends_with(message.kind()) {
            let last = if is_error {
                Err(RawError::of_server(ServerError::read(message.payload())))
            } else {
                Ok(message)
            };
            if let Some(mut call) = self.remove(id) {
                call.finish(last);
            }
            return Taken::Well;
        }
        if call.restart
            && let Some(timeout) = call.timeout
        {
            if let Some(at) = call.deadline.take() {
                self.deadlines.remove(&(at, id));
            }
            if !call.is_cancelled()
                && let Some(at) = now.checked_add(timeout)
            {
                call.deadline = Some(at);
                self.deadlines.insert((at, id));
            }
        }
        call.begun = true;
        let bytes = message.text().len();
        let inlet = call.waiting.as_ref().and_then(|waiting| waiting.items.as_ref());
        match inlet.map(|inlet| inlet.put(message, bytes)) {
            Some(Put::Full) => Taken::Overrun,
            Some(Put::Taken | Put::Gone) | None => Taken::Well,
        }
    }

    /// The message that nothing answers was taken by the server: the ping behind it was answered.
    pub(super) fn taken(&mut self, id: CallId, pong: RawMessage) {
        let answers_nothing = |call: &Call| call.answer == Answer::Nothing;
        if self.calls.get(&id).is_some_and(answers_nothing)
            && let Some(mut call) = self.remove(id)
        {
            call.finish(Ok(pong));
        }
    }

    /// The session is gone: what was sent may have been done or not. What may be done twice is sent again.
    pub(super) fn interrupt(&mut self, reason: &Discontinuity) {
        let sent = |(id, call): (&CallId, &Call)| (call.progress == Progress::Sent).then_some(*id);
        let sent: Vec<_> = self.calls.iter().filter_map(sent).collect();
        for id in sent {
            match self.calls.get_mut(&id) {
                Some(call) if call.idempotent && !call.begun && !call.is_cancelled() => {
                    call.progress = Progress::Again;
                }
                _ => {
                    if let Some(mut call) = self.remove(id) {
                        call.finish(Err(RawError::Interrupted(reason.clone())));
                    }
                }
            }
        }
    }

    /// The client has ended.
    pub(super) fn end(&mut self, ended: &Ended) {
        for call in self.calls.values_mut() {
            call.finish(Err(RawError::Disconnected(ended.clone())));
        }
        self.calls.clear();
        self.deadlines.clear();
        self.cancelled = 0;
    }
}

pub(super) const ERROR: &str = "error";

/// The `correlationId` of a call.
pub(super) fn correlation_id(id: CallId) -> String {
    format!("c-{id}")
}

/// The `correlationId` of the ping behind a message that nothing answers.
pub(super) fn ping_id(id: CallId) -> String {
    format!("p-{id}")
}

/// Which call a `correlationId` belongs to.
pub(super) fn call_of(correlation_id: &str) -> Option<CallId> {
    correlation_id.strip_prefix("c-")?.parse().ok()
}

/// Behind which call a ping was sent.
pub(super) fn pinged(correlation_id: &str) -> Option<CallId> {
    correlation_id.strip_prefix("p-")?.parse().ok()
}
