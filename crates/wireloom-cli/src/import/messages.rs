//! The messages of an AsyncAPI document: what is said of each in components, channels and traits, taken together.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Role;
use super::asyncapi::{EXTENSION, is_json};
use super::documents::{Documents, Place};
use super::schema::LEFT_OUT;

/// What is known of a message.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Its name in the document.
    pub(super) wanted: String,
    /// Its name in the protocol.
    pub(super) name: String,
    pub(super) client: bool,
    pub(super) server: bool,
    pub(super) description: Option<String>,
    pub(super) payload: Option<Payload>,
    pub(super) examples: Vec<Value>,
    /// What may answer it.
    pub(super) replies: Vec<Place>,
    pub(super) scopes: Vec<String>,
    /// What our own documents say of it.
    pub(super) extension: Option<Map<String, Value>>,
}

/// Where the schema of a message stands.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) place: Place,
    /// The schema that it is a bare reference to.
    pub(super) refers_to: Option<Place>,
    /// Whether it is in a language that is not read.
    pub(super) foreign: bool,
}

impl Found {
    pub(super) fn from(&self) -> &'static str {
        match (self.client, self.server) {
            (true, false) => "client",
            (false, true) => "server",
            _ => "both",
        }
    }
}

/// All messages that a channel has, by where they stand: those of the components first, in their order.
pub(super) fn collect(
    documents: &mut Documents,
    document: &Value,
    root: &Place,
    role: Role,
    ours: bool,
) -> IndexMap<Place, Found> {
    let mut collector = Collector {
        documents,
        root,
        role,
        ours,
        messages: IndexMap::new(),
    };
    let channels = collector.channels(document);
    collector.in_order(document);
    collector.operations(document, &channels);
    for (place, message) in &collector.messages {
        if !message.client && !message.server && !ours {
            collector.documents.changed(
                place,
                "no operation sends or receives the message",
                "both sides may send it: `from: both`",
            );
        }
    }
    let payload_of = |message: &Found| {
        message
            .extension
            .as_ref()
            .and_then(|own| own.get("payload").cloned())
    };
    for message in collector.messages.values_mut() {
        if payload_of(message) == Some("none".into()) {
            message.payload = None;
        }
    }
    let is_engine = |message: &Found| {
        message
            .extension
            .as_ref()
            .is_some_and(|own| own.contains_key("engine"))
    };
    collector.messages.retain(|_, message| !is_engine(message));
    collector.messages
}

/// The messages of each channel, by the channel's place.
pub(super) type Channels = IndexMap<Place, Vec<Place>>;

/// Takes together what a document says in many places.
pub(super) struct Collector<'a> {
    pub(super) documents: &'a mut Documents,
    pub(super) root: &'a Place,
    pub(super) role: Role,
    pub(super) ours: bool,
    pub(super) messages: IndexMap<Place, Found>,
}

impl Collector<'_> {
    fn channels(&mut self, document: &Value) -> Channels {
        let mut channels = Channels::new();
        for (name, _) in table(document, "channels") {
            let Some(place) = self.resolved(&self.root.at("channels").at(name)) else {
                continue;
            };
            let channel = self.documents.at(&place).cloned().unwrap_or_default();
            for (key, value) in channel.as_object().into_iter().flatten() {
                let said = key.starts_with("x-")
                    || [
                        "tags",
                        "externalDocs",
                        "parameters",
                        "summary",
                        "description",
                        "title",
                        "servers",
                    ]
                    .contains(&key.as_str());
                if said && !self.ours {
                    self.documents
                        .lost(&place.at(key), format!("`{key}` of a channel"), LEFT_OUT);
                } else if key == "bindings" && !self.ours {
                    self.bindings(value, &place.at(key));
                }
            }
            let mut list = Vec::new();
            for (key, _) in table(&channel, "messages") {
                list.extend(self.message(&place.at("messages").at(key), key));
            }
            channels.insert(place, list);
        }
        channels
    }

    /// Puts the messages in the order of the components, and says which of these no channel has.
    fn in_order(&mut self, document: &Value) {
        let components = document.get("components").unwrap_or(&Value::Null);
        let mut ordered = IndexMap::new();
        for (name, _) in table(components, "messages") {
            let at = self.root.at("components").at("messages").at(name);
            if let Some(message) = self.messages.shift_remove(&at) {
                ordered.insert(at, message);
            } else if self
                .documents
                .at(&at)
                .is_some_and(|value| value.get("$ref").is_none())
            {
                self.documents.lost(&at, "the message is in no channel", LEFT_OUT);
            }
        }
        ordered.append(&mut self.messages);
        self.messages = ordered;
    }

    /// Takes a message in, and gives its place; several, where it is one of several.
    pub(super) fn message(&mut self, place: &Place, key: &str) -> Vec<Place> {
        let Some(place) = self.resolved(place) else {
            return Vec::new();
        };
        let value = self.documents.at(&place).cloned().unwrap_or_default();
        if let Some(variants) = value.get("oneOf").and_then(Value::as_array) {
            let at = place.at("oneOf");
            let variants = 0..variants.len();
            return variants
                .flat_map(|index| self.message(&at.at(index), &format!("{key}{index}")))
                .collect();
        }
        if !self.messages.contains_key(&place) {
            let key = place
                .last()
                .filter(|last| last.parse::<usize>().is_err())
                .unwrap_or_else(|| key.to_owned());
            let found = self.found(&value, &place, &key);
            self.messages.insert(place.clone(), found);
        }
        vec![place]
    }

    fn found(&mut self, value: &Value, place: &Place, key: &str) -> Found {
        let value = self.with_traits(value, place);
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let extension = value.get(EXTENSION).filter(|_| self.ours);
        let extension = extension.and_then(Value::as_object).cloned();
        let (summary, description) = (text("summary"), text("description"));
        let description = match (summary, description) {
            (summary, _) if self.ours => summary,
            (Some(summary), Some(description)) => Some(format!("{}\n\n{description}", summary.trim_end())),
            (summary, description) => summary.or(description).or_else(|| text("title")),
        };
        let mut found = Found {
            wanted: text("name").unwrap_or_else(|| key.to_owned()),
            description,
            extension,
            ..Found::default()
        };
        for (key, part) in value.as_object().into_iter().flatten() {
            let at = place.at(key);
            match key.as_str() {
                "title"
                    if !self.ours
                        && (value.get("summary").is_some() || value.get("description").is_some()) =>
                {
                    self.documents.lost(&at, "the `title` of a message", LEFT_OUT);
                }
                "name" | "title" | "summary" | "description" | "traits" | EXTENSION => {}
                "payload" => found.payload = self.payload(part, &at),
                "examples" => found.examples = self.examples(part, &at),
                "correlationId" if self.ours => {}
                "correlationId" => self.documents.changed(
                    &at,
                    "answers are paired by a part of the payload",
                    "the envelope has a `correlationId`; the part of the payload stays what it is",
                ),
                "contentType" if part.as_str().is_some_and(is_json) => {}
                "contentType" => self
                    .documents
                    .changed(&at, "the content is no JSON", "the payload is JSON"),
                "headers" => self.documents.lost(
                    &at,
                    "messages have no headers",
                    "put into the payload what is needed of them",
                ),
                "bindings" => self.bindings(part, &at),
                _ => self
                    .documents
                    .lost(&at, format!("`{key}` of a message"), LEFT_OUT),
            }
        }
        found
    }

    /// The message with its traits merged in: what it says itself goes before.
    pub(super) fn with_traits(&mut self, value: &Value, place: &Place) -> Value {
        let mut merged = Value::Object(Map::new());
        let traits = value.get("traits").and_then(Value::as_array).map_or(0, Vec::len);
        for index in 0..traits {
            if let Some(at) = self.resolved(&place.at("traits").at(index)) {
                let patch = self.documents.at(&at).cloned().unwrap_or_default();
                merge(&mut merged, &patch);
            }
        }
        merge(&mut merged, value);
        merged
    }

    fn payload(&mut self, value: &Value, at: &Place) -> Option<Payload> {
        let mut place = at.clone();
        if let Some(format) = value.get("schemaFormat").and_then(Value::as_str) {
            place = place.at("schema");
            if !is_known_format(format) {
                self.documents.lost(
                    at,
                    format!("the payload is described in {format}, which is not read"),
                    "any payload is accepted",
                );
                return Some(Payload {
                    place,
                    refers_to: None,
                    foreign: true,
                });
            }
        } else if self.ours {
            // The payload stands in the envelope.
            place = place.at("properties").at("payload");
        }
        self.documents.at(&place)?;
        let bare = self.documents.at(&place).and_then(|schema| {
            let entries = schema.as_object()?;
            entries
                .get("$ref")?
                .as_str()
                .filter(|_| entries.len() == 1)
                .map(str::to_owned)
        });
        let refers_to = bare.and_then(|reference| self.documents.follow(&place, &reference).ok());
        Some(Payload {
            place,
            refers_to,
            foreign: false,
        })
    }

    fn examples(&mut self, value: &Value, at: &Place) -> Vec<Value> {
        let mut examples = Vec::new();
        for (index, example) in value.as_array().into_iter().flatten().enumerate() {
            let at = at.at(index);
            for key in ["headers", "name", "summary"] {
                if example.get(key).is_some() {
                    self.documents
                        .lost(&at.at(key), format!("the `{key}` of an example"), LEFT_OUT);
                }
            }
            match example.get("payload") {
                Some(envelope) if self.ours => examples.extend(envelope.get("payload").cloned()),
                Some(payload) => examples.push(payload.clone()),
                None => self.documents.lost(&at, "an example without a payload", LEFT_OUT),
            }
        }
        examples
    }

    pub(super) fn bindings(&mut self, value: &Value, at: &Place) {
        for (protocol, _) in value.as_object().into_iter().flatten() {
            self.documents.lost(
                &at.at(protocol),
                format!("the bindings of {protocol}"),
                "they are settings of a server, or of another protocol",
            );
        }
    }

    /// Where a reference leads; what leads nowhere is reported.
    pub(super) fn resolved(&mut self, place: &Place) -> Option<Place> {
        match self.documents.target(place) {
            Ok(target) => Some(target),
            Err(why) => {
                self.documents.lost(place, why, LEFT_OUT);
                None
            }
        }
    }
}

/// The entries of an object under a key.
pub(super) fn table<'v>(
    value: &'v Value,
    key: &str,
) -> impl Iterator<Item = (&'v String, &'v Value)> + use<'v> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

/// JSON Merge Patch, RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.shift_remove(key);
                } else if value.is_object() {
                    merge(
                        target
                            .entry(key.clone())
                            .or_insert_with(|| Value::Object(Map::new())),
                        value,
                    );
                } else {
                    target.insert(key.clone(), value.clone());
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

/// Formats of schemas that are JSON Schema, or close to it.
fn is_known_format(format: &str) -> bool {
    let known = [
        "application/vnd.aai.asyncapi",
        "application/schema+json",
        "application/schema+yaml",
        "application/vnd.oai.openapi",
    ];
    known.iter().any(|known| format.starts_with(known))
}
