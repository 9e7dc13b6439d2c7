//! What to write where a value is of the wrong kind: its shape, with what is there already where that helps.

use crate::syntax::{Data, Node};

/// For a text.
pub(crate) fn text(node: &Node) -> String {
    match &node.data {
        Data::Bool(_) | Data::Number(_) => format!("quote it: `\"{}\"`", node.to_json()),
        Data::Null => "write a text, or remove the key".to_owned(),
        _ => "write one text; in quotes, if it has brackets in it".to_owned(),
    }
}

/// For `true` or `false`.
pub(crate) fn flag() -> &'static str {
    "write `true` or `false`, without quotes: `yes`, `no` and all other words are texts"
}

/// For a number of things.
pub(crate) fn count() -> &'static str {
    "write digits alone, without quotes: `10`"
}

/// For a list, of entries such as `example`.
pub(crate) fn list(node: &Node, example: &str) -> String {
    let entry = match &node.data {
        Data::String(text) => text,
        Data::Map(_) => "{ ... }",
        _ => example,
    };
    format!("write a list: `[{entry}]`")
}

/// For a mapping such as `example`.
pub(crate) fn mapping(example: &str) -> String {
    format!("write a mapping: `{example}`")
}

/// What a mapping with these keys looks like: those that are required, or else the first two.
pub(crate) fn example(keys: &[(&str, bool, String)]) -> String {
    let required = keys.iter().any(|(_, required, _)| *required);
    let shown: Vec<_> = keys
        .iter()
        .filter(|(_, is_required, _)| *is_required == required)
        .take(if required { keys.len() } else { 2 })
        .map(|(key, _, example)| format!("{key}: {example}"))
        .collect();
    format!("{{ {} }}", shown.join(", "))
}
