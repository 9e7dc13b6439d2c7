//! What it costs to keep sessions on disk: the same load without a store, and with each durability.

use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use clap::Args;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use wireloom::{Ctx, Durability, Engine, Items, ServeOptions, Store, on, stream};
use wireloom_client::Client;

use crate::protocol::{
    Count, CountError, Counted, Did, Do, DoError, Handlers, Join, JoinError, Joined, PROTOCOL, Tick,
};

type Failure = Box<dyn Error + Send + Sync>;

/// How a load is made.
#[derive(Debug, Clone, Args)]
pub(crate) struct CostArgs {
    /// Clients.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Requests of a client at a time.
    #[arg(long, default_value_t = 16)]
    at_a_time: usize,
    /// Seconds for each kind of store, in each round.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

async fn join(_cx: Ctx<()>, _message: Join) -> Result<Joined, JoinError> {
    Ok(Joined {})
}

async fn act(_cx: Ctx<()>, message: Do) -> Result<Did, DoError> {
    Ok(Did { n: message.n })
}

async fn count(_cx: Ctx<()>, message: Count, mut out: Items<Tick>) -> Result<Counted, CountError> {
    for at in 0..message.to {
        out.send(Tick { at }).await;
    }
    Ok(Counted { to: message.to })
}

/// A second's answered requests, and the streamed items that arrive.
async fn load(args: &CostArgs, durability: Option<Durability>) -> Result<(f64, f64), Failure> {
    let directory = tempfile::tempdir()?;
    let builder = Handlers {
        join: on(join),
        r#do: on(act),
        count: stream(count),
    }
    .builder(())
    .settings(|settings| settings.rate = None);
    let engine: Engine<()> = match durability {
        Some(durability) => builder.store(Store::open(directory.path(), durability)?).build(),
        None => builder.build(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/ws", listener.local_addr()?);
    let router = Router::new().route("/ws", engine.upgrade());
    let serving = tokio::spawn(wireloom::serve(
        listener,
        router,
        ServeOptions::default(),
        pending(),
    ));
    let mut clients = Vec::new();
    for _ in 0..args.clients {
        clients.push(Client::builder(&url).protocol(PROTOCOL).connect().await?);
    }
    let span = Duration::from_secs(args.seconds) / 2;
    let requests = Arc::new(AtomicU64::new(0));
    let lanes = clients.iter().flat_map(|client| {
        (0..args.at_a_time as u64).map(|n| {
            let (client, requests) = (client.clone(), Arc::clone(&requests));
            async move {
                let began = Instant::now();
                while began.elapsed() < span {
                    let answer = client
                        .request(Do {
                            client: 0,
                            n,
                            hold_ms: 0,
                        })
                        .await;
                    answer.map_err(|error| error.to_string())?;
                    requests.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, String>(())
            }
        })
    });
    for ended in join_all(lanes).await {
        ended?;
    }
    let items = Arc::new(AtomicU64::new(0));
    let streams = clients.iter().map(|client| {
        let items = Arc::clone(&items);
        async move {
            let began = Instant::now();
            while began.elapsed() < span {
                let count = Count { to: 500, pause_ms: 0 };
                client
                    .stream(count)
                    .finish()
                    .await
                    .map_err(|error| error.to_string())?;
                items.fetch_add(500, Ordering::Relaxed);
            }
            Ok::<_, String>(())
        }
    });
    for ended in join_all(streams).await {
        ended?;
    }
    for client in &clients {
        client.close().await;
    }
    engine.shutdown(Duration::from_secs(1)).await;
    serving.abort();
    let second = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / span.as_secs_f64();
    Ok((second(&requests), second(&items)))
}

/// Measures, and says what it found.
pub(crate) async fn measure(args: &CostArgs) -> Result<String, Failure> {
    let kinds = [
        ("without", None),
        ("process", Some(Durability::Process)),
        ("machine", Some(Durability::Machine)),
    ];
    let mut found = [(); 3].map(|()| (Vec::new(), Vec::new()));
    for _ in 0..args.rounds {
        // One after the other in each round, so that what else the machine does meets all.
        for ((_, durability), (requests, items)) in kinds.iter().zip(&mut found) {
            let (answered, arrived) = load(args, *durability).await?;
            requests.push(answered);
            items.push(arrived);
        }
    }
    let mut said = String::from("store    requests/s  ratio  items/s  ratio");
    let [(base, base_items), ..] = found
        .each_ref()
        .map(|(requests, items)| (median(requests), median(items)));
    for ((name, _), (requests, items)) in kinds.iter().zip(&found) {
        let (requests, items) = (median(requests), median(items));
        said += &format!(
            "\n{name:8} {requests:10.0}  {:5.2}  {items:7.0}  {:5.2}",
            requests / base,
            items / base_items
        );
    }
    Ok(said)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
