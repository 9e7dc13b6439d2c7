//! A socket at work: what is read from it goes to the connection, what waits in the outbox is written to it.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures_util::{Sink, Stream};
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WsCloseCode;
use tokio_tungstenite::tungstenite::{Error, Message as WsMessage, Utf8Bytes};

use super::{End, Line, farewell};
use crate::close::CloseCode;
use crate::connection::Connection;
use crate::engine::{Core, Settings};
use crate::envelope::Draft;
use crate::journal::Journal;
use crate::limits::Slot;
use crate::outbox::{Outbox, Taken};
use crate::progress::Progress;
use crate::transport::WebSocket;

/// Frames taken from one connection before others get their turn.
const MAX_BATCH: usize = 64;

/// Bytes handed to the socket between two flushes.
pub(crate) const MAX_UNFLUSHED: usize = 64 * 1024;

/// Bytes that a peer must take within the write timeout, unless that is all there is: a crumb now and then holds nothing.
const LEAST_TAKEN: u64 = 4 * 1024;

/// A socket at work.
pub(super) struct Attached {
    pub(super) socket: WebSocket,
    pub(super) counted: Counted,
    /// Its place among the connections that are let in.
    pub(super) slot: Slot,
    progress: Progress,
    /// What a client that is back has missed: goes out before anything else.
    pub(super) missed: VecDeque<Utf8Bytes>,
    /// Bytes handed to the socket since the last complete flush.
    unflushed: usize,
    /// Whether tungstenite may have something among them: a pong, a ping. Texts go out behind it.
    controls: bool,
    /// Whether the socket did not take all at the last flush.
    pub(super) flushing: bool,
    last_heard: Instant,
    next_ping: Instant,
    /// How far what is written had come when last it went on; `None` when all is.
    stuck: Option<Stuck>,
    /// Where what is sent is written down before, if the session outlives the server; and up to which ticket that must
    /// be done for what is `missed`.
    journal: Option<Arc<Journal>>,
    ticket: u64,
}

/// Where a write stands.
#[derive(Debug, Clone, Copy)]
struct Stuck {
    since: Instant,
    /// Bytes that the socket had taken by then.
    sent: u64,
}

/// An open socket, as the engine counts them.
pub(super) struct Counted(Arc<Core>);

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

/// What reading came to.
enum Inbound {
    /// A frame was taken.
    Taken,
    /// Nothing is there.
    Nothing,
}

impl Attached {
    pub(super) fn new(
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
            controls: true,
            flushing: false,
            last_heard: now,
            next_ping: now + core.settings.heartbeat_interval,
            stuck: None,
            ticket: journal.map_or(0, |journal| journal.ticket()),
            journal: journal.cloned(),
        }
    }

    pub(super) fn into_line(self) -> Line {
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
    pub(super) fn deadline(&self) -> Instant {
        let next = self.next_ping.min(self.silent_until());
        match self.stuck {
            Some(stuck) => next.min(self.stuck_until(stuck)),
            None => next,
        }
    }

    /// When a write that does not go on is given up.
    fn stuck_until(&self, stuck: Stuck) -> Instant {
        stuck.since + self.settings().write_timeout
    }

    /// Looks whether what is written goes on.
    fn note_progress(&mut self, now: Instant) {
        let sent = self.socket.get_ref().sent();
        let goes_on = self.stuck.is_none_or(|stuck| sent - stuck.sent >= LEAST_TAKEN);
        if self.flushing && goes_on {
            self.stuck = Some(Stuck { since: now, sent });
        }
    }

    /// Whether a write was stuck for too long: the peer takes too little.
    fn is_stuck(&self, now: Instant) -> bool {
        self.stuck.is_some_and(|stuck| now >= self.stuck_until(stuck))
    }

    /// When a peer that stays silent is given up, or that never finishes what it began to say.
    fn silent_until(&self) -> Instant {
        let settings = self.settings();
        let begun = self.progress.unfinished_since().unwrap_or(self.last_heard);
        begun.min(self.last_heard) + settings.heartbeat_interval + settings.heartbeat_timeout
    }

    /// One turn: takes what is there, calls handlers, writes what answers.
    pub(super) fn poll<S: Send + Sync + 'static>(
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
        self.socket.get_mut().settle();
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
        match self.socket.get_mut().poll_frame(cx) {
            Poll::Ready(Ok(Some(text))) => return self.take(text, connection, cx),
            Poll::Ready(Ok(None)) => {}
            Poll::Ready(Err(_lost)) => return Err(End::Lost),
            Poll::Pending => return self.nothing(connection),
        }
        let message = match Pin::new(&mut self.socket).poll_next(cx) {
            Poll::Pending => return self.nothing(connection),
            Poll::Ready(None) => return Err(End::Lost),
            Poll::Ready(Some(Err(error))) => return Err(broken(&error)),
            Poll::Ready(Some(Ok(message))) => message,
        };
        self.last_heard = connection.now();
        #[cfg(feature = "echo")]
        if self.counted.0.echo && matches!(message, WsMessage::Text(_) | WsMessage::Binary(_)) {
            return self.echo(message);
        }
        match message {
            WsMessage::Text(text) => {
                self.progress.message(self.socket.get_ref().taken());
                let answer = connection.take(&text, cx);
                self.answer(answer, connection)?;
            }
            // Frames are not read one by one.
            WsMessage::Binary(_) | WsMessage::Frame(_) => return Err(End::Code(CloseCode::UnsupportedData)),
            // The pong is on its way already; it counts against the rate like any message.
            WsMessage::Ping(payload) | WsMessage::Pong(payload) => {
                self.progress.control_frame(payload.len());
                self.unflushed = self.unflushed.max(1);
                self.controls = true;
                connection.count_control_frame();
            }
            // Nothing may be sent any more but the goodbye's answer.
            WsMessage::Close(frame) => {
                let over = frame.is_some_and(|frame| frame.code == WsCloseCode::Normal);
                return Err(End::Closed { over });
            }
        }
        Ok(Inbound::Taken)
    }

    /// Takes a text that lies in the transport.
    #[inline]
    fn take<S: Send + Sync + 'static>(
        &mut self,
        text: Range<usize>,
        connection: &mut Connection<S>,
        cx: &mut Context<'_>,
    ) -> Result<Inbound, End> {
        let text = self.socket.get_mut().take(text);
        let text = text.map_err(|_malformed| End::Code(CloseCode::InvalidUtf8))?;
        self.last_heard = connection.now();
        #[cfg(feature = "echo")]
        if self.counted.0.echo {
            let message = WsMessage::Text(text.into());
            return self.echo(message);
        }
        let answer = connection.take(text, cx);
        self.progress.message(self.socket.get_ref().taken());
        self.answer(answer, connection)?;
        Ok(Inbound::Taken)
    }

    /// All that came was taken.
    fn nothing<S: Send + Sync + 'static>(&mut self, connection: &Connection<S>) -> Result<Inbound, End> {
        let received = self.socket.get_ref().received();
        if self.progress.is_endless(received, connection.now()) {
            return Err(End::Code(CloseCode::MessageTooBig));
        }
        Ok(Inbound::Nothing)
    }

    /// Gives a frame back as it came.
    #[cfg(feature = "echo")]
    fn echo(&mut self, message: WsMessage) -> Result<Inbound, End> {
        self.progress.message(self.socket.get_ref().taken());
        self.unflushed = MAX_UNFLUSHED;
        self.controls = true;
        let sent = Pin::new(&mut self.socket).start_send(message);
        sent.map_err(|error| broken(&error))?;
        Ok(Inbound::Taken)
    }

    /// Hands an answer to the socket, or leaves it to the outbox where the socket takes nothing yet.
    fn answer<S: Send + Sync + 'static>(
        &mut self,
        answer: Option<Draft>,
        connection: &mut Connection<S>,
    ) -> Result<(), End> {
        if let Some(claim) = connection.claimed() {
            return Err(End::Resumed(claim));
        }
        let Some(answer) = answer else { return Ok(()) };
        let room = self.unflushed < MAX_UNFLUSHED
            && !self.flushing
            && !self.controls
            && self.missed.is_empty()
            && self.journal.is_none();
        if room {
            self.put(answer.as_str());
        } else {
            connection.queue_here(answer.keep());
        }
        Ok(())
    }

    /// Has a text go out with the next flush.
    fn put(&mut self, text: &str) {
        self.unflushed += text.len();
        self.socket.get_mut().put_text(text);
    }

    /// Hands what waits to the socket. Whether there was anything.
    fn feed(&mut self, outbox: &Outbox, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut fed = false;
        loop {
            if self.unflushed >= MAX_UNFLUSHED || self.flushing || self.controls {
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
            fed = true;
            if let Some(text) = self.missed.pop_front() {
                self.put(&text);
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
                self.put(&text);
            }
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if self.unflushed == 0 && !self.flushing {
            return Ok(());
        }
        let flushed = if self.controls {
            Pin::new(&mut self.socket).poll_flush(cx)
        } else {
            Pin::new(self.socket.get_mut()).poll_flush(cx).map_err(Error::Io)
        };
        match flushed {
            Poll::Ready(Ok(())) => {
                self.controls = false;
                self.unflushed = 0;
                self.flushing = false;
                self.stuck = None;
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(broken(&error)),
            Poll::Pending => {
                self.flushing = true;
                Ok(())
            }
        }
    }

    /// Pings, and ends a connection that is silent or stuck. The timer is reset only when it fires.
    pub(super) fn watch<S: Send + Sync + 'static>(
        &mut self,
        connection: &Connection<S>,
        mut timer: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<End> {
        if self.flushing {
            self.note_progress(connection.now());
            let due = self.deadline();
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
        }
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let link = connection.link();
            link.core.metrics.outbox.record(link.outbox.bytes() as f64);
            if self.is_stuck(now) {
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
                    .map_err(|error| broken(&error))?;
                self.unflushed += 2;
                self.controls = true;
                self.flush(cx)
            }
            Poll::Ready(Err(error)) => Err(broken(&error)),
            // Stuck: the write deadline decides.
            Poll::Pending => Ok(()),
        }
    }
}

/// How a connection ends after an error of the socket.
fn broken(error: &Error) -> End {
    farewell::close_code(error).map_or(End::Lost, End::Code)
}
