//! One client of a conversation: its socket, and what it knows.

use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use wireloom_spec::Model;

use super::finding::Kind;
use super::ledger::{Ledger, Rules};
use super::target::Socket;

/// Texts that are read without waiting, before others get their turn.
const MAX_READY: usize = 256;

/// What a server accepts, as its greeting says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) bytes: usize,
    pub(super) depth: usize,
    pub(super) in_flight: usize,
}

/// A client.
pub(super) struct Client {
    pub(super) ledger: Ledger,
    pub(super) socket: Option<Socket>,
    pub(super) limits: Limits,
    /// Whether the subprotocol was agreed upon.
    pub(super) negotiated: bool,
    /// The code that the server may close with: it was given cause.
    pub(super) may_close: Option<u16>,
    /// How the last connection was closed by the server; `None` in it is without a code.
    pub(super) closed: Option<Option<u16>>,
    /// Whether something was sent since the server was last known to have taken everything.
    pub(super) untaken: bool,
    /// What came with the last pong of the WebSocket.
    pub(super) pong: Vec<u8>,
    /// Messages in a row that were to be refused.
    pub(super) violations: usize,
    /// Whether it is of no use any more: what comes next would be told of again and again.
    pub(super) dead: bool,
    /// Texts that came.
    pub(super) received: u64,
    /// Answers to requests of other clients: whose, and their ids.
    pub(super) leaked: Vec<(usize, String)>,
}

impl Client {
    pub(super) fn new(number: usize, model: &Model) -> Self {
        let limits = &model.connection.limits;
        Self {
            ledger: Ledger::new(number, model),
            socket: None,
            limits: Limits {
                bytes: usize::try_from(limits.message_bytes).unwrap_or(usize::MAX),
                depth: usize::try_from(limits.depth).unwrap_or(usize::MAX),
                in_flight: usize::try_from(limits.in_flight).unwrap_or(usize::MAX),
            },
            negotiated: false,
            may_close: None,
            closed: None,
            untaken: false,
            pong: Vec::new(),
            violations: 0,
            dead: false,
            received: 0,
            leaked: Vec::new(),
        }
    }

    /// Takes what the greeting says of limits.
    pub(super) fn limit(&mut self, greeting: &Value) {
        let number = |name: &str| {
            let number = greeting
                .pointer(&format!("/limits/{name}"))
                .and_then(Value::as_u64);
            number.and_then(|number| usize::try_from(number).ok())
        };
        let Limits {
            bytes,
            depth,
            in_flight,
        } = &mut self.limits;
        *bytes = number("messageBytes").unwrap_or(*bytes);
        *depth = number("depth").unwrap_or(*depth);
        *in_flight = number("inFlight").unwrap_or(*in_flight);
    }

    /// Sends a text. Where that fails, the connection is gone, as who reads next will see.
    pub(super) async fn send(&mut self, text: &str, within: Duration) {
        self.untaken = true;
        self.feed(Frame::text(text), within).await;
    }

    pub(super) async fn feed(&mut self, frame: Frame, within: Duration) {
        if let Some(socket) = &mut self.socket {
            // A server that does not read is found by what it does not answer.
            let _sent = timeout(within, socket.send(frame)).await;
        }
    }

    /// Reads until something holds, or the deadline. Whether it holds.
    pub(super) async fn read_until(
        &mut self,
        deadline: Instant,
        rules: &Rules<'_>,
        holds: impl Fn(&Self) -> bool,
    ) -> bool {
        loop {
            if holds(self) {
                return true;
            }
            let Some(socket) = &mut self.socket else {
                return false;
            };
            match timeout_at(deadline, socket.next()).await {
                Err(_) => return false,
                Ok(frame) => self.take(frame, rules),
            }
        }
    }

    /// Reads what is there.
    pub(super) fn read_ready(&mut self, rules: &Rules<'_>) {
        for _ in 0..MAX_READY {
            let Some(socket) = &mut self.socket else { return };
            match socket.next().now_or_never() {
                Some(frame) => self.take(frame, rules),
                None => return,
            }
        }
    }

    /// The next text, as it is.
    pub(super) async fn next_text(&mut self, deadline: Instant) -> Option<String> {
        loop {
            let socket = self.socket.as_mut()?;
            match timeout_at(deadline, socket.next()).await {
                Err(_) => return None,
                Ok(Some(Ok(Frame::Text(text)))) => {
                    self.received += 1;
                    return Some(text.as_str().to_owned());
                }
                Ok(Some(Ok(Frame::Close(frame)))) => {
                    self.closed = Some(frame.map(|frame| frame.code.into()));
                    self.socket = None;
                    return None;
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) => {
                    self.closed = Some(None);
                    self.socket = None;
                    return None;
                }
            }
        }
    }

    fn take(
        &mut self,
        frame: Option<Result<Frame, tokio_tungstenite::tungstenite::Error>>,
        rules: &Rules<'_>,
    ) {
        match frame {
            Some(Ok(Frame::Text(text))) => {
                self.received += 1;
                let leaked = self.ledger.take(text.as_str(), rules);
                self.leaked.extend(leaked);
            }
            Some(Ok(Frame::Binary(_))) => {
                let said = "the server sent a binary frame".to_owned();
                self.ledger.find(Kind::BadJson, ("", Some("binary")), said);
            }
            Some(Ok(Frame::Pong(payload))) => self.pong = payload.to_vec(),
            Some(Ok(Frame::Ping(_) | Frame::Frame(_))) => {}
            Some(Ok(Frame::Close(frame))) => {
                self.closed = Some(frame.map(|frame| frame.code.into()));
                self.socket = None;
            }
            Some(Err(_)) | None => {
                self.closed = Some(None);
                self.socket = None;
            }
        }
    }

    /// Says goodbye, and is gone.
    pub(super) async fn leave(&mut self, within: Duration) {
        self.feed(goodbye(1000), within).await;
        self.socket = None;
    }

    /// Says goodbye with a code, and reads until the server has, too. Whether it took that goodbye, and did not say one
    /// of its own at the same time.
    pub(super) async fn say_goodbye(&mut self, code: u16, within: Duration, rules: &Rules<'_>) -> bool {
        self.feed(goodbye(code), within).await;
        let deadline = Instant::now() + within;
        self.read_until(deadline, rules, |client| client.socket.is_none())
            .await;
        self.socket = None;
        self.closed.take() == Some(Some(code))
    }
}

fn goodbye(code: u16) -> Frame {
    Frame::Close(Some(CloseFrame {
        code: CloseCode::from(code),
        reason: "".into(),
    }))
}
