//! What answers a message.

use super::subject;
use crate::diff::change::Kind;
use crate::diff::class::Pairing;
use crate::diff::rows::{Plain, Rows, or_none};
use crate::model::{Answer, Message, OnDisconnect};

pub(super) fn answer(old: &Message, new: &Message, rows: &mut Rows<'_>) {
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
