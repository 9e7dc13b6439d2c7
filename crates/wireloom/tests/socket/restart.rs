//! Sessions that outlive the server: a planned restart, and one that nobody planned.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use wireloom::{Durability, Engine, ServeOptions, Settings, Store, StoreError};

use crate::resume::{Session, refused, resume};
use crate::support::{
    FIN, Note, Raw, Server, Shared, TEXT, Tick, error, masked, message, protocol, registry, registry_of,
    until,
};

fn engine(state: &Shared, directory: &Path, window: Duration) -> Engine<Shared> {
    let store = Store::open(directory, Durability::Process).unwrap();
    let change = |settings: &mut Settings| wait(settings, window);
    registry(state).settings(change).store(store).build().unwrap()
}

fn wait(settings: &mut Settings, window: Duration) {
    settings.resume_window = window;
    settings.resume_messages = 1000;
    settings.resume_bytes = 1 << 18;
}

/// A server whose sessions stand in a directory.
async fn server(directory: &Path) -> Server {
    waiting(directory, Duration::from_secs(30)).await
}

async fn waiting(directory: &Path, window: Duration) -> Server {
    let state = Shared::default();
    let engine = engine(&state, directory, window);
    Server::of(engine, state, ServeOptions::default()).await
}

/// The next process, after a shutdown of this one.
async fn restarted(server: Server, directory: &TempDir) -> Server {
    assert!(server.engine.shutdown(Duration::from_secs(5)).await);
    drop(server);
    self::server(directory.path()).await
}

/// The next process, after this one was killed: what it has written so far is all there is.
async fn killed(server: &Server, directory: &TempDir) -> (Server, TempDir) {
    let copy = tempfile::tempdir().unwrap();
    copy_all(directory.path(), copy.path());
    // Nobody else is to see what this one does from here on.
    let _at_work = server;
    (self::server(copy.path()).await, copy)
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn values(messages: &[Value]) -> Vec<i64> {
    let value = |message: &Value| message["payload"]["value"].as_i64().unwrap();
    messages.iter().map(value).collect()
}

async fn take(session: &mut Session, count: usize) -> Vec<Value> {
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(session.next().await);
    }
    messages
}

/// Sends these messages of a session in one write; what comes, as many as were sent.
async fn at_once(server: &Server, messages: &[String]) -> Vec<Value> {
    let mut raw = Raw::open(server.address, "Sec-WebSocket-Protocol: test.v1\r\n").await;
    raw.next().await;
    let frames = messages.iter().map(|text| masked(FIN | TEXT, text.as_bytes()));
    raw.write(&frames.collect::<Vec<_>>().concat()).await;
    let mut answers = Vec::new();
    for _ in messages {
        answers.push(raw.next().await);
    }
    answers
}

#[tokio::test]
async fn messages_in_one_write_are_judged_one_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let messages = [
        message("game:start", json!({}), "1"),
        message("game:move", json!({}), "2"),
        message("game:start", json!({}), "3"),
    ];
    let answers = at_once(&server, &messages).await;
    for answer in answers {
        match answer["correlationId"].as_str() {
            Some("3") => {
                error(&answer, "invalid_state", Some("3"));
            }
            _ => assert_eq!(answer["type"], "echoed", "{answer}"),
        }
    }
}

#[tokio::test]
async fn messages_behind_a_request_that_goes_on_are_taken() {
    let directory = tempfile::tempdir().unwrap();
    let mut protocol = protocol();
    let machine = protocol.states.as_mut().unwrap();
    let lobby = machine.states.get_mut("lobby").unwrap();
    lobby.insert("count".to_owned(), "playing".to_owned());
    let state = Shared::default();
    let engine = registry_of(protocol, &state)
        .settings(|settings| wait(settings, Duration::from_secs(30)))
        .store(Store::open(directory.path(), Durability::Process).unwrap())
        .build()
        .unwrap();
    let server = Server::of(engine, state, ServeOptions::default()).await;
    let messages = [
        message("count", json!({"to": 1, "pauseMs": 300}), "1"),
        message("whole", json!({}), "2"),
        message("whole", json!({}), "3"),
    ];
    let answers = at_once(&server, &messages).await;
    let ids: Vec<_> = answers.iter().map(|answer| &answer["correlationId"]).collect();
    assert_eq!(ids, ["2", "3", "1"]);
}

#[tokio::test]
async fn a_planned_restart_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    for value in 1..=10 {
        server.note(&session.id, value);
    }
    take(&mut session, 4).await;
    let lost = session.lose();
    for value in 11..=20 {
        server.note(&lost.0, value);
    }
    let server = restarted(server, &directory).await;
    server.note(&lost.0, 21);
    let (mut session, _replayed) = Session::back(&server, lost).await;
    server.note(&session.id, 22);
    assert_eq!(
        values(&take(&mut session, 18).await),
        (5..=22).collect::<Vec<_>>()
    );
    session.client.goes_on().await;
}

#[tokio::test]
async fn a_client_that_is_there_is_told_and_goes_on_in_the_next_process() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    session.ask("echo", json!({"text": "1"}), "c-1").await;
    let shutdown = server.engine.clone();
    let shutdown = tokio::spawn(async move { shutdown.shutdown(Duration::from_secs(5)).await });
    assert_eq!(session.client.next().await["type"], "connection:closing");
    assert_eq!(session.client.close_code().await, 1001);
    assert!(shutdown.await.unwrap());
    drop(server);
    let server = self::server(directory.path()).await;
    let (mut session, replayed) = Session::back(&server, session.lose()).await;
    assert_eq!(replayed, 0);
    assert_eq!(
        session.ask("echo", json!({"text": "2"}), "c-2").await["payload"]["text"],
        "2"
    );
}

/// A session that waits for its client is left to the next process early in a shutdown. Who asks this one for it comes
/// too late, which is no reason to lose it.
#[tokio::test]
async fn a_session_that_was_left_to_the_next_process_is_not_unknown_to_this_one() {
    let directory = tempfile::tempdir().unwrap();
    let state = Shared::default();
    let change = |settings: &mut Settings| {
        settings.resume_window = Duration::from_secs(30);
        settings.resume_messages = 1000;
    };
    let engine = registry(&state)
        .settings(change)
        .on_connect(|cx| async move { cx.state().go.notified().await })
        .store(Store::open(directory.path(), Durability::Process).unwrap())
        .build()
        .unwrap();
    let server = Server::of(engine, state, ServeOptions::default()).await;
    server.state.go.notify_one();
    let lost = server.session().await.lose();
    until("its client is missed", || server.engine.client(&lost.0).is_some()).await;

    // The hook is at work for the one that asks, so that it is there until the other session has left.
    let mut late = server.session().await.client;
    let payload = json!({"resumeToken": lost.1, "lastSeq": 0});
    late.send("connection:resume", payload, "r").await;
    let shutdown = server.engine.clone();
    let shutdown = tokio::spawn(async move { shutdown.shutdown(Duration::from_secs(5)).await });
    until("the session has left", || server.engine.client(&lost.0).is_none()).await;
    server.state.go.notify_one();
    let (messages, code) = late.end().await;
    let kinds: Vec<_> = messages.iter().map(|message| message["type"].as_str()).collect();
    assert_eq!((kinds, code), (vec![Some("connection:closing")], 1001));
    assert!(shutdown.await.unwrap());
    drop(server);
    let server = self::server(directory.path()).await;
    let (_session, replayed) = Session::back(&server, lost).await;
    assert_eq!(replayed, 0);
}

#[tokio::test]
async fn a_server_that_is_killed_loses_nothing_that_it_has_sent() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    for value in 1..=10 {
        server.note(&session.id, value);
    }
    // The last one came: so all of them are written down.
    take(&mut session, 10).await;
    let (id, token, _) = session.lose();
    let (server, _copy) = killed(&server, &directory).await;
    let (mut session, replayed) = Session::back(&server, (id, token, 3)).await;
    assert_eq!(replayed, 7);
    assert_eq!(values(&take(&mut session, 7).await), (4..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_that_was_only_greeted_goes_on_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let lost = server.session().await.lose();
    let (server, _copy) = killed(&server, &directory).await;
    let (_session, replayed) = Session::back(&server, lost).await;
    assert_eq!(replayed, 0);
}

#[tokio::test]
async fn what_was_acknowledged_is_not_kept_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    for value in 1..=10 {
        server.note(&session.id, value);
    }
    take(&mut session, 10).await;
    session
        .client
        .text(r#"{"type":"connection:ack","payload":{"seq":8}}"#)
        .await;
    session.client.goes_on().await;
    let (id, token, _) = session.lose();
    let server = restarted(server, &directory).await;
    assert_eq!(refused(&server, &token, 7).await, "gap");
    let _over = id;
}

#[tokio::test]
async fn a_request_that_was_answered_is_not_run_again_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    session.client.send("wait", json!({"n": 1}), "c-1").await;
    until("it runs", || server.state.begun.load(Ordering::SeqCst) == 1).await;
    server.state.go.notify_one();
    let answer = session.next().await;
    let (id, token, _) = session.lose();
    let (server, _copy) = killed(&server, &directory).await;
    let (mut session, replayed) = Session::back(&server, (id, token, 0)).await;
    assert_eq!(replayed, 1);
    assert_eq!(session.next().await, answer);
    session.client.send("wait", json!({"n": 1}), "c-1").await;
    session.client.goes_on().await;
    assert_eq!(server.state.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_request_that_was_at_work_is_answered_and_not_run_again() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    session.client.send("wait", json!({"n": 1}), "c-1").await;
    until("it runs", || server.state.begun.load(Ordering::SeqCst) == 1).await;
    let lost = session.lose();
    let (server, _copy) = killed(&server, &directory).await;
    let (mut session, _replayed) = Session::back(&server, lost).await;
    let answer = session.next().await;
    assert_eq!(answer["correlationId"], "c-1");
    assert_eq!(answer["payload"]["code"], "internal");
    session.client.send("wait", json!({"n": 1}), "c-1").await;
    session.client.goes_on().await;
    assert_eq!(server.state.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_message_that_nothing_answers_is_not_run_again_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    session.client.send("mark", json!({"n": 1}), "m").await;
    until("it runs", || server.state.begun.load(Ordering::SeqCst) == 1).await;
    // Numbered, and so written down behind it.
    session.ask("echo", json!({"text": "1"}), "c-1").await;
    let lost = session.lose();
    let (server, _copy) = killed(&server, &directory).await;
    let (mut session, _replayed) = Session::back(&server, lost).await;
    session.client.send("mark", json!({"n": 1}), "m").await;
    session.client.goes_on().await;
    assert_eq!(server.state.begun.load(Ordering::SeqCst), 0);
}

/// It is not kept, so it stands in no store; what is written down of it must make sense all the same.
#[tokio::test]
async fn a_message_larger_than_what_is_kept_ends_no_session() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut others = server.session().await;
    others.ask("echo", json!({"text": "1"}), "c-1").await;
    let mut session = server.session().await;
    session.ask("echo", json!({"text": "before"}), "c-1").await;
    let large = json!({"to": 1, "pad": 1 << 19});
    assert_eq!(session.ask("count", large, "c-2").await["type"], "number");
    session.next().await;
    let (id, token, seq) = session.lose();
    let (killed, _copy) = killed(&server, &directory).await;
    let server = restarted(server, &directory).await;
    let (others, others_too) = ((others.id.clone(), others.token.clone(), 1), others.lose());
    for (server, others) in [(&killed, others), (&server, others_too)] {
        Session::back(server, others).await;
        Session::back(server, (id.clone(), token.clone(), seq)).await;
    }
    // What it cannot give, it does not promise.
    let mut session = server.session().await;
    session
        .client
        .send("story", json!({"to": 1, "pad": 1 << 19}), "c-1")
        .await;
    let (_id, token, _seq) = session.lose();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let server = restarted(server, &directory).await;
    assert_eq!(refused(&server, &token, 0).await, "gap");
}

#[tokio::test]
async fn a_stream_that_is_cut_by_a_restart_ends_with_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    session
        .client
        .send("story", json!({"to": 1000, "pauseMs": 5}), "c-1")
        .await;
    take(&mut session, 3).await;
    let lost = session.lose();
    // It goes on for the client that will be back, and does not end in time.
    assert!(!server.engine.shutdown(Duration::from_millis(50)).await);
    drop(server);
    let server = self::server(directory.path()).await;
    let (mut session, replayed) = Session::back(&server, lost).await;
    let mut messages = take(&mut session, usize::try_from(replayed).unwrap()).await;
    let last = messages.pop().unwrap();
    assert_eq!(last["payload"]["code"], "internal", "{last}");
    assert_eq!(last["correlationId"], "c-1");
    for (n, message) in (3..).zip(&messages) {
        assert_eq!(message["payload"]["n"], n);
    }
}

#[tokio::test]
async fn a_request_that_comes_during_the_shutdown_runs_in_the_next_process() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    session.client.send("wait", json!({}), "c-1").await;
    until("it runs", || server.state.begun.load(Ordering::SeqCst) == 1).await;
    let shutdown = server.engine.clone();
    let shutdown = tokio::spawn(async move { shutdown.shutdown(Duration::from_secs(5)).await });
    assert_eq!(session.client.next().await["type"], "connection:closing");
    session.client.send("echo", json!({"text": "2"}), "c-2").await;
    assert_eq!(session.client.ask("ping", json!({}), "p").await["type"], "pong");
    server.state.go.notify_one();
    assert_eq!(session.next().await["correlationId"], "c-1");
    assert!(shutdown.await.unwrap());
    drop(server);
    let server = self::server(directory.path()).await;
    let (mut session, _replayed) = Session::back(&server, session.lose()).await;
    assert_eq!(
        session.ask("echo", json!({"text": "2"}), "c-2").await["payload"]["text"],
        "2"
    );
}

#[tokio::test]
async fn state_and_rooms_are_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    session.ask("room", json!({"join": "r"}), "c-1").await;
    session.ask("room", json!({"join": "left"}), "c-2").await;
    session.ask("room", json!({"leave": "left"}), "c-3").await;
    session.ask("game:start", json!({}), "c-4").await;
    let lost = session.lose();
    let server = restarted(server, &directory).await;
    let (server, _copy) = killed(&server, &directory).await;
    assert!(server.engine.room("left").members().is_empty());
    server.engine.room("r").send(Note(Tick::new("k", 7, 0))).unwrap();
    let (mut session, _replayed) = Session::back(&server, lost).await;
    assert_eq!(session.next().await["payload"]["value"], 7);
    let moved = session.ask("game:move", json!({}), "c-5").await;
    assert_ne!(moved["type"], "error", "{moved}");
}

#[tokio::test]
async fn a_session_that_ended_does_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let mut session = server.session().await;
    let token = session.token.clone();
    session.client.socket.close(None).await.unwrap();
    let mut over = server.session().await;
    let (id, second) = (over.id.clone(), over.token.clone());
    over.client
        .socket
        .close(Some(tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        }))
        .await
        .unwrap();
    until("it is gone", || server.engine.client(&id).is_none()).await;
    let server = restarted(server, &directory).await;
    assert_eq!(refused(&server, &second, 0).await, "unknown");
    let (_client, resumed) = resume(&server, &token, 0).await;
    assert_eq!(resumed["payload"]["resumed"], true);
}

#[tokio::test]
async fn the_time_without_a_process_counts() {
    let directory = tempfile::tempdir().unwrap();
    let window = Duration::from_millis(300);
    let server = waiting(directory.path(), window).await;
    let session = server.session().await;
    let token = session.token.clone();
    session.lose();
    assert!(server.engine.shutdown(Duration::from_secs(5)).await);
    drop(server);
    tokio::time::sleep(window).await;
    let server = waiting(directory.path(), window).await;
    assert_eq!(refused(&server, &token, 0).await, "expired");
}

#[tokio::test]
async fn damaged_files_are_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let token = server.session().await.token;
    assert!(server.engine.shutdown(Duration::from_secs(5)).await);
    drop(server);
    let files = files(&directory.path().join("sessions"));
    assert!(files.len() > 2);
    for file in files {
        let length = std::fs::metadata(&file).unwrap().len();
        if length > 0 {
            std::fs::write(&file, vec![0xa5; 1000]).unwrap();
        }
    }
    let server = self::server(directory.path()).await;
    assert_eq!(refused(&server, &token, 0).await, "unknown");
    let aside = std::fs::read_dir(directory.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("sessions.aside-")
    });
    assert_eq!(aside.count(), 1);
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn one_process_at_a_time_has_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let _server = server(directory.path()).await;
    let second = Store::open(directory.path(), Durability::Process);
    assert!(matches!(second, Err(StoreError::InUse(_))), "{second:?}");
}

#[tokio::test]
async fn no_secret_stands_in_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let session = server.session().await;
    let token = base64(&session.token);
    assert!(server.engine.shutdown(Duration::from_secs(5)).await);
    let secret = &token[16..];
    for file in files(directory.path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes.windows(secret.len()).any(|window| window == secret),
            "{file:?}"
        );
    }
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .unwrap()
}
