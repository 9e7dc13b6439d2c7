//! Appends JSON to a buffer. Names and braces come ready from generated code.

use serde_json::Value;

use super::Encode;
use super::string::{is_plain, plain_run};

/// A JSON text in the making.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
}

impl Writer {
    /// An empty text.
    #[must_use]
    pub const fn new() -> Self {
        Self { out: String::new() }
    }

    /// An empty text with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            out: String::with_capacity(capacity),
        }
    }

    /// The text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.out
    }

    /// The text so far.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.out
    }

    /// Length of the text so far, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Forgets the text, keeps the room.
    pub fn clear(&mut self) {
        self.out.clear();
    }

    /// Appends text that is JSON already.
    #[inline]
    pub fn raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Appends a comma, except in front of the first name or item.
    #[inline]
    pub fn separate(&mut self, first: &mut bool) {
        if *first {
            *first = false;
        } else {
            self.out.push(',');
        }
    }

    /// Appends a string in quotes, escaped where JSON asks for it.
    pub fn string(&mut self, text: &str) {
        self.raw("\"");
        self.text(text);
        self.raw("\"");
    }

    /// Appends what stands between the quotes of a string, escaped where JSON asks for it.
    #[inline]
    pub fn text(&mut self, text: &str) {
        if is_plain(text.as_bytes()) {
            self.out.push_str(text);
        } else {
            self.escaped(text);
        }
    }

    #[inline(never)]
    fn escaped(&mut self, text: &str) {
        let mut rest = text;
        loop {
            let run = plain_run(rest.as_bytes());
            let (plain, tail) = rest.split_at_checked(run).unwrap_or((rest, ""));
            self.out.push_str(plain);
            // A quote, a backslash or a control character: one byte each.
            let (Some(special), Some(behind)) = (tail.as_bytes().first(), tail.get(1..)) else {
                break;
            };
            match special {
                b'\n' => self.out.push_str("\\n"),
                b'"' => self.out.push_str("\\\""),
                b'\\' => self.out.push_str("\\\\"),
                b'\r' => self.out.push_str("\\r"),
                b'\t' => self.out.push_str("\\t"),
                other => self.control(*other),
            }
            rest = behind;
        }
    }

    #[cold]
    fn control(&mut self, byte: u8) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        match byte {
            0x8 => self.out.push_str("\\b"),
            0xc => self.out.push_str("\\f"),
            other => {
                self.out.push_str("\\u00");
                for digit in [other >> 4 & 15, other & 15] {
                    self.out.push(char::from(DIGITS[usize::from(digit)]));
                }
            }
        }
    }

    /// Appends an integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        self.out.push_str(itoa::Buffer::new().format(value));
    }

    /// Appends an integer that has no sign.
    #[inline]
    pub fn unsigned(&mut self, value: u64) {
        self.out.push_str(itoa::Buffer::new().format(value));
    }

    /// Appends an integer as a string of digits.
    #[inline]
    pub fn integer_text(&mut self, value: i64) {
        self.out.push('"');
        self.integer(value);
        self.out.push('"');
    }

    /// Appends an integer that has no sign as a string of digits.
    #[inline]
    pub fn unsigned_text(&mut self, value: u64) {
        self.out.push('"');
        self.unsigned(value);
        self.out.push('"');
    }

    /// Appends a number; one that is whole and exact is written without a fraction. A number that JSON has no form
    /// for (infinite, or none) becomes `null`, as in JavaScript.
    #[inline]
    pub fn number(&mut self, value: f64) {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() < EXACT && !(value == 0.0 && value.is_sign_negative()) {
            self.integer(value as i64);
        } else if value.is_finite() {
            self.out.push_str(zmij::Buffer::new().format_finite(value));
        } else {
            self.out.push_str("null");
        }
    }

    /// Appends `true` or `false`.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.out.push_str(if value { "true" } else { "false" });
    }

    /// Appends `null`.
    #[inline]
    pub fn null(&mut self) {
        self.out.push_str("null");
    }

    /// Appends a value, or `null` where there is none.
    #[inline]
    pub fn nullable<T>(&mut self, value: &Option<T>, write: impl FnOnce(&mut Self, &T)) {
        match value {
            Some(value) => write(self, value),
            None => self.null(),
        }
    }

    /// Appends an array.
    pub fn array<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.out.push('[');
        let mut first = true;
        for item in items {
            self.separate(&mut first);
            write(self, item);
        }
        self.out.push(']');
    }

    /// Appends names and values, without braces; `first` says whether a comma must stand in front.
    pub fn entries<'m, T: 'm>(
        &mut self,
        first: &mut bool,
        entries: impl IntoIterator<Item = (&'m String, &'m T)>,
        mut write: impl FnMut(&mut Self, &T),
    ) {
        for (name, value) in entries {
            self.separate(first);
            self.string(name);
            self.out.push(':');
            write(self, value);
        }
    }

    /// Appends any value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Bool(value) => self.boolean(*value),
            Value::Number(number) => match number.as_i64() {
                Some(value) => self.integer(value),
                None => self.number(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => self.string(text),
            Value::Array(items) => self.array(items, Self::value),
            Value::Object(entries) => {
                self.raw("{");
                self.entries(&mut true, entries, Self::value);
                self.raw("}");
            }
        }
    }

    /// Appends anything that can be written.
    #[inline]
    pub fn put(&mut self, value: &impl Encode) {
        value.encode(self);
    }
}
