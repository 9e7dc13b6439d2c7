//! Makes a value that shows something simpler, as long as it still shows it: people read it.

use serde_json::{Value, json};

/// Values that are tried.
const TRIES: usize = 600;

/// The simplest value that was found for which `shows` holds, as it does for `value`.
pub(super) fn simplest(value: Value, shows: impl Fn(&Value) -> bool) -> Value {
    let mut best = value;
    let mut tries = 0;
    'again: loop {
        for candidate in simpler(&best) {
            tries += 1;
            if tries > TRIES {
                return best;
            }
            if shows(&candidate) {
                best = candidate;
                continue 'again;
            }
        }
        return best;
    }
}

/// Values that are simpler, the simplest first. Each is shorter, or the same with plainer characters or a lesser number, so
/// that there is an end.
fn simpler(value: &Value) -> Vec<Value> {
    match value {
        Value::Null | Value::Bool(_) => Vec::new(),
        Value::Number(_) => numbers(value),
        Value::String(text) => strings(text),
        Value::Array(items) => {
            let mut found = vec![json!([])];
            found.retain(|_| !items.is_empty());
            for at in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(at);
                found.push(fewer.into());
            }
            for (at, item) in items.iter().enumerate() {
                for simple in simpler(item) {
                    let mut same = items.clone();
                    if let Some(item) = same.get_mut(at) {
                        *item = simple;
                    }
                    found.push(same.into());
                }
            }
            found
        }
        Value::Object(fields) => {
            let mut found = Vec::new();
            for name in fields.keys() {
                let mut fewer = fields.clone();
                fewer.shift_remove(name);
                found.push(fewer.into());
            }
            for (name, field) in fields {
                for simple in simpler(field) {
                    let mut same = fields.clone();
                    same.insert(name.clone(), simple);
                    found.push(same.into());
                }
            }
            found
        }
    }
}

fn numbers(value: &Value) -> Vec<Value> {
    let number = value.as_f64().unwrap_or_default();
    let whole = |number: f64| {
        if number.fract() == 0.0 && number.abs() < 9e15 {
            json!(number as i64)
        } else {
            json!(number)
        }
    };
    [
        0.0,
        1.0,
        number.trunc(),
        (number / 2.0).trunc(),
        number - number.signum(),
    ]
    .into_iter()
    .filter(|simple| simple.abs() < number.abs())
    .map(whole)
    .collect()
}

fn strings(text: &str) -> Vec<Value> {
    let characters: Vec<char> = text.chars().collect();
    let length = characters.len();
    let mut found: Vec<String> = [0, 1, length / 2, length.saturating_sub(1)]
        .into_iter()
        .filter(|shorter| *shorter < length)
        .map(|shorter| characters.iter().take(shorter).collect())
        .collect();
    if characters.iter().any(|character| *character != 'a') {
        found.push("a".repeat(length));
    }
    found.into_iter().map(Value::from).collect()
}

#[cfg(test)]
mod tests {
    use super::simplest;
    use serde_json::{Value, json};

    #[test]
    fn what_does_not_matter_goes() {
        let value = json!({ "a": [1, "xyz", { "b": -17.5 }], "c": "some text", "d": null });
        let long = |value: &Value| value["c"].as_str().is_some_and(|text| text.len() > 3);
        assert_eq!(simplest(value.clone(), long), json!({ "c": "aaaa" }));
        let below = |value: &Value| value["a"][0]["b"].as_f64().is_some_and(|number| number < -3.0);
        assert_eq!(
            simplest(json!({ "a": [{ "b": -17.5 }, 2] }), below),
            json!({ "a": [{ "b": -4 }] })
        );
    }
}
