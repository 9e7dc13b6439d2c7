//! `wireloom mock` from the outside: a file in, frames out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message as Frame, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wireloom_fuzz::Fuzzer;
use wireloom_spec::Model;
use wireloom_spec::model::Answer;

use crate::support::{BROKEN, PROTOCOL, command, folder, run};

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mock at work. Ends with it.
pub(crate) struct Mock {
    pub(crate) url: String,
    _child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Mock {
    pub(crate) async fn start(dir: &Path, args: &[&str]) -> Self {
        let args = [&["mock", "--port", "0", "--color", "never"], args].concat();
        let mut command = Command::from(command(dir, &args));
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the command starts");
        let stdout = child.stdout.take().expect("a pipe");
        let stderr = child.stderr.take().expect("a pipe");
        let mut mock = Self {
            url: String::new(),
            _child: child,
            stdout: BufReader::new(stdout).lines(),
            stderr: BufReader::new(stderr).lines(),
        };
        let line = mock.line().await;
        let (_, url) = line
            .split_once(" at ")
            .unwrap_or_else(|| panic!("no address: {line}"));
        mock.url = url.to_owned();
        mock
    }

    /// The next line of its results.
    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.stdout.next_line()).await;
        let line = line.expect("it says something").expect("it is UTF-8");
        match line {
            Some(line) => line,
            None => {
                let mut errors = String::new();
                while let Ok(Some(line)) = self.stderr.next_line().await {
                    errors.push_str(&line);
                    errors.push('\n');
                }
                panic!("it ended: {errors}")
            }
        }
    }

    /// What it says about its work, up to a line that contains this.
    async fn says(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.stderr.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("never said {text:?}: {lines:?}"));
            lines.push(line.expect("it is UTF-8").expect("it runs"));
            if lines.last().is_some_and(|line| line.contains(text)) {
                return lines;
            }
        }
    }
}

/// A connection to a mock.
struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(mock: &Mock, subprotocol: Option<&str>) -> Self {
        let mut request = mock.url.as_str().into_client_request().expect("an address");
        let headers = request.headers_mut();
        headers.insert("authorization", "Bearer of-any-kind".parse().expect("a header"));
        if let Some(subprotocol) = subprotocol {
            headers.insert("sec-websocket-protocol", subprotocol.parse().expect("a header"));
        }
        let (socket, _) = connect_async(request).await.expect("the mock accepts");
        let mut client = Self(socket);
        assert_eq!(client.next().await["type"], "connection:established");
        client
    }

    async fn send(&mut self, name: &str, payload: &Value) {
        let frame = json!({ "type": name, "payload": payload, "correlationId": "c-1" });
        self.0
            .send(Frame::text(frame.to_string()))
            .await
            .expect("it is written");
    }

    /// The next message, or how the connection was closed.
    async fn message(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.next()).await;
            match frame
                .expect("something comes")
                .expect("not lost")
                .expect("a frame")
            {
                Frame::Text(text) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Frame::Close(close) => return Err(close),
                _ => {}
            }
        }
    }

    async fn next(&mut self) -> Value {
        self.message().await.expect("a message")
    }

    /// Sends a request and returns all that answers it.
    async fn ask(&mut self, model: &Model, name: &str, payload: &Value) -> Vec<Value> {
        self.send(name, payload).await;
        let mut ends = HashSet::from(["error"]);
        match &model.message(name).expect("a message").answer {
            // Nothing answers it; what the next message is answered by comes behind.
            Answer::None => {
                self.0
                    .send(Frame::text(r#"{"type":"ping"}"#))
                    .await
                    .expect("it is written");
                ends.insert("pong");
            }
            Answer::Reply(reply) => {
                ends.insert(reply);
            }
            Answer::Stream { end, error, .. } => {
                ends.insert(end);
                ends.extend(error.as_deref());
            }
        }
        let mut answers = Vec::new();
        loop {
            let answer = self.next().await;
            let over = ends.contains(answer["type"].as_str().expect("a type"));
            assert!(
                answer["type"] == "pong" || answer["correlationId"] == "c-1",
                "{answer}"
            );
            answers.push(answer);
            if over {
                return answers;
            }
        }
    }
}

fn model(text: &str) -> Model {
    wireloom_spec::check("protocol.yaml", text)
        .model
        .expect("a sound protocol")
}

/// Validators of every message's payload, made by the `jsonschema` crate of the schemas that are generated.
fn validators(model: &Model) -> HashMap<String, Validator> {
    let compile = |(message, schema): (&wireloom_spec::model::Message, Value)| {
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true);
        (message.name.clone(), options.build(&schema).expect("a schema"))
    };
    wireloom_codegen::emit::message_schemas(model, "protocol.yaml")
        .map(compile)
        .collect()
}

/// The messages to send first so that a session accepts this one.
fn way_to(model: &Model, name: &str) -> Vec<String> {
    let Some(states) = &model.states else {
        return Vec::new();
    };
    if !states.states.values().any(|on| on.contains_key(name)) {
        return Vec::new();
    }
    let mut open = VecDeque::from([(states.initial.clone(), Vec::new())]);
    let mut seen = HashSet::new();
    while let Some((state, way)) = open.pop_front() {
        let on = &states.states[&state];
        if on.contains_key(name) {
            return way;
        }
        if seen.insert(state) {
            for (message, to) in on {
                open.push_back((to.clone(), [way.clone(), vec![message.clone()]].concat()));
            }
        }
    }
    panic!("no way to {name}")
}

/// Asks for everything that a protocol has, and holds every answer against its schema. Returns how many there were.
async fn hold_to_schemas(file: &Path) -> usize {
    let text = fs::read_to_string(file).expect("a protocol");
    let model = model(&text);
    let validators = validators(&model);
    let fuzzer = Fuzzer::from_model(&model);
    let path = file.to_str().expect("UTF-8");
    let mock = Mock::start(
        Path::new("."),
        &[path, "--pace", "0", "--items", "2", "--seed", "7"],
    )
    .await;
    let mut checked = 0;
    for message in model
        .messages
        .iter()
        .filter(|message| message.from.client() && !message.engine)
    {
        let mut client = Client::connect(&mock, None).await;
        let way = way_to(&model, &message.name);
        for (round, name) in way.iter().chain([&message.name]).enumerate() {
            let payload = fuzzer.likely(name, round as u64).expect("a payload");
            for answer in client.ask(&model, name, &payload).await {
                let of = answer["type"].as_str().expect("a type");
                assert_ne!(of, "error", "{path}: {name} {payload}: {answer}");
                let errors: Vec<_> = validators[of]
                    .iter_errors(&answer["payload"])
                    .map(|e| e.to_string())
                    .collect();
                assert!(errors.is_empty(), "{path}: {answer}: {errors:?}");
                checked += 1;
            }
        }
    }
    checked
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_fits_its_schema_for_every_protocol_of_the_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let files = fs::read_dir(corpus)
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path());
    let mut open: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    open.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol.yaml"));
    assert!(open.len() > 50, "{}", open.len());
    let mut at_work = tokio::task::JoinSet::new();
    let mut checked = 0;
    while !open.is_empty() || !at_work.is_empty() {
        while at_work.len() < 4
            && let Some(file) = open.pop()
        {
            at_work.spawn(async move { hold_to_schemas(&file).await });
        }
        if let Some(done) = at_work.join_next().await {
            checked += done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        }
    }
    assert!(checked > 250, "only {checked} answers");
}

/// Examples, a field that request and reply share, and an event.
const CHAT: &str = "\
wireloom: 1
info: { name: chat, version: 1.0.0 }
errors:
  full: { description: The room is full., retryable: true }
messages:
  join: { from: client, payload: { fields: { room: string } }, reply: joined, errors: [full] }
  joined: { from: server, payload: { fields: { room: string, topic: string } } }
  history: { from: client, stream: { item: line, end: over, error: broken } }
  line: { from: server, payload: { fields: { text: string } }, examples: [{ text: one }, { text: two }] }
  over: { from: server }
  broken: { from: server, payload: { fields: { why: string } } }
  shout: { from: client, payload: { fields: { text: string } }, reply: shouted, auth: [loud] }
  shouted: { from: server, payload: { fields: { text: string } }, examples: [{ text: HELLO }] }
  news: { from: server, payload: { fields: { text: string } }, examples: [{ text: first }, { text: second }] }
";

#[tokio::test]
async fn answers_with_examples_or_likely_values_and_keeps_what_the_request_says() {
    let dir = folder(&[("protocol.yaml", CHAT)]);
    let mock = Mock::start(dir.path(), &["--pace", "0"]).await;
    let model = model(CHAT);
    let mut client = Client::connect(&mock, None).await;
    let joined = client.ask(&model, "join", &json!({ "room": "lobby" })).await;
    assert_eq!(joined[0]["payload"]["room"], "lobby");
    assert_eq!(joined, {
        let mut again = client.ask(&model, "join", &json!({ "room": "lobby" })).await;
        again[0]["timestamp"] = joined[0]["timestamp"].clone();
        again
    });
    let lines = client.ask(&model, "history", &json!({})).await;
    let texts: Vec<_> = lines
        .iter()
        .map(|line| line["payload"]["text"].as_str().unwrap_or("over"))
        .collect();
    assert_eq!(texts, ["one", "two", "one", "over"]);
    // A token of any kind has all scopes.
    assert_eq!(
        client.ask(&model, "shout", &json!({ "text": "x" })).await[0]["payload"]["text"],
        "HELLO"
    );
    // The engine itself judges what comes in.
    let refused = client.ask(&model, "join", &json!({ "room": 1 })).await;
    assert_eq!(refused[0]["payload"]["code"], "invalid_payload");
    assert_eq!(refused[0]["payload"]["details"][0]["path"], "/room");
}

#[tokio::test]
async fn items_are_paced_and_answers_wait() {
    let dir = folder(&[("protocol.yaml", CHAT)]);
    let args = ["--pace", "60ms", "--items", "4", "--latency", "150ms..200ms"];
    let mock = Mock::start(dir.path(), &args).await;
    let mut client = Client::connect(&mock, None).await;
    let began = Instant::now();
    let lines = client.ask(&model(CHAT), "history", &json!({})).await;
    assert_eq!(lines.len(), 5);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(150 + 3 * 60), "{took:?}");
}

#[tokio::test]
async fn errors_are_those_that_are_declared() {
    let dir = folder(&[("protocol.yaml", CHAT)]);
    let mock = Mock::start(dir.path(), &["--errors", "100%", "--pace", "0"]).await;
    let model = model(CHAT);
    let mut client = Client::connect(&mock, None).await;
    let failed = client.ask(&model, "join", &json!({ "room": "lobby" })).await;
    let payload = &failed[0]["payload"];
    assert_eq!(
        (&payload["code"], &payload["retryable"]),
        (&json!("full"), &json!(true))
    );
    assert_eq!(payload["message"], "The room is full.");
    // The stream ends by its own message; a message that declares no error never fails.
    assert_eq!(
        client
            .ask(&model, "history", &json!({}))
            .await
            .last()
            .expect("an end")["type"],
        "broken"
    );
    assert_eq!(
        client.ask(&model, "shout", &json!({ "text": "x" })).await[0]["type"],
        "shouted"
    );
}

#[tokio::test]
async fn connections_are_lost_and_sessions_are_not() {
    let dir = folder(&[("protocol.yaml", CHAT)]);
    let mock = Mock::start(
        dir.path(),
        &["--disconnects", "1", "--pace", "20ms", "--items", "5"],
    )
    .await;
    let mut request = mock.url.as_str().into_client_request().expect("an address");
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "chat.v1".parse().expect("a header"));
    let (socket, _) = connect_async(request.clone()).await.expect("the mock accepts");
    let mut client = Client(socket);
    let token = client.next().await["payload"]["resumeToken"].clone();
    client.send("history", &json!({})).await;
    let mut last = 0;
    let closed = loop {
        match client.message().await {
            Ok(message) => last = message["seq"].as_u64().expect("a number"),
            Err(closed) => break closed,
        }
    };
    assert_eq!(u16::from(closed.expect("a code").code), 4408);
    let (socket, _) = connect_async(request).await.expect("the mock accepts");
    let mut client = Client(socket);
    client.next().await;
    client
        .send(
            "connection:resume",
            &json!({ "resumeToken": token, "lastSeq": last }),
        )
        .await;
    assert_eq!(client.next().await["payload"]["resumed"], true);
    loop {
        let message = client.next().await;
        last += 1;
        assert_eq!(message["seq"], last, "{message}");
        if message["type"] == "over" {
            break;
        }
    }
    assert_eq!(last, 6, "five items and the end, over both connections");
}

#[tokio::test]
async fn events_come_on_their_own() {
    let dir = folder(&[("protocol.yaml", CHAT)]);
    let mock = Mock::start(dir.path(), &["--events", "50ms"]).await;
    let mut client = Client::connect(&mock, None).await;
    let mut texts = HashSet::new();
    while texts.len() < 2 {
        let event = client.next().await;
        assert_eq!(
            (&event["type"], &event["correlationId"]),
            (&json!("news"), &Value::Null)
        );
        texts.insert(event["payload"]["text"].as_str().expect("a text").to_owned());
    }
}

#[tokio::test]
async fn a_changed_file_is_served_at_once_and_a_broken_one_is_not() {
    let dir = folder(&[("protocol.yaml", PROTOCOL)]);
    let file = dir.path().join("protocol.yaml");
    let mut mock = Mock::start(dir.path(), &[]).await;
    let mut old = Client::connect(&mock, Some("demo.v1")).await;

    fs::write(&file, BROKEN).expect("a file");
    let said = mock.says("the old protocol stays").await;
    assert!(said.iter().any(|line| line.contains("error[W004]")), "{said:?}");
    let model = model(PROTOCOL);
    assert_eq!(
        old.ask(&model, "say", &json!({ "text": "a" })).await[0]["type"],
        "said"
    );

    // As many editors do it: another file in the old one's place. Comments change nothing.
    let put = |text: &str| {
        let beside = dir.path().join("protocol.yaml~");
        fs::write(&beside, text).expect("a file");
        fs::rename(&beside, &file).expect("a file in its place");
    };
    put(&format!("# a comment\n{PROTOCOL}"));
    put(&PROTOCOL
        .replace("1.0.0", "1.1.0")
        .replace("said:", "whisper: { from: client, reply: said }\n  said:"));
    assert_eq!(mock.line().await, "reloaded demo 1.1.0");
    let closed = loop {
        match old.message().await {
            Ok(message) => assert_eq!(message["type"], "connection:closing"),
            Err(closed) => break closed.expect("a code"),
        }
    };
    assert_eq!(u16::from(closed.code), 1012);
    let mut new = Client::connect(&mock, Some("demo.v1")).await;
    new.send("whisper", &json!({})).await;
    assert_eq!(new.next().await["type"], "said");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let dir = folder(&[("protocol.yaml", PROTOCOL), ("broken.yaml", BROKEN)]);
    for (args, said) in [
        (&["--pace", "5"][..], "as in 5s"),
        (&["--latency", "2s..1s"], "from the smaller to the larger"),
        (&["--items", "many"], "whole number"),
        (&["--errors", "1.5"], "from 0 to 1"),
        (&["--disconnects", "ten"], "from 0 to 1"),
        (&["--events", "0"], "above 0"),
        (&["--host", "0.0.0.0"], "--allow-anonymous"),
        (&["--host", "localhost"], "invalid IP address"),
        (&["missing.yaml"], "cannot read"),
    ] {
        let ended = run(dir.path(), &[&["mock", "--port", "0"], args].concat());
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{args:?}: {ended:?}");
    }
    let ended = run(dir.path(), &["mock", "broken.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("error[W004]"), "{ended:?}");
}

/// The status line, the headers and the body that a path is answered with.
async fn get(mock: &Mock, path: &str) -> (String, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = mock
        .url
        .trim_start_matches("ws://")
        .split('/')
        .next()
        .expect("a host");
    let mut socket = TcpStream::connect(host).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("it is written");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("it is read");
    let (head, body) = answer.split_once("\r\n\r\n").expect("headers");
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn the_explorer_shows_the_protocol_and_needs_nothing_else() {
    let dir = folder(&[("protocol.yaml", CHAT)]);
    let mock = Mock::start(dir.path(), &[]).await;
    let (head, page) = get(&mock, "/explorer").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(
        head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
        "{head}"
    );
    for file in page.split(['"']).filter(|text| text.starts_with("explorer/")) {
        let (head, body) = get(&mock, &format!("/{file}")).await;
        assert!(
            head.starts_with("HTTP/1.1 200") && !body.is_empty(),
            "{file}: {head}"
        );
    }
    assert!(!page.contains("://"), "nothing is fetched from elsewhere");
    let (_, told) = get(&mock, "/explorer/protocol.json").await;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let (_, described) = get(&mock, "/api/protocol").await;
    let described: Value = serde_json::from_str(&described).expect("JSON");
    for part in ["info", "hash", "connection", "errors", "$defs"] {
        assert_eq!(told[part], described[part], "{part}");
    }
    for (name, message) in described["messages"].as_object().expect("messages") {
        for (key, value) in message.as_object().expect("a description") {
            assert_eq!(told["messages"][name][key], *value, "{key} of {name}");
        }
    }
    let (head, _) = get(&mock, "/").await;
    assert!(head.contains("location: /explorer"), "{head}");
}

#[tokio::test]
async fn beyond_loopback_the_explorer_is_served_only_if_asked_for() {
    let dir = folder(&[("protocol.yaml", CHAT)]);
    for (asked, status) in [(&[][..], "HTTP/1.1 404"), (&["--explorer"], "HTTP/1.1 200")] {
        let args = [&["--host", "0.0.0.0", "--allow-anonymous"], asked].concat();
        let mock = Mock::start(dir.path(), &args).await;
        let (head, _) = get(&mock, "/explorer").await;
        assert!(head.starts_with(status), "{asked:?}: {head}");
    }
}
