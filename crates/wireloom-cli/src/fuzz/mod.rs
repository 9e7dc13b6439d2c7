//! `wireloom fuzz`: conversations at random with a running server, everything it says held against its protocol.
//!
//! What is wrong and how it is made small is `wireloom_fuzz::live`'s. Here are the arguments, and how results are shown.

mod junit;
mod replay;
mod report;
mod shell;
mod summary;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use wireloom_fuzz::Fuzzer;
use wireloom_fuzz::conversation::Plan;
use wireloom_fuzz::live::{
    Budget, Campaign, Connector, Counts, End, Event, Report, Target, TargetError, Trouble,
};
use wireloom_spec::Model;

use crate::call::Endpoint;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::source;
use crate::time::some_time;
use summary::Summary;

/// How long an answer may take unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a run takes unless told otherwise.
const TIME: Duration = Duration::from_secs(30);

/// Fuzz a running server: hold conversations at random with it, and report what its protocol does not allow.
///
/// Several clients send valid messages, messages that violate exactly one keyword, broken JSON, unknown types and messages
/// of the server; they cancel, lose their connections, resume, and walk through the protocol's states. Everything that
/// the server says is held against the protocol: schemas, replies, streams, errors, order, states, sessions. What is wrong
/// is made as small as it becomes, printed, and saved as a file that --replay runs again.
///
/// Use a server that may be broken: what is sent is valid, and does what it says.
///
/// Exits with 0 if nothing was found, 1 if something was (or, with --replay, was seen again), 2 if the command line makes
/// no sense or the server speaks another protocol, 3 without a connection. Ctrl-C, or SIGTERM, ends the run and shows what was
/// found: 130.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom fuzz ws://localhost:3001/ws
  wireloom fuzz ws://localhost:3001/ws --time 10m --clients 8 --junit fuzz.xml
  wireloom fuzz wss://staging.example.org/ws --spec chat.yaml --token \"$TOKEN\"
  wireloom fuzz ws://localhost:3001/ws --replay fuzz-findings/missing-reply.json")]
pub(crate) struct Args {
    /// The server's endpoint, for example ws://localhost:3001/ws or wss://example.org/ws.
    #[arg(value_parser = Endpoint::parse)]
    url: Endpoint,
    /// The protocol.
    #[arg(long, value_name = "FILE", default_value = source::DEFAULT)]
    spec: PathBuf,
    /// What conversations come from; a new one each time unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Time after which the run ends, for example 30s, 10m; 30s unless --cases is given.
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    time: Option<Duration>,
    /// Conversations after which the run ends.
    #[arg(long, value_name = "COUNT")]
    cases: Option<u64>,
    /// Different findings, each seen again, after which the run ends.
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    findings: u32,
    /// Most clients of a conversation.
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    clients: u16,
    /// Most steps of a conversation.
    #[arg(long, value_name = "COUNT", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=1000))]
    steps: u16,
    /// How long an answer may take; 5s unless given. What comes later has not come.
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    timeout: Option<Duration>,
    /// Longest time to make one finding smaller.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = some_time)]
    shrink: Duration,
    /// Payloads that lead somewhere on this server: JSON, an object of message types with lists of payloads.
    #[arg(long, value_name = "FILE")]
    samples: Option<PathBuf>,
    /// A type that is not sent, since it does harm, or never ends on purpose. May be given again.
    #[arg(long, value_name = "MESSAGE")]
    skip: Vec<String>,
    /// Bearer token for the Authorization header.
    #[arg(long, env = "WIRELOOM_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Subprotocol to offer; the protocol's own unless given.
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// Folder for findings, one file each.
    #[arg(long, value_name = "DIR", default_value = "fuzz-findings")]
    save: PathBuf,
    /// Write the results as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the results as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Hold the conversation of a finding again: exits with 1 if it is seen again, 0 if not.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "time", "cases", "junit", "json"])]
    replay: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let source = source::read(&args.spec)?;
    let Some(model) = source.checked.model.clone() else {
        source::report(&source, out);
        let message = format!("{} has errors", args.spec.display());
        return Err(Failure::new(Exit::Usage, message));
    };
    let model = Arc::new(model);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::new(Exit::Usage, format!("cannot start: {cause}")))?;
    let ended = match &args.replay {
        Some(file) => runtime.block_on(replay::run(args, file, &model, out)),
        None => runtime.block_on(fuzz(args, &model, out)),
    };
    out.waited();
    ended
}

async fn fuzz(args: &Args, model: &Arc<Model>, out: &mut Output) -> Result<Exit, Failure> {
    let timeout = args.timeout.unwrap_or(TIMEOUT);
    let budget = Budget {
        cases: args.cases,
        time: args.time.or_else(|| args.cases.is_none().then_some(TIME)),
        findings: usize::try_from(args.findings).unwrap_or(usize::MAX),
        shrink: args.shrink,
    };
    let plan = Plan {
        clients: usize::from(args.clients),
        steps: usize::from(args.steps),
        samples: samples(args, model)?,
        skip: skipped(args, model)?,
    };
    // Short, so that it can be typed again.
    let seed = args.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let target = target(args, model, timeout)?;
    let (time, cases) = (budget.time, budget.cases);
    let mut campaign = Campaign::new(Arc::clone(model), target, plan, budget, seed);
    out.waiting(&format!("connecting to {}", args.url));
    let looked = campaign.look().await;
    if !looked.map_err(|trouble| cannot_begin(args, &trouble))? {
        out.note(&format!(
            "the server's protocol is not quite that of {}: what is found may come from what differs",
            args.spec.display()
        ));
    }
    let began = Instant::now();
    let mut saved = Ok(());
    let end = {
        let mut tell = |event: Event<'_>| match event {
            Event::Held(counts) => {
                let message = said(counts);
                match (time, cases) {
                    (_, Some(cases)) => out.progress(counts.conversations, cases, &message),
                    (Some(time), None) => {
                        out.progress(milliseconds(began.elapsed()), milliseconds(time), &message);
                    }
                    (None, None) => out.waiting(&message),
                }
            }
            Event::Found(finding) => out.waiting(&format!("{}: making it small", finding.key)),
            Event::Report(report) => {
                if saved.is_ok() {
                    saved = show(args, report, model, timeout, out);
                }
            }
            Event::Waiting(trouble) => out.waiting(&describe(trouble)),
        };
        tokio::select! {
            end = campaign.run(&mut tell) => Some(end),
            () = wireloom::interrupted() => None,
        }
    };
    out.waited();
    saved?;
    let summary = Summary {
        url: args.url.to_string(),
        protocol: format!("{} {}", model.info.name, model.info.version),
        seed,
        elapsed: began.elapsed(),
        model,
        counts: &campaign.counts,
        reports: &campaign.reports,
    };
    out.result(summary.text().trim_end())?;
    if let Some(path) = &args.json {
        write(path, &summary.json())?;
    }
    if let Some(path) = &args.junit {
        let document = junit::document(&summary);
        let document =
            document.map_err(|cause| Failure::new(Exit::Usage, format!("no JUnit XML: {cause}")))?;
        write(path, &document)?;
    }
    match end {
        None => Ok(Exit::Interrupted),
        _ if !campaign.reports.is_empty() => Ok(Exit::Bad),
        Some(End::Spent) => Ok(Exit::Well),
        Some(End::Trouble(trouble)) => Err(Failure::new(
            Exit::NotConnected,
            format!("the run ended early: {}", describe(&trouble)),
        )),
    }
}

/// The server, as the command line names it.
fn target(args: &Args, model: &Model, timeout: Duration) -> Result<Target, Failure> {
    let own = model.info.subprotocol();
    let subprotocol = args.protocol.as_deref().unwrap_or(&own);
    let wrong = |error: TargetError| {
        let message = match error {
            TargetError::Token => "the value of --token cannot stand in a header".to_owned(),
            TargetError::Subprotocol => "the value of --protocol cannot stand in a header".to_owned(),
            other => other.to_string(),
        };
        Failure::new(Exit::Usage, message)
    };
    let mut target = Target::new(&args.url.to_string(), subprotocol, timeout).map_err(wrong)?;
    if let Some(token) = &args.token {
        target = target.token(token).map_err(wrong)?;
    }
    let connector = if args.url.tls {
        let config = wireloom_client::tls::config();
        Connector::Rustls(
            config.map_err(|cause| Failure::new(Exit::Usage, format!("cannot speak TLS: {cause}")))?,
        )
    } else {
        Connector::Plain
    };
    Ok(target.connector(connector))
}

/// The payloads of `--samples`, which must fit.
fn samples(args: &Args, model: &Model) -> Result<BTreeMap<String, Vec<Value>>, Failure> {
    let Some(path) = &args.samples else {
        return Ok(BTreeMap::new());
    };
    let wrong = |why: String| Failure::new(Exit::Usage, format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|cause| source::unreadable(path, &cause))?;
    let samples: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text).map_err(|cause| {
        wrong(cause.to_string()).help("an object of message types with lists of payloads is wanted")
    })?;
    let fuzzer = Fuzzer::from_model(model);
    for (name, payloads) in &samples {
        if !model.message(name).is_some_and(|message| message.from.client()) {
            return Err(wrong(format!("{name} is not a message that clients send")));
        }
        if let Some(at) = payloads.iter().position(|payload| !fuzzer.accepts(name, payload)) {
            return Err(wrong(format!(
                "payload {} of {name} does not fit its schema",
                at + 1
            )));
        }
    }
    Ok(samples)
}

/// The types of `--skip`, which must be known.
fn skipped(args: &Args, model: &Model) -> Result<BTreeSet<String>, Failure> {
    match args.skip.iter().find(|name| model.message(name).is_none()) {
        Some(unknown) => {
            let message = format!("--skip {unknown}: the protocol has no such message");
            Err(Failure::new(Exit::Usage, message))
        }
        None => Ok(args.skip.iter().cloned().collect()),
    }
}

/// Saves a finding, and prints it.
fn show(
    args: &Args,
    report: &Report,
    model: &Model,
    timeout: Duration,
    out: &mut Output,
) -> Result<(), Failure> {
    let file = replay::save(&args.save, report, model, timeout)?;
    let again = shell::replay(&args.url.to_string(), &args.spec, &file, args.token.is_some());
    out.result(&report::text(
        report,
        &args.url.to_string(),
        args.token.is_some(),
        &again,
    ))
}

fn said(counts: &Counts) -> String {
    let counted = |count: u64, what| source::counted(usize::try_from(count).unwrap_or(usize::MAX), what);
    format!(
        "{}, {}",
        counted(counts.conversations, "conversation"),
        counted(counts.frames(), "frame")
    )
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|cause| {
        let message = format!("cannot write {}: {cause}", path.display());
        Failure::new(Exit::Usage, message)
    })
}

/// Why there is nothing to fuzz.
fn cannot_begin(args: &Args, trouble: &Trouble) -> Failure {
    match trouble {
        Trouble::Gone(why) => Failure::new(
            Exit::NotConnected,
            format!("cannot connect to {}: {why}", args.url),
        ),
        Trouble::OtherProtocol(_) => {
            Failure::new(Exit::Usage, describe(trouble)).help("--spec names the file of another protocol")
        }
        Trouble::Refused(4406) => {
            let message = "the server speaks another protocol, or another version of it (4406)";
            Failure::new(Exit::Usage, message)
                .help("--spec names the file of another protocol, and --protocol another subprotocol")
        }
        Trouble::Refused(status) if is_http(*status) => {
            let failure = Failure::new(Exit::NotConnected, describe(trouble));
            Failure {
                help: args.url.help(*status),
                ..failure
            }
        }
        Trouble::Silent | Trouble::Refused(_) => Failure::new(Exit::NotConnected, describe(trouble))
            .help("give a valid --token, if it asks for one"),
        Trouble::Busy(_) => Failure::new(Exit::NotConnected, describe(trouble)).help("try again in a while"),
    }
}

fn describe(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Gone(why) => format!("nobody listens any more: {why}"),
        Trouble::Silent => "the server takes connections, and sends no connection:established".to_owned(),
        Trouble::Busy(code) => format!("the server asks to come back later ({code})"),
        Trouble::Refused(status) if is_http(*status) => {
            format!("the server answered HTTP {status} instead of opening a WebSocket")
        }
        Trouble::Refused(code) => format!("the server does not let clients in ({code})"),
        Trouble::OtherProtocol(other) => format!("the server speaks another protocol, {other}"),
    }
}

/// Whether it is a status of HTTP: close codes begin above them.
fn is_http(code: u16) -> bool {
    code < 1000
}
