//! What can go wrong with a session, and with the settings. Texts are for the peer or the operator; causes go to the log.

use std::io;
use std::path::PathBuf;

/// Why the service refused a call. The texts are fit for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// The client has no session.
    #[error("no agent session is running for this client")]
    SessionNotFound,
    /// The session has not finished its last answer.
    #[error("the agent is still answering the last message")]
    SessionBusy,
    /// The project path is missing, no directory, or outside of the configured roots: which of these is not said.
    #[error("the project path does not exist or is not allowed")]
    ProjectNotFound,
    /// The server runs as many sessions as it may.
    #[error("the server runs as many agent sessions as it may")]
    TooManySessions,
    /// The backend could not be started, or the server is shutting down.
    #[error("the agent could not be started")]
    AgentFailed,
}

/// Why the settings cannot be used. For the operator, at start.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A project root is missing or cannot be read.
    #[error("project root {path:?}: {source}")]
    Root {
        /// The root as configured.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A project root is no directory.
    #[error("project root {0:?} is not a directory")]
    RootNotDirectory(PathBuf),
    /// The command backend has no program to run.
    #[error("the command backend needs a program to run")]
    NoProgram,
    /// The path of the program cannot be made absolute.
    #[error("program {path:?}: {source}")]
    Program {
        /// The program as configured.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The delimiter cannot stand on a line.
    #[error("the delimiter must be one line that is not empty")]
    Delimiter,
}
