//! Wireloom, as people write it: an engine of three handlers, mounted on an axum router.

use std::io;

use axum::Router;
use bench_protocol::{
    BenchEcho, BenchEchoError, BenchEchoed, BenchEvent, BenchNested, BenchNestedDone, BenchNestedError,
    BenchPublish, BenchPublishError, Handlers,
};
use wireloom::{Ctx, ServeOptions, on, serve};

fn main() -> io::Result<()> {
    peer_support::run(async |listener| {
        let engine = Handlers {
            bench_echo: on(echo),
            bench_nested: on(nested),
            bench_publish: on(publish),
        }
        .engine(());
        let router = Router::new().route("/ws", engine.upgrade());
        serve(listener, router, ServeOptions::default(), std::future::pending()).await
    })
}

async fn echo(_: Ctx<()>, message: BenchEcho) -> Result<BenchEchoed, BenchEchoError> {
    let BenchEcho {
        session_id,
        content,
        mode,
        attempt,
    } = message;
    Ok(BenchEchoed {
        session_id,
        content,
        mode,
        attempt,
        part: 1,
    })
}

async fn nested(_: Ctx<()>, message: BenchNested) -> Result<BenchNestedDone, BenchNestedError> {
    let steps = message.steps.len() as u64;
    Ok(BenchNestedDone {
        session_id: message.session_id,
        steps,
    })
}

async fn publish(cx: Ctx<()>, message: BenchPublish) -> Result<(), BenchPublishError> {
    cx.broadcast(BenchEvent {
        content: message.content,
    })?;
    Ok(())
}
