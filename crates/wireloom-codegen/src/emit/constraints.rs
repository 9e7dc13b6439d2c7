//! What a schema asks beyond its type, in words for people: one wording for TypeScript's comments and the reference.

use wireloom_spec::model::{Extra, IntRepr, NumberRange, Schema, Shape, StringRule, Struct};

/// Fragments such as `1 to 128 characters`, without the documentation of inner types.
pub(super) fn constraints(schema: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    collect(schema, &mut found);
    found
}

fn collect(schema: &Schema, found: &mut Vec<String>) {
    match &schema.shape {
        Shape::Nullable(inner) => collect(inner, found),
        Shape::Integer { repr, min, max } => integer(*repr, *min, *max, found),
        Shape::IntegerText(repr) => {
            let range = if matches!(repr, IntRepr::U32 | IntRepr::U64) {
                "without sign, "
            } else {
                ""
            };
            found.push(format!("an integer of 64 bits {range}as decimal digits"));
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
            found.extend(inner.into_iter().map(|text| format!("each: {text}")));
        }
        Shape::Map {
            values,
            min_properties,
            max_properties,
        } => {
            found.extend(count(*min_properties, *max_properties, "entry", "entries"));
            let mut inner = Vec::new();
            collect(values, &mut inner);
            found.extend(inner.into_iter().map(|text| format!("each: {text}")));
        }
        _ => {}
    }
    residual(&schema.residual, found);
}

/// What an object asks as a whole.
pub(super) fn of_struct(object: &Struct, keywords: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(count(
        object.min_properties,
        object.max_properties,
        "property",
        "properties",
    ));
    if !matches!(object.extra, Extra::Refused) {
        found.push("other properties are allowed".to_owned());
    }
    residual(keywords, &mut found);
    found
}

fn residual(keywords: &[String], found: &mut Vec<String>) {
    if !keywords.is_empty() {
        let keywords: Vec<_> = keywords.iter().map(|keyword| format!("`{keyword}`")).collect();
        found.push(format!("see the schema: {}", keywords.join(", ")));
    }
}

/// Largest integer that a JavaScript number holds: the bound of an integer that has none of its own.
const MAX_SAFE: i64 = 9_007_199_254_740_991;

fn integer(repr: IntRepr, min: i64, max: i64, found: &mut Vec<String>) {
    let (low, high) = match repr {
        IntRepr::I32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        IntRepr::U32 => (0, i64::from(u32::MAX)),
        IntRepr::I64 | IntRepr::U64 => (-MAX_SAFE, MAX_SAFE),
    };
    found.extend(match (min > low, max < high) {
        (true, true) => Some(format!("from {min} to {max}")),
        (true, false) => Some(format!("at least {min}")),
        (false, true) => Some(format!("at most {max}")),
        (false, false) => None,
    });
}

fn number(range: &NumberRange, found: &mut Vec<String>) {
    let bounds = [
        ("at least", range.min),
        ("more than", range.above),
        ("at most", range.max),
        ("less than", range.below),
    ];
    found.extend(
        bounds
            .into_iter()
            .filter_map(|(words, bound)| Some(format!("{words} {}", bound?))),
    );
}

fn string(rule: &StringRule, found: &mut Vec<String>) {
    found.extend(count(rule.min_length, rule.max_length, "character", "characters"));
    if let Some(pattern) = &rule.pattern {
        found.push(format!("matches `{pattern}`"));
    }
    if let Some(format) = &rule.format {
        found.push(format!("format `{format}`"));
    }
}

fn count(min: Option<u64>, max: Option<u64>, one: &str, many: &str) -> Option<String> {
    let noun = |count: u64| if count == 1 { one } else { many };
    match (min.filter(|min| *min > 0), max) {
        (None, None) => None,
        (Some(min), None) => Some(format!("at least {min} {}", noun(min))),
        (None, Some(max)) => Some(format!("at most {max} {}", noun(max))),
        (Some(min), Some(max)) if min == max => Some(format!("{min} {}", noun(min))),
        (Some(min), Some(max)) => Some(format!("{min} to {max} {many}")),
    }
}
