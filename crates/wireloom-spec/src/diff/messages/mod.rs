//! What changes about messages besides their payloads.

mod answer;
mod terms;

use self::answer::answer;
use self::terms::{auth, delivery, errors, limits};
use super::change::Kind;
use super::class::{Pairing, Sender};
use super::rows::{Plain, Rows};
use super::schema::normalized;
use crate::model::{From, Message, Model};

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
