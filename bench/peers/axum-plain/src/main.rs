//! An axum echo as people write it: receive, send, again. `TCP_NODELAY` is on, as without it a second reply waits for
//! the peer's delayed acknowledgement, which would be a figure of the kernel's.

use std::io;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use axum::serve::ListenerExt;

fn main() -> io::Result<()> {
    peer_support::run(async |listener| {
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
        let upgrade = async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo);
        axum::serve(listener, Router::new().route("/ws", get(upgrade))).await
    })
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}
