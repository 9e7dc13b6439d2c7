//! On which terms a message is sent: errors, delivery, scopes, limits.

use super::subject;
use crate::diff::change::Kind;
use crate::diff::class::{Pairing, Sender};
use crate::diff::protocol::limit;
use crate::diff::rows::{Plain, Rows, or_none};
use crate::model::{Delivery, Limits, Message, Overflow};

/// Clients keep codes that they do not know.
pub(super) fn errors(old: &Message, new: &Message, rows: &mut Rows<'_>) {
    let left = |these: &[String], others: &[String]| -> Vec<String> {
        these
            .iter()
            .filter(|code| !others.contains(code))
            .cloned()
            .collect()
    };
    let parts = changes(left(&new.errors, &old.errors), left(&old.errors, &new.errors));
    if let Some(what) = parts {
        rows.plain(Plain {
            kind: Kind::MessageErrors,
            subject: subject(old),
            what: format!("`errors`: {what}"),
            troubles: Vec::new(),
            sender: Some(Sender::Server),
            path: &["messages", &old.name, "errors"],
        });
    }
}

fn changes(come: Vec<String>, gone: Vec<String>) -> Option<String> {
    let parts: Vec<String> = [("added", come), ("removed", gone)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{} {what}", names.join(", ")))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How sure it is that a message arrives.
fn strength(overflow: &Overflow) -> u8 {
    match overflow {
        Overflow::Disconnect => 3,
        Overflow::Coalesce(Some(_)) => 2,
        Overflow::Coalesce(None) => 1,
        Overflow::Drop => 0,
    }
}

pub(super) fn delivery(old: &Message, new: &Message, rows: &mut Rows<'_>) {
    if old.delivery == new.delivery || !(old.from.server() && new.from.server()) {
        return;
    }
    let Delivery { resumable, overflow } = &old.delivery;
    let mut parts = Vec::new();
    let mut weaker = false;
    if *resumable != new.delivery.resumable {
        parts.push(format!("`resumable` is {} now", new.delivery.resumable));
        weaker |= *resumable;
    }
    if *overflow != new.delivery.overflow {
        let word = |overflow: &Overflow| match overflow {
            Overflow::Disconnect => "disconnect".to_owned(),
            Overflow::Drop => "drop".to_owned(),
            Overflow::Coalesce(None) => "coalesce".to_owned(),
            Overflow::Coalesce(Some(key)) => format!("coalesce by {key}"),
        };
        parts.push(format!(
            "`overflow` {} became {}",
            word(overflow),
            word(&new.delivery.overflow)
        ));
        weaker |= strength(&new.delivery.overflow) <= strength(overflow);
    }
    let trouble = "an old client may count on messages that no longer come in every case";
    rows.plain(Plain {
        kind: Kind::Delivery,
        subject: subject(old),
        what: parts.join(", "),
        troubles: if weaker {
            vec![(Pairing::OldClient, trouble.to_owned())]
        } else {
            Vec::new()
        },
        sender: Some(Sender::Server),
        path: &["messages", &old.name, "delivery"],
    });
}

pub(super) fn auth(old: &Message, new: &Message, rows: &mut Rows<'_>) {
    let left = |these: &[String], others: &[String]| -> Vec<String> {
        these
            .iter()
            .filter(|scope| !others.contains(scope))
            .cloned()
            .collect()
    };
    let (come, gone) = (left(&new.auth, &old.auth), left(&old.auth, &new.auth));
    let mut troubles = Vec::new();
    if !come.is_empty() {
        troubles.push((
            Pairing::OldClient,
            format!("an old client may lack {}", come.join(", ")),
        ));
    }
    if !gone.is_empty() {
        let what = format!(
            "a new client may lack {}, which an old server asks for",
            gone.join(", ")
        );
        troubles.push((Pairing::NewClient, what));
    }
    if let Some(what) = changes(come, gone) {
        rows.plain(Plain {
            kind: Kind::Auth,
            subject: subject(old),
            what: format!("`auth`: {what}"),
            troubles,
            sender: Some(Sender::Client),
            path: &["messages", &old.name, "auth"],
        });
    }
}

pub(super) fn limits(
    (old_all, old): (&Limits, &Message),
    (new_all, new): (&Limits, &Message),
    rows: &mut Rows<'_>,
) {
    let (before, after) = (&old.limits, &new.limits);
    if before.timeout_ms != after.timeout_ms {
        rows.plain(Plain {
            kind: Kind::Limits,
            subject: subject(old),
            what: format!(
                "`timeout` {} became {} (ms)",
                or_none(before.timeout_ms),
                or_none(after.timeout_ms)
            ),
            troubles: Vec::new(),
            sender: Some(Sender::Server),
            path: &["messages", &old.name, "limits", "timeout"],
        });
    }
    if !(old.from.client() && new.from.client()) {
        return;
    }
    // Without a limit of its own, a message has that of the connection; of rates, only that.
    let own = |name, before: Option<f64>, after: Option<f64>, old_all: f64, new_all: f64| {
        let differs = before != after;
        differs.then(|| {
            (
                name,
                Some(before.unwrap_or(old_all)),
                Some(after.unwrap_or(new_all)),
            )
        })
    };
    let bytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
    let bounds = [
        (before.rate != after.rate).then_some(("rate", before.rate, after.rate)),
        own(
            "burst",
            before.burst.map(f64::from),
            after.burst.map(f64::from),
            f64::from(old_all.burst),
            f64::from(new_all.burst),
        ),
        own(
            "messageBytes",
            bytes(before.message_bytes),
            bytes(after.message_bytes),
            old_all.message_bytes as f64,
            new_all.message_bytes as f64,
        ),
    ];
    for (name, before, after) in bounds.into_iter().flatten() {
        let path = ["messages", &old.name, "limits", name];
        limit(Kind::Limits, &subject(old), name, before, after, &path, rows);
    }
}
