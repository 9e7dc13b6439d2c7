//! `enum` and `const`: each constant once, and each of the schema's own type.

use std::collections::HashMap;

use serde_json::Value;

use super::integer::SAFE;
use super::raw::{Constant, Type};
use crate::canonical;
use crate::codes;
use crate::diagnostic::{Report, Sink};

/// The constants that are in order; the others have a diagnostic.
pub(super) fn check(constants: Vec<Constant>, types: Option<&[Type]>, sink: &mut Sink) -> Vec<Constant> {
    let mut seen = HashMap::new();
    let mut good = Vec::with_capacity(constants.len());
    for constant in constants {
        let Constant { value, span } = &constant;
        if let Some(first) = seen.get(&canonical::text(value)) {
            let report = Report::new(
                &codes::CONSTANTS,
                *span,
                format!("the constant {value} stands twice"),
            )
            .related(*first, "first here");
            sink.push(report);
            continue;
        }
        seen.insert(canonical::text(value), *span);
        if let Some(types) = types
            && !types.iter().any(|kind| kind.fits(value))
        {
            sink.push(misfit(&constant, types));
            continue;
        }
        if is_unsafe(value) {
            let is = if value.is_number() { "is" } else { "has an integer" };
            let message = format!(
                "the constant {value} {is} beyond +-(2^53 - 1), which is what a JavaScript number holds"
            );
            sink.push(Report::new(&codes::CONSTANTS, *span, message));
            continue;
        }
        good.push(constant);
    }
    good
}

fn misfit(constant: &Constant, types: &[Type]) -> Report {
    let names: Vec<_> = types.iter().map(|kind| kind.name()).collect();
    let message = format!(
        "the constant {} is not of type {}",
        constant.value,
        crate::suggest::list(&names)
    );
    let report = Report::new(&codes::CONSTANTS, constant.span, message);
    if types.contains(&Type::String) && !constant.value.is_object() && !constant.value.is_array() {
        report.help("quote it: YAML reads it as something else than a string")
    } else {
        report
    }
}

/// Whether it is, or has somewhere in it, an integer that no message can have.
fn is_unsafe(value: &Value) -> bool {
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => !(-SAFE..=SAFE).contains(&value),
            (None, Some(_)) => true,
            (None, None) => false,
        },
        Value::Array(items) => items.iter().any(is_unsafe),
        Value::Object(entries) => entries.values().any(is_unsafe),
        _ => false,
    }
}
