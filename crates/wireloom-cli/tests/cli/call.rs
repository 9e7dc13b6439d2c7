//! `wireloom call` against servers in this process. The engine's own is the reference; others misbehave on purpose.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::routing::{any, get};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use wireloom::{Engine, Internal, Protocol, Registry, Reject, ServeOptions};

use crate::support::{Ended, PROTOCOL, command, folder, run};

/// What `protocol.json` says of the tests' protocol.
fn description() -> String {
    let checked = wireloom_spec::check("protocol.yaml", PROTOCOL);
    let model = checked.model.expect("the tests' protocol is sound");
    wireloom_codegen::emit::protocol_json(&model, "protocol.yaml")
}

/// The tests' protocol at work. Its state is told when a request begins to hang.
fn engine() -> Engine<Arc<Notify>> {
    let protocol = Protocol::from_json(&description()).expect("a description");
    Registry::new(protocol, Arc::new(Notify::new()))
        .on("say", |_cx, payload| async move {
            match payload["text"].as_str() {
                Some("no") => Err(Reject::declared("refused", "not today", false)),
                Some("broken") => Err(Reject::internal(Internal::new("it is broken"))),
                _ => Ok(json!({ "text": payload["text"] })),
            }
        })
        .on_stream("count", |_cx, payload, mut items| async move {
            for at in 0..payload["to"].as_i64().unwrap_or_default() {
                items.send(json!({ "at": at })).await?;
            }
            Ok(json!({}))
        })
        .on("note", |_cx, _payload| async move { Ok(Value::Null) })
        .on("hang", |cx, _payload| async move {
            cx.state().notify_one();
            std::future::pending().await
        })
        .build()
        .expect("every message has a handler")
}

/// A route that tells the protocol.
fn telling(router: Router) -> Router {
    let json = [(CONTENT_TYPE, "application/json")];
    router.route("/api/protocol", get(move || async move { (json, description()) }))
}

/// Serves a router until the test ends; the address of its endpoint.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
    tokio::spawn(wireloom::serve(
        listener,
        router,
        ServeOptions::default(),
        std::future::pending(),
    ));
    url
}

/// The engine, with or without a description.
async fn demo(told: bool) -> String {
    let router = Router::new().route("/ws", engine().upgrade());
    serve(if told { telling(router) } else { router }).await
}

/// A server that does what it is told with each socket.
async fn custom<F, Fut>(told: bool, each: F) -> String
where
    F: Fn(HeaderMap, WebSocket) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let route = any(move |headers: HeaderMap, upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(move |socket| each(headers, socket))
    });
    let router = Router::new().route("/ws", route);
    serve(if told { telling(router) } else { router }).await
}

async fn call(args: &[&str]) -> Ended {
    let dir = folder(&[
        ("protocol.yaml", PROTOCOL),
        ("payload.json", "{\"text\": \"from a file\"}"),
    ]);
    fs::write(dir.path().join("protocol.json"), description()).expect("a file");
    let command = command(dir.path(), &[&["call"], args].concat());
    let output = tokio::process::Command::from(command).output().await;
    output.expect("the command starts").into()
}

/// The messages that a run printed, one a line.
fn messages(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {ended:?}")))
        .collect()
}

fn types(ended: &Ended) -> Vec<String> {
    let messages = messages(ended);
    messages
        .iter()
        .map(|message| message["type"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_ends_the_call() {
    let url = demo(true).await;
    let ended = call(&[&url, "say", "{\"text\":\"hi\"}", "--correlation-id", "mine"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
    let messages = messages(&ended);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["type"], "said");
    assert_eq!(messages[0]["payload"], json!({ "text": "hi" }));
    assert_eq!(messages[0]["correlationId"], "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_printed_to_its_end() {
    let url = demo(true).await;
    let ended = call(&[&url, "count", "{\"to\":3}"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(types(&ended), ["tick", "tick", "tick", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocol_may_come_from_a_file_instead() {
    let url = demo(false).await;
    for spec in ["protocol.yaml", "protocol.json"] {
        let ended = call(&[&url, "count", "{\"to\":1}", "--spec", spec]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(types(&ended), ["tick", "done"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_error_is_1() {
    let url = demo(true).await;
    for (kind, payload, code) in [
        ("say", "{\"text\":\"no\"}", "refused"),
        ("say", "{\"text\":\"broken\"}", "internal"),
        ("say", "{\"text\":\"\"}", "invalid_payload"),
        ("say", "{\"text\":\"a\",\"text\":\"b\"}", "invalid_json"),
        ("count", "{\"to\":99}", "invalid_payload"),
        ("note", "{\"text\":1}", "invalid_payload"),
        ("sya", "{}", "unknown_type"),
        ("said", "{\"text\":\"hi\"}", "wrong_direction"),
    ] {
        let ended = call(&[&url, kind, payload]).await;
        assert_eq!(ended.code, Some(1), "{kind} {payload}: {ended:?}");
        let payload = &messages(&ended)[0]["payload"];
        assert_eq!(payload["code"], code, "{ended:?}");
        // What the reference says of it.
        let of_engine = wireloom_spec::ENGINE_ERRORS
            .iter()
            .find(|error| error.code == code);
        let retryable = of_engine.is_some_and(|error| error.retryable);
        assert_eq!(payload["retryable"], retryable, "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_answers_is_over_when_it_is_taken() {
    let url = demo(true).await;
    let ended = call(&[&url, "note", "{\"text\":\"remember\"}"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_comes_from_a_file_or_from_standard_input_too() {
    let url = demo(true).await;
    let ended = call(&[&url, "say", "@payload.json"]).await;
    assert_eq!(messages(&ended)[0]["payload"]["text"], "from a file");

    let dir = folder(&[("input", "{\"text\": \"piped\"}\n")]);
    let mut command = command(dir.path(), &["call", &url, "say", "-"]);
    command.stdin(fs::File::open(dir.path().join("input")).expect("a file"));
    let output = tokio::process::Command::from(command).output().await;
    let ended = Ended::from(output.expect("the command starts"));
    assert_eq!(messages(&ended)[0]["payload"]["text"], "piped");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_printed_when_they_are_asked_for() {
    let url = demo(true).await;
    let ended = call(&[&url, "ping", "--events"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(types(&ended), ["connection:established", "pong"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_protocol_it_prints_until_nothing_comes() {
    let url = demo(false).await;
    let ended = call(&[&url, "count", "{\"to\":2}", "--timeout", "300ms"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(types(&ended), ["tick", "tick", "done"]);
    assert!(ended.stderr.contains("does not tell its protocol"), "{ended:?}");

    let first = call(&[&url, "count", "{\"to\":2}", "--first"]).await;
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(types(&first), ["tick"]);
    assert_eq!(first.stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_line_without_sense_is_2() {
    let url = demo(true).await;
    for args in [
        &["http://localhost/ws", "say"][..],
        &["wss:///ws", "say"],
        &["ws:///ws", "say"],
        &[&url],
        &[&url, "say", "{text: hi}"],
        &[&url, "say", "{} {}"],
        &[&url, "say", "@missing.json"],
        &[&url, "say", "--timeout", "soon"],
        &[&url, "say", "--spec", "missing.yaml"],
        &[&url, "say", "--spec", "payload.json"],
        &[&url, "say", "--token", "two\nlines"],
        &[&url, "say", "--raw", "text"],
    ] {
        let ended = call(args).await;
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_connection_it_is_3() {
    // The port is free: it was ours a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
    drop(listener);
    let refused = call(&[&url, "say"]).await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused.stderr.contains("cannot connect to ws://127.0.0.1"),
        "{refused:?}"
    );

    let url = format!("{}/elsewhere", demo(true).await);
    let missing = call(&[&url, "say"]).await;
    assert_eq!(missing.code, Some(3), "{missing:?}");
    assert!(missing.stderr.contains("HTTP 404"), "{missing:?}");
    assert!(missing.stderr.contains("look at the path"), "{missing:?}");

    // A server with a page at its root.
    let router = Router::new().route("/", get(|| async { "welcome" }));
    let url = serve(router).await.replace("/ws", "");
    let page = call(&[&url, "say"]).await;
    assert_eq!(page.code, Some(3), "{page:?}");
    assert!(page.stderr.contains("HTTP 200"), "{page:?}");
    assert!(page.stderr.contains(&format!("/ws: {url}/ws")), "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_times_are_told_how_they_are_written() {
    for (args, said) in [
        (&["localhost:3001/ws", "ping"][..], "as in ws://localhost:3001/ws"),
        (&["https://example.org/ws", "ping"], "as in wss://example.org/ws"),
        (&["ws://localhost/ws", "ping", "--timeout", "5"], "as in 5s"),
        (&["ws://localhost/ws", "ping", "--timeout", "0"], "above 0"),
    ] {
        let ended = call(args).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(said), "{ended:?}");
    }
}

#[test]
fn examples_of_the_help_can_be_copied() {
    let dir = folder(&[]);
    let commands = [
        "check",
        "fmt",
        "diff",
        "generate",
        "docs",
        "mock",
        "call",
        "fuzz",
        "new",
        "import",
        "completions",
    ];
    for name in commands {
        let ended = run(dir.path(), &[name, "--help"]);
        let examples = ended.stdout.split("Examples:\n").nth(1).unwrap_or_default();
        for line in examples.lines() {
            // A line that was broken anew begins at the margin.
            assert!(line.starts_with("  ") && line.len() <= 90, "{name}: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_it_is_4() {
    let url = demo(true).await;
    let ended = call(&[&url, "hang", "--timeout", "200ms"]).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_eq!(
        ended.stderr,
        "error: nothing answered hang within 200ms\nhelp: --timeout changes how long to wait\n"
    );

    let silent = demo(false).await;
    let ended = call(&[&silent, "note", "{\"text\":\"\"}", "--timeout", "200ms"]).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
}

/// A server that answers the first message of each socket with these, and then nothing more.
async fn answering(types: &'static [&'static str]) -> String {
    custom(true, move |_, mut socket| async move {
        let Some(Ok(Message::Text(request))) = socket.recv().await else {
            return;
        };
        let request: Value = serde_json::from_str(&request).unwrap_or_default();
        for kind in types {
            let id = &request["correlationId"];
            let message = json!({ "type": kind, "payload": {}, "timestamp": 1, "correlationId": id });
            socket.send(Message::text(message.to_string())).await.ok();
        }
        while let Some(Ok(_)) = socket.recv().await {}
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_stops_halfway_is_4() {
    let url = answering(&["tick"]).await;
    let ended = call(&[&url, "count", "{\"to\":2}", "--timeout", "500ms"]).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_eq!(types(&ended), ["tick"]);
    assert!(ended.stderr.contains("done did not"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_that_ends_a_stream_badly_is_1() {
    let url = answering(&["tick", "failed", "tick"]).await;
    let ended = call(&[&url, "count", "{\"to\":2}"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(types(&ended), ["tick", "failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_first_is_5() {
    let url = custom(true, |_, mut socket| async move {
        let frame = CloseFrame {
            code: 4401,
            reason: "unauthorized".into(),
        };
        socket.send(Message::Close(Some(frame))).await.ok();
        while let Some(Ok(_)) = socket.recv().await {}
    })
    .await;
    let closed = call(&[&url, "say", "{\"text\":\"hi\"}"]).await;
    assert_eq!(closed.code, Some(5), "{closed:?}");
    assert!(closed.stderr.contains("4401 unauthorized"), "{closed:?}");
    assert!(closed.stderr.contains("--token"), "{closed:?}");

    let url = custom(true, |_, socket| async move { drop(socket) }).await;
    let dropped = call(&[&url, "say", "{\"text\":\"hi\"}"]).await;
    assert_eq!(dropped.code, Some(5), "{dropped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_and_the_subprotocol_are_offered() {
    let url = custom(false, |headers, mut socket| async move {
        let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let message = json!({ "type": "error", "payload": { "authorization": token }, "timestamp": 1 });
        socket.send(Message::text(message.to_string())).await.ok();
        while let Some(Ok(_)) = socket.recv().await {}
    })
    .await;
    let ended = call(&[&url, "say", "--token", "secret"]).await;
    assert_eq!(
        ended.code,
        Some(1),
        "an error without an id answers the only request: {ended:?}"
    );
    assert_eq!(messages(&ended)[0]["payload"]["authorization"], "Bearer secret");

    let url = demo(true).await;
    let spoken = call(&[&url, "ping", "--protocol", "demo.v1"]).await;
    assert_eq!(spoken.code, Some(0), "{spoken:?}");
    let unknown = call(&[&url, "ping", "--protocol", "demo.v9"]).await;
    assert_eq!(unknown.code, Some(5), "{unknown:?}");
    assert!(unknown.stderr.contains("4406"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_who_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration");
    // A proxy that ends TLS in front of the server, which is how it stands in the world.
    let behind = demo(true).await.replace("ws://", "").replace("/ws", "");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!(
        "wss://localhost:{}/ws",
        listener.local_addr().expect("an address").port()
    );
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let mut outer = acceptor.accept(socket).await.ok()?;
                let mut inner = TcpStream::connect(behind).await.ok()?;
                tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok()
            });
        }
    });

    let stranger = call(&[&url, "ping"]).await;
    assert_eq!(stranger.code, Some(3), "{stranger:?}");

    let dir = folder(&[("root.pem", &made.cert.pem())]);
    let mut command = command(dir.path(), &["call", &url, "count", "{\"to\":1}"]);
    command.env("SSL_CERT_FILE", dir.path().join("root.pem"));
    let output = tokio::process::Command::from(command).output().await;
    let trusted = Ended::from(output.expect("the command starts"));
    assert_eq!(trusted.code, Some(0), "{trusted:?}");
    assert_eq!(types(&trusted), ["tick", "done"]);
    assert_eq!(trusted.stderr, "", "the protocol is told over TLS, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_sent_as_it_stands() {
    let url = demo(true).await;
    let with_id = r#"{"type":"say","payload":{"text":"hi"},"correlationId":"mine"}"#;
    let without = r#"{"type":"count","payload":{"to":1}}"#;
    for (text, code, answers) in [
        ("no JSON at all", 1, &["error"][..]),
        (r#"{"payload":1}"#, 1, &["error"]),
        (with_id, 0, &["said"]),
        (without, 0, &["tick", "done"]),
        ("@payload.json", 1, &["error"]),
    ] {
        let ended = call(&[&url, "--raw", text]).await;
        assert_eq!(ended.code, Some(code), "{text}: {ended:?}");
        assert_eq!(types(&ended), answers, "{text}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_cancels_the_request() {
    let engine = engine();
    let url = serve(telling(Router::new().route("/ws", engine.upgrade()))).await;
    let dir = folder(&[]);
    let mut command = command(dir.path(), &["call", &url, "hang"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = tokio::process::Command::from(command)
        .spawn()
        .expect("the command starts");
    engine.state().notified().await;
    let process = child.id().expect("it runs").to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &process])
        .status();
    assert!(killed.is_ok_and(|status| status.success()));
    let ended = Ended::from(child.wait_with_output().await.expect("it ends"));
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(messages(&ended)[0]["payload"]["code"], "cancelled", "{ended:?}");
}
