//! JSON Schema files to a protocol: each is the payload of one message, and its definitions are types.

use serde_json::{Map, Value, json};

use super::documents::{Documents, Place};
use super::keywords::asserts;
use super::mend::{Origins, pointer};
use super::names::{self, Names};
use super::report::Kind;
use super::schema::Schemas;
use super::{From, Imported};

/// What the files do not say.
pub(super) struct Options<'a> {
    /// Name of the protocol.
    pub(super) name: &'a str,
    /// Who sends the messages.
    pub(super) from: Option<From>,
}

/// Converts the files, in their order.
pub(super) fn import(documents: &mut Documents, files: &[usize], options: &Options<'_>) -> Imported {
    let name = names::protocol_name(options.name);
    let mut names = Names::new(&name);
    let mut roots = Vec::new();
    for file in files {
        let root = Place::root(*file);
        let schema = documents.at(&root).cloned().unwrap_or_default();
        let is_payload = match &schema {
            Value::Object(keywords) => keywords
                .keys()
                .any(|key| asserts(key) && !["$defs", "definitions", "id"].contains(&key.as_str())),
            _ => true,
        };
        let title = schema.get("title").and_then(Value::as_str);
        let wanted = title
            .filter(|title| !title.contains(char::is_whitespace) && title.contains([':', '.']))
            .map_or_else(|| documents.stem(*file), str::to_owned);
        let message = is_payload.then(|| {
            let named = names.message(&wanted);
            if named != wanted {
                let instead = format!("the message is named {named}");
                documents.changed(&root, format!("`{wanted}` is no free name of a message"), instead);
            }
            named
        });
        roots.push((root, message));
    }
    let mut schemas = Schemas::new(documents, names);
    for (root, _) in &roots {
        for key in ["$defs", "definitions"] {
            let at = root.at(key);
            let definitions = schemas.documents.at(&at).and_then(Value::as_object);
            let places: Vec<Place> = definitions
                .into_iter()
                .flatten()
                .map(|(name, _)| at.at(name))
                .collect();
            for place in places {
                schemas.named(&place);
            }
        }
    }
    let mut payloads = Vec::new();
    for (root, message) in &roots {
        if let Some(message) = message {
            payloads.push((root, message, schemas.at(root)));
        }
    }
    let types = schemas.finish();
    let from = options.from.unwrap_or(From::Both);
    let mut origins = Origins::new();
    let mut messages = Map::new();
    for (root, message, payload) in payloads {
        // A schema that refers to itself is a type.
        let payload = match schemas.name_of(root) {
            Some(name) => json!({ "$ref": format!("#/types/{name}") }),
            None => payload,
        };
        if options.from.is_none() {
            schemas.documents.say(
                Kind::Note,
                root,
                "a schema does not say who sends the message",
                "both sides may: `from: both`, unless --from says otherwise",
            );
        }
        let at = pointer(&["messages".to_owned(), message.clone()]);
        origins.insert(format!("{at}/payload"), root.clone());
        messages.insert(
            message.clone(),
            json!({ "from": from.as_str(), "payload": payload }),
        );
    }
    for name in types.keys() {
        if let Some(place) = schemas.origin(name) {
            origins.insert(pointer(&["types".to_owned(), name.clone()]), place.clone());
        }
    }
    let mut protocol = Map::new();
    protocol.insert("wireloom".to_owned(), 1.into());
    protocol.insert("info".to_owned(), json!({ "name": name, "version": "1.0.0" }));
    if !types.is_empty() {
        protocol.insert("types".to_owned(), types.into());
    }
    protocol.insert("messages".to_owned(), messages.into());
    Imported {
        protocol: protocol.into(),
        origins,
    }
}
