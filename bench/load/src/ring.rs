//! Requests, masked beforehand and laid end to end, so that any number of them is one contiguous write.

use crate::dialect::{Dialect, FIRST_ID};
use crate::frame::{masked, opcode};
use crate::message::Kind;

/// Ids in use at once: more than any connection has in flight, so that none is repeated before its reply.
const FRAMES: usize = 64;

/// The frames, twice over: a slice that starts anywhere in the first half is long enough for [`FRAMES`] of them.
pub(crate) struct Ring {
    bytes: Vec<u8>,
    frame: usize,
}

impl Ring {
    pub(crate) fn new(dialect: &dyn Dialect, kind: Kind) -> Self {
        let payload = kind.payload();
        let ids = FIRST_ID..FIRST_ID + FRAMES as u32;
        let frames: Vec<Vec<u8>> = ids
            .map(|id| masked(opcode::TEXT, dialect.request(kind, &payload, id).as_bytes()))
            .collect();
        let frame = frames[0].len();
        debug_assert!(
            frames.iter().all(|other| other.len() == frame),
            "ids have a fixed width"
        );
        Self {
            bytes: [frames.concat(), frames.concat()].concat(),
            frame,
        }
    }

    /// Bytes of one frame.
    pub(crate) fn frame(&self) -> usize {
        self.frame
    }

    /// The next bytes to send from `cursor` on, at most `owed` of them.
    pub(crate) fn slice(&self, cursor: usize, owed: usize) -> &[u8] {
        &self.bytes[cursor..cursor + owed.min(self.bytes.len() / 2)]
    }

    /// Where the cursor stands after `sent` more bytes.
    pub(crate) fn advance(&self, cursor: usize, sent: usize) -> usize {
        (cursor + sent) % (self.bytes.len() / 2)
    }
}
