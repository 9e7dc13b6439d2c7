//! One handler a client message. Translates between the wire and [`AgentService`]; the rules are the service's.

use wireloom::{Ctx, Internal, Items};

use crate::agent::{AgentError, AgentEvent, AgentService};
use crate::protocol::{
    AgentCancel, AgentCancelError, AgentCancelled, AgentMessage, AgentMessageError, AgentStart,
    AgentStartError, AgentStarted, SessionStatus, StatusUpdate, StreamChunk, StreamComplete, StreamError,
};

/// Starts a session in the caller's project directory.
pub(crate) async fn start(cx: Ctx<AgentService>, msg: AgentStart) -> Result<AgentStarted, AgentStartError> {
    let session = cx
        .state()
        .start(cx.client_id().as_str(), &msg.project_path)
        .await
        .map_err(start_error)?;
    Ok(AgentStarted {
        session_id: session.id,
    })
}

/// Streams the agent's answer.
pub(crate) async fn message(
    cx: Ctx<AgentService>,
    msg: AgentMessage,
    mut out: Items<StreamChunk>,
) -> Result<StreamComplete, AgentMessageError> {
    let session_id = cx.client_id().to_string();
    let mut answer = cx
        .state()
        .message(&session_id, msg.content)
        .map_err(message_error)?;
    let stopped = |message: String| {
        let session_id = cx.client_id().to_string();
        AgentMessageError::StreamError(Box::new(StreamError { session_id, message }))
    };
    while let Some(event) = answer.next().await {
        match event {
            AgentEvent::Status(status) => {
                cx.send(StatusUpdate {
                    session_id: session_id.clone(),
                    status: status.into(),
                })?;
            }
            AgentEvent::Chunk(content) => {
                out.send(StreamChunk {
                    session_id: session_id.clone(),
                    content,
                })
                .await;
            }
            AgentEvent::Completed => return Ok(StreamComplete { session_id }),
            AgentEvent::Failed(message) => return Err(stopped(message)),
            AgentEvent::Cancelled => break,
        }
    }
    Err(stopped("the answer was cancelled".to_owned()))
}

/// Ends the session, and the answer that is being streamed.
pub(crate) async fn cancel(
    cx: Ctx<AgentService>,
    _msg: AgentCancel,
) -> Result<AgentCancelled, AgentCancelError> {
    let session_id = cx.client_id().to_string();
    if cx.state().end(&session_id).await {
        Ok(AgentCancelled { session_id })
    } else {
        Err(AgentCancelError::session_not_found())
    }
}

/// Ends what the client left behind.
pub(crate) async fn disconnected(cx: Ctx<AgentService>) {
    cx.state().end(cx.client_id().as_str()).await;
}

fn start_error(error: AgentError) -> AgentStartError {
    match error {
        AgentError::ProjectNotFound => AgentStartError::project_not_found(),
        AgentError::TooManySessions => AgentStartError::too_many_sessions(),
        AgentError::AgentFailed => AgentStartError::agent_failed(),
        other @ (AgentError::SessionNotFound | AgentError::SessionBusy) => {
            AgentStartError::Internal(Internal::new(other))
        }
    }
}

fn message_error(error: AgentError) -> AgentMessageError {
    match error {
        AgentError::SessionNotFound => AgentMessageError::session_not_found(),
        AgentError::SessionBusy => AgentMessageError::session_busy(),
        AgentError::AgentFailed => AgentMessageError::agent_failed(),
        other @ (AgentError::ProjectNotFound | AgentError::TooManySessions) => {
            AgentMessageError::Internal(Internal::new(other))
        }
    }
}

impl From<crate::agent::SessionStatus> for SessionStatus {
    fn from(status: crate::agent::SessionStatus) -> Self {
        match status {
            crate::agent::SessionStatus::Idle => Self::Idle,
            crate::agent::SessionStatus::Thinking => Self::Thinking,
            crate::agent::SessionStatus::Streaming => Self::Streaming,
            crate::agent::SessionStatus::Error => Self::Error,
        }
    }
}
