//! The typed front door, with the generated code of the agent protocol.

/// The generated code.
pub mod protocol {
    include!("../../../generated/protocol.rs");
}

use protocol::{
    AgentCancel, AgentCancelError, AgentCancelled, AgentMessage, AgentMessageError, AgentStart,
    AgentStartError, AgentStarted, Handlers, SessionStatus, StatusUpdate, StreamChunk, StreamComplete,
    StreamError,
};
use serde_json::{Value, json};
use wireloom::{Ctx, Engine, Items, on, stream};

#[derive(Debug, Default)]
struct App;

async fn start(cx: Ctx<App>, message: AgentStart) -> Result<AgentStarted, AgentStartError> {
    match message.project_path.as_str() {
        "/missing" => Err(AgentStartError::project_not_found()),
        "/busy" => Err(AgentStartError::TooManySessions("eight are running".into())),
        "/broken" => Err(std::io::Error::other("hunter2"))?,
        // Breaks the schema of the reply: a session has a name.
        "/nameless" => Ok(started("")),
        _ => {
            let session_id = cx.client_id().to_string();
            // A client that is gone needs no status.
            let _gone = cx.send(StatusUpdate {
                session_id: session_id.clone(),
                status: SessionStatus::Idle,
            });
            Ok(started(&session_id))
        }
    }
}

fn started(session_id: &str) -> AgentStarted {
    AgentStarted {
        session_id: session_id.to_owned(),
    }
}

async fn message(
    cx: Ctx<App>,
    message: AgentMessage,
    mut out: Items<StreamChunk>,
) -> Result<StreamComplete, AgentMessageError> {
    let session_id = cx.client_id().to_string();
    for word in message.content.split_inclusive(' ') {
        if word.starts_with("fail") {
            let message = "it failed".to_owned();
            return Err(StreamError { session_id, message }.into());
        }
        // Breaks the schema of the item: a session has a name.
        let nameless = word.starts_with("nameless");
        out.send(StreamChunk {
            session_id: if nameless {
                String::new()
            } else {
                session_id.clone()
            },
            content: word.to_owned(),
        })
        .await;
    }
    Ok(StreamComplete { session_id })
}

async fn cancel(_cx: Ctx<App>, _message: AgentCancel) -> Result<AgentCancelled, AgentCancelError> {
    Err(AgentCancelError::session_not_found())
}

fn engine() -> Engine<App> {
    Handlers {
        agent_start: on(start),
        agent_message: stream(message),
        agent_cancel: on(cancel),
    }
    .builder(App)
    .settings(|settings| settings.check_outbound = true)
    .build()
}

async fn call(name: &str, payload: Value) -> Vec<Value> {
    let frame = json!({"type": name, "payload": payload, "correlationId": "c"}).to_string();
    let answers = engine().call(&frame).await;
    answers
        .iter()
        .map(|answer| serde_json::from_str(answer).unwrap())
        .collect()
}

#[tokio::test]
async fn a_request_is_answered_behind_what_its_handler_sends() {
    let answers = call("agent:start", json!({"projectId": "p", "projectPath": "/srv/p"})).await;
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["type"], "status:update");
    assert_eq!(answers[0].get("correlationId"), None);
    assert_eq!(answers[1]["type"], "agent:started");
    assert_eq!(answers[1]["correlationId"], "c");
    assert_eq!(
        answers[0]["payload"]["sessionId"],
        answers[1]["payload"]["sessionId"]
    );
}

#[tokio::test]
async fn declared_errors_reach_the_peer_and_others_do_not() {
    for (path, code, says, retryable) in [
        (
            "/missing",
            "project_not_found",
            "The project path does not exist or is not allowed.",
            false,
        ),
        ("/busy", "too_many_sessions", "eight are running", true),
        ("/broken", "internal", "internal error", false),
        ("/nameless", "internal", "internal error", false),
    ] {
        let answers = call("agent:start", json!({"projectId": "p", "projectPath": path})).await;
        assert_eq!(answers.len(), 1, "{answers:?}");
        let expected = json!({"code": code, "message": says, "retryable": retryable});
        assert_eq!(answers[0]["payload"], expected);
        assert_eq!(answers[0]["type"], "error");
    }
}

#[tokio::test]
async fn a_stream_ends_well_or_badly() {
    let answers = call("agent:message", json!({"content": "a b c"})).await;
    let types: Vec<_> = answers
        .iter()
        .map(|answer| answer["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        ["stream:chunk", "stream:chunk", "stream:chunk", "stream:complete"]
    );
    let whole: String = answers[..3]
        .iter()
        .map(|answer| answer["payload"]["content"].as_str().unwrap())
        .collect();
    assert_eq!(whole, "a b c");

    let answers = call("agent:message", json!({"content": "a fail c"})).await;
    let types: Vec<_> = answers
        .iter()
        .map(|answer| answer["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["stream:chunk", "stream:error"]);
    assert!(answers.iter().all(|answer| answer["correlationId"] == "c"));
}

#[tokio::test]
async fn a_stream_ends_with_an_item_that_breaks_its_schema() {
    // In the middle, and as the last one.
    for content in ["a nameless c", "a nameless"] {
        let answers = call("agent:message", json!({ "content": content })).await;
        let types: Vec<_> = answers
            .iter()
            .map(|answer| answer["type"].as_str().unwrap())
            .collect();
        assert_eq!(types, ["stream:chunk", "error"], "{answers:?}");
        assert_eq!(answers[1]["payload"]["code"], "internal");
        assert_eq!(answers[1]["correlationId"], "c");
    }
}

#[tokio::test]
async fn what_the_schema_refuses_reaches_no_handler() {
    for (payload, path, keyword) in [
        (json!({"projectId": "p"}), "", "required"),
        (
            json!({"projectId": "p", "projectPath": "/", "x": 1}),
            "",
            "additionalProperties",
        ),
        (
            json!({"projectId": "", "projectPath": "/"}),
            "/projectId",
            "minLength",
        ),
        (
            json!({"projectId": "p".repeat(129), "projectPath": "/"}),
            "/projectId",
            "maxLength",
        ),
        (json!({"projectId": 1, "projectPath": "/"}), "/projectId", "type"),
        (json!([]), "", "type"),
    ] {
        let answers = call("agent:start", payload.clone()).await;
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0]["payload"]["code"], "invalid_payload", "{payload}");
        let details = answers[0]["payload"]["details"].as_array().unwrap();
        assert_eq!(details.len(), 1, "{details:?}");
        assert_eq!(
            (&details[0]["path"], &details[0]["keyword"]),
            (&json!(path), &json!(keyword))
        );
        assert_eq!(answers[0]["correlationId"], "c");
    }
}

#[tokio::test]
async fn an_optional_payload_may_be_missing() {
    let answers = engine()
        .call("{\"type\":\"agent:cancel\",\"correlationId\":\"c\"}")
        .await;
    let answer: Value = serde_json::from_str(&answers[0]).unwrap();
    assert_eq!(answer["payload"]["code"], "session_not_found");
}

#[test]
fn generated_types_speak_serde() {
    let text = r#"{"projectId":"p","projectPath":"/"}"#;
    let start: AgentStart = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&start).unwrap(), text);
    assert!(serde_json::from_str::<AgentStart>(r#"{"projectId":"","projectPath":"/"}"#).is_err());
}
