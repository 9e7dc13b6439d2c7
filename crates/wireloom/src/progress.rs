//! Whether what a peer sends comes to anything: fragments without an end are no messages, and cost nothing that a limit
//! on the size of messages would see.
//!
//! Knows no frames: it is told of each, and compares with the bytes that came.

use tokio::time::Instant;

/// A control frame of a client without its payload: two bytes and the mask.
const CONTROL_FRAME: u64 = 6;

/// Bytes that may come without a message, beyond what the largest takes: control frames, and what was read ahead.
const ALLOWANCE: u64 = 64 * 1024;

/// Bytes of a message in fragments of a byte each, for a byte of it: seven, and one for pings between them.
const FRAGMENTED: u64 = 8;

/// Bytes of a message that may wait unfinished for ever.
const SMALL: u64 = 1024;

/// How far a peer has come with a message.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Bytes that belong to what was taken.
    taken: u64,
    most: u64,
    /// Since when more than a little waits.
    since: Option<Instant>,
}

impl Progress {
    /// On a new socket whose messages have `largest` bytes at most.
    pub(crate) fn new(largest: usize) -> Self {
        Self {
            taken: 0,
            most: (largest as u64)
                .saturating_mul(FRAGMENTED)
                .saturating_add(ALLOWANCE),
            since: None,
        }
    }

    /// A message was complete, with these bytes of all that came.
    pub(crate) fn message(&mut self, taken: u64) {
        self.taken = taken;
        self.since = None;
    }

    /// A ping or pong came, which may stand between the fragments of a message.
    pub(crate) fn control_frame(&mut self, payload: usize) {
        self.taken += CONTROL_FRAME + payload as u64;
    }

    /// All that came was taken: that many bytes. Whether it goes on without ever being a message.
    pub(crate) fn is_endless(&mut self, received: u64, now: Instant) -> bool {
        let unfinished = received.saturating_sub(self.taken);
        if unfinished > SMALL && self.since.is_none() {
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

    fn progress() -> Progress {
        let mut progress = Progress::new(1000);
        progress.message(500);
        progress
    }

    #[test]
    fn a_message_in_the_smallest_fragments_is_no_flood() {
        let mut progress = progress();
        let now = Instant::now();
        let mut received = 500 + 7 * 1000;
        assert!(!progress.is_endless(received, now));
        assert_eq!(progress.unfinished_since(), Some(now));
        progress.message(received);
        assert_eq!(progress.unfinished_since(), None);
        received += 8 * 1000 + 64 * 1024;
        assert!(!progress.is_endless(received, now));
        assert!(progress.is_endless(received + 1, now));
    }

    #[test]
    fn pings_are_no_part_of_a_message() {
        let mut progress = progress();
        let mut received = 500;
        for _ in 0..100_000 {
            received += 10;
            progress.control_frame(4);
            assert!(!progress.is_endless(received, Instant::now()));
        }
        assert_eq!(progress.unfinished_since(), None);
    }
}
