//! Against the engine, served on loopback: what the typed layer promises.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::StreamExt;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use wireloom::{Ctx, Engine, Items, ServeOptions, code, on, stream};
use wireloom_client::{Answer, CallError, Client, Missed};

use crate::protocol::{
    Count, CountError, Done, Failed, Handlers, Hang, HangError, News, Note, NoteError, PROTOCOL, Said, Say,
    SayError, Tick,
};
use crate::support::soon;

/// What handlers leave behind for tests to see.
#[derive(Debug, Default)]
struct App {
    hangs: Notify,
    dropped: Notify,
    noted: Notify,
}

type State = Arc<App>;

async fn say(_cx: Ctx<State>, message: Say) -> Result<Said, SayError> {
    match message.text.as_str() {
        "no" => Err(SayError::Refused("not that".into())),
        "later" => Err(SayError::busy()),
        "broken" => Err(std::io::Error::other("hunter2"))?,
        _ => Ok(Said {
            text: message.text,
            by: None,
        }),
    }
}

async fn count(_cx: Ctx<State>, message: Count, mut out: Items<Tick>) -> Result<Done, CountError> {
    for at in 0..message.to {
        if at == 1000 {
            let why = "too far".to_owned();
            return Err(Failed { why }.into());
        }
        out.send(Tick { at }).await;
    }
    Ok(Done { total: message.to })
}

async fn note(cx: Ctx<State>, message: Note) -> Result<(), NoteError> {
    cx.state().noted.notify_one();
    cx.send(News { text: message.text })?;
    Ok(())
}

struct TellDrop(State);

impl Drop for TellDrop {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

async fn hang(cx: Ctx<State>, _message: Hang) -> Result<Said, HangError> {
    let _tell = TellDrop(Arc::clone(cx.state()));
    cx.state().hangs.notify_one();
    std::future::pending().await
}

async fn serve() -> (Engine<State>, String) {
    let engine = Handlers {
        say: on(say),
        count: stream(count),
        note: on(note),
        hang: on(hang),
    }
    .engine(State::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
    let router = Router::new().route("/ws", engine.upgrade());
    tokio::spawn(wireloom::serve(
        listener,
        router,
        ServeOptions::default(),
        std::future::pending(),
    ));
    (engine, url)
}

async fn connect() -> (Engine<State>, Client) {
    let (engine, url) = serve().await;
    let client = soon(Client::builder(url).protocol(PROTOCOL).connect()).await;
    (engine, client.expect("a connection"))
}

fn text(text: &str) -> Say {
    Say {
        text: text.to_owned(),
    }
}

#[tokio::test]
async fn request_is_answered_by_its_reply() {
    let (_engine, client) = connect().await;
    assert_eq!(soon(client.request(text("hi"))).await.unwrap().text, "hi");
}

#[tokio::test]
async fn requests_run_side_by_side() {
    let (engine, client) = connect().await;
    let mut slow = client.request(Hang {});
    slow.start();
    soon(engine.state().hangs.notified()).await;
    let names: Vec<String> = (0..20).map(|at| at.to_string()).collect();
    let calls = names.iter().map(|name| client.request(text(name)));
    let said = soon(futures_util::future::join_all(calls)).await;
    let said: Vec<String> = said.into_iter().map(|said| said.unwrap().text).collect();
    assert_eq!(said, names);
}

#[tokio::test]
async fn declared_error_is_typed() {
    let (_engine, client) = connect().await;
    let error = soon(client.request(text("no"))).await.unwrap_err();
    assert_eq!(error.to_string(), "not that", "the server's own text is kept");
    assert!(!error.is_retryable());
    assert!(matches!(
        error,
        CallError::Declared {
            error: SayError::Refused(_),
            ..
        }
    ));
    let error = soon(client.request(text("later"))).await.unwrap_err();
    assert_eq!(error.to_string(), "Something else is being said.");
    assert!(error.is_retryable());
    assert!(matches!(
        error,
        CallError::Declared {
            error: SayError::Busy(_),
            ..
        }
    ));
}

#[tokio::test]
async fn engine_error_keeps_code_and_details() {
    let (_engine, client) = connect().await;
    let error = soon(client.request(text("broken"))).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Server(error) if error.code == code::INTERNAL),
        "{error:?}"
    );
    let error = soon(client.request(text(""))).await.unwrap_err();
    let CallError::Server(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.code, code::INVALID_PAYLOAD);
    assert_eq!(error.details[0].path, "/text");
    assert_eq!(error.details[0].keyword, "minLength");
}

#[tokio::test]
async fn stream_yields_items_and_then_its_end() {
    let (_engine, client) = connect().await;
    let mut ticks = client.stream(Count { to: 50 });
    let mut seen = Vec::new();
    while let Some(tick) = soon(ticks.next()).await {
        seen.push(tick.unwrap().at);
    }
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
    assert_eq!(ticks.end(), Some(&Done { total: 50 }));
    assert!(soon(ticks.next()).await.is_none());
    assert_eq!(
        soon(client.stream(Count { to: 3 }).finish()).await.unwrap().total,
        3
    );
}

#[tokio::test]
async fn stream_ends_with_its_error_message() {
    let (_engine, client) = connect().await;
    let error = soon(client.stream(Count { to: 2000 }).finish())
        .await
        .unwrap_err();
    let CallError::Declared {
        error: CountError::Failed(failed),
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(failed.why, "too far");
}

#[tokio::test]
async fn stream_is_refused_before_its_first_item() {
    let (_engine, client) = connect().await;
    let mut ticks = client.stream(Count { to: 1_000_001 });
    let first = soon(ticks.next()).await.unwrap();
    assert!(matches!(first, Err(CallError::Server(error)) if error.code == code::INVALID_PAYLOAD));
    assert!(soon(ticks.next()).await.is_none());
    assert!(ticks.end().is_none());
}

#[tokio::test]
async fn event_reaches_its_subscribers() {
    let (engine, client) = connect().await;
    let (mut first, mut second) = (client.events::<News>(), client.events::<News>());
    client
        .send(Note {
            text: "fresh".to_owned(),
        })
        .unwrap();
    soon(engine.state().noted.notified()).await;
    for events in [&mut first, &mut second] {
        assert_eq!(soon(events.next()).await.unwrap().unwrap().text, "fresh");
    }
    client.close().await;
    assert_eq!(soon(first.next()).await, None::<Result<News, Missed>>);
}

#[tokio::test]
async fn dropped_request_is_cancelled() {
    let (engine, client) = connect().await;
    let mut call = client.request(Hang {});
    call.start();
    soon(engine.state().hangs.notified()).await;
    drop(call);
    soon(engine.state().dropped.notified()).await;
    assert_eq!(
        soon(client.request(text("still here"))).await.unwrap().text,
        "still here"
    );
}

#[tokio::test]
async fn dropped_stream_is_cancelled() {
    let (_engine, client) = connect().await;
    let mut messages = client.raw().messages();
    let mut ticks = client.raw().request("hang", "{}", Answer::Reply("said".into()));
    ticks.start();
    drop(ticks);
    client.raw().send("nothing", "{}").unwrap();
    // Either it never went out, or the server has cancelled it: nothing else answers.
    let first = soon(messages.next()).await.unwrap().unwrap();
    assert_eq!(first.kind(), "error");

    let mut ticks = client.stream(Count { to: 1000 });
    assert!(soon(ticks.next()).await.is_some());
    drop(ticks);
    assert_eq!(
        soon(client.request(text("still here"))).await.unwrap().text,
        "still here"
    );
}

#[tokio::test]
async fn cancel_ends_the_request() {
    let (engine, client) = connect().await;
    let mut call = client.request(Hang {});
    let canceller = call.canceller();
    soon(engine.state().hangs.notified()).await;
    canceller.cancel();
    assert!(matches!(soon(call).await, Err(CallError::Cancelled)));
    soon(engine.state().dropped.notified()).await;
}

#[tokio::test]
async fn request_times_out() {
    let (engine, client) = connect().await;
    let call = client.request(Hang {}).timeout(Duration::from_millis(50));
    assert!(matches!(soon(call).await, Err(CallError::TimedOut)));
    soon(engine.state().dropped.notified()).await;
}

#[tokio::test]
async fn raw_call_yields_every_message() {
    let (_engine, client) = connect().await;
    let protocol = wireloom::Protocol::from_json(PROTOCOL).unwrap();
    let raw = client.raw();
    let call = |kind: &'static str, payload: &str| {
        let answer = Answer::of(&protocol, kind).unwrap();
        raw.request(kind, payload, answer).collect::<Vec<_>>()
    };
    let kinds = |parts: Vec<Result<wireloom_client::RawMessage, _>>| -> Vec<String> {
        let kind = |part: Result<wireloom_client::RawMessage, wireloom_client::RawError>| match part {
            Ok(message) => message.kind().to_owned(),
            Err(error) => error.to_string(),
        };
        parts.into_iter().map(kind).collect()
    };
    assert_eq!(
        kinds(soon(call("count", r#"{"to":2}"#)).await),
        ["tick", "tick", "done"]
    );
    assert_eq!(
        kinds(soon(call("say", r#"{"text":"no"}"#)).await),
        ["refused: not that"]
    );
    assert_eq!(kinds(soon(call("note", r#"{"text":""}"#)).await), ["pong"]);
    let first = raw.request("ping", "{}", Answer::First).collect::<Vec<_>>();
    assert_eq!(kinds(soon(first).await), ["pong"]);
}

#[tokio::test]
async fn text_that_is_no_message_is_sent_as_it_is() {
    let (_engine, client) = connect().await;
    let mut messages = client.raw().messages();
    client.raw().send_text("not JSON").unwrap();
    let message = soon(messages.next()).await.unwrap().unwrap();
    assert!(
        message.payload().contains(code::INVALID_JSON),
        "{}",
        message.text()
    );
}
