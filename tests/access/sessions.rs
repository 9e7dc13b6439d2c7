//! Sessions of the program that outlive it.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::running::Program;

const PATIENCE: Duration = Duration::from_secs(20);

struct Talk(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Talk {
    /// Connects. Returns the token of the new session, too.
    async fn begin(program: &Program) -> (Self, String) {
        let mut request = format!("ws://127.0.0.1:{}/ws", program.port)
            .into_client_request()
            .unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", "agent.v1".parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut talk = Self(socket);
        let greeting = talk.next().await;
        let token = greeting["payload"]["resumeToken"].as_str().unwrap().to_owned();
        (talk, token)
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Frame::text(message.to_string())).await.unwrap();
    }

    async fn frame(&mut self) -> Frame {
        tokio::time::timeout(PATIENCE, self.0.next())
            .await
            .expect("nothing comes")
            .unwrap()
            .unwrap()
    }

    async fn next(&mut self) -> Value {
        loop {
            if let Frame::Text(text) = self.frame().await {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Connects and resumes. Returns the new token, too.
    async fn resume(program: &Program, token: &str, seq: u64, replayed: u64) -> (Self, String) {
        let (mut talk, _) = Self::begin(program).await;
        let payload = json!({"resumeToken": token, "lastSeq": seq});
        talk.send(json!({"type": "connection:resume", "payload": payload}))
            .await;
        let resumed = talk.next().await;
        assert_eq!(resumed["payload"]["resumed"], true, "{resumed}");
        assert_eq!(resumed["payload"]["replayed"], replayed);
        let token = resumed["payload"]["resumeToken"].as_str().unwrap().to_owned();
        (talk, token)
    }
}

#[tokio::test]
async fn a_session_goes_on_after_a_kill_and_after_a_shutdown() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    let variables = [("STATE_DIR", state)];

    let mut program = Program::start(&[], &variables);
    let (mut talk, token) = Talk::begin(&program).await;
    let payload = json!({"projectId": "p", "projectPath": "/p"});
    talk.send(json!({"type": "agent:start", "payload": payload, "correlationId": "c-1"}))
        .await;
    let started = talk.next().await;
    assert_eq!(started["seq"], 1, "{started}");
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    drop((talk, program));

    let mut program = Program::start(&[], &variables);
    let (mut talk, token) = Talk::resume(&program, &token, 0, 1).await;
    assert_eq!(talk.next().await, started);
    let metrics = program.get("/metrics", "");
    assert!(
        metrics.contains("wireloom_resumes_total{outcome=\"resumed\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("wireloom_sessions_parked 0"), "{metrics}");

    // Someone who does not even read holds nobody up, nor does a handshake that goes no further.
    let (_silent, _) = Talk::begin(&program).await;
    let mut hanging = TcpStream::connect(("127.0.0.1", program.port)).await.unwrap();
    hanging
        .write_all(b"GET /ws HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    let began = Instant::now();
    kill_process(Pid::from_child(&program.child), Signal::TERM).unwrap();
    assert_eq!(talk.next().await["type"], "connection:closing");
    let Frame::Close(Some(close)) = talk.frame().await else {
        panic!("the connection is not closed");
    };
    assert_eq!(u16::from(close.code), 1001);
    drop(talk);
    let ended = tokio::task::spawn_blocking(move || program.child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());

    let program = Program::start(&[], &variables);
    Talk::resume(&program, &token, 1, 0).await;
}
