//! The reference as one page that needs nothing else: no other file, no network, no script to be read.
//!
//! Decides in views; the template lays out and escapes whatever it is given. What people wrote stays text: of their
//! Markdown, paragraphs and code are shown as such.

mod diagram;
mod text;

use serde::Serialize;
use wireloom_spec::model::{Def, Docs, Message, Model};

use super::{prose, template};
use diagram::Diagram;
use text::{Run, anchor, paragraphs, type_anchor};

const TEMPLATE: &str = include_str!("../../../templates/protocol.html.tera");
const STYLE: &str = include_str!("../../../templates/protocol.css");
const SCRIPT: &str = include_str!("../../../templates/protocol.js");

/// The page of a protocol.
#[must_use]
pub fn html(model: &Model, source: &str) -> String {
    template::render_html(TEMPLATE, &view(model, source))
}

#[derive(Serialize)]
struct View {
    notice: String,
    style: &'static str,
    script: &'static str,
    name: String,
    version: String,
    subprotocol: String,
    hash: String,
    description: Vec<Vec<Run>>,
    connection: Vec<Row>,
    groups: Vec<Group>,
    types: Vec<Section>,
    errors: Vec<ErrorView>,
    engine_errors: Vec<ErrorView>,
    states: Option<Diagram>,
    close_codes: Vec<CloseView>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    value: Vec<Run>,
}

#[derive(Serialize)]
struct Group {
    anchor: String,
    title: &'static str,
    intro: &'static str,
    sections: Vec<Section>,
}

/// A message or a type.
#[derive(Serialize)]
struct Section {
    name: String,
    anchor: String,
    deprecated: bool,
    description: Vec<Vec<Run>>,
    notes: Vec<Run>,
    fields: Vec<FieldView>,
    facts: Vec<Row>,
    examples: Vec<String>,
}

#[derive(Serialize)]
struct FieldView {
    name: String,
    target: Vec<Run>,
    required: bool,
    deprecated: bool,
    constraints: Vec<Run>,
    description: Vec<Vec<Run>>,
    default: Option<String>,
}

#[derive(Serialize)]
struct ErrorView {
    code: String,
    retryable: bool,
    description: Vec<Vec<Run>>,
}

#[derive(Serialize)]
struct CloseView {
    codes: &'static str,
    when: Vec<Vec<Run>>,
    client: &'static str,
}

fn view(model: &Model, source: &str) -> View {
    let groups = prose::groups(model).into_iter().map(|group| Group {
        anchor: group.title.to_lowercase().replace(' ', "-"),
        title: group.title,
        intro: group.intro,
        sections: group
            .messages
            .into_iter()
            .map(|message| message_section(model, message))
            .collect(),
    });
    let error = |code: &str, retryable: bool, description: &str| ErrorView {
        code: code.to_owned(),
        retryable,
        description: paragraphs(description),
    };
    View {
        notice: super::notice(source),
        style: STYLE,
        script: SCRIPT,
        name: model.info.name.clone(),
        version: model.info.version.to_string(),
        subprotocol: model.info.subprotocol(),
        hash: model.hash.clone(),
        description: described(model.info.description.as_ref()),
        connection: rows(model, prose::connection(model)),
        groups: groups.collect(),
        types: prose::own_types(model)
            .map(|id| type_section(model, model.def(id)))
            .collect(),
        errors: model
            .errors
            .iter()
            .map(|each| error(&each.code, each.retryable, &each.description))
            .collect(),
        engine_errors: wireloom_spec::ENGINE_ERRORS
            .iter()
            .map(|each| error(each.code, each.retryable, each.description))
            .collect(),
        states: model.states.as_ref().map(diagram::draw),
        close_codes: prose::CLOSE_CODES
            .iter()
            .map(|&(codes, when, client)| CloseView {
                codes,
                when: paragraphs(when),
                client,
            })
            .collect(),
    }
}

fn message_section(model: &Model, message: &Message) -> Section {
    let def = model.def(message.payload);
    Section {
        facts: rows(model, prose::facts(model, message)),
        anchor: anchor(&message.name),
        ..section(
            model,
            message.name.clone(),
            def,
            &message.docs,
            message.payload_optional,
        )
    }
}

fn type_section(model: &Model, def: &Def) -> Section {
    section(model, def.ts_name.clone(), def, &def.docs, false)
}

fn section(model: &Model, name: String, def: &Def, docs: &Docs, optional: bool) -> Section {
    let shape = prose::shape(model, def, optional);
    Section {
        anchor: type_anchor(&name),
        name,
        deprecated: docs.deprecated,
        description: described(docs.description.as_ref()),
        notes: shape
            .notes
            .map(|notes| text::runs(model, &notes))
            .unwrap_or_default(),
        fields: shape
            .fields
            .iter()
            .map(|field| field_view(model, field))
            .collect(),
        facts: Vec::new(),
        examples: docs
            .examples
            .iter()
            .map(|example| format!("{example:#}"))
            .collect(),
    }
}

fn field_view(model: &Model, field: &prose::Field<'_>) -> FieldView {
    FieldView {
        name: field.name.to_owned(),
        target: text::runs(model, &field.target),
        required: field.required,
        deprecated: field.docs.deprecated,
        constraints: text::runs(model, &field.constraints),
        description: described(field.docs.description.as_ref()),
        default: field.docs.default.as_ref().map(ToString::to_string),
    }
}

fn rows(model: &Model, facts: Vec<prose::Fact>) -> Vec<Row> {
    let row = |fact: prose::Fact| Row {
        name: fact.name,
        value: text::runs(model, &fact.value),
    };
    facts.into_iter().map(row).collect()
}

fn described(description: Option<&String>) -> Vec<Vec<Run>> {
    description.map(|text| paragraphs(text)).unwrap_or_default()
}
