//! An HTTP server with the deadlines that WebSockets need: what `axum::serve` leaves open is set here.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

/// Bounds of an HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeOptions {
    /// Longest time that a client may take to send the headers of a request.
    pub header_timeout: Duration,
    /// Longest time that HTTP requests may go on after the shutdown began. WebSockets have their own:
    /// [`crate::Engine::shutdown`].
    pub drain_timeout: Duration,
    /// Most sockets in HTTP, before or without an upgrade; further ones wait to be accepted.
    pub sockets: usize,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(2),
            sockets: 10_000,
        }
    }
}

/// Serves a router until `shutdown` is ready, then lets HTTP requests end.
///
/// Sets `TCP_NODELAY`, a deadline for headers, and [`ConnectInfo`] with the peer's address. HTTP/1.1, which is what
/// WebSocket handshakes are made of.
///
/// # Errors
///
/// If the listener's address cannot be told; an error of one socket ends that socket only.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    listener.local_addr()?;
    let draining = CancellationToken::new();
    let tasks = TaskTracker::new();
    let sockets = Arc::new(Semaphore::new(options.sockets));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let permit = Arc::clone(&sockets).acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, say: the next try needs a moment.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let connection = converse(
            stream,
            peer,
            router.clone(),
            options.header_timeout,
            draining.clone(),
        );
        tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, "HTTP connection ended: {error}");
            }
            drop(permit);
        });
    }
    drop(listener);
    draining.cancel();
    tasks.close();
    if tokio::time::timeout(options.drain_timeout, tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!("HTTP requests were cut off at the drain deadline");
    }
    Ok(())
}

/// Serves one socket; ends with the upgrade, or when the peer is done, or soon after the drain began.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    header_timeout: Duration,
    draining: CancellationToken,
) -> Result<(), hyper::Error> {
    if let Err(error) = stream.set_nodelay(true) {
        // The peer may be gone already; the connection will tell.
        tracing::debug!(%peer, "cannot set TCP_NODELAY: {error}");
    }
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
