//! Numbers: integers by their digits, everything else through a double.

use super::fault::{Expected, Fault, FaultKind, Read};
use super::reader::Reader;

/// Digits that an `i64` and a double both hold, whatever they are.
const SAFE_DIGITS: usize = 15;

/// As many as there are digits to stand behind a point.
const POWERS_OF_TEN: [f64; SAFE_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// One number as it stands in the text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// Digits only, no more than `i64` and double both hold.
    Integer(i64),
    /// Any other.
    Float(f64),
}

impl<'a> Reader<'a> {
    /// The text of a number, by the grammar of RFC 8259.
    pub(super) fn number_text(&mut self) -> Read<&'a str> {
        self.peek();
        let start = self.pos;
        if self.rest().first() == Some(&b'-') {
            self.pos += 1;
        }
        match self.rest().first() {
            Some(b'0') => self.pos += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ if self.pos > start => return Err(self.expected(Expected::Digit)),
            _ => return Err(self.mismatch()),
        }
        if self.rest().first() == Some(&b'.') {
            self.pos += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.rest().first() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.rest().first() {
                self.pos += 1;
            }
            self.digits()?;
        }
        Ok(self.since(start))
    }

    fn digits(&mut self) -> Read<()> {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return Err(self.expected(Expected::Digit));
        }
        self.pos += count;
        Ok(())
    }

    /// A positive number of at most 15 digits without fraction and exponent, if one stands right here.
    #[inline]
    fn short_integer(&mut self) -> Option<i64> {
        let bytes = self.rest();
        let (b'1'..=b'9', _) = bytes.split_first()? else {
            return None;
        };
        let (value, count) = read_digits(bytes, 0, SAFE_DIGITS + 1);
        if count > SAFE_DIGITS || matches!(bytes.get(count), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.pos += count;
        Some(value)
    }

    /// A number of at most 15 digits with a fraction and no exponent, if one comes next.
    fn short_decimal(&mut self) -> Option<f64> {
        let negative = self.peek() == b'-';
        let bytes = self.rest().get(usize::from(negative)..)?;
        let (value, whole) = read_digits(bytes, 0, SAFE_DIGITS);
        let leading_zero = whole > 1 && bytes.first() == Some(&b'0');
        let (b'.', behind) = bytes.get(whole..)?.split_first()? else {
            return None;
        };
        let (value, decimals) = read_digits(behind, value, SAFE_DIGITS + 1 - whole);
        let goes_on = matches!(behind.get(decimals), Some(b'e' | b'E'));
        if whole == 0 || decimals == 0 || whole + decimals > SAFE_DIGITS || leading_zero || goes_on {
            return None;
        }
        // A double holds the digits, and it holds the power of ten: their quotient is rounded once, to the nearest.
        let value = value as f64 / POWERS_OF_TEN.get(decimals)?;
        self.pos += usize::from(negative) + whole + 1 + decimals;
        Some(if negative { -value } else { value })
    }

    #[inline]
    pub(super) fn any_number(&mut self) -> Read<Number> {
        match self.short_integer() {
            Some(value) => Ok(Number::Integer(value)),
            None => self.other_number(),
        }
    }

    #[inline(never)]
    fn other_number(&mut self) -> Read<Number> {
        if let Some(value) = self.short_decimal() {
            return Ok(Number::Float(value));
        }
        let start = self.pos;
        let text = self.number_text()?;
        let is_integer = !text.contains(['.', 'e', 'E']);
        // `-0` is a float: no integer holds its sign.
        if is_integer && text.len() <= SAFE_DIGITS && text != "-0" {
            return Ok(Number::Integer(text.parse().unwrap_or_default()));
        }
        let inexact = Fault {
            at: start,
            kind: FaultKind::InexactNumber,
        };
        let value: f64 = text.parse().map_err(|_| inexact)?;
        // Fractions and exponents say themselves that they are floats.
        if !value.is_finite() || is_integer && !survives(text, value) {
            return Err(inexact);
        }
        Ok(Number::Float(value))
    }

    /// An integer from `min` to `max`, both included; also one that is written `1.0` or `1e2`.
    ///
    /// # Errors
    ///
    /// If there is no integer, or it is smaller or larger.
    #[inline]
    pub fn integer(&mut self, min: i64, max: i64) -> Read<i64> {
        let value = match self.any_number()? {
            Number::Integer(value) => value,
            Number::Float(value) => whole(value).ok_or_else(|| self.refuse())?,
        };
        if value < min || value > max {
            Err(self.refuse())
        } else {
            Ok(value)
        }
    }

    /// An integer from `min` to `max`, both included, as a type other than `i64`.
    ///
    /// # Errors
    ///
    /// If there is no integer, it is smaller or larger, or the type does not hold it.
    #[inline]
    pub fn integer_as<T: TryFrom<i64>>(&mut self, min: i64, max: i64) -> Read<T> {
        let value = self.integer(min, max)?;
        T::try_from(value).map_err(|_| self.refuse())
    }

    /// One of a few integers.
    ///
    /// # Errors
    ///
    /// If there is no integer, or another one.
    pub fn integer_of(&mut self, allowed: &[i64]) -> Read<i64> {
        let value = self.integer(i64::MIN, i64::MAX)?;
        if allowed.contains(&value) {
            Ok(value)
        } else {
            Err(self.refuse())
        }
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// If there is none, or a double cannot hold it.
    #[inline]
    pub fn number(&mut self) -> Read<f64> {
        match self.any_number()? {
            // Fifteen digits are exact in a double.
            Number::Integer(value) => Ok(value as f64),
            Number::Float(value) => Ok(value),
        }
    }

    /// A number that `accept` agrees to.
    ///
    /// # Errors
    ///
    /// If there is none, a double cannot hold it, or it is not agreed to.
    #[inline]
    pub fn number_where(&mut self, accept: impl FnOnce(f64) -> bool) -> Read<f64> {
        let value = self.number()?;
        if accept(value) {
            Ok(value)
        } else {
            Err(self.refuse())
        }
    }

    /// One of a few numbers.
    ///
    /// # Errors
    ///
    /// If there is no number, or another one.
    pub fn number_of(&mut self, allowed: &[f64]) -> Read<f64> {
        self.number_where(|value| allowed.contains(&value))
    }
}

/// Digits behind those of `value`, no more than `most`, and how many there were.
#[inline]
fn read_digits(bytes: &[u8], mut value: i64, most: usize) -> (i64, usize) {
    let mut count = 0;
    if most >= 8
        && let Some(eight) = bytes.first_chunk().and_then(|word| eight_digits(*word))
    {
        value = value * 100_000_000 + eight;
        count = 8;
    }
    for byte in bytes.iter().take(most).skip(count) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value * 10 + i64::from(digit);
        count += 1;
    }
    (value, count)
}

/// The number of eight digits, if there are no other characters among them. All at once: neighbours are joined to numbers
/// of two digits, these to numbers of four, these to one of eight.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<i64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let word = u64::from_le_bytes(text);
    let behind_nine = word.wrapping_add(0x0606_0606_0606_0606);
    if word & HIGH != ZEROS || behind_nine & HIGH != ZEROS {
        return None;
    }
    let ones = word - ZEROS;
    let twos = (ones.wrapping_mul((10 << 8) + 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos.wrapping_mul((100 << 16) + 1) >> 16) & 0x0000_ffff_0000_ffff;
    let eight = fours.wrapping_mul((10_000 << 32) + 1) >> 32;
    i64::try_from(eight).ok()
}

/// The integer that a double stands for, if it does and an `i64` holds it.
pub(super) fn whole(value: f64) -> Option<i64> {
    // 2^63 is the first double that an i64 cannot hold.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-BOUND..BOUND).contains(&value)).then_some(value as i64)
}

/// Whether the digits of an integer are those that its double is written with: what JavaScript sends survives, what
/// only wider integers hold does not.
fn survives(text: &str, value: f64) -> bool {
    let digits = |text: &str| text.trim_start_matches('-').trim_end_matches('0').to_owned();
    // Rust's shortest form of a double, without an exponent: the digits that tell it from its neighbours, and zeros.
    digits(text) == digits(&format!("{value}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn eight_digits_are_what_they_say(value in 0..100_000_000i64, at in 0..8usize, byte: u8) {
            let mut text: [u8; 8] = format!("{value:08}").into_bytes().try_into().unwrap();
            prop_assert_eq!(eight_digits(text), Some(value));
            text[at] = byte;
            let expected = std::str::from_utf8(&text).ok().filter(|text| !text.starts_with('+'));
            prop_assert_eq!(eight_digits(text), expected.and_then(|text| text.parse().ok()).filter(|n| *n >= 0));
        }
    }
}
