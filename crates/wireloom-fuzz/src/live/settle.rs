//! Waits: for what must come, and for what must not come any more.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use wireloom_spec::Model;

use super::finding::Kind;
use super::ledger::Ledger;
use super::player::{Player, at};
use super::request::{Ended, Expects, Request};

/// How long an answer may take that must have been given before another one which is there.
const GRACE: Duration = Duration::from_millis(250);

/// How long a stream may be silent before it is cancelled: many end only when their client wants it.
const SILENCE: Duration = Duration::from_millis(500);

/// How long a stream is read that goes on and on.
const FLOWING: Duration = Duration::from_secs(2);

impl Player<'_> {
    /// Has the server answer a ping: it has then taken everything that was sent before. Whether it did.
    pub(super) async fn barrier(&mut self, number: usize) -> bool {
        if self.clients[number].socket.is_none() {
            return false;
        }
        let model = self.stage.model;
        let id = self.fresh_id(number, "");
        let text = json!({ "type": "ping", "correlationId": id }).to_string();
        let expects = Expects::Reply("pong".to_owned());
        let request = Request::new(self.step, "ping", Some(id), text.clone(), expects);
        let within = self.timeout();
        let (client, rules) = at!(self, number);
        let ping = client.ledger.add(request, model);
        client.send(&text, within).await;
        let deadline = Instant::now() + within;
        let over = |ledger: &Ledger| {
            let request = ledger.requests.get(ping);
            request.is_none_or(|request| request.ended.is_some())
        };
        let came = client
            .read_until(deadline, &rules, |client| over(&client.ledger))
            .await;
        client.violations = 0;
        if came {
            client.untaken = false;
            for request in &mut client.ledger.requests {
                request.cancel_taken |= request.cancelled && request.cancel_sent && request.ended.is_none();
            }
        } else if client.socket.is_some() {
            let said = format!("a ping was not answered within {within:?}");
            client.ledger.blame(ping, Kind::NoPong, None, None, said);
            client.dead = true;
        }
        self.counted("ping");
        came
    }

    /// Waits until everything that a client has sent is answered, and cancels what takes too long.
    pub(super) async fn settle(&mut self, number: usize) {
        let client = &self.clients[number];
        if client.socket.is_none() || (!client.untaken && client.ledger.open().next().is_none()) {
            return;
        }
        if !self.barrier(number).await {
            return;
        }
        self.settle_refusals(number).await;
        let model = self.stage.model;
        let now = Instant::now().into_std();
        let ledger = &mut self.clients[number].ledger;
        if let Some(then) = now.checked_sub(self.stage.target.timeout()) {
            ledger.done_since(then);
        }
        ledger.taken(now, model);
        self.check_replay(number);
        self.settle_replies(number).await;
        self.settle_streams(number).await;
        self.cancel_what_is_left(number).await;
        if self.clients[number].socket.is_some() {
            // What is answered twice, or goes on behind its end, is there by now.
            self.barrier(number).await;
        }
        self.count_state(number);
    }

    /// What is invalid is refused before the next message is looked at.
    async fn settle_refusals(&mut self, number: usize) {
        let within = GRACE.min(self.timeout());
        let refusal = |expects: &Expects| matches!(expects, Expects::Refusal(_));
        let (client, rules) = at!(self, number);
        let deadline = Instant::now() + within;
        client
            .read_until(deadline, &rules, |client| !client.ledger.awaits(refusal))
            .await;
        if client.socket.is_none() {
            return;
        }
        let open: Vec<usize> = client
            .ledger
            .open()
            .filter(|(_, request)| !request.optional && refusal(&request.expects))
            .map(|(at, _)| at)
            .collect();
        for at in open {
            let Some(request) = client.ledger.requests.get_mut(at) else {
                continue;
            };
            request.end(Ended::Tainted);
            if let Expects::Refusal(refusal) = request.expects.clone() {
                let said = format!(
                    "{} was not refused: no error came",
                    refusal.what(&request.message)
                );
                client
                    .ledger
                    .blame(at, Kind::AcceptedInvalid, refusal.keyword(), None, said);
            }
        }
    }

    async fn settle_replies(&mut self, number: usize) {
        let mut within = self.timeout();
        let model = self.stage.model;
        let reply = |expects: &Expects| matches!(expects, Expects::Reply(_));
        let (client, rules) = at!(self, number);
        for (_, request) in client.ledger.open() {
            within = within.max(patience(request, model) + self.stage.target.timeout());
        }
        let unanswered = self.stage.unanswered;
        let deadline = Instant::now() + within;
        client
            .read_until(deadline, &rules, |client| {
                let mut open = client.ledger.open();
                !open.any(|(_, request)| {
                    !request.optional && reply(&request.expects) && !unanswered.contains(&request.message)
                })
            })
            .await;
    }

    /// Waits for streams as long as items come, within bounds.
    async fn settle_streams(&mut self, number: usize) {
        let within = self.timeout();
        let silence = SILENCE.min(within);
        let stream = |expects: &Expects| matches!(expects, Expects::Stream { .. });
        let (client, rules) = at!(self, number);
        let last = Instant::now() + FLOWING.min(within);
        while client.ledger.awaits(stream) && Instant::now() < last {
            let before = client.received;
            let deadline = last.min(Instant::now() + silence);
            let over = client
                .read_until(deadline, &rules, |client| !client.ledger.awaits(stream))
                .await;
            if over || client.received == before || client.socket.is_none() {
                break;
            }
        }
    }

    /// Cancels what is still open. What does not end by that never will.
    async fn cancel_what_is_left(&mut self, number: usize) {
        let needed = |request: &Request| {
            !request.optional && matches!(request.expects, Expects::Reply(_) | Expects::Stream { .. })
        };
        let ledger = &self.clients[number].ledger;
        let left: Vec<usize> = ledger
            .open()
            .filter(|(_, request)| needed(request))
            .map(|(at, _)| at)
            .collect();
        if left.is_empty() || self.clients[number].socket.is_none() {
            return;
        }
        for at in &left {
            let Some(request) = self.clients[number].ledger.requests.get_mut(*at) else {
                continue;
            };
            request.cancelled = true;
            request.cancel_sent = true;
            if let Some(id) = request.id.clone() {
                self.send_cancel(number, &id).await;
            }
        }
        if !self.barrier(number).await {
            return;
        }
        let within = self.timeout();
        let (client, rules) = at!(self, number);
        let deadline = Instant::now() + GRACE.min(within);
        let open = |expects: &Expects| matches!(expects, Expects::Reply(_) | Expects::Stream { .. });
        client
            .read_until(deadline, &rules, |client| !client.ledger.awaits(open))
            .await;
        if client.socket.is_none() {
            return;
        }
        for at in left {
            self.judge_left(number, at, within, &needed);
        }
    }

    fn judge_left(&mut self, number: usize, at: usize, within: Duration, needed: &dyn Fn(&Request) -> bool) {
        let ledger = &mut self.clients[number].ledger;
        let Some(request) = ledger.requests.get_mut(at) else {
            return;
        };
        let name = request.message.clone();
        let describe = request.expects.describe();
        let reply = matches!(request.expects, Expects::Reply(_));
        let known = self.stage.unanswered.contains(&name);
        match request.ended {
            None if needed(request) => {
                let items = request.items;
                request.end(Ended::Tainted);
                // Whether it was done nobody knows.
                ledger.goes_on(at, Instant::now().into_std(), self.stage.model);
                if reply {
                    let said =
                        format!("{name} was not answered: {describe} should have come within {within:?}");
                    ledger.blame(at, Kind::MissingReply, None, None, said);
                } else {
                    let said = format!(
                        "the stream of {name} has not ended: after {items} items, neither its end came nor an answer to its cancel"
                    );
                    ledger.blame(at, Kind::MissingEnd, None, None, said);
                }
            }
            // One that is known to have no answer was not waited for.
            Some(Ended::Cancelled) if reply && !known => {
                let said = format!("{name} was not answered within {within:?}; its cancel was");
                ledger.blame(at, Kind::Stalled, None, None, said);
            }
            _ => {}
        }
    }

    /// What was said to be replayed has come by now.
    fn check_replay(&mut self, number: usize) {
        let ledger = &mut self.clients[number].ledger;
        let Some(session) = &mut ledger.session else {
            return;
        };
        let until = std::mem::take(&mut session.replay_until);
        if session.cursor < until {
            let said = format!(
                "a replay up to seq {until} was announced, and what came ends with {}",
                session.cursor
            );
            ledger.find(Kind::ReplayShort, ("", None), said);
        }
    }
}

/// How long the handler of a message may take by its protocol.
fn patience(request: &Request, model: &Model) -> Duration {
    let message = model.message(&request.message);
    let own = message.and_then(|message| message.limits.timeout_ms);
    Duration::from_millis(own.unwrap_or(0))
}
