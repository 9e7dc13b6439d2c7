//! What comes without being asked for: events by type, and what happens to the connection.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use wireloom::ServerMessage;

use crate::core::Heard;
use crate::error::{Discontinuity, Lost, ServerError};
use crate::frame::RawMessage;
use crate::inbox::Outlet;
use crate::tolerance::Tolerance;

/// What is missing in a subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Missed {
    /// So many were dropped here, since the program did not take them in time.
    #[error("{0} messages came faster than they were taken")]
    Overflow(u64),
    /// What the server sent before this is lost with the session.
    #[error("{0}")]
    Discontinuity(Discontinuity),
    /// One came that is not what its type says.
    #[error("a message cannot be read: {0}")]
    Undecodable(String),
}

/// Messages of one type that answer nothing; see [`Client::events`](crate::Client::events). Ends with the client.
#[derive(Debug)]
#[must_use = "events are dropped until they are taken"]
pub struct Events<M> {
    outlet: Outlet<Heard>,
    tolerance: Option<Arc<Tolerance>>,
    message: PhantomData<fn() -> M>,
}

impl<M: ServerMessage> Events<M> {
    pub(crate) fn new(outlet: Outlet<Heard>, tolerance: Option<Arc<Tolerance>>) -> Self {
        Self {
            outlet,
            tolerance,
            message: PhantomData,
        }
    }
}

impl<M: ServerMessage> Stream for Events<M> {
    type Item = Result<M, Missed>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let heard = ready!(poll_heard(&mut self.outlet, cx));
        Poll::Ready(heard.map(|heard| {
            let message = heard?;
            Tolerance::decode(self.tolerance.as_deref(), &message).map_err(Missed::Undecodable)
        }))
    }
}

/// Every message of the server, in order; see [`Raw::messages`](crate::Raw::messages). Ends with the client.
#[derive(Debug)]
#[must_use = "messages are dropped until they are taken"]
pub struct Messages {
    outlet: Outlet<Heard>,
}

impl Messages {
    pub(crate) fn new(outlet: Outlet<Heard>) -> Self {
        Self { outlet }
    }
}

impl Stream for Messages {
    type Item = Result<RawMessage, Missed>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        poll_heard(&mut self.outlet, cx)
    }
}

fn poll_heard(outlet: &mut Outlet<Heard>, cx: &mut Context<'_>) -> Poll<Option<Result<RawMessage, Missed>>> {
    let next = ready!(outlet.poll_next(cx));
    Poll::Ready(next.map(|next| match next {
        Ok(Heard::Message(message)) => Ok(message),
        Ok(Heard::Discontinuity(reason)) => Err(Missed::Discontinuity(reason)),
        Err(missed) => Err(Missed::Overflow(missed)),
    }))
}

/// Something that happened to the connection; see [`Client::notices`](crate::Client::notices).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A new session has begun.
    Connected {
        /// The client's name on the server.
        client_id: Option<String>,
    },
    /// The session goes on: nothing was lost.
    Resumed {
        /// The client's name on the server.
        client_id: String,
        /// How many messages had been missed, and follow.
        replayed: u64,
    },
    /// The session could not be taken up again: what the server sent in between is lost.
    Discontinuity(Discontinuity),
    /// The connection was lost, or could not be opened.
    Lost(Lost),
    /// The server is about to close the connection.
    Closing {
        /// Why, for example `shutdown`.
        reason: String,
        /// How long it asks to wait before connecting again.
        reconnect_after: Duration,
    },
    /// The server refused something that had no `correlationId`, such as a message that nothing answers.
    Error(ServerError),
    /// The server sent a text that is no message; what is wrong with it.
    Unreadable(String),
    /// A message that nothing answers was queued, and is larger than the server turned out to take.
    NotSent {
        /// Its type.
        kind: String,
        /// Its size, in bytes.
        bytes: usize,
        /// What the server takes.
        limit: usize,
    },
    /// So many notices were dropped here, since the program did not take them in time.
    Missed(u64),
}

/// What happens to the connection; see [`Client::notices`](crate::Client::notices). Ends with the client.
#[derive(Debug)]
#[must_use = "notices are dropped until they are taken"]
pub struct Notices {
    outlet: Outlet<Notice>,
}

impl Notices {
    pub(crate) fn new(outlet: Outlet<Notice>) -> Self {
        Self { outlet }
    }
}

impl Stream for Notices {
    type Item = Notice;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Notice>> {
        let next = ready!(self.outlet.poll_next(cx));
        Poll::Ready(next.map(|next| next.unwrap_or_else(Notice::Missed)))
    }
}
