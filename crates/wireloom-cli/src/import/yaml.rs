//! Writes a protocol as YAML that people read, and remembers where everything stands in it.

use serde_json::{Map, Value};
use wireloom_spec::model::Span;

/// Columns that a line in flow style may have.
const WIDTH: usize = 100;

/// A protocol's text.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) text: String,
    /// Where keys, items and values stand, by JSON Pointer, in the order of the text.
    places: Vec<(Span, String)>,
}

impl Written {
    /// The pointer of what stands at a byte.
    pub(super) fn at(&self, byte: usize) -> Option<&str> {
        let before = self.places.partition_point(|(span, _)| span.start <= byte);
        let (_, pointer) = self.places.get(before.checked_sub(1)?)?;
        Some(pointer)
    }
}

/// Writes a protocol. Sections and messages stand in blocks; what is below stands on one line where it fits.
pub(super) fn write(protocol: &Value) -> Written {
    let mut writer = Writer {
        text: String::new(),
        places: Vec::new(),
    };
    if let Value::Object(sections) = protocol {
        for (at, (name, section)) in sections.iter().enumerate() {
            if at > 0 {
                writer.text.push('\n');
            }
            writer.entry(name, section, 0, "");
        }
    }
    Written {
        text: writer.text,
        places: writer.places,
    }
}

struct Writer {
    text: String,
    places: Vec<(Span, String)>,
}

fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

impl Writer {
    fn mark(&mut self, start: usize, pointer: &str) {
        let span = Span {
            start,
            end: self.text.len(),
        };
        self.places.push((span, pointer.to_owned()));
    }

    fn indent(&mut self, level: usize) {
        self.text.push_str(&"  ".repeat(level));
    }

    /// A key and its value, on lines of their own.
    fn entry(&mut self, key: &str, value: &Value, level: usize, parent: &str) {
        let pointer = join(parent, key);
        self.indent(level);
        self.entry_here(key, value, level, &pointer);
    }

    fn entry_here(&mut self, key: &str, value: &Value, level: usize, pointer: &str) {
        let start = self.text.len();
        self.text.push_str(&scalar(key, false));
        self.mark(start, pointer);
        self.text.push(':');
        self.value(value, level, pointer);
    }

    /// A value behind a key or a dash.
    fn value(&mut self, value: &Value, level: usize, pointer: &str) {
        let room = self.room();
        // Messages and sections are read one below the other.
        let in_block = level == 0
            && value.as_object().is_some_and(|entries| !entries.is_empty())
            && !matches!(pointer, "/info");
        match value {
            Value::Object(entries) if in_block || !entries.is_empty() && !fits(value, room) => {
                self.text.push('\n');
                self.entries(entries, level + 1, pointer);
            }
            Value::Array(items) if !items.is_empty() && !fits(value, room) => {
                self.text.push('\n');
                for (index, item) in items.iter().enumerate() {
                    self.indent(level + 1);
                    self.text.push('-');
                    self.item(item, level + 1, &join(pointer, &index.to_string()));
                }
            }
            Value::String(text) if is_block_text(text) => {
                let start = self.text.len();
                let keep = if text.ends_with('\n') { "" } else { "-" };
                self.text.push_str(&format!(" |{keep}\n"));
                for line in text.lines() {
                    if !line.is_empty() {
                        self.indent(level + 1);
                        self.text.push_str(line);
                    }
                    self.text.push('\n');
                }
                self.mark(start, pointer);
            }
            Value::String(text) => {
                self.text.push(' ');
                let start = self.text.len();
                self.text.push_str(&scalar(text, false));
                self.mark(start, pointer);
                self.text.push('\n');
            }
            _ => {
                self.text.push(' ');
                self.flow(value, pointer);
                self.text.push('\n');
            }
        }
    }

    /// An item behind its dash: a mapping begins on the same line.
    fn item(&mut self, item: &Value, level: usize, pointer: &str) {
        match item {
            Value::Object(entries) if !entries.is_empty() && !fits(item, self.room()) => {
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at == 0 {
                        self.text.push(' ');
                    } else {
                        self.indent(level + 1);
                    }
                    self.entry_here(key, value, level + 1, &join(pointer, key));
                }
            }
            _ => self.value(item, level, pointer),
        }
    }

    /// Columns that are left of the line.
    fn room(&self) -> usize {
        WIDTH.saturating_sub(self.text.len() - self.text.rfind('\n').map_or(0, |at| at + 1))
    }

    fn entries(&mut self, entries: &Map<String, Value>, level: usize, pointer: &str) {
        let apart = pointer == "/messages";
        for (at, (key, value)) in entries.iter().enumerate() {
            if apart && at > 0 {
                self.text.push('\n');
            }
            self.entry(key, value, level, pointer);
        }
    }

    fn flow(&mut self, value: &Value, pointer: &str) {
        let start = self.text.len();
        match value {
            Value::Object(entries) if !entries.is_empty() => {
                self.text.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    self.text.push_str(if at > 0 { ", " } else { " " });
                    let pointer = join(pointer, key);
                    let start = self.text.len();
                    self.text.push_str(&scalar(key, true));
                    self.mark(start, &pointer);
                    self.text.push_str(": ");
                    self.flow(value, &pointer);
                }
                self.text.push_str(" }");
            }
            Value::Array(items) => {
                self.text.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.text.push_str(", ");
                    }
                    self.flow(item, &join(pointer, &at.to_string()));
                }
                self.text.push(']');
            }
            Value::String(text) => {
                self.text.push_str(&scalar(text, true));
                self.mark(start, pointer);
            }
            other => {
                self.text.push_str(&other.to_string());
                self.mark(start, pointer);
            }
        }
    }
}

/// Whether a value in flow style has room on a line.
fn fits(value: &Value, room: usize) -> bool {
    width(value, room).is_some()
}

/// Columns of a value in flow style, if they are not more than there is room.
fn width(value: &Value, room: usize) -> Option<usize> {
    let mut columns: usize = match value {
        Value::Object(_) => 4,
        Value::Array(_) => 2,
        Value::String(text) if is_block_text(text) => return None,
        Value::String(text) => scalar(text, true).chars().count(),
        other => other.to_string().len(),
    };
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                columns += scalar(key, true).chars().count() + 4;
                columns += width(value, room.checked_sub(columns)?)?;
            }
        }
        Value::Array(items) => {
            for item in items {
                columns += 2;
                columns += width(item, room.checked_sub(columns)?)?;
            }
        }
        _ => {}
    }
    (columns < room).then_some(columns)
}

/// Whether a text is best shown with its lines as they are.
fn is_block_text(text: &str) -> bool {
    let plain = |letter: char| letter == '\n' || letter == ' ' || is_printable(letter) && letter != '\u{85}';
    text.trim_end_matches('\n').contains('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n'])
        && text.chars().all(plain)
        && text.lines().all(|line| !line.ends_with(' '))
}

/// A text as a scalar: plain where no reader of YAML takes it for anything else, in double quotes elsewhere.
fn scalar(text: &str, in_flow: bool) -> String {
    if is_plain(text, in_flow) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if is_printable(letter) => quoted.push(letter),
            _ if u32::from(letter) <= 0xffff => quoted.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => quoted.push_str(&format!("\\U{:08x}", u32::from(letter))),
        }
    }
    quoted.push('"');
    quoted
}

fn is_printable(letter: char) -> bool {
    matches!(letter, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{1f300}'..='\u{1faff}')
}

fn is_plain(text: &str, in_flow: bool) -> bool {
    const WORDS: [&str; 12] = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity",
    ];
    text.starts_with(|first: char| first.is_ascii_alphabetic() || "_/".contains(first))
        && text.chars().all(|letter| {
            letter.is_ascii_alphanumeric()
                || " _-./:()".contains(letter)
                || !in_flow && ",;'\"&*+=?!%@$<>[]{}|~`^\\".contains(letter)
        })
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::write;

    #[test]
    fn what_is_written_reads_the_same() {
        let texts = [
            "",
            "a",
            "a b",
            "a: b",
            "a #b",
            "yes",
            "NULL",
            "007",
            "1e3",
            "- a",
            "? a",
            "a?",
            "{a}",
            "[",
            "\"",
            "'",
            "\\",
            "a\nb",
            "a\n",
            "\na",
            " a",
            "a ",
            "a\n b\n\nc\n",
            "a\n\n",
            "a\r\nb",
            "\t",
            "\u{0}",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "\u{ffff}",
            "\u{10ffff}",
            "🦀",
            "日本",
            "#",
            "%",
            "@",
            "`",
            "!",
            "&a",
            "*a",
            "~",
            ".5",
            "a\n  \nb",
            "a:b",
            "a:",
            "2026-11-29",
            "0x1F",
            ".inf",
            "string[]",
            "map<string>?",
            "--- a",
            "...",
        ];
        let mut entries = serde_json::Map::new();
        for text in texts {
            entries.insert(
                text.to_owned(),
                json!({ "block": text, "long": [text, "x".repeat(120)], "flow": [text, { "k": text }] }),
            );
        }
        let value = json!({ "info": { "name": "x" }, "messages": entries, "numbers": [1, -2, 1.5, 1e300, true, null, [], {}] });
        let written = write(&value);
        let options = serde_yaml::options! { strict_booleans: true };
        let read: serde_json::Value =
            serde_yaml::from_str_with_options(&written.text, options).expect("it is YAML");
        assert_eq!(read, value, "{}", written.text);
    }

    #[test]
    fn places_are_those_of_keys_and_values() {
        let written = write(&json!({ "types": { "A": { "type": "string", "pattern": "[" } } }));
        let at = written.text.find("pattern").expect("it is there");
        assert_eq!(written.at(at), Some("/types/A/pattern"));
        assert_eq!(written.at(at + 9), Some("/types/A/pattern"));
    }
}
