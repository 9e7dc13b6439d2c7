//! A session as its client knows it: the token, and the sequence of what was received.

use std::collections::BTreeMap;
use std::time::Instant;

/// A session that can be resumed.
#[derive(Debug)]
pub(super) struct Session {
    /// The token for the next resume.
    pub(super) token: String,
    /// The name of its client.
    pub(super) client_id: String,
    /// Number of the last message on this connection, or before its first one.
    pub(super) cursor: u64,
    /// Highest number that was received, on whichever connection.
    pub(super) last: u64,
    /// What the server was told of.
    pub(super) acked: u64,
    /// What may be replayed, by its number.
    received: BTreeMap<u64, String>,
    /// Up to which number the server said that it replays.
    pub(super) replay_until: u64,
    /// Since when its connection is gone.
    pub(super) lost: Option<Instant>,
    /// Whether its client has said that it is over.
    pub(super) ended: bool,
    /// Whether the server may have ended it, by a close that does not ask to connect again.
    pub(super) may_be_over: bool,
}

/// Where a message stands in the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Where it should.
    Next,
    /// Where it should, and it was received before, as it is.
    Replayed,
    /// Where it should, and another one was received before.
    Differs,
    /// Something is missing in front of it.
    Gap,
    /// It came already on this connection.
    Repeated,
}

impl Session {
    pub(super) fn new(token: String, client_id: String) -> Self {
        Self {
            token,
            client_id,
            cursor: 0,
            last: 0,
            acked: 0,
            received: BTreeMap::new(),
            replay_until: 0,
            lost: None,
            ended: false,
            may_be_over: false,
        }
    }

    /// Takes the number of a message.
    pub(super) fn place(&mut self, seq: u64, text: &str) -> Place {
        if seq <= self.cursor {
            return Place::Repeated;
        }
        let gap = seq > self.cursor + 1;
        self.cursor = seq;
        if seq <= self.last {
            // What was acknowledged is not kept here either.
            return match self.received.get(&seq) {
                Some(known) if known != text => Place::Differs,
                _ if gap => Place::Gap,
                _ => Place::Replayed,
            };
        }
        self.last = seq;
        self.received.insert(seq, text.to_owned());
        if gap { Place::Gap } else { Place::Next }
    }

    /// The server may forget everything up to the last message.
    pub(super) fn acknowledge(&mut self) -> u64 {
        self.acked = self.last;
        self.received.clear();
        self.last
    }

    /// A resume says that everything up to this number is there.
    pub(super) fn resumes_from(&mut self, since: u64) {
        self.acked = self.acked.max(since);
        self.received = self.received.split_off(&(since + 1));
    }

    /// Messages that were received and not acknowledged, and their bytes.
    pub(super) fn unacknowledged(&self) -> (u64, usize) {
        let bytes = self.received.values().map(String::len).sum();
        (self.last - self.acked, bytes)
    }
}
