//! Every setting of the server: a flag, or an environment variable.

use std::ffi::OsString;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, ValueEnum};

use wireloom::{Durability, Store, StoreError};

use crate::access::AccessArgs;
use crate::agent::{AgentLimits, AgentSettings, BackendSettings, CommandMode, CommandSettings, EchoSettings};
use crate::logging::LogFormat;

/// The agent server: the protocol of protocol.yaml, served and validated by Wireloom.
#[derive(Debug, Clone, Parser)]
#[command(version, about)]
pub struct Cli {
    /// Address to listen on. Anything but loopback needs authentication, or --allow-anonymous.
    #[arg(long, env = "HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, env = "PORT", default_value_t = 3001)]
    pub port: u16,
    /// Whether to serve the explorer, a page at /explorer that shows the protocol and lets people try it. On loopback
    /// it is served unless told otherwise.
    #[arg(long, env = "EXPLORER", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub explorer: Option<bool>,
    /// What is logged, for example `info`, `warn` or `info,wireloom=debug` (spans of every message).
    #[arg(long, env = "LOG", default_value = "info,wireloom::message=debug")]
    pub log: String,
    /// How log lines look.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Threads that serve connections; 0 takes one a core.
    #[arg(long, env = "THREADS", default_value_t = 0)]
    pub threads: usize,
    /// Seconds that requests in flight may take after a SIGTERM.
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 10)]
    pub drain_seconds: u64,
    /// The agents.
    #[command(flatten)]
    pub agent: AgentArgs,
    /// Who gets in.
    #[command(flatten)]
    pub access: AccessArgs,
    /// The connections.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Sessions that outlive their connections.
    #[command(flatten)]
    pub resume: ResumeArgs,
}

impl Cli {
    /// The settings of a command line, its program first, and of the environment. An empty variable is as good as none.
    ///
    /// # Errors
    ///
    /// If a flag or variable is not known or its value is not one of its kind; also for `--help` and `--version`.
    pub fn read(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command().mut_args(without_empty_variable);
        let matches = command.try_get_matches_from_mut(line)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

fn without_empty_variable(arg: Arg) -> Arg {
    let value = arg.get_env().and_then(std::env::var_os);
    if value.is_some_and(|value| value.is_empty()) {
        arg.env(None)
    } else {
        arg
    }
}

/// Which backend answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackendName {
    /// Gives the prompt back in pieces; needs nothing installed.
    Echo,
    /// Runs a program in the project's directory.
    Command,
}

/// Settings of the agents.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Agents")]
pub struct AgentArgs {
    /// What answers. Unless told otherwise, it is `command` where --command says which program, and `echo` else.
    #[arg(long, env = "BACKEND", value_enum)]
    pub backend: Option<BackendName>,
    /// Directory that project paths must lie in; may be given again. Without one, echo takes any path as a mere name
    /// and command takes the current directory.
    #[arg(long = "project-root", env = "PROJECT_ROOTS", value_delimiter = ':')]
    pub project_roots: Vec<PathBuf>,
    /// Most sessions at a time.
    #[arg(long, env = "MAX_SESSIONS", default_value = "1024")]
    pub max_sessions: NonZeroUsize,
    /// Longest time for one answer, in seconds.
    #[arg(long, env = "ANSWER_TIMEOUT_SECONDS", default_value_t = 600)]
    pub answer_timeout_seconds: u64,
    /// echo: characters in a chunk.
    #[arg(long, env = "ECHO_CHUNK_CHARS", default_value = "16")]
    pub echo_chunk_chars: NonZeroUsize,
    /// echo: milliseconds between two chunks.
    #[arg(long, env = "ECHO_DELAY_MS", default_value_t = 20)]
    pub echo_delay_ms: u64,
    /// command: the program.
    #[arg(long, env = "AGENT_COMMAND", required_if_eq("backend", "command"))]
    pub command: Option<PathBuf>,
    /// command: an argument of the program; may be given again.
    #[arg(
        long = "command-arg",
        env = "AGENT_ARGS",
        value_delimiter = ' ',
        allow_hyphen_values = true
    )]
    pub command_args: Vec<String>,
    /// command: one long-lived process a session, whose answers end at a line equal to this. Without it, one process
    /// a message, whose answer ends with the process.
    #[arg(long, env = "AGENT_DELIMITER")]
    pub command_delimiter: Option<String>,
    /// command: environment variable that the program inherits, beside PATH, HOME and their like; may be given again.
    #[arg(
        long = "command-inherit-env",
        env = "AGENT_INHERIT_ENV",
        value_delimiter = ','
    )]
    pub command_inherit_env: Vec<String>,
    /// command: environment variable of the program, as NAME=VALUE; may be given again.
    #[arg(long = "command-env", env = "AGENT_ENV", value_delimiter = ',', value_parser = name_and_value)]
    pub command_env: Vec<(String, String)>,
    /// command: milliseconds between SIGTERM and SIGKILL.
    #[arg(long, env = "AGENT_GRACE_MS", default_value_t = 2000)]
    pub command_grace_ms: u64,
}

/// Settings of the connections; what is not given is as the protocol says.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connections")]
pub struct ConnectionArgs {
    /// Seconds between two pings.
    #[arg(long, env = "HEARTBEAT_SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub heartbeat_seconds: Option<u64>,
    /// Seconds of silence beyond an interval before a client is dropped.
    #[arg(long, env = "HEARTBEAT_TIMEOUT_SECONDS")]
    pub heartbeat_timeout_seconds: Option<u64>,
    /// Largest message of a client, in bytes.
    #[arg(long, env = "MESSAGE_BYTES", value_parser = clap::value_parser!(u32).range(64..=268_435_456))]
    pub message_bytes: Option<u32>,
    /// Messages a second that a client may send in the long run; 0 is no limit.
    #[arg(long, env = "RATE", value_parser = rate)]
    pub rate: Option<f64>,
    /// Messages that a client may send at once.
    #[arg(long, env = "BURST", value_parser = clap::value_parser!(u32).range(1..))]
    pub burst: Option<u32>,
    /// Requests of a client in flight together.
    #[arg(long, env = "IN_FLIGHT", value_parser = clap::value_parser!(u16).range(1..))]
    pub in_flight: Option<u16>,
    /// Bytes that may wait to be written to a client.
    #[arg(long, env = "OUTBOX_BYTES", value_parser = clap::value_parser!(u32).range(1024..))]
    pub outbox_bytes: Option<u32>,
    /// Most connections.
    #[arg(long, env = "MAX_CONNECTIONS")]
    pub max_connections: Option<NonZeroUsize>,
    /// Origin that pages may connect from, beside the server's own host and localhost; `*` is all. May be given again.
    #[arg(long = "origin", env = "ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub origins: Vec<String>,
}

/// Settings of sessions that outlive their connections; what is not given is as the protocol says.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sessions")]
pub struct ResumeArgs {
    /// Seconds that a session waits for its client; 0 turns sessions off.
    #[arg(long, env = "RESUME_SECONDS", value_parser = clap::value_parser!(u64).range(..=2_592_000))]
    pub resume_seconds: Option<u64>,
    /// Messages that a session keeps for its client; 0 turns sessions off.
    #[arg(long, env = "RESUME_MESSAGES")]
    pub resume_messages: Option<usize>,
    /// Bytes that a session keeps for its client.
    #[arg(long, env = "RESUME_BYTES")]
    pub resume_bytes: Option<usize>,
    /// Most sessions that wait together; the longest gone end first.
    #[arg(long, env = "PARKED_SESSIONS")]
    pub parked_sessions: Option<usize>,
    /// Most bytes that these keep together; the longest gone end first.
    #[arg(long, env = "PARKED_BYTES")]
    pub parked_bytes: Option<usize>,
    /// Directory in which sessions outlive the server's process. Without one, they end with it.
    #[arg(long, env = "STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// What sessions outlive, with --state-dir.
    #[arg(long, env = "DURABILITY", value_enum, default_value_t, requires = "state_dir")]
    pub durability: DurabilityName,
}

/// What sessions outlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DurabilityName {
    /// The process, however it ends. If the machine fails, the last second may be lost.
    #[default]
    Process,
    /// The machine: everything waits until it is on the disk.
    Machine,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What browsers send as `Origin` (RFC 6454): scheme, host, and port where it is not the scheme's own.
fn origin(text: &str) -> Result<String, String> {
    let sent = |uri: axum::http::Uri| {
        let authority = uri.authority()?.as_str();
        let scheme = uri.scheme_str()?;
        (text == format!("{scheme}://{authority}") && !authority.contains('@')).then_some(())
    };
    if text == "*" || text == "null" || text.parse().ok().and_then(sent).is_some() {
        Ok(text.to_owned())
    } else {
        Err("expected an origin, like https://app.example.com, or * for all".to_owned())
    }
}

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(rate),
        _ => Err("expected messages a second, or 0 for no limit".to_owned()),
    }
}

impl AgentArgs {
    /// What the agents are made of.
    #[must_use]
    pub fn settings(&self) -> AgentSettings {
        let backend = match (self.backend, &self.command) {
            (Some(BackendName::Command) | None, Some(program)) => {
                let mut command = CommandSettings {
                    program: program.clone(),
                    ..CommandSettings::default()
                };
                command.args.clone_from(&self.command_args);
                if let Some(delimiter) = &self.command_delimiter {
                    command.mode = CommandMode::PerSession {
                        delimiter: delimiter.clone(),
                    };
                }
                command
                    .inherit_env
                    .extend(self.command_inherit_env.iter().cloned());
                command.env.extend(self.command_env.iter().cloned());
                command.grace = Duration::from_millis(self.command_grace_ms);
                BackendSettings::Command(command)
            }
            _ => BackendSettings::Echo(EchoSettings {
                chunk_chars: self.echo_chunk_chars,
                delay: Duration::from_millis(self.echo_delay_ms),
            }),
        };
        AgentSettings {
            backend,
            roots: self.project_roots.clone(),
            limits: AgentLimits {
                sessions: self.max_sessions.get(),
                answer_timeout: Duration::from_secs(self.answer_timeout_seconds),
                ..AgentLimits::default()
            },
        }
    }
}

impl ConnectionArgs {
    /// Changes what was given.
    pub fn apply(&self, settings: &mut wireloom::Settings) {
        if let Some(seconds) = self.heartbeat_seconds {
            settings.heartbeat_interval = Duration::from_secs(seconds);
        }
        if let Some(seconds) = self.heartbeat_timeout_seconds {
            settings.heartbeat_timeout = Duration::from_secs(seconds);
        }
        if let Some(bytes) = self.message_bytes.and_then(|bytes| usize::try_from(bytes).ok()) {
            settings.message_bytes = bytes;
        }
        if let Some(rate) = self.rate {
            settings.rate = (rate > 0.0).then_some(rate);
        }
        if let Some(burst) = self.burst {
            settings.burst = burst;
        }
        if let Some(in_flight) = self.in_flight {
            settings.in_flight = usize::from(in_flight);
        }
        if let Some(bytes) = self.outbox_bytes.and_then(|bytes| usize::try_from(bytes).ok()) {
            settings.outbox_bytes = bytes;
        }
        if let Some(connections) = self.max_connections {
            settings.connections = connections.get();
        }
        settings.origins.clone_from(&self.origins);
    }
}

impl ResumeArgs {
    /// Changes what was given.
    pub fn apply(&self, settings: &mut wireloom::Settings) {
        if let Some(seconds) = self.resume_seconds {
            settings.resume_window = Duration::from_secs(seconds);
        }
        if let Some(messages) = self.resume_messages {
            settings.resume_messages = messages;
        }
        if let Some(bytes) = self.resume_bytes {
            settings.resume_bytes = bytes;
        }
        if let Some(sessions) = self.parked_sessions {
            settings.parked_sessions = sessions;
        }
        if let Some(bytes) = self.parked_bytes {
            settings.parked_bytes = bytes;
        }
    }

    /// Opens the store of the directory, if one is given.
    ///
    /// # Errors
    ///
    /// If the directory cannot be used, or another process uses it.
    pub fn store(&self) -> Result<Option<Store>, StoreError> {
        let durability = match self.durability {
            DurabilityName::Process => Durability::Process,
            DurabilityName::Machine => Durability::Machine,
        };
        let open = |directory| Store::open(directory, durability);
        self.state_dir.as_ref().map(open).transpose()
    }
}
