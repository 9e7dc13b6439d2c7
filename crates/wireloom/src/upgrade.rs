//! The WebSocket transport: an axum route, and the task that drives one socket.
//!
//! The task does everything for its connection: it reads frames, polls handlers in place, and writes what waits in the
//! outbox, with one flush for all that is ready.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as WsMessage, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::{self, error::CapacityError};

use crate::auth::badge::Guest;
use crate::auth::credentials;
use crate::auth::lobby::{self, Turned};
use crate::close::CloseCode;
use crate::connection::Connection;
use crate::engine::{Engine, Settings, Shared};
use crate::outbox::Outbox;

/// Frames taken from one connection before others get their turn.
const MAX_BATCH: usize = 64;

/// Bytes handed to the socket between two flushes.
const MAX_UNFLUSHED: usize = 64 * 1024;

/// How long a peer may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

impl<S: Send + Sync + 'static> Engine<S> {
    /// The route of the WebSocket endpoint, for [`axum::Router::route`].
    pub fn upgrade<R: Clone + Send + Sync + 'static>(&self) -> MethodRouter<R> {
        let engine = self.clone();
        any(move |request: Parts, upgrade: WebSocketUpgrade| {
            let engine = engine.clone();
            async move { engine.accept(&request, upgrade) }
        })
    }

    /// Answers one handshake, for applications that do more at it than [`Engine::upgrade`] does.
    ///
    /// A refusal is a close code, since a browser cannot see an HTTP status; only when very many are refused, it is a
    /// status. The peer's address is known by its `ConnectInfo<SocketAddr>`, which [`crate::serve`] adds; without it,
    /// nothing is limited by address.
    #[must_use]
    pub fn accept(&self, request: &Parts, upgrade: WebSocketUpgrade) -> Response {
        let core = &self.shared.core;
        let settings = &core.settings;
        let mut upgrade = upgrade.protocols([core.protocol.subprotocol.clone()]);
        let arrived = lobby::arrive(core, request, upgrade.selected_protocol().is_some());
        if let Err(Turned { code, slot: None }) = &arrived {
            return status(*code).into_response();
        }
        if upgrade.selected_protocol().is_none() {
            // A browser fails a handshake that selects none of what it offered, and would never see the close code.
            let echoed = upgrade
                .requested_protocols()
                .find(|offered| !credentials::is_credential(offered.as_bytes()))
                .cloned();
            if let Some(echoed) = echoed {
                upgrade.set_selected_protocol(echoed);
            }
        }
        let shared = Arc::clone(&self.shared);
        let largest = shared.table.message_bytes();
        let tasks = core.tasks.clone();
        upgrade
            .read_buffer_size(settings.read_buffer_bytes)
            .write_buffer_size(MAX_UNFLUSHED)
            // Beyond what this task hands over come only pongs; a peer that pings and never reads ends here.
            .max_write_buffer_size(2 * MAX_UNFLUSHED + settings.outbox_bytes)
            .max_message_size(largest)
            .max_frame_size(largest)
            .on_upgrade(move |mut socket| {
                tasks.track_future(async move {
                    let visit = match arrived {
                        Ok(visit) => visit,
                        Err(Turned { code, slot: _slot }) => return close(socket, code).await,
                    };
                    match lobby::admit(&shared, &mut socket, visit).await {
                        Ok((guest, _slot)) => drive(shared, socket, guest).await,
                        Err(Some(code)) => close(socket, code).await,
                        Err(None) => read_out(&mut socket).await,
                    }
                })
            })
    }
}

/// What a refusal is in HTTP.
pub(crate) fn status(code: CloseCode) -> StatusCode {
    match code {
        CloseCode::Unauthorized => StatusCode::UNAUTHORIZED,
        CloseCode::Forbidden => StatusCode::FORBIDDEN,
        CloseCode::NoCommonVersion => StatusCode::BAD_REQUEST,
        CloseCode::RateExceeded => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Runs one connection to its end.
async fn drive<S: Send + Sync + 'static>(shared: Arc<Shared<S>>, socket: WebSocket, guest: Guest) {
    let mut guest = Some(guest);
    let connection = poll_fn(|cx| {
        let guest = guest.take().unwrap_or_default();
        Poll::Ready(Connection::open(Arc::clone(&shared), guest, cx))
    })
    .await;
    let settings = &shared.core.settings;
    let interval = settings.heartbeat_interval;
    let mut driver = Driver {
        connection,
        socket,
        settings,
        unflushed: 0,
        flushing: false,
        timer: Box::pin(tokio::time::sleep(interval)),
        last_heard: Instant::now(),
        next_ping: Instant::now() + interval,
        stuck_since: None,
    };
    let code = tokio::select! {
        biased;
        code = poll_fn(|cx| driver.poll(cx)) => code,
        () = shared.core.stop.cancelled() => Some(CloseCode::GoingAway),
    };
    let Driver {
        mut connection,
        mut socket,
        ..
    } = driver;
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

async fn write_out(socket: &mut WebSocket, outbox: &Outbox) -> Result<(), axum::Error> {
    while let Some(text) = outbox.take() {
        socket.feed(WsMessage::Text(text)).await?;
    }
    socket.flush().await
}

/// Says why, and reads on until the peer has said goodbye, too: else the peer sees an unclean close.
async fn close(mut socket: WebSocket, code: CloseCode) {
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

/// One socket at work.
struct Driver<'s, S> {
    connection: Connection<S>,
    socket: WebSocket,
    settings: &'s Settings,
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

impl<S: Send + Sync + 'static> Driver<'_, S> {
    /// Goes on until nothing is ready. Ends with the code to close with; `None` when the peer is gone.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<CloseCode>> {
        self.connection.link().outbox.register(cx.waker());
        let mut batch = 0;
        loop {
            let mut progress = self.connection.poll(cx);
            match self.feed(cx) {
                Ok(fed) => progress |= fed,
                Err(code) => return Poll::Ready(code),
            }
            if batch < MAX_BATCH && self.connection.wants_frames() {
                match self.read(cx) {
                    Inbound::Taken => {
                        progress = true;
                        batch += 1;
                    }
                    Inbound::Nothing => {}
                    Inbound::End(code) => return Poll::Ready(code),
                }
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
            if self.connection.link().outbox.is_empty() {
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
            let Some(text) = self.connection.link().outbox.take() else {
                return Ok(fed);
            };
            self.unflushed += text.len();
            Pin::new(&mut self.socket)
                .start_send(WsMessage::Text(text))
                .map_err(broken)?;
            fed = true;
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
                self.last_heard = Instant::now();
                match message {
                    WsMessage::Text(text) => {
                        self.connection.take(&text, self.last_heard, cx);
                        Inbound::Taken
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
            let deadline = now + self.settings.write_timeout;
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
                .is_some_and(|since| now >= since + self.settings.write_timeout)
            {
                return Poll::Ready(Some(CloseCode::TooSlow));
            }
            let silent_until =
                self.last_heard + self.settings.heartbeat_interval + self.settings.heartbeat_timeout;
            if now >= silent_until {
                return Poll::Ready(Some(CloseCode::Timeout));
            }
            if now >= self.next_ping {
                self.next_ping = now + self.settings.heartbeat_interval;
                if let Err(code) = self.ping(cx) {
                    return Poll::Ready(code);
                }
            }
            let mut next = self.next_ping.min(silent_until);
            if let Some(since) = self.stuck_since {
                next = next.min(since + self.settings.write_timeout);
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

trait PollElapsed {
    fn poll_elapsed(self, cx: &mut Context<'_>) -> bool;
}

impl PollElapsed for Pin<&mut Sleep> {
    fn poll_elapsed(self, cx: &mut Context<'_>) -> bool {
        Future::poll(self, cx).is_ready()
    }
}

/// The code to close with after an error of the socket; `None` when nobody is there to read it.
pub(crate) fn broken(error: axum::Error) -> Option<CloseCode> {
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
