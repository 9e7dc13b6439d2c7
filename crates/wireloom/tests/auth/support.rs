//! A server that asks who its clients are, and clients that say so in every way.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use axum::Router;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error as SocketError, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use wireloom::{
    Authenticator, Engine, Identity, Peer, Protocol, Refusal, Registry, Secret, ServeOptions, Settings,
    StaticTokens, Verdict, serve,
};

/// Longest time that a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const ALICE: &str = "alice-s3cret-token-0001";

pub(crate) const BOB: &str = "bob-s3cret-token-000002";

pub(crate) const WRONG: &str = "nobody-s3cret-token-003";

pub(crate) fn tokens() -> StaticTokens {
    StaticTokens::parse(&format!("{ALICE} alice admin write\n{BOB} bob admin")).unwrap()
}

/// Reads the identity from the token itself: `SUBJECT`, `SUBJECT/SCOPE` or `SUBJECT/SCOPE/MILLISECONDS`.
pub(crate) struct Frank;

impl Authenticator for Frank {
    fn authenticate<'a>(&'a self, token: &'a Secret, _peer: &'a Peer) -> Verdict<'a> {
        Box::pin(async move {
            let mut parts = token.expose().split('/');
            let identity = match parts.next().unwrap_or_default() {
                "banned" => return Err(Refusal::forbidden("banned")),
                "down" => return Err(Refusal::unavailable("the directory is down")),
                "panic" => panic!("the token is {}", token.expose()),
                "slow" => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    Identity::new("slow")
                }
                "forever" => std::future::pending().await,
                "wrong" => return Err(Refusal::unauthorized("wrong")),
                subject => Identity::new(subject),
            };
            let identity = identity.with_scopes(parts.next().into_iter().filter(|scope| !scope.is_empty()));
            Ok(match parts.next() {
                Some(ms) => identity.until(SystemTime::now() + Duration::from_millis(ms.parse().unwrap())),
                None => identity,
            })
        })
    }
}

pub(crate) fn protocol() -> Protocol {
    let engine: Value = serde_json::from_str(include_str!("../../../../schemas/protocol.json")).unwrap();
    let any = json!({"type": "object"});
    let text = json!({
        "type": "object",
        "properties": {"text": {"type": "string", "minLength": 1}},
        "required": ["text"],
        "additionalProperties": false
    });
    let mut messages = json!({
        "whoami": {"from": "client", "payload": any, "payloadOptional": true, "reply": "echoed"},
        "secret": {"from": "client", "payload": text, "auth": ["admin", "write"], "reply": "echoed"},
        "echoed": {"from": "server", "payload": any},
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
        "errors": {},
        "messages": messages,
        "states": null
    });
    Protocol::from_json(&protocol.to_string()).unwrap()
}

pub(crate) fn registry() -> Registry<()> {
    Registry::new(protocol(), ())
        .on("whoami", |cx, _payload| async move {
            Ok(match cx.identity() {
                Some(identity) => json!({"subject": identity.subject, "scopes": identity.scopes}),
                None => json!({}),
            })
        })
        .on("secret", |_cx, payload| async move { Ok(payload) })
}

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine<()>,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Knows Alice and Bob.
    pub(crate) async fn start() -> Self {
        Self::with(tokens(), |_| {}).await
    }

    pub(crate) async fn with(authenticator: impl Authenticator, change: impl FnOnce(&mut Settings)) -> Self {
        let engine = registry()
            .authenticator(authenticator)
            .settings(change)
            .build()
            .unwrap();
        Self::of(engine, ServeOptions::default()).await
    }

    pub(crate) async fn of(engine: Engine<()>, options: ServeOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/ws", engine.upgrade());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(serve(listener, router, options, async {
            // Stops when the test has ended.
            let _ended = stopped.await;
        }));
        Self {
            address,
            engine,
            _stop: stop,
        }
    }

    /// A client with these headers in its handshake, and the response.
    pub(crate) async fn try_connect(
        &self,
        headers: &[(&'static str, &str)],
    ) -> Result<(Client, Response), SocketError> {
        let mut request = format!("ws://{}/ws", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, HeaderValue::from_str(value).unwrap());
        }
        let connecting = tokio_tungstenite::connect_async(request);
        let (socket, response) = tokio::time::timeout(PATIENCE, connecting)
            .await
            .expect("a response")?;
        Ok((Client { socket }, response))
    }

    pub(crate) async fn connect(&self, headers: &[(&'static str, &str)]) -> Client {
        self.try_connect(headers).await.unwrap().0
    }

    /// A client that bears a token in its handshake.
    pub(crate) async fn bearing(&self, token: &str) -> Client {
        self.connect(&[("authorization", &format!("Bearer {token}"))])
            .await
    }

    /// The same, behind its greeting.
    pub(crate) async fn greeted(&self, token: &str) -> Client {
        let mut client = self.bearing(token).await;
        client.greeting().await;
        client
    }
}

/// A WebSocket client.
pub(crate) struct Client<T = MaybeTlsStream<TcpStream>> {
    pub(crate) socket: WebSocketStream<T>,
}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Client<T> {
    pub(crate) async fn text(&mut self, text: &str) {
        self.socket.send(Frame::text(text)).await.unwrap();
    }

    pub(crate) async fn send(&mut self, name: &str, payload: Value, id: &str) {
        let message = json!({"type": name, "payload": payload, "correlationId": id});
        self.text(&message.to_string()).await;
    }

    pub(crate) async fn ask(&mut self, name: &str, payload: Value, id: &str) -> Value {
        self.send(name, payload, id).await;
        let answer = self.next().await;
        assert_eq!(answer["correlationId"], id, "{answer}");
        answer
    }

    pub(crate) async fn greeting(&mut self) {
        let greeting = self.next().await;
        assert_eq!(greeting["type"], "connection:established", "{greeting}");
    }

    pub(crate) async fn authenticate(&mut self, token: &str) -> Value {
        self.ask("connection:authenticate", json!({"token": token}), "auth")
            .await
    }

    /// Who the server takes it for.
    pub(crate) async fn whoami(&mut self) -> Value {
        self.ask("whoami", json!({}), "who").await["payload"].clone()
    }

    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                Some(Frame::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Some(Frame::Ping(_) | Frame::Pong(_)) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    async fn frame(&mut self) -> Option<Frame> {
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

    /// The next message, or the code that the server closes with.
    pub(crate) async fn next_or_code(&mut self) -> Result<Value, u16> {
        match self.frame().await {
            Some(Frame::Text(text)) => Ok(serde_json::from_str(&text).unwrap()),
            Some(Frame::Close(Some(close))) => Err(close.code.into()),
            other => panic!("expected a message or the end, got {other:?}"),
        }
    }

    /// The code that the server closes with, without a word before.
    pub(crate) async fn refused(&mut self) -> u16 {
        let (messages, code) = self.end().await;
        assert_eq!(messages, Vec::<Value>::new());
        code
    }
}

/// Asserts that a message is this error.
#[track_caller]
pub(crate) fn error(message: &Value, code: &str) {
    assert_eq!(message["type"], "error", "{message}");
    assert_eq!(message["payload"]["code"], code, "{message}");
}
