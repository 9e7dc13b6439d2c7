//! Numbers that satisfy a schema: at its bounds, next to them, and anywhere between.

use serde_json::{Number, Value};

use crate::sample::Sampler;
use crate::schema::Node;

/// Largest integer that a JavaScript number holds.
const SAFE: f64 = 9_007_199_254_740_991.0;

impl Sampler<'_, '_> {
    /// The bounds of a number: least and largest value.
    fn bounds(parts: &[&Node]) -> (Option<f64>, Option<f64>) {
        let low = parts
            .iter()
            .flat_map(|part| [part.number.min, part.number.above.map(f64::next_up)])
            .flatten();
        let high = parts
            .iter()
            .flat_map(|part| [part.number.max, part.number.below.map(f64::next_down)])
            .flatten();
        (low.reduce(f64::max), high.reduce(f64::min))
    }

    pub(crate) fn integer(&mut self, parts: &[&Node]) -> Option<Value> {
        let (low, high) = Self::bounds(parts);
        let low = low.unwrap_or(-SAFE).max(-SAFE).ceil() as i64;
        let high = high.unwrap_or(SAFE).min(SAFE).floor() as i64;
        if low > high {
            return None;
        }
        let span = high.abs_diff(low);
        let anywhere = low.saturating_add_unsigned(match span {
            u64::MAX => self.random.bits(),
            span => self.random.bits() % (span + 1),
        });
        let near = low.saturating_add_unsigned(self.random.bits() % span.min(16).saturating_add(1));
        let edges = [
            low,
            high,
            low + 1,
            high - 1,
            0,
            1,
            -1,
            near,
            near,
            anywhere,
            anywhere,
        ];
        let edges: Vec<i64> = edges
            .into_iter()
            .filter(|value| (low..=high).contains(value))
            .collect();
        let value = *self.random.pick(&edges)?;
        let value = match parts.iter().find_map(|part| part.number.multiple_of) {
            Some(step) if step >= 1.0 && step.fract() == 0.0 => value - value.rem_euclid(step as i64),
            Some(step) => return Some(multiple(value, step)),
            None => value,
        };
        Some(match self.random.below(12) {
            // Both are integers to JSON Schema.
            0 if value == 0 => Value::from(-0.0),
            0 | 1 => Value::from(value as f64),
            _ => value.into(),
        })
    }

    pub(crate) fn number(&mut self, parts: &[&Node]) -> Option<Value> {
        let (low, high) = Self::bounds(parts);
        if let Some(step) = parts.iter().find_map(|part| part.number.multiple_of) {
            let count = |bound: f64| (bound / step).clamp(-SAFE, SAFE);
            let least = low.map_or(0.0, count).ceil() as i64;
            let most = high.map(|high| count(high).floor() as i64);
            let near = least + self.random.below(20) as i64;
            let counts = [Some(least), Some(near), Some(near), most];
            let counts: Vec<i64> = counts
                .into_iter()
                .flatten()
                .filter(|count| most.is_none_or(|most| *count <= most))
                .collect();
            return Some(multiple(*self.random.pick(&counts)?, step));
        }
        let (low, high) = (low.unwrap_or(f64::MIN), high.unwrap_or(f64::MAX));
        let share = (self.random.bits() >> 11) as f64 / (1u64 << 53) as f64;
        let anywhere = low + (high / 2.0 - low / 2.0) * 2.0 * share;
        let small = (self.random.below(4001) as f64 - 2000.0) / 100.0;
        let edges = [
            low,
            high,
            0.0,
            -0.0,
            0.1,
            1.0,
            -1.5,
            1e2,
            5e-324,
            f64::MIN_POSITIVE,
            1e300,
            1e15,
            9_007_199_254_740_992.0,
            small,
            anywhere,
            anywhere,
        ];
        let edges: Vec<f64> = edges
            .into_iter()
            .filter(|value| (low..=high).contains(value))
            .collect();
        Number::from_f64(*self.random.pick(&edges)?).map(Value::Number)
    }
}

/// A multiple of a step, as close as a double comes.
fn multiple(count: i64, step: f64) -> Value {
    let inverse = (1.0 / step).round();
    // 3 * 0.1 is not the double nearest to 0.3, but 3 / 10 is.
    let value = if step < 1.0 && (1.0 / inverse - step).abs() < f64::EPSILON {
        count as f64 / inverse
    } else {
        count as f64 * step
    };
    Value::from(value)
}
