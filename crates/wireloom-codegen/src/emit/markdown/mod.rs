//! The reference for people: messages by direction, types, errors, states and close codes, as Markdown.
//!
//! Decides in views; the template lays out. Diagrams are Mermaid.

mod text;

use serde::Serialize;
use wireloom_spec::model::{Def, DefId, Docs, Message, Model};

use super::prose;
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
    View {
        notice: super::notice(source),
        name: model.info.name.clone(),
        version: model.info.version.to_string(),
        subprotocol: model.info.subprotocol(),
        hash: model.hash.clone(),
        description: model.info.description.as_deref().map(paragraph),
        connection: rows(model, prose::connection(model))
            .into_iter()
            .map(|row| Row {
                value: bars(&row.value),
                ..row
            })
            .collect(),
        groups: prose::groups(model)
            .into_iter()
            .map(|group| Group {
                title: group.title,
                intro: group.intro,
                messages: group
                    .messages
                    .into_iter()
                    .map(|message| message_view(model, message))
                    .collect(),
            })
            .collect(),
        types: prose::own_types(model).map(|id| type_view(model, id)).collect(),
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
        close_codes: prose::CLOSE_CODES
            .iter()
            .map(|&(codes, when, client)| CloseView { codes, when, client })
            .collect(),
    }
}

fn rows(model: &Model, facts: Vec<prose::Fact>) -> Vec<Row> {
    let row = |fact: prose::Fact| Row {
        name: fact.name,
        value: words(model, &fact.value),
    };
    facts.into_iter().map(row).collect()
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
        facts: rows(model, prose::facts(model, message)),
        shape: shape_view(model, model.def(message.payload), message.payload_optional),
        examples: examples(&message.docs),
    }
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
    let shape = prose::shape(model, def, optional);
    ShapeView {
        text: shape.notes.map(|notes| words(model, &notes)),
        fields: shape
            .fields
            .iter()
            .map(|field| field_view(model, field))
            .collect(),
    }
}

fn field_view(model: &Model, field: &prose::Field<'_>) -> FieldView {
    let mut description = Vec::new();
    if field.docs.deprecated {
        description.push("**Deprecated.**".to_owned());
    }
    description.extend(field.docs.description.as_deref().map(cell));
    if let Some(default) = &field.docs.default {
        description.push(format!("Default: {}.", bars(&code(&default.to_string()))));
    }
    FieldView {
        name: bars(&code(field.name)),
        target: bars(&words(model, &field.target)),
        required: yes(field.required),
        constraints: bars(&words(model, &field.constraints)),
        description: description.join(" "),
    }
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
