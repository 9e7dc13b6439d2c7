//! Doc comments from what people wrote in a protocol. Their text is shown as it stands: nothing in it can become a
//! link, HTML or a code block that rustdoc would stumble over.

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;
use wireloom_spec::model::Docs;

/// Doc comment lines under construction. Paragraphs are markdown already.
#[derive(Debug, Default)]
pub(super) struct Doc {
    paragraphs: Vec<String>,
}

impl Doc {
    /// Starts with a text of ours.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            paragraphs: vec![text.into()],
        }
    }

    /// Starts with the description of a place, or with a text of ours where there is none.
    pub(super) fn of(docs: &Docs, fallback: impl FnOnce() -> String) -> Self {
        match docs
            .description
            .as_deref()
            .map(plain)
            .filter(|text| !text.is_empty())
        {
            Some(text) => Self::new(text),
            None => Self::new(fallback()),
        }
    }

    /// Adds a paragraph of ours.
    pub(super) fn and(mut self, text: impl Into<String>) -> Self {
        self.paragraphs.push(text.into());
        self
    }

    /// Adds what is declared as the value of a missing property.
    pub(super) fn default(self, docs: &Docs) -> Self {
        match &docs.default {
            Some(value) => self.and(format!(
                "A reader may assume {} where it is missing.",
                json(value)
            )),
            None => self,
        }
    }

    /// Adds the keywords that a decoder leaves to the validator.
    pub(super) fn residual(self, keywords: &[String]) -> Self {
        if keywords.is_empty() {
            return self;
        }
        let keywords: Vec<_> = keywords.iter().map(|keyword| code(keyword)).collect();
        self.and(format!(
            "Decided by the schema's validator, besides the decoder: {}.",
            keywords.join(", ")
        ))
    }

    /// The attributes.
    pub(super) fn tokens(&self) -> TokenStream {
        let text = self.paragraphs.join("\n\n");
        let lines = text.lines().map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!(" {line}")
            }
        });
        quote!(#(#[doc = #lines])*)
    }
}

/// A JSON value as code.
fn json(value: &Value) -> String {
    code(&value.to_string())
}

/// A name of the protocol as code.
pub(super) fn code(text: &str) -> String {
    let whole = visible(text).replace('\n', " ");
    if whole.is_empty() || whole.trim() != whole || whole.contains('`') {
        return format!("\"{}\"", escape(&whole));
    }
    format!("`{whole}`")
}

/// A person's text as markdown that shows it as it stands, line by line. Code between single backticks stays code.
pub(super) fn plain(text: &str) -> String {
    let visible = visible(text);
    let lines: Vec<_> = visible.lines().map(|line| plain_line(line.trim())).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

fn plain_line(line: &str) -> String {
    let parts: Vec<_> = line.split('`').collect();
    let balanced = parts.len() % 2 == 1
        && parts
            .iter()
            .skip(1)
            .step_by(2)
            .all(|code| !code.trim().is_empty());
    let text = if balanced {
        let parts: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(index, part)| {
                if index % 2 == 1 {
                    (*part).to_owned()
                } else {
                    escape(part)
                }
            })
            .collect();
        parts.join("`")
    } else {
        escape(line)
    };
    block_escape(text)
}

/// Takes the meaning from signs that begin a list, a heading or a quote at the beginning of a line.
fn block_escape(line: String) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.get(digits..).unwrap_or_default();
    if digits > 0 && rest.starts_with(['.', ')']) {
        return format!("{}\\{rest}", &line[..digits]);
    }
    if line.starts_with(['-', '+', '=', ':']) {
        format!("\\{line}")
    } else {
        line
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' | '|' | '&' | '$' | '^'
        ) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    // A bare address would be a link that nobody marked as one.
    escaped.replace("://", ":\\/\\/")
}

/// The text without characters that compilers refuse in comments: controls, and marks that turn the direction of text.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => '\n',
            '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{2028}'
            | '\u{2029}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}
