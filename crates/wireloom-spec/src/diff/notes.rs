//! What reaches documentation only: descriptions, examples, defaults, what is deprecated, and since when it is there.

use serde_json::Value;

use super::change::Kind;
use super::rows::Rows;
use crate::model::{Message, Model, Origin};
use crate::schema::keywords::{self, Applies, Takes};

pub(super) fn compare(old: &Model, new: &Model, rows: &mut Rows<'_>) {
    for message in old.messages.iter().filter(|message| !message.engine) {
        if let Some(now) = new.message(&message.name) {
            of_message(message, now, rows);
            let root = ["messages", message.name.as_str(), "payload"];
            let subject = format!("message {}", message.name);
            let schemas = (&old.def(message.payload).schema, &new.def(now.payload).schema);
            of_schema(schemas.0, schemas.1, &subject, &root, &mut Vec::new(), rows);
        }
    }
    for def in &old.defs {
        let Origin::Type(name) = &def.origin else { continue };
        if let Some(now) = new.defs.iter().find(|now| now.origin == def.origin) {
            let root = ["types", name.as_str()];
            let subject = format!("type {name}");
            of_schema(&def.schema, &now.schema, &subject, &root, &mut Vec::new(), rows);
        }
    }
}

fn of_message(old: &Message, new: &Message, rows: &mut Rows<'_>) {
    let subject = format!("message {}", old.name);
    let root = ["messages", old.name.as_str()];
    let (before, after) = (&old.docs, &new.docs);
    if before.deprecated != after.deprecated {
        let what = deprecated(after.deprecated).to_owned();
        rows.note(
            Kind::Deprecated,
            subject.clone(),
            what,
            &root,
            &["deprecated".to_owned()],
        );
    }
    let changed: Vec<&str> = [
        ("description", before.description != after.description),
        ("examples", before.examples != after.examples),
        ("since", old.since != new.since),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect();
    if !changed.is_empty() {
        rows.note(Kind::Docs, subject, words(&changed), &root, &[]);
    }
}

/// Notes at a schema and inside it, where both have something.
fn of_schema(
    old: &Value,
    new: &Value,
    subject: &str,
    root: &[&str],
    way: &mut Vec<String>,
    rows: &mut Rows<'_>,
) {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return;
    };
    let is_on = |flag: Option<&Value>| flag == Some(&Value::Bool(true));
    let (was, is) = (is_on(before.get("deprecated")), is_on(after.get("deprecated")));
    if was != is {
        rows.note(
            Kind::Deprecated,
            subject.to_owned(),
            deprecated(is).to_owned(),
            root,
            way,
        );
    }
    let mut changed = Vec::new();
    for key in before
        .keys()
        .chain(after.keys().filter(|key| !before.contains_key(*key)))
    {
        let Some(keyword) = keywords::find(key) else {
            continue;
        };
        if keyword.applies == Applies::Note {
            if key != "deprecated" && before.get(key) != after.get(key) {
                changed.push(key.as_str());
            }
            continue;
        }
        let (Some(one), Some(other)) = (before.get(key), after.get(key)) else {
            continue;
        };
        way.push(key.clone());
        match (keyword.takes, one, other) {
            (Takes::Schema, ..) => of_schema(one, other, subject, root, way, rows),
            (Takes::SchemaList, Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                for (at, (one, other)) in one.iter().zip(other).enumerate() {
                    way.push(at.to_string());
                    of_schema(one, other, subject, root, way, rows);
                    way.pop();
                }
            }
            (Takes::SchemaMap, Value::Object(one), Value::Object(other)) => {
                for (name, one) in one {
                    if let Some(other) = other.get(name) {
                        way.push(name.clone());
                        of_schema(one, other, subject, root, way, rows);
                        way.pop();
                    }
                }
            }
            _ => {}
        }
        way.pop();
    }
    if !changed.is_empty() {
        rows.note(Kind::Docs, subject.to_owned(), words(&changed), root, way);
    }
}

fn deprecated(is: bool) -> &'static str {
    if is {
        "deprecated now"
    } else {
        "no longer deprecated"
    }
}

fn words(keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("{} changed", keys.join(", "))
}
