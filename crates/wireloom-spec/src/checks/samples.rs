//! Examples and defaults fit their schemas.

use indexmap::IndexMap;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::schema::{IntFormat, Raw, Sample};

/// Most violations that are shown of one sample.
const SHOWN: usize = 3;

/// Checks every sample: those of the schemas, those inside them, and the `more` that stand beside them.
///
/// All schemas are compiled as properties of one: types that many refer to are compiled once.
pub(crate) fn samples<'a>(
    schemas: impl Iterator<Item = (&'a Raw, &'a [Sample])>,
    types: &IndexMap<String, Raw>,
    sink: &mut Sink,
) {
    let mut wanted: Vec<(&Raw, &[Sample])> = Vec::new();
    for (raw, more) in schemas {
        wanted.push((raw, more));
        raw.walk(&mut |inner| wanted.push((inner, &inner.samples)));
    }
    wanted.retain(|(_, samples)| !samples.is_empty());
    if wanted.is_empty() {
        return;
    }
    let properties = wanted
        .iter()
        .enumerate()
        .map(|(index, (raw, _))| (index.to_string(), raw.json.clone()));
    let Some(validator) = validator(properties.collect(), types) else {
        return;
    };
    for (index, (_, samples)) in wanted.iter().enumerate() {
        for sample in *samples {
            let instance = Value::Object(Map::from_iter([(index.to_string(), sample.node.to_json())]));
            for error in validator.iter_errors(&instance).take(SHOWN) {
                sink.push(report(sample, &error));
            }
        }
    }
}

/// A schema that does not compile has a diagnostic of its own: there is no validator then.
fn validator(properties: Map<String, Value>, types: &IndexMap<String, Raw>) -> Option<Validator> {
    let defs: Map<_, _> = types
        .iter()
        .map(|(name, raw)| (name.clone(), raw.json.clone()))
        .collect();
    let schema = Map::from_iter([
        ("$defs".to_owned(), defs.into()),
        ("properties".to_owned(), properties.into()),
    ]);
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(&Value::Object(schema))
        .ok()
}

fn report(sample: &Sample, error: &ValidationError<'_>) -> Report {
    // The first segment is the property that the schema is compiled as.
    let path = error.instance_path().to_string();
    let path = path.match_indices('/').nth(1).map_or("", |(at, _)| &path[at..]);
    let what = sample.what;
    let place = if path.is_empty() {
        String::new()
    } else {
        format!(" at `{path}`")
    };
    let reason = match error.kind() {
        // Of a 64-bit integer, nobody wrote the pattern.
        ValidationErrorKind::Pattern { pattern } if IntFormat::is_pattern(pattern) => {
            format!("{} is no decimal integer of 64 bits", error.instance())
        }
        ValidationErrorKind::Pattern { pattern } => {
            format!("{} does not match its pattern `{pattern}`", error.instance())
        }
        _ => error.to_string(),
    };
    let message = format!("the {what} does not fit its schema{place}: {reason}");
    Report::new(&codes::EXAMPLE, sample.node.at_pointer(path).span, message)
        .label(format!("violates `{}`", error.kind().keyword()))
}
