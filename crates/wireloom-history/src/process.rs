//! The server's process: started, stopped, killed, held and restarted, and its clock set.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::run::RunArgs;

/// Debian's libfaketime, by which the clock of one process can be set.
const FAKETIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// How long a server may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server, one process behind the other.
pub(crate) struct Process {
    args: RunArgs,
    directory: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) epoch: u64,
    child: Option<Child>,
    /// Whether its clock can be set.
    pub(crate) has_clock: bool,
}

impl Process {
    /// Starts the first one, with its files in a directory.
    pub(crate) async fn start(args: &RunArgs, directory: &Path, with_clock: bool) -> io::Result<Self> {
        // An address of its own: at one that others use, the port might be taken while no server has it, even by a
        // connection to itself.
        let host = if cfg!(target_os = "linux") {
            Ipv4Addr::new(127, fastrand::u8(1..), fastrand::u8(..), fastrand::u8(1..255))
        } else {
            Ipv4Addr::LOCALHOST
        };
        let address = std::net::TcpListener::bind((host, 0))?.local_addr()?;
        let mut process = Self {
            args: args.clone(),
            directory: directory.to_owned(),
            address,
            epoch: 0,
            child: None,
            has_clock: with_clock && faketime().is_some(),
        };
        process.set_clock(0)?;
        process.launch().await?;
        Ok(process)
    }

    /// Where it notes what it does.
    pub(crate) fn notes(&self) -> PathBuf {
        self.directory.join("notes")
    }

    /// Starts the next one.
    pub(crate) async fn next(&mut self) -> io::Result<()> {
        self.epoch += 1;
        self.launch().await
    }

    async fn launch(&mut self) -> io::Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("serve")
            .args(["--address", &self.address.to_string()])
            .args(["--epoch", &self.epoch.to_string()])
            .args(["--news-ms", &self.args.news_ms.to_string()])
            .args(["--window-ms", &self.args.window_ms.to_string()])
            .args(["--messages", &self.args.messages.to_string()])
            .arg("--state-dir")
            .arg(self.directory.join("state"))
            .arg("--notes")
            .arg(self.notes())
            .kill_on_drop(true);
        if self.args.machine {
            command.arg("--machine");
        }
        if let (true, Some(library)) = (self.has_clock, faketime()) {
            command
                .env("LD_PRELOAD", library)
                .env("FAKETIME_TIMESTAMP_FILE", self.clock())
                .env("FAKETIME_CACHE_DURATION", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        self.child = Some(command.spawn()?);
        let began = Instant::now();
        while TcpStream::connect(self.address).await.is_err() {
            if began.elapsed() > PATIENCE {
                return Err(io::Error::other("the server does not listen"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn clock(&self) -> PathBuf {
        self.directory.join("clock")
    }

    /// Sets its clock, by seconds from now.
    pub(crate) fn set_clock(&self, seconds: i64) -> io::Result<()> {
        std::fs::write(self.clock(), format!("{seconds:+}"))
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let id = self.child.as_ref().and_then(Child::id);
        let id = id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let id = id.ok_or_else(|| io::Error::other("the server has ended"))?;
        Ok(kill_process(id, signal)?)
    }

    /// Ends it by a signal. Returns how it ended, and how long that took.
    pub(crate) async fn end(&mut self, signal: Signal) -> io::Result<(ExitStatus, Duration)> {
        let began = Instant::now();
        self.signal(signal)?;
        let mut child = self
            .child
            .take()
            .ok_or_else(|| io::Error::other("the server has ended"))?;
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        let status = ended.map_err(|_late| io::Error::other("the server does not end"))??;
        Ok((status, began.elapsed()))
    }
}

fn faketime() -> Option<&'static str> {
    FAKETIME.into_iter().find(|path| Path::new(path).exists())
}
