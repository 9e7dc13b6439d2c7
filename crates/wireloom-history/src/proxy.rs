//! The network between clients and server: connections last a while, and end in every way that connections end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until};

/// How long a connection that was left behind stays open, at most.
const LEFT_BEHIND: Duration = Duration::from_secs(3);

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Both ends see a reset.
    Reset,
    /// Both ends see the end of the stream.
    End,
    /// Nothing gets through any more, and nobody is told.
    BlackHole,
    /// The client sees the end, the server sees nothing.
    HalfOpen,
}

/// A network.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) address: SocketAddr,
    /// Connections that were cut.
    pub(crate) cuts: AtomicU64,
    /// Whether connections are let be from now on.
    calm: AtomicBool,
}

/// What a network does to one connection.
struct Fate {
    cut: Cut,
    /// When it ends, or after how many bytes to the client, in the middle of a frame if it falls so.
    at: Instant,
    bytes: u64,
    /// How long what is read waits before it is passed on.
    delay: Duration,
    /// Bytes that are read at once.
    piece: usize,
}

impl Fate {
    fn new(random: &mut Rng, cut_ms: u64) -> Self {
        let cuts = [Cut::Reset, Cut::End, Cut::BlackHole, Cut::HalfOpen];
        Self {
            cut: cuts[random.usize(..cuts.len())],
            at: Instant::now() + Duration::from_millis(random.u64(cut_ms / 8..cut_ms * 2)),
            bytes: if random.u8(..4) == 0 {
                random.u64(200..20_000)
            } else {
                u64::MAX
            },
            delay: Duration::from_millis(if random.u8(..4) == 0 { random.u64(1..25) } else { 0 }),
            piece: if random.u8(..4) == 0 {
                random.usize(1..64)
            } else {
                4096
            },
        }
    }
}

impl Network {
    /// A network to a server. `cut_ms` is how long a connection lasts, on average.
    pub(crate) async fn new(server: SocketAddr, seed: u64, cut_ms: u64) -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let network = Arc::new(Self {
            address: listener.local_addr()?,
            cuts: AtomicU64::new(0),
            calm: AtomicBool::new(false),
        });
        let of = Arc::clone(&network);
        tokio::spawn(async move {
            let mut random = Rng::with_seed(seed);
            while let Ok((client, _)) = listener.accept().await {
                let fate = Fate::new(&mut random, cut_ms);
                let network = Arc::clone(&of);
                tokio::spawn(async move {
                    // A server that is not there refuses, and so does the network.
                    if let Ok(server) = TcpStream::connect(server).await {
                        network.pass(client, server, fate).await;
                    }
                });
            }
        });
        Ok(network)
    }

    /// Lets connections be.
    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    async fn delay(&self, delay: Duration) {
        if !self.calm.load(Ordering::Relaxed) {
            sleep(delay).await;
        }
    }

    async fn pass(&self, mut client: TcpStream, mut server: TcpStream, mut fate: Fate) {
        let _slow = (client.set_nodelay(true), server.set_nodelay(true));
        let (mut up, mut down) = (vec![0; fate.piece], vec![0; fate.piece]);
        loop {
            tokio::select! {
                () = sleep_until(fate.at) => {
                    if self.calm.load(Ordering::Relaxed) {
                        fate.at += Duration::from_secs(3600);
                    } else {
                        break;
                    }
                }
                read = client.read(&mut up) => match read {
                    Ok(bytes @ 1..) => {
                        self.delay(fate.delay).await;
                        if server.write_all(&up[..bytes]).await.is_err() { return }
                    }
                    _ => return,
                },
                read = server.read(&mut down) => match read {
                    Ok(bytes @ 1..) => {
                        self.delay(fate.delay).await;
                        let passed = usize::try_from(fate.bytes).unwrap_or(bytes).min(bytes);
                        if client.write_all(&down[..passed]).await.is_err() { return }
                        fate.bytes -= passed as u64;
                        if fate.bytes == 0 && !self.calm.load(Ordering::Relaxed) { break }
                        if fate.bytes == 0 {
                            // What is left of the piece goes through after all.
                            if client.write_all(&down[passed..bytes]).await.is_err() { return }
                            fate.bytes = u64::MAX;
                        }
                    }
                    _ => return,
                },
            }
        }
        self.cuts.fetch_add(1, Ordering::Relaxed);
        match fate.cut {
            Cut::Reset => {
                let _gone = (client.set_zero_linger(), server.set_zero_linger());
            }
            Cut::End => {}
            Cut::BlackHole => sleep(LEFT_BEHIND).await,
            Cut::HalfOpen => {
                drop(client);
                sleep(LEFT_BEHIND).await;
            }
        }
    }
}
