//! What a value violates, in words, without one of the value's own.

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::reject::Detail;
use crate::schema::MAX_DETAILS;

/// Longest pattern that is shown, in bytes.
const SHOWN_PATTERN: usize = 80;

/// What a value violates, at most [`MAX_DETAILS`] entries.
pub(crate) fn violations(validator: &Validator, value: &Value) -> Vec<Detail> {
    let mut details = Vec::new();
    for error in validator.iter_errors(value) {
        explain(&error, &mut details);
        if details.len() >= MAX_DETAILS {
            break;
        }
    }
    details.truncate(MAX_DETAILS);
    details
}

fn explain(error: &ValidationError<'_>, details: &mut Vec<Detail>) {
    let path = error.instance_path().as_str();
    let detail = |message: String| Detail {
        path: path.to_owned(),
        keyword: error.kind().keyword().to_owned(),
        message,
    };
    match error.kind() {
        Kind::OneOfNotValid { context } | Kind::AnyOf { context } => match told_apart(path, context) {
            Some(Told::Variant(errors)) => errors.iter().for_each(|error| explain(error, details)),
            Some(Told::Tag { path, tags }) => details.push(Detail {
                path: path.to_owned(),
                ..detail(format!("the value is not {}", one_of(&tags)))
            }),
            Some(Told::Missing(name)) => details.push(Detail {
                keyword: "required".to_owned(),
                ..detail(format!("{name} is a required property"))
            }),
            None => details.push(detail(error.masked_with("the value").to_string())),
        },
        Kind::Pattern { pattern } if pattern.len() > SHOWN_PATTERN => {
            details.push(detail("the value does not match its pattern".to_owned()));
        }
        _ => details.push(detail(error.masked_with("the value").to_string())),
    }
}

/// What is wrong with a value that fits no variant of a union whose variants are told apart by a tag.
enum Told<'e> {
    /// The tag names this variant, which has errors of its own.
    Variant(&'e [ValidationError<'static>]),
    /// The tag names none of them.
    Tag { path: &'e str, tags: Vec<&'e Value> },
    /// There is no tag.
    Missing(&'e Value),
}

/// Tells the variants of a union at `path` apart by their errors: a tag is a constant right below it.
fn told_apart<'e>(path: &str, variants: &'e [Vec<ValidationError<'static>>]) -> Option<Told<'e>> {
    // What asks for something else than an object has no tag.
    let is_object = |errors: &&'e Vec<ValidationError<'static>>| {
        !errors
            .iter()
            .any(|error| error.instance_path().as_str() == path && matches!(error.kind(), Kind::Type { .. }))
    };
    let objects: Vec<_> = variants.iter().filter(is_object).collect();
    let tag = objects
        .iter()
        .flat_map(|errors| errors.iter())
        .find(|error| constant_below(path, error).is_some())
        .map(|error| error.instance_path().as_str());
    let Some(tag) = tag else {
        let [first, others @ ..] = objects.as_slice() else {
            return None;
        };
        let lacks = |errors: &[ValidationError<'_>], name: &Value| {
            errors
                .iter()
                .any(|error| matches!(error.kind(), Kind::Required { property } if property == name))
        };
        // What all of them lack. With one variant it is said anyway.
        let missing = first
            .iter()
            .filter(|error| error.instance_path().as_str() == path);
        let mut missing = missing.filter_map(|error| match error.kind() {
            Kind::Required { property } => Some(property),
            _ => None,
        });
        return missing
            .find(|name| !others.is_empty() && others.iter().all(|errors| lacks(errors, name)))
            .map(Told::Missing);
    };
    let expects = |errors: &&&'e Vec<ValidationError<'static>>| {
        errors
            .iter()
            .find(|error| error.instance_path().as_str() == tag)
            .and_then(|error| constant_below(path, error))
    };
    let tags: Vec<_> = objects.iter().filter_map(|errors| expects(&errors)).collect();
    let mut others = objects.iter().filter(|errors| expects(errors).is_none());
    match (others.next(), others.next()) {
        (None, _) => Some(Told::Tag { path: tag, tags }),
        (Some(variant), None) => Some(Told::Variant(variant)),
        _ => None,
    }
}

/// The constant that a value right below `path` is not, if that is the error.
fn constant_below<'e>(path: &str, error: &'e ValidationError<'_>) -> Option<&'e Value> {
    let below = error
        .instance_path()
        .as_str()
        .strip_prefix(path)?
        .strip_prefix('/')?;
    match error.kind() {
        Kind::Constant { expected_value } if !below.contains('/') && expected_value.is_string() => {
            Some(expected_value)
        }
        _ => None,
    }
}

/// `"a", "b" or "c"`.
fn one_of(values: &[&Value]) -> String {
    let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
    match texts.as_slice() {
        [front @ .., before_last, last] => {
            let front: String = front.iter().map(|text| format!("{text}, ")).collect();
            format!("{front}{before_last} or {last}")
        }
        [only] => only.clone(),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(schema: &Value, value: &Value) -> Vec<String> {
        let validator = crate::schema::compile(schema).unwrap();
        let details = violations(&validator, value);
        let said = details
            .iter()
            .map(|detail| format!("{} {}: {}", detail.path, detail.keyword, detail.message));
        said.collect()
    }

    fn variant(kind: &str, field: &str) -> Value {
        json!({
            "type": "object",
            "properties": { "kind": { "const": kind }, field: { "type": "string" } },
            "required": ["kind", field],
            "additionalProperties": false
        })
    }

    #[test]
    fn of_a_union_with_a_tag_only_the_variant_that_is_meant_is_talked_about() {
        let part =
            json!({ "oneOf": [variant("text", "text"), variant("image", "url"), variant("code", "body")] });
        let schema = json!({ "properties": { "parts": { "type": "array", "items": part } } });
        let said = |part: Value| {
            said(
                &schema,
                &json!({ "parts": [{ "kind": "code", "body": "" }, part] }),
            )
        };
        assert_eq!(
            said(json!({ "kind": "video" })),
            [r#"/parts/1/kind oneOf: the value is not "text", "image" or "code""#]
        );
        assert_eq!(
            said(json!({ "kind": "text", "text": 1 })),
            [r#"/parts/1/text type: the value is not of type "string""#]
        );
        assert_eq!(
            said(json!({ "kind": "image" })),
            [r#"/parts/1 required: "url" is a required property"#]
        );
        assert_eq!(
            said(json!({})),
            [r#"/parts/1 required: "kind" is a required property"#]
        );
    }

    #[test]
    fn a_union_without_a_tag_is_refused_as_a_whole() {
        let schema = json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] });
        let said_of_both = said(&schema, &json!(true));
        assert_eq!(said_of_both.len(), 1);
        assert!(said_of_both[0].starts_with(" oneOf: "), "{said_of_both:?}");
        // A string has no tag.
        let mixed = json!({ "oneOf": [{ "type": "string" }, variant("a", "x")] });
        assert_eq!(
            said(&mixed, &json!({ "kind": "b", "x": "" })),
            [r#"/kind oneOf: the value is not "a""#]
        );
    }

    #[test]
    fn a_long_pattern_is_not_shown() {
        let schema = json!({ "pattern": format!("^(?:{})$", "[a-z]|".repeat(20)) });
        assert_eq!(
            said(&schema, &json!("A")),
            [" pattern: the value does not match its pattern"]
        );
    }
}
