//! A started peer, and what the operating system says of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use bench_load::Dialect;
use rustix::process::{Pid, Signal, kill_process};

use crate::build;
use crate::cores::Cores;
use crate::peers::Peer;

/// A running server. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// How to speak to it.
    pub(crate) dialect: Box<dyn Dialect>,
}

impl Server {
    /// Starts a peer on the server's core and waits until it says where it listens.
    pub(crate) fn start(peer: &Peer, argument: Option<&str>, cores: Cores) -> Result<Self> {
        let mut command = build::command(peer.program)?;
        command.args(argument);
        Self::spawn(command, peer, cores)
    }

    /// Starts a peer by a command of the caller's.
    pub(crate) fn spawn(mut command: Command, peer: &Peer, cores: Cores) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = cores
            .on_server(|| command.spawn())?
            .with_context(|| format!("can't start {}", peer.name))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let address = line.trim().parse();
        let address =
            address.with_context(|| format!("{} didn't say where it listens: {line:?}", peer.name))?;
        Ok(Self {
            child,
            address,
            dialect: peer.speaks.dialect(),
        })
    }

    /// CPU time of all threads so far, from the scheduler's own account in nanoseconds.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut total = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // The first figure of schedstat is the time spent on the processor.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            total += text
                .split(' ')
                .next()
                .unwrap_or_default()
                .parse::<u64>()
                .context("schedstat")?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS")?;
        Ok(kilobytes * 1024)
    }

    /// Asks it to end, and waits until it has: what runs it may have a report to write.
    pub(crate) fn terminate(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(|_| ()).unwrap_or_default();
    }
}
