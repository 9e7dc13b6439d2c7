//! Integers: what their bounds come to, and the decimal strings of 64 bits.

use serde_json::Number;

use super::raw::IntFormat;

/// Largest integer that a JavaScript number holds exactly, with all below it: 2^53 - 1.
pub(crate) const SAFE: i64 = (1 << 53) - 1;

/// The least integer that is not below the number, and not below an `i64`'s.
pub(crate) fn ceil(number: &Number) -> i128 {
    exact(number).unwrap_or_else(|| whole(number.as_f64().unwrap_or(0.0).ceil()))
}

/// The largest integer that is not above the number.
pub(crate) fn floor(number: &Number) -> i128 {
    exact(number).unwrap_or_else(|| whole(number.as_f64().unwrap_or(0.0).floor()))
}

/// The least integer above the number.
pub(crate) fn above(number: &Number) -> i128 {
    floor(number).saturating_add(1)
}

/// The largest integer below the number.
pub(crate) fn below(number: &Number) -> i128 {
    ceil(number).saturating_sub(1)
}

fn exact(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}

/// A whole `f64`; what is out of reach becomes the nearest `i128`.
fn whole(number: f64) -> i128 {
    number as i128
}

/// The range of a format, where it travels as a number.
pub(crate) fn format_range(format: Option<IntFormat>) -> (i64, i64) {
    match format {
        Some(IntFormat::I32) => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some(IntFormat::U32) => (0, i64::from(u32::MAX)),
        _ => (-SAFE, SAFE),
    }
}

/// A regular expression for the decimal strings of an `i64` or `u64`, exact to the last digit: no sign for `u64`, no leading
/// zeros, no `-0`.
pub(crate) fn text_pattern(format: IntFormat) -> String {
    if format == IntFormat::U64 {
        return format!("^(?:0|{})$", up_to(u64::MAX));
    }
    let most = i64::MAX.unsigned_abs();
    format!("^(?:0|-?(?:{})|-{})$", up_to(most), i64::MIN.unsigned_abs())
}

/// Alternatives for the numbers from 1 to `most`, which has at least two digits.
fn up_to(most: u64) -> String {
    let digits = most.to_string();
    let length = digits.len();
    let mut alternatives = vec![format!("[1-9][0-9]{{0,{}}}", length - 2)];
    // As long as `most`, equal to it up to some digit, and less there.
    for (index, digit) in digits.char_indices() {
        let least = if index == 0 { '1' } else { '0' };
        if digit <= least {
            continue;
        }
        let smaller = char::from(digit as u8 - 1);
        let prefix = &digits[..index];
        let step = if smaller == least {
            least.to_string()
        } else {
            format!("[{least}-{smaller}]")
        };
        let rest = match length - index - 1 {
            0 => String::new(),
            1 => "[0-9]".to_owned(),
            more => format!("[0-9]{{{more}}}"),
        };
        alternatives.push(format!("{prefix}{step}{rest}"));
    }
    alternatives.push(digits);
    alternatives.join("|")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{IntFormat, above, below, ceil, floor, text_pattern};

    fn fits(format: IntFormat, text: &str) -> bool {
        thread_local! {
            static VALIDATORS: [jsonschema::Validator; 2] = [IntFormat::I64, IntFormat::U64].map(|format| {
                let schema = json!({ "type": "string", "pattern": text_pattern(format) });
                let options = jsonschema::options().with_pattern_options(jsonschema::PatternOptions::regex());
                options.build(&schema).expect("the pattern compiles")
            });
        }
        VALIDATORS.with(|[signed, unsigned]| {
            let validator = if format == IntFormat::I64 {
                signed
            } else {
                unsigned
            };
            validator.is_valid(&json!(text))
        })
    }

    #[test]
    fn the_pattern_is_exact() {
        let numbers = [0_i128, 1, 9, 10, 99, 1 << 31, 1 << 53, 1 << 62, 1 << 63, 1 << 64];
        let bounds = [i128::from(i64::MAX), i128::from(u64::MAX), i128::from(i64::MIN)];
        for base in numbers.iter().chain(&bounds) {
            for number in (base - 101..=base + 101).flat_map(|number| [number, -number]) {
                let text = number.to_string();
                assert_eq!(fits(IntFormat::I64, &text), text.parse::<i64>().is_ok(), "{text}");
                assert_eq!(fits(IntFormat::U64, &text), text.parse::<u64>().is_ok(), "{text}");
            }
        }
        for text in ["", "-", "-0", "+1", "01", "1.0", "1e3", " 1", "1\n", "0x1", "１"] {
            assert!(
                !fits(IntFormat::I64, text) && !fits(IntFormat::U64, text),
                "{text:?}"
            );
        }
    }

    #[test]
    fn every_prefix_of_the_bound_is_tried() {
        for most in [i64::MAX as u64, u64::MAX] {
            let digits = most.to_string();
            for index in 0..digits.len() {
                for digit in '0'..='9' {
                    let mut text = digits.clone();
                    text.replace_range(index..=index, &digit.to_string());
                    let canonical = !text.starts_with('0');
                    assert_eq!(
                        fits(IntFormat::I64, &text),
                        canonical && text.parse::<i64>().is_ok(),
                        "{text}"
                    );
                    assert_eq!(
                        fits(IntFormat::U64, &text),
                        canonical && text.parse::<u64>().is_ok(),
                        "{text}"
                    );
                }
            }
        }
    }

    #[test]
    fn fractions_are_rounded_inwards() {
        let number = |value: f64| serde_json::Number::from_f64(value).expect("finite");
        assert_eq!((ceil(&number(0.5)), floor(&number(-0.5))), (1, -1));
        assert_eq!((above(&number(1.0)), below(&number(1.0))), (2, 0));
        assert_eq!((above(&number(1.5)), below(&number(1.5))), (2, 1));
        assert_eq!(floor(&number(1e300)), i128::MAX);
    }
}
