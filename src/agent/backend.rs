//! The seam between sessions and what answers them.

use std::fmt;
use std::future::{self, Future};
use std::pin::Pin;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::project::Project;
use super::session::{AgentEvent, SessionStatus, Shared};

/// A future on the heap, so that backends can be chosen at run time.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that can hold conversations.
pub trait Backend: Send + Sync + 'static {
    /// Begins a conversation in a project. `session` names it in the log.
    fn open<'a>(
        &'a self,
        session: &'a str,
        project: &'a Project,
    ) -> BoxFuture<'a, Result<Box<dyn Conversation>, Failure>>;
}

/// One session's conversation. Its calls never overlap.
pub trait Conversation: Send {
    /// Answers a prompt, piece by piece.
    ///
    /// The future is dropped when the answer is no longer wanted. [`stop`](Self::stop) follows then, and after a failure.
    fn answer<'a>(&'a mut self, prompt: &'a str, out: &'a Output<'a>) -> BoxFuture<'a, Result<(), Failure>>;

    /// Ends whatever runs for this conversation and returns when it is gone. The conversation may go on with another
    /// prompt. Dropping the conversation ends what runs as well, without a wait.
    fn stop(&mut self) -> BoxFuture<'_, ()>;
}

/// Why there is no answer, or only a part of one: a text fit for the peer. The cause goes to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Where the pieces of an answer go.
pub struct Output<'a> {
    pub(super) events: &'a mpsc::Sender<AgentEvent>,
    pub(super) shared: &'a Shared,
}

impl Output<'_> {
    /// Hands on a piece; waits while the reader is behind. An empty piece is left out.
    pub async fn chunk(&self, text: String) {
        if text.is_empty() {
            return;
        }
        if self.shared.enter(SessionStatus::Streaming) {
            self.send(AgentEvent::Status(SessionStatus::Streaming)).await;
        }
        self.shared.chunks.fetch_add(1, Ordering::Relaxed);
        self.shared.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        self.send(AgentEvent::Chunk(text)).await;
    }

    async fn send(&self, event: AgentEvent) {
        if self.events.send(event).await.is_err() {
            // The reader is gone. The session sees it, too, and is about to drop the answer.
            future::pending::<()>().await;
        }
    }
}
