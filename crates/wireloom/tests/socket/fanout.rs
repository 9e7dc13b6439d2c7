//! Messages to one client, to all, and to rooms; and what becomes of them when nobody reads.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use wireloom::{CloseCode, Engine, LocalClient, SendError};

use crate::support::{Note, PATIENCE, Sample, Server, Shared, Tick, message, registry, until};

#[tokio::test]
async fn to_one_client() {
    let server = Server::start().await;
    let (mut first, greeting) = server.greeted().await;
    let mut second = server.client().await;
    let id = greeting["payload"]["clientId"].as_str().unwrap().to_owned();
    server
        .engine
        .client(&id)
        .unwrap()
        .send(Note(Tick::new("k", 7, 0)))
        .unwrap();
    let note = first.next().await;
    assert_eq!(note["type"], "note");
    assert_eq!(note["payload"]["value"], 7);
    assert_eq!(note.get("correlationId"), None);
    second.goes_on().await;

    let gone = server.engine.client(&id).unwrap();
    drop(first);
    until("it is gone", || server.engine.client(&id).is_none()).await;
    assert_eq!(
        gone.send(Note(Tick::new("k", 8, 0))),
        Err(SendError::Disconnected)
    );
    assert!(server.engine.client("client_nobody").is_none());
}

#[tokio::test]
async fn to_all_clients_the_same_bytes() {
    let server = Server::start().await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut raw = server.raw().await;
        raw.next().await;
        clients.push(raw);
    }
    assert_eq!(server.engine.broadcast(Note(Tick::new("é\"", 1, 10))), Ok(5));
    let mut frames = HashSet::new();
    for client in &mut clients {
        frames.insert(client.frame().await.unwrap());
    }
    assert_eq!(frames.len(), 1);
}

#[tokio::test]
async fn by_name_to_all_clients() {
    let server = Server::start().await;
    let mut client = server.client().await;
    assert_eq!(
        server.engine.broadcast_value("note", &json!({ "value": 3 })),
        Ok(1)
    );
    let note = client.next().await;
    assert_eq!(
        (&note["type"], &note["payload"]["value"]),
        (&json!("note"), &json!(3))
    );
    // Messages of clients and of the engine, and those that nobody knows, are not for applications to send.
    for name in ["echo", "pong", "nobody:knows"] {
        let refused = server.engine.broadcast_value(name, &json!({}));
        assert_eq!(refused, Err(SendError::NotSent(name.to_owned())));
    }
}

#[tokio::test]
async fn to_the_members_of_a_room() {
    let server = Server::start().await;
    let (mut first, greeting) = server.greeted().await;
    let mut second = server.client().await;
    let mut third = server.client().await;
    for client in [&mut first, &mut second] {
        client.ask("room", json!({"join": "r"}), "1").await;
        // Twice is once.
        client.ask("room", json!({"join": "r"}), "1").await;
    }
    third.ask("room", json!({"leave": "r"}), "1").await;
    let room = server.engine.room("r");
    assert_eq!(room.members().len(), 2);
    assert_eq!(room.send(Note(Tick::new("k", 1, 0))), Ok(2));
    assert_eq!(first.next().await["type"], "note");
    assert_eq!(second.next().await["type"], "note");
    third.goes_on().await;

    first.ask("room", json!({"leave": "r"}), "2").await;
    assert_eq!(room.send(Note(Tick::new("k", 2, 0))), Ok(1));
    assert_eq!(second.next().await["payload"]["value"], 2);
    first.goes_on().await;

    drop(second);
    until("the room is empty", || room.members().is_empty()).await;
    assert_eq!(room.send(Note(Tick::new("k", 3, 0))), Ok(0));
    assert_eq!(
        server
            .engine
            .room("no such room")
            .send(Note(Tick::new("k", 3, 0))),
        Ok(0)
    );

    // Whoever is gone cannot be put into a room any more, which nothing would take it out of.
    let id = greeting["payload"]["clientId"].as_str().unwrap().to_owned();
    let gone = server.engine.client(&id).unwrap();
    drop(first);
    until("it is gone", || server.engine.client(&id).is_none()).await;
    gone.join("r");
    assert!(room.members().is_empty());
}

#[tokio::test]
async fn identities_are_unique_and_in_order() {
    let server = Server::start().await;
    let mut clients = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..50 {
        let (client, greeting) = server.greeted().await;
        clients.push(client);
        ids.push(greeting["payload"]["clientId"].as_str().unwrap().to_owned());
    }
    let unique: HashSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), 50);
    assert!(ids.iter().all(|id| id.starts_with("client_")));
    let known: Vec<_> = server.engine.clients().iter().map(ToString::to_string).collect();
    assert_eq!(known, ids);
}

#[tokio::test]
async fn samples_are_dropped_and_the_connection_stays() {
    let (engine, mut slow) = unread().await;
    let sent = (0..200)
        .take_while(|&n| engine.broadcast(Sample(Tick::new("s", n, 1000))) == Ok(1))
        .count();
    // About 1.2 kB each, of the 100 kB that may wait.
    assert!((70..100).contains(&sent), "{sent} were taken");
    let id = slow.id().unwrap().clone();
    let dropped = engine
        .client(&id)
        .unwrap()
        .send(Sample(Tick::new("s", 100, 1000)));
    assert_eq!(dropped, Err(SendError::Dropped));
    // What was taken arrives in order, and later ones as well.
    for n in 0..sent {
        assert_eq!(slow.next_json().await.unwrap()["payload"]["value"], n);
    }
    assert_eq!(engine.broadcast(Note(Tick::new("end", 0, 0))), Ok(1));
    assert_eq!(slow.next_json().await.unwrap()["payload"]["key"], "end");
}

#[tokio::test]
async fn ticks_are_coalesced_by_key_and_the_latest_wins() {
    let (engine, mut slow) = unread().await;
    // Both keys wait already when the outbox is full.
    for key in ["a", "b"] {
        assert_eq!(engine.broadcast(Tick::new(key, 0, 1000)), Ok(1));
    }
    while engine.broadcast(Sample(Tick::new("s", 0, 1000))) == Ok(1) {}
    for value in 1..=1000 {
        for key in ["a", "b"] {
            assert_eq!(engine.broadcast(Tick::new(key, value, 1000)), Ok(1));
        }
    }
    for key in ["a", "b"] {
        let tick = slow.next_json().await.unwrap();
        assert_eq!(tick["payload"]["key"], key);
        assert_eq!(tick["payload"]["value"], 1000);
    }
    // A key of its own replaces nothing, and there is no room for it.
    while engine.broadcast(Sample(Tick::new("s", 0, 1000))) == Ok(1) {}
    assert_eq!(engine.broadcast(Tick::new("c", 1, 1000)), Ok(0));
    while slow.next().await.is_some() {}
    assert_eq!(engine.connections(), 0);
}

#[tokio::test]
async fn what_replaces_may_not_grow_beyond_the_bound() {
    let (engine, mut slow) = unread().await;
    engine.broadcast(Tick::new("a", 0, 0)).unwrap();
    while engine.broadcast(Sample(Tick::new("s", 0, 1000))) == Ok(1) {}
    assert_eq!(engine.broadcast(Tick::new("a", 1, 1_000_000)), Ok(0));
    assert_eq!(slow.next_json().await.unwrap()["payload"]["value"], 0);
    while slow.next().await.is_some() {}
}

#[tokio::test]
async fn a_replacement_that_makes_room_wakes_producers() {
    let (engine, mut slow) = unread().await;
    // One large message makes the outbox full and is then replaced by a small one.
    engine.broadcast(Tick::new("a", 0, 99_000)).unwrap();
    slow.send(&message("count", json!({"to": 3}), "s")).await;
    assert_eq!(engine.broadcast(Tick::new("a", 1, 1000)), Ok(1));
    let mut types = Vec::new();
    for _ in 0..5 {
        let next = tokio::time::timeout(PATIENCE, slow.next_json())
            .await
            .expect("the producer sleeps");
        types.push(next.unwrap()["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(types, ["tick", "number", "number", "number", "done"]);
}

#[tokio::test]
async fn a_large_message_is_no_reason_to_disconnect() {
    let (engine, mut client) = unread().await;
    assert_eq!(engine.broadcast(Note(Tick::new("small", 0, 10))), Ok(1));
    assert_eq!(engine.broadcast(Note(Tick::new("large", 0, 200_000))), Ok(1));
    assert_eq!(engine.broadcast(Note(Tick::new("small", 0, 10))), Ok(0));
    assert_eq!(client.next_json().await.unwrap()["payload"]["key"], "small");
    assert_eq!(client.next_json().await.unwrap()["payload"]["key"], "large");
    assert_eq!(client.next_json().await, Err(CloseCode::TooSlow));
}

#[tokio::test]
async fn a_producer_outside_the_connection_ends_with_it() {
    let state = Shared::default();
    let engine = registry(&state).build().unwrap();
    let mut client = engine.connect().await;
    let id = client.id().unwrap().clone();
    client.send(&message("detached", json!({}), "s")).await;
    until("it is blocked", || state.begun.load(Ordering::SeqCst) == 1).await;
    drop(client);
    until("it has ended", || state.dropped.load(Ordering::SeqCst) == 1).await;
    assert!(engine.client(&id).is_none());
}

/// A client in this process that reads only when it is told to: what is sent to it waits in its outbox of 100 kB.
async fn unread() -> (Engine<Shared>, LocalClient<Shared>) {
    let engine = registry(&Shared::default())
        .settings(|settings| settings.outbox_bytes = 100_000)
        .build()
        .unwrap();
    let mut client = engine.connect().await;
    assert_eq!(
        client.next_json().await.unwrap()["type"],
        "connection:established"
    );
    (engine, client)
}

/// Whoever sends to everyone may do so at any moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_in_front_of_the_greeting() {
    let server = Server::start().await;
    let (engine, quiet) = (server.engine.clone(), Arc::new(AtomicBool::new(false)));
    let enough = Arc::clone(&quiet);
    let shouting = std::thread::spawn(move || {
        while !enough.load(Ordering::Relaxed) {
            engine.broadcast(Note(Tick::new("k", 1, 0))).unwrap();
        }
    });
    for _ in 0..300 {
        // Asserts what comes first.
        let (client, _greeting) = server.greeted().await;
        drop(client);
    }
    quiet.store(true, Ordering::Relaxed);
    shouting.join().unwrap();
}
