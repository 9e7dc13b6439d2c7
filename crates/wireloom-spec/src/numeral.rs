//! Numbers as YAML writes them, as far as JSON can hold them.

use serde_json::Number;

/// What a plain scalar is as a number.
pub(crate) enum Numeral {
    No,
    Exact(Number),
    /// A number, but out of JSON's or of `f64`'s reach.
    Lost,
}

/// What a plain scalar is by the core schema of YAML 1.2, but that leading zeros make it no number.
pub(crate) fn numeral(text: &str) -> Numeral {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Numeral::Lost;
    }
    let signed = text.len() != digits.len();
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(rest) = digits
            .strip_prefix(prefix)
            .filter(|rest| !signed && is_radix(rest, radix))
        {
            return u64::from_str_radix(rest, radix)
                .map_or(Numeral::Lost, |value| Numeral::Exact(value.into()));
        }
    }
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            return Numeral::No;
        }
        let exact = if negative {
            text.parse().ok().map(|value: i64| Number::from(value))
        } else {
            digits.parse().ok().map(|value: u64| Number::from(value))
        };
        return exact.map_or(Numeral::Lost, Numeral::Exact);
    }
    if !is_decimal(digits) {
        return Numeral::No;
    }
    match text.parse().ok().and_then(Number::from_f64) {
        Some(number) => Numeral::Exact(number),
        None => Numeral::Lost,
    }
}

fn is_radix(digits: &str, radix: u32) -> bool {
    !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
}

/// `[0-9]+(\.[0-9]*)?` or `\.[0-9]+`, and an exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    mantissa_fits && exponent_fits
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Numeral, numeral};

    #[test]
    fn numbers_are_read_as_yaml_says() {
        for (text, value) in [
            ("0", json!(0)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("-1e3", json!(-1000.0)),
            ("1E-2", json!(0.01)),
        ] {
            let Numeral::Exact(number) = numeral(text) else {
                panic!("{text} is no number")
            };
            assert_eq!(json!(number), value, "{text}");
        }
    }

    #[test]
    fn traps_are_strings_or_refused() {
        for text in [
            "007", "-07", "1_000", "1.2.3", "1e", "e1", ".", "-", "+", "", "0x", "0xG", "-0x1", "1:30",
            "nan", "1e+",
        ] {
            assert!(matches!(numeral(text), Numeral::No), "{text}");
        }
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            "1e400",
            ".inf",
            "-.inf",
            "+.INF",
            ".nan",
        ] {
            assert!(matches!(numeral(text), Numeral::Lost), "{text}");
        }
    }
}
