//! A payload is decoded exactly when the `jsonschema` crate accepts it, and what is decoded encodes back to an equal
//! value: for every message of the corpus. `PROPTEST_CASES` sets the number of cases.

use wireloom::json::FaultKind;
use wireloom_equivalence::{PROTOCOLS, Protocol, differ, subjects};

/// Cases of a run, unless the environment says otherwise.
const CASES: u64 = 6_000;

#[test]
fn decoders_agree_with_the_validator_on_everything() {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let subjects = subjects(PROTOCOLS);
    assert!(
        subjects.len() > 250,
        "the corpus has shrunk to {}",
        subjects.len()
    );
    match differ(&subjects, cases.unwrap_or(CASES), 1) {
        Ok(tally) => println!(
            "{} protocols, {} messages; {tally}",
            PROTOCOLS.len(),
            subjects.len()
        ),
        Err(differences) => panic!("{}", differences.join("\n\n")),
    }
}

#[test]
fn examples_of_the_corpus_are_decoded() {
    let mut differences = Vec::new();
    for subject in subjects(PROTOCOLS) {
        let examples = subject
            .fuzzer
            .examples()
            .find(|(name, _)| *name == subject.message);
        for example in examples.map_or(&[][..], |(_, examples)| examples) {
            assert!(
                subject.fuzzer.accepts(subject.message, example),
                "{}: {}: {example}",
                subject.protocol.name,
                subject.message
            );
            differences.extend(subject.judge(&example.to_string()).err());
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// What the reader refuses though a validator of parsed values never sees it.
#[test]
fn json_that_is_not_safe_to_read_is_refused() {
    let maps = Protocol::named("maps").expect("the corpus has it");
    let head = r#""scores":{},"full":{},"entries":{},"nested":{},"lists":{}"#;
    let cases = [
        (
            r#""plain":{"a":"1","a":"2"},"anything":{}"#,
            FaultKind::DuplicateName,
        ),
        (
            r#""plain":{"a":"1","\u0061":"2"},"anything":{}"#,
            FaultKind::DuplicateName,
        ),
        (r#""plain":{},"plain":{},"anything":{}"#, FaultKind::DuplicateName),
        (
            r#""plain":{},"anything":{"a":{"b":1,"b":1}}"#,
            FaultKind::DuplicateName,
        ),
        (
            r#""plain":{"a":"\ud800"},"anything":{}"#,
            FaultKind::LoneSurrogate,
        ),
        (r#""plain":{"\udc00":""},"anything":{}"#, FaultKind::LoneSurrogate),
        (
            r#""plain":{},"anything":{"a":9007199254740993}"#,
            FaultKind::InexactNumber,
        ),
        (r#""plain":{},"anything":{"a":1e400}"#, FaultKind::InexactNumber),
        (
            r#""plain":{},"anything":{"a":123456789012345678901234567890}"#,
            FaultKind::InexactNumber,
        ),
    ];
    for (part, expected) in cases {
        let text = format!("{{{part},{head}}}");
        assert_eq!(maps.recode("map:send", &text), Some(Err(expected)), "{text}");
    }
    let fine = format!("{{\"plain\":{{}},\"anything\":{{\"a\":1e300}},{head}}}");
    assert!(
        maps.recode("map:send", &fine)
            .is_some_and(|outcome| outcome.is_ok())
    );
}
