//! Unions with a tag: which variant comes is found out before it is read.

use std::borrow::Cow;

use super::fault::Read;
use super::reader::Reader;
use super::string::{between_quotes, written_length};

impl<'a> Reader<'a> {
    /// The string under a name in the object that comes next, without moving: what tells tagged variants apart. The
    /// name is given as for [`Reader::field`].
    ///
    /// `telling` are names, without quotes, that only one variant has, each with that variant's tag; none if a variant takes
    /// names that it does not know. Such a name in front of the tag is as good as the tag: every other variant would refuse it.
    ///
    /// # Errors
    ///
    /// If there is no object, it has no such name, or the value is no string.
    pub fn tag(&self, name: &str, telling: &[(&str, &'static str)]) -> Read<Cow<'a, str>> {
        self.tag_by_brackets(name, telling)
            .unwrap_or_else(|| self.tag_strictly(name))
    }

    /// The tag, if one is found while values in front of it are only passed over: whoever takes the variant that it names
    /// reads them strictly.
    fn tag_by_brackets(&self, name: &str, telling: &[(&str, &'static str)]) -> Option<Read<Cow<'a, str>>> {
        let mut ahead = self.clone();
        let mut object = ahead.object().ok()?;
        if ahead.at::<0>(&mut object, &[name]) {
            return Some(ahead.string());
        }
        let name = between_quotes(name)?;
        loop {
            ahead.peek();
            let found = ahead.plain_string()?;
            if let Some((_, tag)) = telling.iter().find(|(name, _)| *name == found) {
                return Some(Ok(Cow::Borrowed(tag)));
            }
            if ahead.peek() != b':' {
                return None;
            }
            ahead.pos += 1;
            if found == name {
                return Some(ahead.string());
            }
            if !ahead.leap() || ahead.peek() != b',' {
                return None;
            }
            ahead.pos += 1;
        }
    }

    /// The tag, or what is wrong with the object where there is none.
    #[cold]
    fn tag_strictly(&self, name: &str) -> Read<Cow<'a, str>> {
        let mut ahead = self.clone();
        let mut object = ahead.object()?;
        while let Some(field) = ahead.field(&mut object, &[name])? {
            if field == 0 {
                return ahead.string();
            }
            ahead.name_and_colon()?;
            ahead.skip()?;
        }
        Err(self.refuse())
    }

    /// Passes over one value of any kind by its quotes and brackets alone. Only for who reads the same text again; whether
    /// there was anything that looks like a value.
    fn leap(&mut self) -> bool {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                b'"' if self.plain_string().is_some() => {}
                b'"' => match written_length(self.rest()) {
                    Some(length) => self.pos += length,
                    None => return false,
                },
                b'{' | b'[' => {
                    open += 1;
                    self.pos += 1;
                }
                b'}' | b']' if open > 0 => {
                    open -= 1;
                    self.pos += 1;
                }
                b',' | b':' if open > 0 => self.pos += 1,
                // The end, or what no value begins with.
                0..=b' ' | b'}' | b']' | b',' | b':' => return false,
                _ => {
                    let ends =
                        |byte: &u8| matches!(byte, 0..=b' ' | b'"' | b',' | b':' | b'[' | b']' | b'{' | b'}');
                    let rest = self.rest();
                    self.pos += rest.iter().position(ends).unwrap_or(rest.len());
                }
            }
            if open == 0 {
                return true;
            }
        }
    }
}
