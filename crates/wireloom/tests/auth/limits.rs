//! How many, how often, and what it costs to be refused.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as SocketError;
use wireloom::{Rate, ServeOptions, Settings};

use crate::support::{ALICE, BOB, Frank, PATIENCE, Server, WRONG, error, registry, tokens};

/// Loopback counts in these tests.
async fn server(change: impl FnOnce(&mut Settings)) -> Server {
    Server::with(tokens(), |settings| {
        settings.admission.limit_loopback = true;
        change(settings);
    })
    .await
}

fn rate(per_second: f64, burst: u32) -> Option<Rate> {
    Some(Rate { per_second, burst })
}

#[tokio::test]
async fn guessing_is_slow_and_a_right_guess_does_not_help() {
    let server = server(|settings| settings.admission.failures_per_address = rate(2.0, 5)).await;
    for _ in 0..5 {
        assert_eq!(server.bearing(WRONG).await.refused().await, 4401);
    }
    // Looked at no more, whatever the way.
    assert_eq!(server.bearing(WRONG).await.refused().await, 4429);
    let begun = Instant::now();
    assert_eq!(server.bearing(ALICE).await.refused().await, 4429);
    let mut client = server.connect(&[]).await;
    error(&client.authenticate(ALICE).await, "rate_limited");
    assert_eq!(client.refused().await, 4429);
    assert!(begun.elapsed() < Duration::from_millis(450), "too slow to tell");
    tokio::time::sleep(Duration::from_millis(600)).await;
    server.greeted(ALICE).await;
}

#[tokio::test]
async fn guessing_on_a_live_connection_is_slow_as_well() {
    let server = server(|settings| settings.admission.failures_per_address = rate(0.01, 3)).await;
    let mut client = server.greeted(ALICE).await;
    for _ in 0..3 {
        error(&client.authenticate(WRONG).await, "unauthorized");
    }
    error(&client.authenticate(ALICE).await, "rate_limited");
    assert_eq!(client.whoami().await["subject"], "alice");
}

#[tokio::test]
async fn who_comes_from_a_proxy_is_counted_by_the_address_that_it_names() {
    let server = server(|settings| {
        settings.admission.failures_per_address = rate(0.01, 1);
        settings.admission.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let auth = |token: &str| format!("Bearer {token}");
    let (wrong, right) = (auth(WRONG), auth(ALICE));
    let from = |token, address| [("authorization", token), ("x-forwarded-for", address)];
    let first = from(wrong.as_str(), "2001:db8::1");
    assert_eq!(server.connect(&first).await.refused().await, 4401);
    // The same network.
    let second = from(right.as_str(), "203.0.113.1, 2001:db8::2");
    assert_eq!(server.connect(&second).await.refused().await, 4429);
    server
        .connect(&from(right.as_str(), "2001:db8:0:1::1"))
        .await
        .greeting()
        .await;
}

#[tokio::test]
async fn nobody_is_believed_to_be_a_proxy_by_default() {
    let server = server(|settings| settings.admission.failures_per_address = rate(0.01, 1)).await;
    assert_eq!(server.bearing(WRONG).await.refused().await, 4401);
    let auth = format!("Bearer {ALICE}");
    let headers = [
        ("authorization", auth.as_str()),
        ("x-forwarded-for", "192.0.2.77"),
    ];
    assert_eq!(server.connect(&headers).await.refused().await, 4429);
}

#[tokio::test]
async fn connections_of_one_address_are_counted() {
    let server = server(|settings| settings.admission.connections_per_address = 2).await;
    let mut first = server.greeted(ALICE).await;
    // One that has not authenticated counts, too.
    let mut second = server.connect(&[]).await;
    error(&second.ask("ping", json!({}), "x").await, "unauthorized");
    assert_eq!(server.bearing(ALICE).await.refused().await, 1013);
    first.socket.close(None).await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let mut again = server.bearing(ALICE).await;
        if again.next_or_code().await.is_ok() {
            return;
        }
    }
    panic!("the place was not given back");
}

#[tokio::test]
async fn all_connections_are_counted() {
    let server = Server::with(tokens(), |settings| settings.connections = 1).await;
    let _first = server.greeted(ALICE).await;
    assert_eq!(server.bearing(BOB).await.refused().await, 1013);
}

#[tokio::test]
async fn handshakes_of_one_address_are_counted() {
    let server = server(|settings| settings.admission.handshakes_per_address = rate(2.0, 3)).await;
    for _ in 0..3 {
        server.greeted(ALICE).await;
    }
    assert_eq!(server.bearing(ALICE).await.refused().await, 4429);
    tokio::time::sleep(Duration::from_millis(600)).await;
    server.greeted(ALICE).await;
}

#[tokio::test]
async fn many_who_are_refused_are_told_by_a_status() {
    let server = server(|settings| {
        settings.admission.handshakes_per_address = rate(0.001, 1);
        settings.admission.refusals = 3;
    })
    .await;
    let _first = server.greeted(ALICE).await;
    // These do not read on, and so keep their places.
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(server.bearing(ALICE).await);
    }
    match server.try_connect(&[]).await.map(|_| ()) {
        Err(SocketError::Http(response)) => assert_eq!(response.status(), 429),
        other => panic!("expected a status, got {other:?}"),
    }
    for client in &mut told {
        assert_eq!(client.refused().await, 4429);
    }
}

#[tokio::test]
async fn messages_of_one_identity_are_counted_over_all_its_connections() {
    let server = Server::with(Frank, |settings| {
        settings.admission.messages_per_identity = rate(0.01, 4);
    })
    .await;
    let (mut one, mut two) = (server.greeted("ann").await, server.greeted("ann").await);
    for client in [&mut one, &mut two] {
        client.whoami().await;
        client.whoami().await;
    }
    for client in [&mut one, &mut two] {
        error(&client.ask("whoami", json!({}), "x").await, "rate_limited");
    }
    assert_eq!(server.greeted("bob").await.whoami().await["subject"], "bob");
}

#[tokio::test]
async fn messages_of_one_address_are_counted_over_all_its_connections() {
    let server = server(|settings| settings.admission.messages_per_address = rate(0.01, 3)).await;
    let (mut one, mut two) = (server.greeted(ALICE).await, server.greeted(BOB).await);
    one.whoami().await;
    two.whoami().await;
    one.whoami().await;
    error(&two.ask("whoami", json!({}), "x").await, "rate_limited");
}

#[tokio::test]
async fn a_socket_does_not_stay_in_http_for_ever() {
    let options = ServeOptions {
        http_timeout: Duration::from_millis(300),
        header_timeout: Duration::from_millis(300),
        ..ServeOptions::default()
    };
    let server = Server::of(registry().build().unwrap(), options).await;
    let begun = Instant::now();
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let mut answer = Vec::new();
    // One request after the other, in time for each, but for ever.
    let asking = async {
        loop {
            if socket
                .write_all(b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .is_err()
            {
                break;
            }
            let mut some = [0; 1024];
            match socket.read(&mut some).await {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.extend(&some[..read]),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("the socket is still open");
    assert!(String::from_utf8_lossy(&answer).contains("404"));
    assert!(begun.elapsed() >= Duration::from_millis(250));
}
