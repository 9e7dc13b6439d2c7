//! How a connection comes and goes: greeting, taking the session up again, losing it, trying again, ending.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;
use wireloom::json::{Encode, Writer};
use wireloom::messages::ConnectionResume;
use wireloom::{ClientAction, Message};

use super::calls::{ERROR, Progress};
use super::queue::Out;
use super::session::{ClosingPayload, Established, Resumed};
use super::{Closing, Core, Phase, Step};
use crate::error::{Discontinuity, Ended, Lost, RawError};
use crate::events::Notice;
use crate::frame::{self, RawMessage};
use crate::settings::FAR;
use crate::state::State;

/// The `correlationId` of `connection:resume`.
const RESUME_ID: &str = "resume";

impl Core {
    /// What the driver does without a connection.
    pub(crate) fn step(&mut self, now: Instant) -> Step {
        match self.phase {
            Phase::Ended(_) => Step::End,
            Phase::Waiting { until, renew } if until <= now => {
                let deadline = later(now, self.settings.connect_timeout);
                self.phase = Phase::Opening { deadline };
                self.set_state(State::Connecting);
                Step::Open { renew }
            }
            Phase::Waiting { until, .. } => {
                Step::Wait(self.calls.deadline().map_or(until, |at| at.min(until)))
            }
            // The driver has lost what the other phases stand on.
            _ => {
                self.lost(Lost::Broken("the connection is gone".to_owned()), now);
                Step::Wait(now)
            }
        }
    }

    /// The handshake is done.
    pub(crate) fn opened(&mut self, now: Instant) {
        let Phase::Opening { deadline } = self.phase else {
            return;
        };
        self.heard_at = now;
        self.hint = None;
        self.verdict = None;
        self.fresh = Established::default();
        self.control.clear();
        if let Some(token) = &self.session.token {
            let resume = ConnectionResume {
                resume_token: token.clone(),
                last_seq: self.session.last_seq,
            };
            let mut payload = Writer::default();
            resume.encode(&mut payload);
            self.control.push_back(frame::write(
                ConnectionResume::TYPE,
                payload.as_str(),
                Some(RESUME_ID),
                None,
            ));
            self.phase = Phase::Resuming { deadline };
        } else if self.settings.wait_for_greeting {
            self.phase = Phase::Greeting { deadline };
        } else {
            self.begin_session(Established::default(), now);
        }
    }

    /// The server greets.
    pub(super) fn established(&mut self, payload: &str, now: Instant) {
        let mut established: Established = parse(payload).unwrap_or_default();
        self.heartbeat = established.heartbeat_ms.map(Duration::from_millis);
        self.limits = std::mem::take(&mut established.limits);
        match self.phase {
            Phase::Resuming { .. } => self.fresh = established,
            Phase::Greeting { .. } => self.begin_session(established, now),
            // The client did not wait for it.
            Phase::Ready { .. } if self.session.client_id.is_none() => {
                self.session.token = established.resume_token;
                self.session.client_id = established.client_id;
                self.set_connected();
            }
            _ => {}
        }
    }

    /// A session that has nothing to do with one before.
    fn begin_session(&mut self, established: Established, now: Instant) {
        self.session
            .replace(established.resume_token, established.client_id);
        if self.had_session {
            self.discontinuity(&Discontinuity::Unsupported);
        }
        self.had_session = true;
        self.ready(now);
        self.subscribers.notice(Notice::Connected {
            client_id: self.session.client_id.clone(),
        });
    }

    /// The server says whether the session goes on.
    pub(super) fn resumed(&mut self, payload: &str, now: Instant) {
        let Phase::Resuming { .. } = self.phase else {
            return;
        };
        let Some(resumed) = parse::<Resumed>(payload) else {
            self.not_resumed(&Discontinuity::Unsupported, now);
            return;
        };
        if !resumed.resumed {
            self.fresh.client_id = Some(resumed.client_id);
            if resumed.resume_token.is_some() {
                self.fresh.resume_token = resumed.resume_token;
            }
            self.not_resumed(&Discontinuity::of(resumed.reason.as_deref()), now);
            return;
        }
        self.session
            .rotate(resumed.resume_token, resumed.client_id.clone());
        self.subscribers.notice(Notice::Resumed {
            client_id: resumed.client_id,
            replayed: resumed.replayed,
        });
        self.phase = Phase::Replaying {
            deadline: later(now, self.settings.connect_timeout),
            left: resumed.replayed,
        };
        if resumed.replayed == 0 {
            self.taken_up(now);
        }
    }

    /// The short-lived session's messages: those with a number are for nobody.
    pub(super) fn before_resumed(&mut self, message: RawMessage, now: Instant) {
        if message.kind() == ERROR && message.correlation_id() == Some(RESUME_ID) {
            self.not_resumed(&Discontinuity::Unsupported, now);
        } else if message.seq().is_none() {
            self.deliver(message, now);
        }
    }

    fn not_resumed(&mut self, reason: &Discontinuity, now: Instant) {
        let fresh = std::mem::take(&mut self.fresh);
        self.session.replace(fresh.resume_token, fresh.client_id);
        self.discontinuity(reason);
        self.ready(now);
        self.subscribers.notice(Notice::Connected {
            client_id: self.session.client_id.clone(),
        });
    }

    /// Everything that was missed is here.
    pub(super) fn taken_up(&mut self, now: Instant) {
        // The next message shows the server that the new token came.
        self.session.acknowledge_at(now);
        self.ready(now);
    }

    fn discontinuity(&mut self, reason: &Discontinuity) {
        tracing::warn!("{reason}");
        self.subscribers.discontinuity(reason);
        self.calls.interrupt(reason);
    }

    /// Messages may travel: first those that have no answer yet, in the order in which they were first sent.
    fn ready(&mut self, now: Instant) {
        self.urgent.clear();
        for (id, call) in self.calls.iter() {
            match call.progress {
                Progress::Queued => {}
                Progress::Sent if call.is_cancelled() => self.urgent.push_back(Out::Cancel(id)),
                Progress::Sent | Progress::Again => self.urgent.push_back(Out::Call(id)),
            }
        }
        self.phase = Phase::Ready { since: now };
        self.set_connected();
    }

    fn set_connected(&mut self) {
        let client_id = self.session.client_id.clone();
        self.set_state(State::Connected { client_id });
    }

    /// The server is about to close.
    pub(super) fn server_closes(&mut self, payload: &str) {
        let closing: ClosingPayload = parse(payload).unwrap_or_default();
        let reconnect_after = Duration::from_millis(closing.reconnect_after_ms);
        self.hint = Some(reconnect_after);
        self.subscribers.notice(Notice::Closing {
            reason: closing.reason,
            reconnect_after,
        });
    }

    /// The connection is gone, or could not be opened.
    pub(crate) fn lost(&mut self, lost: Lost, now: Instant) {
        if matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        if self.closing.is_some() {
            self.end(Ended::Closed);
            return;
        }
        tracing::debug!("{lost}");
        self.subscribers.notice(Notice::Lost(lost.clone()));
        if self.session.token.is_none() {
            self.calls.interrupt(&Discontinuity::Unsupported);
        }
        self.control.clear();
        self.urgent.clear();
        self.verdict = None;
        let action = lost.action();
        let is_final = match action {
            ClientAction::Stop | ClientAction::Fix | ClientAction::Upgrade => true,
            ClientAction::LogIn => !self.can_renew,
            ClientAction::ReconnectAfterHint | ClientAction::BackOff | ClientAction::Resume => false,
        };
        if is_final {
            self.end(Ended::Final { lost, action });
            return;
        }
        if let Phase::Ready { since } = self.phase
            && now >= later(since, self.settings.reconnect.stable_after)
        {
            self.failed = 0;
        }
        let never_connected = self.once && !self.had_session;
        if never_connected
            || self
                .settings
                .reconnect
                .attempts
                .is_some_and(|most| self.failed >= most)
        {
            let attempts = self.failed.saturating_add(u32::from(never_connected));
            self.end(Ended::GaveUp { lost, attempts });
            return;
        }
        let wait = self.wait_before_next(action);
        self.failed = self.failed.saturating_add(1);
        self.phase = Phase::Waiting {
            until: later(now, wait),
            renew: action == ClientAction::LogIn,
        };
        self.set_state(State::Waiting { lost });
    }

    fn wait_before_next(&mut self, action: ClientAction) -> Duration {
        let chance = self.jitter.f64();
        let policy = &self.settings.reconnect;
        match (self.hint.take(), action) {
            // New credentials, or the server's own wish for this one client: there is no crowd to wait for.
            (_, ClientAction::LogIn) | (None, ClientAction::Resume) if self.failed == 0 => Duration::ZERO,
            (Some(hint), _) => policy.after_hint(hint, chance),
            (None, _) => policy.back_off(self.failed, chance),
        }
    }

    /// The program wants no more. What waits is still written if there is a connection.
    pub(crate) fn close(&mut self, now: Instant) {
        if self.closing.is_some() || matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        match self.phase {
            Phase::Greeting { .. }
            | Phase::Resuming { .. }
            | Phase::Replaying { .. }
            | Phase::Ready { .. } => {
                self.set_state(State::Closing);
                let deadline = later(now, self.settings.close_timeout);
                self.closing = Some(Closing {
                    deadline,
                    sent: false,
                });
            }
            _ => self.end(Ended::Closed),
        }
    }

    /// It is over: everyone is told.
    pub(crate) fn end(&mut self, ended: Ended) {
        if matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        self.calls.end(&ended);
        self.subscribers.end();
        self.queue.clear();
        self.urgent.clear();
        self.control.clear();
        self.phase = Phase::Ended(ended.clone());
        self.set_state(State::Ended(ended));
    }

    /// Time passes. Why the connection must be given up, if it must.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<Lost> {
        while let Some(id) = self.calls.expired(now) {
            self.give_up(id, RawError::TimedOut);
        }
        if let Some(closing) = &self.closing
            && closing.deadline <= now
        {
            return Some(Lost::TimedOut);
        }
        match self.phase {
            Phase::Opening { deadline }
            | Phase::Greeting { deadline }
            | Phase::Resuming { deadline }
            | Phase::Replaying { deadline, .. }
                if deadline <= now =>
            {
                return Some(Lost::TimedOut);
            }
            _ => {}
        }
        if self.silent_at().is_some_and(|at| at <= now) {
            return Some(Lost::Silent);
        }
        self.verdict.clone()
    }

    /// The next time at which something is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Opening { deadline }
            | Phase::Greeting { deadline }
            | Phase::Resuming { deadline }
            | Phase::Replaying { deadline, .. } => Some(deadline),
            _ => None,
        };
        let ack = match self.phase {
            Phase::Ready { .. } => self.session.ack_at(),
            _ => None,
        };
        let closing = self.closing.as_ref().map(|closing| closing.deadline);
        [phase, ack, closing, self.silent_at(), self.calls.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the server counts as dead.
    fn silent_at(&self) -> Option<Instant> {
        let (Phase::Replaying { .. } | Phase::Ready { .. }) = self.phase else {
            return None;
        };
        let heartbeat = self.heartbeat?;
        let tolerated = (heartbeat.saturating_mul(3) / 2).saturating_add(self.settings.heartbeat_margin);
        Some(later(self.heard_at, tolerated))
    }

    /// Whether the program has closed, or it is over.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_some() || matches!(self.phase, Phase::Ended(_))
    }

    fn set_state(&mut self, state: State) {
        self.state.send_if_modified(|current| {
            let changed = *current != state;
            if changed {
                *current = state;
            }
            changed
        });
    }
}

fn parse<'a, T: Deserialize<'a>>(payload: &'a str) -> Option<T> {
    serde_json::from_str(payload).ok()
}

/// A time that may lie further ahead than clocks go.
fn later(now: Instant, wait: Duration) -> Instant {
    now + wait.min(FAR)
}
