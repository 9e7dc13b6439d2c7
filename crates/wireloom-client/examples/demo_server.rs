//! The engine with the protocol of the clients' tests, for clients in other languages: one message of every kind. Says
//! where it listens, ends with its standard input, and tells at `/counts` what happened to its handlers.

#![expect(clippy::print_stdout, reason = "whoever started it reads where it listens")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use wireloom::{Ctx, Items, ServeOptions, on, stream};

use protocol::{
    Count, CountError, Done, Failed, Handlers, Hang, HangError, News, Note, NoteError, Said, Say, SayError,
    Tick,
};

/// The generated code of the tests' protocol.
#[rustfmt::skip]
pub mod protocol {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/generated/protocol.rs"
    ));
}

/// What handlers did.
#[derive(Debug, Default)]
struct Counts {
    said: AtomicU64,
    hanging: AtomicU64,
    dropped: AtomicU64,
}

type State = Arc<Counts>;

async fn say(cx: Ctx<State>, message: Say) -> Result<Said, SayError> {
    cx.state().said.fetch_add(1, Ordering::SeqCst);
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

/// Whoever counts to this stops at ten, and has to be cancelled.
const FOR_EVER: u64 = 1_000_000;

async fn count(_cx: Ctx<State>, message: Count, mut out: Items<Tick>) -> Result<Done, CountError> {
    for at in 0..message.to {
        if at == 1000 {
            let why = "too far".to_owned();
            return Err(Failed { why }.into());
        }
        if at == 10 && message.to == FOR_EVER {
            return std::future::pending().await;
        }
        if at % 4 == 0 {
            // Long enough for connections to break meanwhile.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        out.send(Tick { at }).await;
    }
    Ok(Done { total: message.to })
}

async fn note(cx: Ctx<State>, message: Note) -> Result<(), NoteError> {
    cx.send(News { text: message.text })?;
    Ok(())
}

/// Counts when a handler is dropped.
struct Hanging(State);

impl Drop for Hanging {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

async fn hang(cx: Ctx<State>, _message: Hang) -> Result<Said, HangError> {
    let _hanging = Hanging(Arc::clone(cx.state()));
    cx.state().hanging.fetch_add(1, Ordering::SeqCst);
    std::future::pending().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let counts = State::default();
    let engine = Handlers {
        say: on(say),
        count: stream(count),
        note: on(note),
        hang: on(hang),
    }
    .builder(Arc::clone(&counts))
    .settings(|settings| settings.rate = None)
    .build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ws://{}/ws", listener.local_addr()?);
    let told = move || {
        let [said, hanging, dropped] =
            [&counts.said, &counts.hanging, &counts.dropped].map(|count| count.load(Ordering::SeqCst));
        std::future::ready(format!(
            r#"{{"said":{said},"hanging":{hanging},"dropped":{dropped}}}"#
        ))
    };
    let router = Router::new()
        .route("/ws", engine.upgrade())
        .route("/counts", get(told));
    let (gone, parent_is_gone) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        // However it ends, nobody is there any more.
        let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(gone);
    });
    let shutdown = async {
        let _gone = parent_is_gone.await;
    };
    wireloom::serve(listener, router, ServeOptions::default(), shutdown).await
}
