//! Unions without a tag: variants are tried in turn on the same text.

use super::fault::{FaultKind, Read};
use super::reader::Reader;

/// `anyOf`: takes the first variant that fits.
#[derive(Debug)]
pub struct FirstOf<T> {
    start: usize,
    found: Option<T>,
}

/// `oneOf`: takes the variant that fits, if no other does.
#[derive(Debug)]
pub struct ExactlyOne<T> {
    start: usize,
    found: Option<(T, usize)>,
    fits: u32,
}

impl Reader<'_> {
    /// Begins an `anyOf`.
    #[must_use]
    pub fn first_of<T>(&self) -> FirstOf<T> {
        FirstOf {
            start: self.pos,
            found: None,
        }
    }

    /// Begins a `oneOf`.
    #[must_use]
    pub fn exactly_one<T>(&self) -> ExactlyOne<T> {
        ExactlyOne {
            start: self.pos,
            found: None,
            fits: 0,
        }
    }

    /// Runs one variant on a copy. Faults that no other variant can mend pass through.
    fn attempt<T>(
        &mut self,
        start: usize,
        value: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<Option<(T, usize)>> {
        let Some(left) = self.attempts.checked_sub(1) else {
            return Err(self.fault(FaultKind::TooComplex));
        };
        let mut ahead = self.clone();
        ahead.attempts = left;
        ahead.pos = start;
        let result = value(&mut ahead);
        self.attempts = ahead.attempts;
        match result {
            Ok(value) => Ok(Some((value, ahead.pos))),
            Err(fault) if fault.kind == FaultKind::Refused => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

impl<T> FirstOf<T> {
    /// Tries a variant, unless one fitted already.
    ///
    /// # Errors
    ///
    /// If the text is no JSON, nests too deep, or too many attempts were made.
    pub fn or<'a>(
        mut self,
        reader: &mut Reader<'a>,
        value: impl FnOnce(&mut Reader<'a>) -> Read<T>,
    ) -> Read<Self> {
        if self.found.is_none()
            && let Some((value, end)) = reader.attempt(self.start, value)?
        {
            self.found = Some(value);
            reader.pos = end;
        }
        Ok(self)
    }

    /// The variant that fitted.
    ///
    /// # Errors
    ///
    /// If none did.
    pub fn end(self, reader: &Reader<'_>) -> Read<T> {
        self.found.ok_or_else(|| reader.refuse())
    }
}

impl<T> ExactlyOne<T> {
    /// Tries a variant.
    ///
    /// # Errors
    ///
    /// If the text is no JSON, nests too deep, or too many attempts were made.
    pub fn or<'a>(
        mut self,
        reader: &mut Reader<'a>,
        value: impl FnOnce(&mut Reader<'a>) -> Read<T>,
    ) -> Read<Self> {
        if let Some(found) = reader.attempt(self.start, value)? {
            self.fits += 1;
            self.found = Some(found);
        }
        Ok(self)
    }

    /// The variant that fitted.
    ///
    /// # Errors
    ///
    /// If none did, or more than one.
    pub fn end(self, reader: &mut Reader<'_>) -> Read<T> {
        match self.found {
            Some((value, end)) if self.fits == 1 => {
                reader.pos = end;
                Ok(value)
            }
            _ => Err(reader.refuse()),
        }
    }
}
