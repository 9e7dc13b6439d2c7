//! JSON Schema at run time: the `jsonschema` crate, set up in the one way that gives a schema its meaning here.
//!
//! Draft 2020-12, formats asserted, patterns by a linear-time engine.

pub use jsonschema::Validator;
use jsonschema::{Draft, PatternOptions, ValidationOptions};
use serde_json::Value;

use crate::pattern::Table;
use crate::runs::Runs;

/// Most violations that are reported for one message.
pub const MAX_DETAILS: usize = 16;

fn options() -> ValidationOptions<'static> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
}

/// Compiles a schema.
///
/// # Errors
///
/// If it is no valid schema; the text says why.
pub fn compile(schema: &Value) -> Result<Validator, String> {
    options().build(schema).map_err(|error| error.to_string())
}

/// A schema inside a protocol's description, for generated code.
#[derive(Debug)]
pub struct Schema {
    validator: Option<Validator>,
}

impl Schema {
    /// The schema that a JSON Pointer finds in the text of a protocol's description.
    #[must_use]
    pub fn of(protocol: &str, pointer: &str) -> Self {
        let validator = serde_json::from_str::<Value>(protocol).ok().and_then(|protocol| {
            // A schema that refers to nothing comes without definitions.
            let defs = protocol
                .get("$defs")
                .cloned()
                .unwrap_or_else(|| serde_json::json!({}));
            let schema = protocol.pointer(pointer)?.clone();
            compile(&serde_json::json!({ "$defs": defs, "allOf": [schema] })).ok()
        });
        Self { validator }
    }

    /// Whether a value satisfies it. A schema that did not compile is satisfied by nothing.
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        self.validator
            .as_ref()
            .is_some_and(|validator| validator.is_valid(value))
    }
}

/// `pattern` or `format` of a string, for generated code.
#[derive(Debug)]
pub struct StringCheck(Check);

#[derive(Debug)]
enum Check {
    Runs(Runs),
    Table(Box<Table>),
    Validator(Validator),
    /// What did not compile is satisfied by nothing.
    Never,
}

impl StringCheck {
    /// A check by the validator of the schema in this text, for example `{"format":"uuid"}`.
    #[must_use]
    pub fn new(schema: &str) -> Self {
        let schema = serde_json::from_str::<Value>(schema);
        Self::by_validator(&schema.unwrap_or(false.into()))
    }

    /// A check by the runs of a pattern, by its table of states, or by the validator: the simplest that it has.
    #[must_use]
    pub fn pattern(pattern: &str) -> Self {
        // What the validator makes of it: its own translation into Rust's syntax.
        let runs = jsonschema_regex::to_rust_regex(pattern)
            .ok()
            .and_then(|pattern| Runs::of(&pattern));
        if let Some(runs) = runs {
            return Self(Check::Runs(runs));
        }
        match Table::of(pattern) {
            Some(table) => Self(Check::Table(Box::new(table))),
            None => Self::by_validator(&serde_json::json!({ "pattern": pattern })),
        }
    }

    fn by_validator(schema: &Value) -> Self {
        Self(compile(schema).map_or(Check::Never, Check::Validator))
    }

    /// Whether a string satisfies it.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        match &self.0 {
            Check::Runs(runs) => runs.matches(text),
            Check::Table(table) => table.finds(text),
            Check::Validator(validator) => validator.is_valid(&Value::String(text.to_owned())),
            Check::Never => false,
        }
    }
}
