//! socketioxide on axum: events with an acknowledgement, payloads decoded into types, no schema.

use std::io;

use axum::Router;
use axum::serve::ListenerExt;
use peer_support::protocol::{Echo, Echoed, Nested, NestedDone, Publish};
use serde_json::json;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, SocketRef, TryData};

fn main() -> io::Result<()> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", connect);
    peer_support::run(async |listener| {
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
        axum::serve(listener, Router::new().layer(layer)).await
    })
}

async fn connect(socket: SocketRef) {
    // An acknowledgement or an event that finds nobody any more is no concern of the sender's.
    socket.on(
        "bench:echo",
        async |TryData(data): TryData<Echo>, ack: AckSender| {
            let sent = match data {
                Ok(echo) => ack.send(&Echoed::from(echo)),
                Err(error) => ack.send(&json!({ "error": error.to_string() })),
            };
            sent.unwrap_or_default();
        },
    );
    socket.on(
        "bench:nested",
        async |TryData(data): TryData<Nested>, ack: AckSender| {
            let sent = match data {
                Ok(nested) => ack.send(&NestedDone::from(nested)),
                Err(error) => ack.send(&json!({ "error": error.to_string() })),
            };
            sent.unwrap_or_default();
        },
    );
    socket.on(
        "bench:publish",
        async |io: SocketIo, TryData(data): TryData<Publish>| {
            if let Ok(publish) = data {
                io.emit("bench:event", &publish).await.unwrap_or_default();
            }
        },
    );
}
