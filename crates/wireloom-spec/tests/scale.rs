//! Large files and files made to hurt: quick, and never a panic.

mod support;

use std::fmt::Write;
use std::time::{Duration, Instant};

use wireloom_spec::{Severity, check};

/// A protocol of a size that nobody has: 1,000 messages and 300 types that refer to each other, with examples.
fn large() -> String {
    let mut file = String::from("wireloom: 1\ninfo: { name: large, version: 1.0.0 }\ntypes:\n");
    for index in 0..300 {
        let next = (index + 1) % 300;
        write!(
            file,
            "  Type{index}:
    description: Type number {index}.
    fields:
      id: {{ type: string, minLength: 1, maxLength: 64, pattern: '^[a-z0-9-]+$' }}
      kind: {{ type: string, enum: [alpha, beta, gamma] }}
      count: {{ type: integer, minimum: 0 }}
      'next?': Type{next}
      tags: {{ type: array, items: string, maxItems: 10 }}
      shape: {{ oneOf: [{{ fields: {{ t: {{ const: a }}, x: number }} }}, {{ fields: {{ t: {{ const: b }}, y: number }} }}] }}
"
        )
        .expect("a string takes it");
    }
    file.push_str("messages:\n");
    for index in 0..500 {
        let kind = index % 300;
        write!(
            file,
            "  area{index}:ask:
    from: client
    description: Ask for number {index}.
    payload: {{ fields: {{ what: Type{kind}, 'why?': string, at: {{ type: string, format: date-time }} }} }}
    reply: area{index}:answer
  area{index}:answer:
    from: server
    description: Answer number {index}.
    payload: {{ fields: {{ found: {{ type: array, items: Type{kind} }}, total: integer }} }}
    examples: [{{ found: [], total: {index} }}]
"
        )
        .expect("a string takes it");
    }
    file
}

#[test]
fn a_thousand_messages_are_checked_at_once() {
    let file = large();
    // The best of a few: what else runs on the machine is not to count.
    let mut took = Duration::MAX;
    for _ in 0..3 {
        let begin = Instant::now();
        drop(check("large.yaml", &file));
        took = took.min(begin.elapsed());
    }
    let checked = check("large.yaml", &file);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let model = checked.model.expect("no diagnostic, so a model");
    assert_eq!(
        model.messages.iter().filter(|message| !message.engine).count(),
        1_000
    );
    // Debug builds on a busy machine are given much more than the half second that a release build has.
    let limit = if cfg!(debug_assertions) {
        Duration::from_secs(20)
    } else {
        Duration::from_millis(500)
    };
    assert!(took < limit, "{took:?} for {} bytes", file.len());
}

/// Checks in a thread with as little stack as a test has, and within a time that no sound file needs.
fn survives(what: &str, text: String) -> Vec<String> {
    let begin = Instant::now();
    let name = what.to_owned();
    let checked = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(move || check(&name, &text))
        .expect("a thread")
        .join()
        .unwrap_or_else(|_| panic!("{what} panics"));
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(60), "{what} takes {took:?}");
    if let Some(model) = &checked.model {
        assert_eq!(model.hash.len(), 64);
    }
    let errors = checked
        .diagnostics
        .iter()
        .any(|each| each.severity == Severity::Error);
    assert_eq!(
        checked.model.is_none(),
        errors,
        "{what}: a model exactly if there is no error"
    );
    checked
        .diagnostics
        .iter()
        .map(|each| each.code.to_owned())
        .collect()
}

#[test]
fn hostile_files_end_in_diagnostics() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read(&path).expect("the file can be read");
        let text = String::from_utf8_lossy(&text).into_owned();
        let codes = survives(&path.display().to_string(), text);
        let sound = path.file_stem().is_some_and(|name| name == "bom");
        assert_eq!(codes.is_empty(), sound, "{}: {codes:?}", path.display());
        seen += 1;
    }
    assert!(seen >= 12, "the corpus is there");
}

#[test]
fn sizes_have_limits() {
    for (what, text) in [
        (
            "9 MiB of comment",
            "# all work and no play\n".repeat(9 * 1024 * 1024 / 23),
        ),
        ("deep flow", "[".repeat(1_000_000)),
        ("deep flow mappings", "{a: ".repeat(100_000)),
        (
            "deep blocks",
            (0..2_000)
                .map(|depth| format!("{}a:\n", " ".repeat(depth)))
                .collect(),
        ),
        ("a million values", format!("a: [{}]", "1,".repeat(1_100_000))),
        (
            "a long type",
            support::file(&format!("types:\n  A: \"{}\"\n", "map<".repeat(500_000))),
        ),
    ] {
        let codes = survives(what, text);
        assert!(
            codes.iter().any(|code| code == "W002" || code == "W001"),
            "{what}: {codes:?}"
        );
    }
}

#[test]
fn many_mistakes_are_counted() {
    let text = support::file(&format!(
        "messages: {{ {} }}\n",
        (0..5_000).fold(String::new(), |mut text, index| {
            write!(text, "m{index}: {{ form: client }}, ").expect("a string takes it");
            text
        })
    ));
    let diagnostics = check("protocol.yaml", &text).diagnostics;
    assert_eq!(diagnostics.len(), 1_001);
    assert_eq!(
        diagnostics.last().map(|last| last.message.as_str()),
        Some("9000 more diagnostics are not shown")
    );
}

#[test]
fn nothing_grows_with_a_power() {
    let numbered = |count: usize, line: &dyn Fn(usize) -> String| {
        let types = (0..count).fold(String::from("types:\n"), |text, index| text + &line(index));
        // The end of a chain, and an example, for which all types are compiled.
        let end = format!("  T{count}: {{ type: object }}\n  Example: {{ type: string, examples: [a] }}\n");
        support::file(&(types + &end))
    };
    let nested = |open: &str, inner: &str, close: &str| {
        support::file(&format!(
            "types:\n  A: {}{inner}{}\n",
            open.repeat(25),
            close.repeat(25)
        ))
    };
    for (what, text) in [
        (
            "diamonds",
            numbered(60, &|index| {
                let next = index + 1;
                format!(
                    "  T{index}: {{ allOf: [T{next}, T{next}, {{ type: object, properties: {{ p{index}: string }} }}] }}\n"
                )
            }),
        ),
        (
            "choices of choices",
            numbered(60, &|index| {
                let next = index + 1;
                format!("  T{index}: {{ anyOf: [T{next}, T{next}, 'null'] }}\n")
            }),
        ),
        (
            "chains",
            numbered(5_000, &|index| format!("  T{index}: T{}\n", index + 1)),
        ),
        (
            "chains of unions",
            numbered(5_000, &|index| {
                format!("  T{index}: {{ oneOf: [T{}, string] }}\n", index + 1)
            }),
        ),
        (
            "chains of structs",
            numbered(5_000, &|index| {
                format!("  T{index}: {{ fields: {{ next: T{} }} }}\n", index + 1)
            }),
        ),
        (
            "merged chains",
            numbered(2_000, &|index| {
                format!(
                    "  T{index}: {{ allOf: [T{}, {{ type: object, properties: {{ p{index}: string }} }}] }}\n",
                    index + 1
                )
            }),
        ),
        ("nested unions", nested("{ anyOf: [string, ", "integer", "] }")),
        (
            "nested choices",
            nested("{ oneOf: [{ fields: { k: { const: a } } }, ", "integer", "] }"),
        ),
        ("nested objects", nested("{ fields: { a: ", "integer", " } }")),
        (
            "nested conditions",
            nested("{ if: string, then: ", "integer", " }"),
        ),
        (
            "names that clash",
            support::file(&format!(
                "types:\n  E: {{ enum: [{}] }}\n",
                (0..20_000).fold(String::new(), |text, index| {
                    text + &format!(
                        "\"{}a\", ",
                        ";".repeat(index % 50) + &",".repeat(index / 50 % 40) + &" ".repeat(index / 2000)
                    )
                })
            )),
        ),
        (
            "a wide nest",
            nested(
                "{ type: object, properties: { a: ",
                &format!(
                    "{{ enum: [{}] }}",
                    (0..150_000).fold(String::new(), |text, index| text + &format!("{index}, "))
                ),
                " } }",
            ),
        ),
        (
            "a pattern",
            support::file(
                "types:\n  A: { type: string, pattern: '((((a{1,100}){1,100}){1,100}){1,100}){1,100}' }\n",
            ),
        ),
        (
            "many patterns",
            numbered(300, &|index| {
                format!(
                    "  T{index}: {{ type: string, pattern: '^(a{index}|b){{1,50}}$', examples: [aaaa] }}\n"
                )
            }),
        ),
    ] {
        let codes = survives(what, text);
        // Nested 25 times, it stands in 25 schemas.
        assert_eq!(
            codes.contains(&"W002".to_owned()),
            what == "a wide nest",
            "{what}: {codes:?}"
        );
    }
}
