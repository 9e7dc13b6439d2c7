//! What belongs to the protocol as a whole: name, version, how its servers behave, errors, states.

use serde_json::Value;

use super::change::Kind;
use super::class::{Pairing, Sender};
use super::rows::{Plain, Rows, or_none};
use super::states;
use crate::model::{Connection, ErrorCode, Model};

pub(super) fn compare(old: &Model, new: &Model, rows: &mut Rows<'_>) {
    info(old, new, rows);
    connection(&old.connection, &new.connection, rows);
    errors(&old.errors, &new.errors, rows);
}

fn both(what: &str) -> Vec<(Pairing, String)> {
    Pairing::ALL
        .into_iter()
        .map(|pairing| (pairing, what.to_owned()))
        .collect()
}

fn info(old: &Model, new: &Model, rows: &mut Rows<'_>) {
    let (before, after) = (&old.info, &new.info);
    let subprotocols = format!("{} became {}", before.subprotocol(), after.subprotocol());
    let foreign = "who offers the one subprotocol only is refused by a server of the other";
    if before.name != after.name {
        rows.plain(Plain {
            kind: Kind::Name,
            subject: "protocol".to_owned(),
            what: format!(
                "name {} became {}: subprotocol {subprotocols}",
                before.name, after.name
            ),
            troubles: both(foreign),
            sender: None,
            path: &["info", "name"],
        });
    }
    if before.version != after.version {
        let major = before.version.major != after.version.major;
        let what = format!("version {} became {}", before.version, after.version);
        rows.plain(Plain {
            kind: Kind::Version,
            subject: "protocol".to_owned(),
            what: if major {
                format!("{what}: subprotocol {subprotocols}")
            } else {
                what
            },
            troubles: if major && before.name == after.name {
                both(foreign)
            } else {
                Vec::new()
            },
            sender: None,
            path: &["info", "version"],
        });
    }
    if before.description != after.description {
        let what = "`description` changed".to_owned();
        rows.note(
            Kind::Docs,
            "protocol".to_owned(),
            what,
            &["info"],
            &["description".to_owned()],
        );
    }
}

/// A number that bounds what a client may send.
struct Bound {
    path: [&'static str; 3],
    before: Option<f64>,
    after: Option<f64>,
}

fn connection(old: &Connection, new: &Connection, rows: &mut Rows<'_>) {
    if old.path != new.path {
        rows.plain(Plain {
            kind: Kind::Connection,
            subject: "connection".to_owned(),
            what: format!("`path` {} became {}", old.path, new.path),
            troubles: both("who connects to the one path finds nothing at a server of the other"),
            sender: None,
            path: &["connection", "path"],
        });
    }
    let (limits, now) = (&old.limits, &new.limits);
    let bound = |key, before: f64, after: f64| Bound {
        path: ["connection", "limits", key],
        before: Some(before),
        after: Some(after),
    };
    let bounds = [
        bound(
            "messageBytes",
            limits.message_bytes as f64,
            now.message_bytes as f64,
        ),
        bound("depth", f64::from(limits.depth), f64::from(now.depth)),
        Bound {
            path: ["connection", "limits", "rate"],
            before: limits.rate,
            after: now.rate,
        },
        bound("burst", f64::from(limits.burst), f64::from(now.burst)),
        bound("inFlight", f64::from(limits.in_flight), f64::from(now.in_flight)),
    ];
    for Bound { path, before, after } in bounds {
        limit(
            Kind::Connection,
            "connection",
            path[2],
            before,
            after,
            &path,
            rows,
        );
    }
    // What clients are told, or need not know.
    let settings = [
        (
            &["connection", "heartbeat", "interval"],
            old.heartbeat_interval_ms,
            new.heartbeat_interval_ms,
            " ms",
        ),
        (
            &["connection", "heartbeat", "timeout"],
            old.heartbeat_timeout_ms,
            new.heartbeat_timeout_ms,
            " ms",
        ),
        (
            &["connection", "resume", "window"],
            old.resume_window_ms,
            new.resume_window_ms,
            " ms",
        ),
        (
            &["connection", "resume", "messages"],
            old.resume_messages,
            new.resume_messages,
            "",
        ),
        (
            &["connection", "resume", "bytes"],
            old.resume_bytes,
            new.resume_bytes,
            "",
        ),
        (
            &["connection", "limits", "outboxBytes"],
            limits.outbox_bytes,
            now.outbox_bytes,
            "",
        ),
    ];
    for (path, before, after, unit) in settings {
        if before != after {
            rows.plain(Plain {
                kind: Kind::Connection,
                subject: "connection".to_owned(),
                what: format!("`{}.{}` {before}{unit} became {after}{unit}", path[1], path[2]),
                troubles: Vec::new(),
                sender: None,
                path,
            });
        }
    }
}

/// A limit of what clients may send: less troubles old clients, more troubles new clients at old servers. `None` is no limit.
pub(super) fn limit(
    kind: Kind,
    subject: &str,
    name: &str,
    before: Option<f64>,
    after: Option<f64>,
    path: &[&str],
    rows: &mut Rows<'_>,
) {
    if before == after {
        return;
    }
    let narrower = after.unwrap_or(f64::INFINITY) < before.unwrap_or(f64::INFINITY);
    let trouble = if narrower {
        (
            Pairing::OldClient,
            format!("an old client may go beyond the `{name}` of a new server"),
        )
    } else {
        (
            Pairing::NewClient,
            format!("a new client may go beyond the `{name}` of an old server"),
        )
    };
    rows.plain(Plain {
        kind,
        subject: subject.to_owned(),
        what: format!("`{name}` {} became {}", number(before), number(after)),
        troubles: vec![trouble],
        sender: Some(Sender::Client),
        path,
    });
}

/// Whole numbers without a point.
fn number(value: Option<f64>) -> String {
    let whole = value.filter(|value| value.fract() == 0.0 && value.abs() < 1e15);
    match whole {
        Some(whole) => format!("{whole:.0}"),
        None => or_none(value.map(Value::from)),
    }
}

fn errors(old: &[ErrorCode], new: &[ErrorCode], rows: &mut Rows<'_>) {
    let find = |list: &[ErrorCode], code: &str| list.iter().position(|error| error.code == code);
    for error in old {
        let what = match find(new, &error.code).and_then(|at| new.get(at)) {
            None => "removed".to_owned(),
            Some(now) if now.retryable != error.retryable => format!("`retryable` is {} now", now.retryable),
            Some(now) if now.description != error.description => {
                let subject = format!("error {}", error.code);
                let path = ["errors", error.code.as_str()];
                rows.note(
                    Kind::Docs,
                    subject,
                    "`description` changed".to_owned(),
                    &path,
                    &[],
                );
                continue;
            }
            Some(_) => continue,
        };
        of_error(error, what, rows);
    }
    for error in new.iter().filter(|error| find(old, &error.code).is_none()) {
        of_error(error, "added".to_owned(), rows);
    }
}

/// Clients keep codes that they do not know.
fn of_error(error: &ErrorCode, what: String, rows: &mut Rows<'_>) {
    rows.plain(Plain {
        kind: Kind::Error,
        subject: format!("error {}", error.code),
        what,
        troubles: Vec::new(),
        sender: Some(Sender::Server),
        path: &["errors", &error.code],
    });
}

pub(super) fn states(old: &Model, new: &Model, rows: &mut Rows<'_>) {
    if old.states == new.states {
        return;
    }
    let troubles = [
        (Pairing::OldClient, states::refused(old, new), "new"),
        (Pairing::NewClient, states::refused(new, old), "old"),
    ];
    let troubles: Vec<(Pairing, String)> = troubles
        .into_iter()
        .filter_map(|(pairing, way, server)| {
            let way = way?;
            let (last, before) = way.split_last()?;
            let when = if before.is_empty() {
                "at the beginning".to_owned()
            } else {
                format!("after {}", before.join(", "))
            };
            Some((
                pairing,
                format!("{when}, {last} is legal, and a server of the {server} version refuses it"),
            ))
        })
        .collect();
    let what = match (&old.states, &new.states) {
        (None, Some(_)) => "states added",
        (Some(_), None) => "states removed",
        _ if troubles.is_empty() => "states changed; the same orders of messages are legal",
        _ => "other orders of messages are legal",
    };
    rows.plain(Plain {
        kind: Kind::States,
        subject: "states".to_owned(),
        what: what.to_owned(),
        troubles,
        sender: Some(Sender::Client),
        path: &["states"],
    });
}
