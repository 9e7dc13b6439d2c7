//! The pull parser: a position in a text, and one method a JSON construct.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fault::{Expected, Fault, FaultKind, Read};
use super::string::{between_quotes, is_text_of};

/// A position in a JSON text.
///
/// Methods skip white space in front of what they read and stop right behind it.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) pos: usize,
    depth: u32,
    pub(super) attempts: u32,
}

/// An object that is being read; see [`Reader::object`].
#[derive(Debug)]
pub struct Object {
    /// How many names were read.
    names: usize,
    /// Which of the fields is expected to come next.
    next: u32,
}

impl Object {
    /// The field that should come next if all come in order: the one behind the field that was read last.
    #[inline(always)]
    #[must_use]
    pub fn expected(&self) -> u32 {
        self.next
    }

    fn goes_on_behind(&mut self, field: usize) -> u32 {
        let field = u32::try_from(field).unwrap_or(u32::MAX);
        self.next = field.saturating_add(1);
        field
    }
}

/// Attempts at union variants that one message may cost. Nested unions multiply; this bounds them.
const MAX_ATTEMPTS: u32 = 4096;

/// How many items an array has room for at first: eight, if half a kilobyte holds them. Most arrays are short, and to
/// grow one costs as much as to read several items.
const fn room<T>() -> usize {
    match size_of::<T>() {
        0..=64 => 8,
        65..=256 => 512 / size_of::<T>(),
        _ => 1,
    }
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of a text; arrays and objects may nest `depth` levels deep.
    #[must_use]
    pub fn new(text: &'a str, depth: u32) -> Self {
        Self {
            text,
            pos: 0,
            depth,
            attempts: MAX_ATTEMPTS,
        }
    }

    /// Reader of a part of the same text, with the depth that is left here.
    #[must_use]
    pub(crate) fn part(&self, text: &'a str) -> Self {
        Self {
            text,
            pos: 0,
            depth: self.depth,
            attempts: self.attempts,
        }
    }

    /// Byte offset of the next thing to read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.pos
    }

    /// The text between a byte offset and here.
    #[must_use]
    pub fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.pos).unwrap_or_default()
    }

    /// The fault of a value that the schema refuses.
    #[must_use]
    #[cold]
    pub fn refuse(&self) -> Fault {
        self.fault(FaultKind::Refused)
    }

    #[cold]
    pub(super) fn fault(&self, kind: FaultKind) -> Fault {
        Fault { at: self.pos, kind }
    }

    #[cold]
    pub(super) fn expected(&self, what: Expected) -> Fault {
        self.fault(FaultKind::Syntax(what))
    }

    /// A value is refused by the schema if it is JSON of another type, and a syntax error if it is none.
    #[cold]
    pub(super) fn mismatch(&self) -> Fault {
        match self.text.as_bytes().get(self.pos) {
            Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => self.refuse(),
            _ => self.expected(Expected::Value),
        }
    }

    /// The next byte that is no white space; 0 at the end.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        match self.text.as_bytes().get(self.pos) {
            Some(&byte) if byte > b' ' => byte,
            _ => self.peek_behind_space(),
        }
    }

    #[inline(never)]
    fn peek_behind_space(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.pos) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.pos += 1,
                Some(&byte) => return byte,
                None => return 0,
            }
        }
    }

    /// The bytes from here on.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.pos..).unwrap_or_default()
    }

    #[inline]
    fn word(&mut self, word: &'static str) -> bool {
        let found = self.rest().starts_with(word.as_bytes());
        if found {
            self.pos += word.len();
        }
        found
    }

    /// The end of the text.
    ///
    /// # Errors
    ///
    /// If anything but white space is left.
    #[inline]
    pub fn end(&mut self) -> Read<()> {
        if self.peek() == 0 && self.pos == self.text.len() {
            Ok(())
        } else {
            Err(self.expected(Expected::End))
        }
    }

    #[inline]
    fn descend(&mut self) -> Read<()> {
        if self.depth == 0 {
            return Err(self.fault(FaultKind::TooDeep));
        }
        self.depth -= 1;
        self.pos += 1;
        Ok(())
    }

    #[inline]
    fn ascend(&mut self) {
        self.depth += 1;
        self.pos += 1;
    }

    /// The beginning of an object; its names follow by [`Reader::field`] or [`Reader::name`].
    ///
    /// # Errors
    ///
    /// If there is no object, or it nests too deep.
    #[inline]
    pub fn object(&mut self) -> Read<Object> {
        if self.peek() != b'{' {
            return Err(self.mismatch());
        }
        self.descend()?;
        Ok(Object { names: 0, next: 0 })
    }

    /// The next name of an object, and the colon behind it; `None` at the object's end.
    ///
    /// # Errors
    ///
    /// If the text is no JSON here. Duplicates are for [`Reader::once`] and its like to find.
    #[inline]
    pub fn name(&mut self, object: &mut Object) -> Read<Option<Cow<'a, str>>> {
        if self.before_name(object)? {
            self.name_and_colon().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Which of the fields comes next in an object, with its name and colon passed over; `None` at the object's end.
    /// For a name that is none of theirs it is the number of fields, and the reader stands in front of the name.
    ///
    /// The names are given as they stand behind another field, `,"name":`, in the order in which most peers will send
    /// them. In that order [`Reader::at`] is quicker.
    ///
    /// # Errors
    ///
    /// If the text is no JSON here. Duplicates are for [`Reader::once`] to find.
    #[inline]
    pub fn field(&mut self, object: &mut Object, names: &[&str]) -> Read<Option<u32>> {
        if self.text.as_bytes().get(self.pos) == Some(&b'}') {
            self.ascend();
            return Ok(None);
        }
        self.unexpected_field(object, names)
    }

    /// Passes over the name and colon of a field if it stands right here, without white space. Only for the field that
    /// is [`Object::expected`], or for one behind it; the names are those of [`Reader::field`].
    // Inlined, the name and its length are constants.
    #[inline(always)]
    pub fn at<const FIELD: u32>(&mut self, object: &mut Object, names: &[&str]) -> bool {
        let name = names.get(FIELD as usize).map_or("", |name| name);
        // Nothing stands in front of the first one that the comma could part it from.
        let name = if FIELD == 0 { name.get(1..) } else { Some(name) };
        let name = name.unwrap_or_default();
        let found = self.rest().starts_with(name.as_bytes());
        if found {
            self.pos += name.len();
            object.names += 1;
            object.next = FIELD + 1;
        }
        found
    }

    /// As [`Reader::field`], without an idea of which one it is.
    #[inline(never)]
    fn unexpected_field(&mut self, object: &mut Object, names: &[&str]) -> Read<Option<u32>> {
        // As most peers write it, without white space. Nothing stands in front of the first one that the comma could part
        // it from.
        let comma = usize::from(object.names == 0);
        let rest = self.rest();
        let second = rest.get(2 - comma);
        for (field, name) in names.iter().enumerate() {
            let name = name.as_bytes();
            // Most are told by one byte.
            if name.get(2) == second && name.get(comma..).is_some_and(|name| rest.starts_with(name)) {
                self.pos += name.len() - comma;
                object.names += 1;
                return Ok(Some(object.goes_on_behind(field)));
            }
        }
        if !self.before_name(object)? {
            return Ok(None);
        }
        let start = self.pos;
        let found = self.name_and_colon()?;
        let is_written = |name: &&str| between_quotes(name) == Some(&*found);
        let is_meant = |name: &&str| is_text_of(name.get(1..).unwrap_or_default(), &found);
        let field = names
            .iter()
            .position(is_written)
            .filter(|_| matches!(found, Cow::Borrowed(_)))
            .or_else(|| names.iter().position(is_meant));
        let field = field.unwrap_or_else(|| {
            self.pos = start;
            names.len()
        });
        Ok(Some(object.goes_on_behind(field)))
    }

    /// Goes to the next name of an object, if there is one.
    fn before_name(&mut self, object: &mut Object) -> Read<bool> {
        match self.peek() {
            b'}' => {
                self.ascend();
                return Ok(false);
            }
            b',' if object.names > 0 => {
                self.pos += 1;
                if self.peek() != b'"' {
                    return Err(self.expected(Expected::Name));
                }
            }
            b'"' if object.names == 0 => {}
            _ if object.names == 0 => return Err(self.expected(Expected::NameOrEnd)),
            _ => return Err(self.expected(Expected::CommaOrBrace)),
        }
        object.names += 1;
        Ok(true)
    }

    pub(super) fn name_and_colon(&mut self) -> Read<Cow<'a, str>> {
        let name = self.string()?;
        if self.peek() != b':' {
            return Err(self.expected(Expected::Colon));
        }
        self.pos += 1;
        Ok(name)
    }

    /// Reads the value of a name that may stand once.
    ///
    /// # Errors
    ///
    /// If the name stood before, or the value cannot be read.
    #[inline]
    pub fn once<T>(&mut self, slot: &mut Option<T>, value: impl FnOnce(&mut Self) -> Read<T>) -> Read<()> {
        if slot.is_some() {
            return Err(self.fault(FaultKind::DuplicateName));
        }
        *slot = Some(value(self)?);
        Ok(())
    }

    /// What a required name had.
    ///
    /// # Errors
    ///
    /// If it was missing.
    #[inline]
    pub fn required<T>(&self, slot: Option<T>) -> Read<T> {
        slot.ok_or_else(|| self.refuse())
    }

    /// Keeps a name that [`Reader::field`] found to be none of the fields', and its value.
    ///
    /// # Errors
    ///
    /// If the name stood before, or the value cannot be read.
    pub fn extra<T>(
        &mut self,
        kept: &mut BTreeMap<String, T>,
        value: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<()> {
        let name = self.name_and_colon()?;
        self.keep(kept, name, value)
    }

    fn keep<T>(
        &mut self,
        kept: &mut BTreeMap<String, T>,
        name: Cow<'a, str>,
        value: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<()> {
        let value = value(self)?;
        match kept.insert(name.into_owned(), value) {
            None => Ok(()),
            Some(_) => Err(self.fault(FaultKind::DuplicateName)),
        }
    }

    /// Checks how many names an object had, both bounds included.
    ///
    /// # Errors
    ///
    /// If there were fewer or more.
    #[inline]
    pub fn properties(&self, object: &Object, min: usize, max: usize) -> Read<()> {
        if object.names < min || object.names > max {
            Err(self.refuse())
        } else {
            Ok(())
        }
    }

    /// An object with values of one kind; `min` and `max` names, both included.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or has fewer or more names.
    pub fn map<T>(
        &mut self,
        min: usize,
        max: usize,
        mut value: impl FnMut(&mut Self) -> Read<T>,
    ) -> Read<BTreeMap<String, T>> {
        let mut kept = BTreeMap::new();
        let mut object = self.object()?;
        while let Some(name) = self.name(&mut object)? {
            self.keep(&mut kept, name, &mut value)?;
        }
        self.properties(&object, min, max)?;
        Ok(kept)
    }

    /// An array; `min` and `max` items, both included.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or has fewer or more items.
    pub fn array<T>(
        &mut self,
        min: usize,
        max: usize,
        mut item: impl FnMut(&mut Self) -> Read<T>,
    ) -> Read<Vec<T>> {
        let mut more = self.array_begin()?;
        let mut items = Vec::with_capacity(if more { room::<T>().min(max) } else { 0 });
        while more {
            if items.len() == max {
                return Err(self.refuse());
            }
            items.push(item(self)?);
            more = self.array_next()?;
        }
        if items.len() < min {
            Err(self.refuse())
        } else {
            Ok(items)
        }
    }

    /// The beginning of an array; whether it has a first item.
    pub(super) fn array_begin(&mut self) -> Read<bool> {
        if self.peek() != b'[' {
            return Err(self.mismatch());
        }
        self.descend()?;
        if self.peek() == b']' {
            self.ascend();
            return Ok(false);
        }
        Ok(true)
    }

    /// What stands behind an item; whether another one follows.
    pub(super) fn array_next(&mut self) -> Read<bool> {
        match self.peek() {
            b',' => {
                self.pos += 1;
                Ok(true)
            }
            b']' => {
                self.ascend();
                Ok(false)
            }
            _ => Err(self.expected(Expected::CommaOrBracket)),
        }
    }

    /// The beginning of a tuple of at least one item; the items follow, with [`Reader::comma`] between them and
    /// [`Reader::tuple_end`] behind the last.
    ///
    /// # Errors
    ///
    /// If there is no array, or it is empty.
    pub fn tuple(&mut self) -> Read<()> {
        if self.array_begin()? {
            Ok(())
        } else {
            Err(self.refuse())
        }
    }

    /// The comma between two items of a tuple.
    ///
    /// # Errors
    ///
    /// If the tuple ends here.
    pub fn comma(&mut self) -> Read<()> {
        if self.array_next()? {
            Ok(())
        } else {
            Err(self.refuse())
        }
    }

    /// The end of a tuple.
    ///
    /// # Errors
    ///
    /// If another item follows.
    pub fn tuple_end(&mut self) -> Read<()> {
        if self.array_next()? {
            Err(self.refuse())
        } else {
            Ok(())
        }
    }

    /// `null`, or a value.
    ///
    /// # Errors
    ///
    /// If it is neither.
    #[inline]
    pub fn nullable<T>(&mut self, value: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.peek() == b'n' {
            self.null()?;
            return Ok(None);
        }
        value(self).map(Some)
    }

    /// `null`.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn null(&mut self) -> Read<()> {
        if self.peek() != b'n' {
            return Err(self.mismatch());
        }
        if self.word("null") {
            Ok(())
        } else {
            Err(self.expected(Expected::Null))
        }
    }

    /// `true` or `false`.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn boolean(&mut self) -> Read<bool> {
        match self.peek() {
            b't' if self.word("true") => Ok(true),
            b'f' if self.word("false") => Ok(false),
            b't' => Err(self.expected(Expected::True)),
            b'f' => Err(self.expected(Expected::False)),
            _ => Err(self.mismatch()),
        }
    }

    /// Exactly this one of `true` and `false`.
    ///
    /// # Errors
    ///
    /// If it is the other one, or something else.
    pub fn boolean_of(&mut self, allowed: bool) -> Read<bool> {
        if self.boolean()? == allowed {
            Ok(allowed)
        } else {
            Err(self.refuse())
        }
    }

    /// Passes over one value of any kind. Names are not compared: who keeps the text reads it again.
    ///
    /// # Errors
    ///
    /// If the text is no JSON.
    pub fn skip(&mut self) -> Read<()> {
        match self.peek() {
            b'{' => {
                let mut object = self.object()?;
                while self.name(&mut object)?.is_some() {
                    self.skip()?;
                }
                Ok(())
            }
            b'[' => {
                let mut more = self.array_begin()?;
                while more {
                    self.skip()?;
                    more = self.array_next()?;
                }
                Ok(())
            }
            b'"' => self.string().map(drop),
            b't' | b'f' => self.boolean().map(drop),
            b'n' => self.null(),
            b'-' | b'0'..=b'9' => self.number_text().map(drop),
            _ => Err(self.expected(Expected::Value)),
        }
    }
}
