//! Order and concurrency on one connection, back-pressure, and what a disconnect ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use wireloom::ServeOptions;

use crate::support::{FIN, Note, Server, Shared, TEXT, Tick, masked, message, registry, until};

#[tokio::test]
async fn immediate_replies_come_in_order() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for n in 0..500 {
        client
            .send("echo", json!({"text": format!("text {n}")}), &n.to_string())
            .await;
    }
    for n in 0..500 {
        let reply = client.next().await;
        assert_eq!(reply["correlationId"], n.to_string());
        assert_eq!(reply["payload"]["text"], format!("text {n}"));
    }
}

#[tokio::test]
async fn a_slow_handler_does_not_block_later_ones() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.send("wait", json!({}), "slow").await;
    for n in 0..10 {
        let id = format!("quick {n}");
        assert_eq!(
            client.ask("echo", json!({"text": "a"}), &id).await["correlationId"],
            id
        );
    }
    server.state.go.notify_waiters();
    assert_eq!(client.next().await["correlationId"], "slow");
}

#[tokio::test]
async fn a_stream_is_in_order_and_complete() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.send("count", json!({"to": 5000, "pad": 50}), "a").await;
    client.send("count", json!({"to": 5000}), "b").await;
    let mut next = [0, 0];
    let mut ended = 0;
    while ended < 2 {
        let message = client.next().await;
        let which = usize::from(message["correlationId"] == "b");
        if message["type"] == "done" {
            assert_eq!(
                next[which], 5000,
                "nothing follows the end, and nothing is missing"
            );
            ended += 1;
        } else {
            assert_eq!(message["payload"]["n"], next[which]);
            next[which] += 1;
        }
    }
    client.goes_on().await;
}

#[tokio::test]
async fn back_pressure_suspends_the_producer() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    raw.next().await;
    let request = message("count", json!({"to": 100_000, "pad": 1000}), "s");
    raw.write(&masked(FIN | TEXT, request.as_bytes())).await;
    // Nobody reads: the producer stops as soon as the buffers of the kernel and the outbox are full.
    let produced = || server.state.produced.load(Ordering::SeqCst);
    until("it produces", || produced() > 0).await;
    let mut before = 0;
    while produced() != before {
        before = produced();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(before < 20_000, "{before} items of 1 kB for nobody");
    assert_eq!(server.engine.connections(), 1);
    // And goes on as soon as somebody does: nothing is lost.
    for n in 0..100_000 {
        assert_eq!(raw.next().await["payload"]["n"], n);
    }
    assert_eq!(raw.next().await["type"], "done");
}

#[tokio::test]
async fn many_large_replies_at_once_are_no_reason_to_disconnect() {
    let server = Server::with(|settings| settings.outbox_bytes = 100_000).await;
    let mut client = server.client().await;
    // Four replies of 60 kB become ready in the same moment, all together more than the outbox may hold.
    for id in ["1", "2", "3", "4"] {
        client.send("wait", json!({"pad": "x".repeat(60_000)}), id).await;
    }
    until("all wait", || server.state.begun.load(Ordering::SeqCst) == 4).await;
    server.state.go.notify_waiters();
    for _ in 0..4 {
        assert_eq!(client.next().await["type"], "echoed");
    }
    client.goes_on().await;
}

#[tokio::test]
async fn a_disconnect_drops_handlers_and_runs_the_hook_once() {
    let server = hooked(Duration::ZERO).await;
    for leave in ["clean", "abrupt"] {
        let mut client = server.client().await;
        let state = &server.state;
        let expected = if leave == "clean" { 1 } else { 2 };
        client.send("hang", json!({}), "1").await;
        until("it hangs", || state.begun.load(Ordering::SeqCst) == expected).await;
        let before = state.produced.load(Ordering::SeqCst);
        client.send("count", json!({"to": 100_000_000}), "2").await;
        until("it streams", || state.produced.load(Ordering::SeqCst) > before).await;
        if leave == "clean" {
            client.socket.close(None).await.unwrap();
            while let Some(Ok(_)) = futures_util::StreamExt::next(&mut client.socket).await {}
        }
        drop(client);
        until("the client is gone", || server.engine.connections() == 0).await;
    }
    until("all four are dropped", || {
        server.state.dropped.load(Ordering::SeqCst) == 4
    })
    .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.state.connected.load(Ordering::SeqCst), 2);
    assert_eq!(server.state.disconnected.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_the_connect_hook_sends_stands_between_greeting_and_replies() {
    for pause in [Duration::ZERO, Duration::from_millis(100)] {
        let server = hooked(pause).await;
        let mut client = server.connect(&[]).await;
        client.send("echo", json!({"text": "a"}), "1").await;
        let order = [
            client.next().await["type"].clone(),
            client.next().await["type"].clone(),
            client.next().await["type"].clone(),
            client.next().await["type"].clone(),
        ];
        assert_eq!(order, ["connection:established", "note", "note", "echoed"]);

        let mut local = server.engine.connect().await;
        local.send(&message("echo", json!({"text": "a"}), "1")).await;
        for expected in ["connection:established", "note", "note", "echoed"] {
            assert_eq!(local.next_json().await.unwrap()["type"], expected);
        }
    }
}

/// A server whose connect hook sends two notes with a pause in between.
async fn hooked(pause: Duration) -> Server {
    let state = Shared::default();
    let engine = hooked_engine(&state, pause);
    Server::of(engine, state, ServeOptions::default()).await
}

fn hooked_engine(state: &Shared, pause: Duration) -> wireloom::Engine<Shared> {
    let connected = move |cx: wireloom::Ctx<Shared>| async move {
        cx.state().connected.fetch_add(1, Ordering::SeqCst);
        cx.send(Note(Tick::new("first", 1, 0))).unwrap();
        tokio::time::sleep(pause).await;
        cx.send(Note(Tick::new("second", 2, 0))).unwrap();
    };
    let disconnected = |cx: wireloom::Ctx<Shared>| async move {
        cx.state().disconnected.fetch_add(1, Ordering::SeqCst);
    };
    registry(&Arc::clone(state))
        .on_connect(connected)
        .on_disconnect(disconnected)
        .build()
        .unwrap()
}
