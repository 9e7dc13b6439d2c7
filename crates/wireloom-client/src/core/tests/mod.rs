//! The session without sockets and without clocks. What a test is called, every client of the protocol is held to:
//! `docs/client-behaviour.md` lists the names.

mod calls;
mod connection;
mod session;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Core, Heard, NewCall, Start, Started, Step, Transmit};
use crate::error::{Lost, RawError};
use crate::events::Notice;
use crate::inbox::Outlet;
use crate::raw::Answer;
use crate::settings::Settings;
use crate::state::State;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A session, and a time that goes only where a test moves it.
struct Rig {
    core: Core,
    state: watch::Receiver<State>,
    now: Instant,
}

impl Rig {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Start)) -> Self {
        let mut start = Start {
            settings: Settings::default(),
            can_renew: false,
            once: false,
            limit: Arc::new(|kind| match kind {
                "brief" | "short" => Some(500),
                "large" => Some(10_000),
                _ => None,
            }),
            seed: 7,
        };
        change(&mut start);
        let now = Instant::now();
        let (core, state) = Core::new(start, now);
        Self { core, state, now }
    }

    /// A session that can be taken up again by `t1`.
    fn connected() -> Self {
        let mut rig = Self::new();
        rig.connect();
        rig
    }

    fn connect(&mut self) {
        self.open();
        self.greet(json!({ "clientId": "a", "resumeToken": "t1", "heartbeatMs": 10_000, "limits": { "messageBytes": 2_000, "typeBytes": { "short": 300 } } }));
        assert!(self.is_connected(), "{:?}", self.core.phase);
    }

    fn open(&mut self) {
        assert!(matches!(self.core.step(self.now), Step::Open { .. }));
        self.core.opened(self.now);
    }

    fn greet(&mut self, payload: Value) {
        self.say(json!({ "type": "connection:established", "payload": payload, "timestamp": 1 }));
    }

    /// The server says something.
    fn say(&mut self, message: Value) {
        self.core.heard(self.now);
        self.core.received(message.to_string().into(), self.now);
    }

    /// The server says something that has a number.
    fn numbered(&mut self, seq: u64, id: Option<&str>, kind: &str, payload: Value) {
        let mut message = json!({ "type": kind, "payload": payload, "timestamp": 1, "seq": seq });
        if let Some(id) = id {
            message["correlationId"] = id.into();
        }
        self.say(message);
    }

    fn answer(&mut self, id: &str, kind: &str, payload: Value) {
        self.say(json!({ "type": kind, "payload": payload, "timestamp": 1, "correlationId": id }));
    }

    fn resumed(&mut self, payload: Value) {
        self.say(json!({ "type": "connection:resumed", "payload": payload, "timestamp": 1 }));
    }

    /// What the client says, as far as it says anything now.
    fn said(&mut self) -> Vec<Value> {
        let mut said = Vec::new();
        while let Some(transmit) = self.core.transmit(self.now) {
            said.push(match transmit {
                Transmit::Text(text) => {
                    let mut message: Value = serde_json::from_str(&text).expect("clients speak JSON");
                    message.as_object_mut().expect("an envelope").remove("timestamp");
                    message
                }
                Transmit::Close => json!("close"),
            });
        }
        said
    }

    /// The same, in short: type and `correlationId`.
    fn said_briefly(&mut self) -> Vec<String> {
        let brief = |message: Value| {
            let kind = message["type"].as_str().unwrap_or("close").to_owned();
            match message["correlationId"].as_str() {
                Some(id) => format!("{kind} {id}"),
                None => kind,
            }
        };
        self.said().into_iter().map(brief).collect()
    }

    /// Time passes.
    fn pass(&mut self, time: Duration) -> Option<Lost> {
        self.now += time;
        self.core.tick(self.now)
    }

    fn lose(&mut self, lost: Lost) {
        self.core.lost(lost, self.now);
    }

    fn cut(&mut self) {
        self.lose(Lost::Broken("cut".to_owned()));
    }

    fn close_with(&mut self, code: u16) {
        self.lose(Lost::Closed {
            code,
            reason: String::new(),
        });
    }

    /// How long it waits before it connects again.
    fn wait(&mut self) -> Duration {
        match self.core.step(self.now) {
            Step::Wait(until) => until - self.now,
            Step::Open { .. } => panic!("it connects at once"),
            Step::End => panic!("it has ended"),
        }
    }

    /// Waits for as long as that.
    fn wait_out(&mut self) {
        let wait = self.wait();
        self.now += wait;
    }

    /// Waits, and opens the next connection.
    fn reopen(&mut self) {
        if let super::Phase::Waiting { until, .. } = self.core.phase {
            self.now = self.now.max(until);
        }
        self.open();
    }

    fn is_connected(&self) -> bool {
        matches!(*self.state.borrow(), State::Connected { .. })
    }

    fn ended(&self) -> Option<crate::error::Ended> {
        match &*self.state.borrow() {
            State::Ended(ended) => Some(ended.clone()),
            _ => None,
        }
    }

    fn begin(&mut self, change: impl FnOnce(&mut NewCall)) -> Result<Started, RawError> {
        let mut call = NewCall {
            kind: "say".into(),
            payload: "{}".to_owned(),
            answer: Answer::Reply("said".into()),
            items: false,
            timeout: None,
            restart: false,
            idempotent: false,
        };
        change(&mut call);
        self.core.begin(call, self.now)
    }

    fn request(&mut self) -> Started {
        self.begin(|_| {}).expect("there is room")
    }

    fn stream(&mut self) -> Started {
        let stream = |call: &mut NewCall| {
            call.kind = "count".into();
            call.items = true;
            call.restart = true;
            call.answer = Answer::Stream {
                end: "done".into(),
                error: Some("failed".into()),
            };
        };
        self.begin(stream).expect("there is room")
    }
}

/// How a call ended, if it has.
fn last(call: &mut Started) -> Option<Result<String, RawError>> {
    let last = call.last.try_recv().ok()?;
    Some(last.map(|message| message.payload().to_owned()))
}

/// The payloads of what a subscriber has.
fn heard(outlet: &mut Outlet<Heard>) -> Vec<String> {
    let mut heard = Vec::new();
    while let Some(next) = outlet.try_next() {
        heard.push(match next {
            Ok(Heard::Message(message)) => message.payload().to_owned(),
            Ok(Heard::Discontinuity(reason)) => format!("{reason:?}"),
            Err(missed) => format!("missed {missed}"),
        });
    }
    heard
}

fn notices(outlet: &mut Outlet<Notice>) -> Vec<Notice> {
    std::iter::from_fn(|| outlet.try_next()).flatten().collect()
}
