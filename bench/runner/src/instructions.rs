//! Counts user instructions with callgrind: the same on every machine, hour and load, and so fit to fail a build.
//!
//! A program is run twice with different numbers of messages. The difference of the totals divided by the difference of the
//! numbers is what one message costs; start, connections and end cancel out.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use bench_load::{Fleet, Until};

use crate::build;
use crate::cores::Cores;
use crate::modes::{Figure, uniform};
use crate::peers::{Peer, Program};
use crate::server::Server;

/// The program that decodes and encodes without a server.
pub(crate) const CODEC: Program = Program::Rust("bench-codec");

const SERVED: [u64; 2] = [10_000, 30_000];
const CODED: [u64; 2] = [200, 2_200];

/// Whether valgrind is there.
pub(crate) fn available() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Of a whole server, a message.
pub(crate) fn served(peer: &Peer, cores: Cores) -> Result<Figure> {
    let program = build::command(peer.program)?;
    per_message(SERVED, |report, messages| {
        let server = Server::spawn(callgrind(&program, report), peer, cores)?;
        let mut fleet = Fleet::open(
            server.address,
            &*server.dialect,
            &[uniform(bench_load::Kind::Echo, 16)],
        )?;
        fleet.run(Until::Sent(messages))?;
        server.terminate()
    })
}

/// Of decoding and checking alone, or of encoding alone, a message.
pub(crate) fn coded(what: &str, way: &str) -> Result<Figure> {
    let program = build::command(CODEC)?;
    per_message(CODED, |report, messages| {
        let status = callgrind(&program, report)
            .args([what, way, &messages.to_string()])
            .status()?;
        ensure!(status.success(), "bench-codec {what} {way}: {status}");
        Ok(())
    })
}

fn per_message(counts: [u64; 2], run: impl Fn(&Path, u64) -> Result<()>) -> Result<Figure> {
    let folder = tempfile::tempdir()?;
    let mut totals = Vec::new();
    for count in counts {
        let report = folder.path().join(count.to_string());
        run(&report, count)?;
        totals.push(total(&fs::read_to_string(&report)?)?);
    }
    Ok((totals[1] - totals[0]) as f64 / (counts[1] - counts[0]) as f64)
}

fn callgrind(program: &Command, report: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--tool=callgrind"]);
    command.arg(format!("--callgrind-out-file={}", report.display()));
    command.arg(program.get_program()).args(program.get_args());
    command
}

/// The instructions of the whole run, from callgrind's report.
fn total(report: &str) -> Result<u64> {
    let line = report
        .lines()
        .find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    line.context("callgrind's report has no total")?
        .trim()
        .parse()
        .context("callgrind's total")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        assert_eq!(
            total("events: Ir\n\nfn=(1) main\n3 7\n\ntotals: 1234\n").unwrap(),
            1234
        );
        assert!(total("events: Ir\n").is_err());
    }
}
