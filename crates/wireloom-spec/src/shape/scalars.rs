//! Scalars of the file: strings, counts, durations, sizes, rates and closed choices.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Read, advice, wrong_type};
use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::suggest;
use crate::syntax::{Data, Node};

impl Read for String {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        match node.data {
            Data::String(text) => Some(text),
            _ => wrong_type(&node, "a string", advice::text(&node), sink),
        }
    }

    fn example() -> String {
        "TEXT".to_owned()
    }
}

impl Read for bool {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        match node.data {
            Data::Bool(value) => Some(value),
            _ => wrong_type(&node, "`true` or `false`", advice::flag(), sink),
        }
    }

    fn example() -> String {
        "true".to_owned()
    }
}

/// Any JSON value, with the place of every part.
#[derive(Debug, Clone)]
pub(crate) struct Json(pub(crate) Node);

impl Read for Json {
    fn read(node: Node, _: &mut Sink) -> Option<Self> {
        (!node.has_hole()).then_some(Self(node))
    }

    fn example() -> String {
        "{ a: 1 }".to_owned()
    }
}

impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        true.into()
    }
}

/// A whole number from 1 to `MAX`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count<const MAX: u64>(pub(crate) u64);

impl<const MAX: u64> Read for Count<MAX> {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        let Data::Number(number) = &node.data else {
            return wrong_type(&node, "a whole number", advice::count(), sink);
        };
        match number.as_u64().filter(|count| (1..=MAX).contains(count)) {
            Some(count) => Some(Self(count)),
            None => refuse(
                &node,
                format!("{number} is not possible here"),
                format!("a whole number from 1 to {MAX}"),
                sink,
            ),
        }
    }

    fn example() -> String {
        "10".to_owned()
    }
}

impl<const MAX: u64> JsonSchema for Count<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Count{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX })
    }
}

/// A span of time in milliseconds, from a millisecond to a day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Duration(pub(crate) u64);

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Read for Duration {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        let help = "a duration is a number with a unit: `500ms`, `30s`, `2m` or `1h`";
        let text = match &node.data {
            Data::String(text) => text.clone(),
            Data::Number(number) => {
                return refuse(&node, format!("the duration {number} has no unit"), help, sink);
            }
            _ => return wrong_type(&node, "a duration", help, sink),
        };
        let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
        match with_unit(&text, &units) {
            Some(0) => refuse(&node, "a duration of zero", "write at least `1ms`", sink),
            Some(ms) if ms <= DAY_MS => Some(Self(ms)),
            Some(_) => refuse(
                &node,
                format!("`{text}` is longer than a day"),
                "write at most `24h`",
                sink,
            ),
            None => refuse(&node, format!("`{text}` is not a duration"), help, sink),
        }
    }

    fn example() -> String {
        "30s".to_owned()
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration of at most a day: 500ms, 30s, 2m or 1h.",
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m|h)$",
        })
    }
}

/// A number of bytes, from 1 to 1 GiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size(pub(crate) u64);

const GIB: u64 = 1 << 30;

impl Read for Size {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        let help = "a size is a number of bytes: `1000`, `1000B`, `256KiB` or `1MiB`";
        let bytes = match &node.data {
            Data::Number(number) => number.as_u64(),
            Data::String(text) => with_unit(
                text,
                &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", GIB), ("B", 1)],
            ),
            _ => return wrong_type(&node, "a size", help, sink),
        };
        match bytes {
            Some(0) => refuse(&node, "a size of zero", "write at least `1B`", sink),
            Some(bytes) if bytes <= GIB => Some(Self(bytes)),
            Some(_) => refuse(&node, "a size of more than 1 GiB", "write at most `1GiB`", sink),
            None => {
                let text = node.to_json();
                refuse(&node, format!("{text} is not a size"), help, sink)
            }
        }
    }

    fn example() -> String {
        "256KiB".to_owned()
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes, at most 1 GiB: 1000, 1000B, 256KiB or 1MiB.",
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": GIB },
                { "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" },
            ],
        })
    }
}

/// Messages a second in the long run; `None` is no limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate(pub(crate) Option<f64>);

impl Read for Rate {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        let help = "a rate is a number for a time: `100/s`, `10/m`, `5/h`, or `none`";
        let Data::String(text) = &node.data else {
            return wrong_type(&node, "a rate", help, sink);
        };
        if text == "none" {
            return Some(Self(None));
        }
        let rate = text.split_once('/').and_then(|(count, unit)| {
            let seconds = match unit {
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                _ => return None,
            };
            let count: u32 = digits(count)?;
            Some(f64::from(count) / seconds)
        });
        match rate {
            Some(rate) if rate > 0.0 && rate <= 1_000_000.0 => Some(Self(Some(rate))),
            Some(rate) if rate > 0.0 => refuse(
                &node,
                "a rate of more than a million a second",
                "write `none` for no limit",
                sink,
            ),
            Some(_) => refuse(
                &node,
                "a rate of zero lets nothing through",
                "write `none` for no limit",
                sink,
            ),
            None => {
                let message = format!("`{text}` is not a rate");
                refuse(&node, message, help, sink)
            }
        }
    }

    fn example() -> String {
        "100/s".to_owned()
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Messages for a time, in the long run: 100/s, 10/m, 5/h, or none.",
            "type": "string",
            "pattern": "^(none|[0-9]+/[smh])$",
        })
    }
}

/// A semantic version.
#[derive(Debug, Clone)]
pub(crate) struct Version(pub(crate) semver::Version);

impl Read for Version {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        let text = match &node.data {
            Data::String(text) => text.clone(),
            Data::Number(number) => number.to_string(),
            _ => return wrong_type(&node, "a version", "write it as `1.0.0`", sink),
        };
        match semver::Version::parse(&text) {
            Ok(version) => Some(Self(version)),
            Err(error) => refuse(
                &node,
                format!("`{text}` is not a semantic version: {error}"),
                format!("write it as `{}`", completed(&text)),
                sink,
            ),
        }
    }

    fn example() -> String {
        "1.0.0".to_owned()
    }
}

impl JsonSchema for Version {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+" })
    }
}

/// Declares a closed choice of strings: the enum, its schema and its reader.
macro_rules! choice {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident = $text:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[doc = $variant_doc])+ $variant,)+ }

        impl crate::shape::Read for $name {
            fn read(node: crate::syntax::Node, sink: &mut crate::diagnostic::Sink) -> Option<Self> {
                let choices = [$(($text, Self::$variant)),+];
                crate::shape::choose(&node, &choices, sink)
            }

            fn example() -> String {
                [$($text),+].first().copied().unwrap_or_default().to_owned()
            }
        }

        // By hand, since the derived schema of a documented enum is a `oneOf` with poor messages in editors.
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($text),+] })
            }
        }
    };
}
pub(crate) use choice;

pub(crate) fn choose<T: Copy>(node: &Node, choices: &[(&str, T)], sink: &mut Sink) -> Option<T> {
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    let Data::String(text) = &node.data else {
        let first = names.first().copied().unwrap_or_default();
        return wrong_type(
            node,
            &suggest::list(&names),
            format!("write one of them: `{first}`"),
            sink,
        );
    };
    match choices.iter().find(|(name, _)| name == text) {
        Some((_, value)) => Some(*value),
        None => refuse(
            node,
            format!("`{text}` is not a choice here"),
            suggest::one_of(text, &names),
            sink,
        ),
    }
}

/// The language's version: there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Language;

impl Read for Language {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        if matches!(&node.data, Data::Number(number) if number.as_u64() == Some(1)) {
            return Some(Self);
        }
        if !matches!(node.data, Data::Refused) {
            let message = format!("this is Wireloom's language 1, not {}", node.to_json());
            sink.push(Report::new(&codes::LANGUAGE_VERSION, node.span, message).help("write `wireloom: 1`"));
        }
        None
    }

    fn example() -> String {
        "1".to_owned()
    }
}

impl JsonSchema for Language {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Language".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": 1 })
    }
}

/// Reports a value that is not possible here.
pub(crate) fn refuse<T>(
    node: &Node,
    message: impl Into<String>,
    help: impl Into<String>,
    sink: &mut Sink,
) -> Option<T> {
    sink.push(Report::new(&codes::VALUE, node.span, message).help(help));
    None
}

/// A version with the parts that are left out of it; an example for what is none.
fn completed(text: &str) -> String {
    let begun = text.trim_start_matches(['v', 'V']);
    ["", ".0", ".0.0"]
        .iter()
        .map(|rest| format!("{begun}{rest}"))
        .find(|whole| semver::Version::parse(whole).is_ok())
        .unwrap_or_else(|| "1.0.0".to_owned())
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (unit, factor) = units.iter().find(|(unit, _)| text.ends_with(unit))?;
    let count: u64 = digits(text.strip_suffix(unit)?)?;
    Some(count.saturating_mul(*factor))
}

/// A number of digits and nothing else: `parse` alone takes a sign.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
