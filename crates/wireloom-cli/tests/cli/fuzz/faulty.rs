//! A server with one mistake: a server that is right, and between it and its clients somebody who damages what is said.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{accept_hdr_async, connect_async};
use wireloom::{Engine, Protocol, Registry, Reject, ServeOptions, Settings};

use super::bugs::Bug;

/// A protocol with one of everything.
pub(crate) const PROTOCOL: &str = r#"
wireloom: 1
info: { name: shop, version: 1.0.0 }
errors:
  unwelcome: { description: Not you. }
  sold_out: { description: There are none left., retryable: true }
messages:
  enter:
    from: client
    payload: { fields: { name: { type: string, minLength: 2, maxLength: 12, pattern: "^[a-z]*$" } } }
    reply: entered
    errors: [unwelcome]
    examples: [{ name: ada }, { name: grace }]
  entered: { from: server, payload: { fields: { name: string } }, examples: [{ name: ada }] }
  leave: { from: client, reply: left, examples: [{}] }
  left: { from: server }
  buy:
    from: client
    payload:
      fields:
        count: { type: integer, minimum: 1, maximum: 9 }
        colour: { type: string, enum: [red, green, blue] }
        "mail?": { type: string, format: email }
    reply: bought
    errors: [sold_out]
    examples: [{ count: 1, colour: red }, { count: 9, colour: blue, mail: ada@example.org }]
  bought: { from: server, payload: { fields: { count: integer } }, examples: [{ count: 1 }] }
  watch:
    from: client
    payload: { fields: { to: { type: integer, minimum: 0, maximum: 6 } } }
    stream: { item: tick, end: done, error: failed }
    examples: [{ to: 6 }, { to: 0 }]
  tick: { from: server, payload: { fields: { at: integer } }, examples: [{ at: 0 }] }
  done: { from: server }
  failed: { from: server, payload: { fields: { why: string } } }
  note: { from: client, payload: { fields: { text: { type: string, maxLength: 100 } } }, examples: [{ text: hello }, { text: "" }] }
  news: { from: server, payload: { fields: { text: string } }, examples: [{ text: spring }] }
states:
  initial: outside
  outside: { on: { enter: inside } }
  inside: { on: { buy: inside, leave: outside } }
"#;

/// Time between two items of a stream.
const PACE: Duration = Duration::from_millis(4);

/// The engine with the protocol: a server that is right.
fn engine(adjust: impl FnOnce(&mut Settings)) -> Engine<()> {
    let checked = wireloom_spec::check("protocol.yaml", PROTOCOL);
    let model = checked.model.expect("the tests' protocol is sound");
    let description = wireloom_codegen::emit::protocol_json(&model, "protocol.yaml");
    let protocol = Protocol::from_json(&description).expect("a description");
    Registry::new(protocol, ())
        .settings(adjust)
        .on("enter", |_cx, payload| async move {
            match payload["name"].as_str() {
                Some("mallory") => Err(Reject::declared("unwelcome", "not you", false)),
                _ => Ok(json!({ "name": payload["name"] })),
            }
        })
        .on("leave", |_cx, _payload| async move { Ok(json!({})) })
        .on("buy", |_cx, payload| async move {
            match payload["count"].as_f64() {
                Some(7.0) => Err(Reject::declared("sold_out", "only six are left", true)),
                _ => Ok(json!({ "count": payload["count"] })),
            }
        })
        .on_stream("watch", |_cx, payload, mut items| async move {
            let to = payload["to"].as_f64().unwrap_or_default() as i64;
            for at in 0..to {
                items.send(json!({ "at": at })).await?;
                tokio::time::sleep(PACE).await;
            }
            match to {
                5 => Err(items.failed(&json!({ "why": "tired" }))),
                _ => Ok(json!({})),
            }
        })
        .on("note", |_cx, _payload| async move { Ok(Value::Null) })
        .build()
        .expect("every message has a handler")
}

/// Serves the engine until the test ends; its address.
pub(crate) async fn serve(adjust: impl FnOnce(&mut Settings)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let router = axum::Router::new().route("/ws", engine(adjust).upgrade());
    let never = std::future::pending();
    tokio::spawn(wireloom::serve(listener, router, ServeOptions::default(), never));
    address
}

/// Serves the same with a mistake; its address.
pub(crate) async fn serve_with(bug: Bug, right: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let right = right.to_owned();
    let shop = Arc::new(Shop::default());
    tokio::spawn(async move {
        let mut visits = JoinSet::new();
        let (burn, mut burnt) = mpsc::channel(1);
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { return };
                    let (right, shop, burn) = (right.clone(), Arc::clone(&shop), burn.clone());
                    match bug {
                        Bug::WebSocketPingUnanswered => visits.spawn(without_pongs(stream, right)),
                        _ => visits.spawn(async move { visit(bug, stream, right, shop, burn).await.unwrap_or_default() }),
                    };
                }
                // The whole server is gone, its listener with it.
                _ = burnt.recv() => return,
            }
        }
    });
    address
}

/// What all connections to a server with a mistake share.
#[derive(Default)]
pub(crate) struct Shop {
    others: Mutex<HashMap<u64, mpsc::UnboundedSender<String>>>,
    next: Mutex<u64>,
}

/// What one connection remembers.
#[derive(Default)]
pub(crate) struct Memory {
    /// Type and payload of each request by its id.
    pub(crate) requests: HashMap<String, (String, Value)>,
    /// Whether a session was taken up again on this connection.
    pub(crate) resumed: bool,
    /// Messages of a replay that are still to come.
    pub(crate) replayed: u64,
    /// Numbered messages so far.
    pub(crate) numbered: u64,
}

/// What becomes of a message.
#[derive(Default)]
pub(crate) struct Say {
    /// Texts for the server that is right.
    pub(crate) on: Vec<String>,
    /// Texts for the client.
    pub(crate) back: Vec<String>,
    /// Texts for another client, if there is one; else for this one.
    pub(crate) astray: Vec<String>,
    /// The connection is lost.
    pub(crate) cut: bool,
    /// It is closed with this code.
    pub(crate) close: Option<u16>,
    /// The server is gone.
    pub(crate) burn: bool,
}

type Lost = tokio_tungstenite::tungstenite::Error;

#[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
async fn visit(
    bug: Bug,
    stream: TcpStream,
    right: String,
    shop: Arc<Shop>,
    burn: mpsc::Sender<()>,
) -> Result<(), Lost> {
    let mut subprotocol = None;
    let callback = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        subprotocol = request.headers().get("sec-websocket-protocol").cloned();
        if let Some(offered) = &subprotocol {
            let headers = response.headers_mut();
            headers.insert("sec-websocket-protocol", offered.clone());
        }
        Ok(response)
    };
    let mut client = accept_hdr_async(stream, callback).await?;
    let mut request = format!("ws://{right}/ws").into_client_request()?;
    // Without a session, nothing is numbered: a message that is lost leaves no gap that would be found in its place.
    if let Some(offered) = subprotocol.filter(|_| bug.needs_sessions()) {
        request.headers_mut().insert("sec-websocket-protocol", offered);
    }
    let (mut server, _) = connect_async(request).await?;
    let (sender, mut astray) = mpsc::unbounded_channel();
    let number = {
        let mut next = shop.next.lock().expect("nobody panics");
        *next += 1;
        *next
    };
    let here = Present(number, Arc::clone(&shop));
    shop.others.lock().expect("nobody panics").insert(number, sender);
    let mut memory = Memory::default();
    loop {
        let say = tokio::select! {
            frame = client.next() => match frame {
                Some(Ok(Frame::Text(text))) => bug.to_server(text.as_str(), &mut memory),
                Some(Ok(Frame::Close(frame))) => {
                    server.close(frame).await?;
                    while let Some(Ok(_)) = server.next().await {}
                    while let Some(Ok(_)) = client.next().await {}
                    return Ok(());
                }
                Some(Ok(Frame::Binary(_))) if bug == Bug::BinaryTaken => Say::default(),
                Some(Ok(frame @ Frame::Binary(_))) => {
                    server.send(frame).await?;
                    Say::default()
                }
                Some(Ok(_)) => Say::default(),
                Some(Err(_)) | None => return Ok(()),
            },
            frame = server.next() => match frame {
                Some(Ok(Frame::Text(text))) => bug.to_client(text.as_str(), &mut memory),
                Some(Ok(Frame::Close(Some(frame)))) if bug == Bug::TakeoverIgnored && frame.code == 4409.into() => {
                    while let Some(Ok(_)) = client.next().await {}
                    return Ok(());
                }
                Some(Ok(Frame::Close(frame))) => {
                    client.close(frame).await?;
                    while let Some(Ok(_)) = client.next().await {}
                    return Ok(());
                }
                Some(Ok(_)) => Say::default(),
                Some(Err(_)) | None => return Ok(()),
            },
            Some(text) = astray.recv() => Say { back: vec![text], ..Say::default() },
        };
        for text in say.on {
            server.send(Frame::text(text)).await?;
        }
        for text in say.back {
            match text.as_str() {
                "binary" => client.send(Frame::binary(vec![1])).await?,
                _ => client.send(Frame::text(text)).await?,
            }
        }
        for text in say.astray {
            let others = shop.others.lock().expect("nobody panics");
            let other = others.iter().find(|(other, _)| **other != number);
            let other = other.or_else(|| others.get_key_value(&number));
            if let Some((_, other)) = other {
                other.send(text).ok();
            }
        }
        if let Some(code) = say.close {
            let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
                code: code.into(),
                reason: "".into(),
            };
            client.close(Some(frame)).await?;
            while let Some(Ok(_)) = client.next().await {}
            return Ok(());
        }
        if say.burn {
            burn.send(()).await.ok();
        }
        if say.cut || say.burn {
            drop(here);
            return Ok(());
        }
    }
}

/// A connection that is there.
struct Present(u64, Arc<Shop>);

impl Drop for Present {
    fn drop(&mut self) {
        self.1.others.lock().expect("nobody panics").remove(&self.0);
    }
}

/// Passes bytes on, but for the pongs of the server.
async fn without_pongs(client: TcpStream, right: String) {
    let Ok(server) = TcpStream::connect(&right).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async { tokio::io::copy(&mut from_client, &mut to_server).await.ok() };
    let down = async {
        let mut bytes = Vec::new();
        let mut greeted = false;
        loop {
            let mut more = [0; 4096];
            match from_server.read(&mut more).await {
                Ok(0) | Err(_) => return,
                Ok(read) => bytes.extend_from_slice(&more[..read]),
            }
            if !greeted {
                let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
                    continue;
                };
                let head: Vec<u8> = bytes.drain(..end + 4).collect();
                if to_client.write_all(&head).await.is_err() {
                    return;
                }
                greeted = true;
            }
            while let Some(length) = frame_length(&bytes) {
                let frame: Vec<u8> = bytes.drain(..length).collect();
                let is_pong = frame[0] & 0xf == 0xa;
                if !is_pong && to_client.write_all(&frame).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::select! {
        _ = up => {}
        () = down => {}
    }
}

/// The length of the frame at the front, in bytes, once all of it is there. A server masks nothing.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let length = match bytes.get(1)? & 0x7f {
        126 => 4 + usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])),
        127 => {
            let length: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            10 + usize::try_from(u64::from_be_bytes(length)).ok()?
        }
        short => 2 + usize::from(short),
    };
    (bytes.len() >= length).then_some(length)
}
