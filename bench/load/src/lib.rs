//! A load generator that favours no server: it speaks raw TCP, sends frames that were masked beforehand, and reads
//! no more of a reply than it takes to know that it is one. What a reply says is checked before anything is measured.
//!
//! It drives servers on the loopback interface only, and each run is bounded in messages or in time.

mod frame;

pub mod check;
pub mod dialect;
pub mod fleet;
pub mod message;

mod line;
mod ring;

use std::io;
use std::time::Duration;

pub use check::{Checks, check};
pub use dialect::Dialect;
pub use fleet::{Fleet, Group, Tally, Until};
pub use message::Kind;

/// What ends a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket failed.
    #[error("socket: {0}")]
    Io(#[from] io::Error),
    /// The server refused the upgrade.
    #[error("the upgrade was refused: {0}")]
    Upgrade(String),
    /// The server broke RFC 6455, or uses a part of it that the generator doesn't know.
    #[error("protocol: {0}")]
    Protocol(String),
    /// The server closed a connection in the middle of a run.
    #[error("the server closed a connection")]
    Closed,
    /// A message came that the dialect has no place for: an error reply, most likely.
    #[error("unexpected message: {0}")]
    Unexpected(String),
    /// Replies stopped coming.
    #[error("no reply for {} s, {outstanding} outstanding", .waited.as_secs())]
    Stalled {
        /// How long nothing came.
        waited: Duration,
        /// Messages sent and not answered.
        outstanding: u64,
    },
    /// The server answers, but not as its peer description says.
    #[error("wrong answer: {0}")]
    Wrong(String),
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;
