//! How a mock behaves: counts, times and rates from the command line, and the chances that come of them.

use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::time::time;

/// Most items of a stream.
const MAX_ITEMS: usize = 100_000;

/// What the command line says about every answer.
#[derive(Debug, Clone)]
pub(super) struct Knobs {
    /// Items of a stream.
    pub(super) items: RangeInclusive<usize>,
    /// Time between two items.
    pub(super) pace: Duration,
    /// Time before an answer begins.
    pub(super) latency: RangeInclusive<Duration>,
    /// Share of the messages that are answered by one of their declared errors.
    pub(super) errors: f64,
    /// Share of the messages at which the connection is lost.
    pub(super) disconnects: f64,
}

/// What becomes of one message.
#[derive(Debug, Clone)]
pub(super) struct Fate {
    pub(super) latency: Duration,
    /// Items that its stream has, if it is answered by one.
    pub(super) items: usize,
    /// Items sent before it fails; `None` if it does not.
    pub(super) fails: Option<usize>,
    /// Items sent before the connection is lost; `None` if it is not.
    pub(super) loses: Option<usize>,
    /// Chooses among several errors.
    pub(super) choice: usize,
}

/// The chances of one mock, from a seed.
#[derive(Debug)]
pub(super) struct Dice(Mutex<fastrand::Rng>);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// What becomes of the next message.
    pub(super) fn fate(&self, knobs: &Knobs) -> Fate {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let items = dice.usize(knobs.items.clone());
        // Always the same number of throws, so that one knob does not change what another does.
        let (low, high) = (*knobs.latency.start(), *knobs.latency.end());
        let latency = low + (high - low).mul_f64(dice.f64());
        let (fails, loses) = (dice.f64() < knobs.errors, dice.f64() < knobs.disconnects);
        let (failing, losing) = (dice.usize(0..=items), dice.usize(0..=items));
        Fate {
            latency,
            items,
            fails: fails.then_some(failing),
            loses: loses.then_some(losing),
            choice: dice.usize(..),
        }
    }
}

/// A time, or a range of times: `50ms..2s`.
pub(super) fn times(text: &str) -> Result<RangeInclusive<Duration>, String> {
    range(text, time)
}

/// A number of items, or a range: `0..20`.
pub(super) fn counts(text: &str) -> Result<RangeInclusive<usize>, String> {
    range(text, |text| match text.parse() {
        Ok(count) if count <= MAX_ITEMS => Ok(count),
        _ => Err(format!("a whole number up to {MAX_ITEMS}")),
    })
}

fn range<T: PartialOrd + Clone>(
    text: &str,
    one: impl Fn(&str) -> Result<T, String>,
) -> Result<RangeInclusive<T>, String> {
    let Some((low, high)) = text.split_once("..") else {
        let both = one(text)?;
        return Ok(both.clone()..=both);
    };
    let (low, high) = (one(low)?, one(high)?);
    if low > high {
        return Err("a range goes from the smaller to the larger".to_owned());
    }
    Ok(low..=high)
}

/// A share: `0.1`, or `10%`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    match number.parse::<f64>().map(|number| number / scale) {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share from 0 to 1, or from 0% to 100%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_counts_and_shares_have_bounds() {
        let ms = Duration::from_millis;
        assert_eq!(times("250ms"), Ok(ms(250)..=ms(250)));
        assert_eq!(times("50ms..2s"), Ok(ms(50)..=ms(2000)));
        assert_eq!(counts("0..20"), Ok(0..=20));
        assert_eq!(share("10%"), Ok(0.1));
        assert_eq!(share("1"), Ok(1.0));
        for wrong in ["", "5", "-1s", "1.5s", "25h", "2s..1s", "1s..", "..", "1é"] {
            assert!(times(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "-1", "x", "9..2", "100001", "1..=2"] {
            assert!(counts(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "1.1", "-0.1", "nan", "inf", "101%", "%", "ten"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn chances_are_as_often_as_asked_and_the_same_for_the_same_seed() {
        let knobs = Knobs {
            items: 2..=4,
            pace: Duration::ZERO,
            latency: Duration::from_millis(10)..=Duration::from_millis(20),
            errors: 0.25,
            disconnects: 0.0,
        };
        let fates = |seed| {
            let dice = Dice::new(seed);
            (0..4000).map(|_| dice.fate(&knobs)).collect::<Vec<_>>()
        };
        let all = fates(1);
        let failed = all.iter().filter(|fate| fate.fails.is_some()).count();
        assert!((900..1100).contains(&failed), "{failed} of 4000");
        assert!(
            all.iter()
                .all(|fate| fate.loses.is_none() && knobs.items.contains(&fate.items))
        );
        assert!(all.iter().all(|fate| knobs.latency.contains(&fate.latency)));
        assert_eq!(format!("{all:?}"), format!("{:?}", fates(1)));
        assert_ne!(format!("{all:?}"), format!("{:?}", fates(2)));
    }
}
