//! The session: what to send and when, given what the program wants, what the server sends, and the time. Does no I/O, has
//! no clock and starts no task: the driver tells it what happens, and does what it says.

mod calls;
mod lifecycle;
mod queue;
mod session;
mod subscribers;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use wireloom::Message;
use wireloom::messages::{
    ConnectionAck, ConnectionClosing, ConnectionEstablished, ConnectionResumed, Ping, Pong, RequestCancel,
};

use self::calls::{Calls, Progress, Taken, call_of, correlation_id, ping_id, pinged};
use self::queue::{Out, Queue};
use self::session::{Order, Session};
use self::subscribers::Subscribers;
use crate::error::{Ended, Lost, RawError, SendError, ServerError};
use crate::events::Notice;
use crate::frame::{self, RawMessage};
use crate::inbox::{Outlet, inbox};
use crate::raw::Answer;
use crate::settings::Settings;
use crate::state::State;

pub(crate) use self::calls::{CallId, Last, NewCall, Started};
pub(crate) use self::subscribers::Heard;

/// Bytes of an envelope beside its type and payload, at most.
const ENVELOPE: usize = 160;

/// Where the conversation stands.
#[derive(Debug)]
enum Phase {
    /// It waits before it connects.
    Waiting { until: Instant, renew: bool },
    /// A connection is being opened.
    Opening { deadline: Instant },
    /// The connection is open, the server has not greeted.
    Greeting { deadline: Instant },
    /// The session's token was sent.
    Resuming { deadline: Instant },
    /// What was missed comes; so many messages are left.
    Replaying { deadline: Instant, left: u64 },
    /// Messages travel.
    Ready { since: Instant },
    /// It is over.
    Ended(Ended),
}

/// What the driver does when there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Open one; with new credentials if those used last were refused.
    Open { renew: bool },
    /// Nothing until then.
    Wait(Instant),
    /// It is over.
    End,
}

/// What the driver writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transmit {
    /// A text frame.
    Text(String),
    /// A close frame, and nothing behind it.
    Close,
}

/// What a message may have in bytes, by its type.
pub(crate) type Limit = Arc<dyn Fn(&str) -> Option<usize> + Send + Sync>;

/// How a client begins.
pub(crate) struct Start {
    pub(crate) settings: Settings,
    /// Whether other credentials can be had when those used last are refused.
    pub(crate) can_renew: bool,
    /// Whether it ends when the first connection fails.
    pub(crate) once: bool,
    /// What the protocol says of a message's size.
    pub(crate) limit: Limit,
    /// Seed of the jitter.
    pub(crate) seed: u64,
}

pub(crate) struct Core {
    settings: Settings,
    can_renew: bool,
    once: bool,
    type_limit: Limit,
    jitter: fastrand::Rng,
    phase: Phase,
    /// Attempts in a row that failed.
    failed: u32,
    /// When the program asked to close, until when, and whether the close frame was written.
    closing: Option<Closing>,
    session: Session,
    /// Whether there was a session before.
    had_session: bool,
    /// The short-lived session that a connection has before another is taken up.
    fresh: session::Established,
    heartbeat: Option<Duration>,
    heard_at: Instant,
    /// What the server asked for by `connection:closing` on this connection.
    hint: Option<Duration>,
    /// Why this connection must be given up.
    verdict: Option<Lost>,
    /// What the server takes.
    limits: session::Limits,
    calls: Calls,
    /// Written before anything else, and before the session is ready.
    control: VecDeque<String>,
    /// Sent again, or cancelled, in front of what waits.
    urgent: VecDeque<Out>,
    queue: Queue,
    subscribers: Subscribers,
    state: watch::Sender<State>,
}

#[derive(Debug)]
struct Closing {
    deadline: Instant,
    sent: bool,
}

impl Core {
    pub(crate) fn new(start: Start, now: Instant) -> (Self, watch::Receiver<State>) {
        let (state, watching) = watch::channel(State::Connecting);
        let queue = Queue::new(start.settings.queue_messages, start.settings.queue_bytes);
        let core = Self {
            settings: start.settings,
            can_renew: start.can_renew,
            once: start.once,
            type_limit: start.limit,
            jitter: fastrand::Rng::with_seed(start.seed),
            phase: Phase::Waiting {
                until: now,
                renew: false,
            },
            failed: 0,
            closing: None,
            session: Session::default(),
            had_session: false,
            fresh: session::Established::default(),
            heartbeat: None,
            heard_at: now,
            hint: None,
            verdict: None,
            limits: session::Limits::default(),
            calls: Calls::default(),
            control: VecDeque::new(),
            urgent: VecDeque::new(),
            queue,
            subscribers: Subscribers::default(),
            state,
        };
        (core, watching)
    }

    // What the program wants.

    /// Begins a call. It waits in the queue until the session is ready.
    pub(crate) fn begin(&mut self, call: NewCall, now: Instant) -> Result<Started, RawError> {
        let bytes = self.admit(&call.kind, &call.payload)?;
        if self.calls.waiting() >= self.settings.calls {
            return Err(RawError::QueueFull);
        }
        let (messages, room) = (self.settings.inbox_messages, self.settings.inbox_bytes);
        let started = self.calls.begin(call, || inbox(messages, room), now);
        self.queue.push(Out::Call(started.id), bytes);
        Ok(started)
    }

    /// Ends a call that the program wants no more.
    pub(crate) fn cancel(&mut self, id: CallId) {
        self.give_up(id, RawError::Cancelled);
    }

    /// Sends a message that nothing answers.
    pub(crate) fn send(&mut self, kind: &str, payload: String) -> Result<(), SendError> {
        let bytes = self.admit(kind, &payload)?;
        let kind = kind.to_owned();
        self.queue.push(Out::Send { kind, payload }, bytes);
        Ok(())
    }

    /// Sends a text as it stands.
    pub(crate) fn send_text(&mut self, text: String) -> Result<(), SendError> {
        let bytes = text.len();
        self.admit_bytes(bytes)?;
        self.queue.push(Out::Text(text), bytes);
        Ok(())
    }

    /// The size of a message, if it may wait to be sent.
    fn admit(&self, kind: &str, payload: &str) -> Result<usize, SendError> {
        if let Some(limit) = self.limit_of(kind)
            && payload.len() > limit
        {
            let bytes = payload.len();
            return Err(SendError::TooLarge { bytes, limit });
        }
        let bytes = kind.len() + payload.len() + ENVELOPE;
        self.admit_bytes(bytes)?;
        Ok(bytes)
    }

    fn admit_bytes(&self, bytes: usize) -> Result<(), SendError> {
        if let Phase::Ended(ended) = &self.phase {
            return Err(SendError::Disconnected(ended.clone()));
        }
        if self.closing.is_some() {
            return Err(SendError::Disconnected(Ended::Closed));
        }
        if !self.queue.has_room(bytes) {
            return Err(SendError::QueueFull);
        }
        Ok(())
    }

    /// What the server takes of a message, as far as that is known. Its own word counts more than the protocol's.
    fn limit_of(&self, kind: &str) -> Option<usize> {
        let largest = self.limits.message_bytes?;
        let told = self.limits.type_bytes.get(kind).copied();
        let limit = told.or_else(|| Some((self.type_limit)(kind)?.min(largest)));
        Some(limit.unwrap_or(largest))
    }

    /// Events of one type.
    pub(crate) fn events(&mut self, kind: &str) -> Outlet<Heard> {
        let (messages, bytes) = self.inbox_bounds();
        match self.phase {
            Phase::Ended(_) => inbox(1, 1).1,
            _ => self.subscribers.events(kind, messages, bytes),
        }
    }

    /// Every message.
    pub(crate) fn messages(&mut self) -> Outlet<Heard> {
        let (messages, bytes) = self.inbox_bounds();
        match self.phase {
            Phase::Ended(_) => inbox(1, 1).1,
            _ => self.subscribers.messages(messages, bytes),
        }
    }

    /// What happens to the connection.
    pub(crate) fn notices(&mut self) -> Outlet<Notice> {
        let (messages, bytes) = self.inbox_bounds();
        match self.phase {
            Phase::Ended(_) => inbox(1, 1).1,
            _ => self.subscribers.notices(messages, bytes),
        }
    }

    fn inbox_bounds(&self) -> (usize, usize) {
        (self.settings.inbox_messages, self.settings.inbox_bytes)
    }

    // What the driver tells.

    /// Something came: the server lives.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
    }

    /// A text frame came.
    pub(crate) fn received(&mut self, text: Utf8Bytes, now: Instant) {
        if matches!(self.phase, Phase::Ended(_)) || self.verdict.is_some() {
            return;
        }
        let message = match RawMessage::read(text) {
            Ok(message) => message,
            Err(why) => {
                tracing::warn!("unreadable message: {why}");
                self.subscribers.notice(Notice::Unreadable(why));
                return;
            }
        };
        let kind = message.kind();
        if kind == ConnectionEstablished::TYPE {
            self.subscribers.message(&message);
            self.established(message.payload(), now);
        } else if kind == ConnectionResumed::TYPE {
            self.subscribers.message(&message);
            self.resumed(message.payload(), now);
        } else if kind == ConnectionClosing::TYPE {
            self.subscribers.message(&message);
            self.server_closes(message.payload());
        } else if let Phase::Resuming { .. } = self.phase {
            self.before_resumed(message, now);
        } else {
            self.numbered(message, now);
        }
    }

    /// Anything that may have a number.
    fn numbered(&mut self, message: RawMessage, now: Instant) {
        let Some(seq) = message.seq() else {
            self.deliver(message, now);
            return;
        };
        match self.session.receive(seq, message.text().len(), now) {
            Order::Next => {}
            Order::Again => return,
            Order::Gap => {
                let expected = self.session.expected();
                self.verdict = Some(Lost::Gap { expected, got: seq });
                return;
            }
        }
        self.deliver(message, now);
        if let Phase::Replaying { left, .. } = &mut self.phase {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.taken_up(now);
            }
        }
    }

    /// Hands a message to whom it concerns.
    fn deliver(&mut self, message: RawMessage, now: Instant) {
        self.subscribers.message(&message);
        let Some(id) = message.correlation_id() else {
            if message.kind() == calls::ERROR {
                let error = ServerError::read(message.payload());
                self.subscribers.notice(Notice::Error(error));
            } else {
                self.subscribers.event(message);
            }
            return;
        };
        if message.kind() == Pong::TYPE
            && let Some(call) = pinged(id)
        {
            self.calls.taken(call, message);
        } else if let Some(call) = call_of(id)
            && self.calls.take(call, message, now) == Taken::Overrun
        {
            self.give_up(call, RawError::Overrun);
        }
    }

    /// Ends a call for the program, and on the server if it knows of it.
    fn give_up(&mut self, id: CallId, why: RawError) {
        match self.calls.give_up(id, why) {
            Some(Progress::Queued) => self.queue.remove(id),
            Some(Progress::Again) => self.urgent.retain(|out| *out != Out::Call(id)),
            // Without a connection it is cancelled when the session is taken up again.
            Some(Progress::Sent) if matches!(self.phase, Phase::Ready { .. }) => {
                self.urgent.push_back(Out::Cancel(id));
            }
            Some(Progress::Sent) | None => {}
        }
        self.calls.forget_cancelled(self.settings.calls);
    }

    /// What to write next, if anything may be written.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<Transmit> {
        if self.verdict.is_some() || self.closing.as_ref().is_some_and(|closing| closing.sent) {
            return None;
        }
        if let Some(text) = self.control.pop_front() {
            return Some(Transmit::Text(text));
        }
        if let Phase::Ready { .. } = self.phase {
            while let Some(out) = self.urgent.pop_front().or_else(|| self.queue.pop()) {
                if let Some(text) = self.write(out) {
                    return Some(Transmit::Text(text));
                }
            }
            if self.session.ack_at().is_some_and(|at| at <= now)
                && let Some(seq) = self.session.acknowledge()
            {
                let payload = format!("{{\"seq\":{seq}}}");
                return Some(Transmit::Text(frame::write(
                    ConnectionAck::TYPE,
                    &payload,
                    None,
                    None,
                )));
            }
        }
        let closing = self.closing.as_mut()?;
        closing.sent = true;
        Some(Transmit::Close)
    }

    /// The text of something that is to be sent. `None` if it is not to be sent any more.
    fn write(&mut self, out: Out) -> Option<String> {
        let (kind, payload, id) = match out {
            Out::Text(text) => return Some(text),
            Out::Cancel(id) => {
                let ack = self.session.acknowledge();
                return Some(frame::write(
                    RequestCancel::TYPE,
                    "{}",
                    Some(&correlation_id(id)),
                    ack,
                ));
            }
            Out::Call(id) => {
                let call = self.calls.get_mut(id)?;
                (call.kind.to_string(), call.payload.clone(), Some(id))
            }
            Out::Send { kind, payload } => (kind, payload, None),
        };
        let ack = self.session.acknowledge();
        let text = frame::write(&kind, &payload, id.map(correlation_id).as_deref(), ack);
        let bytes = text.len();
        let limit = self.limit_of(&kind).filter(|limit| bytes > *limit);
        match (id, limit) {
            (Some(id), None) => {
                let call = self.calls.get_mut(id)?;
                call.progress = Progress::Sent;
                if call.answer == Answer::Nothing {
                    // Messages are taken in order: when it is answered, the one in front of it was taken.
                    let ping = frame::write(Ping::TYPE, "{}", Some(&ping_id(id)), None);
                    self.control.push_back(ping);
                }
                Some(text)
            }
            (None, None) => Some(text),
            // It was queued before the server's limit was known.
            (Some(id), Some(limit)) => {
                self.calls.give_up(id, RawError::TooLarge { bytes, limit });
                None
            }
            (None, Some(limit)) => {
                self.subscribers.notice(Notice::NotSent { kind, bytes, limit });
                None
            }
        }
    }
}
