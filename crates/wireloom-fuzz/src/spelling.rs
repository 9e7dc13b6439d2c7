//! The many texts of one JSON value: white space, order of names, escapes, spellings of numbers.

use serde_json::{Number, Value};

use crate::random::Random;

/// The value as text, spelled in a way that the seed decides. Seed 0 is the plain one.
#[must_use]
pub fn spelled(value: &Value, seed: u64) -> String {
    if seed == 0 {
        return value.to_string();
    }
    let mut speller = Speller {
        random: Random::new(seed),
        out: String::new(),
    };
    speller.value(value);
    speller.out
}

struct Speller {
    random: Random,
    out: String,
}

impl Speller {
    fn space(&mut self) {
        let spaces = ["", "", "", "", "", " ", "\n", "\t", "\r\n", "   \t "];
        self.out.push_str(self.random.pick(&spaces).unwrap_or(&""));
    }

    fn value(&mut self, value: &Value) {
        self.space();
        match value {
            Value::Number(number) => self.number(number),
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.out.push(',');
                    }
                    self.value(item);
                }
                self.space();
                self.out.push(']');
            }
            Value::Object(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                self.random.shuffle(&mut entries);
                self.out.push('{');
                for (at, (name, value)) in entries.into_iter().enumerate() {
                    if at > 0 {
                        self.out.push(',');
                    }
                    self.space();
                    self.string(name);
                    self.space();
                    self.out.push(':');
                    self.value(value);
                }
                self.space();
                self.out.push('}');
            }
            _ => self.out.push_str(&value.to_string()),
        }
        self.space();
    }

    fn number(&mut self, number: &Number) {
        let plain = number.to_string();
        let has_exponent = plain.contains(['e', 'E']);
        let has_fraction = plain.contains('.');
        let other = match self.random.below(8) {
            0 if !has_exponent && !has_fraction => format!("{plain}.0"),
            1 if !has_exponent && !has_fraction => format!("{plain}.000E+0"),
            2 if !has_exponent => format!("{plain}e0"),
            3 if !has_exponent && !has_fraction && plain != "0" => format!("{plain}00e-2"),
            4 if !has_exponent && has_fraction => format!("{plain}000"),
            _ => plain,
        };
        self.out.push_str(&other);
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        let often = *self.random.pick(&[0, 0, 2, 8]).unwrap_or(&0);
        for character in text.chars() {
            match character {
                _ if often > 0 && self.random.once_in(often) => self.escaped(character),
                '"' | '\\' | '\0'..='\u{1f}' => self.escaped(character),
                _ => self.out.push(character),
            }
        }
        self.out.push('"');
    }

    fn escaped(&mut self, character: char) {
        let short = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '/' => "\\/",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            _ => "",
        };
        if !short.is_empty() && self.random.once_in(2) {
            self.out.push_str(short);
            return;
        }
        let upper = self.random.once_in(2);
        for unit in character.encode_utf16(&mut [0; 2]) {
            let hex = if upper {
                format!("\\u{unit:04X}")
            } else {
                format!("\\u{unit:04x}")
            };
            self.out.push_str(&hex);
        }
    }
}
