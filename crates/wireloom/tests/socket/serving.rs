//! Deadlines of the server: slow headers, quick answers, and a shutdown that ends.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wireloom::ServeOptions;

use crate::support::{Server, Shared, error, registry, until};

#[tokio::test]
async fn slow_headers_are_cut_off() {
    let state = Shared::default();
    let engine = registry(&state).build().unwrap();
    let options = ServeOptions {
        header_timeout: Duration::from_millis(300),
        ..ServeOptions::default()
    };
    let server = Server::of(engine, state, options).await;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /ws HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        .await
        .unwrap();
    for socket in [&mut silent, &mut slow] {
        let mut answer = Vec::new();
        // However it ends, it ends.
        let _ended = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer))
            .await
            .expect("the socket is still open");
    }
    assert!(begun.elapsed() >= Duration::from_millis(250));
    // Those who are behind their handshake are not meant.
    let mut client = server.client().await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    client.goes_on().await;
}

#[tokio::test]
async fn an_echo_is_not_delayed() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let mut times = Vec::new();
    for _ in 0..51 {
        let begun = Instant::now();
        client.goes_on().await;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    // Without TCP_NODELAY it is 40 ms: the peer's delayed acknowledgement.
    assert!(times[25] < Duration::from_millis(20), "median {:?}", times[25]);
}

#[tokio::test]
async fn requests_in_flight_are_answered_before_the_end() {
    let mut server = Server::start().await;
    let mut idle = server.client().await;
    let mut client = server.client().await;
    client.send("wait", json!({}), "1").await;
    until("it waits", || server.state.begun.load(Ordering::SeqCst) == 1).await;
    let engine = server.engine.clone();
    let shutdown = tokio::spawn(async move { engine.shutdown(Duration::from_secs(20)).await });
    server.stop();
    // Who waits for nothing is closed at once.
    assert_eq!(idle.close_code().await, 1001);
    assert!(!shutdown.is_finished());
    server.state.go.notify_waiters();
    let (messages, code) = client.end().await;
    let types: Vec<_> = messages.iter().map(|message| &message["type"]).collect();
    assert_eq!(types, ["connection:closing", "echoed"]);
    assert_eq!(code, 1001);
    assert!(shutdown.await.unwrap());
    until("new connections are refused", || {
        std::net::TcpStream::connect(server.address).is_err()
    })
    .await;
}

#[tokio::test]
async fn what_hangs_is_cut_off_at_the_deadline() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.send("hang", json!({}), "1").await;
    until("it hangs", || server.state.begun.load(Ordering::SeqCst) == 1).await;
    let begun = Instant::now();
    let engine = server.engine.clone();
    let shutdown = tokio::spawn(async move { engine.shutdown(Duration::from_millis(300)).await });
    let (messages, code) = client.end().await;
    assert_eq!(messages.len(), 1);
    assert_eq!(code, 1001);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(!shutdown.await.unwrap());
    assert!(begun.elapsed() < Duration::from_secs(5));
    until("the handler is dropped", || {
        server.state.dropped.load(Ordering::SeqCst) == 1
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_ends_although_a_peer_does_nothing() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    raw.next().await;
    let begun = Instant::now();
    server.engine.shutdown(Duration::from_millis(200)).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(!server.engine.ready());
}

#[tokio::test]
async fn everyone_is_warned_even_who_comes_in_the_last_moment() {
    let server = Server::start().await;
    let connecting: Vec<_> = (0..20)
        .map(|_| {
            let request = format!("ws://{}/ws", server.address);
            tokio::spawn(async move {
                let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
                crate::support::Client { socket }.end().await
            })
        })
        .collect();
    until("some are there", || server.engine.connections() > 3).await;
    server.engine.shutdown(Duration::from_secs(10)).await;
    for client in connecting {
        let (messages, code) = client.await.unwrap();
        match code {
            1001 => assert_eq!(messages.last().unwrap()["type"], "connection:closing"),
            1012 => assert!(messages.is_empty()),
            other => panic!("closed with {other}"),
        }
    }
}

#[tokio::test]
async fn a_client_in_this_process_meets_the_same_checks() {
    let server = Server::start().await;
    let engine = &server.engine;
    let answers = engine.call("{\"type\":\"ping\",\"payload\":{}}").await;
    assert_eq!(answers.len(), 1);
    assert!(answers[0].starts_with("{\"type\":\"pong\""), "{}", answers[0]);
    let answers = engine.call("{").await;
    error(&serde_json::from_str(&answers[0]).unwrap(), "invalid_json", None);
    let answers = engine
        .call("{\"type\":\"count\",\"payload\":{\"to\":2000,\"pad\":1000}}")
        .await;
    assert_eq!(answers.len(), 2001);
    assert_eq!(engine.connections(), 0);
}
