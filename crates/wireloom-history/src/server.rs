//! The server that is stopped, killed and restarted. What it does, it notes in a file that outlives it.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use wireloom::{Ctx, Durability, Engine, Items, ServeOptions, Store, on, stream};

use crate::protocol::{
    Count, CountError, Counted, Did, Do, DoError, Doing, Handlers, Join, JoinError, Joined, News, Tick,
};

/// The room of everyone who wants news.
const ROOM: &str = "news";

/// How long requests may go on after a SIGTERM.
const DRAIN: Duration = Duration::from_millis(500);

/// What a server is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// Where sessions outlive it.
    #[arg(long)]
    pub(crate) state_dir: PathBuf,
    /// What it notes.
    #[arg(long)]
    pub(crate) notes: PathBuf,
    /// How many servers there were before.
    #[arg(long)]
    pub(crate) epoch: u64,
    /// Milliseconds between two news.
    #[arg(long)]
    pub(crate) news_ms: u64,
    /// Milliseconds that sessions wait, and messages that they keep.
    #[arg(long)]
    pub(crate) window_ms: u64,
    #[arg(long)]
    pub(crate) messages: usize,
    /// Whether everything waits for the disk.
    #[arg(long)]
    pub(crate) machine: bool,
}

/// The file of notes. A line that was written is there, even if the process is killed at once.
struct Notes(File);

impl Notes {
    fn note(&self, line: &str) -> std::io::Result<()> {
        (&self.0).write_all(format!("{line}\n").as_bytes())
    }
}

type State = Arc<Notes>;

async fn join(cx: Ctx<State>, _message: Join) -> Result<Joined, JoinError> {
    cx.join(ROOM);
    Ok(Joined {})
}

async fn act(cx: Ctx<State>, message: Do) -> Result<Did, DoError> {
    let Do { client, n, hold_ms } = message;
    cx.state().note(&format!("ran {client} {n}"))?;
    cx.send(Doing { n })?;
    tokio::time::sleep(Duration::from_millis(hold_ms)).await;
    Ok(Did { n })
}

async fn count(_cx: Ctx<State>, message: Count, mut out: Items<Tick>) -> Result<Counted, CountError> {
    for at in 0..message.to {
        tokio::time::sleep(Duration::from_millis(message.pause_ms)).await;
        out.send(Tick { at }).await;
    }
    Ok(Counted { to: message.to })
}

/// Sends news until it is stopped. Returns how many.
async fn publish(engine: &Engine<State>, epoch: u64, every: Duration, stop: &CancellationToken) -> u64 {
    let mut n = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return n,
            () = tokio::time::sleep(every) => {}
        }
        // Nobody may have joined yet.
        let _nobody = engine.room(ROOM).send(News { epoch, n });
        n += 1;
    }
}

/// Serves until a SIGTERM.
pub(crate) async fn serve(args: ServerArgs) -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let notes = OpenOptions::new().append(true).create(true).open(&args.notes)?;
    let notes = Arc::new(Notes(notes));
    let durability = if args.machine {
        Durability::Machine
    } else {
        Durability::Process
    };
    let engine: Engine<State> = Handlers {
        join: on(join),
        r#do: on(act),
        count: stream(count),
    }
    .builder(Arc::clone(&notes))
    .settings(|settings| {
        settings.rate = None;
        settings.resume_window = Duration::from_millis(args.window_ms);
        settings.resume_messages = args.messages;
        settings.reconnect_after = Duration::from_millis(20);
    })
    .store(Store::open(&args.state_dir, durability)?)
    .build();
    let listener = TcpListener::bind(args.address).await?;
    let router = Router::new().route("/ws", engine.upgrade());
    let stop = CancellationToken::new();
    let publishing = async {
        let every = Duration::from_millis(args.news_ms);
        let published = publish(&engine, args.epoch, every, &stop).await;
        if let Some(last) = published.checked_sub(1) {
            notes.note(&format!("last {} {last}", args.epoch))?;
        }
        engine.shutdown(DRAIN).await;
        Ok(())
    };
    let serving = wireloom::serve(listener, router, ServeOptions::default(), stop.cancelled());
    let stopping = async {
        terminate.recv().await;
        stop.cancel();
    };
    let (served, published, ()) = tokio::join!(serving, publishing, stopping);
    served?;
    published
}
