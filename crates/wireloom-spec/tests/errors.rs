//! Wrong files in, rendered diagnostics out: one file each under `tests/diagnostics`, with the expected text beside it.
//!
//! `UPDATE_DIAGNOSTICS=1 cargo test -p wireloom-spec --test errors` writes the expected texts anew; read them before
//! committing.

mod support;

use std::collections::BTreeSet;
use std::fs;

use wireloom_spec::{check, codes, render};

#[test]
fn every_wrong_file_is_told_what_to_mend() {
    let update = std::env::var_os("UPDATE_DIAGNOSTICS").is_some();
    let mut shown = BTreeSet::new();
    let mut differing = Vec::new();
    for path in support::files("diagnostics") {
        let text = fs::read_to_string(&path).expect("the file can be read");
        let diagnostics = check("protocol.yaml", &text).diagnostics;
        shown.extend(diagnostics.iter().map(|each| each.code));
        // Of these everybody who writes a first protocol makes some.
        let helpless = diagnostics.iter().find(|each| {
            matches!(each.code, "W001" | "W005" | "W007" | "W008" | "W009" | "W020") && each.help.is_none()
        });
        assert!(helpless.is_none(), "{helpless:?} has no help");
        let found = render::text(&diagnostics, &text, false);
        let expected = path.with_extension("txt");
        if update {
            fs::write(&expected, &found).expect("the expected text can be written");
        } else if fs::read_to_string(&expected).ok().as_deref() != Some(&found) {
            differing.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    // More than a thousand are in tests/scale.rs.
    shown.insert("W062");
    let unseen: Vec<_> = codes::ALL
        .iter()
        .map(|code| code.id)
        .filter(|id| !shown.contains(id))
        .collect();
    assert_eq!(unseen, [""; 0], "codes without a file");
}

#[test]
fn twenty_mistakes_are_twenty_diagnostics_at_their_places() {
    let text = include_str!("twenty.yaml");
    // Each mistake is marked in the file by a comment with its code and its column.
    let mut expected: Vec<String> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for mark in line.split("# ").skip(1).filter(|mark| mark.starts_with('W')) {
            let (code, column) = mark.trim().split_once('@').expect("a code and a column");
            expected.push(format!("{code} {}:{column}", index + 1));
        }
    }
    assert_eq!(expected.len(), 20);
    let found = support::places(text);
    assert_eq!(found, expected);
    assert!(check("twenty.yaml", text).model.is_none());
}

#[test]
fn diagnostics_are_json_with_everything_that_a_tool_needs() {
    let text = support::file("types:\n  Name: { type: string, minLength: 1, minLength: 2 }\n");
    let diagnostics = check("protocol.yaml", &text).diagnostics;
    let document: serde_json::Value = serde_json::from_str(&render::json(&diagnostics)).expect("it is JSON");
    let expected = serde_json::json!({
        "diagnostics": [
            {
                "code": "W006",
                "severity": "error",
                "message": "duplicate key `minLength`",
                "file": "protocol.yaml",
                "line": 4,
                "column": 39,
                "span": { "start": 94, "end": 103 },
                "label": "",
                "help": "remove one of the two",
                "related": [
                    {
                        "file": "protocol.yaml",
                        "line": 4,
                        "column": 25,
                        "span": { "start": 80, "end": 89 },
                        "message": "first defined here",
                    },
                ],
            },
        ],
        "errors": 1,
        "warnings": 0,
    });
    assert_eq!(document, expected);
}

#[test]
fn a_diagnostic_alone_reads_well_in_a_log() {
    let text = support::file("messages:\n  a: { from: client, reply: bb }\n  bbb: { from: server }\n");
    let diagnostics = check("protocol.yaml", &text).diagnostics;
    let shown: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "error[W004]: reply \"bb\" is not a message\n --> protocol.yaml:4:29\n = help: did you mean \"bbb\"?"
        ]
    );
}

#[test]
fn colours_are_on_demand() {
    let text = support::file("types: 3\n");
    let diagnostics = check("protocol.yaml", &text).diagnostics;
    assert!(!render::text(&diagnostics, &text, false).contains('\u{1b}'));
    assert!(render::text(&diagnostics, &text, true).contains('\u{1b}'));
}

#[test]
fn every_format_is_asserted() {
    for format in wireloom_spec::model::FORMATS {
        let example = |value: &str| {
            let types = format!("types:\n  A: {{ type: string, format: {format}, examples: ['{value}'] }}\n");
            support::places(&support::file(&types))
        };
        let sound = match format {
            "date-time" => "2026-01-31T23:59:59.5+01:00",
            "date" => "2026-01-31",
            "time" => "23:59:59Z",
            "duration" => "P1DT2H",
            "uuid" => "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "uri" => "https://example.com/a?b#c",
            "email" => "ann@example.com",
            "hostname" => "example.com",
            "ipv4" => "192.0.2.1",
            _ => "2001:db8::1",
        };
        assert_eq!(example(sound), ["W060 4:3"], "{format}");
        assert_eq!(
            example("-not a/ny -"),
            [format!("W034 4:{}", 43 + format.len())],
            "{format}"
        );
    }
}

/// The help of the only diagnostic.
fn help(text: &str) -> String {
    let diagnostics = check("protocol.yaml", &support::file(text)).diagnostics;
    let helps: Vec<_> = diagnostics
        .iter()
        .filter(|each| each.severity == wireloom_spec::Severity::Error)
        .map(|each| each.help.clone().unwrap_or_else(|| format!("no help: {each}")))
        .collect();
    helps.join("\n")
}

#[test]
fn what_is_no_yaml_is_told_how_to_mend() {
    for (text, expected) in [
        (
            "types:\n  A: { fields: { a: string[], b: string } }\n",
            "quote it: `\"string[]\"`",
        ),
        (
            "types:\n  A: { fields: { a?: map<string[]>? } }\n",
            "quote it: `\"map<string[]>?\"`",
        ),
        (
            "types:\n  A: { oneOf: [string[], integer] }\n",
            "quote it: `\"string[]\"`",
        ),
        (
            "types:\n  A: { type: string, pattern: ^[a-z]+$ }\n",
            "quote the text: a bracket",
        ),
        (
            "types:\n  A: { type: string, pattern: \"\\d+\" }\n",
            "in single quotes: `'\\d+'`",
        ),
        (
            "types:\n  A: { description: a: b }\n",
            "or quote the text: a `: `",
        ),
        (
            "types:\n  A: { type: string\n  B: string\n",
            "a `{` or `[` above is not closed",
        ),
        (
            "wireloom: 1\ntypes:\n  A: { type: string\n",
            "end what `{` begins with `}`",
        ),
        ("types:\n  A: { enum: [a }\n", "end what `[` begins with `]`"),
        ("types:\n  A: { type: string } }\n", "remove the bracket"),
        (
            "types:\n  A: { description: 'it's }\n",
            "an apostrophe in it is written `''`",
        ),
        ("types:\n  A: \"abc\n", "end the text with the quote"),
        ("types:\n\tA: string\n", "indent with spaces"),
        (
            "types:\n   A: string\n  B: string\n",
            "the same column as the other keys",
        ),
        (
            "types:\n  A:\n    description: Use this: it is good\n",
            "quote the text that begins with `Use this`",
        ),
        (
            "types:\n  A: string\n   B: string\n",
            "the same column as the other keys",
        ),
        ("types:\n  A: @x\n", "it cannot begin with `@`"),
        (
            "types:\n  A:\n    description: |\n    text\n",
            "indent the line more than the key",
        ),
    ] {
        let found = help(text);
        assert!(found.contains(expected), "{text}\n{found}");
    }
}

#[test]
fn what_is_of_the_wrong_kind_is_told_the_shape_that_is_wanted() {
    let message = |rest: &str| {
        format!("errors:\n  gone: {{ description: Gone. }}\nmessages:\n  a: {{ from: client, {rest} }}\n")
    };
    let in_message = [
        ("errors: gone", "write a list: `[gone]`"),
        ("auth: admin", "write a list: `[admin]`"),
        ("examples: { a: 1 }", "write a list: `[{ ... }]`"),
        ("stream: x", "write a mapping: `{ item: TEXT, end: TEXT }`"),
        ("stream: { item: a }", "write `end: TEXT`"),
        ("deprecated: use b", "write `true` or `false`"),
        ("description: 3", "quote it: `\"3\"`"),
        ("replies: b", "did you mean `reply`?"),
        ("response: b", "did you mean `reply`?"),
        ("payload: { text: string }", "`{ fields: { text: string } }`"),
        (
            "payload: { type: string, maxlen: 3 }",
            "did you mean `maxLength`?",
        ),
        ("payload: { type: number, min: 3 }", "did you mean `minimum`?"),
        ("payload: { type: number, max: 3 }", "did you mean `maximum`?"),
        ("payload: { type: string, values: [a] }", "did you mean `enum`?"),
        ("payload: { type: string, maxLength: ten }", "write digits alone"),
        (
            "payload: {type:string}",
            "write a space after the `:`: `type: string`",
        ),
        (
            "payload: { fields: { m: 'map<string, integer>' } }",
            "`map<integer>`",
        ),
        ("payload: { fields: [x] }", "write a mapping: `{ NAME: string }`"),
        (
            "payload: { properties: { a: string }, required: true }",
            "write a list: `[NAME]`",
        ),
    ];
    for (text, expected) in in_message {
        let found = help(&message(text));
        assert!(found.contains(expected), "{text}\n{found}");
    }
    for (text, expected) in [
        (
            "connection: { heartbeat: 30s }",
            "write a mapping: `{ interval: 30s, timeout: 30s }`",
        ),
        (
            "errors: { gone: { description: Gone., retryable: yes } }",
            "write `true` or `false`",
        ),
        ("messages:", "write a mapping: `{ NAME: { from: client } }`"),
        (
            "messages: [{ name: a }]",
            "write a mapping: `{ NAME: { from: client } }`",
        ),
    ] {
        let found = help(&format!("{text}\n"));
        assert!(found.contains(expected), "{text}\n{found}");
    }
    for (text, expected) in [
        (
            "info: { name: a, version: 1.2 }\nmessages: {}",
            "write `wireloom: 1`\nwrite it as `1.2.0`",
        ),
        (
            "wireloom: 1\ninfo: { name: a, version: 1 }",
            "write `messages: { NAME: { from: client } }`\nwrite it as `1.0.0`",
        ),
        (
            "wireloom: 1\ninfo: { name: a, version: v2.1.3 }\nmessages: {}",
            "write it as `2.1.3`",
        ),
        (
            "wireloom: 1\nmessages: {}",
            "write `info: { name: TEXT, version: 1.0.0 }`",
        ),
    ] {
        let diagnostics = check("protocol.yaml", text).diagnostics;
        let helps: Vec<_> = diagnostics
            .iter()
            .filter_map(|each| each.help.as_deref())
            .collect();
        assert_eq!(helps.join("\n"), expected, "{text}");
    }
}
