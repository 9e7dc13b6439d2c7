//! Measures Wireloom against its peers.
//!
//! Each server has a core of its own and the load generator another. Rounds are interleaved: in each, every server is
//! measured once, in an order that alternates. What counts is the server's CPU time as Linux accounts it, and ratios are
//! taken within a round.

mod baseline;
mod build;
mod chart;
mod cores;
mod instructions;
mod machine;
mod modes;
mod peers;
mod report;
mod server;
mod stats;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::cores::Cores;
use crate::modes::Mode;
use crate::peers::{OURS, PEERS, Peer, Program, YARDSTICK};
use crate::report::{Row, Table};

/// Measures Wireloom against its peers: server CPU, memory, fairness, instructions.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// What to measure [default: everything].
    #[arg(long, value_enum, value_delimiter = ',')]
    modes: Vec<Mode>,
    /// Whom to measure, by name [default: everybody].
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Rounds of each mode.
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// Milliseconds that a server is measured in each round.
    #[arg(long, default_value_t = 500)]
    window: u64,
    /// About a minute: the yardstick and Wireloom, flat requests only, fewer rounds.
    #[arg(long)]
    quick: bool,
    /// Exit with 1 if Wireloom's CPU a message, 16 in flight, is above this many times the yardstick's.
    #[arg(long, value_name = "RATIO")]
    assert_ratio: Option<f64>,
    /// Exit with 1 if Wireloom takes more user instructions a message than this.
    #[arg(long, value_name = "COUNT")]
    assert_instructions: Option<f64>,
    /// Record Wireloom's instruction counts in bench/baseline.txt.
    #[arg(long)]
    record: bool,
    /// Exit with 1 if one of Wireloom's instruction counts grew by more than 5 % over the record.
    #[arg(long)]
    assert_baseline: bool,
    /// Write docs/benchmarks.md and docs/benchmarks.svg.
    #[arg(long)]
    write: bool,
}

impl Options {
    fn modes(&self) -> Vec<Mode> {
        match (&self.modes[..], self.quick) {
            ([], true) => vec![Mode::One, Mode::Sixteen, Mode::Instructions, Mode::Decode, Mode::DecodeNested],
            ([], false) => clap::ValueEnum::value_variants().to_vec(),
            (modes, _) => modes.to_vec(),
        }
    }

    fn peers(&self) -> Result<Vec<Peer>> {
        let known = PEERS.iter().map(|peer| peer.name).collect::<Vec<_>>().join(", ");
        for name in &self.peers {
            ensure!(
                PEERS.iter().any(|peer| peer.name == name),
                "no peer is called {name}: there are {known}"
            );
        }
        let node = build::has_node();
        let chosen = PEERS.iter().filter(|peer| match (&self.peers[..], self.quick) {
            ([], true) => [YARDSTICK, OURS].contains(&peer.name),
            ([], false) => true,
            (names, _) => names.iter().any(|name| name == peer.name),
        });
        let mut peers = Vec::new();
        for peer in chosen {
            match peer.program {
                Program::Node(_) if !node => eprintln!("{} is left out: there is no Node.js", peer.name),
                _ => peers.push(*peer),
            }
        }
        Ok(peers)
    }
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let peers = options.peers()?;
    ensure!(!peers.is_empty(), "there is nobody to measure");
    let modes = options.modes();
    let decoder = modes
        .iter()
        .any(|mode| mode.decodes())
        .then_some(instructions::DECODER);
    for program in peers.iter().map(|peer| peer.program).chain(decoder) {
        eprintln!("making {program}");
        build::make(program)?;
    }

    let cores = Cores::pick()?;
    cores.pin_generator()?;
    let files = cores::raise_open_files()?;
    ensure!(
        files >= 11_000,
        "10,000 connections need more open files than the {files} allowed here"
    );

    let rounds = if options.quick {
        options.rounds.min(7)
    } else {
        options.rounds
    };
    let mut tables = Vec::new();
    for mode in modes {
        if mode.needs_valgrind() && !instructions::available() {
            eprintln!("{} is left out: there is no valgrind", mode.title());
            continue;
        }
        let table = measure(mode, &peers, rounds, Duration::from_millis(options.window), cores)?;
        println!("{}", table.markdown());
        tables.push(table);
    }
    if options.write {
        report::write(&tables, rounds, &build::root().join("../docs"))?;
    }
    if options.record {
        baseline::record(&tables)?;
    }
    let held = [
        !options.assert_baseline || baseline::check(&tables)?,
        held(&tables, Mode::Sixteen, options.assert_ratio, |table| {
            table.ratio(OURS)
        })?,
        held(
            &tables,
            Mode::Instructions,
            options.assert_instructions,
            |table| table.median(OURS),
        )?,
    ];
    Ok(if held == [true; 3] {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Says whether a figure keeps to its bound; one without a bound does.
fn held(
    tables: &[Table],
    mode: Mode,
    bound: Option<f64>,
    figure: impl Fn(&Table) -> Option<f64>,
) -> Result<bool> {
    let Some(bound) = bound else { return Ok(true) };
    let figure = tables.iter().find(|table| table.mode == mode).and_then(figure);
    let figure =
        figure.with_context(|| format!("the bound needs {YARDSTICK} and {OURS} in the mode {mode:?}"))?;
    let held = figure <= bound;
    let verdict = if held { "ok" } else { "too much" };
    println!(
        "{OURS}, {}: {figure:.2}, at most {bound:.2} allowed: {verdict}",
        mode.title()
    );
    Ok(held)
}

/// The table of one mode.
fn measure(mode: Mode, peers: &[Peer], rounds: usize, window: Duration, cores: Cores) -> Result<Table> {
    let peers: Vec<Peer> = peers.iter().filter(|peer| mode.applies(peer)).copied().collect();
    let rows = match mode {
        Mode::Decode => decoded("echo", &peers)?,
        Mode::DecodeNested => decoded("nested", &peers)?,
        Mode::Instructions => peers
            .iter()
            .map(|peer| Ok(Row::of(peer, vec![instructions::served(peer, cores)?])))
            .collect::<Result<_>>()?,
        _ => interleaved(mode, &peers, if mode.once() { 1 } else { rounds }, window, cores)?,
    };
    Ok(Table { mode, rows })
}

/// All rounds of one mode, servers taking turns.
fn interleaved(
    mode: Mode,
    peers: &[Peer],
    rounds: usize,
    window: Duration,
    cores: Cores,
) -> Result<Vec<Row>> {
    let servers = peers
        .iter()
        .map(|peer| mode.start(peer, cores))
        .collect::<Result<Vec<_>>>()?;
    let mut rows: Vec<Row> = peers.iter().map(|peer| Row::of(peer, Vec::new())).collect();
    for round in 0..rounds {
        eprintln!("{}: round {} of {rounds}", mode.title(), round + 1);
        let mut order: Vec<usize> = (0..peers.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let figure = mode.round(&servers[index], window);
            rows[index]
                .figures
                .push(figure.with_context(|| format!("{} in {mode:?}", peers[index].name))?);
        }
    }
    Ok(rows)
}

fn decoded(message: &str, peers: &[Peer]) -> Result<Vec<Row>> {
    let ways = peers.iter().filter_map(|peer| Some((peer.decodes?, peer)));
    ways.map(|(way, peer)| {
        Ok(Row {
            name: way,
            ..Row::of(peer, vec![instructions::decoded(way, message)?])
        })
    })
    .collect()
}
