//! Whether what a peer sends comes to anything: fragments without an end are no messages, and cost nothing that a limit
//! on the size of messages would see.
//!
//! Knows no frames: it is told of each, and compares with the bytes that came.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// A control frame of a client without its payload: two bytes and the mask.
const CONTROL_FRAME: u64 = 6;

/// Bytes that may come without a message, beyond what the largest takes: control frames, and what was read ahead.
const ALLOWANCE: u64 = 64 * 1024;

/// Bytes of a message in fragments of a byte each, for a byte of it: seven, and one for pings between them.
const FRAGMENTED: u64 = 8;

/// Bytes that have come over a socket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received(Arc<AtomicU64>);

impl Received {
    pub(crate) fn add(&self, bytes: usize) {
        // Nobody else adds; wrapping around takes longer than the machine lasts.
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How far a peer has come with a message.
#[derive(Debug)]
pub(crate) struct Progress {
    received: Received,
    /// Bytes that belong to what was taken.
    taken: u64,
    most: u64,
    /// Bytes that may wait unfinished for ever: they fit into the buffer that is there anyway.
    small: u64,
    /// Since when more than that wait.
    since: Option<Instant>,
}

impl Progress {
    /// On a new socket whose messages have `largest` bytes at most, and which is read into a buffer of `buffer` bytes.
    pub(crate) fn new(received: Received, largest: usize, buffer: usize) -> Self {
        let taken = received.bytes();
        Self {
            received,
            taken,
            most: (largest as u64)
                .saturating_mul(FRAGMENTED)
                .saturating_add(ALLOWANCE),
            small: buffer as u64,
            since: None,
        }
    }

    /// A message was complete. What was read ahead of it counts as its own.
    pub(crate) fn message(&mut self) {
        self.taken = self.received.bytes();
        self.since = None;
    }

    /// A ping or pong came, which may stand between the fragments of a message.
    pub(crate) fn control_frame(&mut self, payload: usize) {
        let taken = self.taken + CONTROL_FRAME + payload as u64;
        self.taken = taken.min(self.received.bytes());
    }

    /// All that came was taken. Whether it goes on without ever being a message.
    pub(crate) fn is_endless(&mut self, now: Instant) -> bool {
        let unfinished = self.received.bytes() - self.taken;
        if unfinished > self.small && self.since.is_none() {
            self.since = Some(now);
        }
        unfinished > self.most
    }

    /// Since when a message is unfinished.
    pub(crate) fn unfinished_since(&self) -> Option<Instant> {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> (Received, Progress) {
        let received = Received::default();
        received.add(500);
        let progress = Progress::new(received.clone(), 1000, 100);
        (received, progress)
    }

    #[test]
    fn a_message_in_the_smallest_fragments_is_no_flood() {
        let (received, mut progress) = progress();
        let now = Instant::now();
        received.add(7 * 1000);
        assert!(!progress.is_endless(now));
        assert_eq!(progress.unfinished_since(), Some(now));
        progress.message();
        assert_eq!(progress.unfinished_since(), None);
        received.add(8 * 1000 + 64 * 1024);
        assert!(!progress.is_endless(now));
        received.add(1);
        assert!(progress.is_endless(now));
    }

    #[test]
    fn pings_are_no_part_of_a_message() {
        let (received, mut progress) = progress();
        for _ in 0..100_000 {
            received.add(10);
            progress.control_frame(4);
            assert!(!progress.is_endless(Instant::now()));
        }
        assert_eq!(progress.unfinished_since(), None);
    }

    #[test]
    fn where_nothing_is_counted_nothing_is_endless() {
        let mut progress = Progress::new(Received::default(), 1000, 100);
        progress.control_frame(100);
        progress.message();
        assert!(!progress.is_endless(Instant::now()));
    }
}
