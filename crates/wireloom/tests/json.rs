//! The JSON reader and writer, held against `serde_json` and against the promises of their own.

use proptest::prelude::*;
use serde_json::Value;
use wireloom::json::{Fault, FaultKind, Read, Reader, Writer};

const DEPTH: u32 = 16;

fn read(text: &str) -> Result<Value, Fault> {
    let mut reader = Reader::new(text, DEPTH);
    let value = reader.value()?;
    reader.end()?;
    Ok(value)
}

fn all<'a, T>(text: &'a str, read: impl FnOnce(&mut Reader<'a>) -> Read<T>) -> Read<T> {
    let mut reader = Reader::new(text, DEPTH);
    let value = read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

fn written(write: impl FnOnce(&mut Writer)) -> String {
    let mut out = Writer::default();
    write(&mut out);
    out.into_string()
}

/// Equal, with numbers compared as doubles. `serde_json` rounds some of them to the neighbour of the nearest one.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
            ours == theirs || (ours - theirs).abs() <= ours.abs() * f64::EPSILON || ours.abs() < 1e-300
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(name, value)| theirs.get(name).is_some_and(|other| same(value, other)))
        }
        _ => ours == theirs,
    }
}

/// Both agree, or the reader is stricter for a reason that it names.
fn compare(text: &str) -> Result<(), String> {
    match (read(text), serde_json::from_str::<Value>(text)) {
        (Ok(ours), Ok(theirs)) if same(&ours, &theirs) => Ok(()),
        (Err(_), Err(_)) => Ok(()),
        (Err(fault), Ok(_)) => match fault.kind {
            FaultKind::DuplicateName | FaultKind::InexactNumber | FaultKind::TooDeep => Ok(()),
            _ => Err(format!("refused for {fault:?}")),
        },
        (ours, theirs) => Err(format!("{ours:?}, but serde_json: {theirs:?}")),
    }
}

#[test]
fn the_grammar_accepts() {
    for text in [
        "0",
        "-0",
        "1.0",
        "1e2",
        "1E+2",
        "1e-2",
        "-1.5e3",
        "123456789012345",
        "null",
        "true",
        "false",
        "\"\"",
        "[]",
        "{}",
        " [ 1 , 2 ] ",
        "{\"a\":{\"b\":[]}}",
        "\t\r\n1",
        "\"\u{7f}\"",
        "\"\\/\"",
        "{\"\":0}",
        "9007199254740991",
        "-9007199254740991",
        "9007199254740992",
        "590295810358705700000",
        "1e-400",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
        "[0,0.5,-0.0]",
        "0.1000000000000000055511151231257827",
    ] {
        assert!(read(text).is_ok(), "{text}: {:?}", read(text));
        compare(text).unwrap();
    }
}

#[test]
fn the_grammar_refuses() {
    for text in [
        "",
        " ",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "1_0",
        "--1",
        "-a",
        "NaN",
        "Infinity",
        "tru",
        "truee",
        "nul",
        "False",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[",
        "]",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\" 1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\n\"",
        "\"\u{0}\"",
        "\"\u{1f}\"",
        "1 1",
        "{}{}",
        "[]]",
        "\u{feff}1",
        "\u{a0}1",
        "/**/1",
        "\"a\" b",
        "\u{0}",
        "1\u{0}",
    ] {
        let fault = read(text).expect_err(text);
        assert!(matches!(fault.kind, FaultKind::Syntax(_)), "{text:?}: {fault:?}");
        assert!(fault.at <= text.len());
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text:?}");
    }
}

#[test]
fn lone_surrogates_are_refused_and_pairs_are_read() {
    for text in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\udfff\ud800""#,
        r#""\ud800\u0041""#,
        r#""\ud800x""#,
        r#""\ud800\n""#,
        r#""\ud800\ud800""#,
        r#"{"\ud800":1}"#,
    ] {
        assert_eq!(
            read(text).expect_err(text).kind,
            FaultKind::LoneSurrogate,
            "{text}"
        );
        assert!(serde_json::from_str::<Value>(text).is_err());
    }
    assert_eq!(read(r#""\ud83d\ude00\uD834\uDD1E""#).unwrap(), "😀𝄞");
    assert_eq!(
        read(r#""\ud800\udc00\udbff\udfff""#).unwrap(),
        "\u{10000}\u{10ffff}"
    );
}

#[test]
fn names_stand_once_in_an_object() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"\u0061":3}"#,
        r#"[{"x":{"a":1,"a":2}}]"#,
        r#"{"":1,"":1}"#,
    ] {
        assert_eq!(
            read(text).expect_err(text).kind,
            FaultKind::DuplicateName,
            "{text}"
        );
    }
    assert!(read(r#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    let map = all(r#"{"a":1,"a":1}"#, |reader| {
        reader.map(0, 9, |reader| reader.integer(0, 9))
    });
    assert_eq!(map.unwrap_err().kind, FaultKind::DuplicateName);
}

#[test]
fn depth_is_bounded_everywhere() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(&nested(16)).is_ok());
    assert_eq!(read(&nested(17)).unwrap_err().kind, FaultKind::TooDeep);
    assert_eq!(
        read(&"{\"a\":".repeat(100_000)).unwrap_err().kind,
        FaultKind::TooDeep
    );
    assert_eq!(
        all(&"[".repeat(100_000), Reader::skip).unwrap_err().kind,
        FaultKind::TooDeep
    );
    // Levels are given back.
    assert!(read(&format!("[{}]", vec![nested(15); 50].join(","))).is_ok());
    assert!(all(&format!("[{}]", vec![nested(15); 50].join(",")), Reader::skip).is_ok());
}

#[test]
fn integers_are_exact_or_refused() {
    let integer = |text| all(text, |reader| reader.integer(i64::MIN, i64::MAX));
    for (text, expected) in [
        ("1.0", 1),
        ("1e2", 100),
        ("-0", 0),
        ("-0.0", 0),
        ("120e-1", 12),
        ("999999999999999", 999_999_999_999_999),
        ("9007199254740991", 9_007_199_254_740_991),
        ("-9007199254740992", -9_007_199_254_740_992),
        ("9007199254740994", 9_007_199_254_740_994),
    ] {
        assert_eq!(integer(text), Ok(expected), "{text}");
    }
    for text in [
        "9007199254740993",
        "123456789012345678901234567890",
        "1e400",
        "-1e400",
        "9223372036854775807",
    ] {
        assert_eq!(
            integer(text).unwrap_err().kind,
            FaultKind::InexactNumber,
            "{text}"
        );
        assert_eq!(read(text).unwrap_err().kind, FaultKind::InexactNumber, "{text}");
    }
    for text in ["1.5", "1e-1", "590295810358705700000", "\"1\"", "null"] {
        assert_eq!(integer(text).unwrap_err().kind, FaultKind::Refused, "{text}");
    }
    // 2^69 as JavaScript writes it.
    assert_eq!(
        all("590295810358705700000", Reader::number),
        Ok(590_295_810_358_705_700_000.0)
    );
    for (text, fits) in [
        ("0", false),
        ("1", true),
        ("10", true),
        ("11", false),
        ("-1", false),
    ] {
        assert_eq!(all(text, |reader| reader.integer(1, 10)).is_ok(), fits, "{text}");
    }
    assert!(all("256", |reader| reader.integer_as::<u8>(0, 1000)).is_err());
    assert_eq!(all("\"9223372036854775807\"", Reader::i64_text), Ok(i64::MAX));
    assert_eq!(all("\"18446744073709551615\"", Reader::u64_text), Ok(u64::MAX));
    for text in [
        "\"01\"",
        "\"+1\"",
        "\"-0\"",
        "\"\"",
        "\"9223372036854775808\"",
        "1",
    ] {
        assert!(all(text, Reader::i64_text).is_err(), "{text}");
    }
}

/// A quote, a backslash or a control character is found at every position of a word, beside any neighbour.
#[test]
fn every_byte_is_told_apart_at_every_position_of_a_word() {
    for position in 0..17 {
        for byte in 0..128_u8 {
            for filler in ["a", "\u{7f}", "!", "#", "[", "]", "é"] {
                let mut content = filler.repeat(position);
                content.push(char::from(byte));
                content.push_str(&filler.repeat(17 - position));
                let escaped = written(|out| out.string(&content));
                assert_eq!(
                    escaped,
                    serde_json::to_string(&content).unwrap(),
                    "{byte:#x} at {position}"
                );
                assert_eq!(all(&escaped, Reader::string).unwrap(), content);

                let bare = format!("\"{content}\"");
                let ours = all(&bare, Reader::string);
                match byte {
                    b'"' | b'\\' | 0..0x20 => assert!(ours.is_err(), "{byte:#x} at {position}"),
                    _ => assert_eq!(ours.unwrap(), content),
                }
            }
        }
    }
}

#[test]
fn escapes_and_characters_across_the_borders_of_words() {
    for escape in [
        r#"\""#,
        r"\\",
        r"\/",
        r"\b",
        r"\f",
        r"\n",
        r"\r",
        r"\t",
        r"\u0000",
        r"\u00e9",
        r"\ud83d\ude00",
    ] {
        for lead in 0..17 {
            for point in ["x", "é", "漢", "😀"] {
                let text = format!("\"{}{point}{escape}{escape}{point}\"", "y".repeat(lead));
                let ours = all(&text, Reader::string).map(|text| text.into_owned());
                assert_eq!(ours.ok(), serde_json::from_str(&text).ok(), "{text}");
            }
        }
    }
}

#[test]
fn lengths_count_code_points() {
    for (text, min, max, fits) in [
        ("", 0, 0, true),
        ("", 1, 9, false),
        ("😀😀", 2, 2, true),
        ("😀😀", 3, 9, false),
        ("ééé", 0, 3, true),
        ("éééé", 0, 3, false),
        ("a\u{301}", 2, 2, true),
    ] {
        let json = serde_json::to_string(text).unwrap();
        assert_eq!(
            all(&json, |reader| reader.text(min, max)).is_ok(),
            fits,
            "{text} in {min}..={max}"
        );
    }
}

#[test]
fn nested_unions_have_a_budget() {
    // Two variants that begin alike at each of fourteen levels: 2^14 ways, of which none fits.
    fn choice(reader: &mut Reader<'_>, level: u32) -> Read<()> {
        let item = |reader: &mut Reader<'_>| -> Read<()> {
            reader.array(1, 1, |reader| choice(reader, level + 1)).map(drop)
        };
        if level == 14 {
            return reader.null();
        }
        let mut one = reader.exactly_one();
        one = one.or(reader, item)?;
        one = one.or(reader, item)?;
        one.end(reader)
    }
    let text = format!("{}1{}", "[".repeat(14), "]".repeat(14));
    assert_eq!(
        all(&text, |reader| choice(reader, 0)).unwrap_err().kind,
        FaultKind::TooComplex
    );

    let number_or_text = |reader: &mut Reader<'_>| {
        let mut first = reader.first_of();
        first = first.or(reader, |reader| reader.integer(0, 9).map(|n| n.to_string()))?;
        first = first.or(reader, |reader| reader.text(0, 9))?;
        first.end(reader)
    };
    assert_eq!(all("7", number_or_text).unwrap(), "7");
    assert_eq!(all(" \"a\" ", number_or_text).unwrap(), "a");
    assert_eq!(all("[]", number_or_text).unwrap_err().kind, FaultKind::Refused);
    assert!(matches!(
        all("\"a", number_or_text).unwrap_err().kind,
        FaultKind::Syntax(_)
    ));
    // `oneOf` refuses what fits twice.
    let ambiguous = |reader: &mut Reader<'_>| {
        let mut one = reader.exactly_one();
        one = one.or(reader, |reader| reader.integer(0, 5))?;
        one = one.or(reader, |reader| reader.integer(5, 9))?;
        one.end(reader)
    };
    assert_eq!(all("4", ambiguous), Ok(4));
    assert_eq!(all("5", ambiguous).unwrap_err().kind, FaultKind::Refused);
}

#[test]
fn numbers_are_written_as_javascript_reads_them() {
    for (value, text) in [
        (0.0, "0"),
        (1.0, "1"),
        (-5.0, "-5"),
        (0.1, "0.1"),
        (9_007_199_254_740_991.0, "9007199254740991"),
        (f64::NAN, "null"),
        (f64::INFINITY, "null"),
    ] {
        assert_eq!(written(|out| out.number(value)), text);
    }
}

fn json_like() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            " ",
            "\n",
            "true",
            "false",
            "null",
            "0",
            "-",
            "1",
            ".5",
            "e9",
            "E-3",
            "\"a\"",
            "\"b\":",
            "\"a\":1,",
            "\\ud800",
            "\\u0041",
            "😀",
            "12345678901234567",
            "9007199254740993",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_serde_json_on_any_text(text in json_like()) {
        prop_assert_eq!(compare(&text), Ok(()));
    }

    #[test]
    fn agrees_with_serde_json_on_damaged_json(value in tree(), at in any::<prop::sample::Index>(), with in any::<char>()) {
        let mut text: Vec<char> = value.to_string().chars().collect();
        let at = at.index(text.len());
        text[at] = with;
        prop_assert_eq!(compare(&text.into_iter().collect::<String>()), Ok(()));
    }

    #[test]
    fn skipping_ends_where_reading_ends(text in json_like()) {
        let end = |read: fn(&mut Reader<'_>) -> Read<()>| {
            let mut reader = Reader::new(&text, DEPTH);
            read(&mut reader).ok().map(|()| reader.position())
        };
        if let Some(read) = end(|reader| reader.value().map(drop)) {
            prop_assert_eq!(end(|reader| reader.skip()), Some(read));
        }
    }

    #[test]
    fn what_is_written_is_read_again(value in tree()) {
        let text = written(|out| out.value(&value));
        prop_assert!(same(&value, &serde_json::from_str(&text).unwrap()), "{}", text);
        prop_assert!(same(&read(&text).unwrap(), &value), "{}", text);
    }

    #[test]
    fn strings_are_written_as_serde_json_writes_them(text in any::<String>()) {
        prop_assert_eq!(written(|out| out.string(&text)), serde_json::to_string(&text).unwrap());
    }

    #[test]
    fn doubles_survive_bit_by_bit(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
        let text = written(|out| out.number(value));
        prop_assert_eq!(all(&text, Reader::number).unwrap().to_bits(), value.to_bits(), "{}", text);
    }

    #[test]
    fn integers_survive(value in -9_007_199_254_740_991_i64..=9_007_199_254_740_991) {
        let text = written(|out| out.integer(value));
        prop_assert_eq!(all(&text, |reader| reader.integer(i64::MIN, i64::MAX)), Ok(value));
    }
}
