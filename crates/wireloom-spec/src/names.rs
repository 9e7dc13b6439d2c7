//! From names on the wire to names in Rust and TypeScript. Every result is an ASCII identifier that needs no further care.

use std::collections::{HashMap, HashSet};

use heck::{ToSnakeCase, ToUpperCamelCase};

/// Rust's prelude, and what derives and signatures of generated code name.
const TAKEN_IN_RUST: &[&str] = &[
    "Self",
    "Option",
    "Some",
    "None",
    "Result",
    "Ok",
    "Err",
    "String",
    "Vec",
    "Box",
    "Drop",
    "Fn",
    "FnMut",
    "FnOnce",
    "Send",
    "Sync",
    "Sized",
    "Copy",
    "Clone",
    "Default",
    "From",
    "Into",
    "Iterator",
    "IntoIterator",
    "Extend",
    "Eq",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "AsRef",
    "AsMut",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
];

/// TypeScript's global types that generated definitions may name.
const TAKEN_IN_TYPESCRIPT: &[&str] = &[
    "Array",
    "ReadonlyArray",
    "Record",
    "Partial",
    "Required",
    "Readonly",
    "Pick",
    "Omit",
    "Exclude",
    "Extract",
    "Promise",
];

/// Keywords of Rust 2024 that `r#` makes identifiers.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that not even `r#` makes identifiers.
const HARD_KEYWORDS: &[&str] = &["self", "super", "crate", "_"];

/// A type's name in Rust: `session_id` becomes `SessionId`.
pub(crate) fn rust_type(name: &str) -> String {
    unless_taken(type_part(name), TAKEN_IN_RUST)
}

/// A type's name in TypeScript.
pub(crate) fn ts_type(name: &str) -> String {
    unless_taken(type_part(name), TAKEN_IN_TYPESCRIPT)
}

fn unless_taken(name: String, taken: &[&str]) -> String {
    if taken.contains(&name.as_str()) {
        format!("{name}_")
    } else {
        name
    }
}

/// Part of a type's name: alone, it may be taken.
pub(crate) fn type_part(name: &str) -> String {
    camel(name, "Empty")
}

/// A field's or function's name in Rust: `projectId` becomes `project_id`. Still to be made unique, then [`escape`]d.
pub(crate) fn field_name(name: &str) -> String {
    let snake = words(name).to_snake_case();
    let snake = match snake.as_str() {
        "" => "empty".to_owned(),
        _ if snake.starts_with(|first: char| first.is_ascii_digit()) => format!("_{snake}"),
        _ => snake,
    };
    if HARD_KEYWORDS.contains(&snake.as_str()) {
        format!("{snake}_")
    } else {
        snake
    }
}

/// A field's or function's name ready to be written: `type` becomes `r#type`.
pub(crate) fn escape(field: String) -> String {
    if KEYWORDS.contains(&field.as_str()) {
        format!("r#{field}")
    } else {
        field
    }
}

/// The name of an enum's variant in Rust: `in-progress` becomes `InProgress`, `""` becomes `Empty`.
pub(crate) fn variant_name(value: &str) -> String {
    let camel = camel(value, "Empty");
    if camel == "Self" {
        "Self_".to_owned()
    } else {
        camel
    }
}

fn camel(name: &str, empty: &str) -> String {
    let camel = words(name).to_upper_camel_case();
    if camel.is_empty() {
        empty.to_owned()
    } else if camel.starts_with(|first: char| first.is_ascii_digit()) {
        format!("V{camel}")
    } else {
        camel
    }
}

/// The name with every character that no identifier can hold replaced: signs by their names if the name is nothing but
/// signs or begins with one that matters, letters beyond ASCII by their code points, the rest by a gap between words.
fn words(name: &str) -> String {
    let only_signs = !name.chars().any(|c| c.is_ascii_alphanumeric());
    let mut words = String::with_capacity(name.len());
    for (index, c) in name.chars().enumerate() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => words.push(c),
            _ if !c.is_ascii() => words.push_str(&format!(" u{:x} ", u32::from(c))),
            _ => match sign(c) {
                Some(word) if only_signs || (index == 0 && matches!(c, '+' | '-' | '!' | '<' | '>')) => {
                    words.push_str(&format!(" {word} "));
                }
                _ => words.push(' '),
            },
        }
    }
    words
}

fn sign(c: char) -> Option<&'static str> {
    Some(match c {
        '+' => "plus",
        '-' => "minus",
        '*' => "star",
        '/' => "slash",
        '%' => "percent",
        '=' => "equal",
        '<' => "less",
        '>' => "greater",
        '!' => "not",
        '?' => "question",
        '&' => "and",
        '|' => "or",
        '^' => "caret",
        '~' => "tilde",
        '.' => "dot",
        ',' => "comma",
        ':' => "colon",
        ';' => "semicolon",
        '#' => "hash",
        '@' => "at",
        '$' => "dollar",
        '_' => "underscore",
        ' ' => "space",
        '"' => "quote",
        '\'' => "apostrophe",
        '`' => "backtick",
        '\\' => "backslash",
        '(' => "open paren",
        ')' => "close paren",
        '[' => "open bracket",
        ']' => "close bracket",
        '{' => "open brace",
        '}' => "close brace",
        '\n' => "newline",
        '\t' => "tab",
        _ => return None,
    })
}

/// The names of types that are taken in Rust.
pub(crate) fn rust_names() -> Names {
    Names::of(TAKEN_IN_RUST)
}

/// The names of types that are taken in TypeScript.
pub(crate) fn ts_names() -> Names {
    Names::of(TAKEN_IN_TYPESCRIPT)
}

/// Names of one namespace. What comes later makes way.
#[derive(Debug, Default, Clone)]
pub(crate) struct Names {
    taken: HashSet<String>,
    /// The number to try next for a name that was taken.
    next: HashMap<String, u64>,
}

impl Names {
    fn of(taken: &[&str]) -> Self {
        Self {
            taken: taken.iter().map(|name| (*name).to_owned()).collect(),
            next: HashMap::new(),
        }
    }

    /// Takes a name as it is; `false` if somebody has it.
    pub(crate) fn claim(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_owned())
    }

    /// Takes the name, or the first free one of `name2`, `name3`, ... (`name_2` after a digit).
    pub(crate) fn free(&mut self, name: &str) -> String {
        if self.claim(name) {
            return name.to_owned();
        }
        // `Self_` is followed by `Self2`: an underscore before a digit is no camel case.
        let name = name.trim_end_matches('_');
        let gap = if name.ends_with(|last: char| last.is_ascii_digit()) {
            "_"
        } else {
            ""
        };
        let mut number = self.next.get(name).copied().unwrap_or(2);
        loop {
            let candidate = format!("{name}{gap}{number}");
            number += 1;
            if self.claim(&candidate) {
                self.next.insert(name.to_owned(), number);
                return candidate;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, escape, field_name, rust_type, ts_type, variant_name};

    #[test]
    fn awkward_names_become_identifiers() {
        for (name, rust) in [
            ("projectId", "project_id"),
            ("HTTPServer", "http_server"),
            ("type", "r#type"),
            ("self", "self_"),
            ("Self", "self_"),
            ("crate", "crate_"),
            ("_", "underscore"),
            ("", "empty"),
            ("1st", "_1st"),
            ("__proto__", "proto"),
            ("constructor", "constructor"),
            ("größe", "gr_uf6_udf_e"),
            ("x-y z", "x_y_z"),
            ("\u{0}", "empty"),
        ] {
            assert_eq!(escape(field_name(name)), rust, "{name:?}");
        }
        for (value, rust) in [
            ("in-progress", "InProgress"),
            ("self", "Self_"),
            ("", "Empty"),
            ("2xx", "V2xx"),
            ("+1", "Plus1"),
            ("-1", "Minus1"),
            (">=", "GreaterEqual"),
            ("日本", "U65e5U672c"),
        ] {
            assert_eq!(variant_name(value), rust, "{value:?}");
        }
        assert_eq!(rust_type("agent:start"), "AgentStart");
        assert_eq!(rust_type("stream.chunk_v2"), "StreamChunkV2");
        assert_eq!(
            (rust_type("option"), ts_type("option")),
            ("Option_".to_owned(), "Option".to_owned())
        );
        assert_eq!(
            (rust_type("record"), ts_type("record")),
            ("Record".to_owned(), "Record_".to_owned())
        );
    }

    #[test]
    fn later_names_make_way() {
        let mut names = Names::default();
        assert_eq!(names.free("A"), "A");
        assert_eq!(names.free("A"), "A2");
        assert_eq!(names.free("A"), "A3");
        assert_eq!(names.free("V1"), "V1");
        assert_eq!(names.free("V1"), "V1_2");
    }

    #[test]
    fn many_clashes_are_cheap() {
        let mut names = Names::default();
        for _ in 0..200_000 {
            names.free("Same");
        }
    }
}
