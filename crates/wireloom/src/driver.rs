//! The task of a client: it drives one socket, and in a session that can be resumed, one after the other.
//!
//! It does everything for its client: it reads frames, polls handlers in place, and writes what waits in the outbox, with
//! one flush for all that is ready. Between two sockets it goes on with what is in flight.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as WsMessage, Utf8Bytes, WebSocket, close_code};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::{self, error::CapacityError, error::ProtocolError};

use crate::auth::badge::{self, Guest};
use crate::clients::Link;
use crate::close::CloseCode;
use crate::connection::Connection;
use crate::engine::{Core, Settings, Shared};
use crate::journal::Journal;
use crate::limits::Slot;
use crate::outbox::{Outbox, Taken};
use crate::progress::Progress;
use crate::session::{Claim, Handover, Session};
#[cfg(feature = "store")]
use crate::store::records::Saved;

/// Frames taken from one connection before others get their turn.
const MAX_BATCH: usize = 64;

/// Bytes handed to the socket between two flushes.
pub(crate) const MAX_UNFLUSHED: usize = 64 * 1024;

/// How long a peer may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The same, and for all that is written before it, once the server shuts down.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

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

/// A socket at work.
struct Attached {
    socket: WebSocket,
    counted: Counted,
    /// Its place among the connections that are let in.
    slot: Slot,
    progress: Progress,
    /// What a client that is back has missed: goes out before anything else.
    missed: VecDeque<Utf8Bytes>,
    /// Bytes handed to the socket since the last complete flush.
    unflushed: usize,
    /// Whether the socket did not take all at the last flush.
    flushing: bool,
    last_heard: Instant,
    next_ping: Instant,
    stuck_since: Option<Instant>,
    /// Where what is sent is written down before, if the session outlives the server; and up to which ticket that must
    /// be done for what is `missed`.
    journal: Option<Arc<Journal>>,
    ticket: u64,
}

/// An open socket, as the engine counts them.
struct Counted(Arc<Core>);

impl Counted {
    fn new(core: &Arc<Core>) -> Self {
        core.sockets.fetch_add(1, Ordering::Relaxed);
        core.metrics.connections.increment(1.0);
        Self(Arc::clone(core))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sockets.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.connections.decrement(1.0);
    }
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

/// What reading came to.
enum Inbound {
    /// A frame was taken.
    Taken,
    /// Nothing is there.
    Nothing,
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

impl Attached {
    fn new(
        core: &Arc<Core>,
        line: Line,
        missed: VecDeque<Utf8Bytes>,
        journal: Option<&Arc<Journal>>,
        now: Instant,
    ) -> Self {
        let Line {
            socket,
            slot,
            progress,
        } = line;
        Self {
            socket,
            slot,
            progress,
            counted: Counted::new(core),
            missed,
            unflushed: 0,
            flushing: false,
            last_heard: now,
            next_ping: now + core.settings.heartbeat_interval,
            stuck_since: None,
            ticket: journal.map_or(0, |journal| journal.ticket()),
            journal: journal.cloned(),
        }
    }

    fn into_line(self) -> Line {
        Line {
            socket: self.socket,
            slot: self.slot,
            progress: self.progress,
        }
    }

    fn settings(&self) -> &Settings {
        &self.counted.0.settings
    }

    /// When something is due.
    fn deadline(&self) -> Instant {
        let next = self.next_ping.min(self.silent_until());
        match self.stuck_since {
            Some(since) => next.min(since + self.settings().write_timeout),
            None => next,
        }
    }

    /// When a peer that stays silent is given up, or that never finishes what it began to say.
    fn silent_until(&self) -> Instant {
        let settings = self.settings();
        let begun = self.progress.unfinished_since().unwrap_or(self.last_heard);
        begun.min(self.last_heard) + settings.heartbeat_interval + settings.heartbeat_timeout
    }

    /// One turn: takes what is there, calls handlers, writes what answers.
    fn poll<S: Send + Sync + 'static>(
        &mut self,
        connection: &mut Connection<S>,
        cx: &mut Context<'_>,
    ) -> Poll<End> {
        let mut batch = 0;
        // Once nothing is there, the socket wakes the task when something is: to look again costs a buffer that is cleared.
        let mut all_read = false;
        loop {
            // All that is there is read before anything is flushed: what answers it goes out in one piece.
            while !all_read && batch < MAX_BATCH && connection.wants_frames() {
                match self.read(connection, cx) {
                    Ok(Inbound::Taken) => batch += 1,
                    Ok(Inbound::Nothing) => all_read = true,
                    Err(end) => return Poll::Ready(end),
                }
            }
            let mut progress = connection.poll(cx);
            match self.feed(&connection.link().outbox, cx) {
                Ok(fed) => progress |= fed,
                Err(end) => return Poll::Ready(end),
            }
            if let Some(code) = connection.link().outbox.closing() {
                return Poll::Ready(End::Code(code));
            }
            if batch == MAX_BATCH {
                // Others get their turn; what is ready goes out now.
                cx.waker().wake_by_ref();
                break;
            }
            if !progress {
                break;
            }
        }
        if let Err(end) = self.flush(cx) {
            return Poll::Ready(end);
        }
        if connection.drained() && !self.flushing {
            return Poll::Ready(End::Code(CloseCode::GoingAway));
        }
        Poll::Pending
    }

    fn read<S: Send + Sync + 'static>(
        &mut self,
        connection: &mut Connection<S>,
        cx: &mut Context<'_>,
    ) -> Result<Inbound, End> {
        let message = match Pin::new(&mut self.socket).poll_next(cx) {
            Poll::Pending if self.progress.is_endless(connection.now()) => {
                return Err(End::Code(CloseCode::MessageTooBig));
            }
            Poll::Pending => return Ok(Inbound::Nothing),
            Poll::Ready(None) => return Err(End::Lost),
            Poll::Ready(Some(Err(error))) => return Err(broken(error)),
            Poll::Ready(Some(Ok(message))) => message,
        };
        self.last_heard = connection.now();
        #[cfg(feature = "echo")]
        if self.counted.0.echo && matches!(message, WsMessage::Text(_) | WsMessage::Binary(_)) {
            return self.echo(message);
        }
        match message {
            WsMessage::Text(text) => {
                self.progress.message();
                let answer = connection.take(&text, cx);
                if let Some(claim) = connection.claimed() {
                    return Err(End::Resumed(claim));
                }
                if let Some(answer) = answer {
                    self.send(answer, connection, cx)?;
                }
            }
            WsMessage::Binary(_) => return Err(End::Code(CloseCode::UnsupportedData)),
            // The pong is on its way already; it counts against the rate like any message.
            WsMessage::Ping(payload) | WsMessage::Pong(payload) => {
                self.progress.control_frame(payload.len());
                self.unflushed = self.unflushed.max(1);
                connection.count_control_frame();
            }
            // Nothing may be sent any more but the goodbye's answer.
            WsMessage::Close(frame) => {
                let over = frame.is_some_and(|frame| frame.code == close_code::NORMAL);
                return Err(End::Closed { over });
            }
        }
        Ok(Inbound::Taken)
    }

    /// Gives a frame back as it came.
    #[cfg(feature = "echo")]
    fn echo(&mut self, message: WsMessage) -> Result<Inbound, End> {
        self.progress.message();
        self.unflushed = MAX_UNFLUSHED;
        Pin::new(&mut self.socket).start_send(message).map_err(broken)?;
        Ok(Inbound::Taken)
    }

    /// Hands an answer to the socket, or leaves it to the outbox where the socket takes nothing yet.
    fn send<S: Send + Sync + 'static>(
        &mut self,
        answer: Utf8Bytes,
        connection: &Connection<S>,
        cx: &mut Context<'_>,
    ) -> Result<(), End> {
        let room = self.unflushed < MAX_UNFLUSHED
            && !self.flushing
            && self.missed.is_empty()
            && self.journal.is_none();
        if room && let Poll::Ready(ready) = Pin::new(&mut self.socket).poll_ready(cx) {
            ready.map_err(broken)?;
            return self.start_send(answer);
        }
        connection.queue_here(answer);
        Ok(())
    }

    fn start_send(&mut self, text: Utf8Bytes) -> Result<(), End> {
        self.unflushed += text.len();
        // A socket that is not ready keeps what it is given, and says so at the next flush.
        Pin::new(&mut self.socket)
            .start_send(WsMessage::Text(text))
            .map_err(broken)
    }

    /// Hands what waits to the socket. Whether there was anything.
    fn feed(&mut self, outbox: &Outbox, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut fed = false;
        loop {
            if self.unflushed >= MAX_UNFLUSHED || self.flushing {
                self.flush(cx)?;
                if self.flushing {
                    return Ok(fed);
                }
            }
            if self.missed.is_empty() && outbox.is_empty() {
                return Ok(fed);
            }
            if let Some(journal) = &self.journal
                && !journal.is_written(self.ticket, cx)
            {
                return Ok(fed);
            }
            match Pin::new(&mut self.socket).poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(broken(error)),
                Poll::Pending => {
                    self.flushing = true;
                    return Ok(fed);
                }
            }
            fed = true;
            if let Some(text) = self.missed.pop_front() {
                self.start_send(text)?;
                if self.missed.is_empty() {
                    self.missed = VecDeque::new();
                }
                continue;
            }
            let mut taken = Taken::new();
            outbox.take(MAX_UNFLUSHED - self.unflushed, &mut taken);
            if let Some(journal) = &self.journal {
                // It goes out when it is written down, and with it all that was written down before.
                self.ticket = journal.ticket();
                self.missed.extend(taken);
                continue;
            }
            for text in taken {
                self.start_send(text)?;
            }
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if self.unflushed == 0 && !self.flushing {
            return Ok(());
        }
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = 0;
                self.flushing = false;
                self.stuck_since = None;
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(broken(error)),
            Poll::Pending => {
                self.flushing = true;
                Ok(())
            }
        }
    }

    /// Pings, and ends a connection that is silent or stuck. The timer is reset only when it fires.
    fn watch<S: Send + Sync + 'static>(
        &mut self,
        connection: &Connection<S>,
        mut timer: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<End> {
        let write_timeout = self.settings().write_timeout;
        if self.flushing && self.stuck_since.is_none() {
            let now = Instant::now();
            self.stuck_since = Some(now);
            if now + write_timeout < timer.deadline() {
                timer.as_mut().reset(now + write_timeout);
            }
        }
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let link = connection.link();
            link.core.metrics.outbox.record(link.outbox.bytes() as f64);
            if self.stuck_since.is_some_and(|since| now >= since + write_timeout) {
                return Poll::Ready(End::Code(CloseCode::TooSlow));
            }
            if now >= self.silent_until() {
                return Poll::Ready(End::Code(CloseCode::Timeout));
            }
            if now >= self.next_ping {
                self.next_ping = now + self.settings().heartbeat_interval;
                if let Err(end) = self.ping(cx) {
                    return Poll::Ready(end);
                }
            }
            timer.as_mut().reset(self.deadline());
        }
        Poll::Pending
    }

    fn ping(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        match Pin::new(&mut self.socket).poll_ready(cx) {
            Poll::Ready(Ok(())) => {
                Pin::new(&mut self.socket)
                    .start_send(WsMessage::Ping(Default::default()))
                    .map_err(broken)?;
                self.unflushed += 2;
                self.flush(cx)
            }
            Poll::Ready(Err(error)) => Err(broken(error)),
            // Stuck: the write deadline decides.
            Poll::Pending => Ok(()),
        }
    }
}

async fn write_out(
    socket: &mut WebSocket,
    missed: VecDeque<Utf8Bytes>,
    link: &Link,
) -> Result<(), axum::Error> {
    let settled = async || {
        if let Some(journal) = link.journal() {
            journal.settled().await;
        }
    };
    settled().await;
    for text in missed {
        socket.feed(WsMessage::Text(text)).await?;
    }
    while !link.outbox.is_empty() {
        let mut taken = Taken::new();
        link.outbox.take(MAX_UNFLUSHED, &mut taken);
        settled().await;
        for text in taken {
            socket.feed(WsMessage::Text(text)).await?;
        }
    }
    socket.flush().await
}

/// Takes leave of a peer. One that does not read does not hold up the end of the server.
pub(crate) async fn in_time(core: &Core, farewell: impl Future<Output = ()>) {
    let shutdown = async {
        core.access.closing.cancelled().await;
        tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
    };
    tokio::select! {
        () = farewell => {}
        () = shutdown => {}
    }
}

/// Closes a socket with a code, or lets the peer's own goodbye be answered.
async fn say_goodbye(socket: WebSocket, code: Option<CloseCode>, id: &str) {
    match code {
        Some(CloseCode::Timeout) => tracing::info!("Terminating stale connection: {id}"),
        Some(code) => tracing::debug!(client_id = id, code = code.code(), "closing"),
        None => {}
    }
    match code {
        Some(code) => close(socket, code).await,
        None => read_out(socket).await,
    }
}

/// Says why, and reads on until the peer has said goodbye, too: else the peer sees an unclean close.
pub(crate) async fn close(mut socket: WebSocket, code: CloseCode) {
    let frame = CloseFrame {
        code: code.code(),
        reason: code.reason().into(),
    };
    // A peer that does not read, or does not answer, has had its time.
    if let Ok(Ok(())) = tokio::time::timeout(CLOSE_TIMEOUT, socket.send(WsMessage::Close(Some(frame)))).await
    {
        read_out(socket).await;
    }
}

/// Reads to the end, which is what has a goodbye answered and written.
pub(crate) async fn read_out(mut socket: WebSocket) {
    let end = async { while let Some(Ok(_)) = socket.next().await {} };
    let _silent = tokio::time::timeout(CLOSE_TIMEOUT, end).await;
}

/// How a connection ends after an error of the socket.
fn broken(error: axum::Error) -> End {
    close_code(error).map_or(End::Lost, End::Code)
}

/// The code to close with after an error of the socket; `None` when nobody is there to read it.
pub(crate) fn close_code(error: axum::Error) -> Option<CloseCode> {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. })) => {
            Some(CloseCode::MessageTooBig)
        }
        // The end of the stream: whoever was there is not.
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => None,
        Some(tungstenite::Error::Capacity(_) | tungstenite::Error::Protocol(_)) => {
            Some(CloseCode::ProtocolError)
        }
        Some(tungstenite::Error::Utf8(_)) => Some(CloseCode::InvalidUtf8),
        Some(tungstenite::Error::WriteBufferFull(_)) => Some(CloseCode::TooSlow),
        _ => None,
    }
}
