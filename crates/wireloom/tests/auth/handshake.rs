//! Every way to show credentials, and every way to be refused.

use std::time::{Duration, Instant};

use futures_util::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Frame;
use wireloom::ServeOptions;

use crate::support::{ALICE, BOB, Frank, Server, WRONG, error, registry, tokens};

const PROTOCOL: &str = "sec-websocket-protocol";

const AUTHORIZATION: &str = "authorization";

#[tokio::test]
async fn a_token_in_the_authorization_header_lets_in() {
    let server = Server::start().await;
    let mut client = server.greeted(ALICE).await;
    assert_eq!(
        client.whoami().await,
        json!({"subject": "alice", "scopes": ["admin", "write"]})
    );
    let link = server
        .engine
        .clients()
        .pop()
        .and_then(|id| server.engine.client(id))
        .unwrap();
    assert_eq!(link.identity().unwrap().subject, "alice");
}

#[tokio::test]
async fn a_token_among_the_subprotocols_lets_in_and_is_not_echoed() {
    let server = Server::start().await;
    for offer in [format!("test.v1, bearer.{BOB}"), format!("bearer.{BOB},test.v1")] {
        let (mut client, response) = server.try_connect(&[(PROTOCOL, &offer)]).await.unwrap();
        assert_eq!(response.headers()[PROTOCOL], "test.v1");
        client.greeting().await;
        assert_eq!(client.whoami().await["subject"], "bob");
    }
}

#[tokio::test]
async fn credentials_that_are_refused_are_not_echoed_either() {
    let server = Server::start().await;
    for (offer, echoed, code) in [
        (format!("test.v1, bearer.{WRONG}"), "test.v1", 4401),
        (format!("bearer.{ALICE}, other.v9"), "other.v9", 4406),
    ] {
        let (mut client, response) = server.try_connect(&[(PROTOCOL, &offer)]).await.unwrap();
        assert_eq!(response.headers()[PROTOCOL], echoed);
        assert_eq!(client.refused().await, code);
    }
}

#[tokio::test]
async fn a_token_as_the_first_message_lets_in() {
    let server = Server::start().await;
    let mut client = server.connect(&[]).await;
    client
        .send("connection:authenticate", json!({"token": ALICE}), "a")
        .await;
    // What is sent behind it waits for the answer.
    client.send("whoami", json!({}), "who").await;
    client.greeting().await;
    let answer = client.next().await;
    assert_eq!(answer["type"], "connection:authenticated");
    assert_eq!(answer["correlationId"], "a");
    assert_eq!(
        answer["payload"],
        json!({"subject": "alice", "scopes": ["admin", "write"]})
    );
    assert_eq!(client.next().await["payload"]["subject"], "alice");
}

#[tokio::test]
async fn nothing_else_is_accepted_before_it() {
    let server = Server::start().await;
    let mut client = server.connect(&[]).await;
    for name in [
        "whoami",
        "secret",
        "ping",
        "connection:resume",
        "no:such",
        "connection:established",
    ] {
        error(&client.ask(name, json!({}), "x").await, "unauthorized");
    }
    client.text("{").await;
    error(&client.next().await, "invalid_json");
    client.text(r#"{"type":"ping","extra":1}"#).await;
    error(&client.next().await, "invalid_envelope");
    client.socket.send(Frame::Ping("hello".into())).await.unwrap();
    error(
        &client
            .ask("connection:authenticate", json!({"token": 1}), "x")
            .await,
        "invalid_payload",
    );
    // Nobody to the engine so far, and to broadcasts.
    assert_eq!(server.engine.connections(), 0);
    client
        .send("connection:authenticate", json!({"token": BOB}), "a")
        .await;
    client.greeting().await;
    assert_eq!(client.next().await["type"], "connection:authenticated");
    assert_eq!(client.whoami().await["subject"], "bob");
}

#[tokio::test]
async fn who_tries_everything_but_authenticating_is_closed() {
    let server = Server::start().await;
    let mut client = server.connect(&[]).await;
    for _ in 0..16 {
        client.send("ping", json!({}), "x").await;
    }
    let (messages, code) = client.end().await;
    assert_eq!(messages.len(), 16);
    assert_eq!(code, 4400);
    let mut client = server.connect(&[]).await;
    client.socket.send(Frame::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(client.refused().await, 1003);
}

#[tokio::test]
async fn a_wrong_token_is_refused_whatever_the_way() {
    let server = Server::start().await;
    let too_long = "x".repeat(20_000);
    for headers in [
        &[(AUTHORIZATION, format!("Bearer {WRONG}"))][..],
        &[(AUTHORIZATION, format!("Bearer {too_long}"))],
        &[(AUTHORIZATION, "Bearer".to_owned())],
        &[(AUTHORIZATION, format!("Bearer {ALICE} {ALICE}"))],
        &[
            (AUTHORIZATION, format!("Bearer {ALICE}")),
            (AUTHORIZATION, format!("Bearer {BOB}")),
        ],
        &[
            (AUTHORIZATION, format!("Bearer {ALICE}")),
            (PROTOCOL, format!("test.v1, bearer.{ALICE}")),
        ],
        &[(PROTOCOL, format!("test.v1, bearer.{WRONG}"))],
    ] {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            server.connect(&headers).await.refused().await,
            4401,
            "{headers:?}"
        );
    }
    let mut client = server.connect(&[]).await;
    error(&client.authenticate(WRONG).await, "unauthorized");
    assert_eq!(client.refused().await, 4401);
    assert_eq!(server.engine.connections(), 0);
}

#[tokio::test]
async fn the_query_is_not_looked_at() {
    let server = Server::start().await;
    for query in ["token", "access_token", "bearer", "authorization"] {
        let url = format!("ws://{}/ws?{query}={ALICE}", server.address);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut client = crate::support::Client { socket };
        error(&client.ask("whoami", json!({}), "x").await, "unauthorized");
    }
}

#[tokio::test]
async fn refusals_have_their_close_codes() {
    let server = Server::with(Frank, |settings| {
        settings.admission.authenticate_timeout = Duration::from_millis(200);
    })
    .await;
    for (token, in_message, code) in [
        ("wrong", "unauthorized", 4401),
        ("banned", "forbidden", 4403),
        ("down", "overloaded", 1013),
        ("forever", "overloaded", 1013),
        ("panic", "overloaded", 1013),
        // Expired already.
        ("late//0", "unauthorized", 4401),
    ] {
        assert_eq!(server.bearing(token).await.refused().await, code, "{token}");
        let mut client = server.connect(&[]).await;
        error(&client.authenticate(token).await, in_message);
        assert_eq!(client.refused().await, code, "{token}");
    }
}

#[tokio::test]
async fn who_stays_silent_is_closed_at_the_deadline() {
    let server = Server::with(Frank, |settings| {
        settings.admission.authenticate_timeout = Duration::from_millis(300);
    })
    .await;
    let begun = Instant::now();
    let mut client = server.connect(&[]).await;
    assert_eq!(client.refused().await, 4408);
    assert!(begun.elapsed() >= Duration::from_millis(250));
    // Messages do not put it off.
    let mut client = server.connect(&[]).await;
    let begun = Instant::now();
    for _ in 0..8 {
        error(&client.ask("ping", json!({}), "x").await, "unauthorized");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.refused().await, 4408);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_who_has_not_authenticated() {
    let server = Server::start().await;
    let mut client = server.connect(&[]).await;
    error(&client.ask("ping", json!({}), "x").await, "unauthorized");
    let begun = Instant::now();
    let (whole, code) = tokio::join!(server.engine.shutdown(Duration::from_secs(20)), client.refused());
    assert!(whole && begun.elapsed() < Duration::from_secs(5));
    assert_eq!(code, 1001);
}

#[tokio::test]
async fn the_anonymous_may_be_let_in_beside_others() {
    let server = Server::with(tokens(), |settings| settings.admission.anonymous = true).await;
    let mut client = server.connect(&[]).await;
    client.greeting().await;
    assert_eq!(client.whoami().await, json!({}));
    error(
        &client.ask("secret", json!({"text": "x"}), "s").await,
        "unauthorized",
    );
    error(&client.authenticate(WRONG).await, "unauthorized");
    assert_eq!(
        client.authenticate(ALICE).await["type"],
        "connection:authenticated"
    );
    assert_eq!(
        client.ask("secret", json!({"text": "x"}), "s").await["type"],
        "echoed"
    );
    // A token that is shown must be good.
    assert_eq!(server.bearing(WRONG).await.refused().await, 4401);
}

#[tokio::test]
async fn without_an_authenticator_everyone_is_anonymous() {
    let server = Server::of(registry().build().unwrap(), ServeOptions::default()).await;
    let offer = format!("test.v1, bearer.{ALICE}");
    for headers in [
        &[][..],
        &[(AUTHORIZATION, "Bearer x y")],
        &[(PROTOCOL, offer.as_str())],
    ] {
        let mut client = server.connect(headers).await;
        client.greeting().await;
        assert_eq!(client.whoami().await, json!({}));
        error(&client.authenticate(ALICE).await, "unauthorized");
        error(
            &client.ask("secret", json!({"text": "x"}), "s").await,
            "unauthorized",
        );
    }
}
