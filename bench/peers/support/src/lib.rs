//! What the Rust peers share. A peer is a program that serves on a free port of the loopback interface, says which on
//! its first line of output, and runs until it is killed.

pub mod protocol;

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;

use tokio::net::TcpListener;

/// Runs a peer: one thread, as each peer gets one core.
pub fn run<F, S>(serve: S) -> io::Result<()>
where
    S: FnOnce(TcpListener) -> F,
    F: Future<Output = io::Result<()>>,
{
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            announce(&listener)?;
            serve(listener).await
        })
}

/// Says where the peer listens.
pub fn announce(listener: &TcpListener) -> io::Result<()> {
    println!("{}", listener.local_addr()?);
    Ok(())
}
