//! JSON texts with one thing in them that is no JSON, or that I-JSON does not allow: below the level of values, where a
//! schema has no say.

use crate::hostile::{NUMBERS, STRINGS};
use crate::random::Random;

/// The text with one place of it damaged, in a way that the seed decides.
///
/// A name that stands twice, also in another spelling; a number that no double holds; half of a surrogate pair; signs that
/// are missing or too many; text behind the end; very deep nesting. Now and then what comes out is sound again.
#[must_use]
pub fn damaged(json: &str, seed: u64) -> String {
    let mut random = Random::new(seed);
    let tokens = tokens(json);
    let places: Vec<(usize, usize)> = tokens
        .iter()
        .copied()
        .filter(|(start, _)| !json.as_bytes().get(*start).is_some_and(u8::is_ascii_whitespace))
        .collect();
    if random.once_in(12) {
        let tail = [
            "x", "{}", ",", "\u{0}", "}", "]", "\u{feff}", "null", "//", "\u{a0}",
        ];
        return format!("{json}{}", random.pick(&tail).unwrap_or(&"x"));
    }
    if random.once_in(30) {
        return format!("\u{feff}{json}");
    }
    // Objects are few among the places, and names that stand twice the most dangerous of all.
    if random.once_in(2) {
        let objects: Vec<usize> = places
            .iter()
            .map(|(start, _)| *start)
            .filter(|start| json.as_bytes().get(*start) == Some(&b'{'))
            .collect();
        if let Some(text) = random
            .pick(&objects)
            .and_then(|at| twice(json, &tokens, *at, &mut random))
        {
            return text;
        }
    }
    let Some((start, end)) = random.pick(&places).copied() else {
        return "{".to_owned();
    };
    let (before, token, after) = (
        json.get(..start).unwrap_or_default(),
        json.get(start..end).unwrap_or_default(),
        json.get(end..).unwrap_or_default(),
    );
    let token = match token.as_bytes().first() {
        Some(b'"') => string(token, &mut random),
        Some(b'-' | b'0'..=b'9') => number(token, &mut random),
        Some(b'{' | b'}' | b'[' | b']' | b',' | b':') => sign(token, &mut random),
        _ => ["nul", "True", "truefalse", "undefined", "", "null1"]
            .get(random.below(6))
            .copied()
            .unwrap_or_default()
            .to_owned(),
    };
    if random.once_in(20) {
        return before.to_owned();
    }
    format!("{before}{token}{after}")
}

/// Begin and end of everything that JSON is made of, white space included.
fn tokens(json: &str) -> Vec<(usize, usize)> {
    let bytes = json.as_bytes();
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = bytes.get(start) {
        let rest = bytes.get(start + 1..).unwrap_or_default();
        let length = match first {
            b'"' => string_length(rest),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b if b.is_ascii_whitespace() => 1,
            _ => 1 + rest.iter().take_while(|byte| plain(**byte)).count(),
        };
        tokens.push((start, start + length));
        start += length;
    }
    tokens
}

fn plain(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !b"{}[],:\"".contains(&byte)
}

/// The length of a string whose opening quote is in front of `rest`.
fn string_length(rest: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'"' if !escaped => return at + 2,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len() + 1
}

/// The first name of the object that begins at `open` once more, with the same value; at times in another spelling.
fn twice(json: &str, tokens: &[(usize, usize)], open: usize, random: &mut Random) -> Option<String> {
    let mut inside = tokens
        .iter()
        .copied()
        .skip_while(|(start, _)| *start <= open)
        .skip_while(|(start, _)| json.as_bytes().get(*start).is_some_and(u8::is_ascii_whitespace));
    let (name_start, name_end) = inside.next()?;
    let name = json
        .get(name_start..name_end)
        .filter(|name| name.starts_with('"'))?;
    let mut depth = 0_i32;
    let end = inside.find(|(start, _)| match json.as_bytes().get(*start) {
        Some(b'{' | b'[') => {
            depth += 1;
            false
        }
        Some(b'}' | b']') if depth > 0 => {
            depth -= 1;
            false
        }
        Some(b'}' | b',') => depth == 0,
        _ => false,
    });
    let (end, _) = end?;
    let value = json.get(name_end..end)?;
    let again = match name.get(1..2).and_then(|first| first.chars().next()) {
        Some(first) if !matches!(first, '\\' | '"') && random.once_in(2) => {
            format!("\"\\u{:04x}{}", u32::from(first), name.get(2..)?)
        }
        _ => name.to_owned(),
    };
    let (head, tail) = json.split_at_checked(name_start)?;
    // In front, or at the place of the object's end.
    if random.once_in(2) {
        return Some(format!("{head}{again}{value},{tail}"));
    }
    let (head, tail) = json.split_at_checked(end)?;
    Some(format!("{head},{again}{value}{tail}"))
}

fn string(token: &str, random: &mut Random) -> String {
    let inside = token.get(1..).unwrap_or_default();
    let odd = [
        "\\ud800",
        "\\udc00",
        "\\ud83d\\ud83d",
        "\\ud800\\u0041",
        "\\udfff\\ud800",
        "\\x41",
        "\\u12",
        "\\u12G4",
        "\\",
        "\u{1}",
        "\n",
        "\t",
        "\"",
        "\\'",
    ];
    match random.below(20) {
        0 => token.strip_suffix('"').unwrap_or_default().to_owned(),
        1 => format!("'{}'", inside.strip_suffix('"').unwrap_or_default()),
        2 => random.pick(&STRINGS).copied().unwrap_or_default().to_owned(),
        3 => deep(random),
        4 => {
            let inside = token.strip_suffix('"').unwrap_or_default();
            format!("{inside}{}\"", random.pick(&odd).unwrap_or(&"\\"))
        }
        _ => format!("\"{}{inside}", random.pick(&odd).unwrap_or(&"\\")),
    }
}

fn number(token: &str, random: &mut Random) -> String {
    match random.below(12) {
        0 => format!("0{token}"),
        1 => format!("+{token}"),
        2 => format!("{token}."),
        3 => format!("{token}e"),
        4 => format!("--{token}"),
        5 => format!("{token}e999"),
        6 => deep(random),
        _ => random.pick(&NUMBERS).copied().unwrap_or_default().to_owned(),
    }
}

fn sign(token: &str, random: &mut Random) -> String {
    match random.below(6) {
        0 => String::new(),
        1 => format!("{token}{token}"),
        2 => format!("{token},"),
        3 => format!(",{token}"),
        4 => ["{", "}", "[", "]", ":", ",", ";", "("]
            .get(random.below(8))
            .copied()
            .unwrap_or_default()
            .to_owned(),
        _ => format!("{token}\u{b}"),
    }
}

/// Arrays in arrays: more than a reader may follow, or nearly so many, closed or not.
fn deep(random: &mut Random) -> String {
    let levels = 100 + random.below(60);
    let close = if random.once_in(4) { 0 } else { levels };
    format!("{}{}", "[".repeat(levels), "]".repeat(close))
}
