//! What a schema asks beyond its type, in words for people: one wording for TypeScript's comments and the reference.

use wireloom_spec::model::{Extra, IntRepr, NumberRange, Schema, Shape, StringRule, Struct};

use super::prose::Prose;

/// Fragments such as `1 to 128 characters`, without the documentation of inner types.
pub(super) fn constraints(schema: &Schema) -> Vec<Prose> {
    let mut found = Vec::new();
    collect(schema, &mut found);
    found
}

fn collect(schema: &Schema, found: &mut Vec<Prose>) {
    match &schema.shape {
        Shape::Nullable(inner) => collect(inner, found),
        Shape::Integer { repr, min, max } => integer(*repr, *min, *max, found),
        Shape::IntegerText(repr) => {
            let range = if matches!(repr, IntRepr::U32 | IntRepr::U64) {
                "without sign, "
            } else {
                ""
            };
            found.push(Prose::of(format!(
                "an integer of 64 bits {range}as decimal digits"
            )));
        }
        Shape::Number(range) => number(range, found),
        Shape::String(rule) => string(rule, found),
        Shape::Array {
            items,
            min_items,
            max_items,
        } => {
            found.extend(count(*min_items, *max_items, "item", "items"));
            let mut inner = Vec::new();
            collect(items, &mut inner);
            found.extend(inner.into_iter().map(|text| Prose::of("each: ").and(text)));
        }
        Shape::Map {
            values,
            min_properties,
            max_properties,
        } => {
            found.extend(count(*min_properties, *max_properties, "entry", "entries"));
            let mut inner = Vec::new();
            collect(values, &mut inner);
            found.extend(inner.into_iter().map(|text| Prose::of("each: ").and(text)));
        }
        _ => {}
    }
    residual(&schema.residual, found);
}

/// What an object asks as a whole.
pub(super) fn of_struct(object: &Struct, keywords: &[String]) -> Vec<Prose> {
    let mut found = Vec::new();
    found.extend(count(
        object.min_properties,
        object.max_properties,
        "property",
        "properties",
    ));
    if !matches!(object.extra, Extra::Refused) {
        found.push(Prose::of("other properties are allowed"));
    }
    residual(keywords, &mut found);
    found
}

fn residual(keywords: &[String], found: &mut Vec<Prose>) {
    if !keywords.is_empty() {
        found.push(Prose::of("see the schema: ").and(Prose::codes(keywords)));
    }
}

/// Largest integer that a JavaScript number holds: the bound of an integer that has none of its own.
const MAX_SAFE: i64 = 9_007_199_254_740_991;

fn integer(repr: IntRepr, min: i64, max: i64, found: &mut Vec<Prose>) {
    let (low, high) = match repr {
        IntRepr::I32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        IntRepr::U32 => (0, i64::from(u32::MAX)),
        IntRepr::I64 | IntRepr::U64 => (-MAX_SAFE, MAX_SAFE),
    };
    found.extend(match (min > low, max < high) {
        (true, true) => Some(Prose::of(format!("from {min} to {max}"))),
        (true, false) => Some(Prose::of(format!("at least {min}"))),
        (false, true) => Some(Prose::of(format!("at most {max}"))),
        (false, false) => None,
    });
}

fn number(range: &NumberRange, found: &mut Vec<Prose>) {
    let bounds = [
        ("at least", range.min),
        ("more than", range.above),
        ("at most", range.max),
        ("less than", range.below),
    ];
    found.extend(
        bounds
            .into_iter()
            .filter_map(|(words, bound)| Some(Prose::of(format!("{words} {}", bound?)))),
    );
}

fn string(rule: &StringRule, found: &mut Vec<Prose>) {
    found.extend(count(rule.min_length, rule.max_length, "character", "characters"));
    if let Some(pattern) = &rule.pattern {
        found.push(Prose::of("matches ").code(pattern));
    }
    if let Some(format) = &rule.format {
        found.push(Prose::of("format ").code(format));
    }
}

fn count(min: Option<u64>, max: Option<u64>, one: &str, many: &str) -> Option<Prose> {
    let noun = |count: u64| if count == 1 { one } else { many };
    let words = match (min.filter(|min| *min > 0), max) {
        (None, None) => None,
        (Some(min), None) => Some(format!("at least {min} {}", noun(min))),
        (None, Some(max)) => Some(format!("at most {max} {}", noun(max))),
        (Some(min), Some(max)) if min == max => Some(format!("{min} {}", noun(min))),
        (Some(min), Some(max)) => Some(format!("{min} to {max} {many}")),
    };
    words.map(Prose::of)
}
