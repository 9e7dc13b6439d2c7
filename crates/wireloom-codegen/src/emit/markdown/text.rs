//! Words, links and people's texts, safe where they stand: in a paragraph or in a cell of a table.

use wireloom_spec::model::{DefId, DefKind, Model, Origin, Schema, Shape};

pub(super) fn time(ms: u64) -> String {
    match ms {
        0 => "0 s".to_owned(),
        _ if ms.is_multiple_of(60_000) => format!("{} min", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{} s", ms / 1_000),
        _ => format!("{ms} ms"),
    }
}

pub(super) fn size(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        _ if bytes.is_multiple_of(KIB) => format!("{} KiB", bytes / KIB),
        _ => format!("{bytes} bytes"),
    }
}

/// A type in a table: plain words, and links to what has a section.
pub(super) fn type_text(model: &Model, schema: &Schema) -> String {
    match &schema.shape {
        Shape::Any => "anything".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Integer { .. } => "integer".to_owned(),
        Shape::Number(_) => "number".to_owned(),
        Shape::String(_) | Shape::IntegerText(_) => "string".to_owned(),
        Shape::Literals { values, .. } => {
            let values: Vec<_> = values.iter().map(|value| code(&value.to_string())).collect();
            format!("one of {}", values.join(", "))
        }
        Shape::Array { items, .. } => format!("list of {}", type_text(model, items)),
        Shape::Tuple(items) => {
            let items: Vec<_> = items.iter().map(|item| type_text(model, item)).collect();
            format!("tuple of ({})", items.join(", "))
        }
        Shape::Map { values, .. } => format!("map of {}", type_text(model, values)),
        Shape::Nullable(inner) => format!("{} or null", type_text(model, inner)),
        Shape::Def(id) => def_text(model, *id),
    }
}

pub(super) fn def_text(model: &Model, id: DefId) -> String {
    let def = model.def(id);
    match (&def.origin, &def.kind) {
        (Origin::Inline(_), DefKind::Enum(variants)) => {
            let values: Vec<_> = variants.iter().map(|variant| code(&variant.value)).collect();
            values.join(", ")
        }
        _ => format!("[{}](#{})", def.ts_name, type_anchor(&def.ts_name)),
    }
}

pub(super) fn link(name: &str) -> String {
    format!("[`{name}`](#{})", anchor(name))
}

pub(super) fn anchor(name: &str) -> String {
    format!("message-{}", name.replace([':', '.'], "-").to_ascii_lowercase())
}

pub(super) fn type_anchor(name: &str) -> String {
    format!("type-{}", name.to_ascii_lowercase())
}

/// A person's Markdown as a paragraph of its own. Their headings would break the outline.
pub(super) fn paragraph(text: &str) -> String {
    let lines = text.trim().lines().map(|line| {
        let line = line.trim_end();
        if line.trim_start().starts_with('#') {
            format!("\\{}", line.trim_start())
        } else {
            line.to_owned()
        }
    });
    lines
        .collect::<Vec<_>>()
        .join("\n")
        .replace("-->", "--\\>")
        .replace("<!--", "\\<!--")
}

/// A person's text in one cell of a table.
pub(super) fn cell(text: &str) -> String {
    bars(&paragraph(text).replace("\n\n", "<br><br>").replace('\n', " "))
}

pub(super) fn bars(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Text as code, in a table or out of it.
pub(super) fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        " "
    } else {
        ""
    };
    bars(&format!("{fence}{pad}{text}{pad}{fence}"))
}
