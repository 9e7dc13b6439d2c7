//! The task that drives one socket.
//!
//! It does everything for its connection: it reads frames, polls handlers in place, and writes what waits in the outbox,
//! with one flush for all that is ready.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as WsMessage, Utf8Bytes, WebSocket};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::{self, error::CapacityError};

use crate::close::CloseCode;
use crate::connection::Connection;
use crate::engine::Shared;
use crate::outbox::{Outbox, Taken};

/// Frames taken from one connection before others get their turn.
const MAX_BATCH: usize = 64;

/// Bytes handed to the socket between two flushes.
pub(crate) const MAX_UNFLUSHED: usize = 64 * 1024;

/// How long a peer may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// One socket at work.
pub(crate) struct Driver<S> {
    connection: Connection<S>,
    socket: WebSocket,
    /// Bytes handed to the socket since the last complete flush.
    unflushed: usize,
    /// Whether the socket did not take all at the last flush.
    flushing: bool,
    timer: Pin<Box<Sleep>>,
    last_heard: Instant,
    next_ping: Instant,
    stuck_since: Option<Instant>,
}

/// What reading came to.
enum Inbound {
    /// A frame was taken.
    Taken,
    /// Nothing is there.
    Nothing,
    /// The connection is at its end; with the code to close with, unless the peer has closed.
    End(Option<CloseCode>),
}

impl<S: Send + Sync + 'static> Driver<S> {
    /// Opens a conversation on a socket.
    pub(crate) fn new(shared: Arc<Shared<S>>, socket: WebSocket) -> Box<Self> {
        let interval = shared.core.settings.heartbeat_interval;
        let connection = Connection::open(shared);
        let now = connection.now();
        Box::new(Self {
            connection,
            socket,
            unflushed: 0,
            flushing: false,
            timer: Box::pin(tokio::time::sleep(interval)),
            last_heard: now,
            next_ping: now + interval,
            stuck_since: None,
        })
    }

    /// Runs the connection to its end. What it takes meanwhile is small, since every connection has it.
    pub(crate) async fn run(mut self: Box<Self>) {
        let code = poll_fn(|cx| self.poll(cx)).await;
        Box::pin(self.end(code)).await;
    }

    /// Ends with a code to close with; `None` when the peer is gone.
    async fn end(self: Box<Self>, code: Option<CloseCode>) {
        let Self {
            mut connection,
            mut socket,
            ..
        } = *self;
        connection.end(code.unwrap_or(CloseCode::Normal));
        let link = Arc::clone(connection.link());
        match code {
            Some(CloseCode::Timeout) => tracing::info!("Terminating stale connection: {}", link.id),
            Some(code) => tracing::debug!(client_id = %link.id, code = code.code(), "closing"),
            None => {}
        }
        if let Some(code) = code {
            // What waits is written first, unless the peer does not read anyway.
            let readable = !matches!(code, CloseCode::TooSlow | CloseCode::Timeout);
            let written = readable
                && tokio::time::timeout(CLOSE_TIMEOUT, write_out(&mut socket, &link.outbox))
                    .await
                    .is_ok_and(|done| done.is_ok());
            if written || !readable {
                close(socket, code).await;
            }
        } else {
            read_out(&mut socket).await;
        }
        connection.close().await;
    }

    /// Goes on until nothing is ready. Ends with the code to close with; `None` when the peer is gone.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<CloseCode>> {
        self.connection.link().outbox.register(cx.waker());
        self.connection.wake();
        let mut batch = 0;
        loop {
            let mut progress = false;
            // All that is there is read before anything is flushed: what answers it goes out in one piece.
            while batch < MAX_BATCH && self.connection.wants_frames() {
                match self.read(cx) {
                    Inbound::Taken => {
                        progress = true;
                        batch += 1;
                    }
                    Inbound::Nothing => break,
                    Inbound::End(code) => return Poll::Ready(code),
                }
            }
            progress |= self.connection.poll(cx);
            match self.feed(cx) {
                Ok(fed) => progress |= fed,
                Err(code) => return Poll::Ready(code),
            }
            if let Some(code) = self.connection.link().outbox.closing() {
                return Poll::Ready(Some(code));
            }
            if !progress {
                break;
            }
            if batch == MAX_BATCH {
                // Others get their turn; what is ready goes out now.
                cx.waker().wake_by_ref();
                break;
            }
        }
        if let Err(code) = self.flush(cx) {
            return Poll::Ready(code);
        }
        if self.connection.drained() && !self.flushing {
            return Poll::Ready(Some(CloseCode::GoingAway));
        }
        self.watch(cx)
    }

    /// Hands an answer to the socket, or leaves it to the outbox where the socket takes nothing.
    fn send(&mut self, answer: Utf8Bytes, cx: &mut Context<'_>) -> Result<(), Option<CloseCode>> {
        let room = self.unflushed < MAX_UNFLUSHED && !self.flushing;
        if room && let Poll::Ready(ready) = Pin::new(&mut self.socket).poll_ready(cx) {
            ready.map_err(broken)?;
            self.unflushed += answer.len();
            return Pin::new(&mut self.socket)
                .start_send(WsMessage::Text(answer))
                .map_err(broken);
        }
        self.connection.queue(Some(answer));
        Ok(())
    }

    /// Hands what waits to the socket. Whether there was anything.
    fn feed(&mut self, cx: &mut Context<'_>) -> Result<bool, Option<CloseCode>> {
        let mut fed = false;
        loop {
            if self.unflushed >= MAX_UNFLUSHED || self.flushing {
                self.flush(cx)?;
                if self.flushing {
                    return Ok(fed);
                }
            }
            let outbox = &self.connection.link().outbox;
            if outbox.is_empty() {
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
            let mut taken = Taken::new();
            outbox.take(MAX_UNFLUSHED - self.unflushed, &mut taken);
            for text in taken {
                self.unflushed += text.len();
                // A socket that is not ready keeps what it is given, and says so at the next flush.
                Pin::new(&mut self.socket)
                    .start_send(WsMessage::Text(text))
                    .map_err(broken)?;
                fed = true;
            }
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), Option<CloseCode>> {
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

    fn read(&mut self, cx: &mut Context<'_>) -> Inbound {
        match Pin::new(&mut self.socket).poll_next(cx) {
            Poll::Pending => Inbound::Nothing,
            Poll::Ready(None) => Inbound::End(None),
            Poll::Ready(Some(Err(error))) => Inbound::End(broken(error)),
            Poll::Ready(Some(Ok(message))) => {
                self.last_heard = self.connection.now();
                match message {
                    WsMessage::Text(text) => {
                        let answer = self.connection.take(&text, cx);
                        match answer.map(|answer| self.send(answer, cx)) {
                            Some(Err(code)) => Inbound::End(code),
                            _ => Inbound::Taken,
                        }
                    }
                    WsMessage::Binary(_) => Inbound::End(Some(CloseCode::UnsupportedData)),
                    // The pong is on its way already; it counts against the rate like any message.
                    WsMessage::Ping(_) | WsMessage::Pong(_) => {
                        self.unflushed = self.unflushed.max(1);
                        self.connection.count_control_frame();
                        Inbound::Taken
                    }
                    // Nothing may be sent any more but the goodbye's answer.
                    WsMessage::Close(_) => Inbound::End(None),
                }
            }
        }
    }

    /// Pings, and ends a connection that is silent or stuck. The timer is reset only when it fires.
    fn watch(&mut self, cx: &mut Context<'_>) -> Poll<Option<CloseCode>> {
        if self.flushing && self.stuck_since.is_none() {
            let now = Instant::now();
            self.stuck_since = Some(now);
            let deadline = now + self.connection.settings().write_timeout;
            if deadline < self.timer.deadline() {
                self.timer.as_mut().reset(deadline);
            }
        }
        while self.timer.as_mut().poll_elapsed(cx) {
            let now = Instant::now();
            let link = self.connection.link();
            link.core.metrics.outbox.record(link.outbox.bytes() as f64);
            if self
                .stuck_since
                .is_some_and(|since| now >= since + self.connection.settings().write_timeout)
            {
                return Poll::Ready(Some(CloseCode::TooSlow));
            }
            let silent_until =
                self.last_heard + self.connection.settings().heartbeat_interval + self.connection.settings().heartbeat_timeout;
            if now >= silent_until {
                return Poll::Ready(Some(CloseCode::Timeout));
            }
            if now >= self.next_ping {
                self.next_ping = now + self.connection.settings().heartbeat_interval;
                if let Err(code) = self.ping(cx) {
                    return Poll::Ready(code);
                }
            }
            let mut next = self.next_ping.min(silent_until);
            if let Some(since) = self.stuck_since {
                next = next.min(since + self.connection.settings().write_timeout);
            }
            self.timer.as_mut().reset(next);
        }
        Poll::Pending
    }

    fn ping(&mut self, cx: &mut Context<'_>) -> Result<(), Option<CloseCode>> {
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

async fn write_out(socket: &mut WebSocket, outbox: &Outbox) -> Result<(), axum::Error> {
    while !outbox.is_empty() {
        let mut taken = Taken::new();
        outbox.take(MAX_UNFLUSHED, &mut taken);
        for text in taken {
            socket.feed(WsMessage::Text(text)).await?;
        }
    }
    socket.flush().await
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
        read_out(&mut socket).await;
    }
}

/// Reads to the end, which is what has a goodbye answered and written.
async fn read_out(socket: &mut WebSocket) {
    let end = async { while let Some(Ok(_)) = socket.next().await {} };
    let _silent = tokio::time::timeout(CLOSE_TIMEOUT, end).await;
}

trait PollElapsed {
    fn poll_elapsed(self, cx: &mut Context<'_>) -> bool;
}

impl PollElapsed for Pin<&mut Sleep> {
    fn poll_elapsed(self, cx: &mut Context<'_>) -> bool {
        Future::poll(self, cx).is_ready()
    }
}

/// The code to close with after an error of the socket; `None` when nobody is there to read it.
fn broken(error: axum::Error) -> Option<CloseCode> {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. })) => {
            Some(CloseCode::MessageTooBig)
        }
        Some(tungstenite::Error::Capacity(_) | tungstenite::Error::Protocol(_)) => {
            Some(CloseCode::ProtocolError)
        }
        Some(tungstenite::Error::Utf8(_)) => Some(CloseCode::InvalidUtf8),
        Some(tungstenite::Error::WriteBufferFull(_)) => Some(CloseCode::TooSlow),
        _ => None,
    }
}
