//! A small protocol with every kind of message, a server of it, and two clients: a WebSocket client and a bare socket.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use wireloom::json::{Decode, Encode, Read, Reader, Writer};
use wireloom::{Engine, Internal, Protocol, Registry, Reject, ServeOptions, Settings, serve};

pub(crate) use crate::raw::{CLOSE, CONTINUATION, FIN, PATIENCE, PING, PONG, Raw, TEXT, masked};

/// What handlers leave behind for tests to see.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Handlers that began to hang.
    pub(crate) begun: AtomicUsize,
    /// Handlers that were dropped while they hung.
    pub(crate) dropped: AtomicUsize,
    pub(crate) connected: AtomicUsize,
    pub(crate) disconnected: AtomicUsize,
    /// Items that a stream's producer has handed over.
    pub(crate) produced: AtomicUsize,
    /// Lets `wait` go on.
    pub(crate) go: Notify,
    /// What `whole` was told to `run`, in order.
    pub(crate) runs: Mutex<Vec<String>>,
}

pub(crate) type Shared = Arc<State>;

struct Dropped(Shared);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// A message of the server whose delivery is `coalesce` by `/key`.
#[derive(Debug, Clone)]
pub(crate) struct Tick {
    pub(crate) key: String,
    pub(crate) value: i64,
    pub(crate) pad: String,
}

/// The same, delivered with `drop`.
#[derive(Debug, Clone)]
pub(crate) struct Sample(pub(crate) Tick);

/// The same, delivered with `disconnect`.
#[derive(Debug, Clone)]
pub(crate) struct Note(pub(crate) Tick);

impl Tick {
    pub(crate) fn new(key: &str, value: i64, pad: usize) -> Self {
        Self {
            key: key.to_owned(),
            value,
            pad: "x".repeat(pad),
        }
    }
}

impl Encode for Tick {
    fn encode(&self, out: &mut Writer) {
        out.raw("{\"key\":");
        out.string(&self.key);
        out.raw(",\"value\":");
        out.integer(self.value);
        out.raw(",\"pad\":");
        out.string(&self.pad);
        out.raw("}");
    }
}

impl Decode for Tick {
    fn decode(reader: &mut Reader<'_>) -> Read<Self> {
        let value = reader.value()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let tick = text("key")
            .zip(text("pad"))
            .zip(value.get("value").and_then(Value::as_i64));
        let ((key, pad), value) = tick.ok_or_else(|| reader.refuse())?;
        Ok(Self { key, value, pad })
    }
}

macro_rules! delegate {
    ($($name:ident),*) => {$(
        impl Encode for $name {
            fn encode(&self, out: &mut Writer) {
                self.0.encode(out);
            }
        }

        impl Decode for $name {
            fn decode(reader: &mut Reader<'_>) -> Read<Self> {
                Tick::decode(reader).map(Self)
            }
        }
    )*};
}

delegate!(Sample, Note);

impl wireloom::Message for Tick {
    const TYPE: &'static str = "tick";
}

impl wireloom::Message for Sample {
    const TYPE: &'static str = "sample";
}

impl wireloom::Message for Note {
    const TYPE: &'static str = "note";
}

impl wireloom::ServerMessage for Tick {}
impl wireloom::ServerMessage for Sample {}
impl wireloom::ServerMessage for Note {}

/// The protocol of these tests.
pub(crate) fn protocol() -> Protocol {
    let engine: Value = serde_json::from_str(include_str!("../../../../schemas/protocol.json")).unwrap();
    let any = json!({"type": "object"});
    let text = json!({
        "type": "object",
        "properties": {
            "text": {"type": "string", "minLength": 1, "maxLength": 40000},
            "n": {"type": "integer", "minimum": 0, "maximum": 10}
        },
        "required": ["text"],
        "additionalProperties": false
    });
    let request = |more: Value| {
        let mut message =
            json!({"from": "client", "payload": any, "payloadOptional": true, "reply": "echoed"});
        message
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        message
    };
    let fields: Vec<_> = (0..20).map(|n| format!("field{n}")).collect();
    let mut messages = json!({
        "echo": request(json!({"payload": text, "payloadOptional": false})),
        "whole": request(json!({})),
        "wait": request(json!({})),
        "hang": request(json!({})),
        "brief": request(json!({"limits": {"timeoutMs": 50}})),
        "small": request(json!({"limits": {"messageBytes": 200}})),
        "rare": request(json!({"limits": {"rate": 0.001, "burst": 1}})),
        "secret": request(json!({"auth": ["admin", "write"]})),
        "fail": request(json!({"payload": {"type": "object", "properties": {"how": {"type": "string"}}}})),
        "many": request(json!({"payload": {"type": "object", "required": fields}, "payloadOptional": false})),
        "room": request(json!({})),
        "game:start": request(json!({})),
        "game:move": request(json!({})),
        "count": {
            "from": "client",
            "payload": any,
            "stream": {"item": "number", "end": "done", "onDisconnect": "cancel"}
        },
        "detached": {
            "from": "client",
            "payload": any,
            "stream": {"item": "number", "end": "done", "onDisconnect": "cancel"}
        },
        "story": {
            "from": "client",
            "payload": any,
            "stream": {"item": "number", "end": "done", "onDisconnect": "detach"}
        },
        "mark": {"from": "client", "payload": any},
        "echoed": {"from": "server", "payload": any},
        "number": {"from": "server", "payload": any},
        "done": {"from": "server", "payload": any},
        "note": {"from": "server", "payload": any},
        "tick": {"from": "server", "payload": any,
            "delivery": {"resumable": false, "overflow": "coalesce", "key": "/key"}},
        "sample": {"from": "server", "payload": any, "delivery": {"resumable": false, "overflow": "drop"}},
    });
    for (name, message) in engine["messages"].as_object().unwrap() {
        if message["engine"] == true {
            messages[name] = message.clone();
        }
    }
    let protocol = json!({
        "info": {"name": "test", "version": "1.2.3"},
        "subprotocol": "test.v1",
        "hash": "0123",
        "connection": {
            "path": "/ws", "heartbeatIntervalMs": 30000, "heartbeatTimeoutMs": 10000,
            "resumeWindowMs": 0, "resumeMessages": 0, "resumeBytes": 0,
            "limits": {"messageBytes": 65536, "depth": 16, "rate": null, "burst": 1000, "inFlight": 4,
                "outboxBytes": 1048576}
        },
        "errors": {"busy": {"description": "Try later.", "retryable": true}},
        "messages": messages,
        "states": {"initial": "lobby", "states": {
            "lobby": {"game:start": "playing"},
            "playing": {"game:move": "playing"}
        }}
    });
    Protocol::from_json(&protocol.to_string()).unwrap()
}

async fn hang(state: Shared) -> Result<Value, Reject> {
    let _dropped = Dropped(Arc::clone(&state));
    state.begun.fetch_add(1, Ordering::SeqCst);
    std::future::pending().await
}

/// Streams numbers as fast as they are taken, or one every `pauseMs`.
async fn count(
    cx: wireloom::Ctx<Shared>,
    payload: Value,
    mut items: wireloom::ValueItems,
) -> Result<Value, Reject> {
    let _dropped = Dropped(Arc::clone(cx.state()));
    let pad = "x".repeat(usize::try_from(payload["pad"].as_u64().unwrap_or(0)).unwrap());
    for n in 0..payload["to"].as_u64().unwrap_or(0) {
        if let Some(pause) = payload["pauseMs"].as_u64() {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        items.send(json!({"n": n, "pad": pad})).await?;
        cx.state().produced.fetch_add(1, Ordering::SeqCst);
    }
    Ok(json!({}))
}

/// The handlers of these tests.
pub(crate) fn registry(state: &Shared) -> Registry<Shared> {
    registry_of(protocol(), state)
}

/// The same handlers, for a protocol that has no fewer messages than that of these tests.
pub(crate) fn registry_of(protocol: Protocol, state: &Shared) -> Registry<Shared> {
    let same = |_cx, payload: Value| async move { Ok(payload) };
    let forever = |cx: wireloom::Ctx<Shared>, _payload| hang(Arc::clone(cx.state()));
    Registry::new(protocol, Arc::clone(state))
        .on("echo", same)
        .on("whole", |cx: wireloom::Ctx<Shared>, payload| async move {
            if let Some(run) = payload["run"].as_str() {
                cx.state().runs.lock().unwrap().push(run.to_owned());
            }
            if let Some(pause) = payload["pauseMs"].as_u64() {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            Ok(payload)
        })
        .on("small", same)
        .on("rare", same)
        .on("secret", same)
        .on("many", same)
        .on("game:start", same)
        .on("game:move", same)
        .on("hang", forever)
        .on("brief", forever)
        .on("wait", |cx, payload| async move {
            cx.state().begun.fetch_add(1, Ordering::SeqCst);
            cx.state().go.notified().await;
            Ok(payload)
        })
        .on("mark", |cx, _payload| async move {
            cx.state().begun.fetch_add(1, Ordering::SeqCst);
            Ok(json!(null))
        })
        .on("room", |cx, payload| async move {
            match (payload["join"].as_str(), payload["leave"].as_str()) {
                (Some(room), _) => cx.join(room),
                (_, Some(room)) => cx.leave(room),
                _ => {}
            }
            Ok(json!({}))
        })
        .on("fail", |_cx, payload| {
            let how = payload["how"].as_str().unwrap_or_default().to_owned();
            assert!(how != "panic at once", "the password is hunter2");
            async move {
                match how.as_str() {
                    "panic" => panic!("the password is hunter2"),
                    "declared" => Err(Reject::declared("busy", "Try later.", true)),
                    "late panic" => {
                        tokio::task::yield_now().await;
                        panic!("the password is hunter2")
                    }
                    _ => Err(Reject::internal(Internal::new("the password is hunter2"))),
                }
            }
        })
        .on_stream("count", count)
        .on_stream("story", count)
        .on_stream("detached", |cx, _payload, mut items| async move {
            let state = Arc::clone(cx.state());
            let guard = Dropped(Arc::clone(&state));
            let task = tokio::spawn(async move {
                let _dropped = guard;
                let pad = "x".repeat(10_000);
                for n in 0..7 {
                    items.send(json!({"n": n, "pad": pad})).await?;
                }
                // The outbox is full now.
                state.begun.fetch_add(1, Ordering::SeqCst);
                items.send(json!({"n": 7})).await
            });
            task.await
                .map_err(|error| Reject::internal(Internal::new(error)))??;
            Ok(json!({}))
        })
}

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine<Shared>,
    pub(crate) state: Shared,
    stop: Option<oneshot::Sender<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let state = Shared::default();
        let engine = registry(&state).settings(change).build().unwrap();
        Self::of(engine, state, ServeOptions::default()).await
    }

    pub(crate) async fn of(engine: Engine<Shared>, state: Shared, options: ServeOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/ws", engine.upgrade());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(serve(listener, router, options, async {
            // Stops as well when the test has ended.
            let _ended = stopped.await;
        }));
        Self {
            address,
            engine,
            state,
            stop: Some(stop),
        }
    }

    /// Stops accepting.
    pub(crate) fn stop(&mut self) {
        self.stop.take();
    }

    /// A client that has read its greeting.
    pub(crate) async fn client(&self) -> Client {
        self.greeted().await.0
    }

    /// A client and its greeting.
    pub(crate) async fn greeted(&self) -> (Client, Value) {
        let mut client = self.connect(&[]).await;
        let greeting = client.next().await;
        assert_eq!(greeting["type"], "connection:established");
        (client, greeting)
    }

    /// A client with these headers in its handshake.
    pub(crate) async fn connect(&self, headers: &[(&'static str, &str)]) -> Client {
        let mut request = format!("ws://{}/ws", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let (socket, _response) = tokio_tungstenite::connect_async(request).await.unwrap();
        Client { socket }
    }

    /// A bare socket behind its handshake.
    pub(crate) async fn raw(&self) -> Raw {
        Raw::open(self.address, "").await
    }
}

/// A WebSocket client.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(crate) async fn text(&mut self, text: &str) {
        self.socket.send(Frame::text(text)).await.unwrap();
    }

    /// Sends a message with a correlation id.
    pub(crate) async fn send(&mut self, name: &str, payload: Value, id: &str) {
        self.text(&message(name, payload, id)).await;
    }

    /// Sends a message and returns what comes next.
    pub(crate) async fn ask(&mut self, name: &str, payload: Value, id: &str) -> Value {
        self.send(name, payload, id).await;
        self.next().await
    }

    /// Sends a text and returns what comes next.
    pub(crate) async fn ask_text(&mut self, text: &str) -> Value {
        self.text(text).await;
        self.next().await
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                Some(Frame::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Some(Frame::Ping(_) | Frame::Pong(_)) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        tokio::time::timeout(PATIENCE, self.socket.next())
            .await
            .expect("nothing came")
            .map(|frame| frame.expect("the connection broke"))
    }

    /// Reads to the end, which must be clean. What came, and the code.
    pub(crate) async fn end(&mut self) -> (Vec<Value>, u16) {
        let mut messages = Vec::new();
        let mut code = None;
        while let Some(frame) = self.frame().await {
            match frame {
                Frame::Text(text) => messages.push(serde_json::from_str(&text).unwrap()),
                Frame::Close(close) => {
                    let CloseFrame { code: number, .. } = close.expect("a close code");
                    code = Some(u16::from(number));
                }
                _ => {}
            }
        }
        (messages, code.expect("a close frame"))
    }

    /// The code that the server closes with.
    pub(crate) async fn close_code(&mut self) -> u16 {
        self.end().await.1
    }

    /// Shows that the connection goes on: a request is answered.
    pub(crate) async fn goes_on(&mut self) {
        let reply = self.ask("echo", json!({"text": "still here"}), "goes-on").await;
        assert_eq!(reply["type"], "echoed");
        assert_eq!(reply["correlationId"], "goes-on");
    }
}

/// One message as a client writes it.
pub(crate) fn message(name: &str, payload: Value, id: &str) -> String {
    json!({"type": name, "payload": payload, "correlationId": id}).to_string()
}

/// Asserts that a message is this error, and returns its payload.
#[track_caller]
pub(crate) fn error<'m>(message: &'m Value, code: &str, id: Option<&str>) -> &'m Value {
    assert_eq!(message["type"], "error", "{message}");
    assert_eq!(message["payload"]["code"], code, "{message}");
    assert_eq!(
        message.get("correlationId").and_then(Value::as_str),
        id,
        "{message}"
    );
    assert!(
        message["payload"]["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    assert!(
        message["timestamp"]
            .as_u64()
            .is_some_and(|at| at > 1_600_000_000_000)
    );
    &message["payload"]
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let waited = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waited).await.is_err() {
        panic!("in vain: {what}");
    }
}
