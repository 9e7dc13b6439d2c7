//! An HTTP server with the deadlines that WebSockets need, with or without TLS: what `axum::serve` leaves open is set
//! here.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use crate::address::AddressKey;
use crate::engine::FAR;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// Bytes that the kernel takes of a connection beyond those that it has sent. Less is not quicker noticed, more is not quicker
/// sent.
#[cfg(target_os = "linux")]
const MAX_UNSENT: u32 = 64 * 1024;

/// How long a socket that was closed here goes on reading what the peer has sent already.
const LINGER: Duration = Duration::from_secs(1);

/// How long a socket whose request is answered, or not there yet, may stay once the shutdown began.
const LEAVE: Duration = Duration::from_millis(500);

/// What hyper needs to read any request at all.
const MIN_HEADER_BYTES: usize = 8 * 1024;

/// Most bytes that are read and dropped meanwhile.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// Bounds of an HTTP server. Times are a year at most; what is beyond a bound is taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeOptions {
    /// Longest time that a client may take to send the headers of a request.
    pub header_timeout: Duration,
    /// Most bytes that the headers of a request may have together; 8 KiB at least. Longer ones are answered by 431. A
    /// token among them has [`crate::MAX_TOKEN`] bytes at most.
    pub header_bytes: usize,
    /// Longest time that a socket may stay in HTTP, upgraded to no WebSocket; the response under way may end within
    /// `header_timeout`.
    pub http_timeout: Duration,
    /// Longest time that HTTP requests may go on after the shutdown began. WebSockets have their own:
    /// [`crate::Engine::shutdown`].
    pub drain_timeout: Duration,
    /// Most sockets in HTTP, before or without an upgrade, 1 at least; further ones wait to be accepted.
    pub sockets: usize,
    /// Most of them that one address may have, loopback excepted; further ones are closed. IPv6 counts by /64. Behind
    /// a proxy, it is the proxy's address that counts.
    pub sockets_per_address: usize,
    /// Longest time that a TLS handshake may take.
    #[cfg(feature = "tls")]
    pub tls_timeout: Duration,
    /// Speaks TLS, and nothing else.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
}

impl ServeOptions {
    /// Within their bounds.
    fn bounded(mut self) -> Self {
        self.header_timeout = self.header_timeout.min(FAR);
        self.http_timeout = self.http_timeout.min(FAR);
        self.drain_timeout = self.drain_timeout.min(FAR);
        self.header_bytes = self.header_bytes.max(MIN_HEADER_BYTES);
        self.sockets = self.sockets.clamp(1, Semaphore::MAX_PERMITS);
        #[cfg(feature = "tls")]
        {
            self.tls_timeout = self.tls_timeout.min(FAR);
        }
        self
    }
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            header_bytes: 32 * 1024,
            drain_timeout: Duration::from_secs(2),
            http_timeout: Duration::from_secs(120),
            sockets: 10_000,
            sockets_per_address: 1_000,
            #[cfg(feature = "tls")]
            tls_timeout: Duration::from_secs(10),
            #[cfg(feature = "tls")]
            tls: None,
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
    let options = options.bounded();
    let draining = CancellationToken::new();
    let tasks = TaskTracker::new();
    let sockets = Arc::new(Semaphore::new(options.sockets));
    let addresses = Arc::new(Addresses::default());
    let options = Arc::new(options);
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
        let Some(place) = addresses.place(peer.ip(), options.sockets_per_address) else {
            tracing::debug!(%peer, "socket closed: its address has too many");
            continue;
        };
        let connection = begin(
            stream,
            peer,
            router.clone(),
            Arc::clone(&options),
            draining.clone(),
        );
        tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, "HTTP connection ended: {error}");
            }
            drop((permit, place));
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

/// How a request came here, which decides what an `Origin` is worth. [`serve`] adds it to each request; under another
/// server, a layer should, in the request's extensions.
///
/// Without it, a request came without TLS, and at a loopback address unless its `ConnectInfo<SocketAddr>` names a peer
/// that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// By TLS that ends in this process: a page that came without it does not speak for this server.
    pub secure: bool,
    /// At a loopback address: a `Host` that is not localhost is believed only with a header that proxies add, since
    /// anybody's name can be made to point there (DNS rebinding).
    pub loopback: bool,
}

impl Arrival {
    /// Of a handshake. Where nobody says it, what may be a loopback address counts as one.
    pub(crate) fn of(request: &Parts) -> Self {
        let told = request.extensions.get().copied();
        told.unwrap_or_else(|| {
            let peer = request.extensions.get();
            let elsewhere =
                peer.is_some_and(|ConnectInfo::<SocketAddr>(peer)| !peer.ip().to_canonical().is_loopback());
            Self {
                secure: false,
                loopback: !elsewhere,
            }
        })
    }
}

/// Sockets in HTTP, by address.
#[derive(Debug, Default)]
struct Addresses(Mutex<HashMap<AddressKey, usize, foldhash::fast::RandomState>>);

/// One of them.
struct Place {
    addresses: Arc<Addresses>,
    key: Option<AddressKey>,
}

impl Addresses {
    fn place(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Place> {
        let key = (!address.to_canonical().is_loopback()).then(|| AddressKey::of(address));
        if let Some(key) = key {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(key).or_default();
            if *count >= most {
                return None;
            }
            *count += 1;
        }
        let addresses = Arc::clone(self);
        Some(Place { addresses, key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&key);
            }
        }
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Has the kernel hold little that it has not sent: what is kept for a client that reads slowly waits here, where it has a bound,
/// and that it reads shows soon. By default, megabytes go by before the kernel says that anything went on.
fn keep_unsent_low(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(MAX_UNSENT) {
        tracing::debug!("cannot set TCP_NOTSENT_LOWAT: {error}");
    }
    #[cfg(not(target_os = "linux"))]
    let _kept_by_the_kernel = stream;
}

/// Serves one socket, behind the TLS handshake if there is one.
async fn begin(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    options: Arc<ServeOptions>,
    draining: CancellationToken,
) -> Result<(), Error> {
    if let Err(error) = stream.set_nodelay(true) {
        // The peer may be gone already; the connection will tell.
        tracing::debug!(%peer, "cannot set TCP_NODELAY: {error}");
    }
    keep_unsent_low(&stream);
    let arrival = Arrival {
        secure: false,
        loopback: stream
            .local_addr()
            .is_ok_and(|address| address.ip().to_canonical().is_loopback()),
    };
    #[cfg(feature = "tls")]
    if let Some(tls) = &options.tls {
        let handshake = tokio::time::timeout(options.tls_timeout, tls.acceptor().accept(stream));
        let stream = tokio::select! {
            biased;
            () = draining.cancelled() => return Ok(()),
            stream = handshake => stream.map_err(|_late| "the TLS handshake took too long")??,
        };
        let arrival = Arrival {
            secure: true,
            ..arrival
        };
        return converse(stream, (peer, arrival), router, &options, draining).await;
    }
    converse(stream, (peer, arrival), router, &options, draining).await
}

/// Speaks HTTP; ends with the upgrade, or when the peer is done, or soon after the drain began or the time is up.
async fn converse<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: T,
    (peer, arrival): (SocketAddr, Arrival),
    router: Router,
    options: &ServeOptions,
    draining: CancellationToken,
) -> Result<(), Error> {
    let at_work = TaskTracker::new();
    at_work.close();
    let requests = at_work.clone();
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(arrival);
        requests.track_future(router.clone().call(request.map(Body::new)))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(options.header_bytes)
        .serve_connection(TokioIo::new(Lingering::new(stream)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let leave = async {
                at_work.wait().await;
                tokio::time::sleep(LEAVE).await;
            };
            return tokio::select! {
                ended = connection => Ok(ended?),
                () = leave => Ok(()),
            };
        }
        () = tokio::time::sleep(options.http_timeout) => {}
    }
    connection.as_mut().graceful_shutdown();
    match tokio::time::timeout(options.header_timeout, connection).await {
        Ok(ended) => Ok(ended?),
        Err(_stuck) => Err("the response was not read in time".into()),
    }
}

/// A socket that is closed gently.
///
/// A socket that is closed with bytes unread is reset, and a reset can destroy what was written last: the close frame
/// that says why. So it says that nothing more comes, and reads on until the peer has closed, too.
#[derive(Debug)]
pub(crate) struct Lingering<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> {
    stream: Option<T>,
    /// Whether the peer has closed, or the socket failed.
    ended: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Lingering<T> {
    fn new(stream: T) -> Self {
        Self {
            stream: Some(stream),
            ended: false,
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut T>> {
        self.stream
            .as_mut()
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Drop for Lingering<T> {
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

async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.shutdown().await?;
    let mut scrap = [0; 4096];
    let mut left = LINGER_BYTES;
    while left > 0 {
        match stream.read(&mut scrap).await? {
            0 => break,
            read => left = left.saturating_sub(read),
        }
    }
    Ok(())
}

/// What a WebSocket speaks over, behind its handshake.
#[derive(Debug)]
pub(crate) enum Wire {
    /// A socket of this server, as it is: most of them are, and each layer costs.
    Plain(Lingering<TcpStream>),
    /// A TLS connection, or a socket of another server.
    Other(TokioIo<Upgraded>),
}

impl Wire {
    /// With what was read already.
    pub(crate) fn of(upgraded: Upgraded) -> (Self, Vec<u8>) {
        match upgraded.downcast::<TokioIo<Lingering<TcpStream>>>() {
            Ok(parts) => (Self::Plain(parts.io.into_inner()), parts.read_buf.into()),
            Err(upgraded) => (Self::Other(TokioIo::new(upgraded)), Vec::new()),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Other(upgraded) => Pin::new(upgraded).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Other(upgraded) => Pin::new(upgraded).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Other(upgraded) => Pin::new(upgraded).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Other(upgraded) => Pin::new(upgraded).poll_shutdown(cx),
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> AsyncRead for Lingering<T> {
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

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> AsyncWrite for Lingering<T> {
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
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}
