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
                "help": null,
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
