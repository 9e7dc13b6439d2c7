//! An echo over the engine's own connections, for conformance suites of RFC 6455: `cargo xtask autobahn`.
//!
//! Sockets, limits, flow control and goodbyes are the engine's; only what is done with a frame is not: text and binary frames
//! come back as they are. Prints where it listens, and runs until it is ended.

#![expect(
    clippy::print_stdout,
    reason = "whoever starts it reads the address from its output"
)]

use std::error::Error;

use axum::Router;
use tokio::net::TcpListener;
use wireloom::{Engine, Protocol, ServeOptions, serve};

/// The suite sends messages of 16 MiB.
const LARGEST: usize = 64 * 1024 * 1024;

/// Any protocol will do: none of its messages is read.
const PROTOCOL: &str = include_str!("../../../schemas/protocol.json");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let engine: Engine<()> = wireloom::Builder::new(Protocol::from_json(PROTOCOL)?, ())
        .echo()
        .settings(|settings| {
            settings.message_bytes = LARGEST;
            settings.outbox_bytes = LARGEST;
            settings.rate = None;
            settings.origins = vec!["*".to_owned()];
        })
        .build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let router = Router::new().route("/", engine.upgrade());
    serve(listener, router, ServeOptions::default(), std::future::pending()).await?;
    Ok(())
}
