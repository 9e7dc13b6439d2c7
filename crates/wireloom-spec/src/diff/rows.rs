//! Collects changes, with their places.

use serde_json::Value;

use super::Side;
use super::change::{Change, Evidence, Kind, Trouble, advice};
use super::class::{Class, Pairing, Sender};
use super::places::Places;
use super::schema::{Row, Subject, users};

/// Changes in the making.
pub(super) struct Rows<'a> {
    sides: (Side<'a>, Side<'a>),
    places: (Places<'a>, Places<'a>),
    pub(super) changes: Vec<Change>,
}

/// A change of something that is no schema.
pub(super) struct Plain<'p> {
    pub(super) kind: Kind,
    pub(super) subject: String,
    pub(super) what: String,
    /// Whom it troubles, and what happens.
    pub(super) troubles: Vec<(Pairing, String)>,
    /// Who sends what is refused; `None` if it is behaviour.
    pub(super) sender: Option<Sender>,
    /// Keys from the root of either file.
    pub(super) path: &'p [&'p str],
}

impl<'a> Rows<'a> {
    pub(super) fn new(old: Side<'a>, new: Side<'a>) -> Self {
        Self {
            sides: (old, new),
            places: (Places::new(old.file, old.text), Places::new(new.file, new.text)),
            changes: Vec::new(),
        }
    }

    pub(super) fn plain(&mut self, row: Plain<'_>) {
        self.renamed(row, None);
    }

    /// A change of something that has another path in the old file.
    pub(super) fn renamed(&mut self, row: Plain<'_>, old_path: Option<&[&str]>) {
        let class = Class::of(row.troubles.iter().map(|(pairing, _)| *pairing));
        let troubles = row.troubles.into_iter().map(|(pairing, what)| Trouble {
            pairing,
            what,
            evidence: Evidence::Rule,
        });
        self.changes.push(Change {
            kind: row.kind,
            subject: row.subject,
            used_by: Vec::new(),
            pointer: String::new(),
            what: row.what,
            class,
            troubles: troubles.collect(),
            advice: advice(class, row.sender).map(str::to_owned),
            old: self.places.0.find(old_path.unwrap_or(row.path).iter().copied()),
            new: self.places.1.find(row.path.iter().copied()),
        });
    }

    /// Changes of schemas.
    pub(super) fn schemas(&mut self, rows: Vec<Row>) {
        let users = users(self.sides.1.model);
        for row in rows {
            let (subject, root): (String, [&str; 3]) = match &row.subject {
                Subject::Payload(name) => (format!("message {name}"), ["messages", name, "payload"]),
                Subject::Type(name) => (format!("type {name}"), ["types", name, ""]),
            };
            let used_by = match &row.subject {
                Subject::Payload(_) => Vec::new(),
                Subject::Type(name) => users.get(name).cloned().unwrap_or_default(),
            };
            let root: Vec<&str> = root.into_iter().filter(|key| !key.is_empty()).collect();
            let path = |way: &'_ [String]| -> Vec<String> {
                let way = way.iter().chain(&row.part).map(String::as_str);
                let way = root.iter().copied().chain(way);
                way.map(str::to_owned).collect()
            };
            let (old_path, new_path) = (path(&row.old_way), path(&row.new_way));
            let class = Class::of(row.troubles.iter().map(|trouble| trouble.pairing));
            let sender = if row.senders.contains(&Sender::Client) {
                Sender::Client
            } else {
                Sender::Server
            };
            self.changes.push(Change {
                kind: row.kind,
                subject,
                used_by,
                pointer: pointer(&row.new_way),
                what: row.what,
                class,
                troubles: row.troubles,
                advice: advice(class, Some(sender)).map(str::to_owned),
                old: self.places.0.find(old_path.iter().map(String::as_str)),
                new: self.places.1.find(new_path.iter().map(String::as_str)),
            });
        }
    }

    /// A change of documentation at a way into a schema.
    pub(super) fn note(&mut self, kind: Kind, subject: String, what: String, root: &[&str], way: &[String]) {
        let path: Vec<&str> = root
            .iter()
            .copied()
            .chain(way.iter().map(String::as_str))
            .collect();
        self.changes.push(Change {
            kind,
            subject,
            used_by: Vec::new(),
            pointer: pointer(way),
            what,
            class: Class::Compatible,
            troubles: Vec::new(),
            advice: None,
            old: self.places.0.find(path.iter().copied()),
            new: self.places.1.find(path.iter().copied()),
        });
    }
}

fn pointer(way: &[String]) -> String {
    way.iter()
        .map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")))
        .collect()
}

/// A value in words; `none` if there is none.
pub(super) fn or_none(value: Option<impl Into<Value>>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| super::schema::shown(&value.into()))
}
