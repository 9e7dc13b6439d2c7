//! Times on the command line, written as in protocol.yaml: a number with its unit.

use std::time::Duration;

/// Longest time, in milliseconds: a day.
const MAX_MS: u64 = 24 * 60 * 60 * 1_000;

/// A time with its unit: `0`, `250ms`, `2s`, `1m`, `1h`.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .map_err(|_| "a time is a whole number and ms, s, m or h, as in 30s".to_owned())?;
    let milliseconds = match text.get(digits.len()..).unwrap_or_default() {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "" if number == 0 => Some(0),
        "" => {
            return Err(format!(
                "{number} what? Times have a unit: ms, s, m or h, as in {number}s"
            ));
        }
        unit => return Err(format!("`{unit}` is no unit of time; ms, s, m and h are")),
    };
    milliseconds
        .filter(|time| *time <= MAX_MS)
        .map(Duration::from_millis)
        .ok_or_else(|| "a time is at most 24h".to_owned())
}

/// A time above zero.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("a time above 0".to_owned()),
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::{some_time, time};
    use std::time::Duration;

    #[test]
    fn times_have_a_unit_and_bounds() {
        let ms = Duration::from_millis;
        for (text, expected) in [
            ("0", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(time(text), Ok(ms(expected)), "{text}");
        }
        for wrong in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "25h",
            "1d",
            "99999999999999999999s",
            "18446744073709551615m",
            "5é",
        ] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert!(some_time("0ms").is_err());
        assert!(time("5").is_err_and(|said| said.contains("as in 5s")));
    }
}
