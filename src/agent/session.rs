//! One session: a task that owns the conversation and answers one prompt after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::backend::{Conversation, Output};
use super::error::AgentError;
use super::project::Project;
use super::settings::AgentLimits;

/// What a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionStatus {
    /// It waits for a message.
    Idle,
    /// It has a message and no part of an answer yet.
    Thinking,
    /// Its answer has begun.
    Streaming,
    /// Its last answer failed; it waits for a message all the same.
    Error,
}

/// What an [`Answer`] consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentEvent {
    /// The session's status changed.
    Status(SessionStatus),
    /// A piece of the answer, never empty.
    Chunk(String),
    /// The answer is complete. The last event.
    Completed,
    /// There is no answer, or only the part that came; the text is fit for the peer. The last event.
    Failed(String),
    /// The answer was cancelled, or its session ended. The last event.
    Cancelled,
}

/// A session as listings show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// The session's id, which is its client's.
    pub id: String,
    /// Its project directory.
    pub project_path: String,
    /// What it does.
    pub status: SessionStatus,
    /// When it was started, in milliseconds since the epoch.
    pub since: u64,
    /// Messages that it has taken.
    pub messages: u64,
    /// Pieces of answers that it has given.
    pub chunks: u64,
    /// Bytes of those pieces.
    pub bytes: u64,
}

/// The answer to one message: statuses and pieces as they come, and one last event that says how it ended.
///
/// Dropping it cancels the answer.
#[derive(Debug)]
pub struct Answer {
    events: mpsc::Receiver<AgentEvent>,
    end: Option<oneshot::Receiver<End>>,
    last: Option<AgentEvent>,
}

impl Answer {
    /// The next event; `None` after the last one. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<AgentEvent> {
        if let Some(event) = self.events.recv().await {
            return Some(event);
        }
        let Some(mut end) = self.end.take() else {
            return self.last.take();
        };
        // The session says how an answer ended before it lets go of it; it says nothing if it is aborted.
        let end = end.try_recv().unwrap_or(End::Cancelled);
        let status = end.status();
        self.last = Some(end.into_event());
        Some(AgentEvent::Status(status))
    }
}

/// How an answer ended. Apart from the other events, so that it never waits for room among them.
#[derive(Debug)]
enum End {
    Completed,
    Failed(String),
    Cancelled,
}

impl End {
    fn status(&self) -> SessionStatus {
        match self {
            Self::Completed | Self::Cancelled => SessionStatus::Idle,
            Self::Failed(_) => SessionStatus::Error,
        }
    }

    fn into_event(self) -> AgentEvent {
        match self {
            Self::Completed => AgentEvent::Completed,
            Self::Failed(message) => AgentEvent::Failed(message),
            Self::Cancelled => AgentEvent::Cancelled,
        }
    }
}

/// What the session's task and its callers both see.
pub(super) struct Shared {
    id: String,
    project: Project,
    since: u64,
    state: watch::Sender<State>,
    pub(super) chunks: AtomicU64,
    pub(super) bytes: AtomicU64,
}

struct State {
    status: SessionStatus,
    /// Number of messages taken: names the running one.
    messages: u64,
    /// Cancels the running answer.
    running: Option<CancellationToken>,
}

impl Shared {
    /// Changes the status; says whether it was another.
    pub(super) fn enter(&self, status: SessionStatus) -> bool {
        self.state
            .send_if_modified(|state| std::mem::replace(&mut state.status, status) != status)
    }
}

/// A prompt on its way to the session's task.
struct Turn {
    prompt: String,
    cancel: CancellationToken,
    events: mpsc::Sender<AgentEvent>,
    end: oneshot::Sender<End>,
}

/// The callers' side of a session.
pub(super) struct Session {
    shared: Arc<Shared>,
    turns: mpsc::Sender<Turn>,
    /// Ends the session, also when the last caller lets go of it.
    stop: DropGuard,
    waiting_chunks: usize,
}

impl Session {
    /// Starts the session's task. The permit is given back when everything of the session is gone.
    pub(super) fn spawn(
        id: &str,
        project: Project,
        conversation: Box<dyn Conversation>,
        limits: &AgentLimits,
        permit: OwnedSemaphorePermit,
    ) -> Arc<Self> {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let shared = Arc::new(Shared {
            id: id.to_owned(),
            project,
            since: u64::try_from(since).unwrap_or(u64::MAX),
            state: watch::Sender::new(State {
                status: SessionStatus::Idle,
                messages: 0,
                running: None,
            }),
            chunks: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        });
        // One is enough: a session takes one message at a time.
        let (turns, inbox) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let task = Task {
            shared: Arc::clone(&shared),
            conversation,
            stop: stop.clone(),
            limits: limits.clone(),
        };
        tokio::spawn(task.run(inbox, permit));
        Arc::new(Self {
            shared,
            turns,
            stop: stop.drop_guard(),
            waiting_chunks: limits.waiting_chunks.get(),
        })
    }

    pub(super) fn info(&self) -> SessionInfo {
        let state = self.shared.state.borrow();
        SessionInfo {
            id: self.shared.id.clone(),
            project_path: self.shared.project.label.clone(),
            status: state.status,
            since: self.shared.since,
            messages: state.messages,
            chunks: self.shared.chunks.load(Ordering::Relaxed),
            bytes: self.shared.bytes.load(Ordering::Relaxed),
        }
    }

    /// Gives the session a message.
    pub(super) fn message(&self, prompt: String) -> Result<Answer, AgentError> {
        if self.turns.is_closed() {
            return Err(AgentError::SessionNotFound);
        }
        let cancel = CancellationToken::new();
        let taken = self.shared.state.send_if_modified(|state| {
            let free = state.running.is_none();
            if free {
                state.running = Some(cancel.clone());
                state.messages += 1;
                state.status = SessionStatus::Thinking;
            }
            free
        });
        if !taken {
            return Err(AgentError::SessionBusy);
        }
        let (events, receiver) = mpsc::channel(self.waiting_chunks);
        let (end, ended) = oneshot::channel();
        let turn = Turn {
            prompt,
            cancel,
            events,
            end,
        };
        self.turns
            .try_send(turn)
            .map_err(|_| AgentError::SessionNotFound)?;
        Ok(Answer {
            events: receiver,
            end: Some(ended),
            last: None,
        })
    }

    /// Cancels the running answer, if there is one, and waits until what ran for it is gone.
    pub(super) async fn cancel(&self) {
        let mut states = self.shared.state.subscribe();
        let (running, number) = {
            let state = states.borrow();
            (state.running.clone(), state.messages)
        };
        let Some(running) = running else { return };
        running.cancel();
        tokio::select! {
            // The sender lives in `shared`, which is ours: it cannot be closed.
            _ = states.wait_for(|state| state.running.is_none() || state.messages != number) => {}
            () = self.turns.closed() => {}
        }
    }

    /// Ends the session and waits until what it ran is gone.
    pub(super) async fn end(&self) {
        self.request_end();
        self.turns.closed().await;
    }

    /// Asks the session to end, without a wait.
    pub(super) fn request_end(&self) {
        self.stop.token().cancel();
    }
}

/// The session's own side.
struct Task {
    shared: Arc<Shared>,
    conversation: Box<dyn Conversation>,
    stop: CancellationToken,
    limits: AgentLimits,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::Receiver<Turn>, permit: OwnedSemaphorePermit) {
        while let Some(Some(turn)) = self.stop.run_until_cancelled(inbox.recv()).await {
            let end = self.answer(&turn).await;
            if !matches!(end, End::Completed) {
                self.conversation.stop().await;
            }
            // In this order: who reads the end may send the next message at once.
            self.shared.state.send_modify(|state| {
                state.status = end.status();
                state.running = None;
            });
            // Nobody may be waiting for it any more.
            turn.end.send(end).ok();
        }
        self.conversation.stop().await;
        drop(self.conversation);
        drop(permit);
        // Last: callers take the closed inbox as the sign that all is gone.
        drop(inbox);
    }

    async fn answer(&mut self, turn: &Turn) -> End {
        let out = Output {
            events: &turn.events,
            shared: &self.shared,
        };
        let answer = async {
            // There is room for the first event, and a reader that is gone is noticed below.
            turn.events
                .try_send(AgentEvent::Status(SessionStatus::Thinking))
                .ok();
            self.conversation.answer(&turn.prompt, &out).await
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => End::Cancelled,
            () = turn.cancel.cancelled() => End::Cancelled,
            () = turn.events.closed() => End::Cancelled,
            answered = tokio::time::timeout(self.limits.answer_timeout, answer) => match answered {
                Ok(Ok(())) => End::Completed,
                Ok(Err(failure)) => End::Failed(failure.0),
                Err(_) => {
                    let seconds = self.limits.answer_timeout.as_secs_f64();
                    tracing::warn!(session = self.shared.id, seconds, "agent answer took too long");
                    End::Failed(format!("the agent did not finish its answer within {seconds} s"))
                }
            },
        }
    }
}
