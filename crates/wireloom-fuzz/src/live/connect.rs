//! How a client comes and goes: connects, is greeted, leaves, takes its session up again.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::finding::Kind;
use super::inspect::inspect;
use super::player::{Player, Trouble, at};
use super::request::Expects;
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
    async fn open(&mut self, number: usize, subprotocol: bool) -> bool {
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
        match how {
            Ending::Clean => client.say_goodbye(1000, within, &rules).await,
            Ending::Away => client.say_goodbye(1001, within, &rules).await,
            Ending::Abrupt => client.socket = None,
        }
        client.ledger.disconnected(model);
        if let Some(session) = &mut client.ledger.session {
            session.lost = Some(std::time::Instant::now());
            session.ended |= how == Ending::Clean;
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

    /// Connects again, and takes the session up again.
    pub(super) async fn resume(&mut self, number: usize, forget: u64) {
        let client = &mut self.clients[number];
        let Some(session) = &mut client.ledger.session else {
            if client.socket.is_none() {
                self.connect(number, true).await;
            }
            return;
        };
        let (token, ended) = (session.token.clone(), session.ended);
        let since = session.last.saturating_sub(forget).max(session.acked);
        session.resumes_from(since);
        // A connection that is still there is taken over.
        let old = client.socket.take();
        if old.is_some() {
            session.lost = Some(std::time::Instant::now());
            client.ledger.disconnected(self.stage.model);
        }
        if !self.open(number, true).await {
            return;
        }
        let Some((resumed, payload)) = self.ask_to_resume(number, &token, since).await else {
            return;
        };
        self.counted("resume");
        if resumed {
            self.resumed(number, &payload, since);
            self.repeat(number).await;
        } else {
            self.not_resumed(number, &payload, ended);
        }
        if let Some(old) = old
            && resumed
        {
            self.taken_over(number, old).await;
        }
    }

    /// Says which session is meant. Whether it is taken up again, and the payload that says so.
    async fn ask_to_resume(&mut self, number: usize, token: &str, since: u64) -> Option<(bool, Value)> {
        let within = self.timeout();
        let id = self.fresh_id(number, "");
        let payload = json!({ "resumeToken": token, "lastSeq": since });
        let text =
            json!({ "type": "connection:resume", "payload": payload, "correlationId": id }).to_string();
        let client = &mut self.clients[number];
        client.send(&text, within).await;
        let deadline = Instant::now() + within;
        loop {
            let Some(text) = client.next_text(deadline).await else {
                if client.closed.is_none() {
                    let said = format!("connection:resume was not answered within {within:?}");
                    client
                        .ledger
                        .find(Kind::MissingReply, ("connection:resume", None), said);
                    client.dead = true;
                }
                return None;
            };
            let (received, faults) = inspect(&text, self.stage.model, self.stage.fuzzer);
            for fault in faults {
                let message = fault.message.unwrap_or_default();
                client
                    .ledger
                    .find(fault.kind, (&message, fault.keyword.as_deref()), fault.text);
            }
            let Some(received) = received else { continue };
            if received.correlation_id.as_deref() == Some(id.as_str()) {
                if received.kind == "error" {
                    // It asks to slow down, or cannot check anything now.
                    client.ledger.slow_down = true;
                    client.socket = None;
                    return None;
                }
                let resumed = received.payload.get("resumed").and_then(Value::as_bool);
                return Some((resumed.unwrap_or(false), received.payload));
            }
            if received.kind == "connection:established" {
                client.limit(&received.payload);
            }
            // What is numbered is for the session that is given up.
        }
    }

    fn resumed(&mut self, number: usize, payload: &Value, since: u64) {
        let text = |name: &str| {
            payload
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let replayed = payload.get("replayed").and_then(Value::as_u64).unwrap_or(0);
        self.counts.resumed += 1;
        let ledger = &mut self.clients[number].ledger;
        let Some(session) = &mut ledger.session else {
            return;
        };
        let (ended, same) = (session.ended, session.client_id == text("clientId"));
        let known = session.last - since;
        session.token = text("resumeToken");
        session.cursor = since;
        session.replay_until = since + replayed;
        session.lost = None;
        session.ended = false;
        session.may_be_over = false;
        if ended {
            let said = "a session whose client had closed with 1000 was taken up again".to_owned();
            ledger.find(Kind::ResumedEnded, ("connection:resume", None), said);
        }
        if !same {
            let said = "a session was taken up again under another clientId".to_owned();
            ledger.find(Kind::Leak, ("connection:resumed", None), said);
        }
        if replayed < known {
            let said = format!(
                "{replayed} messages are replayed behind seq {since}, of which {known} were received"
            );
            ledger.find(Kind::ReplayShort, ("", None), said);
        }
    }

    fn not_resumed(&mut self, number: usize, payload: &Value, ended: bool) {
        let model = self.stage.model;
        let reason = payload.get("reason").and_then(Value::as_str).unwrap_or_default();
        let client = &mut self.clients[number];
        let token = payload.get("resumeToken").and_then(Value::as_str);
        let client_id = payload.get("clientId").and_then(Value::as_str);
        let connection = &model.connection;
        let excused = ended
            || client.ledger.session.as_ref().is_none_or(|session| {
                let window = Duration::from_millis(connection.resume_window_ms);
                let late = session.lost.is_some_and(|lost| lost.elapsed() * 2 > window);
                let (messages, bytes) = session.unacknowledged();
                let full =
                    messages * 2 >= connection.resume_messages || bytes as u64 * 4 >= connection.resume_bytes;
                late || session.may_be_over || (reason == "gap" && full)
            });
        client.ledger.begin(model);
        client.ledger.session = token
            .filter(|_| client.negotiated)
            .map(|token| Session::new(token.to_owned(), client_id.unwrap_or_default().to_owned()));
        if !excused {
            let said = format!("a session was not taken up again: {reason:?}, for which there is no reason");
            client
                .ledger
                .find(Kind::ResumeRefused, ("connection:resume", Some(reason)), said);
        }
    }

    /// Says again what has no answer yet: it must not run twice.
    async fn repeat(&mut self, number: usize) {
        let within = self.timeout();
        let ledger = &self.clients[number].ledger;
        let again: Vec<String> = ledger
            .open()
            .filter(|(_, request)| matches!(request.expects, Expects::Reply(_) | Expects::Stream { .. }))
            .map(|(_, request)| request.text.clone())
            .collect();
        for text in again {
            self.clients[number].send(&text, within).await;
            self.counted("said again");
        }
        // The next message shows the server that its answer has arrived.
        self.clients[number].untaken = true;
    }

    /// The connection that a session was taken over from is closed.
    async fn taken_over(&mut self, number: usize, old: super::target::Socket) {
        let within = self.timeout();
        let new = self.clients[number].socket.replace(old);
        let deadline = Instant::now() + within;
        while self.clients[number].next_text(deadline).await.is_some() {}
        let stays = self.clients[number].socket.is_some();
        self.clients[number].closed = None;
        self.clients[number].socket = new;
        if stays {
            let said = format!("a session was taken over, and its old connection stays open for {within:?}");
            self.clients[number]
                .ledger
                .find(Kind::TakeoverIgnored, ("connection:resume", None), said);
        }
    }
}
