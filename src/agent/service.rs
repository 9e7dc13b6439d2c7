//! The sessions of all clients.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, TryAcquireError};

use super::backend::Backend;
use super::command::CommandBackend;
use super::echo::EchoBackend;
use super::error::{AgentError, SettingsError};
use super::project::{ProjectRoots, Projects};
use super::session::{Answer, Session, SessionInfo};
use super::settings::{AgentLimits, AgentSettings, BackendSettings};

/// Agent sessions, one a client. Cheap to clone; all clones are the same service. Calls need a Tokio runtime.
///
/// When the last clone is dropped every session is ended in the background; [`shutdown`](Self::shutdown) waits for it.
#[derive(Clone)]
pub struct AgentService {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Arc<dyn Backend>,
    projects: Projects,
    limits: AgentLimits,
    permits: Arc<Semaphore>,
    // Sorted, so that listings are.
    sessions: Mutex<BTreeMap<String, Arc<Session>>>,
}

impl AgentService {
    /// A service as the settings describe it.
    ///
    /// # Errors
    ///
    /// When a root is no directory, or the command cannot be run as described.
    pub fn new(settings: AgentSettings) -> Result<Self, SettingsError> {
        let AgentSettings {
            backend,
            roots,
            limits,
        } = settings;
        let (backend, projects): (Arc<dyn Backend>, _) = match backend {
            BackendSettings::Echo(echo) if roots.is_empty() => {
                (Arc::new(EchoBackend::new(echo)), Projects::Labels)
            }
            BackendSettings::Echo(echo) => (
                Arc::new(EchoBackend::new(echo)),
                Projects::Roots(ProjectRoots::new(&roots)?),
            ),
            BackendSettings::Command(command) => (
                Arc::new(CommandBackend::new(command)?),
                Projects::Roots(ProjectRoots::new(&roots)?),
            ),
        };
        Ok(Self::with_backend(backend, projects, limits))
    }

    /// A service over a backend of one's own.
    #[must_use]
    pub fn with_backend(backend: Arc<dyn Backend>, projects: Projects, limits: AgentLimits) -> Self {
        let permits = Arc::new(Semaphore::new(limits.sessions.min(Semaphore::MAX_PERMITS)));
        Self {
            inner: Arc::new(Inner {
                backend,
                projects,
                limits,
                permits,
                sessions: Mutex::default(),
            }),
        }
    }

    /// Starts a session for a client. A session that it has already is ended first, once the path is accepted.
    ///
    /// A client's [`end`](Self::end) must not run while one of its starts does, or the session outlives the client.
    ///
    /// # Errors
    ///
    /// [`AgentError::ProjectNotFound`], [`AgentError::TooManySessions`] or [`AgentError::AgentFailed`].
    pub async fn start(&self, client: &str, project_path: &str) -> Result<SessionInfo, AgentError> {
        let project = self.inner.projects.resolve(project_path).await?;
        self.end(client).await;
        let permit = Arc::clone(&self.inner.permits)
            .try_acquire_owned()
            .map_err(|error| match error {
                TryAcquireError::NoPermits => AgentError::TooManySessions,
                TryAcquireError::Closed => AgentError::AgentFailed,
            })?;
        let conversation = self
            .inner
            .backend
            .open(client, &project)
            .await
            .map_err(|failure| {
                tracing::warn!(session = client, %failure, "agent session not started");
                AgentError::AgentFailed
            })?;
        tracing::info!(session = client, project = project.label, "agent session started");
        let session = Session::spawn(client, project, conversation, &self.inner.limits, permit);
        let info = session.info();
        let replaced = {
            let mut sessions = self.sessions_mut();
            // Checked under the lock, so that a shutdown either sees this session or is seen here.
            if self.inner.permits.is_closed() {
                Some(session)
            } else {
                sessions.insert(client.to_owned(), session)
            }
        };
        if let Some(replaced) = replaced {
            replaced.end().await;
        }
        if self.inner.permits.is_closed() {
            Err(AgentError::AgentFailed)
        } else {
            Ok(info)
        }
    }

    /// Gives a message to the client's session.
    ///
    /// # Errors
    ///
    /// [`AgentError::SessionNotFound`], or [`AgentError::SessionBusy`] while the last answer is not finished.
    pub fn message(&self, client: &str, content: impl Into<String>) -> Result<Answer, AgentError> {
        self.session(client)?.message(content.into())
    }

    /// Cancels the answer that the client's session is giving, and returns when what ran for it is gone. The session
    /// lives on. It is no error if nothing was to be cancelled.
    ///
    /// # Errors
    ///
    /// [`AgentError::SessionNotFound`].
    pub async fn cancel(&self, client: &str) -> Result<SessionInfo, AgentError> {
        let session = self.session(client)?;
        session.cancel().await;
        Ok(session.info())
    }

    /// Ends the client's session and returns when what it ran is gone; says whether it had one. To be called at the latest
    /// when a client is gone for good. The session ends even if the future is dropped.
    pub async fn end(&self, client: &str) -> bool {
        let session = self.sessions_mut().remove(client);
        let Some(session) = session else { return false };
        session.end().await;
        tracing::info!(session = client, "agent session ended");
        true
    }

    /// Ends all sessions, refuses new ones, and returns when all that ran is gone.
    pub async fn shutdown(&self) {
        let sessions = {
            let mut sessions = self.sessions_mut();
            self.inner.permits.close();
            std::mem::take(&mut *sessions)
        };
        for session in sessions.values() {
            session.request_end();
        }
        for session in sessions.values() {
            session.end().await;
        }
    }

    /// The client's session.
    #[must_use]
    pub fn get(&self, client: &str) -> Option<SessionInfo> {
        self.session(client).ok().map(|session| session.info())
    }

    /// All sessions, sorted by id.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.sessions_mut()
            .values()
            .map(|session| session.info())
            .collect()
    }

    fn session(&self, client: &str) -> Result<Arc<Session>, AgentError> {
        self.sessions_mut()
            .get(client)
            .cloned()
            .ok_or(AgentError::SessionNotFound)
    }

    fn sessions_mut(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Session>>> {
        // Nothing is left half-done under this lock.
        self.inner.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
