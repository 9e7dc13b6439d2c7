//! What the engine counts. Handles are made once; the hot path only adds.
//!
//! Names follow the Prometheus conventions. They go to the recorder that is current when the engine is built.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::messages::ConnectionResumedReason;

/// Outcome of a message that was handled as asked.
pub(crate) const OK: &str = "ok";

/// Codes of the engine, each an outcome.
const OUTCOMES: [&str; 17] = [
    OK,
    "invalid_json",
    "invalid_envelope",
    "unknown_type",
    "wrong_direction",
    "invalid_payload",
    "invalid_state",
    "too_large",
    "rate_limited",
    "too_many_requests",
    "unauthorized",
    "forbidden",
    "timeout",
    "cancelled",
    "duplicate",
    "overloaded",
    "internal",
];

/// Metrics of the whole engine.
pub(crate) struct Metrics {
    /// Connections that are open now.
    pub(crate) connections: Gauge,
    /// Connections ever opened.
    pub(crate) opened: Counter,
    /// Messages queued for clients.
    pub(crate) sent: Counter,
    /// Messages dropped since an outbox was full.
    pub(crate) dropped: Counter,
    /// Sessions whose client is not there, and the bytes that are kept for them.
    pub(crate) parked: Gauge,
    pub(crate) parked_bytes: Gauge,
    /// Resumes, by what became of them.
    pub(crate) resumes: Resumes,
    /// Bytes that waited when a connection's task last looked.
    pub(crate) outbox: Histogram,
    /// Messages that have no type of the protocol.
    pub(crate) unknown: MessageMetrics,
}

/// Resumes, by what became of them.
pub(crate) struct Resumes {
    resumed: Counter,
    expired: Counter,
    gap: Counter,
    unknown: Counter,
    unsupported: Counter,
}

impl Resumes {
    fn new() -> Self {
        let outcome = |outcome: &'static str| counter!("wireloom_resumes_total", "outcome" => outcome);
        Self {
            resumed: outcome("resumed"),
            expired: outcome("expired"),
            gap: outcome("gap"),
            unknown: outcome("unknown"),
            unsupported: outcome("unsupported"),
        }
    }

    /// Counts one.
    pub(crate) fn count<T>(&self, outcome: &Result<T, ConnectionResumedReason>) {
        let counter = match outcome {
            Ok(_) => &self.resumed,
            Err(ConnectionResumedReason::Expired) => &self.expired,
            Err(ConnectionResumedReason::Gap) => &self.gap,
            Err(ConnectionResumedReason::Unknown) => &self.unknown,
            Err(ConnectionResumedReason::Unsupported) => &self.unsupported,
        };
        counter.increment(1);
    }
}

/// Metrics of one message type.
pub(crate) struct MessageMetrics {
    ok: Counter,
    outcomes: HashMap<&'static str, Counter>,
    declared: Counter,
    latency: Histogram,
    /// For a message that is on its way out: how many still come.
    deprecated: Option<Counter>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            connections: gauge!("wireloom_connections"),
            opened: counter!("wireloom_connections_opened_total"),
            sent: counter!("wireloom_messages_sent_total"),
            dropped: counter!("wireloom_messages_dropped_total"),
            parked: gauge!("wireloom_sessions_parked"),
            parked_bytes: gauge!("wireloom_sessions_parked_bytes"),
            resumes: Resumes::new(),
            outbox: histogram!("wireloom_outbox_bytes"),
            unknown: MessageMetrics::new("none", false),
        }
    }
}

impl MessageMetrics {
    /// Metrics of a type. Only one that clients may send, and should not any more, is `deprecated`: so there are no more
    /// series of those than such types.
    pub(crate) fn new(name: &str, deprecated: bool) -> Self {
        let outcome = |outcome: &'static str| counter!("wireloom_messages_total", "type" => name.to_owned(), "outcome" => outcome);
        Self {
            ok: outcome(OK),
            outcomes: OUTCOMES.into_iter().map(|code| (code, outcome(code))).collect(),
            declared: outcome("application_error"),
            latency: histogram!("wireloom_message_seconds", "type" => name.to_owned()),
            deprecated: deprecated
                .then(|| counter!("wireloom_deprecated_messages_total", "type" => name.to_owned())),
        }
    }

    /// Counts messages, and how long they took from the frame to the queued answer.
    pub(crate) fn count(&self, outcome: &str, took: Duration, messages: usize) {
        let counter = if outcome == OK {
            &self.ok
        } else {
            self.outcomes.get(outcome).unwrap_or(&self.declared)
        };
        counter.increment(messages as u64);
        self.latency.record_many(took.as_secs_f64(), messages);
        if let Some(deprecated) = &self.deprecated {
            deprecated.increment(messages as u64);
        }
    }
}
