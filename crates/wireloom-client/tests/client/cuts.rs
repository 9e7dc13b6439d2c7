//! The engine behind a network that breaks: connections are cut in the middle of frames, and half-open ones are left behind.
//! Nothing is lost, nothing comes twice, order is kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wireloom::{Ctx, Engine, Items, ServeOptions, on, stream};
use wireloom_client::{Client, Notice};

use crate::protocol::{
    Count, CountError, Done, Handlers, Hang, HangError, News, Note, NoteError, PROTOCOL, Said, Say, SayError,
    Tick,
};

/// How often each request ran.
type Ran = Arc<Mutex<HashMap<String, u32>>>;

async fn say(cx: Ctx<Ran>, message: Say) -> Result<Said, SayError> {
    *cx.state()
        .lock()
        .unwrap()
        .entry(message.text.clone())
        .or_default() += 1;
    tokio::time::sleep(Duration::from_millis(3)).await;
    Ok(Said {
        text: message.text,
        by: None,
    })
}

async fn count(_cx: Ctx<Ran>, message: Count, mut out: Items<Tick>) -> Result<Done, CountError> {
    for at in 0..message.to {
        tokio::time::sleep(Duration::from_millis(1)).await;
        out.send(Tick { at }).await;
    }
    Ok(Done { total: message.to })
}

async fn note(cx: Ctx<Ran>, message: Note) -> Result<(), NoteError> {
    cx.send(News { text: message.text })?;
    Ok(())
}

async fn hang(_cx: Ctx<Ran>, _message: Hang) -> Result<Said, HangError> {
    std::future::pending().await
}

/// Numbers that look like chance, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A network to `server` that cuts each connection after some bytes: by a reset, an end, or silence.
async fn broken_network(server: std::net::SocketAddr, seed: u64, cuts: Arc<AtomicU64>, most: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut chance = Chance(seed * 2 + 1);
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(server).await.unwrap();
            let whole = cuts.load(Ordering::SeqCst) >= most;
            let left = if whole { u64::MAX } else { 700 + chance.below(4000) };
            tokio::spawn(pass(client, server, left, chance.below(3), Arc::clone(&cuts)));
        }
    });
    url
}

/// Passes bytes on until so many have come from the server.
async fn pass(mut client: TcpStream, mut server: TcpStream, mut left: u64, how: u64, cuts: Arc<AtomicU64>) {
    let (mut up, mut down) = ([0; 512], [0; 512]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(bytes @ 1..) => if server.write_all(&up[..bytes]).await.is_err() { return },
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(bytes @ 1..) => {
                    let passed = usize::try_from(left).unwrap_or(bytes).min(bytes);
                    if client.write_all(&down[..passed]).await.is_err() { return }
                    left -= passed as u64;
                    if left == 0 { break }
                }
                _ => return,
            },
        }
    }
    cuts.fetch_add(1, Ordering::SeqCst);
    match how {
        // The client sees the end, the server sees nothing for a while: a half-open connection.
        0 => {
            drop(client);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        // Both see a reset.
        1 => {
            let _gone = (client.set_zero_linger(), server.set_zero_linger());
        }
        // Both see an end.
        _ => {}
    }
}

async fn run(seed: u64) {
    let ran = Ran::default();
    let engine: Engine<Ran> = Handlers {
        say: on(say),
        count: stream(count),
        note: on(note),
        hang: on(hang),
    }
    .builder(Arc::clone(&ran))
    .settings(|settings| settings.rate = None)
    .build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/ws", engine.upgrade());
    tokio::spawn(wireloom::serve(
        listener,
        router,
        ServeOptions::default(),
        std::future::pending(),
    ));
    let cuts = Arc::default();
    let url = broken_network(address, seed, Arc::clone(&cuts), 20).await;
    let client = Client::builder(url)
        .protocol(PROTOCOL)
        .settings(|settings| {
            settings.reconnect.base = Duration::from_millis(5);
            settings.reconnect.cap = Duration::from_millis(50);
        })
        .start()
        .unwrap();
    let mut notices = client.notices();

    let numbers = async {
        let mut stream = client.stream(Count { to: 400 });
        let mut next = 0;
        while let Some(tick) = stream.next().await {
            assert_eq!(tick.unwrap().at, next, "seed {seed}");
            next += 1;
        }
        assert_eq!(stream.end(), Some(&Done { total: 400 }), "seed {seed}");
        assert_eq!(next, 400, "seed {seed}");
    };
    let requests = async {
        for at in 0..150 {
            let text = format!("request {at}");
            let said = client.request(Say { text: text.clone() }).await.unwrap();
            assert_eq!(said.text, text, "seed {seed}");
        }
    };
    let all = async { tokio::join!(numbers, requests) };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .unwrap_or_else(|_| panic!("seed {seed}: something never came"));
    let mut resumed = 0;
    while let Ok(Some(notice)) = tokio::time::timeout(Duration::from_millis(10), notices.next()).await {
        match notice {
            Notice::Resumed { .. } => resumed += 1,
            Notice::Discontinuity(reason) => panic!("seed {seed}: {reason:?}"),
            _ => {}
        }
    }
    assert!(resumed >= 10, "seed {seed}: resumed {resumed} times only");
    let ran = ran.lock().unwrap();
    assert_eq!(ran.len(), 150);
    assert!(ran.values().all(|times| *times == 1), "seed {seed}: {ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_is_whole_whatever_is_cut() {
    let seeds = std::env::var("WIRELOOM_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok());
    for seed in 1..=seeds.unwrap_or(5) {
        run(seed).await;
    }
}
