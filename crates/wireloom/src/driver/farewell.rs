//! How a connection ends: what waits is written, the peer is told why, and nobody is waited for too long.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message as WsMessage, Utf8Bytes};

use super::MAX_UNFLUSHED;
use crate::clients::Link;
use crate::close::CloseCode;
use crate::engine::Core;
use crate::outbox::Taken;
use crate::transport::WebSocket;

/// How long a peer may take to answer a close frame.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The same, and for all that is written before it, once the server shuts down.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes what a peer has missed, and what waits for it.
pub(super) async fn write_out(
    socket: &mut WebSocket,
    missed: VecDeque<Utf8Bytes>,
    link: &Link,
) -> Result<(), Error> {
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
pub(super) async fn say_goodbye(socket: WebSocket, code: Option<CloseCode>, id: &str) {
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
        code: code.code().into(),
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

/// The code to close with after an error of the socket; `None` when nobody is there to read it.
pub(crate) fn close_code(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(CloseCode::MessageTooBig),
        // The end of the stream: whoever was there is not.
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Capacity(_) | Error::Protocol(_) => Some(CloseCode::ProtocolError),
        Error::Utf8(_) => Some(CloseCode::InvalidUtf8),
        Error::WriteBufferFull(_) => Some(CloseCode::TooSlow),
        _ => None,
    }
}
