//! Strings: found a word at a time, borrowed unless they hold an escape.

use std::borrow::Cow;
use std::cell::Cell;

use super::fault::{Expected, FaultKind, Read};
use super::reader::Reader;

/// Largest buffer that a thread keeps for the next string, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    /// What strings with escapes are written to before they are cut to size: one buffer for all of a thread.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Whether one of eight bytes needs a look: a quote, a backslash or a control character. Bytes above 0x7f never do.
#[inline]
pub(super) fn special(word: u64) -> u64 {
    // With one bit flipped, the quote stands right above the control characters: one comparison finds both.
    let control_or_quote = (word ^ (LOW * 0x02)).wrapping_sub(LOW * 0x21);
    let backslash = (word ^ (LOW * b'\\' as u64)).wrapping_sub(LOW);
    (control_or_quote | backslash) & !word & HIGH
}

/// Whether one of many bytes needs a look. Written so that the compiler compares all of them together.
#[inline]
fn any_special(bytes: &[u8; 32]) -> bool {
    let mut found = 0;
    for byte in bytes {
        found |= u8::from((byte ^ 0x02) < 0x21) | u8::from((byte ^ b'\\') < 1);
    }
    found != 0
}

/// The mark of the first byte of eight that needs a look, if one does.
#[inline]
fn marked(word: [u8; 8]) -> Option<usize> {
    match special(u64::from_le_bytes(word)) {
        0 => None,
        found => Some(first_mark(found)),
    }
}

/// Length of the run that needs no look, from the beginning of `bytes`.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    // Most strings are short: a word at a time is quickest for them.
    let (words, _) = bytes.as_chunks();
    let [first, second, ..] = words else {
        return short_plain_run(bytes);
    };
    if let Some(mark) = marked(*first) {
        return mark;
    }
    if let Some(mark) = marked(*second) {
        return 8 + mark;
    }
    16 + long_plain_run(bytes.get(16..).unwrap_or_default())
}

/// As [`plain_run`], many bytes at a time.
#[inline(never)]
fn long_plain_run(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks();
    let length = 32 * blocks.iter().take_while(|block| !any_special(block)).count();
    length + short_plain_run(bytes.get(length..).unwrap_or_default())
}

/// As [`plain_run`], a word at a time.
#[inline(never)]
fn short_plain_run(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks();
    let mut length = 0;
    for word in words {
        if let Some(mark) = marked(*word) {
            return length + mark;
        }
        length += 8;
    }
    length + tail.iter().position(needs_look).unwrap_or(tail.len())
}

/// Whether no byte needs a look.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    // The last ones are looked at together, even if some of them have been looked at.
    if let Some(last) = bytes.last_chunk() {
        let (blocks, _) = bytes.as_chunks();
        return !any_special(last) && !blocks.iter().any(any_special);
    }
    match bytes.last_chunk() {
        Some(last) => {
            let (words, _) = bytes.as_chunks();
            marked(*last).is_none() && words.iter().all(|word| marked(*word).is_none())
        }
        None => !bytes.iter().any(needs_look),
    }
}

#[inline]
fn needs_look(byte: &u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// The first byte that is marked. A borrow can only mark bytes above a true mark, so the lowest one is true.
#[inline]
fn first_mark(found: u64) -> usize {
    (found.trailing_zeros() / 8) as usize
}

/// A name, as [`Reader::field`] is given it, without what it stands between.
pub(super) fn between_quotes(name: &str) -> Option<&str> {
    name.strip_prefix(",\"")?.strip_suffix("\":")
}

/// Whether a text, in quotes and perhaps with escapes, stands for this string.
pub(super) fn is_text_of(text: &str, string: &str) -> bool {
    Reader::new(text, 0).string().is_ok_and(|text| text == string)
}

/// How many bytes the string takes whose quote comes first, with both quotes, and escapes as they are written. `None` if it
/// does not end.
pub(super) fn written_length(text: &[u8]) -> Option<usize> {
    let behind = text.get(1..)?;
    memchr::memchr_iter(b'"', behind).find_map(|quote| {
        let before = behind.get(..quote)?;
        let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        // Two of them are one that is written.
        slashes.is_multiple_of(2).then_some(1 + quote + 1)
    })
}

/// Whether a string has `min` to `max` code points. Counts only when the number of bytes leaves it open.
#[inline]
fn length_fits(text: &str, min: usize, max: usize) -> bool {
    let bytes = text.len();
    if bytes < min {
        return false;
    }
    if bytes <= max && bytes.div_ceil(4) >= min {
        return true;
    }
    let points = text.chars().count();
    min <= points && points <= max
}

impl<'a> Reader<'a> {
    /// A string, borrowed unless it holds an escape.
    ///
    /// # Errors
    ///
    /// If there is no string, or it is no JSON.
    #[inline]
    pub fn string(&mut self) -> Read<Cow<'a, str>> {
        match self.plain_string() {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => self.other_string(),
        }
    }

    /// A string without escapes, if one stands right here.
    #[inline]
    pub(super) fn plain_string(&mut self) -> Option<&'a str> {
        let (b'"', rest) = self.rest().split_first()? else {
            return None;
        };
        let run = plain_run(rest);
        if rest.get(run) != Some(&b'"') {
            return None;
        }
        let start = self.pos + 1;
        self.pos = start + run + 1;
        self.text.get(start..start + run)
    }

    #[inline(never)]
    fn other_string(&mut self) -> Read<Cow<'a, str>> {
        let start = self.pos;
        if self.peek() != b'"' {
            return Err(self.mismatch());
        }
        if self.pos > start
            && let Some(text) = self.plain_string()
        {
            return Ok(Cow::Borrowed(text));
        }
        self.string_with_escapes().map(Cow::Owned)
    }

    /// A string whose quote comes next.
    fn string_with_escapes(&mut self) -> Read<String> {
        let mut text = SCRATCH.take();
        text.clear();
        let read = self.unescape(&mut text);
        // Whole characters of the text are in it, and such as escapes stand for.
        let string = simdutf8::basic::from_utf8(&text).map(str::to_owned);
        if text.capacity() <= KEPT_BYTES {
            SCRATCH.set(text);
        }
        read.and_then(|()| string.map_err(|_| self.expected(Expected::Value)))
    }

    /// Appends what a string stands for whose quote comes next.
    fn unescape(&mut self, text: &mut Vec<u8>) -> Read<()> {
        self.pos += 1;
        loop {
            let rest = self.rest();
            let run = match rest.first_chunk().map(|word| (word, marked(*word))) {
                // Most runs between escapes are short: to take a whole word and give back what is too much is quickest.
                Some((word, Some(mark))) => {
                    text.extend_from_slice(word);
                    text.truncate(text.len() - word.len() + mark);
                    mark
                }
                _ => {
                    let run = plain_run(rest);
                    text.extend_from_slice(rest.get(..run).unwrap_or_default());
                    run
                }
            };
            self.pos += run;
            match self.rest().first() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape(text)?,
                Some(_) => return Err(self.expected(Expected::EscapedControl)),
                None => return Err(self.expected(Expected::Quote)),
            }
        }
    }

    #[inline]
    fn escape(&mut self, text: &mut Vec<u8>) -> Read<()> {
        let byte = match self.rest().get(1) {
            Some(b'n') => b'\n',
            Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
            Some(b'b') => 0x8,
            Some(b'f') => 0xc,
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let point = self.unicode_escape()?;
                text.extend_from_slice(point.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.expected(Expected::Escape)),
        };
        text.push(byte);
        self.pos += 2;
        Ok(())
    }

    #[inline(never)]
    fn unicode_escape(&mut self) -> Read<char> {
        let first = self.code_unit()?;
        if let Some(point) = char::from_u32(first) {
            return Ok(point);
        }
        let lone = self.fault(FaultKind::LoneSurrogate);
        if first >= 0xdc00 || !self.rest().starts_with(b"\\u") {
            return Err(lone);
        }
        let second = self.code_unit()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(lone);
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(lone)
    }

    /// The four digits of `\uXXXX`.
    fn code_unit(&mut self) -> Read<u32> {
        let digits = self.rest().get(2..6).unwrap_or_default();
        let mut unit = 0;
        for &digit in digits {
            let Some(value) = char::from(digit).to_digit(16) else {
                return Err(self.expected(Expected::HexDigits));
            };
            unit = unit * 16 + value;
        }
        if digits.len() < 4 {
            return Err(self.expected(Expected::HexDigits));
        }
        self.pos += 6;
        Ok(unit)
    }

    /// A string of `min` to `max` code points, both included.
    ///
    /// # Errors
    ///
    /// If there is no string, or it is shorter or longer.
    #[inline]
    pub fn text(&mut self, min: usize, max: usize) -> Read<String> {
        self.text_where(min, max, |_| true)
    }

    /// A string of `min` to `max` code points, both included, that `accept` agrees to.
    ///
    /// # Errors
    ///
    /// If there is no string, it is shorter or longer, or not agreed to.
    #[inline]
    pub fn text_where(&mut self, min: usize, max: usize, accept: impl FnOnce(&str) -> bool) -> Read<String> {
        if let Some(text) = self.plain_string() {
            return if length_fits(text, min, max) && accept(text) {
                Ok(text.to_owned())
            } else {
                Err(self.refuse())
            };
        }
        let text = self.other_string()?;
        if length_fits(&text, min, max) && accept(&text) {
            Ok(text.into_owned())
        } else {
            Err(self.refuse())
        }
    }

    /// Exactly this string, given as it stands in a text: in quotes.
    ///
    /// # Errors
    ///
    /// If it is something else.
    #[inline]
    pub fn constant(&mut self, text: &str) -> Read<()> {
        if self.rest().starts_with(text.as_bytes()) {
            self.pos += text.len();
            return Ok(());
        }
        self.other_constant(text)
    }

    #[inline(never)]
    fn other_constant(&mut self, text: &str) -> Read<()> {
        let found = self.string()?;
        if is_text_of(text, &found) {
            Ok(())
        } else {
            Err(self.refuse())
        }
    }

    /// An `i64` in a string, as canonical decimal digits.
    ///
    /// # Errors
    ///
    /// If it is something else or out of range.
    pub fn i64_text(&mut self) -> Read<i64> {
        let text = self.string()?;
        match text.parse::<i64>() {
            Ok(value) if value.to_string() == text => Ok(value),
            _ => Err(self.refuse()),
        }
    }

    /// A `u64` in a string, as canonical decimal digits.
    ///
    /// # Errors
    ///
    /// If it is something else or out of range.
    pub fn u64_text(&mut self) -> Read<u64> {
        let text = self.string()?;
        match text.parse::<u64>() {
            Ok(value) if value.to_string() == text => Ok(value),
            _ => Err(self.refuse()),
        }
    }
}
