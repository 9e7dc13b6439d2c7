//! Texts that are no message: broken JSON, JSON that is not safe to read, envelopes that are none.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What a text is made of.
const TOKENS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\"type\"",
    "\"payload\"",
    "null",
    "true",
    "-",
    "0",
    "1e9",
    ".5",
    "nul",
    "\\u0000",
    "\\ud83d",
    "'",
    "/*",
    "\u{feff}",
    " ",
    "é",
];

/// Values that no number may have, or no parser may take.
pub(crate) const NUMBERS: [&str; 14] = [
    "1e400",
    "-1e400",
    "123456789012345678901234567890",
    "9007199254740993",
    "NaN",
    "Infinity",
    "-Infinity",
    "01",
    "+1",
    ".5",
    "1.",
    "0x10",
    "1e",
    "-",
];

/// Strings that JSON or I-JSON does not know.
pub(crate) const STRINGS: [&str; 9] = [
    r#""\ud800""#,
    r#""\udc00""#,
    r#""\ud800\u0041""#,
    r#""\ud83d\ud83d""#,
    r#""\x41""#,
    r#""\u12""#,
    "\"a\nb\"",
    "\"\u{0}\"",
    "'a'",
];

/// Texts that are no JSON object with the fields of an envelope.
const ENVELOPES: [&str; 16] = [
    "",
    " ",
    "null",
    "[]",
    "{}",
    "\"ping\"",
    "42",
    r#"{"payload":{}}"#,
    r#"{"type":null}"#,
    r#"{"type":["ping"]}"#,
    r#"{"type":"ping","seq":1}"#,
    r#"{"type":"ping","timestamp":"now"}"#,
    r#"{"type":"ping","timestamp":1.5}"#,
    r#"{"type":"ping","correlationId":""}"#,
    r#"{"type":"ping","correlationId":7}"#,
    r#"{"type":"ping","ack":-1}"#,
];

/// Texts made of valid frames and of nothing; each is to be answered with an error.
pub(crate) fn texts(frames: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let frames = || frames.clone();
    let truncated = (frames(), any::<Index>()).prop_map(|(frame, end)| {
        let ends: Vec<usize> = frame.char_indices().map(|(at, _)| at).collect();
        let end = end.index(ends.len().max(1));
        frame
            .get(..ends.get(end).copied().unwrap_or(0))
            .unwrap_or_default()
            .to_owned()
    });
    let trailing = (
        frames(),
        select(vec!["x", "{}", ",", "\u{0}", "}", "]", "\u{feff}", "null", "//"]),
    )
        .prop_map(|(frame, tail)| format!("{frame}{tail}"));
    let marked = frames().prop_map(|frame| format!("\u{feff}{frame}"));
    let twice = (
        frames(),
        select(vec!["type", "payload", "correlationId", "\\u0074ype"]),
    )
        .prop_map(|(frame, name)| {
            let rest = frame.strip_prefix('{').unwrap_or_default();
            // Both spellings are the same name.
            let other = if name == "\\u0074ype" { "type" } else { name };
            format!("{{\"{name}\":\"c\",\"{other}\":\"c\",{rest}")
        });
    let twice_inside = frames().prop_map(|frame| {
        let at = frame.find("\"payload\":{").map(|at| at + "\"payload\":{".len());
        let (head, tail) = frame.split_at(at.unwrap_or(0));
        if at.is_none() {
            return r#"{"type":"ping","payload":{"a":1,"\u0061":2}}"#.to_owned();
        }
        let comma = if tail.starts_with('}') { "" } else { "," };
        format!("{head}\"zz\":1,\"zz\":1{comma}{tail}")
    });
    let bad_value = (
        frames(),
        select([NUMBERS.as_slice(), STRINGS.as_slice()].concat()),
    )
        .prop_map(|(frame, value)| {
            let rest = frame.strip_prefix('{').unwrap_or_default();
            format!("{{\"ack\":{value},{rest}")
        });
    let deep =
        (select(vec!["[", "{\"a\":"]), 33usize..20_000, any::<bool>()).prop_map(|(open, depth, closed)| {
            let close = if open == "[" { "]" } else { "}" };
            let tail = if closed {
                format!("1{}", close.repeat(depth))
            } else {
                String::new()
            };
            let rest = if closed { "}" } else { "" };
            format!(
                "{{\"type\":\"ping\",\"payload\":{}{tail}{rest}",
                open.repeat(depth)
            )
        });
    let damaged =
        (frames(), any::<Index>(), select(vec!['\u{1}', '\\', '"'])).prop_map(|(frame, at, character)| {
            // Behind the first brace, where no such character may stand.
            let mut text: Vec<char> = frame.chars().collect();
            let at = 1 + at.index(text.len().saturating_sub(1).max(1)) % 2;
            text.insert(at.min(text.len()), character);
            text.into_iter().collect()
        });
    let soup = proptest::collection::vec(select(TOKENS.to_vec()), 0..40).prop_map(|tokens| tokens.concat());
    let unknown = "[a-z]{1,8}(:[a-z]{1,8}){0,2}"
        .prop_map(|name| format!("{{\"type\":\"no-{name}\",\"payload\":{{}}}}"));
    prop_oneof![
        truncated,
        trailing,
        marked,
        twice,
        twice_inside,
        bad_value,
        deep,
        damaged,
        soup,
        unknown,
        select(ENVELOPES.to_vec()).prop_map(str::to_owned),
        any::<String>(),
    ]
    .boxed()
}
