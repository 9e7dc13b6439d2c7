//! Holds a conversation with a server: does step after step, and collects what was wrong.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message as Frame;
use wireloom_spec::Model;

use super::client::Client;
use super::count::Counts;
use super::finding::{Finding, Key, Kind};
use super::ledger::count;
use super::request::{Expects, Refusal, Request};
use super::target::Target;
use crate::Fuzzer;
use crate::conversation::{Action, Conversation, Ending, Label, Sending};

/// Longest correlation id, in code points.
const MAX_CORRELATION_ID: usize = 128;

/// How long a client waits when it is asked to slow down.
const SLOWER: Duration = Duration::from_millis(200);

/// Invalid messages in a row after which something valid is said: a server may close after a hundred.
const MAX_VIOLATIONS: usize = 50;

/// Messages, and bytes in thousandths of what is kept, that are received before they are acknowledged.
const MAX_UNACKNOWLEDGED: u64 = 32;

/// What came of a conversation.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What was wrong, what often follows from something else last.
    pub findings: Vec<Finding>,
    /// What was sent and received.
    pub counts: Counts,
    /// Why it was not held to its end.
    pub trouble: Option<Trouble>,
    /// Hash of the protocol that the server says it speaks.
    pub hash: Option<String>,
}

/// Why a conversation was not held to its end, although nothing is wrong with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody listens.
    Gone(String),
    /// A connection is opened, and the server does not greet.
    Silent,
    /// The server has more to do than it can, restarts, or asks to come back later: the close code or HTTP status.
    Busy(u16),
    /// The server does not let the clients in: the close code or HTTP status.
    Refused(u16),
    /// The server speaks another protocol: its name and version.
    OtherProtocol(String),
}

/// Holds conversations with one server.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// The server.
    pub target: &'a Target,
    /// Its protocol.
    pub model: &'a Model,
    /// The strategies of the protocol, which know its schemas.
    pub fuzzer: &'a Fuzzer,
    /// Messages that are known to have no answer: none is waited for long.
    pub unanswered: &'a BTreeSet<String>,
}

impl Stage<'_> {
    /// Holds a conversation. Ends early when something of the kind `until` was found.
    pub async fn play(&self, conversation: &Conversation, until: Option<&Key>) -> Outcome {
        let clients = 0..conversation.clients();
        let mut player = Player {
            stage: *self,
            clients: clients.map(|number| Client::new(number, self.model)).collect(),
            owners: HashMap::new(),
            counts: Counts::default(),
            sent: 0,
            step: 0,
            trouble: None,
            hash: None,
            until,
            findings: Vec::new(),
        };
        player.counts.conversations = 1;
        for (at, step) in conversation.steps.iter().enumerate() {
            if player.is_over() {
                break;
            }
            player.step = at;
            player.take_step(step.client, &step.action).await;
        }
        player.end().await
    }
}

pub(super) struct Player<'a> {
    pub(super) stage: Stage<'a>,
    pub(super) clients: Vec<Client>,
    /// Whose correlation ids are whose.
    pub(super) owners: HashMap<String, usize>,
    pub(super) counts: Counts,
    /// Frames that were given an id.
    sent: u64,
    pub(super) step: usize,
    pub(super) trouble: Option<Trouble>,
    pub(super) hash: Option<String>,
    until: Option<&'a Key>,
    /// What was found, in the order in which it was seen.
    findings: Vec<Finding>,
}

/// A client by its number, and the rules that its messages are held to. A macro, since it borrows parts of the player.
macro_rules! at {
    ($player:expr, $number:expr) => {{
        let rules = $crate::live::ledger::Rules {
            model: $player.stage.model,
            fuzzer: $player.stage.fuzzer,
            owners: &$player.owners,
        };
        (&mut $player.clients[$number], rules)
    }};
}
pub(super) use at;

impl Player<'_> {
    pub(super) fn timeout(&self) -> Duration {
        self.stage.target.timeout()
    }

    fn is_over(&self) -> bool {
        let found = |key: &Key| self.findings.iter().any(|finding| finding.key == *key);
        self.trouble.is_some() || self.until.is_some_and(found)
    }

    async fn take_step(&mut self, number: usize, action: &Action) {
        let step = self.step;
        let (client, rules) = at!(self, number);
        if client.dead {
            return;
        }
        client.ledger.step = step;
        client.read_ready(&rules);
        self.look_after(number).await;
        let connects = matches!(
            action,
            Action::Connect { .. } | Action::Resume { .. } | Action::Disconnect { .. }
        );
        if !connects && self.clients[number].socket.is_none() && !self.clients[number].dead {
            self.connect(number, true).await;
        }
        if self.clients[number].dead || self.trouble.is_some() {
            return;
        }
        match action {
            Action::Send(sending) => self.send(number, sending).await,
            Action::Text { text } => self.send_text(number, text).await,
            Action::Binary => self.send_binary(number).await,
            Action::Cancel { back } => self.cancel(number, *back).await,
            Action::Ping => self.ping(number).await,
            Action::Ack => self.acknowledge(number).await,
            Action::Settle => self.settle(number).await,
            Action::Disconnect { how } => self.disconnect(number, *how).await,
            Action::Resume { forget } => self.resume(number, *forget).await,
            Action::Connect { subprotocol } => {
                if self.clients[number].socket.is_some() {
                    self.disconnect(number, Ending::Clean).await;
                }
                self.connect(number, *subprotocol).await;
            }
        }
        self.look_after(number).await;
    }

    /// Whatever a client must do beside its steps: notice that it was closed, tell what it has found, slow down,
    /// acknowledge.
    pub(super) async fn look_after(&mut self, number: usize) {
        for (owner, id) in std::mem::take(&mut self.clients[number].leaked) {
            if let Some(client) = self.clients.get_mut(owner) {
                client.ledger.answered_elsewhere(&id);
            }
        }
        self.was_closed(number);
        let client = &mut self.clients[number];
        self.findings.append(&mut client.ledger.findings);
        if std::mem::take(&mut client.ledger.slow_down) {
            self.counts.slowed_down += 1;
            sleep(SLOWER).await;
        }
        let client = &mut self.clients[number];
        let kept = self.stage.model.connection.resume_messages;
        let unacknowledged = client
            .ledger
            .session
            .as_ref()
            .map(|session| session.unacknowledged());
        if client.socket.is_some()
            && unacknowledged.is_some_and(|(messages, _)| messages >= MAX_UNACKNOWLEDGED.min(kept / 2))
        {
            self.acknowledge(number).await;
        }
    }

    /// An id that was not given before.
    pub(super) fn fresh_id(&mut self, number: usize, stem: &str) -> String {
        self.sent += 1;
        let unique = format!("{number}-{}", self.sent);
        let room = MAX_CORRELATION_ID - unique.len().min(MAX_CORRELATION_ID);
        let stem: String = stem.chars().take(room).collect();
        let id = format!("{stem}{unique}");
        self.owners.insert(id.clone(), number);
        id
    }

    pub(super) fn counted(&mut self, what: &str) {
        count(&mut self.counts.sent, what);
    }

    async fn send(&mut self, number: usize, sending: &Sending) {
        let model = self.stage.model;
        let name = &sending.message;
        let ledger = &self.clients[number].ledger;
        let valid = sending.label == Label::Valid;
        let changes = valid && ledger.changes_state(name, model);
        // One at a time: else nobody could say in which state a message was taken.
        let waits = changes && ledger.open().any(|(_, request)| request.stateful);
        if waits || ledger.open().count() + 1 >= self.clients[number].limits.in_flight {
            self.settle(number).await;
        }
        if self.clients[number].socket.is_none() {
            return;
        }
        let id = self.fresh_id(number, &sending.stem);
        let client = &mut self.clients[number];
        let session = client.ledger.session.as_mut().filter(|_| sending.ack);
        let ack = session.map(|session| session.acknowledge());
        let text = sending.text(&id, ack);
        if text.len() > client.limits.bytes {
            return;
        }
        let expects = Expects::of(&sending.label, name, model);
        let mut request = Request::new(self.step, name, Some(id), text.clone(), expects);
        let own = model
            .message(name)
            .and_then(|message| message.limits.message_bytes);
        request.oversize = depth(&text) > client.limits.depth
            || own.is_some_and(|own| text.len() > usize::try_from(own).unwrap_or(usize::MAX));
        if request.oversize && !valid {
            // It may be refused for its size as well.
            request.expects = Expects::Refusal(Refusal::Hostile);
        }
        let legal = client.ledger.legal(name, model);
        client.ledger.add(request, model);
        client.violations = if valid { 0 } else { client.violations + 1 };
        self.counted(match &sending.label {
            Label::Valid if legal => "valid",
            Label::Valid => "illegal in state",
            Label::NearMiss { .. } => "near miss",
            Label::UnknownType => "unknown type",
            Label::WrongDirection => "wrong direction",
        });
        if let Label::NearMiss { keyword, .. } = &sending.label {
            count(&mut self.counts.keywords, keyword);
        }
        let within = self.timeout();
        self.clients[number].send(&text, within).await;
        if changes {
            self.settle(number).await;
        } else if self.clients[number].violations >= MAX_VIOLATIONS {
            self.barrier(number).await;
        }
    }

    async fn send_text(&mut self, number: usize, text: &str) {
        let within = self.timeout();
        let client = &mut self.clients[number];
        if text.len() > client.limits.bytes {
            return;
        }
        // Where a reader can find an id, the error may have it, and need not.
        let value = serde_json::from_str::<Value>(text).ok();
        let id = value.and_then(|value| Some(value.get("correlationId")?.as_str()?.to_owned()));
        let mut request = Request::new(
            self.step,
            "",
            None,
            text.to_owned(),
            Expects::Refusal(Refusal::Hostile),
        );
        request.also = id;
        client.ledger.add(request, self.stage.model);
        client.violations += 1;
        let many = client.violations >= MAX_VIOLATIONS;
        client.send(text, within).await;
        self.counted("hostile text");
        if many {
            self.barrier(number).await;
        }
    }

    async fn send_binary(&mut self, number: usize) {
        self.settle(number).await;
        let within = self.timeout();
        let (client, rules) = at!(self, number);
        client.may_close = Some(1003);
        client.feed(Frame::binary(vec![0, 1, 2]), within).await;
        let deadline = Instant::now() + within;
        let closed = client
            .read_until(deadline, &rules, |client| client.socket.is_none())
            .await;
        if !closed {
            let said = "a binary frame was sent, and the connection stays open".to_owned();
            client
                .ledger
                .find(Kind::AcceptedInvalid, ("", Some("binary")), said);
        }
        self.counted("binary frame");
    }

    async fn cancel(&mut self, number: usize, back: usize) {
        let ledger = &self.clients[number].ledger;
        let mut candidates = ledger.requests.iter().enumerate().rev().filter(|(_, request)| {
            // Pings are the driver's own.
            !matches!(request.expects, Expects::Refusal(_)) && request.message != "ping"
        });
        let chosen = candidates.nth(back).map(|(at, _)| at);
        let id = chosen.and_then(|at| ledger.requests.get(at)?.id.clone());
        let id = match id {
            Some(id) => id,
            None => self.fresh_id(number, "none-"),
        };
        if let Some(request) = chosen.and_then(|at| self.clients[number].ledger.requests.get_mut(at)) {
            request.cancelled = true;
            request.cancel_sent = true;
        }
        self.send_cancel(number, &id).await;
        self.barrier(number).await;
    }

    pub(super) async fn send_cancel(&mut self, number: usize, id: &str) {
        let text = json!({ "type": "request:cancel", "correlationId": id }).to_string();
        let within = self.timeout();
        self.clients[number].send(&text, within).await;
        self.counted("cancel");
    }

    async fn ping(&mut self, number: usize) {
        let within = self.timeout();
        self.sent += 1;
        let payload = self.sent.to_be_bytes().to_vec();
        let (client, rules) = at!(self, number);
        client.feed(Frame::Ping(payload.clone().into()), within).await;
        let deadline = Instant::now() + within;
        let came = client
            .read_until(deadline, &rules, |client| client.pong == payload)
            .await;
        if !came && client.socket.is_some() {
            let said = format!("a ping of the WebSocket was not answered within {within:?}");
            client.ledger.find(Kind::NoPong, ("", Some("websocket")), said);
            client.dead = true;
        }
        self.counted("WebSocket ping");
    }

    async fn acknowledge(&mut self, number: usize) {
        let within = self.timeout();
        let client = &mut self.clients[number];
        let Some(session) = &mut client.ledger.session else {
            return;
        };
        let seq = session.acknowledge();
        let text = json!({ "type": "connection:ack", "payload": { "seq": seq } }).to_string();
        client.send(&text, within).await;
        self.counted("acknowledgement");
    }

    /// Waits for what is open, says goodbye, and sums up.
    async fn end(mut self) -> Outcome {
        for number in 0..self.clients.len() {
            if self.clients[number].socket.is_some() && !self.is_over() {
                self.settle(number).await;
                self.look_after(number).await;
            }
        }
        let is_over = self.is_over();
        for number in 0..self.clients.len() {
            let within = self.timeout();
            match self.clients[number].socket {
                Some(_) if is_over => self.clients[number].leave(within).await,
                Some(_) => self.disconnect(number, Ending::Clean).await,
                None => {}
            }
        }
        let mut findings = self.findings;
        for client in self.clients {
            self.counts.received += client.received;
            for name in client.ledger.accepted {
                count(&mut self.counts.accepted, &name);
            }
            for (name, code) in client.ledger.refused {
                count(&mut self.counts.refused, format!("{name} {code}").trim());
            }
            findings.extend(client.ledger.findings);
        }
        findings.sort_by_key(|finding| finding.key.kind.follows());
        Outcome {
            findings,
            counts: self.counts,
            trouble: self.trouble,
            hash: self.hash,
        }
    }

    /// Counts the states that a session may be in.
    pub(super) fn count_state(&mut self, number: usize) {
        for state in &self.clients[number].ledger.possible {
            count(&mut self.counts.states, state);
        }
    }
}

/// How deep a text nests.
fn depth(text: &str) -> usize {
    fn of(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(of).max().unwrap_or(0),
            Value::Object(entries) => 1 + entries.values().map(of).max().unwrap_or(0),
            _ => 0,
        }
    }
    serde_json::from_str(text).map_or(usize::MAX, |value: Value| of(&value))
}
