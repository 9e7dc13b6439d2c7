//! What changes about messages besides their payloads.

use super::change::Kind;
use super::class::{Pairing, Sender};
use super::protocol::limit;
use super::rows::{Plain, Rows, or_none};
use super::schema::normalized;
use crate::model::{Answer, Delivery, From, Limits, Message, Model, OnDisconnect, Overflow};

pub(super) fn compare(old: &Model, new: &Model, rows: &mut Rows<'_>) {
    let gone = only_in(old, new);
    let come = only_in(new, old);
    let renamed = renamed(old, &gone, new, &come);
    for message in old.messages.iter().filter(|message| !message.engine) {
        match new.message(&message.name) {
            Some(now) => changed((old, message), (new, now), rows),
            None => match renamed.iter().find(|(before, _)| before.name == message.name) {
                Some((before, after)) => rename(before, after, rows),
                None => removed(message, rows),
            },
        }
    }
    for message in come {
        if !renamed.iter().any(|(_, after)| after.name == message.name) {
            added(message, rows);
        }
    }
}

fn only_in<'m>(these: &'m Model, others: &Model) -> Vec<&'m Message> {
    these
        .messages
        .iter()
        .filter(|message| !message.engine && others.message(&message.name).is_none())
        .collect()
}

/// Pairs of messages of which nothing but the name differs, if there is no second one like it. What has no payload is
/// like too many others.
fn renamed<'m>(
    old: &Model,
    gone: &[&'m Message],
    new: &Model,
    come: &[&'m Message],
) -> Vec<(&'m Message, &'m Message)> {
    let alike = |before: &Message, after: &Message| {
        !before.payload_optional
            && before.from == after.from
            && before.answer == after.answer
            && normalized(&old.def(before.payload).schema) == normalized(&new.def(after.payload).schema)
    };
    gone.iter()
        .filter_map(|before| {
            let mut after = come.iter().filter(|after| alike(before, after));
            let (first, second) = (after.next()?, after.next());
            let others = gone.iter().filter(|other| alike(other, first)).count();
            (second.is_none() && others == 1).then_some((*before, *first))
        })
        .collect()
}

fn subject(message: &Message) -> String {
    format!("message {}", message.name)
}

/// Who is troubled when a message goes.
fn goes(from: From) -> Vec<(Pairing, String)> {
    let mut troubles = Vec::new();
    if from.client() {
        troubles.push((
            Pairing::OldClient,
            "an old client may send it, and a new server does not take it".to_owned(),
        ));
    }
    if from.server() {
        troubles.push((
            Pairing::OldClient,
            "an old client may wait for it in vain".to_owned(),
        ));
    }
    troubles
}

/// Who is troubled when a message comes: clients pass over what they do not know.
fn comes(from: From) -> Vec<(Pairing, String)> {
    if from.client() {
        vec![(
            Pairing::NewClient,
            "a new client may send it, and an old server does not take it".to_owned(),
        )]
    } else {
        Vec::new()
    }
}

fn sender(from: From) -> Sender {
    if from.client() {
        Sender::Client
    } else {
        Sender::Server
    }
}

fn removed(message: &Message, rows: &mut Rows<'_>) {
    rows.plain(Plain {
        kind: Kind::MessageRemoved,
        subject: subject(message),
        what: format!("message of the {} removed", origin(message.from)),
        troubles: goes(message.from),
        sender: Some(sender(message.from)),
        path: &["messages", &message.name],
    });
}

fn added(message: &Message, rows: &mut Rows<'_>) {
    rows.plain(Plain {
        kind: Kind::MessageAdded,
        subject: subject(message),
        what: format!("message of the {} added", origin(message.from)),
        troubles: comes(message.from),
        sender: Some(sender(message.from)),
        path: &["messages", &message.name],
    });
}

fn rename(old: &Message, new: &Message, rows: &mut Rows<'_>) {
    let mut troubles = goes(old.from);
    troubles.extend(comes(new.from));
    let row = Plain {
        kind: Kind::MessageRenamed,
        subject: subject(old),
        what: format!("has the name {} now", new.name),
        troubles,
        sender: Some(sender(old.from)),
        path: &["messages", &new.name],
    };
    rows.renamed(row, Some(&["messages", &old.name]));
}

fn origin(from: From) -> &'static str {
    match from {
        From::Client => "client",
        From::Server => "server",
        From::Both => "client and the server",
    }
}

fn changed((before, old): (&Model, &Message), (after, new): (&Model, &Message), rows: &mut Rows<'_>) {
    let name = old.name.as_str();
    if old.from != new.from {
        let word = |from| match from {
            From::Client => "client",
            From::Server => "server",
            From::Both => "both",
        };
        let lost = difference(old.from, new.from).map(goes);
        let won = difference(new.from, old.from).map(comes);
        rows.plain(Plain {
            kind: Kind::From,
            subject: subject(old),
            what: format!("`from` {} became {}", word(old.from), word(new.from)),
            troubles: lost.into_iter().chain(won).flatten().collect(),
            sender: Some(Sender::Client),
            path: &["messages", name, "from"],
        });
    }
    payload_optional(old, new, rows);
    answer(old, new, rows);
    errors(old, new, rows);
    delivery(old, new, rows);
    auth(old, new, rows);
    limits(
        (&before.connection.limits, old),
        (&after.connection.limits, new),
        rows,
    );
}

/// Who may send it according to `these` and not according to `others`.
fn difference(these: From, others: From) -> Option<From> {
    match (
        these.client() && !others.client(),
        these.server() && !others.server(),
    ) {
        (true, true) => Some(From::Both),
        (true, false) => Some(From::Client),
        (false, true) => Some(From::Server),
        (false, false) => None,
    }
}

/// Servers always send a payload.
fn payload_optional(old: &Message, new: &Message, rows: &mut Rows<'_>) {
    if old.payload_optional == new.payload_optional || !(old.from.client() && new.from.client()) {
        return;
    }
    let (what, trouble) = if old.payload_optional {
        let trouble = "an old client may leave the payload out, and a new server refuses that";
        (
            "the payload may no longer be left out",
            (Pairing::OldClient, trouble.to_owned()),
        )
    } else {
        let trouble = "a new client may leave the payload out, and an old server refuses that";
        (
            "the payload may be left out now",
            (Pairing::NewClient, trouble.to_owned()),
        )
    };
    rows.plain(Plain {
        kind: Kind::PayloadOptional,
        subject: subject(old),
        what: what.to_owned(),
        troubles: vec![trouble],
        sender: Some(Sender::Client),
        path: &["messages", &old.name, "payload"],
    });
}

fn answer(old: &Message, new: &Message, rows: &mut Rows<'_>) {
    if old.answer == new.answer {
        return;
    }
    let old_waits = || {
        (
            Pairing::OldClient,
            "an old client may wait for its answer in vain".to_owned(),
        )
    };
    let new_waits = || {
        (
            Pairing::NewClient,
            "a new client may wait for its answer in vain".to_owned(),
        )
    };
    let (key, what, troubles) = match (&old.answer, &new.answer) {
        (Answer::None, answer) => (key(answer), format!("{} now", words(answer)), vec![new_waits()]),
        (answer, Answer::None) => (
            key(answer),
            "nothing answers it now".to_owned(),
            vec![old_waits()],
        ),
        (
            Answer::Stream {
                item,
                end,
                error,
                on_disconnect,
            },
            Answer::Stream {
                item: new_item,
                end: new_end,
                error: new_error,
                on_disconnect: now,
            },
        ) => {
            let mut troubles = Vec::new();
            let mut parts = Vec::new();
            for (role, before, after) in [("item", item, new_item), ("end", end, new_end)] {
                if before != after {
                    parts.push(format!("`{role}` of its stream {before} became {after}"));
                    troubles.extend([old_waits(), new_waits()]);
                }
            }
            if error != new_error {
                parts.push(format!(
                    "`error` of its stream {} became {}",
                    or_none(error.clone()),
                    or_none(new_error.clone())
                ));
                // An `error` of the engine ends every stream; a message only those that name it.
                troubles.extend(new_error.as_ref().map(|_| old_waits()));
                troubles.extend(error.as_ref().map(|_| new_waits()));
            }
            if on_disconnect != now {
                parts.push(format!(
                    "a stream {} when its connection is lost",
                    if *now == OnDisconnect::Cancel {
                        "is cancelled"
                    } else {
                        "goes on"
                    }
                ));
                if *now == OnDisconnect::Cancel {
                    let what = "an old client may count on streams that outlive a connection";
                    troubles.push((Pairing::OldClient, what.to_owned()));
                }
            }
            ("stream", parts.join(", "), troubles)
        }
        (before, after) => {
            let what = format!("{} now; before, {}", words(after), words(before));
            (key(after), what, vec![old_waits(), new_waits()])
        }
    };
    let mut troubles: Vec<(Pairing, String)> = troubles;
    troubles.sort();
    troubles.dedup();
    rows.plain(Plain {
        kind: Kind::Answer,
        subject: subject(old),
        what,
        troubles,
        sender: None,
        path: &["messages", &old.name, key],
    });
}

fn key(answer: &Answer) -> &'static str {
    match answer {
        Answer::Stream { .. } => "stream",
        _ => "reply",
    }
}

fn words(answer: &Answer) -> String {
    match answer {
        Answer::None => "nothing answers it".to_owned(),
        Answer::Reply(name) => format!("{name} answers it"),
        Answer::Stream { item, .. } => format!("a stream of {item} answers it"),
    }
}

/// Clients keep codes that they do not know.
fn errors(old: &Message, new: &Message, rows: &mut Rows<'_>) {
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

fn delivery(old: &Message, new: &Message, rows: &mut Rows<'_>) {
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

fn auth(old: &Message, new: &Message, rows: &mut Rows<'_>) {
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

fn limits((old_all, old): (&Limits, &Message), (new_all, new): (&Limits, &Message), rows: &mut Rows<'_>) {
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
