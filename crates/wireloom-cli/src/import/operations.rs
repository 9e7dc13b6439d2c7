//! The operations of an AsyncAPI document: who sends a message, what answers it, and which scopes it needs.

use serde_json::Value;

use super::Role;
use super::documents::Place;
use super::messages::{Channels, Collector, table};
use super::report::Kind;
use super::schema::LEFT_OUT;

impl Collector<'_> {
    pub(super) fn operations(&mut self, document: &Value, channels: &Channels) {
        for (name, _) in table(document, "operations") {
            let Some(place) = self.resolved(&self.root.at("operations").at(name)) else {
                continue;
            };
            let value = self.documents.at(&place).cloned().unwrap_or_default();
            let operation = self.with_traits(&value, &place);
            self.operation(&operation, &place, channels);
        }
    }

    fn operation(&mut self, operation: &Value, place: &Place, channels: &Channels) {
        let of_client = match (operation.get("action").and_then(Value::as_str), self.role) {
            (Some("receive"), Role::Server) | (Some("send"), Role::Client) => true,
            (Some("send"), Role::Server) | (Some("receive"), Role::Client) => false,
            _ => {
                self.documents.lost(
                    &place.at("action"),
                    "the action is neither send nor receive",
                    "the operation is left out",
                );
                return;
            }
        };
        let asked = self.messages_of(operation, place, channels);
        for message in &asked {
            self.direction(message, of_client);
        }
        let alone = (asked.len() == 1).then(|| asked.first()).flatten();
        for (key, value) in operation.as_object().into_iter().flatten() {
            let at = place.at(key);
            match key.as_str() {
                "action" | "channel" | "messages" | "traits" => {}
                "title" if self.ours => {}
                "reply" => self.reply(value, &at, &asked, of_client, channels),
                "security" => self.security(value, &at, &asked, of_client),
                "bindings" => self.bindings(value, &at),
                "summary" | "description" => {
                    let message = alone.and_then(|place| self.messages.get_mut(place));
                    match (message, value.as_str()) {
                        (Some(message), Some(text)) if message.description.is_none() => {
                            message.description = Some(text.to_owned());
                        }
                        _ if self.ours => {}
                        _ => self
                            .documents
                            .lost(&at, format!("the `{key}` of an operation"), LEFT_OUT),
                    }
                }
                _ => self
                    .documents
                    .lost(&at, format!("`{key}` of an operation"), LEFT_OUT),
            }
        }
    }

    /// The messages of an operation or a reply: those that it lists, or all of its channel.
    fn messages_of(&mut self, value: &Value, place: &Place, channels: &Channels) -> Vec<Place> {
        if let Some(list) = value.get("messages").and_then(Value::as_array) {
            let at = place.at("messages");
            let list = 0..list.len();
            return list
                .flat_map(|index| {
                    let at = at.at(index);
                    let key = at.last().unwrap_or_default();
                    self.message(&at, &key)
                })
                .collect();
        }
        let channel = self.resolved(&place.at("channel"));
        channel
            .and_then(|channel| channels.get(&channel).cloned())
            .unwrap_or_default()
    }

    fn direction(&mut self, message: &Place, of_client: bool) {
        if let Some(message) = self.messages.get_mut(message) {
            message.client |= of_client;
            message.server |= !of_client;
        }
    }

    fn reply(&mut self, value: &Value, at: &Place, asked: &[Place], of_client: bool, channels: &Channels) {
        if self.ours {
            return;
        }
        let Some(at) = self.resolved(at) else { return };
        let value = match self.documents.at(&at) {
            Some(resolved) => resolved.clone(),
            None => value.clone(),
        };
        if value.get("address").is_some() {
            self.documents.lost(
                &at.at("address"),
                "the reply has an address of its own",
                "it comes on the same connection",
            );
        }
        let replies = self.messages_of(&value, &at, channels);
        for reply in &replies {
            self.direction(reply, !of_client);
        }
        if !of_client {
            self.documents.lost(
                &at,
                "the server asks, and a client answers",
                "both are messages that answer nothing",
            );
        } else if replies.len() == 1 {
            for place in asked {
                if let Some(message) = self.messages.get_mut(place) {
                    message.replies.extend(replies.iter().cloned());
                    message.replies.dedup();
                    if message.replies.len() > 1 {
                        self.documents.lost(
                            &at,
                            "the message has another reply already",
                            "choose one: `reply`",
                        );
                    }
                }
            }
        } else {
            self.documents.lost(
                &at,
                format!("one of {} messages answers", replies.len()),
                "nothing is said to answer: choose one as `reply`, make failures `errors`, or many answers a `stream`",
            );
        }
    }

    /// Scopes, if there is one way to show them.
    fn security(&mut self, value: &Value, at: &Place, asked: &[Place], of_client: bool) {
        let schemes = value.as_array().map_or(0, Vec::len);
        let scheme = self.resolved(&at.at(0));
        let scopes: Vec<String> = scheme
            .and_then(|place| self.documents.at(&place)?.get("scopes")?.as_array().cloned())
            .into_iter()
            .flatten()
            .filter_map(|scope| scope.as_str().map(str::to_owned))
            .collect();
        if schemes == 1 && !scopes.is_empty() && of_client {
            for place in asked {
                if let Some(message) = self.messages.get_mut(place) {
                    for scope in &scopes {
                        if !message.scopes.contains(scope) {
                            message.scopes.push(scope.clone());
                        }
                    }
                }
            }
            self.documents.say(
                Kind::Note,
                at,
                "the scopes of the operation are the message's `auth`",
                "how they are shown is a server's setting",
            );
        } else {
            self.documents.lost(
                at,
                "security of an operation without scopes of one scheme",
                "name the scopes of a message in `auth`; how they are shown is a server's setting",
            );
        }
    }
}
