//! What the command line asks for.

use anyhow::{Result, ensure};
use clap::Parser;

use crate::build;
use crate::modes::Mode;
use crate::peers::{OURS, PEERS, Peer, Program, YARDSTICK};

/// Measures Wireloom against its peers: server CPU, memory, fairness, instructions.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Options {
    /// What to measure [default: everything].
    #[arg(long, value_enum, value_delimiter = ',')]
    modes: Vec<Mode>,
    /// Whom to measure, by name [default: everybody].
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Rounds of each mode.
    #[arg(long, default_value_t = 11)]
    pub(crate) rounds: usize,
    /// Milliseconds that a server is measured in each round.
    #[arg(long, default_value_t = 500)]
    pub(crate) window: u64,
    /// About a minute: the yardstick and Wireloom, flat requests only, fewer rounds.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Record Wireloom's instruction counts in bench/baseline.txt.
    #[arg(long)]
    pub(crate) record: bool,
    /// Exit with 1 if one of Wireloom's instruction counts grew by more than 5 % over the record.
    #[arg(long)]
    pub(crate) assert_baseline: bool,
    /// Write docs/benchmarks.md and docs/benchmarks.svg.
    #[arg(long)]
    pub(crate) write: bool,
}

impl Options {
    /// The modes to measure.
    pub(crate) fn modes(&self) -> Vec<Mode> {
        match (&self.modes[..], self.quick) {
            ([], true) => vec![Mode::One, Mode::Sixteen, Mode::Instructions],
            ([], false) => clap::ValueEnum::value_variants().to_vec(),
            (modes, _) => modes.to_vec(),
        }
    }

    /// The peers to measure, less those that can't run here.
    pub(crate) fn peers(&self) -> Result<Vec<Peer>> {
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
