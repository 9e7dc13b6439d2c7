//! Agent sessions: one a client, answered by a backend. Knows nothing of the wire protocol, so that handlers stay thin.
//!
//! [`AgentService`] keeps the sessions and their rules; a [`Backend`] answers. Two come with the server:
//!
//! - `echo` gives the prompt back in pieces. It needs nothing installed and touches no file.
//! - `command` runs a program in the session's project directory; see [`command`] for its two modes.
//!
//! The rules, whatever the backend:
//!
//! - A client has at most one session, which has the client's id. Starting again replaces the session; what the old one
//!   ran is ended first. A start whose project path is refused leaves the old session as it is.
//! - A session answers one message at a time; another one meanwhile is refused with [`AgentError::SessionBusy`].
//! - [`AgentService::cancel`] and [`AgentService::end`] return when whatever ran is gone. Dropping an [`Answer`] or the
//!   service has the same effect, in the background.
//! - An answer is read at the speed of its reader: a slow client slows its agent down and costs no memory.

mod backend;
pub mod command;
mod echo;
mod error;
mod project;
mod service;
mod session;
mod settings;

pub use backend::{Backend, BoxFuture, Conversation, Failure, Output};
pub use command::CommandBackend;
pub use echo::EchoBackend;
pub use error::{AgentError, SettingsError};
pub use project::{Project, ProjectRoots, Projects};
pub use service::AgentService;
pub use session::{AgentEvent, Answer, SessionInfo, SessionStatus};
pub use settings::{AgentLimits, AgentSettings, BackendSettings, CommandMode, CommandSettings, EchoSettings};
