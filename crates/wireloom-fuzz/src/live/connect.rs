//! How a client comes and goes: connects, is greeted, leaves, is closed.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::finding::Kind;
use super::inspect::inspect;
use super::player::{Player, Trouble, at};
use super::session::Session;
use super::target::Unopened;
use crate::conversation::Ending;

/// How often, and after which time, a connection is tried again.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// Close codes by which a server sends clients away for a while.
const LATER: [u16; 4] = [1001, 1012, 1013, 4429];
/// Close codes that ask to connect again, and to resume.
const TO_RESUME: [u16; 3] = [1001, 4408, 4503];
/// Close codes by which it does not let them in.
const REFUSED: [u16; 3] = [4401, 4403, 4406];

impl Player<'_> {
    /// Opens a connection. Whether there is one.
    pub(super) async fn open(&mut self, number: usize, subprotocol: bool) -> bool {
        let mut unreachable = String::new();
        for attempt in 0..TRIES {
            match self.stage.target.open(subprotocol).await {
                Ok((socket, taken)) => {
                    let client = &mut self.clients[number];
                    client.socket = Some(socket);
                    client.negotiated = taken;
                    client.closed = None;
                    client.may_close = None;
                    self.counts.connections += 1;
                    return true;
                }
                Err(Unopened::Http(status)) => {
                    self.trouble = Some(match status {
                        429 | 503 => Trouble::Busy(status),
                        _ => Trouble::Refused(status),
                    });
                    return false;
                }
                Err(Unopened::Unreachable(why)) => {
                    unreachable = why;
                    sleep(PAUSE * attempt).await;
                }
            }
        }
        let said = format!("nobody listens any more: {unreachable}");
        self.clients[number].ledger.find(Kind::Crashed, ("", None), said);
        self.trouble = Some(Trouble::Gone(unreachable));
        false
    }

    /// Connects with a new session, and takes the greeting.
    pub(super) async fn connect(&mut self, number: usize, subprotocol: bool) {
        let model = self.stage.model;
        self.clients[number].ledger.begin(model);
        if !self.open(number, subprotocol).await {
            return;
        }
        let deadline = Instant::now() + self.timeout();
        let Some(text) = self.clients[number].next_text(deadline).await else {
            if self.clients[number].closed.is_none() {
                let within = self.timeout();
                let said = format!("no connection:established came within {within:?}");
                self.not_greeted(number, None, said);
            }
            return;
        };
        let (received, faults) = inspect(&text, model, self.stage.fuzzer);
        for fault in faults {
            let ledger = &mut self.clients[number].ledger;
            let message = fault.message.unwrap_or_default();
            ledger.find(fault.kind, (&message, fault.keyword.as_deref()), fault.text);
        }
        match received {
            Some(received) if received.kind == "connection:established" => {
                self.greeted(number, &received.payload);
            }
            Some(received) => {
                let said = format!("{} came in place of connection:established", received.kind);
                self.not_greeted(number, Some(text), said);
            }
            None => {}
        }
        self.count_state(number);
    }

    fn not_greeted(&mut self, number: usize, text: Option<String>, said: String) {
        let client = &mut self.clients[number];
        client.ledger.find(Kind::NoGreeting, ("", None), said);
        if let Some(last) = client.ledger.findings.last_mut() {
            last.received = text;
        }
        client.dead = true;
        client.socket = None;
    }

    fn greeted(&mut self, number: usize, greeting: &Value) {
        let text = |pointer: &str| {
            let value = greeting.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let info = &self.stage.model.info;
        if text("/protocol/name") != info.name {
            let other = format!("{} {}", text("/protocol/name"), text("/protocol/version"));
            self.trouble = Some(Trouble::OtherProtocol(other));
            return;
        }
        self.hash = Some(text("/protocol/hash"));
        let client_id = text("/clientId");
        let others = self
            .clients
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number);
        let same = others
            .filter_map(|(_, client)| client.ledger.session.as_ref())
            .find(|session| session.client_id == client_id || session.token == text("/resumeToken"));
        let is_shared = same.is_some();
        let client = &mut self.clients[number];
        if is_shared {
            let said = "two clients were greeted with the same clientId or resumeToken".to_owned();
            client
                .ledger
                .find(Kind::Leak, ("connection:established", None), said);
        }
        client.limit(greeting);
        let token = greeting.pointer("/resumeToken").and_then(Value::as_str);
        client.ledger.session = token
            .filter(|_| client.negotiated)
            .map(|token| Session::new(token.to_owned(), client_id));
    }

    /// Ends a connection.
    pub(super) async fn disconnect(&mut self, number: usize, how: Ending) {
        let model = self.stage.model;
        let within = self.timeout();
        let (client, rules) = at!(self, number);
        if client.socket.is_none() {
            return;
        }
        let taken = match how {
            Ending::Clean => client.say_goodbye(1000, within, &rules).await,
            Ending::Away => client.say_goodbye(1001, within, &rules).await,
            Ending::Abrupt => {
                client.socket = None;
                true
            }
        };
        client.ledger.disconnected(model);
        if let Some(session) = &mut client.ledger.session {
            session.lost = Some(std::time::Instant::now());
            session.ended |= how == Ending::Clean && taken;
            // Who said goodbye first nobody can tell.
            session.may_be_over |= how != Ending::Abrupt && !taken;
        }
        self.counted(match how {
            Ending::Clean => "close",
            Ending::Away => "close, to be back",
            Ending::Abrupt => "connection cut",
        });
    }

    /// Notices that the server has closed a connection.
    pub(super) fn was_closed(&mut self, number: usize) {
        let model = self.stage.model;
        let client = &mut self.clients[number];
        let Some(code) = client.closed.take() else { return };
        client.ledger.disconnected(model);
        if let Some(session) = &mut client.ledger.session {
            session.lost = Some(std::time::Instant::now());
        }
        if let Some(session) = &mut client.ledger.session {
            session.may_be_over |= code.is_some_and(|code| !TO_RESUME.contains(&code));
        }
        let expected = client.may_close.take();
        if let Some(code) = code {
            if expected == Some(code) {
                return;
            }
            if LATER.contains(&code) {
                self.trouble = Some(Trouble::Busy(code));
                return;
            }
            if REFUSED.contains(&code) {
                self.trouble = Some(Trouble::Refused(code));
                return;
            }
        }
        let last = client.ledger.requests.iter().rposition(|request| {
            // Pings are the driver's own.
            request.message != "ping" || request.ended.is_none()
        });
        let keyword = code.map_or_else(|| "reset".to_owned(), |code| code.to_string());
        let how = match code {
            Some(code) => format!("the server closed the connection with {code}"),
            None => "the connection was lost".to_owned(),
        };
        match last {
            Some(at) => {
                let name = client.ledger.requests.get(at).map(|request| &request.message);
                let said = match name {
                    Some(name) if !name.is_empty() => format!("{how} behind a {name}"),
                    _ => format!("{how} behind a text that is no message"),
                };
                client
                    .ledger
                    .blame(at, Kind::ConnectionLost, Some(&keyword), None, said);
            }
            None => client
                .ledger
                .find(Kind::ConnectionLost, ("", Some(&keyword)), how),
        }
        client.dead = true;
    }
}
