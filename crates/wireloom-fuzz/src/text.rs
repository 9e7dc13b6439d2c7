//! Strings: plain ones with awkward characters, and those that fit a pattern or a format.

use std::collections::HashMap;
use std::fmt::Write;

use proptest::strategy::{Strategy, ValueTree};
use proptest::string::{RegexGeneratorStrategy, string_regex};
use proptest::test_runner::TestRunner;

use crate::random::Random;

/// Characters that somebody got wrong before: of every length in UTF-8, combining, invisible, controls, quotes, and
/// the last before and the first behind the surrogates.
const CHARACTERS: &str = "aZ09 _-./:\"\\'`<>&%~\n\t\r\u{0}\u{1}\u{7f}\u{80}é\u{301}ßİ日\u{200b}\u{202e}\u{2028}\u{d7ff}\u{e000}\u{feff}\u{ffff}\u{10000}🦀🧵\u{10ffff}";

/// Names that are awkward as keys.
pub(crate) const KEYS: [&str; 14] = [
    "",
    "__proto__",
    "constructor",
    "toString",
    "extra",
    "type",
    "a",
    "x-1",
    "n_1",
    "made_at",
    "a/b~c",
    "\"\\\n",
    "日本",
    "🦀",
];

/// A string of so many code points.
pub(crate) fn plain(random: &mut Random, length: usize) -> String {
    let ascii = random.once_in(2);
    if length > 64 {
        // Long strings are about their length, not about their characters.
        return if ascii { "a" } else { "🦀" }.repeat(length);
    }
    if ascii {
        return (0..length)
            .map(|_| char::from(b'a' + random.below(26) as u8))
            .collect();
    }
    let characters: Vec<char> = CHARACTERS.chars().collect();
    (0..length)
        .filter_map(|_| random.pick(&characters).copied())
        .collect()
}

/// Generators of patterns, made once each.
#[derive(Debug, Default)]
pub(crate) struct Patterns(HashMap<String, Option<Pattern>>);

#[derive(Debug)]
struct Pattern {
    core: RegexGeneratorStrategy<String>,
    begins: bool,
    ends: bool,
}

impl Patterns {
    /// A string that most likely matches; whether it does is for the validator to say.
    pub(crate) fn matching(
        &mut self,
        pattern: &str,
        random: &mut Random,
        runner: &mut TestRunner,
    ) -> Option<String> {
        let known = self
            .0
            .entry(pattern.to_owned())
            .or_insert_with(|| Pattern::new(pattern))
            .as_ref()?;
        let mut text = known.core.new_tree(runner).ok()?.current();
        if !known.begins && random.once_in(3) {
            let length = 1 + random.below(3);
            text.insert_str(0, &plain(random, length));
        }
        if !known.ends && random.once_in(3) {
            let length = 1 + random.below(3);
            text.push_str(&plain(random, length));
        }
        Some(text)
    }
}

impl Pattern {
    fn new(pattern: &str) -> Option<Self> {
        let core = string_regex(&translated(pattern)).ok()?;
        Some(Self {
            core,
            begins: pattern.starts_with('^'),
            ends: pattern.ends_with('$') && !pattern.ends_with("\\$"),
        })
    }
}

/// An ECMA-262 pattern in the syntax of the `regex` crate, without anchors: those say only where a match stands.
fn translated(pattern: &str) -> String {
    let mut text = String::new();
    let mut class = false;
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('d') => text.push_str("[0-9]"),
                Some('D') => text.push_str("[^0-9]"),
                Some('w') => text.push_str("[A-Za-z0-9_]"),
                Some('W') => text.push_str("[^A-Za-z0-9_]"),
                // A few of each kind of white space are enough.
                Some('s') => text.push_str("[ \\t\\n\\x{a0}\\x{2003}\\x{feff}]"),
                Some('S') => text.push_str("[^\\s\\x{feff}]"),
                Some('b' | 'B') if !class => {}
                Some('/') => text.push('/'),
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).collect();
                    // A string takes it whatever it holds.
                    let _written = write!(text, "\\x{{{digits}}}");
                }
                Some(escaped) => {
                    text.push('\\');
                    text.push(escaped);
                }
                None => {}
            },
            '^' | '$' if !class => {}
            '[' if !class => {
                class = true;
                text.push('[');
                let rest = characters.as_str();
                if rest.starts_with('^') {
                    characters.next();
                    text.push('^');
                }
            }
            // Nested classes are of the `regex` crate alone.
            '[' => text.push_str("\\["),
            ']' => {
                class = false;
                text.push(']');
            }
            '&' | '~' if class => {
                text.push('\\');
                text.push(character);
            }
            _ => text.push(character),
        }
    }
    text
}

/// Strings of a format, edges of its grammar among them.
pub(crate) fn of_format(format: &str, random: &mut Random) -> Option<String> {
    let from = |random: &mut Random, texts: &[&str]| random.pick(texts).map(|text| (*text).to_owned());
    Some(match format {
        "date" => date(random),
        "time" => time(random),
        "date-time" => {
            let separator = if random.once_in(8) { 't' } else { 'T' };
            format!("{}{separator}{}", date(random), time(random))
        }
        "duration" => from(
            random,
            &[
                "PT0S",
                "P1D",
                "P1Y2M3D",
                "PT36H",
                "P4W",
                "P1DT12H",
                "PT1M",
                "P1Y",
                "P3Y6M4DT12H30M5S",
                "PT1H1S",
                "P1Y1D",
            ],
        )?,
        "uuid" => {
            let bits = (u128::from(random.bits()) << 64) | u128::from(random.bits());
            let bits = *random.pick(&[0, u128::MAX, bits, bits, bits, bits])?;
            let hex = format!("{bits:032x}");
            let parts = [
                hex.get(..8)?,
                hex.get(8..12)?,
                hex.get(12..16)?,
                hex.get(16..20)?,
                hex.get(20..)?,
            ];
            let text = parts.join("-");
            if random.once_in(4) {
                text.to_uppercase()
            } else {
                text
            }
        }
        "uri" => from(
            random,
            &[
                "https://example.com/",
                "http://[2001:db8::1]:8080/a?b=c#d",
                "urn:ietf:rfc:6455",
                "mailto:ada@example.com",
                "https://user:pw@example.com:8443/a%20b/./..//?q=%F0%9F%A6%80",
                "https://example.com",
                "file:///etc/hosts",
                "x:",
                "tel:+1-816-555-1212",
                "https://a.b/?x=[]",
            ],
        )?,
        "email" => from(
            random,
            &[
                "a@b.example",
                "ada@example.com",
                "a.b+c@d.example",
                "ada.lovelace@sub.example.com",
                "\"quoted local\"@example.com",
                "!#$%&'*+-/=?^_`{|}~@example.org",
                "x@[127.0.0.1]",
                "a@localhost",
            ],
        )?,
        "hostname" => match random.below(4) {
            0 => "a".repeat(63),
            1 => format!("{}.{}", "a".repeat(63), "b".repeat(63)),
            _ => from(
                random,
                &[
                    "localhost",
                    "a",
                    "example.com",
                    "ws-1.example.com",
                    "1.2.3",
                    "xn--nxasmq6b.example",
                    "A-B.c0",
                ],
            )?,
        },
        "ipv4" => {
            let mut part = || {
                random
                    .pick(&[0u8, 1, 9, 10, 99, 100, 127, 192, 199, 200, 249, 250, 255])
                    .copied()
            };
            format!("{}.{}.{}.{}", part()?, part()?, part()?, part()?)
        }
        "ipv6" => from(
            random,
            &[
                "::",
                "::1",
                "1::",
                "2001:db8::1",
                "fe80::1:2:3:4",
                "1:2:3:4:5:6:7:8",
                "::ffff:192.0.2.1",
                "1:2:3:4:5:6:1.2.3.4",
                "ABCD:ef01::",
                "1::8",
                "1:2:3:4:5:6:7::",
            ],
        )?,
        _ => return None,
    })
}

fn date(random: &mut Random) -> String {
    let known = [
        "2024-02-29",
        "2000-02-29",
        "1999-12-31",
        "0000-01-01",
        "9999-12-31",
        "2026-11-22",
    ];
    if random.once_in(2) {
        return (*random.pick(&known).unwrap_or(&"2026-11-22")).to_owned();
    }
    let (year, month, day) = (random.below(10_000), 1 + random.below(12), 1 + random.below(28));
    format!("{year:04}-{month:02}-{day:02}")
}

fn time(random: &mut Random) -> String {
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    let clock = match random.below(8) {
        0 => "23:59:60".to_owned(),
        1 => "00:00:00".to_owned(),
        _ => format!("{hour:02}:{minute:02}:{second:02}"),
    };
    let fraction = *random
        .pick(&["", "", "", ".0", ".5", ".123456789"])
        .unwrap_or(&"");
    let zone = *random
        .pick(&["Z", "Z", "z", "+00:00", "-00:00", "+23:59", "-08:00"])
        .unwrap_or(&"Z");
    if clock == "23:59:60" {
        // A leap second is one only at the end of a day in UTC.
        return format!("{clock}{fraction}Z");
    }
    format!("{clock}{fraction}{zone}")
}

/// Strings that are nearly of a format.
pub(crate) fn near_format(format: &str) -> &'static [&'static str] {
    match format {
        "date" => &[
            "2023-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-11-31",
            "26-11-22",
            "2026-11-22 ",
            "",
            "2026-1-2",
        ],
        "time" => &[
            "24:00:00Z",
            "23:60:00Z",
            "10:00:00",
            "10:00Z",
            "10:00:00+24:00",
            "",
            "10:00:00.Z",
        ],
        "date-time" => &[
            "2026-11-22",
            "2026-11-22T10:00:00",
            "2026-02-30T10:00:00Z",
            "2026-11-22T25:00:00Z",
            "2026-11-22T10:00:00Z ",
            "",
        ],
        "duration" => &["P", "PT", "1D", "P1", "P1S", "PT1D", "P1W1D", "p1d", "-P1D", ""],
        "uuid" => &[
            "0190d7c5-6f2e-7c3a-9b1e-3f6c2d1e0a5",
            "0190d7c56f2e7c3a9b1e3f6c2d1e0a5b",
            "0190d7c5-6f2e-7c3a-9b1e-3f6c2d1e0a5g",
            "{0190d7c5-6f2e-7c3a-9b1e-3f6c2d1e0a5b}",
            "",
        ],
        "uri" => &[
            "/relative",
            "//example.com",
            "https://exa mple.com",
            "http://[::1",
            "a",
            "",
            "https://%zz",
        ],
        "email" => &[
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "",
            "a..b@example.com",
        ],
        "hostname" => &["-a", "a-", "a..b", "a_b", "", ".", "exa mple"],
        "ipv4" => &[
            "256.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.4 ",
            "",
            "0x7f.0.0.1",
        ],
        "ipv6" => &[
            ":",
            ":::",
            "1::2::3",
            "12345::",
            "1:2:3:4:5:6:7",
            "::1%eth0",
            "",
            "g::",
        ],
        _ => &[],
    }
}
