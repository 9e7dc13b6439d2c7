//! An AsyncAPI 3 document to a protocol. Our own documents say in `x-wireloom` what AsyncAPI has no place for.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::documents::{Documents, Place};
use super::mend::{Origins, pointer};
use super::messages::{self, Found};
use super::names::{self, Names};
use super::report::Kind;
use super::schema::{LEFT_OUT, Schemas};
use super::{Imported, Role};
use crate::exit::{Exit, Failure};

/// What says in our own documents what AsyncAPI has no place for.
pub(super) const EXTENSION: &str = "x-wireloom";

/// Converts the document.
pub(super) fn import(documents: &mut Documents, file: usize, role: Role) -> Result<Imported, Failure> {
    let root = Place::root(file);
    let document = documents.at(&root).cloned().unwrap_or_default();
    let version = document.get("asyncapi").map(|version| match version {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let version = version.unwrap_or_default();
    if !version.starts_with("3.") {
        let message = format!("this is AsyncAPI {version}, and only AsyncAPI 3 is read");
        return Err(Failure::new(Exit::Usage, message).help("bring it up to date first: `asyncapi convert`"));
    }
    let extension = document.get(EXTENSION).and_then(Value::as_object).cloned();
    let ours = extension.is_some();
    if let Some(version) = extension
        .as_ref()
        .and_then(|own| own.get("version"))
        .filter(|version| **version != 1)
    {
        let what = format!("the extension is of version {version}, and only version 1 is known");
        documents.lost(
            &root.at(EXTENSION).at("version"),
            what,
            "what is known of it is read",
        );
    }
    top_level(&document, &root, documents);
    let info = info(&document, &root, documents);

    let protocol_name = info
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let mut names = Names::new(&protocol_name);
    let mut found = messages::collect(documents, &document, &root, role, ours);
    let mut taken: Vec<(Place, String)> = Vec::new();
    for (place, message) in &mut found {
        let named = if ours {
            message.wanted.clone()
        } else {
            names.message(&message.wanted)
        };
        if named != message.wanted {
            let instead = format!("the message is named {named}");
            documents.changed(
                place,
                format!("`{}` is no free name of a message", message.wanted),
                instead,
            );
        }
        message.name.clone_from(&named);
        taken.push((place.clone(), named));
    }
    let by_place: HashMap<Place, String> = taken.into_iter().collect();

    let uses = references(&document, &root, documents);
    let mut schemas = Schemas::new(documents, names);
    let mut origins = Origins::new();
    let components = component_schemas(&document, &root);
    for (place, _) in &components {
        let payloads = found
            .values()
            .filter(|message| {
                message
                    .payload
                    .as_ref()
                    .is_some_and(|payload| payload.refers_to.as_ref() == Some(place))
            })
            .count();
        let only_payload = payloads == 1 && uses.get(place) == Some(&1) && !ours;
        let is_schema = schemas.schema_place(place.clone());
        match is_schema {
            Ok(inner) if !only_payload => {
                schemas.named(&inner);
            }
            Ok(_) => {}
            Err(_) => schemas.documents.lost(place, "this is no schema", LEFT_OUT),
        }
    }
    let mut messages = Map::new();
    for (place, message) in &found {
        let at = pointer(&["messages".to_owned(), message.name.clone()]);
        origins.insert(at.clone(), place.clone());
        if let Some(payload) = &message.payload {
            origins.insert(format!("{at}/payload"), payload.place.clone());
        }
        let body = self::message(message, &by_place, &uses, ours, &mut schemas);
        messages.insert(message.name.clone(), body);
    }
    let types = schemas.finish();
    for name in types.keys() {
        if let Some(place) = schemas.origin(name) {
            origins.insert(pointer(&["types".to_owned(), name.clone()]), place.clone());
        }
    }
    let documents = schemas.documents;

    let mut protocol = Map::new();
    protocol.insert("wireloom".to_owned(), 1.into());
    protocol.insert("info".to_owned(), info.into());
    let connection = connection(&document, &root, extension.as_ref(), documents);
    if !connection.is_empty() {
        protocol.insert("connection".to_owned(), connection.into());
    }
    if !types.is_empty() {
        protocol.insert("types".to_owned(), types.into());
    }
    let own = |key: &str| extension.as_ref()?.get(key).cloned();
    if let Some(errors) = own("errors") {
        protocol.insert("errors".to_owned(), errors);
    }
    protocol.insert("messages".to_owned(), messages.into());
    if let Some(states) = own("states") {
        protocol.insert("states".to_owned(), states);
    }
    if !ours {
        documents.say(
            Kind::Note,
            &root,
            "messages travel as they are in this document",
            "here each is the `payload` of an envelope with its `type`: peers of the old protocol do not understand it",
        );
    }
    Ok(Imported {
        protocol: protocol.into(),
        origins,
    })
}

/// Keys of the document that say nothing that a protocol says.
fn top_level(document: &Value, root: &Place, documents: &mut Documents) {
    for (key, value) in document.as_object().into_iter().flatten() {
        let at = root.at(key);
        match key.as_str() {
            "asyncapi" | "info" | "channels" | "operations" | "components" | "servers" | EXTENSION => {}
            "defaultContentType" => {
                if !value.as_str().is_some_and(is_json) {
                    documents.changed(&at, "the content is no JSON", "payloads are JSON");
                }
            }
            "id" => documents.lost(&at, "the identifier of the application", LEFT_OUT),
            _ => documents.lost(&at, format!("`{key}` has no counterpart"), LEFT_OUT),
        }
    }
    for (name, _) in document
        .get("servers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let at = root.at("servers").at(name);
        documents.lost(
            &at,
            "addresses, variables and security of servers are no part of a protocol",
            "they are said where a server is started or called",
        );
    }
}

fn info(document: &Value, root: &Place, documents: &mut Documents) -> Map<String, Value> {
    let at = root.at("info");
    let text = |key: &str| {
        let value = document.get("info")?.get(key)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let title = text("title").unwrap_or_default();
    let name = names::protocol_name(&title);
    if name != title {
        let what = format!("`{title}` is no name of a protocol");
        documents.changed(&at.at("title"), what, format!("the protocol is named {name}"));
    }
    let stated = text("version").unwrap_or_default();
    let version = names::version(&stated).unwrap_or_else(|| "1.0.0".to_owned());
    if version != stated {
        let what = format!("`{stated}` is no semantic version");
        documents.changed(&at.at("version"), what, format!("the version is {version}"));
    }
    let mut info = Map::new();
    info.insert("name".to_owned(), name.into());
    info.insert("version".to_owned(), version.into());
    if let Some(description) = text("description") {
        info.insert("description".to_owned(), description.into());
    }
    for (key, _) in document
        .get("info")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if !["title", "version", "description"].contains(&key.as_str()) {
            documents.lost(&at.at(key), format!("`{key}` has no counterpart"), LEFT_OUT);
        }
    }
    info
}

/// The path of the one channel, and in our own documents how a server behaves.
fn connection(
    document: &Value,
    root: &Place,
    extension: Option<&Map<String, Value>>,
    documents: &mut Documents,
) -> Map<String, Value> {
    let mut connection = Map::new();
    let prefix = document
        .get("servers")
        .and_then(Value::as_object)
        .and_then(|servers| {
            servers
                .values()
                .find_map(|server| server.get("pathname")?.as_str())
        });
    let channels = document.get("channels").and_then(Value::as_object);
    let mut paths: Vec<(Place, String)> = Vec::new();
    for (name, channel) in channels.into_iter().flatten() {
        let at = root.at("channels").at(name).at("address");
        if let Some(address) = channel.get("address").and_then(Value::as_str) {
            let address = format!("/{}", address.trim_start_matches('/'));
            let whole = format!("{}{address}", prefix.unwrap_or_default().trim_end_matches('/'));
            paths.push((at, whole));
        }
    }
    let is_path = |path: &str| {
        path.bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"{}?#".contains(&byte))
    };
    let path = paths.iter().find(|(_, path)| is_path(path)).cloned();
    for (at, other) in &paths {
        let taken = path.as_ref().map_or("/ws", |(_, path)| path);
        if other != taken {
            documents.lost(
                at,
                format!("the address {other}"),
                format!("there is one connection, at {taken}"),
            );
        }
    }
    if let Some((_, path)) = path {
        connection.insert("path".to_owned(), path.into());
    }
    let own = extension.and_then(|extension| extension.get("connection"));
    for (key, value) in own.and_then(Value::as_object).into_iter().flatten() {
        connection.insert(key.clone(), value.clone());
    }
    connection
}

fn component_schemas(document: &Value, root: &Place) -> Vec<(Place, String)> {
    let at = root.at("components").at("schemas");
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    schemas
        .into_iter()
        .flatten()
        .map(|(name, _)| (at.at(name), name.clone()))
        .collect()
}

/// How often each place is referred to.
fn references(value: &Value, place: &Place, documents: &mut Documents) -> HashMap<Place, usize> {
    let mut counts = HashMap::new();
    count(value, place, documents, &mut counts);
    counts
}

fn count(value: &Value, place: &Place, documents: &mut Documents, counts: &mut HashMap<Place, usize>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                if key == "$ref"
                    && let Some(reference) = value.as_str()
                    && reference.starts_with('#')
                    && let Ok(target) = documents.follow(place, reference)
                {
                    *counts.entry(target).or_insert(0) += 1;
                } else {
                    count(value, &place.at(key), documents, counts);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                count(item, &place.at(index), documents, counts);
            }
        }
        _ => {}
    }
}

/// The message as the language has it.
fn message(
    found: &Found,
    names: &HashMap<Place, String>,
    uses: &HashMap<Place, usize>,
    ours: bool,
    schemas: &mut Schemas<'_>,
) -> Value {
    let mut body = Map::new();
    body.insert("from".to_owned(), found.from().into());
    if let Some(description) = &found.description {
        body.insert("description".to_owned(), description.as_str().into());
    }
    if let Some(own) = &found.extension {
        for (key, value) in own {
            if !["from", "payload", "engine"].contains(&key.as_str()) {
                body.insert(key.clone(), value.clone());
            }
        }
        if let Some(from) = own.get("from") {
            body.insert("from".to_owned(), from.clone());
        }
    }
    if let Some(payload) = &found.payload {
        let only = payload
            .refers_to
            .as_ref()
            .filter(|place| !ours && uses.get(*place) == Some(&1));
        let schema = match only.cloned().map(|place| schemas.schema_place(place)) {
            Some(Ok(place)) => schemas.at(&place),
            _ if payload.foreign => Value::Bool(true),
            _ => schemas.at(&payload.place),
        };
        if !ours && let Some(property) = discriminator(&schema) {
            schemas.documents.say(
                Kind::Note,
                &payload.place,
                format!("the payload says its own type, in `{property}`"),
                "it stays there; the envelope's `type` says it again",
            );
        }
        body.insert("payload".to_owned(), schema);
    }
    let reply = match found.replies.as_slice() {
        [one] => names.get(one),
        _ => None,
    };
    if let Some(reply) = reply {
        body.insert("reply".to_owned(), reply.as_str().into());
    }
    if !found.scopes.is_empty() {
        body.insert("auth".to_owned(), json!(found.scopes));
    }
    // The examples of a payload stand in its schema.
    let in_schema = body
        .get("payload")
        .and_then(|payload| payload.get("examples")?.as_array())
        .map_or(0, Vec::len);
    let own = found
        .examples
        .len()
        .saturating_sub(if ours { in_schema } else { 0 });
    if own > 0 {
        let examples: Vec<Value> = found.examples.iter().take(own).cloned().collect();
        body.insert("examples".to_owned(), examples.into());
    }
    body.into()
}

/// The property of an object that has one possible value, a string.
fn discriminator(schema: &Value) -> Option<&String> {
    let mut properties = schema.get("properties")?.as_object()?.iter();
    let is_constant = |schema: &Value| {
        let one = schema
            .get("enum")
            .and_then(Value::as_array)
            .filter(|values| values.len() == 1);
        let value = schema.get("const").or_else(|| one?.first());
        value.is_some_and(Value::is_string)
    };
    properties.find_map(|(name, schema)| is_constant(schema).then_some(name))
}

/// Whether a media type is that of JSON.
pub(super) fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.ends_with("/json") || essence.ends_with("+json")
}
