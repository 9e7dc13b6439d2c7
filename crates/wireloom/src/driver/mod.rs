//! The task of a client: it drives one socket, and in a session that can be resumed, one after the other.
//!
//! It does everything for its client: it reads frames, polls handlers in place, and writes what waits in the outbox, with
//! one flush for all that is ready. Between two sockets it goes on with what is in flight.

mod attached;
mod farewell;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

use self::attached::Attached;
pub(crate) use self::attached::MAX_UNFLUSHED;
use self::farewell::{CLOSE_TIMEOUT, say_goodbye, write_out};
pub(crate) use self::farewell::{close, close_code, in_time, read_out};
use crate::auth::badge::{self, Guest};
use crate::close::CloseCode;
use crate::connection::Connection;
use crate::engine::Shared;
use crate::limits::Slot;
use crate::progress::Progress;
use crate::session::{Claim, Handover, Session};
#[cfg(feature = "store")]
use crate::store::records::Saved;
use crate::transport::WebSocket;

/// A client at work.
pub(crate) struct Driver<S> {
    connection: Connection<S>,
    /// None while the client is not there.
    attached: Option<Attached>,
    /// Fires when something is due: a ping, the end of silence or of a stuck write; without a socket, the session's end.
    timer: Pin<Box<Sleep>>,
}

/// A socket that was let in.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) socket: WebSocket,
    /// Its place among the connections that are let in.
    pub(crate) slot: Slot,
    pub(crate) progress: Progress,
}

/// How a connection ended.
enum End {
    /// By a code of ours.
    Code(CloseCode),
    /// The peer has closed; whether it said that the conversation is over.
    Closed { over: bool },
    /// It was lost.
    Lost,
    /// The client has shown that another session is its own.
    Resumed(Claim),
    /// A newer connection takes the session over.
    TakenOver(Box<Handover>),
    /// The session is over, and nobody is there to be told.
    Expired,
    /// The server shuts down, and nobody is there to be told.
    Stopped,
}

impl<S: Send + Sync + 'static> Driver<S> {
    /// Opens a conversation on a socket; `resumable` where its session may outlive it.
    pub(crate) fn new(shared: Arc<Shared<S>>, line: Line, guest: Guest, resumable: bool) -> Box<Self> {
        let core = Arc::clone(&shared.core);
        let connection = Connection::open(shared, guest, resumable);
        let journal = connection.link().journal();
        let attached = Attached::new(&core, line, VecDeque::new(), journal, connection.now());
        Box::new(Self {
            connection,
            timer: Box::pin(tokio::time::sleep_until(attached.deadline())),
            attached: Some(attached),
        })
    }

    /// Goes on with a session of an earlier process, whose client is not there; `None` where its time is over.
    #[cfg(feature = "store")]
    pub(crate) fn restore(shared: Arc<Shared<S>>, saved: Saved) -> Option<Box<Self>> {
        let (connection, left) = Connection::restore(shared, saved)?;
        Some(Box::new(Self {
            connection,
            timer: Box::pin(tokio::time::sleep(left)),
            attached: None,
        }))
    }

    /// Runs the client to its end. What it takes meanwhile is small, since every client has it.
    pub(crate) async fn run(mut self: Box<Self>) {
        loop {
            let (code, over) = match poll_fn(|cx| self.poll(cx)).await {
                End::TakenOver(handover) => {
                    self.attach(*handover);
                    continue;
                }
                End::Resumed(claim) => {
                    if let Some(attached) = self.attached.take() {
                        let link = Arc::clone(self.connection.link());
                        claim.hand_over(attached.into_line(), link);
                    }
                    return Box::pin(self.connection.close()).await;
                }
                End::Expired => return Box::pin(self.connection.close()).await,
                End::Stopped => {
                    self.connection.survive(None);
                    return Box::pin(self.connection.close()).await;
                }
                End::Code(code) => (Some(code), false),
                End::Closed { over } => (None, over),
                End::Lost => (None, false),
            };
            if over || !self.connection.parks(code) {
                if !over {
                    self.connection.survive(code);
                }
                return Box::pin(self.end(code)).await;
            }
            self.park(code);
        }
    }

    /// Ends with a code to close with; `None` when the peer is gone.
    async fn end(self: Box<Self>, code: Option<CloseCode>) {
        let Self {
            mut connection,
            attached,
            ..
        } = *self;
        connection.end(code.unwrap_or(CloseCode::Normal));
        let link = Arc::clone(connection.link());
        // Before the client hears of it: it may be back at once, and what is still to be done here may take a while.
        if !connection.survives()
            && let Some(session) = &link.session
            && let Some(waiting) = session.end()
        {
            waiting.turn_away(CloseCode::Timeout);
        }
        if let Some(Attached {
            mut socket, missed, ..
        }) = attached
        {
            // What waits is written first, unless the peer is gone, or does not read anyway.
            let readable = code.is_some_and(|code| !matches!(code, CloseCode::TooSlow | CloseCode::Timeout));
            let farewell = async {
                let written = async {
                    let written = write_out(&mut socket, missed, &link);
                    readable
                        && tokio::time::timeout(CLOSE_TIMEOUT, written)
                            .await
                            .is_ok_and(|done| done.is_ok())
                };
                if written.await || !readable {
                    say_goodbye(socket, code, link.id.as_str()).await;
                }
            };
            in_time(&link.core, farewell).await;
        }
        connection.close().await;
    }

    /// Goes on without a socket, for as long as the session may wait for its client.
    fn park(&mut self, code: Option<CloseCode>) {
        self.leave_socket(code);
        self.connection.park();
        let link = self.connection.link();
        tracing::debug!(client_id = %link.id, "waiting for the client to come back");
        let until = self.connection.now() + self.connection.settings().resume_window;
        self.timer.as_mut().reset(until);
    }

    /// Goes on with a client that is back, on a socket of its own.
    fn attach(&mut self, handover: Handover) {
        self.leave_socket(Some(CloseCode::TakenOver));
        let Handover { line, claim, from } = handover;
        self.connection.link().badge.take_over(&from.badge);
        badge::watch_expiry(self.connection.link());
        self.connection.wake();
        let missed = self.connection.attach(claim);
        let link = self.connection.link();
        tracing::info!(client_id = %link.id, replayed = missed.len() - 1, "the client is back");
        let now = self.connection.now();
        let mut attached = Attached::new(&link.core, line, missed, link.journal(), now);
        // The greeting may still wait in the socket.
        attached.flushing = true;
        self.timer.as_mut().reset(attached.deadline());
        self.attached = Some(attached);
    }

    /// Leaves the socket to a task that says goodbye: a peer that does not read holds nobody up.
    fn leave_socket(&mut self, code: Option<CloseCode>) {
        if let Some(attached) = self.attached.take() {
            let id = self.connection.link().id.clone();
            let core = Arc::clone(&self.connection.link().core);
            let tasks = core.tasks.clone();
            tasks.spawn(async move {
                let _counted = (attached.counted, attached.slot);
                in_time(&core, say_goodbye(attached.socket, code, id.as_str())).await;
            });
        }
    }

    /// Goes on until nothing is ready, or the connection has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.connection.link().outbox.register(cx.waker());
        self.connection.wake();
        let link = self.connection.link();
        if let Some(session) = &link.session
            && session.called()
        {
            if let Some(handover) = session.taken_over() {
                return Poll::Ready(End::TakenOver(handover));
            }
            if session.is_over() {
                let told = self.attached.is_some();
                return Poll::Ready(if told {
                    End::Code(CloseCode::TakenOver)
                } else {
                    End::Expired
                });
            }
        }
        match &mut self.attached {
            Some(attached) => {
                let turn = attached.poll(&mut self.connection, cx);
                if turn.is_pending() {
                    return attached.watch(&self.connection, self.timer.as_mut(), cx);
                }
                turn
            }
            None => self.wait(cx),
        }
    }

    /// One turn without a socket.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        while self.connection.poll(cx) {}
        let link = self.connection.link();
        let core = &link.core;
        core.sessions.keep_bytes(&core.settings);
        self.connection.measure_parked();
        let closing = link.outbox.closing();
        if closing.is_some_and(|code| !code.parks()) {
            return Poll::Ready(End::Expired);
        }
        // What is at work may end for the client that comes back to the next process.
        if core.draining() && (link.journal().is_none() || self.connection.idle() || closing.is_some()) {
            return Poll::Ready(End::Stopped);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if link.session.as_ref().is_none_or(Session::expire) {
                return Poll::Ready(End::Expired);
            }
            // A socket is on its way.
            self.timer.as_mut().reset(Instant::now() + CLOSE_TIMEOUT);
        }
        Poll::Pending
    }
}
