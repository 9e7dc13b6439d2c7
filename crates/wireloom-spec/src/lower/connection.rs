//! `connection`: what the file says, and the default for what it does not.

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::model::{Connection, Limits};
use crate::shape::{ConnectionShape, LimitsShape};

/// The behaviour of a server, with defaults for all that is left out.
pub(crate) fn connection(shape: Option<&ConnectionShape>, sink: &mut Sink) -> Connection {
    let path = shape.and_then(|shape| shape.path.at());
    if let Some(path) = path.filter(|path| !is_path(&path.value)) {
        let message = format!("`{}` is no path of an endpoint", path.value);
        let report = Report::new(&codes::VALUE, path.span, message)
            .help("a path begins with `/` and has no query, blanks or braces");
        sink.push(report);
    }
    let heartbeat = shape.and_then(|shape| shape.heartbeat.get());
    let resume = shape.and_then(|shape| shape.resume.get());
    let limits = limits(shape.and_then(|shape| shape.limits.get()));
    if let Some(at) = shape
        .and_then(|shape| shape.limits.get())
        .and_then(|limits| limits.message_bytes.at())
        && limits.message_bytes < 256
    {
        let report = Report::new(&codes::VALUE, at.span, "an envelope alone needs more than this")
            .help("write at least `256B`");
        sink.push(report);
    }
    Connection {
        path: path.map_or_else(|| "/ws".to_owned(), |path| path.value.clone()),
        heartbeat_interval_ms: heartbeat
            .and_then(|shape| shape.interval.get())
            .map_or(30_000, |value| value.0),
        heartbeat_timeout_ms: heartbeat
            .and_then(|shape| shape.timeout.get())
            .map_or(10_000, |value| value.0),
        resume_window_ms: resume
            .and_then(|shape| shape.window.get())
            .map_or(120_000, |value| value.0),
        resume_messages: resume
            .and_then(|shape| shape.messages.get())
            .map_or(1_000, |value| value.0),
        resume_bytes: resume
            .and_then(|shape| shape.bytes.get())
            .map_or(1 << 20, |value| value.0),
        limits,
    }
}

fn limits(shape: Option<&LimitsShape>) -> Limits {
    let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    Limits {
        message_bytes: shape
            .and_then(|shape| shape.message_bytes.get())
            .map_or(256 << 10, |value| value.0),
        depth: shape
            .and_then(|shape| shape.depth.get())
            .map_or(32, |value| narrow(value.0)),
        rate: shape
            .and_then(|shape| shape.rate.get())
            .map_or(Some(100.0), |value| value.0),
        burst: shape
            .and_then(|shape| shape.burst.get())
            .map_or(200, |value| narrow(value.0)),
        in_flight: shape
            .and_then(|shape| shape.in_flight.get())
            .map_or(32, |value| narrow(value.0)),
        outbox_bytes: shape
            .and_then(|shape| shape.outbox_bytes.get())
            .map_or(1 << 20, |value| value.0),
    }
}

/// Whether a router takes it for a path, and for nothing but a path.
fn is_path(path: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()+,;=:@%".contains(&byte);
    path.starts_with('/') && path.bytes().all(allowed)
}
