//! A server in a process of its own, its measures, a client that behaves, and raw sockets that do not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use wireloom::json::{Decode, Encode, Read as Decoded, Reader, Writer};
use wireloom::{Protocol, Registry, ServeOptions, Settings, StaticTokens, serve};

use crate::HEAP;

pub(crate) use crate::raw::{CLOSE, CONTINUATION, FIN, PATIENCE, PING, PONG, Raw, TEXT, handshake, masked};

/// Says which settings the server has, in its environment.
const SETTINGS: &str = "WIRELOOM_ATTACKED";

/// Asks for long attacks, and for the bounds of a release build on a quiet machine.
const FULL: &str = "WIRELOOM_ATTACKS";

/// Whether this is the long form.
pub(crate) fn full() -> bool {
    std::env::var(FULL).is_ok_and(|form| form == "full")
}

/// So many of something in an ordinary run, ten times as many in the long form.
pub(crate) fn many(ordinary: usize) -> usize {
    if full() { 10 * ordinary } else { ordinary }
}

pub(crate) const ALICE: &str = "alice-s3cret-token-0001";

pub(crate) const BOB: &str = "bob-s3cret-token-000002";

/// Largest message of a client, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 64 * 1024;

/// What may wait for a connection, in bytes.
pub(crate) const OUTBOX_BYTES: usize = 256 * 1024;

fn protocol() -> Protocol {
    let engine: Value = serde_json::from_str(include_str!("../../../../schemas/protocol.json")).unwrap();
    let any = json!({"type": "object"});
    let text = json!({
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 40000},
            "n": {"type": "integer", "minimum": 0, "maximum": 10},
            "evil": {"type": "string", "pattern": "^(a+)+$"},
            "worse": {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"},
            "mail": {"type": "string", "pattern": "^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$"}
        },
        "additionalProperties": false
    });
    let mut messages = json!({
        "echo": {"from": "client", "payload": text, "reply": "echoed"},
        "open": {"from": "client", "payload": any, "reply": "echoed"},
        "fill": {"from": "client", "payload": any, "stream": {"item": "item", "end": "echoed", "onDisconnect": "cancel"}},
        "publish": {"from": "client", "payload": any, "reply": "echoed"},
        "echoed": {"from": "server", "payload": any},
        "item": {"from": "server", "payload": any},
        "news": {"from": "server", "payload": any},
    });
    for (name, message) in engine["messages"].as_object().unwrap() {
        if message["engine"] == true {
            messages[name] = message.clone();
        }
    }
    let protocol = json!({
        "info": {"name": "attacked", "version": "1.0.0"},
        "subprotocol": "attacked.v1",
        "hash": "0123",
        "connection": {
            "path": "/ws", "heartbeatIntervalMs": 20000, "heartbeatTimeoutMs": 10000,
            "resumeWindowMs": 0, "resumeMessages": 1000, "resumeBytes": 1048576,
            "limits": {"messageBytes": MESSAGE_BYTES, "depth": 32, "rate": null, "burst": 1000, "inFlight": 32,
                "outboxBytes": OUTBOX_BYTES}
        },
        "errors": {},
        "messages": messages,
        "states": null
    });
    Protocol::from_json(&protocol.to_string()).unwrap()
}

/// What the server of a test is told to do otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Changed {
    /// Heartbeat interval, in milliseconds; the timeout is a third of it.
    pub(crate) heartbeat_ms: Option<u64>,
    pub(crate) rate: Option<u32>,
    pub(crate) connections: Option<u64>,
    pub(crate) write_timeout_ms: Option<u64>,
    pub(crate) header_timeout_ms: Option<u64>,
    /// Sessions wait so long.
    pub(crate) resume_window_ms: Option<u64>,
    /// Whether Alice and Bob must show their tokens, and loopback is counted.
    pub(crate) tokens: bool,
}

impl Changed {
    fn told(&self) -> String {
        let number = |value: Option<u64>| value.map_or(Value::Null, Value::from);
        json!([
            number(self.heartbeat_ms),
            number(self.rate.map(u64::from)),
            number(self.connections),
            number(self.write_timeout_ms),
            number(self.header_timeout_ms),
            number(self.resume_window_ms),
            self.tokens
        ])
        .to_string()
    }

    fn of(text: &str) -> Self {
        let told: Vec<Value> = serde_json::from_str(text).unwrap();
        Self {
            heartbeat_ms: told[0].as_u64(),
            rate: told[1].as_u64().and_then(|rate| u32::try_from(rate).ok()),
            connections: told[2].as_u64(),
            write_timeout_ms: told[3].as_u64(),
            header_timeout_ms: told[4].as_u64(),
            resume_window_ms: told[5].as_u64(),
            tokens: told[6] == true,
        }
    }

    fn apply(&self, settings: &mut Settings) {
        if let Some(ms) = self.heartbeat_ms {
            settings.heartbeat_interval = Duration::from_millis(ms);
            settings.heartbeat_timeout = Duration::from_millis(ms / 3);
        }
        if let Some(rate) = self.rate {
            settings.rate = Some(f64::from(rate));
            settings.burst = rate;
        }
        if let Some(connections) = self.connections {
            settings.connections = usize::try_from(connections).unwrap();
        }
        if let Some(ms) = self.write_timeout_ms {
            settings.write_timeout = Duration::from_millis(ms);
        }
        if let Some(ms) = self.resume_window_ms {
            settings.resume_window = Duration::from_millis(ms);
        }
        settings.admission.limit_loopback = self.tokens;
        settings.origins = vec!["https://app.example".to_owned()];
    }
}

/// What is published.
struct News(String);

impl Encode for News {
    fn encode(&self, out: &mut Writer) {
        out.raw("{\"pad\":");
        out.string(&self.0);
        out.raw("}");
    }
}

impl Decode for News {
    fn decode(reader: &mut Reader<'_>) -> Decoded<Self> {
        let value = reader.value()?;
        let pad = value.get("pad").and_then(Value::as_str);
        pad.map(|pad| Self(pad.to_owned())).ok_or_else(|| reader.refuse())
    }
}

impl wireloom::Message for News {
    const TYPE: &'static str = "news";
}

impl wireloom::ServerMessage for News {}

/// The server itself. Started by the tests, as a process of its own.
#[test]
#[ignore = "the server that the other tests attack, which start it"]
fn attacked() {
    let Ok(changed) = std::env::var(SETTINGS) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    std::thread::spawn(tell_measures);
    runtime.block_on(be_attacked(Changed::of(&changed)));
}

/// Answers each line of standard input with the bytes allocated, now and at most since the last line.
fn tell_measures() {
    for line in std::io::stdin().lines() {
        if line.is_err() {
            break;
        }
        say(&format!("{} {}", HEAP.current_usage(), HEAP.peak_usage()));
        HEAP.reset_peak_usage();
    }
    // Whoever started it is gone.
    std::process::exit(0);
}

#[expect(
    clippy::print_stdout,
    reason = "standard output is how the server answers the test"
)]
fn say(line: &str) {
    println!("attacked: {line}");
}

async fn be_attacked(changed: Changed) {
    let same = |_cx, payload: Value| async move { Ok(payload) };
    let mut registry = Registry::new(protocol(), ())
        .on("echo", same)
        .on("open", same)
        .on("publish", |cx, payload| async move {
            let pad = usize::try_from(payload["pad"].as_u64().unwrap_or(0)).unwrap();
            // Whoever reads too slowly is cut off, which is not the publisher's affair.
            let told = cx.broadcast(News("x".repeat(pad))).unwrap();
            Ok(json!({"told": told}))
        })
        .on_stream("fill", |_cx, payload, mut items| async move {
            let pad = "x".repeat(usize::try_from(payload["pad"].as_u64().unwrap_or(0)).unwrap());
            for n in 0..payload["to"].as_u64().unwrap_or(u64::MAX) {
                items.send(json!({"n": n, "pad": pad})).await?;
            }
            Ok(json!({}))
        })
        .settings(|settings| changed.apply(settings));
    if changed.tokens {
        registry = registry.authenticator(StaticTokens::parse(&format!("{ALICE} alice\n{BOB} bob")).unwrap());
    }
    let engine = registry.build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    say(&listener.local_addr().unwrap().to_string());
    let router = Router::new().route("/ws", engine.upgrade());
    let mut options = ServeOptions::default();
    if let Some(ms) = changed.header_timeout_ms {
        options.header_timeout = Duration::from_millis(ms);
    }
    serve(listener, router, options, std::future::pending())
        .await
        .unwrap();
}

/// The server under attack. Ends with the test.
pub(crate) struct Attacked {
    pub(crate) address: SocketAddr,
    child: Child,
    asking: ChildStdin,
    told: BufReader<ChildStdout>,
}

/// What an attack may cost.
pub(crate) struct Bounds {
    /// Bytes that the server has allocated at most, beyond what it had before.
    pub(crate) memory: usize,
    /// Processor time of the server, in a release build.
    pub(crate) cpu: Duration,
}

/// Memory that may stay allocated: tables that grew, say.
const KEPT: usize = 256 * 1024;

/// How much more a debug build takes than a release build, and how much longer somebody waits on a busy machine.
const ALLOWANCE: u32 = 40;

/// Longest time that a client that behaves waits in 99 of 100 cases.
const P99: Duration = Duration::from_millis(10);

impl Attacked {
    pub(crate) async fn start(changed: Changed) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "support::attacked",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(SETTINGS, changed.told())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let asking = child.stdin.take().unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        let address = hear(&mut told).parse().unwrap();
        Self {
            address,
            child,
            asking,
            told,
        }
    }

    /// Bytes that the server has allocated: now, and at most since it was asked last.
    pub(crate) fn heap(&mut self) -> (usize, usize) {
        self.asking.write_all(b"heap\n").unwrap();
        let line = hear(&mut self.told);
        let (now, most) = line.split_once(' ').unwrap();
        (now.parse().unwrap(), most.parse().unwrap())
    }

    /// Bytes of the server that are in memory.
    pub(crate) fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Processor time that the server has taken.
    fn cpu(&self) -> Duration {
        let mut total = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap() {
            // The first figure of schedstat is the time spent on the processor, in nanoseconds.
            let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
            let nanoseconds = text.split(' ').next().and_then(|text| text.parse::<u64>().ok());
            total += nanoseconds.unwrap_or(0);
        }
        Duration::from_nanos(total)
    }

    pub(crate) async fn raw(&self) -> Raw {
        Raw::open(self.address, "").await
    }

    /// A bare socket that has read its greeting.
    pub(crate) async fn greeted(&self) -> Raw {
        let mut raw = self.raw().await;
        assert_eq!(raw.next().await["type"], "connection:established");
        raw
    }

    /// Runs an attack, and asserts what it costs the server and a client that behaves. `token` lets that client in.
    pub(crate) async fn endures_as<T>(
        &mut self,
        token: Option<&str>,
        bounds: Bounds,
        attack: impl Future<Output = T>,
    ) -> T {
        let address = self.address;
        let mut bystander = Bystander::connect(address, token);
        // The first of everything is not counted.
        for _ in 0..20 {
            bystander.ask();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (before, _) = self.heap();
        let cpu = self.cpu();
        let over = Arc::new(AtomicBool::new(false));
        let asking = std::thread::spawn({
            let over = Arc::clone(&over);
            move || bystander.goes_on(&over)
        });
        let outcome = attack.await;
        over.store(true, Ordering::Relaxed);
        let mut waited = asking.join().unwrap();
        let cpu = self.cpu() - cpu;
        let (_, most) = self.heap();
        let mut after = self.heap().0;
        let begun = Instant::now();
        while after > before + KEPT && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
            after = self.heap().0;
        }
        waited.sort_unstable();
        let p99 = waited[waited.len() * 99 / 100];
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        report(&format!(
            "{name}: {} KiB at most, {} KiB kept, {} ms of CPU; others: p99 {:.2} ms of {}",
            most.saturating_sub(before) / 1024,
            after.saturating_sub(before) / 1024,
            cpu.as_millis(),
            p99.as_secs_f64() * 1e3,
            waited.len(),
        ));
        let patience = if full() { 1 } else { ALLOWANCE };
        assert!(most <= before + bounds.memory, "{} bytes", most - before);
        assert!(after <= before + KEPT, "{} bytes stay", after - before);
        assert!(cpu <= bounds.cpu * patience, "{cpu:?} of CPU");
        assert!(p99 <= P99 * patience, "others wait for {p99:?}");
        outcome
    }

    /// The same, where nobody needs a token.
    pub(crate) async fn endures<T>(&mut self, bounds: Bounds, attack: impl Future<Output = T>) -> T {
        self.endures_as(None, bounds, attack).await
    }
}

impl Raw {
    /// Whether something can be read.
    pub(crate) async fn is_told(&self) -> bool {
        let mut byte = [0];
        let moment = Duration::from_micros(1);
        tokio::time::timeout(moment, self.stream.peek(&mut byte))
            .await
            .is_ok()
    }

    /// Reads until nothing comes any more, however it ends.
    pub(crate) async fn reads_to_the_end(&mut self) {
        let mut scrap = vec![0; 65_536];
        let end = async { while self.stream.read(&mut scrap).await.is_ok_and(|read| read > 0) {} };
        tokio::time::timeout(PATIENCE, end)
            .await
            .expect("the socket is still open");
    }
}

#[expect(clippy::print_stderr, reason = "what was measured is read by people")]
pub(crate) fn report(line: &str) {
    eprintln!("{line}");
}

fn hear(told: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(told.read_line(&mut line).unwrap(), 0, "the server is gone");
        if let Some((_, said)) = line.split_once("attacked: ") {
            return said.trim().to_owned();
        }
    }
}

impl Drop for Attacked {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// A client that behaves: asks, waits for the answer, and asks again two milliseconds later.
struct Bystander {
    stream: TcpStream,
    request: Vec<u8>,
}

impl Bystander {
    fn connect(address: SocketAddr, token: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let header = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let request = handshake(address, &header.unwrap_or_default());
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let request = json!({"type": "echo", "payload": {"text": "hello", "n": 3}, "correlationId": "c"});
        let mut bystander = Self {
            stream,
            request: masked(FIN | TEXT, request.to_string().as_bytes()),
        };
        assert_eq!(bystander.next()["type"], "connection:established");
        bystander
    }

    fn next(&mut self) -> Value {
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).unwrap();
            let mut length = usize::from(head[1]);
            if length == 126 {
                let mut more = [0; 2];
                self.stream.read_exact(&mut more).unwrap();
                length = usize::from(u16::from_be_bytes(more));
            }
            let mut payload = vec![0; length];
            self.stream.read_exact(&mut payload).unwrap();
            match head[0] & 0x0f {
                TEXT => return serde_json::from_slice(&payload).unwrap(),
                PING => self.stream.write_all(&masked(FIN | PONG, &payload)).unwrap(),
                other => panic!("opcode {other}"),
            }
        }
    }

    fn ask(&mut self) -> Duration {
        let begun = Instant::now();
        self.stream.write_all(&self.request).unwrap();
        while self.next()["type"] != "echoed" {}
        begun.elapsed()
    }

    fn goes_on(&mut self, over: &AtomicBool) -> Vec<Duration> {
        let mut waited = Vec::new();
        while !over.load(Ordering::Relaxed) || waited.len() < many(50) {
            waited.push(self.ask());
            std::thread::sleep(Duration::from_millis(2));
        }
        waited
    }
}
