//! A schema's keywords together: what contradicts, what asserts nothing, and what an integer's bounds come to.

use serde_json::Value;

use super::draft::Draft;
use super::expand::{Expander, Role};
use super::keywords::Applies;
use super::raw::{Form, Raw, Type};
use super::{constants, integer};
use crate::codes;
use crate::diagnostic::Report;
use crate::model::Span;
use crate::suggest;

impl Expander<'_> {
    /// Looks at all keywords together.
    pub(super) fn settle(&mut self, mut draft: Draft<'_>, span: Span) -> Raw {
        self.warn_of_idle_keywords(&draft);
        self.integer(&mut draft);
        self.contradictions(&draft);
        if !draft.constants.is_empty() {
            if draft.is_text_integer() {
                let at = draft
                    .entry("enum")
                    .or(draft.entry("const"))
                    .map_or(span, |entry| entry.key_span);
                self.int64(at, "constants");
            } else {
                let types = draft.keywords.types.as_deref();
                let constants = constants::check(std::mem::take(&mut draft.constants), types, self.sink);
                draft.keywords.constants = (!constants.is_empty()).then_some(constants);
            }
        }
        let Draft {
            keywords,
            json,
            docs,
            samples,
            ..
        } = draft;
        let form = if keywords.present.is_empty() {
            Form::Any
        } else {
            Form::Object(Box::new(keywords))
        };
        let mut raw = self.raw(form, Value::Object(json));
        raw.docs = docs;
        raw.samples = samples;
        raw
    }

    fn int64(&mut self, at: Span, what: &str) {
        let report = Report::new(
            &codes::INT64,
            at,
            format!("{what} on an integer that travels as a decimal string"),
        )
        .help("remove it, or remove `format`: an integer without one travels as a number up to 2^53 - 1");
        self.sink.push(report);
    }

    /// What an integer's bounds and format come to, in the shape and in the emitted schema.
    fn integer(&mut self, draft: &mut Draft<'_>) {
        let keywords = &mut draft.keywords;
        if !keywords
            .types
            .as_ref()
            .is_some_and(|types| types.contains(&Type::Integer))
        {
            return;
        }
        if let Some(format) = keywords.int_format.filter(|format| format.is_text()) {
            for name in [
                "minimum",
                "maximum",
                "exclusiveMinimum",
                "exclusiveMaximum",
                "multipleOf",
                // Its digits are a string on the wire only.
                "minLength",
                "maxLength",
                "pattern",
            ] {
                if let Some(entry) = draft.entry(name) {
                    self.int64(entry.key_span, &format!("`{name}`"));
                }
            }
            draft
                .json
                .insert("pattern".to_owned(), integer::text_pattern(format).into());
            return;
        }
        let (least, most) = integer::format_range(keywords.int_format);
        let (mut low, mut high) = (i128::from(least), i128::from(most));
        let bounds = &draft.bounds;
        let safe = i128::from(integer::SAFE);
        let written = [
            ("minimum", bounds.minimum.as_ref().map(integer::ceil), true),
            (
                "exclusiveMinimum",
                bounds.above.as_ref().map(integer::above),
                true,
            ),
            ("maximum", bounds.maximum.as_ref().map(integer::floor), false),
            (
                "exclusiveMaximum",
                bounds.below.as_ref().map(integer::below),
                false,
            ),
        ];
        for (name, bound, is_lower) in written {
            let Some(bound) = bound else { continue };
            if is_lower {
                low = low.max(bound);
            } else {
                high = high.min(bound);
            }
            if (is_lower && bound < -safe) || (!is_lower && bound > safe) {
                let report = Report::new(
                    &codes::UNSAFE_INTEGER,
                    draft.key_span(name),
                    format!("`{name}` is beyond +-(2^53 - 1), which is what a JavaScript number holds"),
                )
                .help("`format: int64` or `uint64` travels as a decimal string, with the full range");
                self.sink.push(report);
            }
        }
        if low > high {
            let at = draft
                .entry("minimum")
                .or(draft.entry("exclusiveMinimum"))
                .or(draft.entry("maximum"));
            let at = at
                .or(draft.entry("exclusiveMaximum"))
                .map_or(draft.span, |entry| entry.key_span);
            let report = Report::new(&codes::CONTRADICTION, at, "no integer is within these bounds");
            self.sink.push(report);
            return;
        }
        // Both are within +-(2^53 - 1) by now.
        let range = (
            i64::try_from(low).unwrap_or(least),
            i64::try_from(high).unwrap_or(most),
        );
        draft.keywords.int_range = range;
        if draft.constants.is_empty() {
            for name in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
                draft.json.shift_remove(name);
            }
            draft.json.insert("minimum".to_owned(), range.0.into());
            draft.json.insert("maximum".to_owned(), range.1.into());
        }
    }

    fn contradictions(&mut self, draft: &Draft<'_>) {
        let keywords = &draft.keywords;
        let counts = [
            (
                "minLength",
                keywords.string.min_length,
                "maxLength",
                keywords.string.max_length,
            ),
            ("minItems", keywords.min_items, "maxItems", keywords.max_items),
            (
                "minProperties",
                keywords.min_properties,
                "maxProperties",
                keywords.max_properties,
            ),
            (
                "minContains",
                draft.min_contains,
                "maxContains",
                draft.max_contains,
            ),
        ];
        for (least_name, least, most_name, most) in counts {
            if let (Some(least), Some(most)) = (least, most)
                && least > most
            {
                let message =
                    format!("`{least_name}` {least} is above `{most_name}` {most}: nothing is valid");
                let report = Report::new(&codes::CONTRADICTION, draft.key_span(least_name), message);
                self.sink.push(report);
            }
        }
        let range = &keywords.number;
        let empty = |low: Option<f64>, high: Option<f64>, touching: bool| match (low, high) {
            (Some(low), Some(high)) => low > high || (!touching && low >= high),
            _ => false,
        };
        let is_integer = keywords
            .types
            .as_ref()
            .is_some_and(|types| types.contains(&Type::Integer));
        if !is_integer
            && (empty(range.min, range.max, true)
                || empty(range.above, range.max, false)
                || empty(range.min, range.below, false)
                || empty(range.above, range.below, false))
        {
            let at = draft.entry("minimum").or(draft.entry("exclusiveMinimum"));
            let at = at.map_or(draft.span, |entry| entry.key_span);
            self.sink.push(Report::new(
                &codes::CONTRADICTION,
                at,
                "no number is within these bounds",
            ));
        }
        self.object_contradictions(draft);
        self.tuple(draft);
        if let (Some(prefix), Some(least)) = (&keywords.prefix_items, keywords.min_items)
            && matches!(
                keywords.items.as_deref(),
                Some(Raw {
                    form: Form::Never,
                    ..
                })
            )
            && least > prefix.len() as u64
        {
            let message = format!(
                "`minItems` {least} with `items: false` and {} `prefixItems`: nothing is valid",
                prefix.len()
            );
            self.sink.push(Report::new(
                &codes::CONTRADICTION,
                draft.key_span("minItems"),
                message,
            ));
        }
    }

    fn tuple(&mut self, draft: &Draft<'_>) {
        let keywords = &draft.keywords;
        let Some(prefix) = keywords
            .prefix_items
            .as_ref()
            .filter(|_| keywords.is_type(Type::Array))
        else {
            return;
        };
        let impossible = keywords
            .min_items
            .is_some_and(|least| least > prefix.len() as u64);
        if !keywords.is_tuple() && !impossible && draft.role == Role::Whole {
            let message =
                "`prefixItems` lets fewer or more items through: a list of anything in Rust and TypeScript";
            let help = format!("for a tuple, add `items: false` and `minItems: {}`", prefix.len());
            let report = Report::new(&codes::OPEN_TUPLE, draft.key_span("prefixItems"), message).help(help);
            self.sink.push(report);
        }
    }

    fn object_contradictions(&mut self, draft: &Draft<'_>) {
        let keywords = &draft.keywords;
        let closed = matches!(
            keywords.additional.as_deref(),
            Some(Raw {
                form: Form::Never,
                ..
            })
        );
        if closed && !keywords.has("patternProperties") {
            let declared = |name: &str| {
                keywords
                    .properties
                    .as_ref()
                    .is_some_and(|all| all.contains_key(name))
            };
            for (name, span) in keywords.required.iter().filter(|(name, _)| !declared(name)) {
                let known = keywords
                    .properties
                    .iter()
                    .flat_map(|all| all.keys().map(String::as_str));
                let message =
                    format!("the required property `{name}` is not declared, and others are refused");
                let report = Report::new(&codes::UNDECLARED_REQUIRED, *span, message)
                    .maybe_help(suggest::did_you_mean(name, known));
                self.sink.push(report);
            }
        }
        if let Some(most) = keywords.max_properties
            && keywords.required.len() as u64 > most
        {
            let message = format!(
                "{} required properties and `maxProperties` {most}: nothing is valid",
                keywords.required.len()
            );
            self.sink.push(Report::new(
                &codes::CONTRADICTION,
                draft.key_span("maxProperties"),
                message,
            ));
        }
    }

    fn warn_of_idle_keywords(&mut self, draft: &Draft<'_>) {
        let keywords = &draft.keywords;
        let partners = [
            ("minContains", "contains"),
            ("maxContains", "contains"),
            ("then", "if"),
            ("else", "if"),
        ];
        for (name, partner) in partners {
            if keywords.has(name) && !keywords.has(partner) {
                let message = format!("`{name}` without `{partner}` asserts nothing");
                self.sink
                    .push(Report::new(&codes::NO_EFFECT, draft.key_span(name), message));
            }
        }
        let mut missing = None;
        for ((name, applies), span) in keywords.present.iter().zip(&draft.spans) {
            let Some(type_name) = applies.type_name() else {
                continue;
            };
            // Refused, not only idle.
            if draft.is_text_integer() && *applies == Applies::Strings {
                continue;
            }
            match &keywords.types {
                Some(types) if !types.iter().any(|kind| applies.to(*kind)) => {
                    let names: Vec<_> = types.iter().map(|kind| kind.name()).collect();
                    let message = format!("`{name}` asserts nothing about type {}", suggest::list(&names));
                    self.sink
                        .push(Report::new(&codes::NO_EFFECT, *span, message).help("remove it"));
                }
                None if draft.role == Role::Whole => {
                    missing.get_or_insert((*name, type_name, *span));
                }
                _ => {}
            }
        }
        let typed_otherwise = ["$ref", "enum", "const", "allOf"]
            .iter()
            .any(|name| keywords.has(name));
        if let Some((name, type_name, span)) = missing.filter(|_| !typed_otherwise) {
            let message = format!("`{name}` without `type` lets every other type through");
            self.sink.push(
                Report::new(&codes::MISSING_TYPE, span, message).help(format!("add `type: {type_name}`")),
            );
        }
    }
}
