//! What several tests need: a file around a fragment, a model in a few lines, and a model's own idea of what is valid.

#![allow(dead_code, reason = "no test needs all of it")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wireloom_spec::model::{
    Def, DefKind, Extra, Field, IntRepr, LiteralBase, Model, NumberRange, Origin, Schema, Shape, StringRule,
};
use wireloom_spec::{Severity, check, render};

/// A whole file from the parts that a test is about.
pub(crate) fn file(fragment: &str) -> String {
    if fragment.starts_with("wireloom:") {
        return fragment.to_owned();
    }
    let mut file = String::from("wireloom: 1\ninfo: { name: demo, version: 1.0.0 }\n");
    file.push_str(fragment);
    if !fragment.contains("messages:") {
        file.push_str("messages: {}\n");
    }
    file
}

/// The protocols of a folder of tests, in order.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// The model of a fragment that has no errors.
pub(crate) fn model(fragment: &str) -> Model {
    let file = file(fragment);
    let checked = check("protocol.yaml", &file);
    let errors = checked
        .diagnostics
        .iter()
        .filter(|each| each.severity == Severity::Error)
        .count();
    assert_eq!(errors, 0, "{}", render::text(&checked.diagnostics, &file, false));
    checked.model.expect("no error, so a model")
}

/// The user's definitions in a few lines.
pub(crate) fn describe(model: &Model) -> String {
    let mut out = String::new();
    for def in &model.defs {
        if is_engine(model, def) {
            continue;
        }
        write!(out, "{}", def.rust_name).expect("a string takes it");
        if def.ts_name != def.rust_name {
            write!(out, " ({})", def.ts_name).expect("a string takes it");
        }
        // What is another name of something has its residual there as well.
        let own = match &def.kind {
            DefKind::Alias(_) | DefKind::Newtype(_) => String::new(),
            _ => residual(&def.residual),
        };
        writeln!(out, ": {}{own}", kind(model, def)).expect("a string takes it");
    }
    out
}

fn is_engine(model: &Model, def: &Def) -> bool {
    match &def.origin {
        Origin::Type(_) => false,
        Origin::Payload(name) => model.message(name).is_some_and(|message| message.engine),
        Origin::Inline(parent) => is_engine(model, model.def(*parent)),
    }
}

fn kind(model: &Model, def: &Def) -> String {
    match &def.kind {
        DefKind::Alias(schema) => format!("alias {}", place(model, schema)),
        DefKind::Newtype(schema) => format!("newtype {}", place(model, schema)),
        DefKind::Struct(object) => {
            let mut parts: Vec<_> = object.fields.iter().map(|each| field(model, each)).collect();
            match &object.extra {
                Extra::Refused => {}
                Extra::Any(name) => parts.push(format!("..{name}")),
                Extra::Typed(name, schema) => parts.push(format!("..{name}: {}", place(model, schema))),
            }
            format!(
                "struct {{ {} }}{}",
                parts.join(", "),
                range(object.min_properties, object.max_properties)
            )
        }
        DefKind::Enum(variants) => {
            let variants = variants
                .iter()
                .map(|each| format!("{}={:?}", each.rust_name, each.value));
            format!("enum {}", variants.collect::<Vec<_>>().join(" | "))
        }
        DefKind::Tagged(tagged) => {
            let variants = tagged.variants.iter().map(|each| {
                let boxed = if each.boxed { " boxed" } else { "" };
                format!(
                    "{}={:?} {}{boxed}",
                    each.rust_name,
                    each.value,
                    model.def(each.def).rust_name
                )
            });
            format!(
                "tagged by {}: {}",
                tagged.tag,
                variants.collect::<Vec<_>>().join(" | ")
            )
        }
        DefKind::Union(union) => {
            let variants = union.variants.iter().map(|each| {
                let boxed = if each.boxed { " boxed" } else { "" };
                format!("{}({}{boxed})", each.rust_name, place(model, &each.schema))
            });
            let word = if union.exactly_one { "one of" } else { "any of" };
            format!("{word} {}", variants.collect::<Vec<_>>().join(" | "))
        }
    }
}

fn field(model: &Model, field: &Field) -> String {
    let optional = if field.required { "" } else { "?" };
    let boxed = if field.boxed { "boxed " } else { "" };
    let name = if field.name == field.rust_name {
        field.name.clone()
    } else {
        format!("{:?} as {}", field.name, field.rust_name)
    };
    match &field.constant {
        Some(value) => format!("{name}{optional}: = {value:?}"),
        None => format!("{name}{optional}: {boxed}{}", place(model, &field.schema)),
    }
}

fn place(model: &Model, schema: &Schema) -> String {
    let shape = match &schema.shape {
        Shape::Any => "any".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Boolean => "bool".to_owned(),
        Shape::Integer { repr, min, max } => match (repr, *min, *max) {
            (IntRepr::I64, -9_007_199_254_740_991, 9_007_199_254_740_991) => "i64".to_owned(),
            (repr, min, max) => format!("{} {min}..={max}", format!("{repr:?}").to_lowercase()),
        },
        Shape::IntegerText(repr) => format!("text {}", format!("{repr:?}").to_lowercase()),
        Shape::Number(NumberRange {
            min,
            above,
            max,
            below,
        }) => {
            let bounds = [("ge", min), ("gt", above), ("le", max), ("lt", below)];
            bounds
                .iter()
                .filter_map(|(name, bound)| bound.map(|bound| format!(" {name} {bound}")))
                .fold("number".to_owned(), |text, bound| text + &bound)
        }
        Shape::String(StringRule {
            min_length,
            max_length,
            pattern,
            format,
        }) => {
            let mut text = format!("string{}", range(*min_length, *max_length));
            pattern
                .iter()
                .for_each(|pattern| text += &format!(" /{pattern}/"));
            format.iter().for_each(|format| text += &format!(" @{format}"));
            text
        }
        Shape::Literals { base, values } => {
            let base = match base {
                LiteralBase::Integer => "i64",
                LiteralBase::Number => "f64",
                LiteralBase::Boolean => "bool",
                LiteralBase::Any => "any",
            };
            format!("{base} of {}", Value::from(values.clone()))
        }
        Shape::Array {
            items,
            min_items,
            max_items,
        } => {
            format!("[{}]{}", place(model, items), range(*min_items, *max_items))
        }
        Shape::Tuple(items) => {
            let items: Vec<_> = items.iter().map(|item| place(model, item)).collect();
            format!("({})", items.join(", "))
        }
        Shape::Map {
            values,
            min_properties,
            max_properties,
        } => {
            format!(
                "map<{}>{}",
                place(model, values),
                range(*min_properties, *max_properties)
            )
        }
        Shape::Nullable(inner) => format!("{} or null", place(model, inner)),
        Shape::Def(id) => model.def(*id).rust_name.clone(),
    };
    shape + &residual(&schema.residual)
}

fn range(min: Option<u64>, max: Option<u64>) -> String {
    match (min, max) {
        (None, None) => String::new(),
        (min, max) => format!(
            "{{{}..{}}}",
            min.map_or_else(String::new, |min| min.to_string()),
            max.map_or_else(String::new, |max| max.to_string())
        ),
    }
}

fn residual(residual: &[String]) -> String {
    if residual.is_empty() {
        String::new()
    } else {
        format!(" + {}", residual.join(", "))
    }
}

/// The codes and places of what is wrong with a text, one a line: `W004 31:12`.
pub(crate) fn places(text: &str) -> Vec<String> {
    let diagnostics = check("protocol.yaml", text).diagnostics;
    diagnostics
        .iter()
        .map(|each| format!("{} {}:{}", each.code, each.place.line, each.place.column))
        .collect()
}
