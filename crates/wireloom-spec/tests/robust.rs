//! Any text ends in a model or in diagnostics; and every model keeps the promises that emitters rely on.

mod support;

use std::collections::HashSet;

use proptest::prelude::*;
use wireloom_spec::model::{DefId, DefKind, Extra, Model, Origin, Schema, Shape};
use wireloom_spec::{ENGINE_ERRORS, Severity, check, render};

const PROTOCOL: &str = include_str!("../../../protocol.yaml");

/// Checks a text, and all that holds for whatever comes of it.
fn probe(text: &str) {
    let checked = check("protocol.yaml", text);
    let errors = checked
        .diagnostics
        .iter()
        .any(|each| each.severity == Severity::Error);
    assert_eq!(checked.model.is_none(), errors);
    let lines: Vec<_> = text.split('\n').collect();
    for diagnostic in &checked.diagnostics {
        let place = &diagnostic.place;
        let shown = text
            .get(place.span.start..place.span.end)
            .expect("a span is in the text");
        assert!(!shown.contains('\n'), "a span is on one line");
        let line = lines.get(place.line - 1).expect("a line of the text");
        assert!(place.column <= line.chars().count() + 1, "a column of the line");
        let before: usize = lines.iter().take(place.line - 1).map(|line| line.len() + 1).sum();
        let column = line
            .char_indices()
            .nth(place.column - 1)
            .map_or(line.len(), |(at, _)| at);
        assert_eq!(before + column, place.span.start, "the position is the span's");
        assert!(
            !diagnostic.message.is_empty() && !diagnostic.message.ends_with('.'),
            "{}",
            diagnostic.message
        );
    }
    let rendered = render::text(&checked.diagnostics, text, false);
    assert!(checked.diagnostics.is_empty() || !rendered.is_empty());
    serde_json::from_str::<serde_json::Value>(&render::json(&checked.diagnostics)).expect("it is JSON");
    if let Some(model) = &checked.model {
        promises(model);
    }
}

/// What an emitter relies on.
fn promises(model: &Model) {
    let is_engine = |id: usize| {
        let mut def = &model.defs[id];
        while let Origin::Inline(parent) = &def.origin {
            def = model.def(*parent);
        }
        matches!(&def.origin, Origin::Payload(name) if model.message(name).is_some_and(|message| message.engine))
    };
    let (mut rust, mut ts) = (HashSet::new(), HashSet::new());
    for (id, def) in model.defs.iter().enumerate() {
        assert!(
            is_identifier(&def.rust_name) && is_identifier(&def.ts_name),
            "{def:?}"
        );
        assert!(
            rust.insert((is_engine(id), &def.rust_name)),
            "{} twice",
            def.rust_name
        );
        assert!(ts.insert(&def.ts_name), "{} twice", def.ts_name);
        if let Origin::Inline(parent) = &def.origin {
            assert!(parent.0 < model.defs.len());
        }
        match &def.kind {
            DefKind::Alias(schema) => {
                assert!(matches!(def.origin, Origin::Type(_)));
                place(model, schema);
            }
            DefKind::Newtype(schema) => {
                assert!(matches!(def.origin, Origin::Payload(_)));
                place(model, schema);
            }
            DefKind::Struct(object) => {
                let mut names = HashSet::new();
                for field in &object.fields {
                    let name = field.rust_name.trim_start_matches("r#");
                    assert!(is_identifier(name) && names.insert(name), "{}", field.rust_name);
                    assert!(field.required || field.constant.is_none());
                    place(model, &field.schema);
                }
                match &object.extra {
                    Extra::Refused => {}
                    Extra::Any(name) => assert!(names.insert(name)),
                    Extra::Typed(name, schema) => {
                        assert!(names.insert(name));
                        place(model, schema);
                    }
                }
            }
            DefKind::Enum(variants) => {
                let mut names = HashSet::new();
                assert!(!variants.is_empty());
                assert!(
                    variants
                        .iter()
                        .all(|each| is_identifier(&each.rust_name) && names.insert(&each.rust_name))
                );
            }
            DefKind::Tagged(tagged) => {
                let (mut names, mut values) = (HashSet::new(), HashSet::new());
                for variant in &tagged.variants {
                    assert!(is_identifier(&variant.rust_name) && names.insert(&variant.rust_name));
                    assert!(values.insert(&variant.value));
                    let DefKind::Struct(object) = &model.def(variant.def).kind else {
                        panic!("{variant:?}")
                    };
                    let tag = object
                        .fields
                        .iter()
                        .find(|field| field.name == tagged.tag)
                        .expect("the tag");
                    assert_eq!(tag.constant.as_ref(), Some(&variant.value));
                }
            }
            DefKind::Union(union) => {
                let mut names = HashSet::new();
                assert!(union.variants.len() > 1);
                for variant in &union.variants {
                    assert!(is_identifier(&variant.rust_name) && names.insert(&variant.rust_name));
                    place(model, &variant.schema);
                }
            }
        }
    }
    no_infinite_size(model);
    for message in &model.messages {
        assert_eq!(
            model.def(message.payload).origin,
            Origin::Payload(message.name.clone())
        );
        assert!(is_identifier(message.rust_field.trim_start_matches("r#")));
    }
}

fn place(model: &Model, schema: &Schema) {
    match &schema.shape {
        Shape::Def(DefId(id)) => assert!(*id < model.defs.len()),
        Shape::Array { items: inner, .. } | Shape::Map { values: inner, .. } | Shape::Nullable(inner) => {
            place(model, inner);
        }
        Shape::Tuple(items) => items.iter().for_each(|item| place(model, item)),
        Shape::Integer { min, max, .. } => assert!(min <= max),
        _ => {}
    }
}

/// Every cycle of types held by value goes through a box.
fn no_infinite_size(model: &Model) {
    fn by_value(schema: &Schema, into: &mut Vec<usize>) {
        match &schema.shape {
            Shape::Def(id) => into.push(id.0),
            Shape::Nullable(inner) => by_value(inner, into),
            Shape::Tuple(items) => items.iter().for_each(|item| by_value(item, into)),
            _ => {}
        }
    }
    let held: Vec<Vec<usize>> = model
        .defs
        .iter()
        .map(|def| {
            let mut into = Vec::new();
            match &def.kind {
                DefKind::Alias(schema) | DefKind::Newtype(schema) => by_value(schema, &mut into),
                DefKind::Struct(object) => {
                    object
                        .fields
                        .iter()
                        .filter(|field| !field.boxed)
                        .for_each(|field| by_value(&field.schema, &mut into));
                }
                DefKind::Enum(_) => {}
                DefKind::Tagged(tagged) => into.extend(
                    tagged
                        .variants
                        .iter()
                        .filter(|each| !each.boxed)
                        .map(|each| each.def.0),
                ),
                DefKind::Union(union) => {
                    union
                        .variants
                        .iter()
                        .filter(|each| !each.boxed)
                        .for_each(|each| by_value(&each.schema, &mut into));
                }
            }
            into
        })
        .collect();
    // Takes away what holds nothing that is left: with a cycle, something would stay.
    let mut left: HashSet<usize> = (0..held.len()).collect();
    loop {
        let ends: Vec<_> = left
            .iter()
            .filter(|id| held[**id].iter().all(|to| !left.contains(to)))
            .copied()
            .collect();
        if ends.is_empty() {
            break;
        }
        left.retain(|id| !ends.contains(id));
    }
    assert!(left.is_empty(), "types of infinite size: {left:?}");
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name != "_"
}

#[test]
fn sound_files_keep_every_promise() {
    probe(PROTOCOL);
    for folder in ["mapping", "diagnostics", "hostile"] {
        for path in support::files(folder) {
            let text = std::fs::read(&path).expect("the file can be read");
            probe(&String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn the_engines_errors_are_codes() {
    let codes: HashSet<_> = ENGINE_ERRORS.iter().map(|error| error.code).collect();
    assert_eq!(codes.len(), ENGINE_ERRORS.len());
    assert!(ENGINE_ERRORS.iter().all(|error| error.description.ends_with('.')));
}

/// Words that mean something somewhere in a protocol, or in YAML.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "wireloom: 1",
        "info:",
        "name: a",
        "version: 1.0.0",
        "types:",
        "messages:",
        "errors:",
        "states:",
        "initial: a",
        "from: client",
        "from: server",
        "payload:",
        "fields:",
        "type: object",
        "type: string",
        "type: integer",
        "type: [string, 'null']",
        "properties:",
        "required: [a]",
        "oneOf:",
        "anyOf:",
        "allOf:",
        "enum: [a, b]",
        "const: a",
        "items: string",
        "$ref: '#/types/a'",
        "format: int64",
        "pattern: '('",
        "minimum: 1e400",
        "maxLength: 3",
        "reply: a",
        "stream: { item: a, end: b }",
        "on: { a: b }",
        "a:",
        "b:",
        "a?:",
        "- ",
        "? ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "&a",
        "*a",
        "!t",
        "|",
        ">-",
        "'",
        "\"",
        "#",
        "---",
        "...",
        "%YAML 1.2",
        "<<: *a",
        "\t",
        "map<a[]?>",
        "any?",
        "é",
        "\u{1f4a5}",
        "\u{0}",
        "\u{feff}",
        "\r\n",
        "~",
        ".inf",
        "0x1F",
        "1_000",
        "-0",
        "true",
    ];
    prop_oneof![
        8 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn soup() -> impl Strategy<Value = String> {
    let line = (0_usize..6, proptest::collection::vec(word(), 1..4));
    proptest::collection::vec(line, 0..40).prop_map(|lines| {
        lines
            .into_iter()
            .map(|(indent, words)| format!("{}{}\n", "  ".repeat(indent), words.join(" ")))
            .collect()
    })
}

/// A sound file with a few lines moved, lost, doubled or changed.
fn mutant() -> impl Strategy<Value = String> {
    let sources: Vec<String> = support::files("mapping")
        .into_iter()
        .map(|path| std::fs::read_to_string(path).expect("the file can be read"))
        .chain([PROTOCOL.to_owned()])
        .collect();
    let edit = (
        0_usize..7,
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        word(),
    );
    (
        proptest::sample::select(sources),
        proptest::collection::vec(edit, 1..6),
    )
        .prop_map(|(source, edits)| {
            let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
            for (kind, one, other, word) in edits {
                let (one, other) = (one.index(lines.len()), other.index(lines.len()));
                match kind {
                    0 => lines.swap(one, other),
                    1 => lines[one] = lines[other].clone(),
                    2 => lines.insert(one, word),
                    3 => lines[one].insert_str(0, "  "),
                    4 => {
                        // Any word of the line becomes another.
                        let words: Vec<_> = lines[one].split(' ').collect();
                        let at = other % words.len();
                        let changed = words
                            .iter()
                            .enumerate()
                            .map(|(index, old)| if index == at { word.as_str() } else { *old });
                        lines[one] = changed.collect::<Vec<_>>().join(" ");
                    }
                    5 => {
                        let cut = lines[one]
                            .char_indices()
                            .map(|(at, _)| at)
                            .nth(other % 40)
                            .unwrap_or(0);
                        lines[one].truncate(cut);
                    }
                    _ => lines[one] = lines[one].replace(['{', ','], &word),
                }
            }
            lines.join("\n")
        })
}

/// A few hundred cases, or as many as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(400);
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_text_never_panics(text in any::<String>()) {
        probe(&text);
    }

    #[test]
    fn random_words_never_panic(text in soup()) {
        probe(&text);
        probe(&support::file(&format!("types:\n{text}")));
    }

    #[test]
    fn mutants_of_sound_files_never_panic(text in mutant()) {
        probe(&text);
    }
}
