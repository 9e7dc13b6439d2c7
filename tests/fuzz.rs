//! Fuzzes the agent protocol against the server, in process. Any of these tests, with another server in it, does the
//! same for another protocol.
//!
//! A few hundred cases a run. As many as you like: `PROPTEST_CASES=1000000 cargo test --test fuzz`.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use wireloom::{Engine, ServeOptions};
use wireloom_fuzz::Fuzzer;
use wireloom_fuzz::conversation::Plan;
use wireloom_fuzz::live::{Budget, Campaign, End, Target};
use wireloom_server::agent::{AgentService, AgentSettings};
use wireloom_server::app::app;

const PROTOCOL: &str = include_str!("../protocol.yaml");

/// The generated strategies: values of the generated types.
mod strategies {
    use wireloom_server::protocol::*;
    include!("../generated/strategies.rs");
}

/// The server without limits on how often it is asked.
fn server() -> (Runtime, Engine<AgentService>) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let engine = runtime.block_on(async {
        let agents = AgentService::new(AgentSettings::default()).expect("the settings are valid");
        app(agents, |settings| settings.rate = None).engine
    });
    (runtime, engine)
}

/// The `error` among the answers to a frame, if there is one.
fn error(answers: &[String]) -> Option<Value> {
    let answers = answers
        .iter()
        .filter_map(|answer| serde_json::from_str::<Value>(answer).ok());
    answers
        .into_iter()
        .find(|answer| answer["type"] == "error")
        .map(|mut error| error["payload"].take())
}

#[test]
fn every_frame_that_a_client_may_send_is_understood() {
    let (runtime, engine) = server();
    let fuzzer = Fuzzer::from_yaml(PROTOCOL).expect("the protocol is valid");
    proptest!(|(frame in fuzzer.client_frame())| {
        let error = error(&runtime.block_on(engine.call(&frame.text)));
        let code = error.as_ref().and_then(|error| error["code"].as_str()).unwrap_or_default();
        prop_assert!(!code.starts_with("invalid_") && code != "internal", "{error:?}");
    });
}

#[test]
fn every_near_miss_is_refused_with_the_keyword_and_the_place() {
    let (runtime, engine) = server();
    let fuzzer = Fuzzer::from_yaml(PROTOCOL).expect("the protocol is valid");
    proptest!(|((frame, near_miss) in fuzzer.near_miss_frame())| {
        let error = error(&runtime.block_on(engine.call(&frame.text))).unwrap_or_default();
        prop_assert_eq!(&error["code"], "invalid_payload");
        let details = error["details"].as_array().cloned().unwrap_or_default();
        let told = |detail: &Value| detail["keyword"] == near_miss.keyword && detail["path"] == near_miss.path;
        prop_assert!(details.iter().any(told), "{details:?}");
    });
}

#[test]
fn every_hostile_text_is_answered_with_an_error() {
    let (runtime, engine) = server();
    let fuzzer = Fuzzer::from_yaml(PROTOCOL).expect("the protocol is valid");
    proptest!(|(text in fuzzer.hostile_text())| {
        let error = error(&runtime.block_on(engine.call(&text)));
        prop_assert!(error.is_some_and(|error| error["code"] != "internal"));
    });
}

/// A value that was written and read again.
fn travelled<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("it is written");
    serde_json::from_str(&text).expect("it is read")
}

#[test]
fn every_value_is_the_same_at_the_other_end() {
    proptest!(|(
        start in strategies::agent_start(),
        message in strategies::agent_message(),
        update in strategies::status_update(),
        id in strategies::session_id(),
        status in strategies::session_status(),
    )| {
        prop_assert_eq!(&travelled(&start), &start);
        prop_assert_eq!(&travelled(&message), &message);
        prop_assert_eq!(&travelled(&update), &update);
        prop_assert!((1..=64).contains(&id.chars().count()));
        prop_assert_eq!(travelled(&status), status);
    });
}

/// Holds conversations with the server over sockets: several clients, cancels, lost connections, resumes. One for every
/// four cases of the other properties.
#[tokio::test]
async fn every_conversation_goes_as_the_protocol_says() {
    let project = tempfile::tempdir().expect("a folder");
    let settings = AgentSettings {
        roots: vec![project.path().to_owned()],
        ..AgentSettings::default()
    };
    let agents = AgentService::new(settings).expect("the settings are valid");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
    let router = app(agents, |_| {}).router;
    tokio::spawn(wireloom::serve(
        listener,
        router,
        ServeOptions::default(),
        std::future::pending(),
    ));

    let model = wireloom_spec::check("protocol.yaml", PROTOCOL).model;
    let model = Arc::new(model.expect("the protocol is valid"));
    // Longer than anything takes, so that a machine that is busy is no finding.
    let target = Target::new(&url, &model.info.subprotocol(), Duration::from_secs(20)).expect("an address");
    let start = json!({ "projectId": "p1", "projectPath": project.path() });
    let plan = Plan {
        clients: 4,
        samples: [("agent:start".to_owned(), vec![start])].into(),
        ..Plan::default()
    };
    let budget = Budget {
        cases: Some(u64::from(Config::default().cases / 4)),
        time: None,
        ..Budget::default()
    };
    let mut campaign = Campaign::new(model, target, plan, budget, 1);
    let end = campaign.run(&mut |_event| {}).await;
    assert!(campaign.reports.is_empty(), "{:#?}", campaign.reports);
    assert_eq!(end, End::Spent);
    for message in ["agent:start", "agent:message", "agent:cancel"] {
        assert!(
            campaign.counts.accepted.contains_key(message),
            "{message} was never answered well: {:?}",
            campaign.counts
        );
    }
    assert!(campaign.counts.resumed > 0, "{:?}", campaign.counts);
}
