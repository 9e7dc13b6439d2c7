//! `info` and `errors`, and the names that stand under `types` and `messages`.

use std::collections::HashSet;

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::engine;
use crate::model::{ErrorCode, Info, Span};
use crate::names::{self, Names};
use crate::schema::{BUILT_IN, Type};
use crate::shape::{ErrorShape, InfoShape, Row};

/// Longest name of a message, a type, an error or a protocol.
const MAX_NAME: usize = 128;

/// What `info` says; `None` if a part of it is missing.
pub(crate) fn info(shape: &InfoShape, sink: &mut Sink) -> Option<Info> {
    if let Some(at) = shape.name.at()
        && !is_kebab(&at.value)
    {
        let report = Report::new(
            &codes::NAME,
            at.span,
            format!("`{}` is no name of a protocol", at.value),
        )
        .help("a protocol is named [a-z][a-z0-9-]*");
        sink.push(report);
    }
    Some(Info {
        name: shape.name.get()?.clone(),
        version: shape.version.get()?.0.clone(),
        description: shape.description.get().cloned(),
    })
}

/// The application's error codes, with the places of their names.
pub(crate) fn errors(rows: &[Row<ErrorShape>], sink: &mut Sink) -> Vec<(ErrorCode, Span)> {
    let mut variants = Names::default();
    let mut errors = Vec::with_capacity(rows.len());
    for row in rows {
        let code = &row.name;
        if !is_snake(code) {
            let report = Report::new(
                &codes::NAME,
                row.name_span,
                format!("`{code}` is no name of an error"),
            )
            .help("an error is named [a-z][a-z0-9_]*");
            sink.push(report);
        } else if engine::is_error(code) {
            let report = Report::new(
                &codes::RESERVED,
                row.name_span,
                format!("the error `{code}` is the engine's"),
            )
            .help("remove it: the engine's codes are part of every protocol");
            sink.push(report);
        }
        let shape = row.entry.as_ref().map(|at| &at.value);
        let error = ErrorCode {
            code: code.clone(),
            rust_name: variants.free(&names::variant_name(code)),
            description: shape
                .and_then(|shape| shape.description.get())
                .cloned()
                .unwrap_or_default(),
            retryable: shape
                .and_then(|shape| shape.retryable.get())
                .copied()
                .unwrap_or(false),
        };
        errors.push((error, row.name_span));
    }
    errors
}

/// Reports names that no type can have. Gives all that can be referred to: a bad name is still a name.
pub(crate) fn type_names<T>(rows: &[Row<T>], sink: &mut Sink) -> HashSet<String> {
    for row in rows {
        let name = &row.name;
        let is_word = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.len() <= MAX_NAME;
        if !is_word {
            let report = Report::new(
                &codes::NAME,
                row.name_span,
                format!("`{name}` is no name of a type"),
            )
            .help("a type is named [A-Za-z][A-Za-z0-9_]*");
            sink.push(report);
        } else if BUILT_IN.contains(&name.as_str()) || Type::ALL.iter().any(|(built_in, _)| built_in == name)
        {
            let message = format!("`{name}` is built in and cannot be a name under `types`");
            sink.push(Report::new(&codes::RESERVED, row.name_span, message));
        }
    }
    rows.iter().map(|row| row.name.clone()).collect()
}

/// Whether a message can have the name; if not, it is reported.
pub(crate) fn message_name(name: &str, span: Span, sink: &mut Sink) -> bool {
    let is_segment = |segment: &str| {
        segment.starts_with(|first: char| first.is_ascii_alphabetic())
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    if !name.split([':', '.']).all(is_segment) || name.len() > MAX_NAME {
        let report = Report::new(&codes::NAME, span, format!("`{name}` is no name of a message"))
            .help("a message is named by segments in [a-zA-Z][a-zA-Z0-9_-]*, joined by `:` or `.`");
        sink.push(report);
        false
    } else if engine::is_reserved(name) {
        let help = if matches!(name, "ping" | "pong" | "error") {
            "remove it: every protocol has it"
        } else {
            "choose another prefix: `connection:` and `request:` are the engine's"
        };
        let message = format!("the message name `{name}` belongs to the engine");
        sink.push(Report::new(&codes::RESERVED, span, message).help(help));
        false
    } else {
        true
    }
}

fn is_kebab(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && name.len() <= MAX_NAME
}

fn is_snake(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.len() <= MAX_NAME
}
