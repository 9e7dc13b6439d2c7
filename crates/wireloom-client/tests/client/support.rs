//! A server that does what a test says: one WebSocket at a time, with whatever it says and however it ends.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use wireloom_client::{Builder, Client, State};

use crate::protocol::PROTOCOL;

/// Longest time that a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it should have come by now")
}

/// A listener on loopback.
pub(crate) struct Fake {
    listener: TcpListener,
    pub(crate) url: String,
}

/// One connection to it.
pub(crate) struct Peer {
    socket: WebSocketStream<TcpStream>,
    /// What the client offered and showed.
    pub(crate) subprotocol: Option<String>,
    pub(crate) authorization: Option<String>,
}

impl Fake {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
        Self { listener, url }
    }

    /// A client that connects again quickly.
    pub(crate) fn builder(&self) -> Builder {
        Client::builder(&self.url)
            .protocol(PROTOCOL)
            .settings(|settings| {
                settings.reconnect.base = Duration::from_millis(5);
                settings.reconnect.cap = Duration::from_millis(20);
            })
    }

    /// The next TCP connection, before anything was said.
    pub(crate) async fn tcp(&self) -> TcpStream {
        soon(self.listener.accept()).await.expect("a connection").0
    }

    /// The next WebSocket.
    #[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
    pub(crate) async fn accept(&self) -> Peer {
        let stream = self.tcp().await;
        let (mut subprotocol, mut authorization) = (None, None);
        let header = |request: &Request, name: &str| {
            let value = request.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let callback = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            subprotocol = header(request, "sec-websocket-protocol");
            authorization = header(request, "authorization");
            if let Some(offered) = request.headers().get("sec-websocket-protocol") {
                response
                    .headers_mut()
                    .insert("sec-websocket-protocol", offered.clone());
            }
            Ok(response)
        };
        let socket = soon(tokio_tungstenite::accept_hdr_async(stream, callback)).await;
        Peer {
            socket: socket.expect("a handshake"),
            subprotocol,
            authorization,
        }
    }

    /// The next WebSocket, greeted, with a session that can be taken up again by `token`.
    pub(crate) async fn greet(&self, token: &str) -> Peer {
        let mut peer = self.accept().await;
        peer.greet(token).await;
        peer
    }

    /// The next WebSocket, whose session goes on. Asserts what it resumes with.
    pub(crate) async fn resume(&self, token: &str, last_seq: u64, missed: &[Value]) -> Peer {
        let mut peer = self.accept().await;
        peer.greet("short-lived").await;
        let resume = peer.expect("connection:resume").await;
        assert_eq!(
            resume["payload"],
            json!({ "resumeToken": token, "lastSeq": last_seq })
        );
        let payload = json!({ "clientId": "a", "resumed": true, "replayed": missed.len(), "resumeToken": format!("{token}+") });
        peer.say("connection:resumed", payload).await;
        for message in missed {
            peer.send(message.clone()).await;
        }
        peer
    }
}

impl Peer {
    pub(crate) async fn greet(&mut self, token: &str) {
        let payload = json!({
            "clientId": "a", "resumeToken": token, "heartbeatMs": 30_000,
            "protocol": { "name": "demo", "version": "1.2.0", "hash": "" },
            "limits": { "messageBytes": 65_536, "depth": 32, "inFlight": 32 }
        });
        self.say("connection:established", payload).await;
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.text(&message.to_string()).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        // A client that is gone does not hear it.
        self.socket.send(Message::text(text)).await.ok();
    }

    pub(crate) async fn say(&mut self, kind: &str, payload: Value) {
        self.send(json!({ "type": kind, "payload": payload, "timestamp": 1 }))
            .await;
    }

    /// Answers a request.
    pub(crate) async fn answer(&mut self, request: &Value, kind: &str, payload: Value) {
        let id = &request["correlationId"];
        self.send(json!({ "type": kind, "payload": payload, "timestamp": 1, "correlationId": id }))
            .await;
    }

    /// The next message, which must be of this type. Acknowledgements come when they like.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let next = soon(self.socket.next()).await;
            let Some(Ok(Message::Text(text))) = next else {
                panic!("{kind} should have come: {next:?}");
            };
            let message: Value = serde_json::from_str(&text).expect("clients speak JSON");
            if message["type"] == kind {
                return message;
            }
            assert_eq!(
                message["type"], "connection:ack",
                "{kind} should have come: {message}"
            );
        }
    }

    /// The code with which the client closes; `None` if it is just gone.
    pub(crate) async fn closed(mut self) -> Option<u16> {
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn close(mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "because".into(),
        };
        self.socket.send(Message::Close(Some(frame))).await.ok();
        let end = async { while let Some(Ok(_)) = self.socket.next().await {} };
        soon(end).await;
    }

    /// The connection breaks without a goodbye.
    pub(crate) fn cut(self) {
        drop(self);
    }
}

/// Waits for a state.
pub(crate) async fn reach(client: &Client, wanted: impl FnMut(&State) -> bool) -> State {
    let mut state = client.state();
    soon(state.wait_for(wanted)).await.expect("a state").clone()
}

pub(crate) fn news(seq: u64) -> Value {
    json!({ "type": "news", "payload": { "text": seq.to_string() }, "timestamp": 1, "seq": seq })
}
