//! Losing connections for real: the session is tested without sockets in `src/core/tests`; here its orders are followed.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use wireloom_client::{CallError, ConnectError, Discontinuity, Ended, Lost, Missed, Notice, State};

use crate::protocol::{Count, News, Note, Say};
use crate::support::{Fake, news, reach, soon};

fn say(text: &str) -> Say {
    Say {
        text: text.to_owned(),
    }
}

#[tokio::test]
async fn lost_connection_is_resumed() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let mut peer = fake.greet("t").await;
    reach(&client, |state| matches!(state, State::Connected { .. })).await;
    assert_eq!(peer.subprotocol.as_deref(), Some("demo.v1"));
    let mut events = client.events::<News>();
    peer.send(news(1)).await;
    assert_eq!(soon(events.next()).await.unwrap().unwrap().text, "1");
    peer.cut();

    let mut peer = fake.resume("t", 1, &[news(2), news(3)]).await;
    for text in ["2", "3"] {
        assert_eq!(soon(events.next()).await.unwrap().unwrap().text, text);
    }
    peer.send(news(4)).await;
    assert_eq!(soon(events.next()).await.unwrap().unwrap().text, "4");
    peer.cut();
    let _peer = fake.resume("t+", 4, &[]).await;
}

#[tokio::test]
async fn request_survives_a_lost_connection() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let mut peer = fake.greet("t").await;
    let call = tokio::spawn(async move { client.request(say("hi")).await });
    let first = peer.expect("say").await;
    peer.cut();

    let mut peer = fake.resume("t", 0, &[]).await;
    let again = peer.expect("say").await;
    assert_eq!(first["correlationId"], again["correlationId"]);
    assert_eq!(first["payload"], again["payload"]);
    peer.answer(&again, "said", json!({ "text": "hi" })).await;
    assert_eq!(soon(call).await.unwrap().unwrap().text, "hi");
}

#[tokio::test]
async fn answer_that_was_missed_is_replayed() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let mut peer = fake.greet("t").await;
    let call = tokio::spawn(async move { client.request(say("hi")).await });
    let request = peer.expect("say").await;
    peer.cut();
    let mut answer = json!({ "type": "said", "payload": { "text": "missed" }, "timestamp": 1, "seq": 1 });
    answer["correlationId"] = request["correlationId"].clone();
    let _peer = fake.resume("t", 0, &[answer]).await;
    assert_eq!(soon(call).await.unwrap().unwrap().text, "missed");
}

#[tokio::test]
async fn refused_resume_is_told_in_its_place() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let mut notices = client.notices();
    let mut events = client.events::<News>();
    let mut peer = fake.greet("t").await;
    let (one, other) = (client.clone(), client.clone());
    let call = tokio::spawn(async move { one.request(say("hi")).await });
    peer.expect("say").await;
    let idempotent = tokio::spawn(async move { other.request(say("twice")).idempotent().await });
    peer.expect("say").await;
    peer.cut();

    let mut peer = fake.greet("fresh").await;
    peer.expect("connection:resume").await;
    let payload = json!({ "clientId": "b", "resumed": false, "reason": "expired", "replayed": 0 });
    peer.say("connection:resumed", payload).await;
    peer.send(news(1)).await;
    let interrupted = soon(call).await.unwrap();
    assert!(
        matches!(interrupted, Err(CallError::Interrupted(Discontinuity::Expired))),
        "{interrupted:?}"
    );
    let again = peer.expect("say").await;
    assert_eq!(again["payload"]["text"], "twice");
    peer.answer(&again, "said", json!({ "text": "done" })).await;
    assert_eq!(soon(idempotent).await.unwrap().unwrap().text, "done");
    let first = soon(events.next()).await.unwrap();
    assert_eq!(first, Err(Missed::Discontinuity(Discontinuity::Expired)));
    assert_eq!(soon(events.next()).await.unwrap().unwrap().text, "1");
    while soon(notices.next()).await.unwrap() != Notice::Discontinuity(Discontinuity::Expired) {}
}

#[tokio::test]
async fn queue_waits_for_the_connection() {
    let fake = Fake::new().await;
    let client = fake
        .builder()
        .settings(|settings| settings.queue_messages = 2)
        .start()
        .unwrap();
    client.send(Note { text: "a".to_owned() }).unwrap();
    client.send(Note { text: "b".to_owned() }).unwrap();
    assert!(client.send(Note { text: "c".to_owned() }).is_err());
    let mut peer = fake.greet("t").await;
    for text in ["a", "b"] {
        assert_eq!(peer.expect("note").await["payload"]["text"], text);
    }
}

#[tokio::test]
async fn server_that_closes_during_the_handshake_is_tried_again() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let mut notices = client.notices();
    drop(fake.tcp().await);
    let _peer = fake.greet("t").await;
    assert!(matches!(
        soon(notices.next()).await,
        Some(Notice::Lost(Lost::Unreachable(_)))
    ));
    reach(&client, |state| matches!(state, State::Connected { .. })).await;
}

#[tokio::test]
async fn half_open_connection_is_left() {
    let fake = Fake::new().await;
    let quick = |settings: &mut wireloom_client::Settings| {
        settings.reconnect.base = Duration::from_millis(5);
        settings.heartbeat_margin = Duration::from_millis(50);
        settings.connect_timeout = Duration::from_millis(300);
    };
    let client = fake.builder().settings(quick).start().unwrap();
    // Accepts TCP, and never answers the handshake.
    let stalled = fake.tcp().await;
    let mut peer = fake.accept().await;
    drop(stalled);
    // Greets, and falls silent.
    let payload = json!({ "clientId": "a", "resumeToken": "t", "heartbeatMs": 20 });
    peer.say("connection:established", payload).await;
    let mut notices = client.notices();
    let again = fake.resume("t", 0, &[]).await;
    while soon(notices.next()).await.unwrap() != Notice::Lost(Lost::Silent) {}
    drop((peer, again));
}

#[tokio::test]
async fn stop_code_ends_the_client() {
    for code in [1000, 4403, 4409, 4400, 4406] {
        let fake = Fake::new().await;
        let client = fake.builder().start().unwrap();
        fake.greet("t").await.close(code).await;
        let state = reach(&client, |state| matches!(state, State::Ended(_))).await;
        let lost = Lost::Closed {
            code,
            reason: "because".to_owned(),
        };
        assert!(matches!(state, State::Ended(Ended::Final { lost: ended, .. }) if ended == lost));
        let refused = client.request(say("hi")).await;
        assert!(matches!(refused, Err(CallError::Disconnected(_))));
    }
}

#[tokio::test]
async fn reconnect_code_is_followed_by_a_resume() {
    let fake = Fake::new().await;
    let _client = fake.builder().start().unwrap();
    let mut peer = fake.greet("t").await;
    let mut token = "t".to_owned();
    for code in [1011, 1012, 1013, 4408, 4429, 4503, 4999] {
        peer.close(code).await;
        peer = fake.resume(&token, 0, &[]).await;
        token.push('+');
    }
}

#[tokio::test]
async fn close_hint_is_waited_for() {
    let fake = Fake::new().await;
    let _client = fake.builder().start().unwrap();
    let mut peer = fake.greet("t").await;
    let closing = json!({ "reason": "shutdown", "reconnectAfterMs": 300 });
    peer.say("connection:closing", closing).await;
    let closed = tokio::time::Instant::now();
    peer.close(1001).await;
    let _peer = fake.resume("t", 0, &[]).await;
    let waited = closed.elapsed();
    assert!(waited >= Duration::from_millis(300), "{waited:?}");
}

#[tokio::test]
async fn gap_closes_and_resumes() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let mut events = client.events::<News>();
    let mut peer = fake.greet("t").await;
    peer.send(news(1)).await;
    peer.send(news(3)).await;
    assert_eq!(peer.closed().await, Some(1002));
    let _peer = fake.resume("t", 1, &[news(2), news(3)]).await;
    for text in ["1", "2", "3"] {
        assert_eq!(soon(events.next()).await.unwrap().unwrap().text, text);
    }
}

#[tokio::test]
async fn close_sends_1000() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let mut peer = fake.greet("t").await;
    reach(&client, |state| matches!(state, State::Connected { .. })).await;
    client
        .send(Note {
            text: "last words".to_owned(),
        })
        .unwrap();
    let closing = tokio::spawn(async move { client.close().await });
    peer.expect("note").await;
    assert_eq!(peer.closed().await, Some(1000));
    soon(closing).await.unwrap();
}

#[tokio::test]
async fn dropped_client_closes() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let peer = fake.greet("t").await;
    let mut state = client.state();
    soon(state.wait_for(|state| matches!(state, State::Connected { .. })))
        .await
        .unwrap();
    drop(client);
    assert_eq!(peer.closed().await, Some(1000));
    soon(state.wait_for(|state| *state == State::Ended(Ended::Closed)))
        .await
        .unwrap();
}

#[tokio::test]
async fn stream_keeps_the_client() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let mut peer = fake.greet("t").await;
    let mut stream = client.stream(Count { to: 1 });
    drop(client);
    let finish = tokio::spawn(async move { stream.next().await });
    let request = peer.expect("count").await;
    peer.answer(&request, "tick", json!({ "at": 0 })).await;
    assert_eq!(soon(finish).await.unwrap().unwrap().unwrap().at, 0);
    assert_eq!(peer.closed().await, Some(1000));
}

#[tokio::test]
async fn first_connection_is_waited_for() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.builder().connect());
    let _peer = fake.greet("t").await;
    let client = soon(connecting).await.unwrap().unwrap();
    assert_eq!(
        *client.state().borrow(),
        State::Connected {
            client_id: Some("a".to_owned())
        }
    );

    let nobody = fake.url.clone();
    drop(fake);
    let failed = soon(wireloom_client::Client::builder(&nobody).connect()).await;
    assert!(matches!(
        failed,
        Err(ConnectError::Failed {
            ended: Ended::GaveUp { attempts: 1, .. },
            ..
        })
    ));
}

#[tokio::test]
async fn builder_refuses_what_makes_no_sense() {
    let start = |url: &str| wireloom_client::Client::builder(url).start();
    for url in ["http://localhost/ws", "ws:///ws", "localhost", "ws://exa mple/"] {
        assert!(matches!(start(url), Err(ConnectError::Url { .. })), "{url}");
    }
    let builder = || wireloom_client::Client::builder("ws://localhost/ws");
    assert!(matches!(
        builder().protocol("{}").start(),
        Err(ConnectError::Protocol(_))
    ));
    assert!(matches!(
        builder().subprotocol("a\nb").start(),
        Err(ConnectError::Subprotocol)
    ));
    assert!(matches!(
        builder().token("a\nb").start(),
        Err(ConnectError::Token)
    ));
}

#[test]
fn client_without_a_runtime_is_an_error() {
    let started = wireloom_client::Client::builder("ws://localhost/ws").start();
    assert!(matches!(started, Err(ConnectError::NoRuntime)));
}

#[tokio::test]
async fn message_that_is_too_large_ends_the_client() {
    let fake = Fake::new().await;
    let client = fake
        .builder()
        .settings(|settings| settings.message_bytes = 10_000)
        .start()
        .unwrap();
    let mut peer = fake.greet("t").await;
    peer.say("news", json!({ "text": "x".repeat(20_000) })).await;
    assert_eq!(peer.closed().await, Some(1009));
    let state = reach(&client, |state| matches!(state, State::Ended(_))).await;
    assert!(matches!(
        state,
        State::Ended(Ended::Final {
            lost: Lost::TooLarge,
            ..
        })
    ));
}

#[tokio::test]
async fn unknown_fields_of_a_newer_server_are_tolerated() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let mut peer = fake.greet("t").await;
    let call =
        tokio::spawn(async move { (client.request(say("hi")).await, client.request(say("hi")).await) });
    let request = peer.expect("say").await;
    let payload = json!({ "text": "hi", "mood": "good", "by": { "name": "x", "age": 7 } });
    peer.answer(&request, "said", payload).await;
    let request = peer.expect("say").await;
    peer.answer(&request, "said", json!({ "text": 7 })).await;
    let (new, wrong) = soon(call).await.unwrap();
    let new = new.unwrap();
    assert_eq!((new.text.as_str(), new.by.unwrap().name.as_str()), ("hi", "x"));
    assert!(matches!(wrong, Err(CallError::Undecodable { kind, .. }) if kind == "said"));
}

#[tokio::test]
async fn unknown_error_code_is_kept() {
    let fake = Fake::new().await;
    let client = fake.builder().start().unwrap();
    let mut peer = fake.greet("t").await;
    let call = tokio::spawn(async move { client.request(say("hi")).await });
    let request = peer.expect("say").await;
    let payload = json!({ "code": "from_the_future", "message": "later", "retryable": true, "new": 1 });
    peer.answer(&request, "error", payload).await;
    let error = soon(call).await.unwrap().unwrap_err();
    assert!(error.is_retryable());
    assert!(
        matches!(&error, CallError::Server(error) if error.code == "from_the_future" && error.message == "later")
    );
}
