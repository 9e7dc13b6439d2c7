//! The numbers of a session: what was received, what was acknowledged, and the token that takes it up again.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// Messages, bytes and time after which a client acknowledges at the latest.
const ACK_MESSAGES: u64 = 32;
const ACK_BYTES: usize = 64 * 1024;
const ACK_AFTER: Duration = Duration::from_secs(1);

/// The session, as the client knows it.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Takes the session up again; none where the server keeps none.
    pub(super) token: Option<String>,
    /// The client's name on the server.
    pub(super) client_id: Option<String>,
    /// Highest `seq` that was received.
    pub(super) last_seq: u64,
    /// Received since the last acknowledgement.
    messages: u64,
    bytes: usize,
    /// When to acknowledge at the latest.
    ack_at: Option<Instant>,
}

/// What a number is to those that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The next one.
    Next,
    /// It came already.
    Again,
    /// Others are missing in front of it.
    Gap,
}

impl Session {
    /// Takes a numbered message into account.
    pub(super) fn receive(&mut self, seq: u64, bytes: usize, now: Instant) -> Order {
        let expected = self.expected();
        if seq < expected {
            return Order::Again;
        }
        if seq > expected {
            return Order::Gap;
        }
        self.last_seq = seq;
        if self.token.is_some() {
            self.messages += 1;
            self.bytes += bytes;
            let due = if self.messages >= ACK_MESSAGES || self.bytes >= ACK_BYTES {
                now
            } else {
                now + ACK_AFTER
            };
            self.ack_at = Some(self.ack_at.map_or(due, |at| at.min(due)));
        }
        Order::Next
    }

    /// The number that comes next.
    pub(super) fn expected(&self) -> u64 {
        self.last_seq.saturating_add(1)
    }

    /// Asks for an acknowledgement now, whether anything came or not.
    pub(super) fn acknowledge_at(&mut self, at: Instant) {
        if self.token.is_some() {
            self.ack_at = Some(at);
        }
    }

    /// When to acknowledge at the latest.
    pub(super) fn ack_at(&self) -> Option<Instant> {
        self.ack_at
    }

    /// What to acknowledge with the message that is being written, if anything.
    pub(super) fn acknowledge(&mut self) -> Option<u64> {
        self.ack_at.take()?;
        self.messages = 0;
        self.bytes = 0;
        Some(self.last_seq)
    }

    /// Starts over with another session.
    pub(super) fn replace(&mut self, token: Option<String>, client_id: Option<String>) {
        *self = Self {
            token,
            client_id,
            ..Self::default()
        };
    }

    /// The token was used and is replaced; the session goes on.
    pub(super) fn rotate(&mut self, token: Option<String>, client_id: String) {
        self.token = token;
        self.client_id = Some(client_id);
        self.ack_at = None;
    }
}

/// `connection:established`, as much of it as a client needs. Not the generated type: a server that says less, or
/// something else where it is not needed, is no reason to go.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Established {
    pub(super) client_id: Option<String>,
    pub(super) resume_token: Option<String>,
    pub(super) heartbeat_ms: Option<u64>,
    pub(super) limits: Limits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Limits {
    /// Largest message, unless its type says otherwise.
    pub(super) message_bytes: Option<usize>,
    /// Of the types that have a limit of their own.
    pub(super) type_bytes: HashMap<String, usize>,
}

/// `connection:resumed`, with any reason: a newer server may have more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resumed {
    pub(super) client_id: String,
    pub(super) resumed: bool,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) replayed: u64,
    #[serde(default)]
    pub(super) resume_token: Option<String>,
}

/// `connection:closing`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClosingPayload {
    pub(super) reason: String,
    pub(super) reconnect_after_ms: u64,
}
