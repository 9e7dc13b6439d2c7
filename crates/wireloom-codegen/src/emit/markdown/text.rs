//! Words, links and people's texts, safe where they stand: in a paragraph or in a cell of a table.

use wireloom_spec::model::Model;

use crate::emit::prose::{Piece, Prose};

/// Words with code and links in them.
pub(super) fn words(model: &Model, prose: &Prose) -> String {
    let pieces = prose.pieces().iter().map(|piece| match piece {
        Piece::Words(words) => words.clone(),
        Piece::Code(text) => code(text),
        Piece::Message(name) => link(name),
        Piece::Type(id) => {
            let name = &model.def(*id).ts_name;
            format!("[{name}](#{})", type_anchor(name))
        }
    });
    pieces.collect()
}

fn link(name: &str) -> String {
    format!("[`{name}`](#{})", anchor(name))
}

pub(super) fn anchor(name: &str) -> String {
    format!("message-{}", name.replace([':', '.'], "-").to_ascii_lowercase())
}

pub(super) fn type_anchor(name: &str) -> String {
    format!("type-{}", name.to_ascii_lowercase())
}

/// A person's Markdown as a paragraph of its own. Their headings would break the outline.
pub(super) fn paragraph(text: &str) -> String {
    let lines = text.trim().lines().map(|line| {
        let line = line.trim_end();
        if line.trim_start().starts_with('#') {
            format!("\\{}", line.trim_start())
        } else {
            line.to_owned()
        }
    });
    lines
        .collect::<Vec<_>>()
        .join("\n")
        .replace("-->", "--\\>")
        .replace("<!--", "\\<!--")
}

/// A person's text in one cell of a table.
pub(super) fn cell(text: &str) -> String {
    bars(&paragraph(text).replace("\n\n", "<br><br>").replace('\n', " "))
}

pub(super) fn bars(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Text as code, in a table or out of it.
pub(super) fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        " "
    } else {
        ""
    };
    bars(&format!("{fence}{pad}{text}{pad}{fence}"))
}
