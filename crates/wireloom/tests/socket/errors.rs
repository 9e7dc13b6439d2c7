//! Every error code over a socket, and that the connection goes on.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::support::{Server, error, message, until};

#[tokio::test]
async fn invalid_json_names_the_position() {
    let mut client = Server::start().await.client().await;
    for (text, position, says) in [
        ("", "line 1 column 1", "expected a value"),
        ("{", "line 1 column 2", "expected"),
        ("{\"type\":\"echo\",}", "line 1 column 16", "expected a name"),
        ("{\"type\":\n  tru}", "line 2 column 3", "`true`"),
        (
            "{\"type\":\"echo\"} x",
            "line 1 column 17",
            "the end of the message",
        ),
        ("{'type':1}", "line 1 column 2", "double quotes"),
        ("{\"type\":NaN}", "line 1 column 9", "a value"),
        (
            "{\"type\":\"echo\",\"payload\":{\"text\":\"a\tb\"}}",
            "line 1 column 36",
            "control characters",
        ),
        (
            "{\"type\":\"echo\",\"payload\":{\"text\":\"\\ud800\"}}",
            "line 1 column",
            "surrogate",
        ),
        (
            "{\"type\":\"echo\",\"payload\":{\"text\":\"\\x\"}}",
            "line 1 column",
            "expected one of",
        ),
        (
            "{\"type\":\"echo\",\"payload\":{\"text\":\"a\",\"n\":01}}",
            "line 1 column",
            "expected",
        ),
        (
            "{\"type\":\"whole\",\"payload\":{\"n\":9007199254740993}}",
            "line 1 column 32",
            "a double cannot hold",
        ),
        (
            "{\"type\":\"echo\",\"payload\":{\"text\":\"a\",\"text\":\"b\"}}",
            "line 1 column",
            "twice",
        ),
        (
            "{\"type\":\"echo\",\"type\":\"echo\",\"payload\":{\"text\":\"a\"}}",
            "line 1 column",
            "twice",
        ),
        (
            "{\"payload\":{},\"payload\":{},\"type\":\"whole\"}",
            "line 1 column",
            "twice",
        ),
    ] {
        let answer = client.ask_text(text).await;
        let said = error(&answer, "invalid_json", None)["message"].as_str().unwrap();
        assert!(said.contains(position) && said.contains(says), "{text:?}: {said}");
        assert_eq!(answer["payload"]["retryable"], false);
    }
    client.goes_on().await;
}

#[tokio::test]
async fn a_byte_order_mark_is_invalid_json() {
    let mut client = Server::start().await.client().await;
    let answer = client
        .ask_text("\u{feff}{\"type\":\"ping\",\"payload\":{}}")
        .await;
    assert!(
        error(&answer, "invalid_json", None)["message"]
            .as_str()
            .unwrap()
            .contains("byte order mark")
    );
    client.goes_on().await;
}

#[tokio::test]
async fn invalid_envelope_names_every_field() {
    let mut client = Server::start().await.client().await;
    for (text, paths) in [
        ("[]", vec![""]),
        ("\"echo\"", vec![""]),
        ("{}", vec![""]),
        ("{\"type\":1}", vec!["/type"]),
        ("{\"type\":\"ping\",\"timestamp\":1.5}", vec!["/timestamp"]),
        ("{\"type\":\"ping\",\"timestamp\":-1}", vec!["/timestamp"]),
        ("{\"type\":\"ping\",\"ack\":\"1\"}", vec!["/ack"]),
        (
            "{\"type\":\"ping\",\"correlationId\":\"\"}",
            vec!["/correlationId"],
        ),
        ("{\"type\":\"ping\",\"correlationId\":7}", vec!["/correlationId"]),
        ("{\"type\":\"ping\",\"seq\":1,\"a/b\":2}", vec!["/seq", "/a~1b"]),
    ] {
        let answer = client.ask_text(text).await;
        let details = error(&answer, "invalid_envelope", None)["details"]
            .as_array()
            .unwrap();
        let found: Vec<_> = details
            .iter()
            .map(|detail| detail["path"].as_str().unwrap())
            .collect();
        assert_eq!(found, paths, "{text}");
    }
    let long = "x".repeat(129);
    let answer = client.ask("ping", json!({}), &long).await;
    error(&answer, "invalid_envelope", None);
    assert_eq!(client.ask("ping", json!({}), &long[1..]).await["type"], "pong");
    client.goes_on().await;
}

#[tokio::test]
async fn the_largest_timestamp_is_none_of_the_mistakes_reported() {
    let mut client = Server::start().await.client().await;
    let answer = client
        .ask_text("{\"type\":\"echo\",\"timestamp\":9007199254740991,\"payload\":{}}")
        .await;
    error(&answer, "invalid_payload", None);
}

#[tokio::test]
async fn unknown_type_suggests_the_nearest() {
    let mut client = Server::start().await.client().await;
    let answer = client.ask("ehco", json!({}), "1").await;
    let said = error(&answer, "unknown_type", Some("1"))["message"]
        .as_str()
        .unwrap();
    assert!(said.ends_with("did you mean \"echo\"?"), "{said}");
    let answer = client.ask("qqqqqqq", json!({}), "2").await;
    assert_eq!(
        error(&answer, "unknown_type", Some("2"))["message"],
        "unknown message type"
    );
    // Types are compared byte by byte.
    error(
        &client.ask("Echo", json!({}), "3").await,
        "unknown_type",
        Some("3"),
    );
    client.goes_on().await;
}

#[tokio::test]
async fn wrong_direction_is_told_apart_from_unknown() {
    let mut client = Server::start().await.client().await;
    error(
        &client.ask("echoed", json!({}), "1").await,
        "wrong_direction",
        Some("1"),
    );
    error(
        &client.ask("connection:established", json!({}), "2").await,
        "wrong_direction",
        Some("2"),
    );
    client.goes_on().await;
}

#[tokio::test]
async fn invalid_payload_lists_violations_without_values() {
    let mut client = Server::start().await.client().await;
    let payload = json!({"text": "", "n": 4711, "hunter2": "hunter3"});
    let answer = client.ask("echo", payload, "1").await;
    let details = error(&answer, "invalid_payload", Some("1"))["details"]
        .as_array()
        .unwrap();
    let mut found: Vec<_> = details
        .iter()
        .map(|detail| {
            (
                detail["path"].as_str().unwrap(),
                detail["keyword"].as_str().unwrap(),
            )
        })
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("", "additionalProperties"),
            ("/n", "maximum"),
            ("/text", "minLength")
        ]
    );
    assert!(
        !answer.to_string().contains("4711") && !answer.to_string().contains("hunter3"),
        "{answer}"
    );

    let answer = client.ask("many", json!({}), "2").await;
    assert_eq!(
        error(&answer, "invalid_payload", Some("2"))["details"]
            .as_array()
            .unwrap()
            .len(),
        16
    );

    let answer = client
        .ask_text("{\"type\":\"echo\",\"correlationId\":\"3\"}")
        .await;
    let details = &error(&answer, "invalid_payload", Some("3"))["details"];
    assert_eq!(details[0]["keyword"], "required");
    // The engine's own messages are held to their schemas, too.
    error(
        &client.ask("ping", json!({"x": 1}), "4").await,
        "invalid_payload",
        Some("4"),
    );
    client.goes_on().await;
}

#[tokio::test]
async fn an_error_is_bounded_whatever_the_client_calls_its_properties() {
    let mut client = Server::start().await.client().await;
    let names: serde_json::Map<_, _> = (0..30)
        .map(|n| (format!("{n}{}", "x".repeat(1500)), json!(1)))
        .collect();
    let answer = client.ask("echo", Value::Object(names), "1").await;
    error(&answer, "invalid_payload", Some("1"));
    assert!(
        answer.to_string().len() < 16 * 1024,
        "{} bytes",
        answer.to_string().len()
    );
}

#[tokio::test]
async fn invalid_state_says_what_is_accepted() {
    let mut client = Server::start().await.client().await;
    let answer = client.ask("game:move", json!({}), "1").await;
    let said = error(&answer, "invalid_state", Some("1"))["message"]
        .as_str()
        .unwrap();
    assert!(
        said.contains("\"lobby\"") && said.contains("game:start"),
        "{said}"
    );
    assert_eq!(client.ask("game:start", json!({}), "2").await["type"], "echoed");
    assert_eq!(client.ask("game:move", json!({}), "3").await["type"], "echoed");
    error(
        &client.ask("game:start", json!({}), "4").await,
        "invalid_state",
        Some("4"),
    );
    client.goes_on().await;
}

#[tokio::test]
async fn too_large_by_the_message_and_by_depth() {
    let mut client = Server::start().await.client().await;
    let answer = client.ask("small", json!({"pad": "x".repeat(200)}), "1").await;
    error(&answer, "too_large", Some("1"));
    assert_eq!(
        client.ask("small", json!({"pad": "x".repeat(100)}), "2").await["type"],
        "echoed"
    );

    // The envelope is the first of sixteen levels.
    let nested = |levels: usize| {
        format!(
            "{{\"type\":\"whole\",\"payload\":{{\"a\":{}{}}}}}",
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    assert_eq!(client.ask_text(&nested(14)).await["type"], "echoed");
    error(&client.ask_text(&nested(15)).await, "too_large", None);
    error(&client.ask_text(&"[".repeat(60_000)).await, "too_large", None);
    client.goes_on().await;
}

#[tokio::test]
async fn rate_limited_for_the_connection_and_for_one_type() {
    let server = Server::with(|settings| {
        settings.rate = Some(0.001);
        settings.burst = 3;
    })
    .await;
    let mut client = server.client().await;
    for _ in 0..3 {
        assert_eq!(client.ask("ping", json!({}), "1").await["type"], "pong");
    }
    let answer = client.ask("ping", json!({}), "2").await;
    assert_eq!(error(&answer, "rate_limited", Some("2"))["retryable"], true);
    // What comes too fast is not read for mistakes.
    error(&client.ask_text("{").await, "rate_limited", None);

    let mut client = Server::start().await.client().await;
    assert_eq!(client.ask("rare", json!({}), "1").await["type"], "echoed");
    error(
        &client.ask("rare", json!({}), "2").await,
        "rate_limited",
        Some("2"),
    );
    client.goes_on().await;
}

#[tokio::test]
async fn too_many_requests_in_flight() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for id in ["1", "2", "3", "4"] {
        client.send("wait", json!({}), id).await;
    }
    let answer = client.ask("wait", json!({}), "5").await;
    assert_eq!(error(&answer, "too_many_requests", Some("5"))["retryable"], true);
    server.state.go.notify_waiters();
    for _ in 0..4 {
        assert_eq!(client.next().await["type"], "echoed");
    }
    client.goes_on().await;
}

#[tokio::test]
async fn unauthorized_without_scopes_and_for_unknown_credentials() {
    let mut client = Server::start().await.client().await;
    let answer = client.ask("secret", json!({}), "1").await;
    let said = error(&answer, "unauthorized", Some("1"))["message"]
        .as_str()
        .unwrap();
    assert!(said.contains("admin") && said.contains("write"), "{said}");
    let answer = client
        .ask("connection:authenticate", json!({"token": "hunter2"}), "2")
        .await;
    error(&answer, "unauthorized", Some("2"));
    assert!(!answer.to_string().contains("hunter2"));
    client.goes_on().await;
}

#[tokio::test]
async fn timeout_ends_the_request_and_drops_the_handler() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let answer = client.ask("brief", json!({}), "1").await;
    assert_eq!(error(&answer, "timeout", Some("1"))["retryable"], true);
    assert_eq!(server.state.dropped.load(Ordering::SeqCst), 1);
    client.goes_on().await;
    // The id is free again.
    error(&client.ask("brief", json!({}), "1").await, "timeout", Some("1"));
}

#[tokio::test]
async fn cancelled_once_and_the_handler_is_dropped() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.send("hang", json!({}), "1").await;
    client.send("request:cancel", json!({}), "1").await;
    // A second cancel, and one of a request that never was, have nothing to say.
    client.send("request:cancel", json!({}), "1").await;
    client.send("request:cancel", json!({}), "never").await;
    error(&client.next().await, "cancelled", Some("1"));
    client.goes_on().await;
    until("the handler is dropped", || {
        server.state.dropped.load(Ordering::SeqCst) == 1
    })
    .await;
    // The id is free again, and what was answered stays answered.
    client.send("hang", json!({}), "1").await;
    error(
        &client.ask("request:cancel", json!({}), "1").await,
        "cancelled",
        Some("1"),
    );

    let answer = client
        .ask_text("{\"type\":\"request:cancel\",\"payload\":{}}")
        .await;
    error(&answer, "invalid_envelope", None);
}

#[tokio::test]
async fn a_cancelled_stream_sends_nothing_more() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client
        .send("count", json!({"to": 100_000_000, "pad": 100}), "s")
        .await;
    for _ in 0..10 {
        assert_eq!(client.next().await["type"], "number");
    }
    client.send("request:cancel", json!({}), "s").await;
    let last = loop {
        let message = client.next().await;
        if message["type"] != "number" {
            break message;
        }
    };
    error(&last, "cancelled", Some("s"));
    client.goes_on().await;
}

#[tokio::test]
async fn duplicate_while_in_flight_only() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.send("wait", json!({}), "1").await;
    error(&client.ask("wait", json!({}), "1").await, "duplicate", Some("1"));
    server.state.go.notify_waiters();
    assert_eq!(client.next().await["type"], "echoed");
    assert_eq!(
        client.ask("echo", json!({"text": "a"}), "1").await["type"],
        "echoed"
    );
}

#[tokio::test]
async fn overloaded_while_draining() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.send("wait", json!({}), "1").await;
    until("it waits", || server.state.begun.load(Ordering::SeqCst) == 1).await;
    let engine = server.engine.clone();
    let shutdown = tokio::spawn(async move { engine.shutdown(super::support::PATIENCE).await });
    assert_eq!(client.next().await["type"], "connection:closing");
    let answer = client.ask("echo", json!({"text": "a"}), "2").await;
    assert_eq!(error(&answer, "overloaded", Some("2"))["retryable"], true);
    // The engine's own messages still work.
    assert_eq!(client.ask("ping", json!({}), "3").await["type"], "pong");
    server.state.go.notify_waiters();
    assert_eq!(client.next().await["correlationId"], "1");
    assert_eq!(client.close_code().await, 1001);
    assert!(shutdown.await.unwrap());
}

#[tokio::test]
async fn internal_hides_the_cause_and_everyone_lives_on() {
    let server = Server::start().await;
    let mut other = server.client().await;
    let mut client = server.client().await;
    for how in ["undeclared", "panic", "panic at once", "late panic"] {
        let answer = client.ask("fail", json!({"how": how}), how).await;
        let payload = error(&answer, "internal", Some(how));
        assert_eq!(payload["message"], "internal error");
        assert!(!answer.to_string().contains("hunter2"));
        client.goes_on().await;
    }
    let answer = client.ask("fail", json!({"how": "declared"}), "d").await;
    assert_eq!(error(&answer, "busy", Some("d"))["retryable"], true);
    other.goes_on().await;
    assert_eq!(server.engine.connections(), 2);
}

#[tokio::test]
async fn resume_is_answered_honestly() {
    let mut client = Server::start().await.client().await;
    let answer = client
        .ask(
            "connection:resume",
            json!({"resumeToken": "x", "lastSeq": 0}),
            "1",
        )
        .await;
    assert_eq!(answer["type"], "connection:resumed");
    assert_eq!(answer["payload"]["resumed"], false);
    // It named no version of the protocol, so it has no session.
    assert_eq!(answer["payload"]["reason"], "unsupported");
    // An ack is not answered.
    client
        .text(&message("connection:ack", json!({"seq": 1}), "2"))
        .await;
    client.goes_on().await;
}
