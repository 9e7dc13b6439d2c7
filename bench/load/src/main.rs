//! The load generator by itself, against a server that is running already: to look at it with a profiler, say.

use std::net::SocketAddr;
use std::time::Duration;

use bench_load::dialect::{Dialect, Echo, Envelope, JsonRpc, SocketIo};
use bench_load::{Fleet, Group, Kind, Until};
use clap::{Parser, ValueEnum};

/// Keeps requests in flight to a server on the loopback interface, for a while.
#[derive(Debug, Parser)]
#[command(name = "bench-load")]
struct Options {
    /// Where the server listens.
    server: SocketAddr,
    /// How to speak to it.
    #[arg(long, value_enum, default_value_t = Speaks::Envelope)]
    dialect: Speaks,
    /// Connections.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Requests in flight on each.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..64))]
    in_flight: u16,
    /// The nested request instead of the flat one.
    #[arg(long)]
    nested: bool,
    /// For how long.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Speaks {
    Echo,
    Envelope,
    #[value(name = "socket.io")]
    SocketIo,
    #[value(name = "json-rpc")]
    JsonRpc,
}

fn main() -> bench_load::Result<()> {
    let options = Options::parse();
    if !options.server.ip().is_loopback() {
        return Err(bench_load::Error::Wrong(
            "the load generator drives servers on the loopback interface only".into(),
        ));
    }
    let dialect: Box<dyn Dialect> = match options.dialect {
        Speaks::Echo => Box::new(Echo::new()),
        Speaks::Envelope => Box::new(Envelope::new()),
        Speaks::SocketIo => Box::new(SocketIo),
        Speaks::JsonRpc => Box::new(JsonRpc::new()),
    };
    let group = Group {
        connections: options.connections.into(),
        in_flight: options.in_flight.into(),
        kind: if options.nested { Kind::Nested } else { Kind::Echo },
        timed: true,
    };
    let mut fleet = Fleet::open(options.server, &*dialect, &[group])?;
    let mut tally = fleet.run(Until::Elapsed(Duration::from_secs(options.seconds)))?;
    tally.latencies.sort_unstable();
    let percentile = |percent: usize| tally.latencies[tally.latencies.len() * percent / 100] / 1000;
    println!(
        "{} replies, {:.0} a second; latency p50 {} us, p99 {} us",
        tally.replies,
        tally.replies as f64 / tally.elapsed.as_secs_f64(),
        percentile(50),
        percentile(99),
    );
    Ok(())
}
