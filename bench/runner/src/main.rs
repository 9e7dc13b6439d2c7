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
mod options;
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
use crate::options::Options;
use crate::peers::{OURS, Peer};
use crate::report::{Row, Table};

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let peers = options.peers()?;
    ensure!(!peers.is_empty(), "there is nobody to measure");
    ensure!(
        build::is_counted()? || !(options.record || options.assert_baseline),
        "the record is of another build: `cargo xtask instructions` holds it, or makes it"
    );
    let modes = options.modes();
    let codec = modes
        .iter()
        .any(|mode| !mode.ways().is_empty())
        .then_some(instructions::CODEC);
    let served = modes.iter().any(|mode| mode.ways().is_empty());
    let servers = peers.iter().filter(|_| served).map(|peer| peer.program);
    for program in servers.chain(codec) {
        eprintln!("making {program}");
        build::make(program)?;
    }

    let cores = Cores::pick()?;
    cores.pin_generator()?;
    let files = cores::raise_open_files()?;
    ensure!(
        files >= 11_000 || !modes.contains(&Mode::Idle),
        "10,000 connections need more open files than the {files} allowed here"
    );

    let rounds = if options.quick {
        options.rounds.min(7)
    } else {
        options.rounds
    };
    let mut tables = Vec::new();
    let mut failed = false;
    for mode in modes {
        if mode.needs_valgrind() && !instructions::available() {
            eprintln!("{} is left out: there is no valgrind", mode.title());
            continue;
        }
        // A mode that fails doesn't take the figures of the others with it.
        match measure(mode, &peers, rounds, Duration::from_millis(options.window), cores) {
            Ok(table) => {
                println!("{}", table.markdown());
                tables.push(table);
            }
            Err(error) => {
                eprintln!("{}: {error:#}", mode.title());
                failed = true;
            }
        }
    }
    if options.write {
        report::write(&tables, rounds, &build::root().join("../docs"))?;
    }
    if options.record {
        baseline::record(&tables)?;
    }
    let held = !options.assert_baseline || baseline::check(&tables)?;
    Ok(if held && !failed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The table of one mode.
fn measure(mode: Mode, peers: &[Peer], rounds: usize, window: Duration, cores: Cores) -> Result<Table> {
    let only_ours = peers.iter().all(|peer| peer.name == OURS);
    let peers: Vec<Peer> = peers.iter().filter(|peer| mode.applies(peer)).copied().collect();
    let rows = match mode {
        _ if !mode.ways().is_empty() => coded(mode, only_ours)?,
        Mode::Instructions => peers
            .iter()
            .map(|peer| {
                Ok(Row::of(
                    peer,
                    vec![instructions::served(peer, cores).with_context(|| peer.name)?],
                ))
            })
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

/// Each way to decode or encode, for itself.
fn coded(mode: Mode, only_ours: bool) -> Result<Vec<Row>> {
    let ways = mode.ways().iter().filter(|way| !only_ours || **way == OURS);
    ways.map(|name| {
        Ok(Row {
            name,
            checks: if mode == Mode::Encode { "nothing" } else { "schema" },
            figures: vec![instructions::coded(&mode.name(), name)?],
        })
    })
    .collect()
}
