//! Sessions that outlive their connections: nothing lost, nothing twice, order kept, or said so.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use wireloom::{CloseCode, SendError, ServeOptions, Settings};

use crate::support::{Client, Note, Server, Shared, Tick, error, message, registry, until};

/// A server whose sessions wait a while.
async fn server() -> Server {
    with(|_| {}).await
}

async fn with(change: impl FnOnce(&mut Settings)) -> Server {
    Server::with(|settings| {
        wait(settings);
        change(settings);
    })
    .await
}

pub(crate) fn wait(settings: &mut Settings) {
    settings.resume_window = Duration::from_secs(30);
    settings.resume_messages = 1000;
    settings.resume_bytes = 1 << 20;
}

/// A client that keeps what it takes to come back.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) id: String,
    pub(crate) token: String,
    seq: u64,
}

impl Server {
    pub(crate) async fn session(&self) -> Session {
        let mut client = self.connect(&[("Sec-WebSocket-Protocol", "test.v1")]).await;
        let greeting = client.next().await;
        let text = |name: &str| greeting["payload"][name].as_str().unwrap().to_owned();
        Session {
            id: text("clientId"),
            token: text("resumeToken"),
            client,
            seq: 0,
        }
    }

    pub(crate) fn note(&self, id: &str, value: i64) {
        let client = self.engine.client(id).expect("the session lives");
        client.send(Note(Tick::new("k", value, 0))).unwrap();
    }
}

impl Session {
    /// The next message, which must have the next number.
    pub(crate) async fn next(&mut self) -> Value {
        let message = self.client.next().await;
        self.seq += 1;
        assert_eq!(message["seq"], self.seq, "{message}");
        message
    }

    pub(crate) async fn ask(&mut self, name: &str, payload: Value, id: &str) -> Value {
        self.client.send(name, payload, id).await;
        self.next().await
    }

    /// Drops the connection without a goodbye.
    pub(crate) fn lose(self) -> (String, String, u64) {
        (self.id, self.token, self.seq)
    }

    /// Comes back and takes what it missed.
    pub(crate) async fn back(server: &Server, lost: (String, String, u64)) -> (Self, u64) {
        let (id, token, seq) = lost;
        let (client, resumed) = resume(server, &token, seq).await;
        let payload = &resumed["payload"];
        assert_eq!(payload["resumed"], true, "{resumed}");
        assert_eq!(payload["clientId"], id.as_str());
        let fresh = payload["resumeToken"].as_str().unwrap().to_owned();
        assert_ne!(fresh, token, "a token is changed at each use");
        let session = Self {
            client,
            id,
            token: fresh,
            seq,
        };
        (session, payload["replayed"].as_u64().unwrap())
    }
}

/// Connects and asks to resume; what is answered.
pub(crate) async fn resume(server: &Server, token: &str, seq: u64) -> (Client, Value) {
    let mut client = server.connect(&[("Sec-WebSocket-Protocol", "test.v1")]).await;
    client.next().await;
    let payload = json!({"resumeToken": token, "lastSeq": seq});
    let resumed = client.ask("connection:resume", payload, "r").await;
    assert_eq!(resumed["type"], "connection:resumed", "{resumed}");
    assert_eq!(resumed["correlationId"], "r");
    (client, resumed)
}

/// Why a resume is refused.
pub(crate) async fn refused(server: &Server, token: &str, seq: u64) -> String {
    let (mut client, resumed) = resume(server, token, seq).await;
    assert_eq!(resumed["payload"]["resumed"], false, "{resumed}");
    assert_eq!(resumed["payload"]["replayed"], 0);
    // The new session goes on, and can be resumed itself.
    assert!(resumed["payload"]["resumeToken"].is_string());
    client.goes_on().await;
    resumed["payload"]["reason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_missed_is_replayed_in_order_and_once() {
    let server = server().await;
    let mut session = server.session().await;
    server.note(&session.id, 1);
    assert_eq!(session.next().await["payload"]["value"], 1);
    let lost = session.lose();
    for value in 2..=20 {
        server.note(&lost.0, value);
    }
    let (mut session, replayed) = Session::back(&server, lost).await;
    server.note(&session.id, 21);
    assert!(replayed >= 19);
    for value in 2..=21 {
        assert_eq!(session.next().await["payload"]["value"], value);
    }
    session.client.goes_on().await;
}

#[tokio::test]
async fn socket_io_5282_5538_a_client_that_received_nothing_yet_can_come_back() {
    let server = server().await;
    let lost = server.session().await.lose();
    let (session, replayed) = Session::back(&server, lost).await;
    assert_eq!(replayed, 0);
    server.note(&session.id, 1);
    let (mut session, _) = Session::back(&server, session.lose()).await;
    assert_eq!(session.next().await["payload"]["value"], 1);
}

#[tokio::test]
async fn socket_io_4880_many_times_in_a_row() {
    let server = server().await;
    let mut session = server.session().await;
    for value in 0..50 {
        server.note(&session.id, value);
        (session, _) = Session::back(&server, session.lose()).await;
        assert_eq!(session.next().await["payload"]["value"], value);
        assert_eq!(
            session
                .ask("whole", json!({"n": value}), &value.to_string())
                .await["payload"]["n"],
            value
        );
    }
    assert_eq!(server.engine.clients().len(), 1);
}

#[tokio::test]
async fn of_ten_at_once_exactly_one_has_the_session() {
    let server = server().await;
    let lost = server.session().await.lose();
    server.note(&lost.0, 7);
    let attempt = async || {
        let mut client = server.connect(&[("Sec-WebSocket-Protocol", "test.v1")]).await;
        client.next().await;
        let payload = json!({"resumeToken": lost.1, "lastSeq": 0});
        client.send("connection:resume", payload, "r").await;
        client
    };
    let mut holders = Vec::new();
    let mut evicted = 0;
    for mut client in futures_util::future::join_all((0..10).map(|_| attempt())).await {
        // One that another one overtakes may hear of that only.
        match client.frame().await {
            Some(Frame::Close(Some(frame))) => {
                assert_eq!(u16::from(frame.code), CloseCode::TakenOver.code());
                evicted += 1;
            }
            Some(Frame::Text(text)) if text.contains("\"resumed\":true") => holders.push(client),
            Some(Frame::Text(text)) => assert!(text.contains("\"resumed\":false"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    for client in &mut holders {
        assert_eq!(client.next().await["payload"]["value"], 7);
    }
    server.note(&lost.0, 8);
    let mut have = 0;
    for mut client in holders {
        match client.frame().await {
            Some(Frame::Text(text)) => {
                assert!(text.contains("\"seq\":2"), "{text}");
                have += 1;
            }
            Some(Frame::Close(Some(frame))) => {
                assert_eq!(u16::from(frame.code), CloseCode::TakenOver.code());
                evicted += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(have, 1, "{evicted} evicted");
}

#[tokio::test]
async fn an_old_connection_that_is_half_open_is_taken_over() {
    let server = server().await;
    let mut old = server.session().await;
    server.note(&old.id, 1);
    old.next().await;
    // The old socket stays open; what is sent to it is not read.
    server.note(&old.id, 2);
    let lost = (old.id.clone(), old.token.clone(), 1);
    let (mut session, replayed) = Session::back(&server, lost).await;
    assert!(replayed <= 1);
    assert_eq!(session.next().await["payload"]["value"], 2);
    let (messages, code) = old.client.end().await;
    assert!(messages.len() <= 1);
    assert_eq!(code, CloseCode::TakenOver.code());
    server.note(&session.id, 3);
    assert_eq!(session.next().await["payload"]["value"], 3);
    assert_eq!(server.engine.clients().len(), 1);
}

#[tokio::test]
async fn a_token_works_until_the_next_one_has_arrived() {
    let server = server().await;
    let lost = server.session().await.lose();
    let first = lost.1.clone();
    // The answer is lost with the connection: the client has the old token only.
    drop(Session::back(&server, lost.clone()).await);
    let (mut session, _) = Session::back(&server, lost).await;
    // What it sends now shows that it has the new one.
    session.client.goes_on().await;
    session.seq += 1;
    assert_eq!(refused(&server, &first, 1).await, "unknown");
    let (mut session, _) = Session::back(&server, session.lose()).await;
    session.client.goes_on().await;
}

#[tokio::test]
async fn what_is_gone_is_said_to_be_gone() {
    let server = with(|settings| settings.resume_messages = 4).await;
    let lost = server.session().await.lose();
    for value in 0..6 {
        server.note(&lost.0, value);
    }
    assert_eq!(refused(&server, &lost.1, 1).await, "gap");
    // Nobody can take it up exactly any more: it is over.
    until("the session is over", || server.engine.client(&lost.0).is_none()).await;
    assert_eq!(refused(&server, &lost.1, 2).await, "expired");
}

#[tokio::test]
async fn the_last_message_of_the_buffer_is_enough() {
    let server = with(|settings| settings.resume_messages = 4).await;
    let (id, token, _) = server.session().await.lose();
    for value in 0..6 {
        server.note(&id, value);
    }
    let (mut session, replayed) = Session::back(&server, (id, token, 2)).await;
    assert_eq!(replayed, 4);
    assert_eq!(session.next().await["payload"]["value"], 2);
}

#[tokio::test]
async fn a_number_that_was_never_given_is_no_place_to_resume_from() {
    let server = server().await;
    let lost = server.session().await.lose();
    assert_eq!(refused(&server, &lost.1, 1).await, "gap");
}

#[tokio::test]
async fn a_session_waits_for_its_window_and_not_longer() {
    let server = with(|settings| settings.resume_window = Duration::from_millis(400)).await;
    let (kept, lost) = (server.session().await, server.session().await);
    let (kept, lost) = (kept.lose(), lost.lose());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (_kept, _) = Session::back(&server, kept).await;
    assert_eq!(server.state.disconnected.load(Ordering::SeqCst), 0);
    until("it has expired", || server.engine.client(&lost.0).is_none()).await;
    assert_eq!(refused(&server, &lost.1, 0).await, "expired");
}

#[tokio::test]
async fn tokens_that_were_never_given_are_unknown() {
    let server = server().await;
    let session = server.session().await;
    let mut wrong = session.token.clone().into_bytes();
    let last = wrong.last_mut().unwrap();
    *last = if *last == b'A' { b'B' } else { b'A' };
    let wrong = String::from_utf8(wrong).unwrap();
    for token in ["x", "!!!", wrong.as_str(), "A".repeat(64).as_str()] {
        assert_eq!(refused(&server, token, 0).await, "unknown", "{token}");
    }
    // The session is none the worse for it.
    let (_session, _) = Session::back(&server, session.lose()).await;
}

#[tokio::test]
async fn only_the_first_message_may_resume() {
    let server = server().await;
    let lost = server.session().await.lose();
    let mut late = server.session().await;
    late.client.goes_on().await;
    let payload = json!({"resumeToken": lost.1, "lastSeq": 0});
    let answer = late.client.ask("connection:resume", payload, "r").await;
    assert_eq!(answer["payload"]["reason"], "unsupported");
    let (_session, _) = Session::back(&server, lost).await;
}

#[tokio::test]
async fn a_request_at_work_is_answered_to_the_client_that_is_back_and_runs_once() {
    let server = server().await;
    let mut session = server.session().await;
    session.client.send("wait", json!({"a": 1}), "w").await;
    until("it runs", || server.state.begun.load(Ordering::SeqCst) == 1).await;
    let (mut session, _) = Session::back(&server, session.lose()).await;
    // Said again, as a client does that does not know: also with another time stamp.
    let again = json!({"type": "wait", "payload": {"a": 1}, "correlationId": "w", "timestamp": 1, "ack": 0});
    session.client.text(&again.to_string()).await;
    // The same id for something else is a mistake.
    let answer = session.ask("wait", json!({"a": 2}), "w").await;
    error(&answer, "duplicate", Some("w"));
    server.state.go.notify_one();
    let answer = session.next().await;
    assert_eq!(
        (&answer["type"], &answer["correlationId"]),
        (&json!("echoed"), &json!("w"))
    );
    assert_eq!(server.state.begun.load(Ordering::SeqCst), 1);
    session.client.goes_on().await;
}

#[tokio::test]
async fn socket_io_5334_a_request_that_was_answered_meanwhile_is_not_run_again() {
    let server = server().await;
    let mut session = server.session().await;
    session.client.send("wait", json!({}), "w").await;
    until("it runs", || server.state.begun.load(Ordering::SeqCst) == 1).await;
    let lost = session.lose();
    server.state.go.notify_one();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (mut session, _) = Session::back(&server, lost).await;
    session.client.send("wait", json!({}), "w").await;
    assert_eq!(session.next().await["correlationId"], "w");
    session.client.goes_on().await;
    assert_eq!(server.state.begun.load(Ordering::SeqCst), 1);
}

/// Nothing says to its client that it ran: the client asks by a ping, and says it again when that got lost.
#[tokio::test]
async fn a_message_that_nothing_answers_is_not_run_again() {
    let server = server().await;
    let mut session = server.session().await;
    session.client.send("mark", json!({"n": 1}), "m").await;
    for round in 0..3 {
        session.client.ask("ping", json!({}), "p").await;
        (session, _) = Session::back(&server, session.lose()).await;
        session.client.send("mark", json!({"n": 1}), "m").await;
        session.client.ask("ping", json!({}), "p").await;
        assert_eq!(server.state.begun.load(Ordering::SeqCst), 1, "{round}");
    }
    let answer = session.ask("mark", json!({"n": 2}), "m").await;
    error(&answer, "duplicate", Some("m"));
    session.client.send("mark", json!({"n": 1}), "another").await;
    session.client.ask("ping", json!({}), "p").await;
    assert_eq!(server.state.begun.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn who_is_away_is_told_from_who_is_there() {
    let server = server().await;
    let session = server.session().await;
    let client = server.engine.client(&session.id).unwrap();
    client.join("b");
    client.join("a");
    assert!(client.is_connected());
    let lost = session.lose();
    until("it is away", || !client.is_connected()).await;
    assert_eq!(server.engine.clients().len(), 1);
    let (mut session, _) = Session::back(&server, lost).await;
    assert!(client.is_connected());
    assert_eq!(client.rooms(), ["a", "b"]);
    session.client.socket.close(None).await.unwrap();
    drop(session);
    client.close(CloseCode::Normal);
    until("it is gone", || server.engine.clients().is_empty()).await;
    assert!(!client.is_connected());
    assert!(client.rooms().is_empty());
}

#[tokio::test]
async fn who_sends_to_a_session_that_is_over_is_told_so() {
    let server = with(|settings| settings.resume_window = Duration::from_millis(50)).await;
    let session = server.session().await;
    let client = server.engine.client(&session.id).unwrap();
    drop(session.lose());
    until("it is gone", || server.engine.client(client.id()).is_none()).await;
    let sent = client.send(Note(Tick::new("k", 1, 0)));
    assert!(matches!(sent, Err(SendError::Disconnected)), "{sent:?}");
}

#[tokio::test]
async fn a_state_that_has_moved_on_does_not_answer_a_request_twice() {
    let server = server().await;
    let mut session = server.session().await;
    session.client.send("game:start", json!({}), "g").await;
    let lost = (session.id.clone(), session.token.clone(), 0);
    session.next().await;
    drop(session);
    let (mut session, replayed) = Session::back(&server, lost).await;
    assert_eq!(replayed, 1);
    session.client.send("game:start", json!({}), "g").await;
    assert_eq!(session.next().await["type"], "echoed");
    session.client.goes_on().await;
}

#[tokio::test]
async fn a_stream_goes_on_without_its_client_and_waits_when_the_buffer_fills() {
    let server = with(|settings| settings.resume_messages = 40).await;
    let mut session = server.session().await;
    session
        .client
        .send("story", json!({"to": 200, "pauseMs": 1}), "s")
        .await;
    session.next().await;
    let lost = session.lose();
    until("the buffer is nearly full", || {
        server.state.produced.load(Ordering::SeqCst) >= 25
    })
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(server.state.produced.load(Ordering::SeqCst) < 40, "it waits");
    let (mut session, replayed) = Session::back(&server, lost).await;
    assert!(replayed >= 25);
    for n in 1..200 {
        assert_eq!(session.next().await["payload"]["n"], n);
    }
    assert_eq!(session.next().await["type"], "done");
}

#[tokio::test]
async fn a_stream_that_ends_with_its_connection_says_so_afterwards() {
    let server = server().await;
    let mut session = server.session().await;
    session
        .client
        .send("count", json!({"to": 100_000, "pauseMs": 5}), "s")
        .await;
    session.next().await;
    let lost = session.lose();
    until("it was dropped", || {
        server.state.dropped.load(Ordering::SeqCst) == 1
    })
    .await;
    let (mut session, _) = Session::back(&server, lost).await;
    let last = loop {
        let message = session.next().await;
        if message["type"] != "number" {
            break message;
        }
    };
    error(&last, "cancelled", Some("s"));
    session.client.goes_on().await;
}

#[tokio::test]
async fn a_thousand_messages_come_in_one_answer() {
    let server = server().await;
    let lost = server.session().await.lose();
    for value in 0..1000 {
        server.note(&lost.0, value);
    }
    let (mut session, replayed) = Session::back(&server, lost).await;
    assert_eq!(replayed, 1000);
    for value in 0..1000 {
        assert_eq!(session.next().await["payload"]["value"], value);
    }
}

#[tokio::test]
async fn what_is_acknowledged_is_kept_no_longer() {
    let server = with(|settings| settings.resume_messages = 8).await;
    let mut session = server.session().await;
    for round in 0..10 {
        for value in 0..6 {
            server.note(&session.id, value);
            session.next().await;
        }
        // Both ways to say it.
        let seq = session.seq;
        if round % 2 == 0 {
            session
                .client
                .send("connection:ack", json!({"seq": seq}), "a")
                .await;
        } else {
            let echo = json!({"type": "whole", "payload": {}, "ack": seq, "correlationId": "e"});
            session.client.text(&echo.to_string()).await;
            session.next().await;
        }
    }
    let (session, replayed) = Session::back(&server, session.lose()).await;
    assert_eq!(replayed, 0);
    // An acknowledged message cannot be asked for again.
    assert_eq!(refused(&server, &session.token, 1).await, "gap");
}

#[tokio::test]
async fn a_client_that_says_that_it_is_over_is_over() {
    let server = server().await;
    let mut session = server.session().await;
    session.client.socket.close(None).await.unwrap();
    let (id, token, _) = session.lose();
    // A close frame without a code is no word that the conversation is over.
    let (mut session, _) = Session::back(&server, (id, token, 0)).await;
    let normal = CloseFrame {
        code: 1000.into(),
        reason: "".into(),
    };
    session
        .client
        .socket
        .send(Frame::Close(Some(normal)))
        .await
        .unwrap();
    let (id, token, _) = session.lose();
    until("it is gone", || server.engine.client(&id).is_none()).await;
    assert_eq!(refused(&server, &token, 0).await, "expired");
}

#[tokio::test]
async fn a_page_that_is_reloaded_comes_back() {
    let server = server().await;
    let mut session = server.session().await;
    let away = CloseFrame {
        code: 1001.into(),
        reason: "".into(),
    };
    session
        .client
        .socket
        .send(Frame::Close(Some(away)))
        .await
        .unwrap();
    let (_session, _) = Session::back(&server, session.lose()).await;
}

#[tokio::test]
async fn a_client_that_is_closed_for_its_mistakes_has_no_way_back() {
    let server = with(|settings| settings.violations = 3).await;
    let mut session = server.session().await;
    for _ in 0..3 {
        session.client.text("no json").await;
    }
    let (_, code) = session.client.end().await;
    assert_eq!(code, CloseCode::ProtocolViolations.code());
    let (id, token, _) = session.lose();
    until("it is gone", || server.engine.client(&id).is_none()).await;
    assert_eq!(refused(&server, &token, 0).await, "expired");
}

#[tokio::test]
async fn one_that_reads_too_slowly_is_cut_off_and_misses_nothing() {
    let server = with(|settings| {
        settings.outbox_bytes = 64 * 1024;
        settings.resume_bytes = 64 << 20;
        settings.resume_messages = 100_000;
    })
    .await;
    let session = server.session().await;
    let id = session.id.clone();
    let client = server.engine.client(&id).unwrap();
    let mut sent: i64 = 0;
    // More than the kernel takes for a peer that does not read.
    while server.engine.connections() == 1 && sent < 20_000 {
        client.send(Note(Tick::new("k", sent, 1000))).unwrap();
        sent += 1;
        if sent % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    until("it is cut off", || server.engine.connections() == 0).await;
    for _ in 0..10 {
        client.send(Note(Tick::new("k", sent, 1000))).unwrap();
        sent += 1;
    }
    let (mut session, _) = Session::back(&server, session.lose()).await;
    for value in 0..sent {
        assert_eq!(session.next().await["payload"]["value"], value);
    }
}

/// A server whose hook for those who leave takes until the test says so.
async fn with_a_slow_farewell() -> Server {
    let state = Shared::default();
    let registry = registry(&state).settings(wait).on_disconnect(|cx| async move {
        cx.state().disconnected.fetch_add(1, Ordering::SeqCst);
        cx.state().go.notified().await;
    });
    let engine = registry.build().unwrap();
    Server::of(engine, state, ServeOptions::default()).await
}

#[tokio::test]
async fn one_that_was_over_before_its_hook_has_ended_is_told_so() {
    let server = with_a_slow_farewell().await;
    let Session {
        mut client, token, ..
    } = server.session().await;
    let frame = CloseFrame {
        code: CloseCode::Normal.code().into(),
        reason: "".into(),
    };
    client.socket.send(Frame::Close(Some(frame))).await.unwrap();
    let (_, code) = client.end().await;
    assert_eq!(code, CloseCode::Normal.code());
    assert_eq!(refused(&server, &token, 0).await, "expired");
    server.state.go.notify_waiters();
}

#[tokio::test]
async fn one_that_the_server_has_closed_for_good_is_told_so() {
    let server = with_a_slow_farewell().await;
    let Session {
        mut client, token, ..
    } = server.session().await;
    client.socket.send(Frame::binary(vec![1])).await.unwrap();
    let (_, code) = client.end().await;
    assert_eq!(code, CloseCode::UnsupportedData.code());
    assert_eq!(refused(&server, &token, 0).await, "expired");
    server.state.go.notify_waiters();
}

#[tokio::test]
async fn the_longest_gone_end_where_too_many_wait() {
    let server = with(|settings| settings.parked_sessions = 2).await;
    let mut lost = Vec::new();
    for gone in 1..=4 {
        lost.push(server.session().await.lose());
        until("it is gone", || server.engine.connections() == 0).await;
        until("the oldest ended", || {
            server.engine.clients().len() == gone.min(2)
        })
        .await;
    }
    let (_third, _) = Session::back(&server, lost.remove(2)).await;
    assert_eq!(refused(&server, &lost[0].1, 0).await, "expired");
    assert_eq!(refused(&server, &lost[1].1, 0).await, "expired");
}

#[tokio::test]
async fn the_longest_gone_end_where_too_many_bytes_are_kept() {
    let server = with(|settings| settings.parked_bytes = 10_000).await;
    let first = server.session().await.lose();
    until("it is gone", || server.engine.connections() == 0).await;
    let second = server.session().await.lose();
    until("it is gone", || server.engine.connections() == 0).await;
    for _ in 0..4 {
        let client = server.engine.client(&first.0).unwrap();
        client.send(Note(Tick::new("k", 1, 2000))).unwrap();
    }
    let client = server.engine.client(&second.0).unwrap();
    client.send(Note(Tick::new("k", 1, 2000))).unwrap();
    until("the first ended", || server.engine.client(&first.0).is_none()).await;
    assert_eq!(refused(&server, &first.1, 0).await, "expired");
    let (mut second, _) = Session::back(&server, second).await;
    assert_eq!(second.next().await["payload"]["value"], 1);
}

#[tokio::test]
async fn one_that_names_no_version_has_no_numbers() {
    let server = server().await;
    let (mut client, greeting) = server.greeted().await;
    assert_eq!(greeting["payload"].get("resumeToken"), None);
    client.text(&message("whole", json!({}), "e")).await;
    assert_eq!(client.next().await.get("seq"), None);
    let id = greeting["payload"]["clientId"].as_str().unwrap();
    drop(client);
    until("it is gone", || server.engine.client(id).is_none()).await;
}

/// What is published while a client is being attached is neither lost nor out of order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_between_replay_and_attach() {
    let server = server().await;
    let mut session = server.session().await;
    let client = server.engine.client(&session.id).unwrap();
    let publisher = std::thread::spawn(move || {
        for value in 1..=600 {
            client.send(Note(Tick::new("k", value, 0))).unwrap();
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    let mut last = 0;
    for round in 0.. {
        // In the middle of what is published, as long as it is.
        for _ in 0..=round % 7 {
            if last < 600 {
                last += 1;
                assert_eq!(session.next().await["payload"]["value"], last);
            }
        }
        if last == 600 {
            assert!(round > 20, "the client came back {round} times only");
            break;
        }
        session = Session::back(&server, session.lose()).await.0;
    }
    publisher.join().unwrap();
}
