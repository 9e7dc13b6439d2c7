//! What protocols are made of that somebody has to think of: names, patterns, constants, bounds.

use serde_json::{Value, json};

/// Names of types: plain ones, and those of Rust's prelude and of generated code.
pub(super) const TYPES: [&str; 18] = [
    "Alpha",
    "Beta",
    "Gamma",
    "Delta",
    "Epsilon",
    "snake_case",
    "Option",
    "Vec",
    "String",
    "Result",
    "Box",
    "Self",
    "Value",
    "Reader",
    "Engine",
    "Some",
    "T1",
    "x",
];

/// Names of messages.
pub(super) const MESSAGES: [&str; 24] = [
    "alpha:send",
    "alpha:sent",
    "a",
    "B",
    "type",
    "self:me",
    "fn:async",
    "x.y-z",
    "deep:er:and:deeper",
    "under_score:x1",
    "beta:made",
    "gamma:one",
    "gamma:two",
    "delta.v1",
    "Upper:Case",
    "match",
    "none",
    "ok:err",
    "vec:string",
    "item:end",
    "reply:to",
    "zeta:a-b",
    "zeta:c_d",
    "last",
];

/// The tag of the named variants, which unions by reference have.
pub(super) const FAMILY: &str = "kind";

/// Names of tags of other unions.
pub(super) const TAGS: [&str; 8] = ["kind", "type", "op", "", "日本", "__proto__", "r#fn", "a/b~c"];

/// Names of properties: keywords, locals of generated code, JavaScript's own, signs, other alphabets, names that meet in Rust.
pub(super) const PROPERTIES: [&str; 56] = [
    "id",
    "type",
    "kind",
    "name",
    "value",
    "reader",
    "object",
    "out",
    "first",
    "extra",
    "self",
    "Self",
    "crate",
    "super",
    "fn",
    "async",
    "match",
    "r#x",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "",
    " ",
    "a",
    "A",
    "a_",
    "a-",
    "aB",
    "a_b",
    "AB",
    "1",
    "+1",
    "-1",
    "a b",
    "a/b",
    "a~b",
    "a.b",
    "é",
    "e\u{301}",
    "日本",
    "🦀",
    "\"",
    "\\",
    "\n",
    "\t",
    "\u{0}",
    "\u{7f}",
    "\u{2028}",
    "*/",
    "{}",
    "#[x]",
    "${x}",
    "None",
    "made_at",
    "x-1",
];

/// Strings of enums and constants.
pub(super) const STRINGS: [&str; 32] = [
    "a", "b", "c", "A", "a-b", "a_b", "aB", "", " ", "0", "1", "-1", "+1", "null", "true", "self", "Self",
    "None", "Other", "é", "日本", "🦀", "\"", "\\", "\n", "\u{0}", "*/", "text", "card", "idle", "${x}",
    "\u{feff}",
];

/// The value of the tag of a named variant.
pub(super) fn tag_value(at: usize) -> &'static str {
    ["text", "card", "idle", "🦀"].get(at).copied().unwrap_or("other")
}

/// Patterns of ECMA-262 that a linear-time engine runs.
pub(super) const PATTERNS: [&str; 36] = [
    "^[a-z]+$",
    "^[a-z][a-z0-9-]{0,7}$",
    "^\\d{3}-\\d{4}$",
    "a",
    "^a",
    "a$",
    "^$",
    "^.{2,5}$",
    "^(?:a|b)*c$",
    "(foo|bar)+",
    "\\bfoo\\b",
    "^\\s*$",
    "\\S",
    "^\\w+$",
    "\\W",
    "\\D$",
    "^[^a-z]*$",
    "a{2,3}?b",
    "^-?(0|[1-9][0-9]*)$",
    "^\\/",
    "\\$",
    "^[\\]\\[-]+$",
    "^[\\u00e0-\\u00ff]+$",
    "é",
    "[日本]",
    "^🦀+$",
    "^[🦀🧵]{1,3}$",
    "^\\p{L}+$",
    "\\p{Script=Greek}",
    "\\P{L}",
    "\\x41",
    "\\cJ",
    "^[\\s\\S]{3}$",
    "^(?:[^\\n]|\\n)+$",
    "\\.",
    "^#[0-9a-fA-F]{6}$",
];

/// Patterns of property names.
pub(super) const NAME_PATTERNS: [&str; 6] = ["^x-", "^n_", "_at$", "^[a-z]{1,8}$", "[🦀日]", "^$"];

/// Formats that are asserted.
pub(super) const FORMATS: [&str; 10] = [
    "date-time",
    "date",
    "time",
    "duration",
    "uuid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
];

/// Bounds of integers, in order.
pub(super) const INTEGERS: [i64; 14] = [
    -9_007_199_254_740_991,
    -2_147_483_649,
    -1000,
    -128,
    -10,
    -1,
    0,
    1,
    9,
    100,
    255,
    65_536,
    4_294_967_296,
    9_007_199_254_740_991,
];

/// Bounds of numbers, in order.
pub(super) const NUMBERS: [f64; 13] = [
    -1e300,
    -1e15,
    -1000.5,
    -1.0,
    -0.1,
    0.0,
    5e-324,
    0.1,
    1.0,
    3.25,
    1e10,
    9_007_199_254_740_993.0,
    1e300,
];

/// Steps of integers and numbers.
pub(super) const STEPS: [f64; 9] = [1.0, 2.0, 3.0, 10.0, 0.5, 1.5, 0.25, 0.1, 0.01];

/// Constants of every kind, no two of which are equal.
pub(super) fn constants() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-7),
        json!(2.5),
        json!(1e20),
        json!(-0.5),
        json!(9_007_199_254_740_991_i64),
        json!("a"),
        json!(""),
        json!("1"),
        json!("🦀"),
        json!([]),
        json!([1]),
        json!([1, [2.5, "x"], { "a": null }]),
        json!({}),
        json!({ "a": 1 }),
        json!({ "b": [true], "a": { "": 0 } }),
        json!([-9_007_199_254_740_991_i64]),
        json!({ "a": [1e300, 4_294_967_296_i64] }),
    ]
}
