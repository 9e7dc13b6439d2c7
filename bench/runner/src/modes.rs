//! The modes: what is done to a server, and the one figure that comes of it.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bench_load::{Fleet, Group, Kind, Until, check};
use clap::ValueEnum;

use crate::cores::Cores;
use crate::peers::{Broadcast, Peer, Program};
use crate::server::Server;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// 64 connections, one flat request in flight on each.
    One,
    /// 64 connections, 16 flat requests in flight on each.
    Sixteen,
    /// As `one`, with the nested request.
    NestedOne,
    /// As `sixteen`, with the nested request.
    NestedSixteen,
    /// As `nested-sixteen`, with the names in alphabetical order.
    SortedSixteen,
    /// One message written to 1,000 connections.
    Broadcast,
    /// The 99th percentile of 63 connections with one flat request in flight, beside one with 16 nested ones.
    Hot,
    /// Memory of 10,000 connections that have exchanged one message each.
    Idle,
    /// User instructions of the whole server for a flat request, 16 in flight, under callgrind.
    Instructions,
    /// User instructions from the text of a flat request to its checked, typed payload.
    Decode,
    /// As `decode`, with the nested request.
    DecodeNested,
    /// As `decode-nested`, with the names in alphabetical order.
    DecodeSorted,
    /// User instructions from a typed reply to its text.
    Encode,
}

/// One figure of one round.
pub(crate) type Figure = f64;

const CONNECTIONS: usize = 64;
const AUDIENCE: usize = 1_000;
const IDLE: usize = 10_000;
const WARM_UP: Duration = Duration::from_millis(100);
const COMPILE: Duration = Duration::from_secs(3);

impl Mode {
    /// What a table's heading says.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::One => "240-byte request, 64 connections, 1 in flight",
            Self::Sixteen => "240-byte request, 64 connections, 16 in flight",
            Self::NestedOne => "1.6 kB nested request, 64 connections, 1 in flight",
            Self::NestedSixteen => "1.6 kB nested request, 64 connections, 16 in flight",
            Self::SortedSixteen => "1.6 kB nested request with sorted names, 64 connections, 16 in flight",
            Self::Broadcast => "broadcast to 1,000 connections",
            Self::Hot => "one hot connection: the others' p99 with it, against without",
            Self::Idle => "10,000 idle connections",
            Self::Instructions => {
                "instructions of the whole server, 240-byte request, 64 connections, 16 in flight"
            }
            Self::Decode => "decode and check alone, 240-byte request",
            Self::DecodeNested => "decode and check alone, 1.6 kB nested request",
            Self::DecodeSorted => "decode and check alone, 1.6 kB nested request with sorted names",
            Self::Encode => "encode alone, the reply to the 240-byte request",
        }
    }

    /// What the figure is.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::One | Self::Sixteen | Self::NestedOne | Self::NestedSixteen | Self::SortedSixteen => {
                "us of CPU a message"
            }
            Self::Broadcast => "us of CPU a receiver",
            Self::Hot => "times",
            Self::Idle => "bytes a connection",
            Self::Instructions | Self::Decode | Self::DecodeNested | Self::DecodeSorted | Self::Encode => {
                "user instructions a message"
            }
        }
    }

    /// Decimals that mean something.
    pub(crate) fn decimals(self) -> usize {
        // What is done once is counted, not timed.
        if self.once() { 0 } else { 2 }
    }

    /// The peer that ratios are against.
    pub(crate) fn yardstick(self) -> &'static str {
        match self {
            Self::Broadcast => "tungstenite",
            Self::Decode | Self::DecodeNested | Self::DecodeSorted => "value",
            Self::Encode => "serde",
            _ => crate::peers::YARDSTICK,
        }
    }

    /// Whether a ratio to the yardstick says anything.
    pub(crate) fn has_ratio(self) -> bool {
        self != Self::Hot
    }

    /// Whether it is done once: counted instructions don't vary, and memory is that of a server just started.
    pub(crate) fn once(self) -> bool {
        self == Self::Idle || self.needs_valgrind()
    }

    /// As an option names it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// The ways to do it without a server, as the program for it calls them.
    pub(crate) fn ways(self) -> &'static [&'static str] {
        match self {
            Self::Decode | Self::DecodeNested | Self::DecodeSorted => &["value", "wireloom"],
            Self::Encode => &["serde", "wireloom"],
            _ => &[],
        }
    }

    /// Whether it counts instructions.
    pub(crate) fn needs_valgrind(self) -> bool {
        self == Self::Instructions || !self.ways().is_empty()
    }

    /// Whether the peer can do it at all.
    pub(crate) fn applies(self, peer: &Peer) -> bool {
        match self {
            Self::Broadcast => peer.broadcast.is_some(),
            Self::Instructions => matches!(peer.program, Program::Rust(_)),
            _ => true,
        }
    }

    /// Starts a server for this mode and makes sure that it answers rightly.
    pub(crate) fn start(self, peer: &Peer, cores: Cores) -> Result<Server> {
        let argument = match peer.broadcast {
            Some(Broadcast::Argument(argument)) if self == Self::Broadcast => Some(argument),
            _ => None,
        };
        let server = Server::start(peer, argument, cores)?;
        if argument.is_none() {
            check(server.address, &*server.dialect, peer.checks).with_context(|| peer.name.to_owned())?;
        }
        // A just-in-time compiler needs some hundred thousand messages before its code is what it stays.
        if matches!(peer.program, Program::Node(_)) && !self.once() {
            let mut fleet = Fleet::open(server.address, &*server.dialect, &[uniform(Kind::Echo, 16)])?;
            fleet.run(Until::Elapsed(COMPILE))?;
            let mut fleet = Fleet::open(server.address, &*server.dialect, &[uniform(Kind::Nested, 16)])?;
            fleet.run(Until::Elapsed(COMPILE))?;
        }
        Ok(server)
    }

    /// One round on a running server.
    pub(crate) fn round(self, server: &Server, window: Duration) -> Result<Figure> {
        match self {
            Self::One => cpu(server, Kind::Echo, 1, window),
            Self::Sixteen => cpu(server, Kind::Echo, 16, window),
            Self::NestedOne => cpu(server, Kind::Nested, 1, window),
            Self::NestedSixteen => cpu(server, Kind::Nested, 16, window),
            Self::SortedSixteen => cpu(server, Kind::Sorted, 16, window),
            Self::Broadcast => broadcast(server, window),
            Self::Hot => hot(server, window),
            Self::Idle => idle(server),
            Self::Instructions | Self::Decode | Self::DecodeNested | Self::DecodeSorted | Self::Encode => {
                bail!("instructions are not counted in rounds")
            }
        }
    }
}

pub(crate) fn uniform(kind: Kind, in_flight: usize) -> Group {
    Group {
        connections: CONNECTIONS,
        in_flight,
        kind,
        timed: false,
    }
}

fn cpu(server: &Server, kind: Kind, in_flight: usize, window: Duration) -> Result<Figure> {
    let group = Group {
        connections: CONNECTIONS,
        in_flight,
        kind,
        timed: false,
    };
    let mut fleet = Fleet::open(server.address, &*server.dialect, &[group])?;
    fleet.run(Until::Elapsed(WARM_UP))?;
    let before = server.cpu()?;
    let tally = fleet.run(Until::Elapsed(window))?;
    Ok(micros(server.cpu()? - before) / tally.replies as f64)
}

fn broadcast(server: &Server, window: Duration) -> Result<Figure> {
    let group = Group {
        connections: AUDIENCE,
        in_flight: 1,
        kind: Kind::Publish,
        timed: false,
    };
    let mut fleet = Fleet::open(server.address, &*server.dialect, &[group])?;
    fleet.broadcast(Until::Elapsed(WARM_UP))?;
    let before = server.cpu()?;
    let tally = fleet.broadcast(Until::Elapsed(window))?;
    Ok(micros(server.cpu()? - before) / tally.replies as f64)
}

fn hot(server: &Server, window: Duration) -> Result<Figure> {
    let others = Group {
        connections: CONNECTIONS - 1,
        in_flight: 1,
        kind: Kind::Echo,
        timed: true,
    };
    let hot = Group {
        connections: 1,
        in_flight: 16,
        kind: Kind::Nested,
        timed: false,
    };
    let p99 = |groups: &[Group]| -> Result<f64> {
        let mut fleet = Fleet::open(server.address, &*server.dialect, groups)?;
        fleet.run(Until::Elapsed(WARM_UP))?;
        let mut latencies = fleet.run(Until::Elapsed(window))?.latencies;
        ensure!(latencies.len() >= 100, "too few messages for a percentile");
        let rank = latencies.len() * 99 / 100;
        let (_, p99, _) = latencies.select_nth_unstable(rank);
        Ok(f64::from(*p99))
    };
    let alone = p99(&[others])?;
    Ok(p99(&[others, hot])? / alone)
}

fn idle(server: &Server) -> Result<Figure> {
    // A few connections first, so that what the server sets up once is not counted as theirs.
    let group = |connections| Group {
        connections,
        in_flight: 1,
        kind: Kind::Echo,
        timed: false,
    };
    let open = |connections: usize| -> Result<Fleet<'_>> {
        let mut fleet = Fleet::open(server.address, &*server.dialect, &[group(connections)])?;
        fleet.run(Until::Sent(connections as u64))?;
        sleep(Duration::from_millis(500));
        Ok(fleet)
    };
    drop(open(CONNECTIONS)?);
    let before = server.resident()?;
    let fleet = open(IDLE)?;
    let after = server.resident()?;
    drop(fleet);
    Ok(after.saturating_sub(before) as f64 / IDLE as f64)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
