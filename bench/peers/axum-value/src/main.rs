//! A validating axum server as people write it: parse to a value, hold the payload against its schema with the
//! jsonschema crate, decode it into a type, answer. A flush for each reply, buffers as they come.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use axum::serve::ListenerExt;
use jsonschema::Validator;
use peer_support::protocol::{Echo, Echoed, Envelope, Nested, NestedDone};
use serde_json::{Value, json};

struct Schemas {
    echo: Validator,
    nested: Validator,
}

fn main() -> io::Result<()> {
    let schemas = Schemas {
        echo: validator(include_str!("../../../schemas/bench.echo.schema.json"))?,
        nested: validator(include_str!("../../../schemas/bench.nested.schema.json"))?,
    };
    let schemas = Arc::new(schemas);
    peer_support::run(async |listener| {
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
        let upgrade = async |State(schemas): State<Arc<Schemas>>, upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(move |socket| serve(socket, schemas))
        };
        axum::serve(
            listener,
            Router::new().route("/ws", get(upgrade)).with_state(schemas),
        )
        .await
    })
}

fn validator(schema: &str) -> io::Result<Validator> {
    let schema: Value = serde_json::from_str(schema)?;
    jsonschema::draft202012::new(&schema).map_err(io::Error::other)
}

async fn serve(mut socket: WebSocket, schemas: Arc<Schemas>) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let Ok(reply) = answer(&text, &schemas) else {
            return;
        };
        if socket.send(Message::Text(reply.into())).await.is_err() {
            return;
        }
    }
}

fn answer(text: &str, schemas: &Schemas) -> serde_json::Result<String> {
    let mut message: Value = serde_json::from_str(text)?;
    let payload = message["payload"].take();
    let id = message["correlationId"].as_str();
    match message["type"].as_str() {
        Some("bench:echo") => match schemas.echo.validate(&payload) {
            Ok(()) => Envelope::text(
                "bench:echoed",
                Echoed::from(serde_json::from_value::<Echo>(payload)?),
                id,
            ),
            Err(error) => refuse(&error.to_string(), id),
        },
        Some("bench:nested") => match schemas.nested.validate(&payload) {
            Ok(()) => Envelope::text(
                "bench:nestedDone",
                NestedDone::from(serde_json::from_value::<Nested>(payload)?),
                id,
            ),
            Err(error) => refuse(&error.to_string(), id),
        },
        _ => refuse("unknown type", id),
    }
}

fn refuse(message: &str, id: Option<&str>) -> serde_json::Result<String> {
    Envelope::text("error", json!({ "message": message }), id)
}
