//! A payload is decoded exactly when the `jsonschema` crate accepts it, and what is decoded encodes back to an equal
//! value. `PROPTEST_CASES` sets the number of cases: `PROPTEST_CASES=100000 cargo test -p wireloom-equivalence`.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use wireloom::json::{FaultKind, Reader};
use wireloom_equivalence::{PROTOCOLS, Protocol};
use wireloom_fuzz::{Fuzzer, spelled};

/// Cases of a run, unless the environment says otherwise.
const CASES: u32 = 4_000;

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(CASES),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..ProptestConfig::default()
    }
}

/// Equality of JSON Schema: numbers by their value, names in any order.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// The one property that all of this is about, for a payload and one of its spellings.
fn agrees(
    protocol: &Protocol,
    fuzzer: &Fuzzer,
    message: &str,
    payload: &Value,
    spelling: u64,
) -> Result<(), String> {
    let text = spelled(payload, spelling);
    let accepted = fuzzer.accepts(message, payload);
    let decoded = protocol.recode(message, &text).ok_or("no such message")?;
    let case = format!("{}: {message}: {text}", protocol.name);
    match (accepted, decoded) {
        (false, Err(FaultKind::Refused)) => Ok(()),
        (false, Err(other)) => Err(format!("{case}\nis refused as {other:?}, though it is JSON")),
        (true, Err(fault)) => Err(format!("{case}\nis valid, yet refused: {fault:?}")),
        (false, Ok(again)) => Err(format!("{case}\nis invalid, yet decoded; encoded again: {again}")),
        // Not by `serde_json`, whose doubles may be off by the last bit.
        (true, Ok(again)) => match Reader::new(&again, 128).value() {
            Ok(back) if equal(payload, &back) => Ok(()),
            _ => Err(format!("{case}\nis encoded as another value: {again}")),
        },
    }
}

fn holds(protocol: &str, message: &str, payload: Value) {
    let protocol = Protocol::named(protocol).expect("the corpus has it");
    let fuzzer = Fuzzer::from_yaml(protocol.yaml).expect("it is valid");
    for seed in 0..20 {
        agrees(protocol, &fuzzer, message, &payload, seed).expect("the two agree");
    }
}

/// Every message of every protocol, with the strategies of its protocol.
fn messages() -> Vec<(&'static Protocol, Fuzzer, &'static str)> {
    let mut all = Vec::new();
    for protocol in PROTOCOLS {
        let fuzzer = Fuzzer::from_yaml(protocol.yaml).expect("the corpus is valid");
        let names = protocol.messages.iter().map(|(name, _)| *name);
        all.extend(names.map(|name| (protocol, fuzzer.clone(), name)));
    }
    all
}

/// JSON of any kind, small.
fn any_json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1000i64..1000).prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no such number", |n| n.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let entries = proptest::collection::btree_map("[a-z]{0,3}", inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            entries.prop_map(|entries| entries.into_iter().collect::<Value>()),
        ]
    })
    .boxed()
}

#[test]
fn decoders_agree_with_the_validator_on_everything() {
    let messages = messages();
    assert!(
        messages.len() > 250,
        "the corpus has shrunk to {}",
        messages.len()
    );
    let cases = select((0..messages.len()).collect::<Vec<_>>()).prop_flat_map({
        let messages = messages.clone();
        move |at| {
            let (_, fuzzer, name) = &messages[at];
            // A message that everything fits has no near miss.
            let loose = [json!(null), json!(1), json!("a"), json!([]), json!({})];
            let loose = loose.iter().all(|value| fuzzer.accepts(name, value));
            let near = match loose {
                true => fuzzer.valid(name),
                false => fuzzer.near_miss(name).prop_map(|near| near.payload).boxed(),
            };
            let payload = prop_oneof![
                4 => fuzzer.valid(name),
                3 => near,
                3 => fuzzer.mutated(name),
                1 => any_json(),
            ];
            (Just(at), payload, any::<u64>())
        }
    });
    proptest!(config(), |((at, payload, seed) in cases)| {
        let (protocol, fuzzer, name) = &messages[at];
        let outcome = agrees(protocol, fuzzer, name, &payload, seed);
        prop_assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    });
}

/// Differences that were found, and are no more.
#[test]
fn no_difference_comes_back() {
    // Schemas that refer to no other were refused by the validator inside the decoder, and all values with them.
    holds(
        "iot",
        "shadow:update",
        json!({ "version": 0, "reported": { "thresholds": {} } }),
    );
    holds("object-keywords", "keyword:send", json!({ "headers": {} }));
}

#[test]
fn examples_of_the_corpus_are_decoded() {
    let mut differences = Vec::new();
    for protocol in PROTOCOLS {
        let fuzzer = Fuzzer::from_yaml(protocol.yaml).expect("the corpus is valid");
        for (message, examples) in fuzzer.examples() {
            let known = protocol.messages.iter().any(|(name, _)| *name == message);
            for example in examples.iter().filter(|_| known) {
                assert!(
                    fuzzer.accepts(message, example),
                    "{}: {message}: {example}",
                    protocol.name
                );
                differences.extend(agrees(protocol, &fuzzer, message, example, 0).err());
            }
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
