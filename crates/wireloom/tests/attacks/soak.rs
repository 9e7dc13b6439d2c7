//! Hours of everything at once: memory reaches its level, and stays there.
//!
//! On demand: `cargo xtask soak --minutes 10`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::support::{Attacked, Changed, FIN, Raw, TEXT, masked, report};

/// How many clients are there at a time, of each kind.
const CLIENTS: usize = 20;

/// What the heap may grow by, from the second quarter of the time to the last, in bytes.
const GROWTH: usize = 2 * 1024 * 1024;

#[derive(Default)]
struct Done {
    connections: AtomicU64,
    requests: AtomicU64,
    resumed: AtomicU64,
    hostile: AtomicU64,
}

#[tokio::test]
#[ignore = "takes minutes: cargo xtask soak"]
async fn memory_stays_where_it_is() {
    let minutes = std::env::var("WIRELOOM_SOAK_MINUTES").map_or(1.0, |text| text.parse().unwrap());
    let time = Duration::from_secs_f64(60.0 * minutes);
    let mut server = Attacked::start(Changed {
        resume_window_ms: Some(2_000),
        write_timeout_ms: Some(2_000),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(Done::default()));
    let mut tasks = Vec::new();
    for n in 0..CLIENTS as u64 {
        let (over, done) = (Arc::clone(&over), Arc::clone(&done));
        let mut random = fastrand::Rng::with_seed(n);
        tasks.push(tokio::spawn(async move {
            let mut lost = None;
            while !over.load(Ordering::Relaxed) {
                // Whatever breaks is begun anew.
                lost = decent(address, &mut random, &done, lost).await.unwrap_or(None);
                hostile(address, &mut random).await;
                done.hostile.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let begun = Instant::now();
    let mut samples = Vec::new();
    while begun.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (_, most) = server.heap();
        samples.push((most, server.resident()));
    }
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let quarter = |n: usize| {
        let part = samples[samples.len() * n / 4..samples.len() * (n + 1) / 4].iter();
        let (heap, resident): (Vec<_>, Vec<_>) = part.copied().unzip();
        (
            heap.into_iter().max().unwrap(),
            resident.into_iter().max().unwrap(),
        )
    };
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (early, late) = (quarter(1), quarter(3));
    report(&format!(
        "{minutes} minutes: {} connections, {} requests, {} resumed, {} hostile; \
         heap at most {} KiB in the second quarter, {} KiB in the last; resident {} KiB and {} KiB",
        count(&done.connections),
        count(&done.requests),
        count(&done.resumed),
        count(&done.hostile),
        early.0 / 1024,
        late.0 / 1024,
        early.1 / 1024,
        late.1 / 1024,
    ));
    assert!(late.0 <= early.0 + GROWTH, "the heap grows");
    assert!(late.1 <= early.1 + early.1 / 10 + GROWTH, "resident memory grows");
    assert!(count(&done.resumed) > 0 && count(&done.requests) > 0);
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A conversation, which may begin with a session that was lost, and whose own may be lost: its token and last number.
async fn decent(
    address: SocketAddr,
    random: &mut fastrand::Rng,
    done: &Done,
    lost: Option<(String, u64)>,
) -> Result<Option<(String, u64)>, Failure> {
    use futures_util::{SinkExt, StreamExt};
    let mut request = format!("ws://{address}/ws").into_client_request()?;
    let protocol = HeaderValue::from_static("attacked.v1");
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    done.connections.fetch_add(1, Ordering::Relaxed);
    let mut token = String::new();
    let (mut seen, mut asked, mut answered) = (0, 0, 0);
    if let Some((lost, last)) = lost {
        let payload = json!({"resumeToken": lost, "lastSeq": last});
        let resume = json!({"type": "connection:resume", "payload": payload});
        socket.send(Frame::text(resume.to_string())).await?;
        seen = last;
    }
    let requests = random.u32(1..60);
    while answered < requests {
        while asked < requests && asked < answered + 4 {
            asked += 1;
            let request = match random.u8(0..8) {
                0 => {
                    json!({"type": "fill", "payload": {"to": random.u8(..), "pad": 500}, "ack": seen, "correlationId": asked.to_string()})
                }
                1 => json!({"type": "echo", "payload": {"n": 77}, "correlationId": asked.to_string()}),
                _ => {
                    let text = "x".repeat(random.usize(0..4000));
                    json!({"type": "echo", "payload": {"text": text}, "ack": seen, "correlationId": asked.to_string()})
                }
            };
            socket.send(Frame::text(request.to_string())).await?;
        }
        let frame = tokio::time::timeout(Duration::from_secs(5), socket.next()).await?;
        let Some(Frame::Text(text)) = frame.transpose()? else {
            continue;
        };
        let message: Value = serde_json::from_str(&text)?;
        seen = message["seq"].as_u64().unwrap_or(seen);
        match message["type"].as_str() {
            Some("connection:established") => {
                token = message["payload"]["resumeToken"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
            }
            Some("connection:resumed") => {
                token = message["payload"]["resumeToken"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                if message["payload"]["resumed"] == true {
                    done.resumed.fetch_add(1, Ordering::Relaxed);
                } else {
                    seen = 0;
                }
            }
            Some("echoed" | "error") => {
                answered += 1;
                done.requests.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
    if random.bool() {
        socket.close(None).await?;
        return Ok(None);
    }
    Ok(Some((token, seen)))
}

/// Something that no decent client does.
async fn hostile(address: SocketAddr, random: &mut fastrand::Rng) {
    let mut raw = Raw::open(address, "").await;
    let bytes = match random.u8(0..6) {
        0 => masked(FIN | TEXT, &vec![b'['; random.usize(1..60_000)]),
        1 => masked(TEXT, &vec![b' '; random.usize(1..60_000)]),
        2 => masked(FIN | TEXT, b"\xff\xfe"),
        3 => masked(FIN | 2, &[0; 1000]),
        4 => masked(FIN | TEXT, b"{").repeat(150),
        _ => {
            let fill = json!({"type": "fill", "payload": {"pad": 10_000}});
            masked(FIN | TEXT, fill.to_string().as_bytes())
        }
    };
    // It may be refused by then.
    let _refused = raw.stream.write_all(&bytes).await;
    tokio::time::sleep(Duration::from_millis(random.u64(0..300))).await;
}
