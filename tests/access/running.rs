//! The program itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const PATIENCE: Duration = Duration::from_secs(20);

const TOKEN: &str = "hunter2-token-of-alice-1";

pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) port: u16,
    /// Every line of the log.
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wireloom-server"));
    command
        .args(["--port=0"])
        .args(args)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Program {
    pub(crate) fn start(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = command(args).envs(variables.iter().copied()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        let mut program = Self {
            child,
            port: 0,
            lines,
            seen: Vec::new(),
        };
        let line = program.wait_for("Server running on port ");
        program.port = line.rsplit(' ').next().unwrap().parse().unwrap();
        program
    }

    fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Ends it, and returns all that it has logged.
    fn log(mut self) -> String {
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::TERM,
        )
        .unwrap();
        self.wait_for("Bye");
        self.seen.join("\n")
    }

    pub(crate) fn get(&self, path: &str, headers: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            socket,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// What the first message and the close code are, behind this header and these messages.
    async fn talk(
        &self,
        header: Option<(&'static str, String)>,
        messages: &[&str],
    ) -> (Vec<Value>, Option<u16>) {
        let mut request = format!("ws://127.0.0.1:{}/ws", self.port)
            .into_client_request()
            .unwrap();
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        for message in messages {
            socket.send(Frame::text(*message)).await.unwrap();
        }
        let mut came = Vec::new();
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(Duration::from_millis(500), socket.next()).await
        {
            match frame {
                Frame::Text(text) => came.push(serde_json::from_str(&text).unwrap()),
                Frame::Close(close) => return (came, close.map(|close| close.code.into())),
                _ => {}
            }
        }
        (came, None)
    }
}

#[tokio::test]
async fn tokens_work_in_every_way_and_none_is_logged() {
    let program = Program::start(&["--log=trace"], &[("TOKENS", "hunter2-token-of-alice-1 alice")]);
    let wrong = "hunter2-token-of-nobody";
    for (token, code) in [(TOKEN, None), (wrong, Some(4401))] {
        let ways = [
            (Some(("authorization", format!("Bearer {token}"))), String::new()),
            (
                Some(("sec-websocket-protocol", format!("agent.v1, bearer.{token}"))),
                String::new(),
            ),
            (
                None,
                format!(r#"{{"type":"connection:authenticate","payload":{{"token":"{token}"}}}}"#),
            ),
        ];
        for (header, message) in ways {
            let messages: Vec<_> = [message.as_str(), r#"{"type":"ping"}"#]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect();
            let (came, closed) = program.talk(header, &messages).await;
            assert_eq!(closed, code, "{came:?}");
            assert_eq!(
                came.last().is_some_and(|last| last["type"] == "pong"),
                code.is_none(),
                "{came:?}"
            );
        }
    }
    let (came, _) = program.talk(None, &[r#"{"type":"ping"}"#]).await;
    assert_eq!(came[0]["payload"]["code"], "unauthorized");
    let log = program.log();
    assert!(
        log.contains("credentials refused") && log.contains("Client connected"),
        "{log}"
    );
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let empty = [
        "HOST",
        "RATE",
        "THREADS",
        "TOKENS",
        "TLS_CERT",
        "STATE_DIR",
        "AGENT_COMMAND",
        "ORIGINS",
        "BACKEND",
    ];
    Program::start(&[], &empty.map(|name| (name, "")));
}

#[test]
fn what_tells_of_others_is_guarded_and_what_tells_of_the_server_is_not() {
    let program = Program::start(&[], &[("TOKENS", "hunter2-token-of-alice-1 alice")]);
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    for path in ["/metrics", "/api/sessions"] {
        assert!(program.get(path, "").starts_with("HTTP/1.1 401"), "{path}");
        assert!(
            program
                .get(path, "Authorization: Bearer x\r\n")
                .starts_with("HTTP/1.1 401"),
            "{path}"
        );
        assert!(program.get(path, &bearer).starts_with("HTTP/1.1 200"), "{path}");
    }
    for path in ["/healthz", "/readyz", "/api", "/api/protocol"] {
        assert!(program.get(path, "").starts_with("HTTP/1.1 200"), "{path}");
    }
    let open = Program::start(&[], &[]);
    for path in ["/metrics", "/api/sessions"] {
        assert!(open.get(path, "").starts_with("HTTP/1.1 200"), "{path}");
    }
}

#[test]
fn it_does_not_listen_for_everyone_unless_told() {
    let output = command(&["--host=0.0.0.0"]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("refusing to listen on 0.0.0.0") && said.contains("--tokens-file"),
        "{said}"
    );
    let mut told = Program::start(&["--host=0.0.0.0", "--allow-anonymous"], &[]);
    assert!(
        told.seen
            .iter()
            .any(|line| line.contains("everyone who reaches this address"))
            || {
                told.wait_for("everyone who reaches this address");
                true
            }
    );
}
