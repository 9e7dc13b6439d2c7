//! The mistakes: what each does to the messages of a server that is right, and what is to be found then.

use serde_json::{Value, json};

use super::faulty::{Memory, Say};

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    ReplyLost,
    ReplyWithoutId,
    WrongCorrelationId,
    RepliesTwice,
    WrongReply,
    AnswersTheWrongClient,
    UndeclaredError,
    FailsAtSomeInput,
    DiesOfSomeInput,
    ClosesAtInvalid,
    Burns,
    Hangs,
    ProtocolPingUnanswered,
    WebSocketPingUnanswered,
    ItemAfterEnd,
    EndLost,
    CancelIgnored,
    /// A keyword of the schema is not looked at.
    Ignores(&'static str),
    /// An error with this code is not sent.
    Takes(&'static str),
    TakesDuplicateNames,
    BinaryTaken,
    RefusesValid,
    WrongCode,
    WrongPath,
    WrongKeyword,
    DetailsLost,
    StateIgnored,
    RefusedInState,
    InvalidPayload,
    UnknownType,
    WrongDirection,
    UnknownField,
    TimestampLost,
    HalfAMessage,
    NameTwice,
    BinaryMessage,
    ErrorUnasked,
    NumberRepeated,
    NumberSkipped,
    NumberLost,
    ReplayLost,
    ReplayTwice,
    ReplayDiffers,
    ReplayMiscounted,
    ResumeRefused,
    ResumesEnded,
    TakeoverIgnored,
    SameClientTwice,
    StateLostAtResume,
}

/// Mistakes around requests and streams, and the kind, message and keyword of what is to be found; `*` is any.
pub(crate) const REQUESTS: &[(Bug, &str)] = &[
    (Bug::ReplyLost, "missing-reply buy"),
    (Bug::ReplyWithoutId, "missing-reply buy"),
    (Bug::WrongCorrelationId, "wrong-correlation-id bought"),
    (Bug::RepliesTwice, "double-reply buy bought"),
    (Bug::WrongReply, "wrong-reply buy entered"),
    (Bug::AnswersTheWrongClient, "leak bought"),
    (Bug::UndeclaredError, "undeclared-error buy unwelcome"),
    (Bug::FailsAtSomeInput, "internal-error buy"),
    (Bug::DiesOfSomeInput, "connection-lost note reset"),
    (Bug::Burns, "crashed|connection-lost note reset"),
    (Bug::ClosesAtInvalid, "connection-lost * 1011"),
    // It hangs before it looks at the state.
    (Bug::Hangs, "stalled buy|accepted-in-state buy"),
    (Bug::ProtocolPingUnanswered, "no-pong ping"),
    (Bug::WebSocketPingUnanswered, "no-pong websocket"),
    (Bug::ItemAfterEnd, "item-after-end watch"),
    (Bug::EndLost, "missing-end watch"),
    (Bug::CancelIgnored, "cancel-ignored watch"),
    (Bug::StateIgnored, "accepted-in-state buy"),
    (Bug::RefusedInState, "refused-in-state leave"),
];

/// Mistakes in telling valid from invalid.
pub(crate) const JUDGEMENT: &[(Bug, &str)] = &[
    (Bug::Ignores("minimum"), "accepted-invalid * minimum"),
    (Bug::Ignores("maximum"), "accepted-invalid * maximum"),
    (Bug::Ignores("minLength"), "accepted-invalid * minLength"),
    (Bug::Ignores("maxLength"), "accepted-invalid * maxLength"),
    (Bug::Ignores("pattern"), "accepted-invalid enter pattern"),
    (Bug::Ignores("enum"), "accepted-invalid buy enum"),
    (Bug::Ignores("required"), "accepted-invalid * required"),
    (Bug::Ignores("format"), "accepted-invalid buy format"),
    (Bug::Ignores("type"), "accepted-invalid * type"),
    (
        Bug::Ignores("additionalProperties"),
        "accepted-invalid * additionalProperties",
    ),
    (Bug::Takes("invalid_json"), "accepted-invalid text"),
    (
        Bug::Takes("wrong_direction"),
        "accepted-invalid * wrong_direction|accepted-invalid text",
    ),
    (
        Bug::Takes("unknown_type"),
        "accepted-invalid unknown_type|accepted-invalid text",
    ),
    (Bug::TakesDuplicateNames, "accepted-invalid text"),
    (Bug::BinaryTaken, "accepted-invalid binary"),
    (Bug::RefusesValid, "refused-valid buy maximum"),
    (Bug::WrongCode, "wrong-code * invalid_envelope"),
    (Bug::WrongPath, "wrong-detail * *"),
    (Bug::WrongKeyword, "wrong-detail * *"),
    (Bug::DetailsLost, "wrong-detail * *"),
];

/// Mistakes in what the server says, and in sessions.
pub(crate) const MESSAGES: &[(Bug, &str)] = &[
    (Bug::InvalidPayload, "invalid-message bought type"),
    (Bug::UnknownType, "unknown-type gossip"),
    (Bug::WrongDirection, "wrong-direction note"),
    (Bug::UnknownField, "bad-envelope bought trace"),
    (Bug::TimestampLost, "bad-envelope bought timestamp"),
    (Bug::HalfAMessage, "bad-json"),
    (Bug::NameTwice, "bad-json"),
    (Bug::BinaryMessage, "bad-json binary"),
    (Bug::ErrorUnasked, "unasked error"),
    (Bug::NumberRepeated, "sequence-repeated"),
    (Bug::NumberSkipped, "sequence-gap"),
    (Bug::NumberLost, "unnumbered bought"),
    (Bug::ReplayLost, "sequence-gap|replay-short"),
    (Bug::ReplayTwice, "sequence-repeated"),
    (Bug::ReplayDiffers, "replay-differs"),
    (Bug::ReplayMiscounted, "replay-short"),
    (Bug::ResumeRefused, "resume-refused connection:resume expired"),
    (
        Bug::ResumesEnded,
        "resumed-ended connection:resume|leak connection:resumed",
    ),
    (Bug::TakeoverIgnored, "takeover-ignored connection:resume"),
    (Bug::SameClientTwice, "leak connection:established"),
    (Bug::StateLostAtResume, "refused-in-state buy"),
];

/// Whether a finding, as its key is written, is what a table says.
pub(crate) fn is(found: &str, expected: &str) -> bool {
    let one = |expected: &str| {
        let (mut found, mut expected) = (found.split(' '), expected.split(' '));
        loop {
            match (found.next(), expected.next()) {
                (None, None | Some("*")) => return true,
                (Some(_), Some("*")) => {}
                (Some(word), Some(same)) if word == same => {}
                _ => return false,
            }
        }
    };
    expected.split('|').any(one)
}

impl Bug {
    /// Whether it is one of sessions that are resumed.
    pub(crate) fn needs_sessions(self) -> bool {
        matches!(
            self,
            Self::NumberRepeated
                | Self::NumberSkipped
                | Self::NumberLost
                | Self::ReplayLost
                | Self::ReplayTwice
                | Self::ReplayDiffers
                | Self::ReplayMiscounted
                | Self::ResumeRefused
                | Self::ResumesEnded
                | Self::TakeoverIgnored
                | Self::SameClientTwice
                | Self::StateLostAtResume
                | Self::Burns
        )
    }

    /// What becomes of a text of a client.
    pub(crate) fn to_server(self, text: &str, memory: &mut Memory) -> Say {
        let pass = || Say {
            on: vec![text.to_owned()],
            ..Say::default()
        };
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return pass();
        };
        let name = message["type"].as_str().unwrap_or_default();
        let id = message["correlationId"].as_str().unwrap_or_default();
        let payload = &message["payload"];
        if !id.is_empty() && name != "request:cancel" {
            memory
                .requests
                .insert(id.to_owned(), (name.to_owned(), payload.clone()));
        }
        let note = (name == "note").then(|| payload["text"].as_str().unwrap_or_default().len());
        match self {
            Self::Hangs if name == "buy" => Say::default(),
            Self::Hangs if name == "request:cancel" => {
                let cancelled = error("cancelled", id);
                match memory.requests.remove(id) {
                    Some((name, _)) if name == "buy" => back(cancelled),
                    _ => pass(),
                }
            }
            Self::CancelIgnored if name == "request:cancel" => Say::default(),
            Self::DiesOfSomeInput if note.is_some_and(|length| length > 20) => Say {
                cut: true,
                ..Say::default()
            },
            Self::Burns if note.is_some() => Say {
                burn: true,
                ..Say::default()
            },
            _ => pass(),
        }
    }

    /// What becomes of a message of the server that is right.
    pub(crate) fn to_client(self, text: &str, memory: &mut Memory) -> Say {
        let mut message: Value = serde_json::from_str(text).expect("the server speaks JSON");
        let name = message["type"].as_str().unwrap_or_default().to_owned();
        let id = message["correlationId"].as_str().unwrap_or_default().to_owned();
        let code = message["payload"]["code"].as_str().unwrap_or_default().to_owned();
        let keyword = message["payload"]["details"][0]["keyword"].clone();
        let (asked, request) = memory.requests.get(&id).cloned().unwrap_or_default();
        let bought = name == "bought";
        let numbered = message["seq"].as_u64();
        memory.numbered += u64::from(numbered.is_some());
        let replayed = name != "connection:resumed" && numbered.is_some() && memory.replayed > 0;
        memory.replayed -= u64::from(replayed);
        memory.resumed |= name == "connection:resumed" && message["payload"]["resumed"] == true;
        if name == "connection:resumed" {
            memory.replayed = message["payload"]["replayed"].as_u64().unwrap_or_default();
        }
        let good = || answer(&asked, &id);
        match self {
            Self::ReplyLost if bought => return Say::default(),
            Self::EndLost if name == "done" => return Say::default(),
            Self::ProtocolPingUnanswered if name == "pong" => return Say::default(),
            Self::ReplyWithoutId if bought => {
                message
                    .as_object_mut()
                    .expect("a message")
                    .shift_remove("correlationId");
            }
            Self::WrongCorrelationId if bought => message["correlationId"] = format!("{id}x").into(),
            Self::RepliesTwice if bought => return both(text, text.to_owned()),
            Self::WrongReply if bought => return back(answer("enter", &id)),
            Self::AnswersTheWrongClient if bought => {
                return Say {
                    astray: vec![text.to_owned()],
                    ..Say::default()
                };
            }
            Self::UndeclaredError if bought => return back(error("unwelcome", &id)),
            Self::FailsAtSomeInput if bought && request["colour"] == "blue" => {
                return back(error("internal", &id));
            }
            Self::ClosesAtInvalid if code == "invalid_payload" => {
                return Say {
                    close: Some(1011),
                    ..Say::default()
                };
            }
            Self::ItemAfterEnd if name == "done" => {
                let tick =
                    json!({ "type": "tick", "payload": { "at": 9 }, "timestamp": 1, "correlationId": id });
                return both(text, tick.to_string());
            }
            Self::StateIgnored if code == "invalid_state" && asked == "buy" => return back(good()),
            Self::RefusedInState if name == "left" => return back(error("invalid_state", &id)),
            // What has an answer is answered, the rest is taken in silence.
            Self::Ignores(ignored) if code == "invalid_payload" && keyword == ignored => return back(good()),
            Self::Takes(taken) if code == taken => return Say::default(),
            Self::TakesDuplicateNames
                if code == "invalid_json"
                    && message["payload"]["message"]
                        .as_str()
                        .is_some_and(|why| why.contains("twice")) =>
            {
                return Say::default();
            }
            Self::RefusesValid if bought && request["count"] == 9 => {
                let mut refused = error("invalid_payload", &id);
                refused["payload"]["details"] =
                    json!([{ "path": "/count", "keyword": "maximum", "message": "9 is more than 8" }]);
                return back(refused);
            }
            Self::WrongCode if code == "invalid_payload" => {
                message["payload"]["code"] = "invalid_envelope".into();
            }
            Self::WrongPath if code == "invalid_payload" => {
                for detail in message["payload"]["details"].as_array_mut().into_iter().flatten() {
                    let path = format!("/payload{}", detail["path"].as_str().unwrap_or_default());
                    detail["path"] = path.into();
                }
            }
            Self::WrongKeyword if code == "invalid_payload" => {
                for detail in message["payload"]["details"].as_array_mut().into_iter().flatten() {
                    detail["keyword"] = "schema".into();
                }
            }
            Self::DetailsLost if code == "invalid_payload" => {
                message["payload"]
                    .as_object_mut()
                    .expect("an error")
                    .shift_remove("details");
            }
            Self::InvalidPayload if bought => message["payload"]["count"] = "many".into(),
            Self::UnknownType if bought => {
                return both(
                    text,
                    json!({ "type": "gossip", "payload": {}, "timestamp": 1 }).to_string(),
                );
            }
            Self::WrongDirection if bought => {
                let note = json!({ "type": "note", "payload": { "text": "" }, "timestamp": 1 });
                return both(text, note.to_string());
            }
            Self::UnknownField if bought => message["trace"] = "1-2-3".into(),
            Self::TimestampLost if bought => {
                message
                    .as_object_mut()
                    .expect("a message")
                    .shift_remove("timestamp");
            }
            Self::HalfAMessage if bought => return both(text, text.chars().take(20).collect()),
            Self::NameTwice if bought => return back_text(format!("{{\"timestamp\":1,{}", &text[1..])),
            Self::BinaryMessage if bought => return both(text, "binary".to_owned()),
            Self::ErrorUnasked if bought => return both(text, error("invalid_json", "").to_string()),
            Self::NumberRepeated if bought && memory.numbered > 1 => {
                message["seq"] = (numbered.unwrap_or(1) - 1).into();
            }
            Self::NumberSkipped if bought && numbered.is_some() => {
                message["seq"] = (numbered.unwrap_or(1) + 1).into();
            }
            Self::NumberLost if bought => {
                message.as_object_mut().expect("a message").shift_remove("seq");
            }
            Self::ReplayLost if replayed => return Say::default(),
            Self::ReplayTwice if replayed => return both(text, text.to_owned()),
            Self::ReplayDiffers if replayed => message["timestamp"] = 1.into(),
            Self::ReplayMiscounted
                if name == "connection:resumed" && message["payload"]["resumed"] == true =>
            {
                message["payload"]["replayed"] = 0.into();
            }
            Self::ResumeRefused if name == "connection:resumed" => {
                message["payload"]["resumed"] = false.into();
                message["payload"]["reason"] = "expired".into();
            }
            Self::ResumesEnded if name == "connection:resumed" => {
                message["payload"]["resumed"] = true.into();
                message["payload"]
                    .as_object_mut()
                    .expect("an object")
                    .shift_remove("reason");
            }
            Self::StateLostAtResume if bought && memory.resumed => {
                let mut refused = error("invalid_state", &id);
                refused["seq"] = message["seq"].take();
                return back(refused);
            }
            Self::SameClientTwice if name == "connection:established" => {
                message["payload"]["clientId"] = "everybody".into();
            }
            _ => return back_text(text.to_owned()),
        }
        back(message)
    }
}

fn back(message: Value) -> Say {
    if message.is_null() {
        return Say::default();
    }
    back_text(message.to_string())
}

fn back_text(text: String) -> Say {
    Say {
        back: vec![text],
        ..Say::default()
    }
}

fn both(first: &str, second: String) -> Say {
    Say {
        back: vec![first.to_owned(), second],
        ..Say::default()
    }
}

fn error(code: &str, id: &str) -> Value {
    let mut message = json!({
        "type": "error", "payload": { "code": code, "message": code, "retryable": false }, "timestamp": 1
    });
    if !id.is_empty() {
        message["correlationId"] = id.into();
    }
    message
}

/// What answers a request well; null where nothing does.
fn answer(request: &str, id: &str) -> Value {
    let (name, payload) = match request {
        "enter" => ("entered", json!({ "name": "ada" })),
        "leave" => ("left", json!({})),
        "buy" => ("bought", json!({ "count": 1 })),
        "watch" => ("done", json!({})),
        "ping" => ("pong", json!({})),
        _ => return Value::Null,
    };
    json!({ "type": name, "payload": payload, "timestamp": 1, "correlationId": id })
}
