//! Numbers: integers by their digits, everything else through a double.

use super::fault::{Expected, Fault, FaultKind, Read};
use super::reader::Reader;

/// Digits that an `i64` and a double both hold, whatever they are.
const SAFE_DIGITS: usize = 15;

/// As many as there are digits to stand behind a point.
const POWERS_OF_TEN: [f64; SAFE_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

const INTEGER_POWERS_OF_TEN: [i64; SAFE_DIGITS + 1] = {
    let mut powers = [1; SAFE_DIGITS + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

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

    /// A number of at most 15 digits without sign, fraction and exponent, if one stands right here.
    #[inline]
    fn short_integer(&mut self) -> Option<i64> {
        let bytes = self.rest();
        let (value, count) = read_digits(bytes);
        let leading_zero = count > 1 && bytes.first() == Some(&b'0');
        if count == 0
            || count > SAFE_DIGITS
            || leading_zero
            || matches!(bytes.get(count), Some(b'.' | b'e' | b'E'))
        {
            return None;
        }
        self.pos += count;
        Some(value)
    }

    /// A number of at most 15 digits with a fraction and no exponent, if one comes next.
    fn short_decimal(&mut self) -> Option<f64> {
        let negative = self.peek() == b'-';
        let bytes = self.rest().get(usize::from(negative)..)?;
        let (value, whole) = read_digits(bytes);
        let leading_zero = whole > 1 && bytes.first() == Some(&b'0');
        let (b'.', behind) = bytes.get(whole..)?.split_first()? else {
            return None;
        };
        let (fraction, decimals) = read_digits(behind);
        let goes_on = matches!(behind.get(decimals), Some(b'e' | b'E'));
        if whole == 0 || decimals == 0 || whole + decimals > SAFE_DIGITS || leading_zero || goes_on {
            return None;
        }
        let value = value * INTEGER_POWERS_OF_TEN.get(decimals)? + fraction;
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

/// The number that the first digits are, up to sixteen of them, and how many these were.
#[inline]
fn read_digits(bytes: &[u8]) -> (i64, usize) {
    let Some(first) = bytes.first_chunk() else {
        return read_last_digits(bytes);
    };
    let (value, count) = leading_digits(*first);
    if count < 8 {
        return (value, count);
    }
    let behind = bytes.get(8..).unwrap_or_default();
    let (more, digits) = match behind.first_chunk() {
        Some(second) => leading_digits(*second),
        None => read_last_digits(behind),
    };
    let power = INTEGER_POWERS_OF_TEN.get(digits).copied().unwrap_or_default();
    (value * power + more, 8 + digits)
}

/// As [`read_digits`], of less than eight bytes.
#[inline(never)]
fn read_last_digits(bytes: &[u8]) -> (i64, usize) {
    let mut word = [0; 8];
    if let Some(front) = word.get_mut(..bytes.len()) {
        front.copy_from_slice(bytes);
    }
    leading_digits(word)
}

/// The number that the first digits among eight characters are, and how many these are. All at once: neighbours are joined
/// to numbers of two digits, these to numbers of four, these to one of eight.
#[inline]
fn leading_digits(text: [u8; 8]) -> (i64, usize) {
    const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // What it takes from ten on to set the highest bit.
    const BEHIND_NINE: u64 = 0x7676_7676_7676_7676;
    let digits = u64::from_le_bytes(text) ^ 0x3030_3030_3030_3030;
    let others = (((digits & LOW_BITS) + BEHIND_NINE) | digits) & !LOW_BITS;
    let count = others.trailing_zeros() / 8;
    // As if zeros stood in front of them, up to eight digits.
    let ones = digits.checked_shl(64 - 8 * count).unwrap_or_default();
    let twos = (ones.wrapping_mul((10 << 8) + 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos.wrapping_mul((100 << 16) + 1) >> 16) & 0x0000_ffff_0000_ffff;
    let eight = fours.wrapping_mul((10_000 << 32) + 1) >> 32;
    // Eight digits fit.
    (eight as i64, count as usize)
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
        fn digits_are_what_they_say(text in "[0-9]{0,20}", behind in "[ -~é]{0,10}") {
            let bytes = format!("{text}{behind}");
            let digits = bytes.bytes().take_while(u8::is_ascii_digit).count();
            let most = digits.min(16);
            prop_assert_eq!(read_digits(bytes.as_bytes()), (bytes[..most].parse().unwrap_or(0), most));
        }

        #[test]
        fn any_eight_bytes_are_digits_up_to_the_first_other(bytes: [u8; 8]) {
            let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let text = std::str::from_utf8(&bytes[..digits]).unwrap();
            prop_assert_eq!(leading_digits(bytes), (text.parse().unwrap_or(0), digits));
        }
    }
}
