//! The yardstick: what axum's WebSocket can do at best. Replies are fed while more requests are ready and flushed once
//! they are not; the read buffer is 4 KiB; `TCP_NODELAY` is on. It looks at no message.

use std::io;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::{FutureExt, SinkExt, StreamExt};

/// Replies to one flush: past that, the other connections get their turn.
const BATCH: usize = 64;

fn main() -> io::Result<()> {
    peer_support::run(async |listener| {
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
        let upgrade = async |upgrade: WebSocketUpgrade| upgrade.read_buffer_size(4096).on_upgrade(echo);
        axum::serve(listener, Router::new().route("/ws", get(upgrade))).await
    })
}

async fn echo(mut socket: WebSocket) {
    // An error ends the connection, and there is nobody to tell.
    while let Some(Ok(first)) = socket.next().await {
        let mut next = Some(first);
        let mut batch = 0;
        while let Some(message) = next {
            if matches!(message, Message::Text(_)) && socket.feed(message).await.is_err() {
                return;
            }
            batch += 1;
            next = match socket.next().now_or_never() {
                Some(Some(Ok(message))) if batch < BATCH => Some(message),
                Some(Some(Ok(message))) => {
                    if socket.flush().await.is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                    batch = 0;
                    Some(message)
                }
                Some(_) => return,
                None => None,
            };
        }
        if socket.flush().await.is_err() {
            return;
        }
    }
}
