//! What one client has asked for and what has come: holds every message of the server against the wire protocol. Knows no
//! sockets and no deadlines.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use wireloom_spec::Model;
use wireloom_spec::model::{Answer, OnDisconnect};

use super::finding::{Finding, Key, Kind};
use super::inspect::{Received, inspect};
use super::judge::{accepts, is_stateful};
use super::request::{Ended, Expects, Refusal, Request};
use super::session::{Place, Session};
use crate::Fuzzer;

/// What is the same for all clients of a conversation.
pub(super) struct Rules<'a> {
    pub(super) model: &'a Model,
    pub(super) fuzzer: &'a Fuzzer,
    /// Whose correlation ids are whose.
    pub(super) owners: &'a HashMap<String, usize>,
}

/// What one client knows.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Its number.
    pub(super) client: usize,
    /// What it has sent to the session it has, in order.
    pub(super) requests: Vec<Request>,
    by_id: HashMap<String, usize>,
    /// The session, if there is one that can be resumed.
    pub(super) session: Option<Session>,
    /// The states that the session may be in; empty in a protocol without states.
    pub(super) possible: BTreeSet<String>,
    /// Requests that may still move the session to another state, since nobody is told when they are done; and when each
    /// was taken.
    at_work: Vec<(Instant, usize)>,
    /// Errors without an id that may still come, for texts from before a connection was lost.
    pub(super) spare_errors: usize,
    /// The step that is at work.
    pub(super) step: usize,
    /// What was seen to be wrong.
    pub(super) findings: Vec<Finding>,
    /// Types that answered well.
    pub(super) accepted: Vec<String>,
    /// Errors that were to be expected, by type and code.
    pub(super) refused: Vec<(String, String)>,
    /// Whether the server has told the client to slow down.
    pub(super) slow_down: bool,
    /// Whether the server says that it is about to close.
    pub(super) closing: bool,
}

impl Ledger {
    pub(super) fn new(client: usize, model: &Model) -> Self {
        let mut ledger = Self {
            client,
            ..Self::default()
        };
        ledger.begin(model);
        ledger
    }

    /// A new session: nothing was asked for.
    pub(super) fn begin(&mut self, model: &Model) {
        self.requests.clear();
        self.by_id.clear();
        self.at_work.clear();
        self.session = None;
        self.spare_errors = 0;
        self.closing = false;
        let initial = model.states.as_ref().map(|states| states.initial.clone());
        self.possible = initial.into_iter().collect();
    }

    /// Adds what is about to be sent.
    pub(super) fn add(&mut self, mut request: Request, model: &Model) -> usize {
        request.states = self.possible.clone();
        request.stateful = is_stateful(model, &request.message);
        let at = self.requests.len();
        if let Some(id) = &request.id {
            self.by_id.insert(id.clone(), at);
        }
        self.requests.push(request);
        at
    }

    /// The request that has an id: of several texts with the same one, the first that is open.
    fn find_by_id(&self, id: &str) -> Option<usize> {
        let known = self.by_id.get(id).copied();
        let same = |(_, request): &(usize, &Request)| request.also.as_deref() == Some(id);
        let open = || self.open().find(same).map(|(at, _)| at);
        let any = || self.requests.iter().enumerate().find(same).map(|(at, _)| at);
        known.or_else(open).or_else(any)
    }

    /// What is not over yet.
    pub(super) fn open(&self) -> impl Iterator<Item = (usize, &Request)> {
        let requests = self.requests.iter().enumerate();
        requests.filter(|(_, request)| request.ended.is_none())
    }

    /// Whether something is open that must end, and of which this holds.
    pub(super) fn awaits(&self, which: impl Fn(&Expects) -> bool) -> bool {
        self.open()
            .any(|(_, request)| !request.optional && which(&request.expects))
    }

    pub(super) fn find(&mut self, kind: Kind, about: (&str, Option<&str>), text: String) {
        let (message, keyword) = about;
        let message = (!message.is_empty()).then(|| message.to_owned());
        self.findings.push(Finding {
            key: Key {
                kind,
                message,
                keyword: keyword.map(str::to_owned),
            },
            text,
            client: self.client,
            step: self.step,
            sent: None,
            received: None,
        });
    }

    /// A finding about a request.
    pub(super) fn blame(
        &mut self,
        at: usize,
        kind: Kind,
        keyword: Option<&str>,
        received: Option<&str>,
        text: String,
    ) {
        let Some(request) = self.requests.get(at) else {
            return;
        };
        // A type that nobody has says nothing about the server.
        let unknown = request.expects == Expects::Refusal(Refusal::UnknownType);
        self.findings.push(Finding {
            key: Key {
                kind,
                message: Some(request.message.clone()).filter(|message| !message.is_empty() && !unknown),
                keyword: keyword.map(str::to_owned),
            },
            text,
            client: self.client,
            step: request.step,
            sent: Some(request.text.clone()),
            received: received.map(str::to_owned),
        });
    }

    /// Takes a text of the server. Whose request it answers, if that is another client's.
    pub(super) fn take(&mut self, text: &str, rules: &Rules<'_>) -> Option<(usize, String)> {
        let (received, faults) = inspect(text, rules.model, rules.fuzzer);
        for fault in faults {
            self.find(
                fault.kind,
                (
                    fault.message.as_deref().unwrap_or_default(),
                    fault.keyword.as_deref(),
                ),
                fault.text,
            );
            if let Some(last) = self.findings.last_mut() {
                last.received = Some(text.to_owned());
            }
        }
        let received = received?;
        if !self.is_new(&received, text, rules.model) {
            return None;
        }
        let kind = received.kind.as_str();
        if kind == "connection:closing" {
            self.closing = true;
            return None;
        }
        let Some(id) = received.correlation_id.as_deref() else {
            if kind == "error" {
                self.error_without_id(&received, text, rules.model);
            } else if matches!(
                kind,
                "connection:established" | "connection:resumed" | "connection:authenticated"
            ) {
                self.unasked(kind, text);
            }
            return None;
        };
        if let Some(at) = self.find_by_id(id) {
            self.judge(at, &received, text, rules.model);
            return None;
        }
        if let Some(owner) = rules.owners.get(id).filter(|owner| **owner != self.client) {
            let said = format!(
                "client {} got {kind}, which answers a request of client {owner}",
                self.client
            );
            self.find(Kind::Leak, (kind, None), said);
            self.received(text);
            return Some((*owner, id.to_owned()));
        }
        let said = format!("{kind} has a correlation id that no request of this session had");
        self.find(Kind::WrongCorrelationId, (kind, None), said);
        self.received(text);
        // What it should have answered is known where only one request waits for such a message.
        let waiting = self.open().filter(|(_, request)| request.expects.ends_with(kind));
        let waiting: Vec<usize> = waiting.map(|(at, _)| at).collect();
        if let [only] = waiting.as_slice()
            && let Some(request) = self.requests.get_mut(*only)
        {
            request.end(Ended::Tainted);
        }
        None
    }

    fn received(&mut self, text: &str) {
        if let Some(last) = self.findings.last_mut() {
            last.received = Some(text.to_owned());
        }
    }

    fn unasked(&mut self, kind: &str, text: &str) {
        self.find(
            Kind::Unasked,
            (kind, None),
            format!("{kind} came, and answers nothing"),
        );
        self.received(text);
    }

    /// Another client got the answer.
    pub(super) fn answered_elsewhere(&mut self, id: &str) {
        if let Some(at) = self.by_id.get(id)
            && let Some(request) = self.requests.get_mut(*at)
        {
            request.end(Ended::Tainted);
        }
    }

    /// Looks at the number. Whether the message is one that was not seen before.
    fn is_new(&mut self, received: &Received, text: &str, model: &Model) -> bool {
        let kind = received.kind.as_str();
        let Some(session) = &mut self.session else {
            if received.seq.is_some() {
                let said = format!("{kind} is numbered, and there is no session to resume");
                self.find(Kind::BadEnvelope, (kind, Some("seq")), said);
                self.received(text);
            }
            return true;
        };
        let Some(seq) = received.seq else {
            if self.must_be_numbered(received, model) {
                let said = format!("{kind} has no seq, and the session can be resumed");
                self.find(Kind::Unnumbered, (kind, None), said);
                self.received(text);
            }
            return true;
        };
        let before = session.cursor;
        match session.place(seq, text) {
            Place::Next => true,
            Place::Replayed => false,
            Place::Differs => {
                let said =
                    format!("the message with seq {seq} is replayed as another one than was sent first");
                self.find(Kind::ReplayDiffers, ("", None), said);
                self.received(text);
                false
            }
            Place::Gap => {
                let said = format!("seq {seq} came behind {before}");
                self.find(Kind::SequenceGap, ("", None), said);
                self.received(text);
                true
            }
            Place::Repeated => {
                let said = format!("seq {seq} came behind {before} again");
                self.find(Kind::SequenceRepeated, ("", None), said);
                self.received(text);
                false
            }
        }
    }

    fn must_be_numbered(&self, received: &Received, model: &Model) -> bool {
        let Some(message) = model.message(&received.kind) else {
            return false;
        };
        let of = received.correlation_id.as_ref().and_then(|id| self.by_id.get(id));
        let of = of.and_then(|at| self.requests.get(*at));
        // What answers the engine's own messages concerns the connection only.
        let answers = of.is_some_and(|request| {
            model
                .message(&request.message)
                .is_some_and(|message| !message.engine)
        });
        match message.engine {
            true => received.kind == "error" && answers,
            false => answers || (message.delivery.resumable && received.correlation_id.is_none()),
        }
    }

    /// An error that names no request: it answers the first text without an id.
    fn error_without_id(&mut self, received: &Received, text: &str, model: &Model) {
        let first = self.open().find(|(_, request)| request.id.is_none());
        match first.map(|(at, _)| at) {
            Some(at) => self.judge(at, received, text, model),
            None if self.spare_errors > 0 => self.spare_errors -= 1,
            None => self.unasked("error", text),
        }
    }

    /// The connection is gone. What is open may be answered after a resume, or never.
    pub(super) fn disconnected(&mut self, model: &Model) {
        for request in &mut self.requests {
            if request.ended.is_some() {
                continue;
            }
            // It may not have reached the server.
            request.cancel_sent = false;
            request.cancel_taken = false;
            match &request.expects {
                // It may not have reached the server, and is not said again.
                Expects::Refusal(_) => {
                    request.optional = true;
                    if request.id.is_none() {
                        self.spare_errors += 1;
                        request.end(Ended::Silently);
                    }
                }
                Expects::Nothing => request.optional = true,
                Expects::Reply(_)
                    if model
                        .message(&request.message)
                        .is_some_and(|message| message.engine) =>
                {
                    request.end(Ended::Silently);
                }
                Expects::Reply(_) => {}
                Expects::Stream { .. } => {
                    let answer = model.message(&request.message).map(|message| &message.answer);
                    request.cancelled |= matches!(
                        answer,
                        Some(Answer::Stream {
                            on_disconnect: OnDisconnect::Cancel,
                            ..
                        })
                    );
                }
            }
        }
    }

    /// Whatever a request does, it may do it from now on.
    pub(super) fn goes_on(&mut self, at: usize, now: Instant, model: &Model) {
        self.at_work.push((now, at));
        self.widen(model);
    }

    /// What was taken before is done.
    pub(super) fn done_since(&mut self, then: Instant) {
        self.at_work.retain(|(taken, _)| *taken > then);
    }

    /// A request has failed, and moves nothing any more.
    pub(super) fn is_done(&mut self, at: usize) {
        self.at_work.retain(|(_, other)| *other != at);
    }

    /// Adds the states to which what is at work may lead.
    pub(super) fn widen(&mut self, model: &Model) {
        let Some(machine) = &model.states else { return };
        let mut known = 0;
        while known != self.possible.len() {
            known = self.possible.len();
            for (_, at) in &self.at_work {
                let Some(request) = self.requests.get(*at) else {
                    continue;
                };
                let leads = |state: &String| machine.states.get(state)?.get(&request.message).cloned();
                let next: Vec<String> = self.possible.iter().filter_map(leads).collect();
                self.possible.extend(next);
            }
        }
    }

    /// The states by name, with what they accept.
    pub(super) fn legal(&self, name: &str, model: &Model) -> bool {
        !is_stateful(model, name) || self.possible.iter().any(|state| accepts(model, state, name))
    }

    /// Whether the session may be in another state when the message was handled.
    pub(super) fn changes_state(&self, name: &str, model: &Model) -> bool {
        let Some(machine) = &model.states else {
            return false;
        };
        let leads = |state: &String| machine.states.get(state).and_then(|on| on.get(name));
        self.possible
            .iter()
            .any(|state| leads(state).is_some_and(|next| next != state))
    }
}

/// Counts by name.
pub(super) fn count(map: &mut BTreeMap<String, u64>, name: &str) {
    *map.entry(name.to_owned()).or_default() += 1;
}
