//! Whether a regular expression is one that the validator's linear-time engine runs.

use std::collections::HashMap;

use jsonschema::PatternOptions;
use serde_json::json;

/// Longest pattern, in bytes.
const MAX_BYTES: usize = 4 * 1024;
/// Largest compiled pattern, in bytes: what one message may cost in memory.
pub(crate) const COMPILED_BYTES: usize = 4 * 1024 * 1024;

/// Why a pattern is refused.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) reason: String,
    pub(crate) help: &'static str,
}

/// Patterns that were tried: each is compiled once a run.
#[derive(Debug, Default)]
pub(crate) struct Patterns(HashMap<String, Option<Fault>>);

impl Patterns {
    /// Why the pattern is refused, if it is.
    pub(crate) fn fault(&mut self, pattern: &str) -> Option<Fault> {
        if let Some(known) = self.0.get(pattern) {
            return known.clone();
        }
        let fault = compile(pattern);
        self.0.insert(pattern.to_owned(), fault.clone());
        fault
    }
}

fn compile(pattern: &str) -> Option<Fault> {
    if pattern.len() > MAX_BYTES {
        return Some(Fault {
            reason: format!("it has {} bytes; the most is {MAX_BYTES}", pattern.len()),
            help: "make it shorter, or check it in the handler",
        });
    }
    let schema = json!({ "pattern": pattern });
    let options = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex().size_limit(COMPILED_BYTES));
    match options.build(&schema) {
        Ok(_) => None,
        Err(_) => Some(reason(pattern)),
    }
}

/// The validator says only that it is no regular expression; what is usually meant is said better.
fn reason(pattern: &str) -> Fault {
    let look_around = ["(?=", "(?!", "(?<=", "(?<!"];
    if look_around.iter().any(|sign| pattern.contains(sign)) {
        return Fault {
            reason: "it looks around, which cannot be matched in linear time".to_owned(),
            help: "describe what is allowed, not what may not stand there, or check it in the handler",
        };
    }
    if has_back_reference(pattern) {
        return Fault {
            reason: "it refers back to a group, which cannot be matched in linear time".to_owned(),
            help: "write the group again, or check it in the handler",
        };
    }
    match syntax(pattern) {
        Some(reason) => Fault {
            reason: format!("it is no regular expression of ECMA-262: {reason}"),
            help: "escape signs that stand for themselves: in single quotes, `'\\('` is a bracket",
        },
        None => Fault {
            reason: format!("it is larger than {} MiB when compiled", COMPILED_BYTES >> 20),
            help: "make its counts smaller, as in `{0,1000}`; `maxLength` bounds a text for less",
        },
    }
}

/// What is wrong with the pattern's syntax, if it is that.
fn syntax(pattern: &str) -> Option<String> {
    let kind = |pattern: &str| match regex_syntax::parse(pattern).err()? {
        regex_syntax::Error::Parse(error) => Some(error.kind().to_string()),
        regex_syntax::Error::Translate(error) => Some(error.kind().to_string()),
        error => Some(error.to_string()),
    };
    match jsonschema_regex::to_rust_regex(pattern) {
        Ok(translated) => kind(&translated),
        Err(()) => kind(pattern).or_else(|| Some("the syntax is of another kind of expression".to_owned())),
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
