//! Deadlines of the server: slow headers, quick answers, and a shutdown that ends.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::{Extension, Router};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use wireloom::{Arrival, Rate, ServeOptions, Settings};

use crate::resume::Session;
use crate::support::{Client, PING, Server, Shared, error, registry, until};

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
                Client { socket }.end().await
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

/// The code that a page's handshake at this address is closed with, behind a rebound name; `None` if it is let in.
async fn page(address: SocketAddr, headers: &[(&'static str, &'static str)]) -> Option<u16> {
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(*name, value);
    }
    let (socket, _response) = tokio_tungstenite::connect_async(request).await.unwrap();
    let mut client = Client { socket };
    match client.frame().await.unwrap() {
        Frame::Close(close) => Some(close.unwrap().code.into()),
        _ => None,
    }
}

/// What a browser says of a page whose name was made to point here.
const REBOUND: [(&str, &str); 2] = [("host", "rebound.example"), ("origin", "http://rebound.example")];

#[tokio::test]
async fn another_server_need_not_say_how_a_request_came() {
    for told in [false, true] {
        let engine = registry(&Shared::default()).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/ws", engine.upgrade());
        tokio::spawn(async move {
            if told {
                let peers = router.into_make_service_with_connect_info::<SocketAddr>();
                axum::serve(listener, peers).await
            } else {
                axum::serve(listener, router).await
            }
        });
        assert_eq!(page(address, &REBOUND).await, Some(4403));
        assert_eq!(page(address, &[("origin", "http://localhost:5173")]).await, None);
        let [host, origin] = REBOUND;
        let proxied = [host, origin, ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(page(address, &proxied).await, None);
    }
}

#[tokio::test]
async fn another_server_can_say_how_a_request_came() {
    for (secure, let_in) in [(false, None), (true, Some(4403))] {
        let engine = registry(&Shared::default()).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let loopback = false;
        let router = Router::new()
            .route("/ws", engine.upgrade())
            .layer(Extension(Arrival { secure, loopback }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        assert_eq!(page(address, &REBOUND).await, let_in);
    }
}

#[tokio::test]
async fn the_longest_times_there_are_are_long() {
    let state = Shared::default();
    let long = |settings: &mut Settings| {
        settings.heartbeat_interval = Duration::MAX;
        settings.heartbeat_timeout = Duration::MAX;
        settings.write_timeout = Duration::MAX;
        settings.resume_window = Duration::MAX;
        settings.resume_messages = usize::MAX;
        settings.resume_bytes = usize::MAX;
        settings.reconnect_after = Duration::MAX;
        settings.rate = Some(f64::MIN_POSITIVE);
        settings.burst = u32::MAX;
        settings.depth = u32::MAX;
        settings.admission.authenticate_timeout = Duration::MAX;
        settings.admission.handshakes_per_address = Some(Rate {
            per_second: 1e-12,
            burst: u32::MAX,
        });
        settings.admission.limit_loopback = true;
    };
    let engine = registry(&state).settings(long).build().unwrap();
    let options = ServeOptions {
        header_timeout: Duration::MAX,
        http_timeout: Duration::MAX,
        drain_timeout: Duration::MAX,
        sockets: usize::MAX,
        ..ServeOptions::default()
    };
    let server = Server::of(engine, state, options).await;
    let mut session = server.session().await;
    let answer = session.ask("whole", json!({}), "1").await;
    assert_eq!(answer["type"], "echoed", "{answer}");
    // More than is written at once.
    let stream = json!({"to": 50, "pad": 10_000});
    session.client.send("count", stream, "2").await;
    while session.next().await["type"] != "done" {}
    session.client.text(&"[".repeat(60_000)).await;
    error(&session.next().await, "too_large", None);
    let (mut session, _) = Session::back(&server, session.lose()).await;
    assert_eq!(session.ask("whole", json!({}), "3").await["type"], "echoed");
}

#[tokio::test]
async fn the_shortest_times_there_are_cut_nobody_off() {
    let state = Shared::default();
    let short = |settings: &mut Settings| {
        settings.heartbeat_interval = Duration::ZERO;
        settings.heartbeat_timeout = Duration::ZERO;
        settings.write_timeout = Duration::ZERO;
    };
    let engine = registry(&state).settings(short).build().unwrap();
    let options = ServeOptions {
        sockets: 0,
        ..ServeOptions::default()
    };
    let server = Server::of(engine, state, options).await;
    let mut raw = server.raw().await;
    raw.next().await;
    let begun = Instant::now();
    let mut pings = 0;
    while let Some((PING, _)) = raw.frame().await {
        pings += 1;
    }
    // Whoever says nothing in this time goes; there were not a thousand pings.
    assert!(begun.elapsed() >= Duration::from_millis(90));
    assert!(pings <= 2, "{pings}");
}
