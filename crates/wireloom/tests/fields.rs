//! What generated decoders ask of the reader: fields that are expected in an order, constants, and patterns.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use wireloom::json::{FaultKind, Read, Reader};
use wireloom::schema::{StringCheck, compile};

const FIELDS: &[&str] = &[r#","a":"#, r#","quote\"d":"#, r#","long name":"#];

/// The values of the fields, and what else there was.
type Fields = ([Option<i64>; 3], BTreeMap<String, i64>);

fn fields(text: &str) -> Read<Fields> {
    let reader = &mut Reader::new(text, 4);
    let mut slots = [None; 3];
    let mut rest = BTreeMap::new();
    let mut object = reader.object()?;
    while let Some(field) = reader.field(&mut object, FIELDS)? {
        match slots.get_mut(field as usize) {
            Some(slot) => reader.once(slot, |reader| reader.integer(0, 9))?,
            None => reader.extra(&mut rest, |reader| reader.integer(0, 9))?,
        }
    }
    reader.end()?;
    Ok((slots, rest))
}

#[track_caller]
fn assert_fields(text: &str, slots: [Option<i64>; 3], rest: &[(&str, i64)]) {
    let rest = rest.iter().map(|(name, value)| ((*name).to_owned(), *value));
    assert_eq!(fields(text), Ok((slots, rest.collect())), "{text}");
}

#[test]
fn fields_are_read_in_any_order_and_spelling() {
    let all = [Some(1), Some(2), Some(3)];
    assert_fields(r#"{"a":1,"quote\"d":2,"long name":3}"#, all, &[]);
    assert_fields(r#"{"long name":3,"a":1,"quote\"d":2}"#, all, &[]);
    assert_fields(
        "{ \"a\" : 1 ,\n\t\"quote\\\"d\": 2 , \"long name\" :3 }",
        all,
        &[],
    );
    assert_fields(r#"{"\u0061":1,"quote\u0022d":2,"long\u0020name":3}"#, all, &[]);
    assert_fields("{}", [None; 3], &[]);
    assert_fields(" { } ", [None; 3], &[]);
    assert_fields(r#"{"long name":3}"#, [None, None, Some(3)], &[]);
    assert_fields(
        r#"{"b":4,"a":1,"":5}"#,
        [Some(1), None, None],
        &[("", 5), ("b", 4)],
    );
    assert_fields(
        r#"{"quote\\d":4,"a\"":5}"#,
        [None; 3],
        &[("a\"", 5), ("quote\\d", 4)],
    );
}

#[test]
fn a_field_stands_once() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"quote\"d":2,"long name":3,"a":1}"#,
        r#"{"a":1,"\u0061":1}"#,
        r#"{"b":1,"a":1,"b":1}"#,
        r#"{"b":1,"\u0062":1}"#,
    ] {
        assert_eq!(fields(text).unwrap_err().kind, FaultKind::DuplicateName, "{text}");
    }
}

#[test]
fn what_stands_between_fields_is_json() {
    for text in [
        r#"{,"a":1}"#,
        r#"{"a":1,}"#,
        r#"{"a":1 "long name":3}"#,
        r#"{"a":1"quote\"d":2}"#,
        r#"{"a":1,,"quote\"d":2}"#,
        r#"{"a"1}"#,
        r#"{"a":1,"quote"d":2}"#,
        r#"{"b"1}"#,
        r#"{"a":1"#,
        r#"{"a":1,"#,
        r#"{"a"#,
        "{",
    ] {
        assert!(
            matches!(fields(text).unwrap_err().kind, FaultKind::Syntax(_)),
            "{text}"
        );
    }
}

#[test]
fn a_constant_is_read_in_any_spelling() {
    let constant = |text| {
        Reader::new(text, 1)
            .constant(r#""re\"ad""#)
            .map_err(|fault| fault.kind)
    };
    for text in [r#""re\"ad""#, r#" "re\"ad""#, r#""r\u0065\u0022ad""#] {
        assert_eq!(constant(text), Ok(()), "{text}");
    }
    for text in [r#""re\"a""#, r#""re\"ad ""#, r#""re""#, "1"] {
        assert_eq!(constant(text), Err(FaultKind::Refused), "{text}");
    }
    assert!(matches!(constant(r#""re\"ad"#), Err(FaultKind::Syntax(_))));
}

fn tag(text: &str, telling: &[(&str, &'static str)]) -> Result<String, FaultKind> {
    Reader::new(text, 4)
        .tag(r#","kind":"#, telling)
        .map(|tag| tag.into_owned())
        .map_err(|fault| fault.kind)
}

#[test]
fn a_tag_is_found_wherever_it_stands() {
    for text in [
        r#"{"kind":"x"}"#,
        r#"{"kind":"x","y":1}"#,
        r#" { "y" : {"kind":"z"}, "kind" : "x" }"#,
        r#"{"y":[],"kin\u0064":"\u0078"}"#,
        r#"{"y":"a\\\"b\\\\","kind":"x"}"#,
        r#"{"y":["]",{"a":"}"}],"z":-1.5e3,"kind":"x"}"#,
        r#"{"y":[1,[true , null]],"":"é",  "kind":"x"}"#,
        r#"{"kind":"x","kind":"y"}"#,
    ] {
        assert_eq!(tag(text, &[]).as_deref(), Ok("x"), "{text}");
    }
    assert_eq!(tag(r#"{"y":1}"#, &[]), Err(FaultKind::Refused));
    assert_eq!(tag(r#"{"y":{"kind":"x"}}"#, &[]), Err(FaultKind::Refused));
    assert_eq!(tag(r#"{"kind":1}"#, &[]), Err(FaultKind::Refused));
    assert_eq!(tag("{}", &[]), Err(FaultKind::Refused));
    assert_eq!(tag("[]", &[]), Err(FaultKind::Refused));
}

#[test]
fn what_stands_where_a_tag_is_missed_is_json() {
    for text in [
        r#"{"y" 1}"#,
        r#"{"y":}"#,
        r#"{"y":1"#,
        r#"{"y":"1"#,
        r#"{"y":"\"#,
        r#"{"y":[1}"#,
        r#"{"y":]}"#,
        r#"{"y"::1}"#,
        r#"{"y":,}"#,
        r#"{"y":1,}"#,
        r#"{"y":1 "kind":"x"}"#,
        r#"{"y":tru}"#,
        r#"{,"kind":"x"}"#,
        "{\"y\":[\u{1}],\"kind\":\"x\"}",
        "{\"y\":\u{0},\"kind\":\"x\"}",
        "{\"y\":\"\u{1}\"}",
        "{",
        "",
    ] {
        let fault = tag(text, &[]).unwrap_err();
        assert!(matches!(fault, FaultKind::Syntax(_)), "{text}: {fault:?}");
    }
    assert_eq!(tag(r#"{"y":[[[[0]]]]}"#, &[]), Err(FaultKind::TooDeep));
}

#[test]
fn a_name_that_one_variant_has_tells_its_tag() {
    let telling = &[("edits", "edit"), ("command", "run")];
    for (text, found) in [
        (r#"{"edits":[],"kind":"edit"}"#, "edit"),
        (r#"{"path":"p", "edits" :[],"kind":"edit"}"#, "edit"),
        (r#"{"kind":"run","edits":[]}"#, "run"),
        // The variant that it tells reads all of this, and refuses it.
        (r#"{"edits":[],"kind":"run"}"#, "edit"),
        (r#"{"edits"}"#, "edit"),
        (r#"{"path":{"edits":[]},"kind":"read"}"#, "read"),
        (r#"{"\u0065dits":[],"kind":"edit"}"#, "edit"),
    ] {
        assert_eq!(tag(text, telling).as_deref(), Ok(found), "{text}");
    }
}

/// Patterns with a table of states, and some that go to the validator.
const PATTERNS: &[&str] = &[
    "^[a-c1]{2,4}$",
    "ab|c$",
    "^a",
    r"\S$",
    r"^\w+(?:\s\w+)?$",
    "^[^é]*$",
    "(?i)^A.b$",
    r"^\D*$",
    "a{2}|^$",
    r"\bab\b",
    r"^(a|b1)$",
    r"^\S*$",
    "^ab",
    "^ab$",
];

/// Texts that look like objects with a tag, most of them JSON, each name once.
fn objects() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec![
        "1",
        "-2.5e3",
        "true",
        "null",
        r#""a\"]""#,
        r#""\\""#,
        r#""kind""#,
        "\u{1}",
        "}",
        "\"",
        "nul",
    ]);
    let value = scalar.prop_map(str::to_owned).prop_recursive(2, 8, 3, |inner| {
        let list = prop::collection::vec(inner, 0..3);
        prop_oneof![
            list.clone().prop_map(|items| format!("[{}]", items.join(" , "))),
            list.prop_map(|items| {
                let fields = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| format!("\"kind{at}\":{item}"));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }),
        ]
    });
    let kind = prop_oneof![
        Just(r#""kind":"x""#),
        Just(r#""k\u0069nd" : "\u0078""#),
        Just(r#""kind":1"#),
        Just(r#""other":0"#)
    ];
    (prop::collection::vec(value, 0..4), kind, 0_usize..5).prop_map(|(values, kind, place)| {
        let mut fields: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(at, value)| format!("\"f{at}\": {value}"))
            .collect();
        fields.insert(place.min(fields.len()), kind.to_owned());
        format!("{{{}}}", fields.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_pattern_means_what_it_means_to_the_validator(texts in prop::collection::vec("[abc1Aé\u{a0}𝄞 \n]{0,5}", 200)) {
        for pattern in PATTERNS {
            let check = StringCheck::pattern(pattern);
            let validator = compile(&serde_json::json!({ "pattern": pattern })).unwrap();
            for text in &texts {
                let expected = validator.is_valid(&Value::from(text.as_str()));
                prop_assert_eq!(check.accepts(text), expected, "{} in {:?}", pattern, text);
            }
        }
    }

    #[test]
    fn a_tag_is_the_one_that_a_strict_parser_finds(texts in prop::collection::vec(objects(), 50)) {
        for text in texts {
            let parsed = serde_json::from_str::<Value>(&text);
            let found = tag(&text, &[]);
            if let Ok(object) = parsed {
                let expected = object.get("kind").and_then(Value::as_str);
                prop_assert_eq!(found.as_deref().ok(), expected, "{}", text);
            }
        }
    }

    #[test]
    fn decimals_are_the_nearest_double(texts in prop::collection::vec("-?(0|[1-9][0-9]{0,9})\\.[0-9]{1,9}", 200)) {
        for text in texts {
            let read = Reader::new(&text, 1).number().unwrap();
            prop_assert_eq!(read.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
        }
    }
}
