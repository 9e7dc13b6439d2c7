//! Many peers at once: what each costs, and whether a few that are slow or half gone are noticed by the others.
//!
//! An ordinary run has a few hundred of them; `cargo xtask crowd` has 10,000, and measures.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::support::{Attacked, Bounds, Changed, FIN, MESSAGE_BYTES, Raw, TEXT, full, many, masked, report};

/// Most that an idle connection with a session costs, in bytes.
const IDLE: usize = 10 * 1024;

/// Most that a session costs whose client is not there, beyond what it keeps, in bytes.
const PARKED: usize = 16 * 1024;

fn crowd() -> usize {
    if full() { 10_000 } else { 200 }
}

/// Connections that are opened at the same time.
const TOGETHER: usize = 50;

async fn echo(raw: &mut Raw, more: Value) -> Duration {
    let mut message = json!({"type": "echo", "payload": {"text": "hello"}, "correlationId": "c"});
    message
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let begun = Instant::now();
    raw.write(&masked(FIN | TEXT, message.to_string().as_bytes()))
        .await;
    while raw.next().await["type"] != "echoed" {}
    begun.elapsed()
}

/// Opens so many connections with a session, each of which has had an answer, and acknowledged it.
async fn gather(address: SocketAddr, count: usize) -> Vec<Raw> {
    let mut raws = Vec::with_capacity(count);
    while raws.len() < count {
        let opening: Vec<_> = (raws.len()..count)
            .take(TOGETHER)
            .map(|_| {
                tokio::spawn(async move {
                    let mut raw = Raw::open(address, "Sec-WebSocket-Protocol: attacked.v1\r\n").await;
                    assert_eq!(raw.next().await["type"], "connection:established");
                    echo(&mut raw, json!({})).await;
                    echo(&mut raw, json!({"ack": 1})).await;
                    let ack = json!({"type": "connection:ack", "payload": {"seq": 2}});
                    raw.write(&masked(FIN | TEXT, ack.to_string().as_bytes())).await;
                    raw
                })
            })
            .collect();
        for one in opening {
            raws.push(one.await.unwrap());
        }
    }
    raws
}

fn p99(mut waited: Vec<Duration>) -> Duration {
    waited.sort_unstable();
    waited[waited.len() * 99 / 100]
}

/// Has each of these ask again and again, for a while. How long 99 of 100 answers take.
async fn ask_all(raws: Vec<Raw>, time: Duration) -> (Duration, Vec<Raw>) {
    let asking: Vec<_> = raws
        .into_iter()
        .map(|mut raw| {
            tokio::spawn(async move {
                let (begun, mut waited) = (Instant::now(), Vec::new());
                while begun.elapsed() < time {
                    waited.push(echo(&mut raw, json!({})).await);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                (waited, raw)
            })
        })
        .collect();
    let (mut all, mut raws) = (Vec::new(), Vec::new());
    for one in asking {
        let (waited, raw) = one.await.unwrap();
        all.extend(waited);
        raws.push(raw);
    }
    (p99(all), raws)
}

/// What a connection costs that has a session and is idle, and what the session costs when its client is gone.
#[tokio::test]
async fn what_each_costs() {
    let count = crowd();
    let mut server = Attacked::start(Changed {
        resume_window_ms: Some(600_000),
        heartbeat_ms: Some(600_000),
        ..Changed::default()
    })
    .await;
    drop(gather(server.address, TOGETHER).await);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, _) = server.heap();
    let resident = server.resident();
    let raws = gather(server.address, count).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let idle = server.heap().0.saturating_sub(before) / count;
    let idle_resident = server.resident().saturating_sub(resident) / count;
    drop(raws);
    // All have been noticed to be gone.
    tokio::time::sleep(Duration::from_millis(500 + count as u64 / 5)).await;
    let parked = server.heap().0.saturating_sub(before) / count;
    let parked_resident = server.resident().saturating_sub(resident) / count;
    report(&format!(
        "{count} connections with a session: {idle} bytes allocated each, {idle_resident} resident; \
         parked: {parked} allocated, {parked_resident} resident"
    ));
    assert!(idle <= IDLE, "{idle} bytes");
    assert!(parked <= PARKED, "{parked} bytes");
    assert!(parked < idle, "sockets are still open");
    if full() {
        assert!(idle_resident <= IDLE, "{idle_resident} bytes");
    }
}

/// One in a hundred reads slowly what it has asked for in plenty: the others wait at most twice as long as without.
#[tokio::test]
async fn slow_readers_in_a_crowd() {
    let count = crowd();
    let server = Attacked::start(Changed {
        resume_window_ms: Some(600_000),
        heartbeat_ms: Some(600_000),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let time = Duration::from_secs(if full() { 10 } else { 1 });
    let mut raws = gather(address, count).await;
    let asking = raws.split_off(raws.len() - 50);
    let (without, asking) = ask_all(asking, time).await;
    let over = Arc::new(AtomicBool::new(false));
    let slow: Vec<_> = raws
        .drain(..count / 100)
        .map(|mut raw| {
            let over = Arc::clone(&over);
            tokio::spawn(async move {
                let fill = json!({"type": "fill", "payload": {"pad": 10_000}});
                raw.write(&masked(FIN | TEXT, fill.to_string().as_bytes())).await;
                let mut scrap = [0; 1024];
                while !over.load(Ordering::Relaxed) {
                    raw.stream.read_exact(&mut scrap).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
        })
        .collect();
    // The kernel's buffers are full now.
    tokio::time::sleep(time / 2).await;
    let (with, asking) = ask_all(asking, time).await;
    over.store(true, Ordering::Relaxed);
    for one in slow {
        one.await.unwrap();
    }
    drop((asking, raws));
    report(&format!(
        "{count} connections, p99 of 50 that ask: {:.2} ms; with {} slow readers: {:.2} ms",
        without.as_secs_f64() * 1e3,
        count / 100,
        with.as_secs_f64() * 1e3
    ));
    // Below a millisecond, the scheduler's moods are larger than what is measured.
    let most = 2 * without.max(Duration::from_millis(if full() { 1 } else { 100 }));
    assert!(with <= most, "{with:?}, and {without:?} without");
}

/// Peers that are gone without a word are freed in time, and nobody who publishes waits for them.
#[tokio::test]
async fn half_open_peers() {
    let (count, heartbeat) = if full() { (1000, 3000) } else { (50, 900) };
    let mut server = Attacked::start(Changed {
        heartbeat_ms: Some(heartbeat),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let attack = async {
        let mut half_open = Vec::new();
        for _ in 0..count {
            half_open.push(Raw::open(address, "").await);
        }
        let begun = Instant::now();
        let mut publisher = Raw::open(address, "").await;
        publisher.next().await;
        let publish = json!({"type": "publish", "payload": {"pad": 100}, "correlationId": "p"});
        let publish = masked(FIN | TEXT, publish.to_string().as_bytes());
        let mut waited = Vec::new();
        let freed = loop {
            let published = Instant::now();
            publisher.write(&publish).await;
            let told = loop {
                let message = publisher.next().await;
                if message["type"] == "echoed" {
                    break message["payload"]["told"].as_u64().unwrap();
                }
            };
            waited.push(published.elapsed());
            if told == 2 {
                break begun.elapsed();
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{told} are there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        (freed, p99(waited))
    };
    let bounds = Bounds {
        memory: count * 16 * 1024 + many(4) * MESSAGE_BYTES,
        // Most of it is publishing: hundreds of messages to each of them.
        cpu: Duration::from_secs(if full() { 5 } else { 2 }),
    };
    let (freed, published) = server.endures(bounds, attack).await;
    report(&format!(
        "{count} half-open peers freed after {:.2} times the heartbeat; publishing to all: p99 {:.2} ms",
        freed.as_secs_f64() * 1e3 / heartbeat as f64,
        published.as_secs_f64() * 1e3
    ));
    let slack = if full() {
        Duration::ZERO
    } else {
        Duration::from_millis(500)
    };
    assert!(
        freed <= Duration::from_millis(heartbeat * 3 / 2) + slack,
        "{freed:?}"
    );
    let most = if full() { 10 } else { 400 };
    assert!(published <= Duration::from_millis(most), "{published:?}");
}
