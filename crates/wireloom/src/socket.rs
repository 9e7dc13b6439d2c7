//! A TCP socket whose peer may read slowly.
//!
//! The kernel says that a socket takes more when a third of its buffer is free. That are megabytes: somebody who reads
//! slowly, and never stops, may need longer for them than a write may be stuck. So a socket that takes nothing is tried
//! now and then although nobody said that it takes more.

use std::io::{self, IoSlice, Write};
use std::net::TcpStream as StdStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// Time between two tries that come to nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// A TCP socket.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    /// When it was tried last and took nothing.
    tried: Option<Instant>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, tried: None }
    }

    /// Tries to write although the runtime says that nothing is taken.
    #[cold]
    fn try_anyway(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        let tried = *self.tried.get_or_insert(now);
        if now.duration_since(tried) < PAUSE {
            return Poll::Pending;
        }
        match twin(&self.stream).and_then(|mut twin| twin.write(bytes)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.tried = Some(now);
                Poll::Pending
            }
            written => Poll::Ready(written),
        }
    }
}

/// The same socket, of which the runtime knows nothing.
#[cfg(unix)]
fn twin(stream: &TcpStream) -> io::Result<StdStream> {
    use std::os::fd::AsFd;
    stream.as_fd().try_clone_to_owned().map(StdStream::from)
}

/// The same socket, of which the runtime knows nothing.
#[cfg(windows)]
fn twin(stream: &TcpStream) -> io::Result<StdStream> {
    use std::os::windows::io::AsSocket;
    stream.as_socket().try_clone_to_owned().map(StdStream::from)
}

/// There is none.
#[cfg(not(any(unix, windows)))]
fn twin(_stream: &TcpStream) -> io::Result<StdStream> {
    Err(io::ErrorKind::WouldBlock.into())
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        match Pin::new(&mut socket.stream).poll_write(cx, bytes) {
            Poll::Pending => socket.try_anyway(bytes),
            written => written,
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        match Pin::new(&mut socket.stream).poll_write_vectored(cx, slices) {
            Poll::Pending => {
                let first = slices.iter().find(|slice| !slice.is_empty());
                socket.try_anyway(first.map_or(&[], |slice| slice))
            }
            written => written,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
