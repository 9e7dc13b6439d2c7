//! What a message is to the request that it answers: what was asked for, something that is wrong, or an error with or
//! without a reason. Knows no sockets and no numbers.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;
use wireloom_spec::Model;

use super::finding::Kind;
use super::inspect::Received;
use super::ledger::Ledger;
use super::request::{Ended, Expects, Refusal};

/// The codes by which the engine says "later": what was sent is not looked at.
const LATER: [&str; 3] = ["rate_limited", "overloaded", "too_many_requests"];
/// The codes of what is refused as invalid.
const INVALID: [&str; 6] = [
    "invalid_json",
    "invalid_envelope",
    "unknown_type",
    "wrong_direction",
    "invalid_payload",
    "too_large",
];

impl Ledger {
    /// A message that answers a request.
    pub(super) fn judge(&mut self, at: usize, received: &Received, text: &str, model: &Model) {
        let Some(request) = self.requests.get_mut(at) else {
            return;
        };
        let kind = received.kind.as_str();
        let (mut name, expects) = (request.message.clone(), request.expects.clone());
        if name.is_empty() {
            name.push_str("a text");
        }
        let item = matches!(&expects, Expects::Stream { item, .. } if item == kind);
        match request.ended {
            Some(Ended::Tainted) => return,
            // The handler of what nothing answers may fail later, and what was lost may be answered all the same.
            Some(Ended::Silently) => return self.late(at, received, text, model),
            Some(Ended::Cancelled) => {
                let said = format!("{kind} came behind the error that says that {name} was cancelled");
                return self.blame(at, Kind::CancelIgnored, None, Some(text), said);
            }
            Some(_) if item => {
                let said = format!("{kind} came behind the end of the stream of {name}");
                return self.blame(at, Kind::ItemAfterEnd, None, Some(text), said);
            }
            Some(_) => {
                let said = format!("{kind} came, and {name} was answered already");
                return self.blame(at, Kind::DoubleReply, Some(kind), Some(text), said);
            }
            None => {}
        }
        let code = (kind == "error").then(|| {
            let code = received.payload.get("code").and_then(Value::as_str);
            code.unwrap_or_default().to_owned()
        });
        if request.cancel_taken && code.as_deref() != Some("cancelled") {
            request.end(Ended::Tainted);
            let said = format!("{kind} came, although the server had taken the cancel of {name}");
            return self.blame(at, Kind::CancelIgnored, None, Some(text), said);
        }
        if item {
            request.items += 1;
            return;
        }
        match (expects, code) {
            (Expects::Refusal(refusal), Some(code)) => {
                self.refused(at, &refusal, &code, received, text, model);
            }
            (Expects::Refusal(refusal), None) => {
                request.end(Ended::Tainted);
                let said = format!("{} was taken: {kind} came", refusal.what(&name));
                self.blame(at, Kind::AcceptedInvalid, refusal.keyword(), Some(text), said);
            }
            (_, Some(code)) => self.failed(at, &code, received, text, model),
            (expects, None) if expects.ends_with(kind) => {
                let well = !matches!(&expects, Expects::Stream { error: Some(error), .. } if error == kind);
                request.end(if well { Ended::Well } else { Ended::Badly });
                if well {
                    self.accepted.push(name);
                }
                self.moved(at, well, Some(text), model);
            }
            (expects, None) => {
                request.end(Ended::Tainted);
                let said = format!(
                    "{name} was answered by {kind}; {} should have come",
                    expects.describe()
                );
                self.blame(at, Kind::WrongReply, Some(kind), Some(text), said);
            }
        }
    }

    /// Something in answer to what was taken for done.
    fn late(&mut self, at: usize, received: &Received, text: &str, model: &Model) {
        let Some(request) = self.requests.get_mut(at) else {
            return;
        };
        let (optional, name) = (request.optional, request.message.clone());
        let describe = request.expects.describe();
        request.end(Ended::Tainted);
        self.is_done(at);
        if optional {
            return;
        }
        let code = received.payload.get("code").and_then(Value::as_str);
        match code.filter(|_| received.kind == "error") {
            // Its state was left long ago.
            Some("invalid_state") => {}
            Some(code) => {
                if let Some(request) = self.requests.get_mut(at) {
                    request.stateful = false;
                }
                let code = code.to_owned();
                self.failed(at, &code, received, text, model);
            }
            None => {
                let kind = &received.kind;
                let said = format!("{name} was answered by {kind}; {describe} should have come");
                self.blame(at, Kind::WrongReply, Some(kind), Some(text), said);
            }
        }
    }

    /// An error in answer to something invalid.
    fn refused(
        &mut self,
        at: usize,
        refusal: &Refusal,
        code: &str,
        received: &Received,
        text: &str,
        model: &Model,
    ) {
        let Some(request) = self.requests.get_mut(at) else {
            return;
        };
        request.end(Ended::Badly);
        let name = request.message.clone();
        let mut states = request.states.iter();
        let illegal = request.stateful && states.any(|state| !accepts(model, state, &name));
        let needs_scopes = match model.message(&name) {
            Some(message) => !message.auth.is_empty(),
            None => {
                *refusal == Refusal::Hostile && model.messages.iter().any(|message| !message.auth.is_empty())
            }
        };
        // A text that is no message may begin like one, which is refused before the rest is read.
        let illegal = illegal || (*refusal == Refusal::Hostile && model.states.is_some());
        self.refused.push((name.clone(), code.to_owned()));
        if LATER.contains(&code) {
            self.slow_down = true;
            return;
        }
        let by_scope = matches!(code, "unauthorized" | "forbidden") && needs_scopes;
        let by_state = code == "invalid_state" && illegal;
        if code == "internal" {
            let said = format!("the server failed at {}", refusal.what(&name));
            self.blame(at, Kind::InternalError, None, Some(text), said);
        } else if !refusal.codes().contains(&code) && !by_scope && !by_state {
            let said = format!(
                "{} was refused with {code}; {} should have come",
                refusal.what(&name),
                refusal.codes().join(" or ")
            );
            self.blame(at, Kind::WrongCode, Some(code), Some(text), said);
        } else if let (Refusal::Payload { keyword, path }, "invalid_payload") = (refusal, code)
            && !tells(&received.payload, keyword, path)
        {
            let said = format!(
                "the payload of {name} violates {keyword} at {path:?}, and the details say something else"
            );
            self.blame(at, Kind::WrongDetail, Some(keyword), Some(text), said);
        }
    }

    /// An error in answer to something valid.
    fn failed(&mut self, at: usize, code: &str, received: &Received, text: &str, model: &Model) {
        let Some(request) = self.requests.get_mut(at) else {
            return;
        };
        let ended = if code == "cancelled" {
            Ended::Cancelled
        } else {
            Ended::Badly
        };
        request.end(ended);
        let (name, cancelled, oversize) = (request.message.clone(), request.cancelled, request.oversize);
        let legal = !request.stateful || request.states.iter().any(|state| accepts(model, state, &name));
        self.refused.push((name.clone(), code.to_owned()));
        let message = model.message(&name);
        let declared = message.is_some_and(|message| message.errors.iter().any(|known| known == code));
        if LATER.contains(&code) {
            self.slow_down = true;
            return;
        }
        match code {
            _ if declared => self.moved(at, false, Some(text), model),
            "invalid_state" => {
                let Some(request) = self.requests.get(at) else {
                    return;
                };
                let refusing = request
                    .states
                    .iter()
                    .filter(|state| !accepts(model, state, &name));
                let left: BTreeSet<String> = refusing.cloned().collect();
                if !request.stateful || left.is_empty() {
                    let said = format!(
                        "{name} was refused in {}, which accepts it",
                        states(&self.possible)
                    );
                    self.blame(at, Kind::RefusedInState, None, Some(text), said);
                } else {
                    self.possible = left;
                    self.widen(model);
                }
            }
            "too_large" if oversize => {}
            _ if INVALID.contains(&code) => {
                // In a state that does not accept it, either may be looked at first.
                if legal {
                    let keyword = detail(&received.payload);
                    let said = format!("{name} fits the protocol, and was refused with {code}");
                    self.blame(
                        at,
                        Kind::RefusedValid,
                        keyword.as_deref().or(Some(code)),
                        Some(text),
                        said,
                    );
                }
            }
            "unauthorized" | "forbidden" if message.is_some_and(|message| !message.auth.is_empty()) => {}
            "timeout" if message.is_some_and(|message| message.limits.timeout_ms.is_some()) => {
                self.moved(at, false, Some(text), model);
            }
            "cancelled" if cancelled => self.moved(at, false, Some(text), model),
            "internal" => {
                let said = format!("the server failed at a {name} that fits the protocol");
                self.blame(at, Kind::InternalError, None, Some(text), said);
            }
            _ if wireloom_spec::ENGINE_ERRORS
                .iter()
                .any(|known| known.code == code) =>
            {
                let said = format!("{name} was answered with {code}, for which there is no reason");
                self.blame(at, Kind::UnexpectedError, Some(code), Some(text), said);
            }
            _ => {
                let said = format!("{name} was answered with {code}, which it does not declare");
                self.blame(at, Kind::UndeclaredError, Some(code), Some(text), said);
            }
        }
    }

    /// A request was taken: its state must have accepted it. Where it ended well, the session has moved on.
    pub(super) fn moved(&mut self, at: usize, well: bool, text: Option<&str>, model: &Model) {
        let Some(request) = self.requests.get(at) else {
            return;
        };
        let (Some(machine), true) = (&model.states, request.stateful) else {
            return;
        };
        let name = request.message.clone();
        let from: BTreeSet<String> = request
            .states
            .iter()
            .filter(|state| accepts(model, state, &name))
            .cloned()
            .collect();
        let targets = |from: &BTreeSet<String>| -> BTreeSet<String> {
            let lead = |state: &String| machine.states.get(state)?.get(&name).cloned();
            from.iter().filter_map(lead).collect()
        };
        if from.is_empty() {
            let said = format!(
                "{name} was taken in {}, which does not accept it",
                states(&request.states)
            );
            let everywhere: BTreeSet<String> = machine.states.keys().cloned().collect();
            self.possible = if well {
                targets(&everywhere)
            } else {
                request.states.clone()
            };
            self.widen(model);
            return self.blame(at, Kind::AcceptedInState, None, text, said);
        }
        self.possible = if well { targets(&from) } else { from };
        self.widen(model);
    }

    /// The server has taken everything that was sent: what nothing answers is over, as far as anybody can tell.
    pub(super) fn taken(&mut self, now: Instant, model: &Model) {
        let over: Vec<usize> = self
            .open()
            .filter(|(_, request)| request.expects == Expects::Nothing)
            .map(|(at, _)| at)
            .collect();
        for at in over {
            let Some(request) = self.requests.get_mut(at) else {
                continue;
            };
            // An error may still come: its handler may be at work.
            request.end(Ended::Silently);
            if request.optional {
                continue;
            }
            let (name, before) = (request.message.clone(), request.states.clone());
            self.accepted.push(name.clone());
            self.moved(at, true, None, model);
            let staying = before.into_iter().filter(|state| accepts(model, state, &name));
            self.possible.extend(staying);
            self.goes_on(at, now, model);
        }
    }
}

/// Whether some state lists the message.
pub(super) fn is_stateful(model: &Model, name: &str) -> bool {
    let states = model.states.as_ref().map(|machine| &machine.states);
    states.is_some_and(|states| states.values().any(|on| on.contains_key(name)))
}

pub(super) fn accepts(model: &Model, state: &str, name: &str) -> bool {
    let on = model
        .states
        .as_ref()
        .and_then(|machine| machine.states.get(state));
    on.is_some_and(|on| on.contains_key(name))
}

fn states(of: &BTreeSet<String>) -> String {
    let names: Vec<String> = of.iter().map(|state| format!("state {state:?}")).collect();
    names.join(" or ")
}

/// Whether the details of an error name a keyword and a place.
fn tells(error: &Value, keyword: &str, path: &str) -> bool {
    let details = error.get("details").and_then(Value::as_array);
    let same = |detail: &Value| {
        let told = detail.get("path").and_then(Value::as_str).unwrap_or_default();
        // A path that holds long names of the client's own is cut.
        let cut = told
            .strip_suffix('…')
            .is_some_and(|front| path.starts_with(front));
        detail.get("keyword").and_then(Value::as_str) == Some(keyword) && (told == path || cut)
    };
    details.is_some_and(|details| details.iter().any(same))
}

/// The keyword of the first detail.
fn detail(error: &Value) -> Option<String> {
    let first = error.get("details")?.get(0)?;
    first.get("keyword")?.as_str().map(str::to_owned)
}
