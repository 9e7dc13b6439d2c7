//! How a client takes its session up again: shows its token, has what it missed replayed, and says again what has no
//! answer.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::finding::Kind;
use super::inspect::inspect;
use super::player::Player;
use super::request::Expects;
use super::session::Session;
use super::target::Socket;

impl Player<'_> {
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
    async fn taken_over(&mut self, number: usize, old: Socket) {
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
