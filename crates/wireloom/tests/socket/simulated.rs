//! Sessions on a simulated network and a simulated clock: a seed decides when connections break, how, and who is woken
//! first, and the same seed does the same again.
//!
//! Nothing is lost, nothing comes twice, order is kept, and each request runs once. An ordinary run has 50 seeds; more by
//! `WIRELOOM_SEEDS=0..1000 cargo test -p wireloom --test socket simulated`.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::{SinkExt, StreamExt};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tower_service::Service;
use turmoil::net::{TcpListener, TcpStream};
use wireloom::Engine;

use crate::support::{FIN, Note, Shared, TEXT, Tick, masked, registry};

const PORT: u16 = 80;

/// Requests that each client makes, every fourth of them for a stream.
const REQUESTS: usize = 16;

/// Silence after which a client gives a connection up.
const GIVE_UP: Duration = Duration::from_millis(400);

type Failure = Box<dyn std::error::Error>;

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("WIRELOOM_SEEDS") else {
        return 0..50;
    };
    let (from, to) = text.split_once("..").expect("WIRELOOM_SEEDS=FROM..TO");
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn nothing_is_lost_or_twice_or_out_of_order_whatever_the_schedule() {
    let (mut connections, mut replayed) = (0, 0);
    for seed in seeds() {
        let told = simulate(seed).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        connections += told.0;
        replayed += told.1;
    }
    let count = seeds().count() as u64;
    // A schedule that breaks nothing shows nothing.
    assert!(connections >= 4 * count, "{connections} connections");
    assert!(replayed >= count, "{replayed} messages came again");
}

#[test]
fn the_same_seed_does_the_same_again() {
    assert_eq!(simulate(7).unwrap(), simulate(7).unwrap());
}

/// One run. How many connections there were, and how many messages were replayed.
fn simulate(seed: u64) -> Result<(u64, u64), Failure> {
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .enable_random_order()
        .tick_duration(Duration::from_millis(5))
        .simulation_duration(Duration::from_secs(300))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(20))
        .tcp_capacity(1 << 16)
        .build();
    let state = Shared::default();
    let engine = registry(&state)
        .settings(|settings| {
            settings.resume_window = Duration::from_secs(60);
            settings.resume_messages = 10_000;
            settings.resume_bytes = 1 << 24;
        })
        .build()
        .map_err(|error| error.to_string())?;
    let told = engine.clone();
    sim.host("server", move || serve(engine.clone()));
    let counts = Arc::new(std::sync::Mutex::new((0, 0)));
    for n in 0..2_u64 {
        let (counts, engine) = (Arc::clone(&counts), told.clone());
        sim.client(format!("client{n}"), async move {
            let mut client = Client::new(seed * 2 + n, format!("client{n}"), engine);
            client.run().await?;
            let mut counts = counts.lock().unwrap();
            counts.0 += client.connections;
            counts.1 += client.replayed;
            Ok(())
        });
    }
    sim.run()?;
    let mut runs: HashMap<String, usize> = HashMap::new();
    for run in state.runs.lock().unwrap().iter() {
        *runs.entry(run.clone()).or_default() += 1;
    }
    if let Some((run, times)) = runs.iter().find(|(_, times)| **times != 1) {
        return Err(format!("{run} ran {times} times").into());
    }
    if runs.len() != 2 * (REQUESTS - REQUESTS / 4) {
        return Err(format!("{} requests ran", runs.len()).into());
    }
    let counts = *counts.lock().unwrap();
    Ok(counts)
}

/// The engine behind a listener of the simulation.
async fn serve(engine: Engine<Shared>) -> Result<(), Failure> {
    let router = Router::new().route("/ws", engine.upgrade());
    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT)).await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        let router = router.clone();
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            router.clone().call(request.map(Body::new))
        });
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // Whoever broke it knows why.
            let _broken = connection.await;
        });
    }
}

type Socket = WebSocketStream<TcpStream>;

/// What is wrong with what came, or that the connection is gone.
enum Trouble {
    Gone,
    Wrong(String),
}

/// A client that does as docs/wire-protocol.md says, and believes nothing.
struct Client {
    random: fastrand::Rng,
    name: String,
    engine: Engine<Shared>,
    id: String,
    token: Option<String>,
    /// Number of the last message.
    seen: u64,
    /// Requests that are not answered yet, with their frames.
    open: VecDeque<(String, String)>,
    /// Items of each open stream that came.
    items: HashMap<String, u64>,
    asked: usize,
    answered: usize,
    /// Value of the last note that was sent to this client, and of the last that came.
    noted: i64,
    heard: i64,
    connections: u64,
    replayed: u64,
}

impl Client {
    fn new(seed: u64, name: String, engine: Engine<Shared>) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            name,
            engine,
            id: String::new(),
            token: None,
            seen: 0,
            open: VecDeque::new(),
            items: HashMap::new(),
            asked: 0,
            answered: 0,
            noted: 0,
            heard: 0,
            connections: 0,
            replayed: 0,
        }
    }

    fn is_done(&self) -> bool {
        self.answered == REQUESTS && self.heard == self.noted
    }

    async fn run(&mut self) -> Result<(), Failure> {
        while !self.is_done() {
            match self.connection().await {
                Ok(()) | Err(Trouble::Gone) => {}
                Err(Trouble::Wrong(what)) => return Err(format!("{}: {what}", self.name).into()),
            }
            if self.connections > 300 {
                return Err(format!("{} gets nowhere", self.name).into());
            }
            turmoil::repair(self.name.as_str(), "server");
            turmoil::release(self.name.as_str(), "server");
            sleep(Duration::from_millis(self.random.u64(0..200))).await;
        }
        Ok(())
    }

    /// One connection, from its handshake to its end.
    async fn connection(&mut self) -> Result<(), Trouble> {
        self.connections += 1;
        let mut socket = timeout(GIVE_UP, connect()).await.map_err(|_| Trouble::Gone)??;
        self.greet(&mut socket).await?;
        let steps = self.random.usize(0..14);
        for _ in 0..steps {
            self.act(&mut socket).await?;
            let moment = Duration::from_millis(self.random.u64(0..60));
            self.listen(&mut socket, moment).await?;
        }
        if self.asked == REQUESTS && self.random.bool() {
            // All was asked: waits for the rest, unless nothing comes any more.
            let begun = Instant::now();
            while !self.is_done() && begun.elapsed() < Duration::from_secs(2) {
                self.listen(&mut socket, GIVE_UP).await?;
            }
        }
        self.cut(socket).await;
        Ok(())
    }

    /// Reads the greeting, takes the session up again if there is one, and says again what has no answer.
    async fn greet(&mut self, socket: &mut Socket) -> Result<(), Trouble> {
        let greeting = next(socket).await?;
        let payload = &greeting["payload"];
        if let Some(token) = &self.token {
            let resume = json!({"type": "connection:resume", "correlationId": "r",
                "payload": {"resumeToken": token, "lastSeq": self.seen}});
            send(socket, &resume.to_string()).await?;
            if self.random.u8(0..6) == 0 {
                // Gone before the answer has come: the token is good for another time.
                return Err(Trouble::Gone);
            }
            let resumed = loop {
                let message = next(socket).await?;
                if message["type"] == "connection:resumed" {
                    break message;
                }
            };
            if resumed["payload"]["resumed"] != true || resumed["payload"]["clientId"] != self.id.as_str() {
                return Err(Trouble::Wrong(format!("not resumed: {resumed}")));
            }
            self.token = resumed["payload"]["resumeToken"].as_str().map(str::to_owned);
            self.replayed += resumed["payload"]["replayed"].as_u64().unwrap_or(0);
        } else {
            self.token = payload["resumeToken"].as_str().map(str::to_owned);
            self.id = payload["clientId"].as_str().unwrap_or_default().to_owned();
        }
        let again: Vec<_> = self.open.iter().map(|(_, text)| text.clone()).collect();
        for text in again {
            send(socket, &text).await?;
        }
        Ok(())
    }

    /// Asks for something, or has something sent to itself.
    async fn act(&mut self, socket: &mut Socket) -> Result<(), Trouble> {
        match self.random.u8(0..4) {
            0 => {
                let Some(client) = self.engine.client(&self.id) else {
                    return Err(Trouble::Wrong("the session is gone".to_owned()));
                };
                self.noted += 1;
                client
                    .send(Note(Tick::new("k", self.noted, 0)))
                    .map_err(|error| Trouble::Wrong(error.to_string()))
            }
            1 => {
                let ack = json!({"type": "connection:ack", "payload": {"seq": self.seen}});
                send(socket, &ack.to_string()).await
            }
            _ if self.asked < REQUESTS && self.open.len() < 4 => {
                let id = format!("{}-{}", self.name, self.asked);
                let request = if self.asked % 4 == 3 {
                    json!({"type": "story", "correlationId": id,
                        "payload": {"to": self.random.u64(1..20), "pauseMs": self.random.u64(0..30)}})
                } else {
                    let mut request = json!({"type": "whole", "correlationId": id, "payload": {"run": id}});
                    if self.random.bool() {
                        request["payload"]["pauseMs"] = self.random.u64(0..200).into();
                    }
                    request
                };
                self.asked += 1;
                self.open.push_back((id, request.to_string()));
                send(socket, &request.to_string()).await
            }
            _ => Ok(()),
        }
    }

    /// Takes what comes within a while.
    async fn listen(&mut self, socket: &mut Socket, time: Duration) -> Result<(), Trouble> {
        let until = Instant::now() + time;
        while let Ok(message) = tokio::time::timeout_at(until, next(socket)).await {
            self.check(&message?).map_err(Trouble::Wrong)?;
        }
        Ok(())
    }

    /// Whether a message is the one that must come next.
    fn check(&mut self, message: &Value) -> Result<(), String> {
        let Some(seq) = message["seq"].as_u64() else {
            return Ok(());
        };
        if seq != self.seen + 1 {
            return Err(format!("{seq} comes behind {}: {message}", self.seen));
        }
        self.seen = seq;
        if message["type"] == "note" {
            self.heard += 1;
            let right = message["payload"]["value"] == self.heard;
            return right
                .then_some(())
                .ok_or_else(|| format!("note {} is {message}", self.heard));
        }
        let id = message["correlationId"].as_str().unwrap_or_default().to_owned();
        let Some(at) = self.open.iter().position(|(open, _)| *open == id) else {
            return Err(format!("nobody waits for {message}"));
        };
        match message["type"].as_str() {
            Some("number") => {
                let items = self.items.entry(id).or_default();
                *items += 1;
                let right = message["payload"]["n"] == *items - 1;
                return right
                    .then_some(())
                    .ok_or_else(|| format!("item {} is {message}", *items - 1));
            }
            Some("done") => {
                let asked: Value = serde_json::from_str(&self.open[at].1).unwrap_or_default();
                let items = self.items.get(&id).copied().unwrap_or(0);
                if asked["payload"]["to"] != items {
                    return Err(format!("{items} items came of {asked}"));
                }
            }
            Some("echoed") if message["payload"]["run"] == id.as_str() => {}
            _ => return Err(format!("{id} is answered by {message}")),
        }
        self.open.remove(at);
        self.answered += 1;
        Ok(())
    }

    /// Ends a connection in one way or another.
    async fn cut(&mut self, mut socket: Socket) {
        let name = self.name.as_str();
        let moment = Duration::from_millis(self.random.u64(0..300));
        match self.random.u8(0..6) {
            // Just gone.
            0 => {}
            // Nothing gets through any more, in both directions or in one; the server finds out by the next connection.
            1 => turmoil::partition(name, "server"),
            2 => turmoil::partition_oneway("server", name),
            // All that is under way is late.
            3 => {
                turmoil::hold(name, "server");
                sleep(moment).await;
                turmoil::release(name, "server");
            }
            // A goodbye that is none for good.
            4 => {
                let frame = CloseFrame {
                    code: 1001.into(),
                    reason: "".into(),
                };
                let _gone = socket.send(Frame::Close(Some(frame))).await;
            }
            // In the middle of a frame.
            _ => {
                let whole = masked(FIN | TEXT, br#"{"type":"ping"}"#);
                let half = whole.get(..self.random.usize(1..whole.len())).unwrap_or_default();
                let _gone = socket.get_mut().write_all(half).await;
            }
        }
        if self.random.bool() {
            // Still half-open when the next one comes.
            tokio::spawn(async move {
                sleep(moment).await;
                drop(socket);
            });
        }
    }
}

async fn connect() -> Result<Socket, Trouble> {
    let stream = TcpStream::connect(("server", PORT))
        .await
        .map_err(|_| Trouble::Gone)?;
    let mut request = "ws://server/ws"
        .into_client_request()
        .map_err(|_| Trouble::Gone)?;
    let protocol = HeaderValue::from_static("test.v1");
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
    let connecting = tokio_tungstenite::client_async(request, stream);
    connecting
        .await
        .map(|(socket, _)| socket)
        .map_err(|_| Trouble::Gone)
}

async fn send(socket: &mut Socket, text: &str) -> Result<(), Trouble> {
    timeout(GIVE_UP, socket.send(Frame::text(text)))
        .await
        .map_err(|_| Trouble::Gone)?
        .map_err(|_| Trouble::Gone)
}

/// The next message. A silence is an end, too.
async fn next(socket: &mut Socket) -> Result<Value, Trouble> {
    loop {
        match timeout(GIVE_UP, socket.next()).await {
            Ok(Some(Ok(Frame::Text(text)))) => {
                return serde_json::from_str(&text).map_err(|error| Trouble::Wrong(error.to_string()));
            }
            Ok(Some(Ok(Frame::Ping(_) | Frame::Pong(_)))) => {}
            _ => return Err(Trouble::Gone),
        }
    }
}
