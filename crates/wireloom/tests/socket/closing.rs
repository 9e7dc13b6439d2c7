//! How connections end: the code for each reason, and a clean close handshake.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message as Frame;
use wireloom::CloseCode;

use crate::support::{CLOSE, CONTINUATION, FIN, Note, PING, PONG, Raw, Server, TEXT, Tick, masked, until};

#[tokio::test]
async fn code_1000_when_the_client_leaves() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    raw.next().await;
    raw.write(&masked(FIN | CLOSE, &1000_u16.to_be_bytes())).await;
    assert_eq!(raw.frame().await, Some((CLOSE, 1000_u16.to_be_bytes().to_vec())));
    assert_eq!(raw.frame().await, None);
    until("it is forgotten", || server.engine.connections() == 0).await;
}

#[tokio::test]
async fn a_goodbye_is_answered_in_the_middle_of_a_stream() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    raw.next().await;
    let count = json!({"type": "count", "payload": {"to": 100_000_000, "pad": 1000}}).to_string();
    raw.write(&masked(FIN | TEXT, count.as_bytes())).await;
    raw.next().await;
    raw.write(&masked(FIN | CLOSE, &1000_u16.to_be_bytes())).await;
    let closed = loop {
        match raw.frame().await {
            Some((CLOSE, payload)) => break payload,
            Some(_) => {}
            None => panic!("no goodbye"),
        }
    };
    assert_eq!(closed, 1000_u16.to_be_bytes());
    assert_eq!(raw.frame().await, None);
}

#[tokio::test]
async fn code_1001_behind_the_warning() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let engine = server.engine.clone();
    let shutdown = tokio::spawn(async move { engine.shutdown(Duration::from_secs(10)).await });
    let (messages, code) = client.end().await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["type"], "connection:closing");
    assert_eq!(
        messages[0]["payload"],
        json!({"reason": "shutdown", "reconnectAfterMs": 1000})
    );
    assert_eq!(code, 1001);
    assert!(shutdown.await.unwrap());
}

#[tokio::test]
async fn code_1003_for_binary_frames() {
    let mut client = Server::start().await.client().await;
    client.socket.send(Frame::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(client.close_code().await, 1003);
}

#[tokio::test]
async fn code_1007_for_invalid_utf8() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    raw.next().await;
    raw.write(&masked(FIN | TEXT, b"{\"type\":\"\xff\"}")).await;
    assert_eq!(raw.close_code().await, 1007);
    // Split between fragments, too.
    let mut raw = server.raw().await;
    raw.write(&masked(TEXT, b"{\"type\":\"\xc3")).await;
    raw.write(&masked(FIN | CONTINUATION, b"\"}")).await;
    assert_eq!(raw.close_code().await, 1007);
}

#[tokio::test]
async fn code_1009_whatever_a_type_may_have_for_itself() {
    let server = Server::with(|settings| settings.message_bytes = 150).await;
    let (mut client, greeting) = server.greeted().await;
    let limits = &greeting["payload"]["limits"];
    assert_eq!(
        limits["typeBytes"],
        json!({"small": 150}),
        "the operator allows less"
    );
    client.send("small", json!({"pad": "x".repeat(100)}), "1").await;
    assert_eq!(client.close_code().await, 1009);
}

#[tokio::test]
async fn code_1009_for_a_message_beyond_the_limit() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.text(&" ".repeat(65_537)).await;
    assert_eq!(client.close_code().await, 1009);

    // Far beyond it: what the peer is still sending does not cost it the close frame.
    let mut raw = server.raw().await;
    raw.write(&masked(FIN | TEXT, &vec![b' '; 4_000_000])).await;
    assert_eq!(raw.close_code().await, 1009);

    // As the sum of its fragments.
    let mut raw = server.raw().await;
    raw.write(&masked(TEXT, &[b' '; 40_000])).await;
    raw.write(&masked(FIN | CONTINUATION, &[b' '; 40_000])).await;
    assert_eq!(raw.close_code().await, 1009);
}

#[tokio::test]
async fn code_1002_for_what_is_no_websocket() {
    let server = Server::start().await;
    for (what, bytes) in [
        ("a reserved opcode", masked(FIN | 3, b"")),
        ("a reserved bit", masked(FIN | 0x40 | TEXT, b"{}")),
        ("an unmasked frame", vec![FIN | TEXT, 2, b'{', b'}']),
        ("a fragmented ping", masked(PING, b"")),
        ("a continuation of nothing", masked(FIN | CONTINUATION, b"{}")),
        ("a ping that is too long", masked(FIN | PING, &[0; 126])),
    ] {
        let mut raw = server.raw().await;
        raw.next().await;
        raw.write(&bytes).await;
        assert_eq!(raw.close_code().await, 1002, "{what}");
    }
    until("all are forgotten", || server.engine.connections() == 0).await;
}

#[tokio::test]
async fn code_4400_after_repeated_violations_in_a_row() {
    let server = Server::with(|settings| settings.violations = 3).await;
    let mut client = server.client().await;
    for _ in 0..2 {
        client.ask_text("{").await;
        client.ask_text("[]").await;
        // A good message forgives.
        client.goes_on().await;
    }
    for _ in 0..3 {
        client.text("{").await;
    }
    let (messages, code) = client.end().await;
    assert_eq!(messages.len(), 3, "the last violation is answered as well");
    assert_eq!(code, 4400);
}

#[tokio::test]
async fn code_4403_for_a_foreign_origin() {
    let server = Server::with(|settings| settings.origins = vec!["https://app.example".to_owned()]).await;
    let mut client = server.connect(&[("origin", "https://evil.example")]).await;
    assert_eq!(client.end().await, (vec![], 4403));
    for origin in ["https://app.example", "http://localhost:5173"] {
        let mut client = server.connect(&[("origin", origin)]).await;
        assert_eq!(client.next().await["type"], "connection:established");
    }
}

#[tokio::test]
async fn code_4406_for_unknown_subprotocols() {
    let server = Server::start().await;
    let mut client = server
        .connect(&[("sec-websocket-protocol", "bearer.secret, other.v1, test.v2")])
        .await;
    assert_eq!(client.end().await, (vec![], 4406));
    let mut client = server
        .connect(&[("sec-websocket-protocol", "other.v1, test.v1")])
        .await;
    assert_eq!(client.next().await["type"], "connection:established");
    // A client that takes any version.
    let mut client = server.connect(&[("sec-websocket-protocol", "wireloom.v1")]).await;
    assert_eq!(client.next().await["type"], "connection:established");
}

#[tokio::test]
async fn code_4408_for_silence() {
    let server = Server::with(|settings| {
        settings.heartbeat_interval = Duration::from_millis(100);
        settings.heartbeat_timeout = Duration::from_millis(100);
    })
    .await;
    let mut silent = server.raw().await;
    let mut lively = server.client().await;
    // One answers pings, which the WebSocket client does on its own as long as it reads.
    let reading = tokio::spawn(async move { lively.close_code().await });
    assert_eq!(silent.close_code().await, 4408);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!reading.is_finished());
    assert_eq!(server.engine.connections(), 1);

    // Half a frame is no sign of life.
    let mut half = server.raw().await;
    half.write(&masked(FIN | TEXT, b"{\"type\":\"ping\"}")[..5]).await;
    assert_eq!(half.close_code().await, 4408);
    reading.abort();
}

#[tokio::test]
async fn any_frame_is_a_sign_of_life() {
    let server = Server::with(|settings| {
        settings.heartbeat_interval = Duration::from_millis(300);
        settings.heartbeat_timeout = Duration::from_millis(300);
    })
    .await;
    let mut raw = server.raw().await;
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        raw.write(&masked(FIN | PONG, b"")).await;
    }
    assert_eq!(server.engine.connections(), 1);
}

#[tokio::test]
async fn code_4429_when_the_flood_goes_on() {
    let server = Server::with(|settings| {
        settings.rate = Some(200.0);
        settings.burst = 1;
        settings.rate_strikes = 50;
    })
    .await;
    let mut client = server.client().await;
    // Some get through meanwhile; the rest are refused, and there are more and more of them.
    let mut sent = 0;
    while sent < 20_000
        && client
            .socket
            .send(Frame::text(
                "{\"type\":\"connection:ack\",\"payload\":{\"seq\":1}}",
            ))
            .await
            .is_ok()
    {
        sent += 1;
    }
    let (messages, code) = client.end().await;
    assert_eq!(code, 4429);
    assert!(
        messages
            .iter()
            .all(|message| message["payload"]["code"] == "rate_limited")
    );
    assert!(messages.len() >= 50);
}

#[tokio::test]
async fn pings_count_against_the_rate() {
    let server = Server::with(|settings| {
        settings.rate = Some(1.0);
        settings.burst = 1;
        settings.rate_strikes = 10;
    })
    .await;
    let mut raw = server.raw().await;
    raw.write(&masked(FIN | PING, b"x").repeat(20)).await;
    assert_eq!(raw.close_code().await, 4429);
}

/// The end of a stream comes right behind its last item, whatever the size of that.
#[tokio::test]
async fn an_item_larger_than_the_outbox_makes_nobody_slow() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.send("count", json!({"to": 2, "pad": 2 << 20}), "c").await;
    for name in ["number", "number", "done"] {
        assert_eq!(client.next().await["type"], name);
    }
    client.goes_on().await;
}

#[tokio::test]
async fn code_4503_for_a_slow_reader_and_nobody_else() {
    let server = Server::with(|settings| settings.outbox_bytes = 200_000).await;
    let mut slow = server.raw().await;
    slow.next().await;
    let mut quick = server.client().await;
    let quick_id = server.engine.clients()[1].clone();
    let mut sent = 0;
    // The kernel's buffers come first.
    while server
        .engine
        .broadcast(Note(Tick::new("k", sent, 10_000)))
        .unwrap()
        == 2
    {
        sent += 1;
        assert!(sent < 10_000, "nobody is ever too slow");
        assert_eq!(quick.next().await["payload"]["value"], sent - 1);
    }
    assert_eq!(quick.next().await["payload"]["value"], sent);
    assert_eq!(slow.close_code().await, 4503);
    quick.goes_on().await;
    until("the slow one is forgotten", || {
        server.engine.clients() == [quick_id.clone()]
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_never_reads_is_dropped() {
    let server = Server::with(|settings| settings.write_timeout = Duration::from_millis(300)).await;
    let mut raw = server.raw().await;
    let count = json!({"type": "count", "payload": {"to": 100_000_000, "pad": 1000}}).to_string();
    raw.write(&masked(FIN | TEXT, count.as_bytes())).await;
    until("it is connected", || server.engine.connections() == 1).await;
    until("it is dropped", || server.engine.connections() == 0).await;
}

#[tokio::test]
async fn code_1013_beyond_the_most_connections() {
    let server = Server::with(|settings| settings.connections = 1).await;
    let mut first = server.client().await;
    let mut second = server.connect(&[]).await;
    assert_eq!(second.end().await, (vec![], 1013));
    first.goes_on().await;
}

#[tokio::test]
async fn code_1012_for_those_who_come_during_a_shutdown() {
    let server = Server::start().await;
    let mut waiting = server.client().await;
    waiting.send("hang", json!({}), "1").await;
    until("it hangs", || {
        server.state.begun.load(std::sync::atomic::Ordering::SeqCst) == 1
    })
    .await;
    let engine = server.engine.clone();
    let shutdown = tokio::spawn(async move { engine.shutdown(Duration::from_millis(500)).await });
    until("it drains", || !server.engine.ready()).await;
    let mut late = server.connect(&[]).await;
    assert_eq!(late.end().await, (vec![], 1012));
    assert!(!shutdown.await.unwrap());
}

#[tokio::test]
async fn the_application_may_close() {
    let server = Server::start().await;
    let (mut client, greeting) = server.greeted().await;
    let other = server
        .engine
        .client(greeting["payload"]["clientId"].as_str().unwrap())
        .unwrap();
    other.send(Note(Tick::new("last", 1, 0))).unwrap();
    other.close(CloseCode::TakenOver);
    assert!(other.send(Note(Tick::new("too late", 1, 0))).is_err());
    let (messages, code) = client.end().await;
    assert_eq!(messages.len(), 1);
    assert_eq!(code, 4409);
}

/// What a slow reader has of a stream without end: so much every 150 ms, with a write timeout of 800 ms.
async fn read_slowly(piece: usize) -> usize {
    let server = Server::with(|settings| settings.write_timeout = Duration::from_millis(800)).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(32 * 1024).unwrap();
    let mut raw = Raw::over(socket.connect(server.address).await.unwrap(), "").await;
    raw.next().await;
    let count = json!({"type": "count", "payload": {"to": 100_000_000, "pad": 10_000}}).to_string();
    raw.write(&masked(FIN | TEXT, count.as_bytes())).await;
    let mut piece = vec![0; piece];
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        raw.stream.read_exact(&mut piece).await.unwrap();
    }
    server.engine.connections()
}

#[tokio::test]
async fn who_reads_slowly_all_the_time_stays() {
    // The kernel says that a socket takes more only when a third of its buffer is free, which takes longer here.
    assert_eq!(read_slowly(20 * 1024).await, 1);
}

#[tokio::test]
async fn who_reads_next_to_nothing_goes() {
    assert_eq!(read_slowly(10).await, 0);
}
