//! Whether a regular expression is one that the validator's linear-time engine runs.

use std::collections::HashMap;

use jsonschema::PatternOptions;
use serde_json::json;

/// Longest pattern, in bytes.
const MAX_BYTES: usize = 4 * 1024;
/// Largest compiled pattern, in bytes: what one message may cost in memory.
pub(crate) const COMPILED_BYTES: usize = 4 * 1024 * 1024;

/// Patterns that were tried: each is compiled once a run.
#[derive(Debug, Default)]
pub(crate) struct Patterns(HashMap<String, Option<String>>);

impl Patterns {
    /// Why the pattern is refused, if it is.
    pub(crate) fn fault(&mut self, pattern: &str) -> Option<String> {
        if let Some(known) = self.0.get(pattern) {
            return known.clone();
        }
        let fault = compile(pattern);
        self.0.insert(pattern.to_owned(), fault.clone());
        fault
    }
}

fn compile(pattern: &str) -> Option<String> {
    if pattern.len() > MAX_BYTES {
        return Some(format!("it has {} bytes; the most is {MAX_BYTES}", pattern.len()));
    }
    let schema = json!({ "pattern": pattern });
    let options = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex().size_limit(COMPILED_BYTES));
    match options.build(&schema) {
        Ok(_) => None,
        Err(_) => Some(reason(pattern).to_owned()),
    }
}

/// The validator says only that it is no regular expression; what is usually meant is said better.
fn reason(pattern: &str) -> &'static str {
    let look_around = ["(?=", "(?!", "(?<=", "(?<!"];
    if look_around.iter().any(|sign| pattern.contains(sign)) {
        "it looks around, which cannot be matched in linear time"
    } else if has_back_reference(pattern) {
        "it refers back to a group, which cannot be matched in linear time"
    } else {
        "it is no regular expression of ECMA-262, or too large when compiled"
    }
}

fn has_back_reference(pattern: &str) -> bool {
    let mut escaped = false;
    for c in pattern.chars() {
        if escaped && (c.is_ascii_digit() && c != '0' || c == 'k') {
            return true;
        }
        escaped = c == '\\' && !escaped;
    }
    false
}
