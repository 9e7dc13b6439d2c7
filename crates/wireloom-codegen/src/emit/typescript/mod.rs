//! TypeScript: an interface a payload, the unions of messages, and the maps that make a client typed.
//!
//! Decides in views; the template lays out.

mod types;

use std::collections::BTreeSet;

use serde::Serialize;
use wireloom_spec::model::{
    Answer, Def, DefId, DefKind, Docs, Extra, From, Message, Model, Origin, Overflow, Schema, Shape, Struct,
};

use self::types::{Types, behind_equals, literal, one_of, property};
use super::constraints;
use super::prose::Prose;
use super::template;

const TEMPLATE: &str = include_str!("../../../templates/protocol.d.ts.tera");

/// Type definitions of a protocol.
#[must_use]
pub fn typescript(model: &Model, source: &str) -> String {
    template::render(TEMPLATE, &view(model, source))
}

#[derive(Serialize)]
struct View {
    notice: String,
    /// The comment in front, with the line's end.
    doc: String,
    name: String,
    protocol_interface: String,
    version: String,
    subprotocol: String,
    engine_errors: String,
    application_errors: String,
    types: Vec<TypeView>,
    client_types: String,
    server_types: String,
    client: Vec<MessageView>,
    server: Vec<MessageView>,
    replies: Vec<ReplyView>,
    streams: Vec<StreamView>,
    one_way: Vec<MessageView>,
    events: Vec<MessageView>,
    errors: Vec<ErrorsView>,
}

#[derive(Serialize)]
struct TypeView {
    /// The comment in front, with the line's end.
    doc: String,
    name: String,
    /// Whether it is an interface; else a `type`.
    interface: bool,
    members: Vec<MemberView>,
    /// Type of other properties.
    index: Option<String>,
    target: String,
}

#[derive(Serialize)]
struct MemberView {
    /// The comment in front, with the line's end.
    doc: String,
    name: String,
    optional: bool,
    target: String,
}

#[derive(Serialize)]
struct MessageView {
    /// The comment in front, with the line's end.
    doc: String,
    /// The type, as a literal.
    name: String,
    payload: String,
    optional: bool,
}

#[derive(Serialize)]
struct ReplyView {
    message: MessageView,
    reply: String,
    reply_payload: String,
    own: bool,
}

#[derive(Serialize)]
struct StreamView {
    message: MessageView,
    item: String,
    end: String,
    error: String,
    item_payload: String,
    end_payload: String,
    error_payload: String,
}

#[derive(Serialize)]
struct ErrorsView {
    name: String,
    codes: String,
}

fn view(model: &Model, source: &str) -> View {
    let types = Types::of(model);
    let own = |message: &&Message| !message.engine;
    let clients: Vec<&Message> = model
        .messages
        .iter()
        .filter(|message| message.from.client())
        .collect();
    let servers: Vec<&Message> = model
        .messages
        .iter()
        .filter(|message| message.from.server())
        .collect();
    let answers: BTreeSet<&str> = model.messages.iter().flat_map(answers).collect();
    let names = |messages: &[&Message]| behind_equals(&one_of(messages.iter().map(|message| name(message))));
    View {
        notice: super::notice(source),
        doc: comment("", {
            let first = format!("Protocol `{}`, version {}.", model.info.name, model.info.version);
            let mut doc = vec![first];
            if let Some(description) = &model.info.description {
                doc.push(String::new());
                doc.extend(lines(description));
            }
            doc
        }),
        name: literal(&model.info.name.as_str().into()),
        protocol_interface: protocol_interface(model),
        version: literal(&model.info.version.to_string().into()),
        subprotocol: literal(&model.info.subprotocol().into()),
        engine_errors: codes(wireloom_spec::ENGINE_ERRORS.iter().map(|error| error.code)),
        application_errors: codes(model.errors.iter().map(|error| error.code.as_str())),
        types: (0..model.defs.len())
            .map(|index| type_view(&types, model, DefId(index)))
            .collect(),
        client_types: names(&clients),
        server_types: names(&servers),
        replies: clients
            .iter()
            .filter_map(|message| reply_view(model, message))
            .collect(),
        streams: clients
            .iter()
            .filter_map(|message| stream_view(model, message))
            .collect(),
        one_way: clients
            .iter()
            .copied()
            .filter(own)
            .filter(|message| message.answer == Answer::None)
            .map(|message| message_view(model, message))
            .collect(),
        events: servers
            .iter()
            .filter(|message| !answers.contains(message.name.as_str()) || is_sent_unasked(message))
            .map(|message| message_view(model, message))
            .collect(),
        errors: clients
            .iter()
            .copied()
            .filter(own)
            .map(|message| ErrorsView {
                name: name(message),
                codes: codes(message.errors.iter().map(String::as_str)),
            })
            .collect(),
        client: clients
            .iter()
            .map(|message| message_view(model, message))
            .collect(),
        server: servers
            .iter()
            .map(|message| message_view(model, message))
            .collect(),
    }
}

fn codes<'c>(codes: impl Iterator<Item = &'c str>) -> String {
    behind_equals(&one_of(codes.map(|code| literal(&code.into()))))
}

/// The interface that ties everything together, for example `AgentProtocol`.
fn protocol_interface(model: &Model) -> String {
    let words = model.info.name.split('-').filter(|word| !word.is_empty());
    let camel: String = words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            format!("{}{rest}", first.to_ascii_uppercase())
        })
        .collect();
    format!("{camel}Protocol")
}

/// The messages that a message is answered by.
fn answers(message: &Message) -> Vec<&str> {
    match &message.answer {
        Answer::None => Vec::new(),
        Answer::Reply(reply) => vec![reply],
        Answer::Stream { item, end, error, .. } => [Some(item), Some(end), error.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect(),
    }
}

/// Whether the protocol says how it is delivered, which counts for what answers nothing only: such a message is sent
/// unasked, even if it is an answer as well.
fn is_sent_unasked(message: &Message) -> bool {
    !message.engine && (message.delivery.overflow != Overflow::Disconnect || !message.delivery.resumable)
}

fn name(message: &Message) -> String {
    literal(&message.name.as_str().into())
}

fn message_view(model: &Model, message: &Message) -> MessageView {
    MessageView {
        doc: comment("  ", doc(&message.docs, Vec::new())),
        name: name(message),
        payload: model.def(message.payload).ts_name.clone(),
        optional: message.payload_optional,
    }
}

fn payload(model: &Model, name: &str) -> String {
    model.message(name).map_or_else(
        || "never".to_owned(),
        |message| model.def(message.payload).ts_name.clone(),
    )
}

fn reply_view(model: &Model, message: &Message) -> Option<ReplyView> {
    let Answer::Reply(reply) = &message.answer else {
        return None;
    };
    Some(ReplyView {
        message: message_view(model, message),
        reply: literal(&reply.as_str().into()),
        reply_payload: payload(model, reply),
        own: !message.engine,
    })
}

fn stream_view(model: &Model, message: &Message) -> Option<StreamView> {
    let Answer::Stream { item, end, error, .. } = &message.answer else {
        return None;
    };
    let never = || "never".to_owned();
    Some(StreamView {
        message: message_view(model, message),
        item: literal(&item.as_str().into()),
        end: literal(&end.as_str().into()),
        error: error
            .as_ref()
            .map_or_else(never, |error| literal(&error.as_str().into())),
        item_payload: payload(model, item),
        end_payload: payload(model, end),
        error_payload: error.as_ref().map_or_else(never, |error| payload(model, error)),
    })
}

fn type_view(types: &Types<'_>, model: &Model, id: DefId) -> TypeView {
    let def = model.def(id);
    let (notes, members, index) = match &def.kind {
        DefKind::Struct(object) => (
            plain(&constraints::of_struct(object, &def.residual)),
            members(types, object),
            index(types, object),
        ),
        DefKind::Alias(schema) | DefKind::Newtype(schema) => (notes(schema), Vec::new(), None),
        _ => (Vec::new(), Vec::new(), None),
    };
    let is_struct = matches!(def.kind, DefKind::Struct(_));
    let is_empty = is_struct && members.is_empty() && index.is_none();
    TypeView {
        doc: comment("", type_doc(model, def, notes)),
        name: def.ts_name.clone(),
        interface: is_struct && !is_empty,
        members,
        index,
        // An empty interface would accept everything.
        target: if is_empty {
            " Record<string, never>".to_owned()
        } else {
            behind_equals(&types.target(id))
        },
    }
}

fn type_doc(model: &Model, def: &Def, notes: Vec<String>) -> Vec<String> {
    let mut text = doc(&def.docs, notes);
    if let Origin::Payload(name) = &def.origin {
        let from = match model.message(name).map(|message| message.from) {
            Some(From::Client) => "sent by clients",
            Some(From::Server) => "sent by the server",
            _ => "sent by either side",
        };
        let place = vec![format!("Payload of `{name}`, {from}.")];
        text = if text.is_empty() {
            place
        } else {
            [place, vec![String::new()], text].concat()
        };
    }
    text
}

fn members(types: &Types<'_>, object: &Struct) -> Vec<MemberView> {
    object
        .fields
        .iter()
        .map(|field| MemberView {
            doc: comment("  ", doc(&field.schema.docs, notes(&field.schema))),
            name: property(&field.name),
            optional: !field.required,
            target: match &field.constant {
                Some(constant) => literal(&constant.as_str().into()),
                None => types.schema(&field.schema),
            },
        })
        .collect()
}

/// The type of properties that are not named. TypeScript asks that it covers those that are.
fn index(types: &Types<'_>, object: &Struct) -> Option<String> {
    match &object.extra {
        Extra::Refused => None,
        Extra::Any(_) => Some("unknown".to_owned()),
        Extra::Typed(_, schema) => {
            let mut parts = vec![types.schema(schema)];
            for field in &object.fields {
                parts.push(match &field.constant {
                    Some(constant) => literal(&constant.as_str().into()),
                    None => types.schema(&field.schema),
                });
            }
            if object.fields.iter().any(|field| !field.required) {
                parts.push("undefined".to_owned());
            }
            let mut seen = BTreeSet::new();
            parts.retain(|part| seen.insert(part.clone()));
            Some(if parts.iter().any(|part| part == "unknown") {
                "unknown".to_owned()
            } else {
                parts.join(" | ")
            })
        }
    }
}

/// A comment of these lines.
fn comment(indent: &str, lines: Vec<String>) -> String {
    match lines.as_slice() {
        [] => String::new(),
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let lines: String = lines
                .iter()
                .map(|line| {
                    if line.is_empty() {
                        format!("{indent} *\n")
                    } else {
                        format!("{indent} * {line}\n")
                    }
                })
                .collect();
            format!("{indent}/**\n{lines}{indent} */\n")
        }
    }
}

/// Lines of a comment.
fn doc(docs: &Docs, notes: Vec<String>) -> Vec<String> {
    let mut paragraphs: Vec<Vec<String>> = Vec::new();
    if let Some(description) = &docs.description {
        paragraphs.push(lines(description));
    }
    if !notes.is_empty() {
        paragraphs.push(lines(&format!("{}.", capitalized(&notes.join("; ")))));
    }
    if docs.deprecated {
        paragraphs.push(vec!["@deprecated".to_owned()]);
    }
    if let Some(default) = &docs.default {
        paragraphs.push(lines(&format!("@defaultValue `{default}`")));
    }
    for example in &docs.examples {
        let mut text = vec!["@example".to_owned(), "```json".to_owned()];
        text.extend(lines(&format!("{example:#}")));
        text.push("```".to_owned());
        paragraphs.push(text);
    }
    paragraphs.join(&String::new())
}

fn plain(notes: &[Prose]) -> Vec<String> {
    notes.iter().map(Prose::plain).collect()
}

/// What a type of TypeScript does not say.
fn notes(schema: &Schema) -> Vec<String> {
    let is_integer = |schema: &Schema| matches!(schema.shape, Shape::Integer { .. });
    let integer = match &schema.shape {
        Shape::Nullable(inner) => is_integer(inner),
        _ => is_integer(schema),
    };
    let mut notes = plain(&constraints::constraints(schema));
    if integer {
        let first = notes.first_mut();
        match first {
            Some(first) => first.insert_str(0, "an integer "),
            None => notes.push("an integer".to_owned()),
        }
    }
    notes
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// Text as lines of a comment: nothing in it ends the comment.
fn lines(text: &str) -> Vec<String> {
    let text = text
        .trim_end()
        .replace("*/", "*\\/")
        .replace(['\u{2028}', '\u{2029}', '\r'], " ");
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}
