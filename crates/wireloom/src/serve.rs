//! An HTTP server with the deadlines that WebSockets need: what `axum::serve` leaves open is set here.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

/// How long a socket that was closed here goes on reading what the peer has sent already.
const LINGER: Duration = Duration::from_secs(1);

/// Most bytes that are read and dropped meanwhile.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

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
        .serve_connection(TokioIo::new(Lingering::new(stream)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// A socket that is closed gently.
///
/// A socket that is closed with bytes unread is reset, and a reset can destroy what was written last: the close frame
/// that says why. So it says that nothing more comes, and reads on until the peer has closed, too.
struct Lingering {
    stream: Option<TcpStream>,
    /// Whether the peer has closed, or the socket failed.
    ended: bool,
}

impl Lingering {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream: Some(stream),
            ended: false,
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream
            .as_mut()
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let (Some(stream), Ok(runtime)) = (self.stream.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        if !self.ended {
            runtime.spawn(async move {
                // Whether the peer closed in time makes no difference: the socket is closed now.
                let _late = tokio::time::timeout(LINGER, linger(stream)).await;
            });
        }
    }
}

async fn linger(mut stream: TcpStream) -> io::Result<()> {
    std::future::poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx)).await?;
    let mut scrap = [0; 4096];
    let mut left = LINGER_BYTES;
    while left > 0 {
        stream.readable().await?;
        match stream.try_read(&mut scrap) {
            Ok(0) => break,
            Ok(read) => left = left.saturating_sub(read),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream()?.poll_read(cx, buffer);
        match &read {
            Poll::Ready(Ok(())) if buffer.filled().len() > before || buffer.capacity() == before => {}
            Poll::Ready(_) => self.ended = true,
            Poll::Pending => {}
        }
        read
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}
