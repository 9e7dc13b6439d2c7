//! What reaches the log: no token, and no line that a peer wrote. A program of its own, since a subscriber that only one
//! thread of many has does not see every event.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tracing_subscriber::filter::LevelFilter;
use wireloom::{
    Authenticator, Identity, Internal, Peer, Protocol, Refusal, Registry, Reject, Secret, ServeOptions,
    StaticTokens, Verdict, serve,
};

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Stands in every token, right or wrong.
const MARK: &str = "hunter2";

const GOOD: &str = "hunter2-good-token-0001";

const OTHER: &str = "hunter2-other-token-0002";

const WRONG: &str = "hunter2-wrong-token-0003";

/// A line of the log, if it were believed.
const FORGED: &str = "\n\u{1b}[2J\r\u{9b}31mClient connected: FORGED\u{7f}\u{8}";

/// The list, except for what it says about others in the log.
struct Talkative(StaticTokens);

impl Authenticator for Talkative {
    fn authenticate<'a>(&'a self, token: &'a Secret, peer: &'a Peer) -> Verdict<'a> {
        Box::pin(async move {
            tracing::trace!(?token, ?peer, "asked");
            let identity: Identity = self.0.authenticate(token, peer).await?;
            match identity.subject.as_str() {
                "other" => Err(Refusal::forbidden(format!("not from {}{FORGED}", peer.path))),
                _ => Ok(identity),
            }
        })
    }
}

fn protocol() -> Protocol {
    let engine: serde_json::Value =
        serde_json::from_str(include_str!("../../../schemas/protocol.json")).unwrap();
    let any = json!({"type": "object"});
    let mut messages = json!({
        "fail": {"from": "client", "payload": any, "reply": "echoed"},
        "secret": {"from": "client", "payload": any, "auth": ["root"], "reply": "echoed"},
        "echoed": {"from": "server", "payload": any},
    });
    for (name, message) in engine["messages"].as_object().unwrap() {
        if message["engine"] == true {
            messages[name] = message.clone();
        }
    }
    let mut protocol = engine.clone();
    protocol["messages"] = messages;
    protocol["subprotocol"] = json!("test.v1");
    Protocol::from_json(&protocol.to_string()).unwrap()
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(address: SocketAddr, query: &str, headers: &[(&'static str, &[u8])]) -> Socket {
    let mut request = format!("ws://{address}/ws{query}").into_client_request().unwrap();
    for (name, value) in headers {
        request
            .headers_mut()
            .append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

/// Sends these and reads on until nothing has come for a moment.
async fn talk(mut socket: Socket, messages: &[serde_json::Value]) {
    for message in messages {
        // It may be closed already, which is as good.
        let _gone = socket.send(Frame::text(message.to_string())).await;
    }
    while let Ok(Some(Ok(_))) = tokio::time::timeout(Duration::from_millis(300), socket.next()).await {}
}

/// Leaves a session and takes it up again, and fails to with a token that is not right. All tokens that there were.
async fn comes_back(address: SocketAddr) -> Vec<String> {
    let entry = format!("test.v1, bearer.{GOOD}");
    let mut tokens: Vec<String> = Vec::new();
    for wrong in [false, false, true] {
        let mut socket = connect(address, "", &[("sec-websocket-protocol", entry.as_bytes())]).await;
        if let Some(token) = tokens.last() {
            let token = if wrong {
                token.to_lowercase()
            } else {
                token.clone()
            };
            let payload = json!({"resumeToken": token, "lastSeq": 0});
            let resume = json!({"type": "connection:resume", "payload": payload});
            socket.send(Frame::text(resume.to_string())).await.unwrap();
            tokens.push(token);
        }
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(Duration::from_millis(300), socket.next()).await
        {
            let message: serde_json::Value = serde_json::from_str(&frame.into_text().unwrap()).unwrap();
            if let Some(token) = message["payload"]["resumeToken"].as_str() {
                tokens.push(token.to_owned());
            }
        }
    }
    assert!(tokens.len() > 4, "{tokens:?}");
    tokens
}

/// Shows JSON Web Tokens, a good one and others, to a server that knows their key.
#[cfg(feature = "jwt")]
async fn shows_jwts() -> Vec<String> {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use wireloom::{JwtAlgorithm, JwtClaims, JwtKey, JwtVerifier};

    let key = b"a secret that is long enough for HS256";
    let keys = vec![JwtKey::new(JwtAlgorithm::Hs256, None, key).unwrap()];
    let engine = Registry::new(protocol(), ())
        .on("fail", |_cx, payload| async move { Ok(payload) })
        .on("secret", |_cx, payload| async move { Ok(payload) })
        .authenticator(JwtVerifier::new(keys, JwtClaims::default()).unwrap())
        .build()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/ws", engine.upgrade());
    tokio::spawn(serve(
        listener,
        router,
        ServeOptions::default(),
        std::future::pending(),
    ));
    let token = |claims: serde_json::Value, key: &[u8]| {
        encode(&Header::default(), &claims, &EncodingKey::from_secret(key)).unwrap()
    };
    let good = token(json!({"sub": "ann", "exp": 4_000_000_000_u64}), key);
    let tokens = vec![
        good.clone(),
        token(json!({"sub": "ann", "exp": 1}), key),
        token(
            json!({"sub": "bob", "exp": 4_000_000_000_u64}),
            b"a key that the server does not know",
        ),
        format!("{good}tampered"),
    ];
    for token in &tokens {
        let bearer = format!("Bearer {token}");
        talk(
            connect(address, "", &[("authorization", bearer.as_bytes())]).await,
            &[],
        )
        .await;
        let message = json!({"type": "connection:authenticate", "payload": {"token": token}});
        talk(connect(address, "", &[]).await, &[message]).await;
    }
    tokens
}

#[tokio::test]
async fn no_token_and_no_forged_line_reaches_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let tokens = StaticTokens::parse(&format!("{GOOD} good\n{OTHER} other")).unwrap();
    let engine = Registry::new(protocol(), ())
        .on("fail", |_cx, payload| async move {
            let cause = format!("cannot open {}", payload["path"].as_str().unwrap_or_default());
            Err::<serde_json::Value, _>(Reject::internal(Internal::new(cause)))
        })
        .on("secret", |_cx, payload| async move { Ok(payload) })
        .authenticator(Talkative(tokens))
        .settings(|settings| settings.origins = vec!["https://page.example".to_owned()])
        .build()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/ws", engine.upgrade());
    tokio::spawn(serve(
        listener,
        router,
        ServeOptions::default(),
        std::future::pending(),
    ));

    let authenticate = |token: &str| json!({"type": "connection:authenticate", "payload": {"token": token}, "correlationId": "c"});
    let conversation = [
        json!({"type": "fail", "payload": {"path": FORGED}, "correlationId": format!("c{FORGED}")}),
        json!({"type": "secret", "payload": {}, "correlationId": FORGED}),
        json!({"type": format!("no{FORGED}"), "correlationId": FORGED}),
        json!({"type": "ping", FORGED: 1}),
        authenticate(GOOD),
        authenticate(WRONG),
        authenticate(OTHER),
        json!({"type": "connection:authenticate", "payload": {"token": GOOD, "more": GOOD}}),
        json!({"type": "connection:authenticate", "payload": GOOD}),
        json!({"type": GOOD}),
    ];
    for token in [GOOD, OTHER, WRONG, "hunter2 with a blank"] {
        let bearer = format!("Bearer {token}");
        let entry = format!("test.v1, bearer.{token}");
        let origin = b"https://page.example".as_slice();
        talk(
            connect(
                address,
                "",
                &[("authorization", bearer.as_bytes()), ("origin", origin)],
            )
            .await,
            &conversation,
        )
        .await;
        if !token.contains(' ') {
            talk(
                connect(address, "", &[("sec-websocket-protocol", entry.as_bytes())]).await,
                &conversation,
            )
            .await;
        }
        talk(
            connect(address, "", &[]).await,
            &[authenticate(token), conversation[0].clone()],
        )
        .await;
        let query = format!("?token={}", token.replace(' ', "+"));
        talk(connect(address, &query, &[]).await, &conversation[1..4]).await;
    }
    let evil = b"https://evil.example/\t\x9b31m\xff".as_slice();
    talk(
        connect(
            address,
            "",
            &[
                ("origin", b"https://evil.example\xc2\x9b31m"),
                ("user-agent", evil),
            ],
        )
        .await,
        &[],
    )
    .await;
    talk(
        connect(address, "", &[("origin", b"https://evil.example")]).await,
        &[],
    )
    .await;

    let resume_tokens = comes_back(address).await;
    #[cfg(feature = "jwt")]
    let jwts = shows_jwts().await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for token in &resume_tokens {
        assert!(!log.contains(token), "{token}:\n{log}");
    }
    assert!(log.contains("the client is back"), "{log}");
    #[cfg(feature = "jwt")]
    for token in &jwts {
        for part in token.split('.') {
            assert!(!log.contains(part), "{part}:\n{log}");
        }
    }
    for seen in [
        "asked",
        "Client connected",
        "credentials refused",
        "origin refused",
        "not from /ws",
        "cannot open",
        "refused",
    ] {
        assert!(log.contains(seen), "{seen} is missing:\n{log}");
    }
    assert!(!log.contains(MARK), "{log}");
    for line in log.lines() {
        assert!(!line.contains(char::is_control), "{line:?}");
        // Each line begins with the time, which is written as 2026-...
        assert!(line.starts_with("20") && line.contains('Z'), "{line:?}");
    }
}
