//! Texts as runs that the template lays out one after the other.

use serde::Serialize;
use wireloom_spec::model::Model;

use crate::emit::prose::{Piece, Prose};

/// A part of a line.
#[derive(Serialize)]
pub(super) struct Run {
    text: String,
    /// Whether it is something that stands in messages.
    code: bool,
    /// The section that it leads to.
    link: Option<String>,
}

/// The section of a message. Its name stands in it as it is: names of messages are safe there, and differ.
pub(super) fn anchor(name: &str) -> String {
    format!("message-{name}")
}

/// The section of a type.
pub(super) fn type_anchor(name: &str) -> String {
    format!("type-{name}")
}

/// A text of ours.
pub(super) fn runs(model: &Model, prose: &Prose) -> Vec<Run> {
    let run = |piece: &Piece| match piece {
        Piece::Words(words) => Run {
            text: words.clone(),
            code: false,
            link: None,
        },
        Piece::Code(code) => Run {
            text: code.clone(),
            code: true,
            link: None,
        },
        Piece::Message(name) => Run {
            text: name.clone(),
            code: true,
            link: Some(anchor(name)),
        },
        Piece::Type(id) => {
            let name = &model.def(*id).ts_name;
            Run {
                text: name.clone(),
                code: false,
                link: Some(type_anchor(name)),
            }
        }
    };
    prose.pieces().iter().map(run).collect()
}

/// A person's text: paragraphs, and code between backticks.
pub(super) fn paragraphs(text: &str) -> Vec<Vec<Run>> {
    let mut paragraphs = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in text.trim().lines().chain([""]) {
        if !line.trim().is_empty() {
            lines.push(line.trim_end());
        } else if !lines.is_empty() {
            paragraphs.push(with_code(&lines.join("\n")));
            lines.clear();
        }
    }
    paragraphs
}

fn with_code(text: &str) -> Vec<Run> {
    let mut parts: Vec<&str> = text.split('`').collect();
    // A backtick without a partner is one.
    let odd = if parts.len().is_multiple_of(2) {
        parts.pop()
    } else {
        None
    };
    let mut runs: Vec<Run> = parts
        .into_iter()
        .enumerate()
        .map(|(at, part)| Run {
            text: part.to_owned(),
            code: !at.is_multiple_of(2),
            link: None,
        })
        .collect();
    if let Some(odd) = odd {
        runs.push(Run {
            text: format!("`{odd}"),
            code: false,
            link: None,
        });
    }
    runs.retain(|run| !run.text.is_empty());
    runs
}
