//! Every difference that was ever found stands here, and is none any more.

use serde_json::{Value, json};
use wireloom_equivalence::{PROTOCOLS, Protocol};
use wireloom_equivalence::{Subject, Verdict, subjects};
use wireloom_fuzz::spelled;

fn subject(protocol: &str, message: &str) -> Subject {
    let protocol = Protocol::named(protocol).expect("there is such a protocol");
    let at = PROTOCOLS
        .iter()
        .position(|known| known.name == protocol.name)
        .expect("it stands in the table");
    let mut subjects = subjects(&PROTOCOLS[at..=at]).into_iter();
    subjects
        .find(|subject| subject.message == message)
        .expect("it has such a message")
}

/// Both sides say the same of a payload, in whatever spelling.
fn holds(protocol: &str, message: &str, payload: &Value, expected: Verdict) {
    let subject = subject(protocol, message);
    for seed in 0..20 {
        let text = spelled(payload, seed);
        assert_eq!(subject.judge(&text).as_ref(), Ok(&expected), "{text}");
    }
}

/// Schemas that refer to no other were refused by the validator inside the decoder, and all values with them.
#[test]
fn a_schema_without_references_compiles_in_the_decoder() {
    let shadow = json!({ "version": 0, "reported": { "thresholds": {} } });
    holds("iot", "shadow:update", &shadow, Verdict::Valid);
    holds(
        "object-keywords",
        "keyword:send",
        &json!({ "headers": {} }),
        Verdict::Valid,
    );
}

/// Constants beyond 32 bits, among others that are no integers, were `i32` in Rust: it did not compile.
#[test]
fn big_integers_stand_among_other_constants() {
    for (payload, expected) in [
        (json!(9_007_199_254_740_991_i64), Verdict::Valid),
        (json!(-9_007_199_254_740_991_i64), Verdict::Valid),
        (json!([2_147_483_648_i64, -2_147_483_648_i64]), Verdict::Valid),
        (json!({ "a": -2_147_483_649_i64 }), Verdict::Valid),
        (json!({ "a": 2_147_483_647 }), Verdict::Invalid),
        (json!(0), Verdict::Invalid),
    ] {
        holds("found", "big:constants", &payload, expected);
    }
}

/// The error of a message whose type has an escaped name was `None_Error`, which rustc warns of. That this compiles without
/// a warning is the test.
#[test]
fn errors_of_escaped_names_are_camel_case() {
    let same = std::any::type_name::<wireloom_equivalence::p_found::NoneError>();
    assert!(same.ends_with("NoneError"));
    holds("found", "none", &json!({ "n": 1 }), Verdict::Valid);
}

/// Integers beyond 2^53 inside of constants were compared as doubles by the decoder, and digit for digit by the validator. No
/// message can have one: such a protocol is refused, as it always was for constants that are such integers themselves.
#[test]
fn integers_inside_of_constants_are_safe_ones() {
    for constant in [
        "[9007199254740993]",
        "{ a: [-9223372036854775808, 18446744073709551615] }",
        "9007199254740992",
    ] {
        let text = format!(
            "wireloom: 1\ninfo: {{ name: a, version: 1.0.0 }}\nmessages:\n  a: {{ from: client, payload: {{ const: {constant} }} }}\n"
        );
        let checked = wireloom_spec::check("found.yaml", &text);
        let codes: Vec<_> = checked
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.code)
            .collect();
        assert_eq!(codes, ["W030"], "{constant}");
    }
}

/// `maxLength` beside `format: int64` was said to assert nothing, did so in the decoder, and not in the schema, where such an
/// integer is a string. It is refused, as bounds are; `pattern` was lost without a word.
#[test]
fn integers_that_travel_as_strings_take_no_keywords_of_strings() {
    for keyword in ["maxLength: 3", "minLength: 2", "pattern: \"^1\"", "minimum: 3"] {
        for kind in ["integer", "[integer, \"null\"]"] {
            let text = format!(
                "wireloom: 1\ninfo: {{ name: a, version: 1.0.0 }}\nmessages:\n  a: {{ from: client, payload: {{ type: {kind}, format: uint64, {keyword} }} }}\n"
            );
            let checked = wireloom_spec::check("found.yaml", &text);
            let codes: Vec<_> = checked
                .diagnostics
                .iter()
                .map(|diagnostic| diagnostic.code)
                .collect();
            assert_eq!(codes, ["W037"], "{keyword}: {:?}", checked.diagnostics);
        }
    }
}

/// Constants such as 1e20 are integers to JSON Schema, but not to Rust: the decoder forgot those that an `i64` does not hold.
#[test]
fn whole_constants_may_be_large() {
    for (payload, expected) in [
        (json!({ "n": 1 }), Verdict::Valid),
        (json!({ "n": 1e20 }), Verdict::Valid),
        (json!({ "n": 1e21 }), Verdict::Invalid),
        (json!({ "m": 9_007_199_254_740_994.0 }), Verdict::Valid),
        (json!({ "m": 9_007_199_254_740_992.0 }), Verdict::Invalid),
    ] {
        holds("found", "whole:constants", &payload, expected);
    }
}
