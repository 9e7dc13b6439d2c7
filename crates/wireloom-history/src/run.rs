//! One history: clients work while connections are cut and the server is ended in every way; then it is checked.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use fastrand::Rng;
use rustix::process::Signal;
use tokio_util::sync::CancellationToken;

use crate::client::{Outcome, Worker, lock};
use crate::process::Process;
use crate::proxy::Network;

type Failure = Box<dyn Error + Send + Sync>;

/// Longest time from a SIGTERM to the end of the process: half a second for requests that are at work, a second for
/// peers that do not read, and the rest for a machine that is busy with a thousand clients.
const EXIT: Duration = Duration::from_secs(3);

/// How long clients may take to come back when nothing disturbs them any more.
const RETURN: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// Clients of each history.
    #[arg(long, default_value_t = 1000)]
    pub(crate) clients: u32,
    /// Seeds, one for each history.
    #[arg(long, default_value = "0..100", value_parser = seeds)]
    pub(crate) seeds: Range<u64>,
    /// Histories at a time.
    #[arg(long, default_value_t = 1)]
    pub(crate) jobs: usize,
    /// Milliseconds that clients work.
    #[arg(long, default_value_t = 6000)]
    pub(crate) work_ms: u64,
    /// Milliseconds that a connection lasts, on average.
    #[arg(long, default_value_t = 3000)]
    pub(crate) cut_ms: u64,
    /// Milliseconds between two news.
    #[arg(long, default_value_t = 200)]
    pub(crate) news_ms: u64,
    /// Milliseconds that sessions wait for their clients.
    #[arg(long, default_value_t = 60_000)]
    pub(crate) window_ms: u64,
    /// Messages that sessions keep.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) messages: usize,
    /// Let sessions be lost, as long as it is said: with a --window-ms or --messages that is too small.
    #[arg(long)]
    pub(crate) gaps: bool,
    /// Have everything wait for the disk.
    #[arg(long)]
    pub(crate) machine: bool,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let ends = text.split_once("..").and_then(|(begin, end)| {
        let range = begin.parse().ok()?..end.parse().ok()?;
        (!range.is_empty()).then_some(range)
    });
    ends.ok_or_else(|| "expected a range such as 0..100".to_owned())
}

/// What happens to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// SIGTERM, and the next one.
    Terminate,
    /// SIGKILL, and the next one.
    Kill,
    /// SIGSTOP, and a while later SIGCONT.
    Hold,
    /// Its clock is set.
    Clock,
}

/// What came of one history, or of many.
#[derive(Debug, Default)]
pub(crate) struct Report {
    histories: u64,
    clients: u64,
    /// Connections that the network cut.
    cuts: u64,
    resumed: u64,
    gaps: u64,
    answered: u64,
    cut_off: u64,
    terminated: u64,
    killed: u64,
    held: u64,
    clocks: u64,
    slowest_exit: Duration,
    pub(crate) wrong: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, other: Self) {
        self.histories += other.histories;
        self.clients += other.clients;
        self.cuts += other.cuts;
        self.resumed += other.resumed;
        self.gaps += other.gaps;
        self.answered += other.answered;
        self.cut_off += other.cut_off;
        self.terminated += other.terminated;
        self.killed += other.killed;
        self.held += other.held;
        self.clocks += other.clocks;
        self.slowest_exit = self.slowest_exit.max(other.slowest_exit);
        self.wrong.extend(other.wrong);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let came_back = self.resumed + self.gaps;
        let rate = self.resumed as f64 / (came_back.max(1)) as f64;
        write!(
            f,
            "{} histories, {} clients: {} reconnects, {} resumed, {} gaps declared, recovery rate {rate:.3}; \
             {} connections cut; server: {} SIGTERM (slowest end {} ms), {} SIGKILL, {} SIGSTOP, {} clock jumps; \
             requests: {} answered, {} cut off and said so; {} wrong",
            self.histories,
            self.clients,
            came_back,
            self.resumed,
            self.gaps,
            self.cuts,
            self.terminated,
            self.slowest_exit.as_millis(),
            self.killed,
            self.held,
            self.clocks,
            self.answered,
            self.cut_off,
            self.wrong.len(),
        )
    }
}

/// Makes one history, and checks it.
pub(crate) async fn history(args: &RunArgs, seed: u64) -> Result<Report, Failure> {
    let mut random = Rng::with_seed(seed);
    let directory = tempfile::tempdir()?;
    // In every fourth history the clock is set.
    let with_clock = seed % 4 == 3;
    let mut process = Process::start(args, directory.path(), with_clock).await?;
    let network = Network::new(process.address, random.u64(..), args.cut_ms).await?;
    let mut report = Report {
        histories: 1,
        clients: u64::from(args.clients),
        ..Report::default()
    };
    let stop = CancellationToken::new();
    let (mut workers, mut works) = (Vec::new(), Vec::new());
    for number in 0..args.clients {
        let worker = Arc::new(Worker::start(number.into(), network.address)?);
        let (theirs, seed, stop) = (Arc::clone(&worker), random.u64(..), stop.clone());
        works.push(tokio::spawn(async move { theirs.work(seed, stop).await }));
        workers.push(worker);
    }
    disturb(args, seed, &mut random, &mut process, &mut report).await?;
    network.calm_down();
    stop.cancel();
    let mut ended = Vec::new();
    for (worker, work) in workers.iter().zip(works) {
        let number = worker.number;
        match tokio::time::timeout(RETURN, work).await {
            Ok(done) => ended.push(done?),
            Err(_late) => {
                report
                    .wrong
                    .push(format!("client {number}: something never came"));
                ended.push(Vec::new());
            }
        }
    }
    terminate(&mut process, &mut report).await?;
    process.next().await?;
    let began = Instant::now();
    for worker in &workers {
        while lock(&worker.account).epoch() != Some(process.epoch) {
            if began.elapsed() > RETURN {
                let (number, state) = (worker.number, worker.client.state());
                let state = state.borrow();
                report
                    .wrong
                    .push(format!("client {number} did not come back: {:?}", *state));
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    report.cuts = network.cuts.load(Ordering::Relaxed);
    check(args, &process, &workers, &ended, &mut report)?;
    for worker in &workers {
        worker.client.close().await;
    }
    process.end(Signal::KILL).await?;
    for wrong in &mut report.wrong {
        *wrong = format!("seed {seed}: {wrong}");
    }
    Ok(report)
}

/// Ends the server as is planned, and looks how it does that.
async fn terminate(process: &mut Process, report: &mut Report) -> Result<(), Failure> {
    let (status, took) = process.end(Signal::TERM).await?;
    report.terminated += 1;
    report.slowest_exit = report.slowest_exit.max(took);
    if !status.success() || took > EXIT {
        report
            .wrong
            .push(format!("the server ended with {status} after {took:?}"));
    }
    Ok(())
}

/// Lets clients work, and has two or three things happen to the server meanwhile.
async fn disturb(
    args: &RunArgs,
    seed: u64,
    random: &mut Rng,
    process: &mut Process,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut faults = vec![
        [Fault::Kill, Fault::Terminate, Fault::Hold][usize::try_from(seed % 3)?],
        [Fault::Kill, Fault::Terminate, Fault::Kill, Fault::Hold][random.usize(..4)],
    ];
    if process.has_clock {
        faults.insert(random.usize(..2), Fault::Clock);
    }
    let pause = args.work_ms / (faults.len() as u64 + 1);
    let pause = |random: &mut Rng| Duration::from_millis(random.u64(pause / 2..=pause * 3 / 2));
    for fault in faults {
        tokio::time::sleep(pause(random)).await;
        match fault {
            Fault::Terminate => {
                terminate(process, report).await?;
                tokio::time::sleep(Duration::from_millis(random.u64(..300))).await;
                process.next().await?;
            }
            Fault::Kill => {
                process.end(Signal::KILL).await?;
                report.killed += 1;
                tokio::time::sleep(Duration::from_millis(random.u64(..300))).await;
                process.next().await?;
            }
            Fault::Hold => {
                process.signal(Signal::STOP)?;
                tokio::time::sleep(Duration::from_millis(random.u64(50..2000))).await;
                process.signal(Signal::CONT)?;
                report.held += 1;
            }
            Fault::Clock => {
                process.set_clock(if random.bool() { 7200 } else { -7200 })?;
                report.clocks += 1;
            }
        }
    }
    tokio::time::sleep(pause(random)).await;
    Ok(())
}

/// Holds what clients saw against what the servers noted.
fn check(
    args: &RunArgs,
    process: &Process,
    workers: &[Arc<Worker>],
    ended: &[Vec<(u64, Outcome)>],
    report: &mut Report,
) -> Result<(), Failure> {
    let notes = std::fs::read_to_string(process.notes())?;
    let mut ran: HashMap<(u64, u64), u32> = HashMap::new();
    let mut last = HashMap::new();
    for line in notes.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["ran", client, n] => *ran.entry((client.parse()?, n.parse()?)).or_default() += 1,
            ["last", epoch, n] => {
                last.insert(epoch.parse::<u64>()?, n.parse::<u64>()?);
            }
            _ => return Err(format!("a note that makes no sense: {line}").into()),
        }
    }
    for (worker, ended) in workers.iter().zip(ended) {
        let mut account = lock(&worker.account);
        account.compare_ends(&last);
        for (n, outcome) in ended {
            let ran = ran.get(&(worker.number, *n)).copied().unwrap_or(0);
            match outcome {
                Outcome::Answered => {
                    report.answered += 1;
                    account.answered(*n, ran);
                }
                Outcome::CutOff => {
                    report.cut_off += 1;
                    account.cut_off(*n, ran);
                }
            }
        }
        let returns = lock(&worker.returns);
        let lost = returns.lost.len() as u64;
        report.resumed += returns.resumed;
        report.gaps += lost;
        if account.gaps != lost {
            let (number, gaps) = (worker.number, account.gaps);
            report.wrong.push(format!(
                "client {number}: {lost} sessions lost, {gaps} gaps declared"
            ));
        }
        if lost > 0 && !args.gaps {
            let (number, why) = (worker.number, &returns.lost);
            report
                .wrong
                .push(format!("client {number}: {lost} sessions lost: {why:?}"));
        }
        let number = worker.number;
        let wrong = account.wrong.drain(..);
        report
            .wrong
            .extend(wrong.map(|wrong| format!("client {number}: {wrong}")));
    }
    Ok(())
}
