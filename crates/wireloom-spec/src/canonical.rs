//! One text for equal JSON values: keys sorted, numbers in one notation. For comparing and hashing, not for people.

use std::fmt::Write;

use serde_json::{Number, Value};

/// The canonical text of a value.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{value}");
        }
        Value::Number(value) => number(value, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                let _ = write!(out, "{}:", Value::from(key.as_str()));
                write(value, out);
            }
            out.push('}');
        }
    }
}

/// `1`, `1.0` and `1e0` are one number.
fn number(number: &Number, out: &mut String) {
    let whole = number
        .as_f64()
        .filter(|value| !number.is_i64() && !number.is_u64() && value.fract() == 0.0);
    let _ = match whole {
        Some(value) if value.abs() < 9_007_199_254_740_992.0 => write!(out, "{}", value as i64),
        _ => write!(out, "{number}"),
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text;

    #[test]
    fn equal_values_have_equal_texts() {
        assert_eq!(
            text(&json!({ "b": 1.0, "a": [null, "x\n"] })),
            r#"{"a":[null,"x\n"],"b":1}"#
        );
        assert_ne!(text(&json!("1")), text(&json!(1)));
        assert_ne!(text(&json!(1.5)), text(&json!(1)));
    }
}
