//! Settings as plain data. Flags and environment variables are read elsewhere.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be set about agent sessions.
#[derive(Debug, Clone, Default)]
pub struct AgentSettings {
    /// What answers.
    pub backend: BackendSettings,
    /// Directories in which projects may lie, each with all that is below it. With none, the `echo` backend takes a
    /// project path as a mere label, since it touches no file; the `command` backend allows the current directory.
    pub roots: Vec<PathBuf>,
    /// Bounds of sessions and answers.
    pub limits: AgentLimits,
}

/// Bounds of sessions and answers.
#[derive(Debug, Clone)]
pub struct AgentLimits {
    /// Sessions of the whole server.
    pub sessions: usize,
    /// Longest time that an answer may take; it fails then, and what runs is ended.
    pub answer_timeout: Duration,
    /// Pieces of an answer that may wait for their reader before the agent is held up.
    pub waiting_chunks: NonZeroUsize,
}

impl Default for AgentLimits {
    fn default() -> Self {
        Self {
            sessions: 1024,
            answer_timeout: Duration::from_secs(600),
            waiting_chunks: NonZeroUsize::MIN.saturating_add(15),
        }
    }
}

/// What answers a session's messages.
#[derive(Debug, Clone)]
pub enum BackendSettings {
    /// Gives the prompt back.
    Echo(EchoSettings),
    /// Runs a program.
    Command(CommandSettings),
}

impl Default for BackendSettings {
    fn default() -> Self {
        Self::Echo(EchoSettings::default())
    }
}

/// How the `echo` backend cuts its answers.
#[derive(Debug, Clone)]
pub struct EchoSettings {
    /// Characters (Unicode scalar values) a piece; the last one may be shorter.
    pub chunk_chars: NonZeroUsize,
    /// Pause before each piece.
    pub delay: Duration,
}

impl Default for EchoSettings {
    fn default() -> Self {
        Self {
            chunk_chars: NonZeroUsize::MIN.saturating_add(31),
            delay: Duration::from_millis(10),
        }
    }
}

/// What the `command` backend runs, and how.
#[derive(Debug, Clone)]
pub struct CommandSettings {
    /// The program: a name that is looked up in `PATH`, or a path, which is taken from the server's directory if relative.
    pub program: PathBuf,
    /// Its arguments, given as they are: no shell is involved.
    pub args: Vec<String>,
    /// How long a process lives, and where an answer ends.
    pub mode: CommandMode,
    /// Variables of the server's environment that the program gets, if they are set. It gets no others.
    pub inherit_env: Vec<String>,
    /// Variables that are set for the program, over those inherited.
    pub env: BTreeMap<String, String>,
    /// Time between the request to end (SIGTERM) and the end by force (SIGKILL).
    pub grace: Duration,
}

impl Default for CommandSettings {
    fn default() -> Self {
        let inherited = [
            "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
        ];
        Self {
            program: PathBuf::new(),
            args: Vec::new(),
            mode: CommandMode::PerMessage,
            inherit_env: inherited.map(String::from).to_vec(),
            env: BTreeMap::new(),
            grace: Duration::from_secs(2),
        }
    }
}

/// How long a process of the `command` backend lives; see the [module](super::command).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandMode {
    /// A process a message: its answer ends when the process does.
    PerMessage,
    /// A process a session: an answer ends at a line of its own.
    PerSession {
        /// That line, without its line break.
        delimiter: String,
    },
}
