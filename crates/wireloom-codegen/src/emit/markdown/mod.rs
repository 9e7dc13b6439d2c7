//! The reference for people: messages by direction, types, errors, states and close codes, as Markdown.
//!
//! Decides in views; the template lays out. Diagrams are Mermaid.

mod text;

use serde::Serialize;
use wireloom_spec::model::{
    Answer, Def, DefId, DefKind, Docs, Extra, Message, Model, OnDisconnect, Origin, Overflow, Struct,
};

use super::constraints;
use super::template;
use text::*;

const TEMPLATE: &str = include_str!("../../../templates/PROTOCOL.md.tera");

/// The reference of a protocol.
#[must_use]
pub fn markdown(model: &Model, source: &str) -> String {
    template::render(TEMPLATE, &view(model, source))
}

#[derive(Serialize)]
struct View {
    notice: String,
    name: String,
    version: String,
    subprotocol: String,
    hash: String,
    description: Option<String>,
    connection: Vec<Row>,
    groups: Vec<Group>,
    types: Vec<TypeView>,
    errors: Vec<ErrorView>,
    engine_errors: Vec<ErrorView>,
    states: Option<String>,
    close_codes: Vec<CloseView>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Group {
    title: &'static str,
    intro: &'static str,
    messages: Vec<MessageView>,
}

#[derive(Serialize)]
struct MessageView {
    name: String,
    anchor: String,
    description: Option<String>,
    deprecated: bool,
    /// Sentences about it, each with its name in front.
    facts: Vec<Row>,
    shape: ShapeView,
    examples: Vec<String>,
}

#[derive(Serialize)]
struct TypeView {
    name: String,
    anchor: String,
    description: Option<String>,
    deprecated: bool,
    shape: ShapeView,
    examples: Vec<String>,
}

/// What a type looks like: a table of fields, or a sentence.
#[derive(Serialize)]
struct ShapeView {
    text: Option<String>,
    fields: Vec<FieldView>,
}

#[derive(Serialize)]
struct FieldView {
    name: String,
    target: String,
    required: &'static str,
    constraints: String,
    description: String,
}

#[derive(Serialize)]
struct ErrorView {
    code: String,
    retryable: &'static str,
    description: String,
}

#[derive(Serialize)]
struct CloseView {
    codes: &'static str,
    when: &'static str,
    client: &'static str,
}

fn view(model: &Model, source: &str) -> View {
    let group = |title, intro, pick: fn(&Message) -> bool| Group {
        title,
        intro,
        messages: model
            .messages
            .iter()
            .filter(|message| pick(message))
            .map(|message| message_view(model, message))
            .collect(),
    };
    let groups = vec![
        group("Messages from clients", "The server handles these.", |message| {
            !message.engine && !message.from.server()
        }),
        group("Messages from the server", "Clients handle these.", |message| {
            !message.engine && !message.from.client()
        }),
        group(
            "Messages from either side",
            "Both sides send and handle these.",
            |message| !message.engine && message.from.client() && message.from.server(),
        ),
        group("Messages of the engine", "Part of every protocol.", |message| {
            message.engine
        }),
    ];
    let own = |id: &DefId| match &model.def(*id).origin {
        Origin::Type(_) => true,
        Origin::Payload(_) => false,
        Origin::Inline(_) => !matches!(model.def(*id).kind, DefKind::Enum(_)),
    };
    View {
        notice: super::notice(source),
        name: model.info.name.clone(),
        version: model.info.version.to_string(),
        subprotocol: model.info.subprotocol(),
        hash: model.hash.clone(),
        description: model.info.description.as_deref().map(paragraph),
        connection: connection(model),
        groups: groups
            .into_iter()
            .filter(|group| !group.messages.is_empty())
            .collect(),
        types: (0..model.defs.len())
            .map(DefId)
            .filter(own)
            .map(|id| type_view(model, id))
            .collect(),
        errors: model
            .errors
            .iter()
            .map(|error| ErrorView {
                code: error.code.clone(),
                retryable: yes(error.retryable),
                description: cell(&error.description),
            })
            .collect(),
        engine_errors: wireloom_spec::ENGINE_ERRORS
            .iter()
            .map(|error| ErrorView {
                code: error.code.to_owned(),
                retryable: yes(error.retryable),
                description: error.description.to_owned(),
            })
            .collect(),
        states: states(model),
        close_codes: CLOSE_CODES
            .iter()
            .map(|&(codes, when, client)| CloseView { codes, when, client })
            .collect(),
    }
}

/// What the connection is closed with, and what a client should do then.
const CLOSE_CODES: [(&str, &str, &str); 14] = [
    ("1000", "the conversation is over", "nothing"),
    (
        "1001",
        "the server shuts down, after `connection:closing`",
        "reconnect after the hint, with jitter",
    ),
    (
        "1002, 1003, 1007",
        "WebSocket protocol error, binary frame, invalid UTF-8",
        "mend the program",
    ),
    ("1009", "a message larger than the limit", "mend the program"),
    (
        "1011, 1012, 1013",
        "the server failed, restarts, is overloaded",
        "reconnect with back-off",
    ),
    (
        "4400",
        "repeated violations of the message protocol",
        "mend the program",
    ),
    ("4401", "no valid credentials, or they expired", "log in again"),
    ("4403", "the origin or the resource is not allowed", "stop"),
    ("4406", "no version of the protocol that both speak", "update"),
    (
        "4408",
        "silence past the deadline of the heartbeat or the handshake",
        "reconnect and resume",
    ),
    ("4409", "a newer connection took the session over", "stop"),
    (
        "4429",
        "the message rate was exceeded for too long",
        "reconnect with back-off",
    ),
    (
        "4503",
        "the client reads slower than messages come",
        "reconnect and resume",
    ),
    (
        "others",
        "something between client and server closed it",
        "reconnect with back-off",
    ),
];

fn connection(model: &Model) -> Vec<Row> {
    let connection = &model.connection;
    let limits = &connection.limits;
    let row = |name, value| Row { name, value };
    vec![
        row("Path", format!("`{}`", connection.path)),
        row(
            "Heartbeat",
            format!(
                "a ping every {}; silence of {} more ends the connection",
                time(connection.heartbeat_interval_ms),
                time(connection.heartbeat_timeout_ms)
            ),
        ),
        row(
            "Resume",
            format!(
                "for {}, up to {} messages or {}",
                time(connection.resume_window_ms),
                connection.resume_messages,
                size(connection.resume_bytes)
            ),
        ),
        row("Largest message", size(limits.message_bytes)),
        row("Deepest nesting", limits.depth.to_string()),
        row(
            "Rate",
            match limits.rate {
                Some(rate) => format!("{rate} messages a second, {} at once", limits.burst),
                None => "no limit".to_owned(),
            },
        ),
        row("Requests in flight", limits.in_flight.to_string()),
        row("Waiting to be read", size(limits.outbox_bytes)),
    ]
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn message_view(model: &Model, message: &Message) -> MessageView {
    MessageView {
        name: message.name.clone(),
        anchor: anchor(&message.name),
        description: message.docs.description.as_deref().map(paragraph),
        deprecated: message.docs.deprecated,
        facts: facts(message),
        shape: shape_view(model, model.def(message.payload), message.payload_optional),
        examples: examples(&message.docs),
    }
}

fn facts(message: &Message) -> Vec<Row> {
    let mut facts = Vec::new();
    match &message.answer {
        Answer::None => {}
        Answer::Reply(reply) => facts.push(Row {
            name: "Answered by",
            value: link(reply),
        }),
        Answer::Stream {
            item,
            end,
            error,
            on_disconnect,
        } => {
            let error = error
                .as_ref()
                .map(|error| format!(", or {} if it fails", link(error)))
                .unwrap_or_default();
            facts.push(Row {
                name: "Answered by a stream",
                value: format!("any number of {}, then {}{error}", link(item), link(end)),
            });
            let value = match on_disconnect {
                OnDisconnect::Detach => "the stream goes on as long as the session lives",
                OnDisconnect::Cancel => "the stream is cancelled",
            };
            facts.push(Row {
                name: "When the connection is lost",
                value: value.to_owned(),
            });
        }
    }
    if !message.errors.is_empty() {
        facts.push(Row {
            name: "Errors",
            value: codes(&message.errors),
        });
    }
    if !message.auth.is_empty() {
        facts.push(Row {
            name: "Scopes needed",
            value: codes(&message.auth),
        });
    }
    let limits = &message.limits;
    if let Some(rate) = limits.rate {
        facts.push(Row {
            name: "Rate",
            value: format!("{rate} a second"),
        });
    }
    if let Some(burst) = limits.burst {
        facts.push(Row {
            name: "At once",
            value: burst.to_string(),
        });
    }
    if let Some(bytes) = limits.message_bytes {
        facts.push(Row {
            name: "Largest message",
            value: size(bytes),
        });
    }
    if let Some(timeout) = limits.timeout_ms {
        facts.push(Row {
            name: "Longest handling",
            value: time(timeout),
        });
    }
    if message.from.server() && !message.engine {
        let overflow = match &message.delivery.overflow {
            Overflow::Disconnect => "a client that reads too slowly is disconnected".to_owned(),
            Overflow::Drop => "dropped for a client that reads too slowly".to_owned(),
            Overflow::Coalesce(None) => {
                "for a client that reads too slowly, only the latest is kept".to_owned()
            }
            Overflow::Coalesce(Some(key)) => {
                format!(
                    "for a client that reads too slowly, only the latest for each value of `{key}` is kept"
                )
            }
        };
        let resumable = if message.delivery.resumable {
            "sent again after a resume"
        } else {
            "not sent again after a resume"
        };
        facts.push(Row {
            name: "Delivery",
            value: format!("{resumable}; {overflow}"),
        });
    }
    if let Some(since) = &message.since {
        facts.push(Row {
            name: "Since",
            value: since.clone(),
        });
    }
    facts
}

fn codes(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn type_view(model: &Model, id: DefId) -> TypeView {
    let def = model.def(id);
    TypeView {
        name: def.ts_name.clone(),
        anchor: type_anchor(&def.ts_name),
        description: def.docs.description.as_deref().map(paragraph),
        deprecated: def.docs.deprecated,
        shape: shape_view(model, def, false),
        examples: examples(&def.docs),
    }
}

fn examples(docs: &Docs) -> Vec<String> {
    docs.examples
        .iter()
        .map(|example| format!("{example:#}").replace("```", "\\u0060\\u0060\\u0060"))
        .collect()
}

fn shape_view(model: &Model, def: &Def, optional: bool) -> ShapeView {
    let mut notes = Vec::new();
    let mut fields = Vec::new();
    match &def.kind {
        DefKind::Struct(object) => {
            fields = field_views(model, object);
            if fields.is_empty() && matches!(object.extra, Extra::Refused) {
                notes.push(if optional { "no payload" } else { "an empty object" }.to_owned());
            }
            notes.extend(constraints::of_struct(object, &def.residual));
            if let Extra::Typed(_, schema) = &object.extra {
                notes.push(format!("their values: {}", type_text(model, schema)));
            }
        }
        DefKind::Alias(schema) | DefKind::Newtype(schema) => {
            notes.push(type_text(model, schema));
            notes.extend(constraints::constraints(schema));
        }
        DefKind::Enum(variants) => {
            let values: Vec<_> = variants.iter().map(|variant| code(&variant.value)).collect();
            notes.push(format!("one of {}", values.join(", ")));
        }
        DefKind::Tagged(tagged) => {
            let variants = tagged
                .variants
                .iter()
                .map(|variant| format!("{}: {}", code(&variant.value), def_text(model, variant.def)));
            let variants: Vec<_> = variants.collect();
            notes.push(format!("by {}: {}", code(&tagged.tag), variants.join("; ")));
        }
        DefKind::Union(union) => {
            let variants: Vec<_> = union
                .variants
                .iter()
                .map(|variant| type_text(model, &variant.schema))
                .collect();
            let words = if union.exactly_one {
                "exactly one of"
            } else {
                "any of"
            };
            notes.push(format!("{words} {}", variants.join(", ")));
        }
    }
    let text = (!notes.is_empty()).then(|| {
        let text = notes.join("; ");
        let mut chars = text.chars();
        let first = chars
            .next()
            .map(|first| first.to_uppercase().to_string())
            .unwrap_or_default();
        format!("{first}{}.", chars.as_str())
    });
    ShapeView { text, fields }
}

fn field_views(model: &Model, object: &Struct) -> Vec<FieldView> {
    object
        .fields
        .iter()
        .map(|field| {
            let docs = &field.schema.docs;
            let mut description = Vec::new();
            if docs.deprecated {
                description.push("**Deprecated.**".to_owned());
            }
            description.extend(docs.description.as_deref().map(cell));
            if let Some(default) = &docs.default {
                description.push(format!("Default: {}.", code(&default.to_string())));
            }
            FieldView {
                name: code(&field.name),
                target: match &field.constant {
                    Some(constant) => code(&format!("\"{constant}\"")),
                    None => type_text(model, &field.schema),
                },
                required: yes(field.required),
                constraints: match &field.constant {
                    Some(_) => String::new(),
                    None => bars(&constraints::constraints(&field.schema).join("; ")),
                },
                description: description.join(" "),
            }
        })
        .collect()
}

fn states(model: &Model) -> Option<String> {
    let states = model.states.as_ref()?;
    // Mermaid's own words are no names of states, and some signs are none either.
    let id = |name: &str| {
        let index = states.states.get_index_of(name).unwrap_or_default();
        format!("s{index}")
    };
    let mut lines = vec!["stateDiagram-v2".to_owned()];
    lines.extend(
        states
            .states
            .keys()
            .map(|name| format!("  state \"{}\" as {}", name.replace('"', "'"), id(name))),
    );
    lines.push(format!("  [*] --> {}", id(&states.initial)));
    for (name, on) in &states.states {
        // A colon ends the text of an arrow in some renderers.
        lines.extend(on.iter().map(|(message, to)| {
            format!(
                "  {} --> {}: {}",
                id(name),
                id(to),
                message.replace(':', "#colon;")
            )
        }));
    }
    Some(lines.join("\n"))
}
