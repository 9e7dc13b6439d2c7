//! Examples and defaults fit their schemas.

use std::collections::HashSet;

use indexmap::IndexMap;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::schema::{Raw, Sample};

/// Most violations that are shown of one sample.
const SHOWN: usize = 3;

/// Checks the samples of a schema and of every schema inside it, and `more` against the schema itself.
pub(crate) fn samples(raw: &Raw, more: &[Sample], types: &IndexMap<String, Raw>, sink: &mut Sink) {
    if !more.is_empty() {
        check(raw, more, types, sink);
    }
    raw.walk(&mut |inner| {
        if !inner.samples.is_empty() {
            check(inner, &inner.samples, types, sink);
        }
    });
}

fn check(raw: &Raw, samples: &[Sample], types: &IndexMap<String, Raw>, sink: &mut Sink) {
    // A schema that does not compile has a diagnostic of its own.
    let Some(validator) = validator(raw, types) else {
        return;
    };
    for sample in samples {
        let value = sample.node.to_json();
        let mut errors = validator.iter_errors(&value);
        for error in errors.by_ref().take(SHOWN) {
            sink.push(report(sample, &error));
        }
    }
}

/// The validator of a schema with the types that it leads to, and no others: most of a large file is not compiled.
fn validator(raw: &Raw, types: &IndexMap<String, Raw>) -> Option<Validator> {
    let mut needed = HashSet::new();
    let mut defs = Map::new();
    let mut open = raw.references();
    while let Some(name) = open.pop() {
        if let Some(target) = types.get(name).filter(|_| needed.insert(name)) {
            defs.insert(name.to_owned(), target.json.clone());
            open.extend(target.references());
        }
    }
    let mut schema = match &raw.json {
        Value::Object(object) => object.clone(),
        other => return jsonschema::options().build(other).ok(),
    };
    if !defs.is_empty() {
        schema.insert("$defs".to_owned(), defs.into());
    }
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(&Value::Object(schema))
        .ok()
}

fn report(sample: &Sample, error: &ValidationError<'_>) -> Report {
    let path = error.instance_path().to_string();
    let what = sample.what;
    let place = if path.is_empty() {
        String::new()
    } else {
        format!(" at `{path}`")
    };
    let reason = match error.kind() {
        // The pattern stands in the file, or is one that nobody wrote: of a 64-bit integer.
        ValidationErrorKind::Pattern { .. } => format!("{} does not match its pattern", error.instance()),
        _ => error.to_string(),
    };
    let message = format!("the {what} does not fit its schema{place}: {reason}");
    Report::new(&codes::EXAMPLE, sample.node.at_pointer(&path).span, message)
        .label(format!("violates `{}`", error.kind().keyword()))
}
