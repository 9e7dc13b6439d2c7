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

/// A person's Markdown as a paragraph of its own. Their headings would break the outline, and what looks like HTML is text.
pub(super) fn paragraph(text: &str) -> String {
    let text = without_html(text.trim());
    let lines = text.lines().map(|line| {
        let line = line.trim_end();
        if line.trim_start().starts_with('#') {
            format!("\\{}", line.trim_start())
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text with HTML's own signs escaped, but for code, where they are signs like others.
fn without_html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('`') {
        let (before, from) = rest.split_at(at);
        safe.push_str(&escaped(before));
        let (code, after) = from.split_at(code_length(from));
        safe.push_str(code);
        rest = after;
    }
    safe.push_str(&escaped(rest));
    safe
}

/// How long the code is that begins with these backticks; as many end it. Without an end they are text.
fn code_length(text: &str) -> usize {
    let ticks = |text: &str| text.len() - text.trim_start_matches('`').len();
    let opening = ticks(text);
    let mut at = opening;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('`')) {
        at += found;
        let closing = text.get(at..).map_or(0, ticks);
        at += closing;
        if closing == opening {
            return at;
        }
    }
    opening
}

/// Escapes tags, comments and entities. A `>` that begins a line is a quotation.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut begins_line = true;
    for (at, sign) in text.char_indices() {
        match sign {
            '<' => safe.push_str("&lt;"),
            '>' if !begins_line => safe.push_str("&gt;"),
            '&' if text.get(at..).is_some_and(begins_entity) => safe.push_str("&amp;"),
            other => safe.push(other),
        }
        begins_line = sign == '\n' || begins_line && matches!(sign, ' ' | '>');
    }
    safe
}

/// Whether Markdown takes the text, which begins with `&`, for another sign.
fn begins_entity(text: &str) -> bool {
    text.split_once(';').is_some_and(|(name, _)| {
        let name = name.trim_start_matches(['&', '#']);
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// A person's text in one cell of a table.
pub(super) fn cell(text: &str) -> String {
    bars(&paragraph(text).replace("\n\n", "<br><br>"))
}

/// Markdown in one cell of a table: a bar would end the cell, even in code.
pub(super) fn bars(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Text as code, on one line.
pub(super) fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::{cell, code, paragraph};

    #[test]
    fn what_looks_like_html_is_text_and_markdown_stays() {
        for (written, shown) in [
            (
                "Takes a List<String> & returns <script>",
                "Takes a List&lt;String&gt; & returns &lt;script&gt;",
            ),
            ("a `Vec<T>` of <b>", "a `Vec<T>` of &lt;b&gt;"),
            ("``a ` <b>`` <i>", "``a ` <b>`` &lt;i&gt;"),
            ("no end: ` <b>", "no end: ` &lt;b&gt;"),
            (
                "```\n<b>\n```\n&lt; &#60; &c",
                "```\n<b>\n```\n&amp;lt; &amp;#60; &c",
            ),
            ("> quoted > not", "> quoted &gt; not"),
            ("<!-- gone -->", "&lt;!-- gone --&gt;"),
            ("# *no* heading", "\\# *no* heading"),
        ] {
            assert_eq!(paragraph(written), shown);
        }
    }

    #[test]
    fn bars_are_escaped_in_tables_only() {
        assert_eq!(code("a|b"), "`a|b`");
        assert_eq!(cell("one of `a|b`\n\n<i>"), "one of `a\\|b`<br><br>&lt;i&gt;");
    }
}
