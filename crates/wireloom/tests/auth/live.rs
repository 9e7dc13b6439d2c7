//! On a live connection: expiry, refresh in place, scopes, and what a handler sees.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use wireloom::{CloseCode, Identity, ServeOptions};

use crate::support::{ALICE, BOB, Frank, Server, WRONG, error, registry};

#[tokio::test]
async fn an_expired_identity_is_closed() {
    let server = Server::with(Frank, |_| {}).await;
    let begun = Instant::now();
    let mut client = server.greeted("ann//400").await;
    assert_eq!(client.whoami().await["subject"], "ann");
    assert_eq!(client.refused().await, 4401);
    assert!(begun.elapsed() >= Duration::from_millis(350) && begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_refresh_puts_the_expiry_off_and_changes_the_scopes_at_once() {
    let server = Server::with(Frank, |_| {}).await;
    let mut client = server.greeted("ann/admin/600").await;
    let answer = client.authenticate("ann/write/60000").await;
    assert_eq!(answer["type"], "connection:authenticated");
    assert_eq!(answer["payload"]["subject"], "ann");
    assert_eq!(answer["payload"]["scopes"], json!(["write"]));
    let left = answer["payload"]["expiresInMs"].as_u64().unwrap();
    assert!((50_000..=60_000).contains(&left), "{left}");
    assert_eq!(client.whoami().await["scopes"], json!(["write"]));
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(client.whoami().await["subject"], "ann");
    // And nearer, too.
    client.authenticate("ann//300").await;
    assert_eq!(client.refused().await, 4401);
}

#[tokio::test]
async fn a_refresh_without_an_expiry_lasts() {
    let server = Server::with(Frank, |_| {}).await;
    let mut client = server.greeted("ann//300").await;
    assert!(
        client.authenticate("ann").await["payload"]
            .get("expiresInMs")
            .is_none()
    );
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(client.whoami().await["subject"], "ann");
}

#[tokio::test]
async fn another_subject_is_forbidden_and_changes_nothing() {
    let server = Server::start().await;
    let mut client = server.greeted(ALICE).await;
    error(&client.authenticate(BOB).await, "forbidden");
    error(&client.authenticate(WRONG).await, "unauthorized");
    assert_eq!(
        client.whoami().await,
        json!({"subject": "alice", "scopes": ["admin", "write"]})
    );
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_old_expiry() {
    let server = Server::with(Frank, |_| {}).await;
    let mut client = server.greeted("ann//500").await;
    for (token, code) in [
        ("banned", "forbidden"),
        ("down", "overloaded"),
        ("bob//60000", "forbidden"),
    ] {
        error(&client.authenticate(token).await, code);
    }
    assert_eq!(client.refused().await, 4401);
}

#[tokio::test]
async fn messages_behind_a_refresh_wait_for_it() {
    let server = Server::with(Frank, |settings| settings.admission.anonymous = true).await;
    let mut client = server.connect(&[]).await;
    client.greeting().await;
    client
        .send("connection:authenticate", json!({"token": "slow"}), "a")
        .await;
    client.send("whoami", json!({}), "b").await;
    assert_eq!(client.next().await["type"], "connection:authenticated");
    assert_eq!(client.next().await["payload"]["subject"], "slow");
}

#[tokio::test]
async fn scopes_come_before_the_payload() {
    let server = Server::start().await;
    let mut client = server.greeted(BOB).await;
    for payload in [
        json!({"text": "x"}),
        json!({}),
        json!({"text": 7, "more": []}),
        json!([1]),
    ] {
        let answer = client.ask("secret", payload, "s").await;
        error(&answer, "forbidden");
        let text = answer["payload"]["message"].as_str().unwrap();
        assert!(text.contains("write") && !text.contains("admin"), "{text}");
    }
    let mut client = server.greeted(ALICE).await;
    assert_eq!(
        client.ask("secret", json!({"text": "x"}), "s").await["type"],
        "echoed"
    );
    error(&client.ask("secret", json!({}), "s").await, "invalid_payload");
}

#[tokio::test]
async fn hooks_and_clients_in_the_same_process_have_an_identity() {
    let seen: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let note = Arc::clone(&seen);
    let engine = registry()
        .authenticator(Frank)
        .on_connect(move |cx| {
            let subject = cx.identity().map(|identity| identity.subject.clone());
            note.lock().unwrap().push(subject);
            async {}
        })
        .build()
        .unwrap();
    let server = Server::of(engine, ServeOptions::default()).await;
    server.greeted("ann").await.whoami().await;
    let mut by_message = server.connect(&[]).await;
    by_message
        .send("connection:authenticate", json!({"token": "bob"}), "a")
        .await;
    by_message.greeting().await;
    let identity = Identity::new("local").with_scopes(["admin", "write"]);
    let mut local = server.engine.connect_as(identity).await;
    local.next().await;
    local.send(r#"{"type":"secret","payload":{"text":"x"}}"#).await;
    assert_eq!(local.next_json().await.unwrap()["type"], "echoed");
    let answers = server
        .engine
        .call(r#"{"type":"secret","payload":{"text":"x"}}"#)
        .await;
    error(&serde_json::from_str(&answers[0]).unwrap(), "unauthorized");
    let seen: Vec<_> = seen.lock().unwrap().iter().map(Option::clone).collect();
    assert_eq!(
        seen,
        [Some("ann".into()), Some("bob".into()), Some("local".into()), None]
    );
}

#[tokio::test]
async fn a_client_in_the_same_process_expires_as_well() {
    let server = Server::with(Frank, |_| {}).await;
    let identity = Identity::new("ann").until(SystemTime::now() + Duration::from_millis(200));
    let mut local = server.engine.connect_as(identity).await;
    local.next().await;
    assert_eq!(local.next_json().await, Err(CloseCode::Unauthorized));
}
