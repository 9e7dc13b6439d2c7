//! How an engine behaves.

use std::time::Duration;

use crate::limits::Admission;
use crate::protocol::Protocol;

/// Longest time that anything takes: clocks cannot count for ever.
pub(crate) const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// Shortest time between pings, and of a write that is stuck.
const NEAR: Duration = Duration::from_millis(100);

/// Deepest nesting that a message may have: it is read by recursion.
const MAX_DEPTH: u32 = 128;

/// How an engine behaves. Starts as the protocol's `connection` says; an operator may change it.
///
/// Times are a year at most; what is longer, shorter or deeper than it may be is taken for the nearest that may be when the
/// engine is built. [`crate::Engine::settings`] has what counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Time between two pings of the server; 100 ms at least.
    pub heartbeat_interval: Duration,
    /// Silence tolerated beyond an interval before the peer is dropped.
    pub heartbeat_timeout: Duration,
    /// Largest inbound message, in bytes.
    pub message_bytes: usize,
    /// Deepest nesting of an inbound message, envelope included; 128 at most.
    pub depth: u32,
    /// Messages a second that a connection may send in the long run; `None`, 0 or less is no limit.
    pub rate: Option<f64>,
    /// Messages that a connection may send at once; 1 at least.
    pub burst: u32,
    /// Requests of a connection that may be in flight together; with 0, all are refused.
    pub in_flight: usize,
    /// Bytes that may wait to be written to a connection.
    pub outbox_bytes: usize,
    /// Protocol violations in a row after which a connection is closed with 4400.
    pub violations: u32,
    /// Refused messages, less those accepted since, after which a connection that exceeds its rate is closed with
    /// 4429.
    pub rate_strikes: u32,
    /// Longest time that a write may be stuck before the connection is dropped, 100 ms at least. It is stuck while the peer
    /// takes less than 4 KiB of what waits for it. [`crate::serve`] on Linux notices whatever is taken; elsewhere that shows
    /// when a third of the kernel's buffer is free, and who reads more slowly than that is dropped, too.
    pub write_timeout: Duration,
    /// Origins that browsers may connect from, beside the server's own host and localhost; `*` allows all.
    pub origins: Vec<String>,
    /// Most connections; the next is closed with 1013.
    pub connections: usize,
    /// Who may come in, and how often.
    pub admission: Admission,
    /// Whether outbound messages are checked against their schemas, too: a mistake of a handler becomes `internal`
    /// (and a line in the log) instead of a message that clients cannot read. A stream ends with it. On in debug builds.
    pub check_outbound: bool,
    /// How long a session outlives its connection; zero turns sessions off. Clients that negotiate the subprotocol have
    /// one.
    pub resume_window: Duration,
    /// Messages that a session keeps for a client that may have missed them.
    pub resume_messages: usize,
    /// Bytes that a session keeps, 64 a message included.
    pub resume_bytes: usize,
    /// Sessions that wait for their clients together; the longest gone end first.
    pub parked_sessions: usize,
    /// Bytes that these keep together; the longest gone end first.
    pub parked_bytes: usize,
    /// What `connection:closing` tells clients to wait before they connect again.
    pub reconnect_after: Duration,
}

impl Settings {
    /// Within their bounds.
    pub(crate) fn bounded(mut self) -> Self {
        self.heartbeat_interval = self.heartbeat_interval.clamp(NEAR, FAR);
        self.heartbeat_timeout = self.heartbeat_timeout.min(FAR);
        self.write_timeout = self.write_timeout.clamp(NEAR, FAR);
        self.resume_window = self.resume_window.min(FAR);
        self.reconnect_after = self.reconnect_after.min(FAR);
        self.admission.authenticate_timeout = self.admission.authenticate_timeout.min(FAR);
        self.depth = self.depth.min(MAX_DEPTH);
        self
    }

    /// What a protocol says.
    #[must_use]
    pub fn of(protocol: &Protocol) -> Self {
        let connection = &protocol.connection;
        Self {
            heartbeat_interval: Duration::from_millis(connection.heartbeat_interval_ms),
            heartbeat_timeout: Duration::from_millis(connection.heartbeat_timeout_ms),
            message_bytes: connection.limits.message_bytes,
            depth: connection.limits.depth,
            rate: connection.limits.rate,
            burst: connection.limits.burst,
            in_flight: connection.limits.in_flight,
            outbox_bytes: connection.limits.outbox_bytes,
            violations: 100,
            rate_strikes: 1000,
            write_timeout: Duration::from_secs(10),
            origins: Vec::new(),
            connections: 100_000,
            admission: Admission::default(),
            check_outbound: cfg!(debug_assertions),
            resume_window: Duration::from_millis(connection.resume_window_ms),
            resume_messages: usize::try_from(connection.resume_messages).unwrap_or(usize::MAX),
            resume_bytes: usize::try_from(connection.resume_bytes).unwrap_or(usize::MAX),
            parked_sessions: 100_000,
            parked_bytes: 256 * 1024 * 1024,
            reconnect_after: Duration::from_secs(1),
        }
    }
}
