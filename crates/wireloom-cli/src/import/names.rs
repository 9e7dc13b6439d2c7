//! Names that the language takes, made from names that other languages take. Each is given once.

use std::collections::HashSet;

use heck::{ToKebabCase, ToUpperCamelCase};

/// Longest name of a message or a type.
const MAX_NAME: usize = 128;

/// Words that type expressions are made of.
const BUILT_IN: [&str; 12] = [
    "string", "integer", "number", "boolean", "null", "any", "map", "array", "object", "list", "true",
    "false",
];

/// The names of one protocol.
#[derive(Debug)]
pub(super) struct Names {
    /// Names on the wire and under `types`.
    given: HashSet<String>,
    /// Names in generated code.
    code: HashSet<String>,
}

impl Names {
    /// With the names that every protocol of this name has already.
    pub(super) fn new(protocol: &str) -> Self {
        let mut code: HashSet<String> = wireloom_spec::reserved_types().map(str::to_owned).collect();
        code.insert(format!("{}Protocol", camel(protocol)));
        code.extend(
            engine_messages()
                .iter()
                .map(|name| format!("{}Payload", camel(name))),
        );
        Self {
            given: HashSet::new(),
            code,
        }
    }

    /// The name of a message that is called so elsewhere.
    pub(super) fn message(&mut self, wanted: &str) -> String {
        let mut name = wire_name(wanted);
        if is_reserved(&name) {
            name = format!("app:{name}");
        }
        self.free(&name, "", |name| {
            let code = camel(name);
            vec![format!("{code}Error"), format!("{code}Payload"), code]
        })
    }

    /// The name of a type that is called so elsewhere.
    pub(super) fn named_type(&mut self, wanted: &str) -> String {
        let kept: String = wanted
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() || letter == '_' {
                    letter
                } else {
                    ' '
                }
            })
            .collect();
        let mut name = if kept.contains(' ') {
            kept.to_upper_camel_case()
        } else {
            kept
        };
        name.truncate(MAX_NAME - 16);
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            name = format!("T{name}");
        }
        if BUILT_IN.contains(&name.as_str()) {
            name = name.to_upper_camel_case();
        }
        self.free(&name, "Data", |name| vec![camel(name)])
    }

    /// The name, or the first free one with the ending or a number behind it.
    fn free(&mut self, name: &str, ending: &str, in_code: impl Fn(&str) -> Vec<String>) -> String {
        let numbered = (2..).map(|number| format!("{name}{ending}{number}"));
        let with_ending = (!ending.is_empty()).then(|| format!("{name}{ending}"));
        let mut candidates = [name.to_owned()].into_iter().chain(with_ending).chain(numbered);
        let free = candidates.find(|candidate| {
            !self.given.contains(candidate) && in_code(candidate).iter().all(|code| !self.code.contains(code))
        });
        let free = free.unwrap_or_else(|| name.to_owned());
        self.code.extend(in_code(&free));
        self.given.insert(free.clone());
        free
    }
}

/// A name of a protocol: `[a-z][a-z0-9-]*`.
pub(super) fn protocol_name(title: &str) -> String {
    let ascii = words(title);
    let is_name = !title.is_empty()
        && title.starts_with(|first: char| first.is_ascii_lowercase())
        && title
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let mut name = if is_name {
        title.to_owned()
    } else {
        ascii.to_kebab_case()
    };
    name.truncate(64);
    let name = name.trim_end_matches('-');
    match name.chars().next() {
        None => "imported".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("p{name}"),
        Some(_) => name.to_owned(),
    }
}

/// A semantic version, from anything that looks like one: `1.2` is `1.2.0`, `v3` is `3.0.0`.
pub(super) fn version(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches(['v', 'V']);
    if semver::Version::parse(text).is_ok() {
        return Some(text.to_owned());
    }
    let core: Vec<u64> = text
        .split(|letter: char| !letter.is_ascii_digit())
        .map_while(|part| part.parse().ok())
        .take(3)
        .collect();
    let part = |index: usize| core.get(index).copied().unwrap_or(0);
    (!core.is_empty()).then(|| format!("{}.{}.{}", part(0), part(1), part(2)))
}

/// Whether a message's name belongs to the engine.
pub(super) fn is_reserved(name: &str) -> bool {
    engine_messages().contains(&name) || name.starts_with("connection:") || name.starts_with("request:")
}

/// The engine's messages.
fn engine_messages() -> [&'static str; 11] {
    [
        "connection:established",
        "connection:resume",
        "connection:resumed",
        "connection:ack",
        "connection:closing",
        "connection:authenticate",
        "connection:authenticated",
        "request:cancel",
        "ping",
        "pong",
        "error",
    ]
}

/// Segments in `[a-zA-Z][a-zA-Z0-9_-]*`, joined by `:` or `.`.
fn wire_name(wanted: &str) -> String {
    let mut name = String::new();
    for part in wanted.split_inclusive([':', '.', '/']) {
        let (segment, joint) = match part.char_indices().last() {
            Some((at, joint @ (':' | '.'))) => (&part[..at], Some(joint)),
            Some((at, '/')) => (&part[..at], Some(':')),
            _ => (part, None),
        };
        let segment: String = segment
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() || "_-".contains(letter) {
                    letter
                } else {
                    '-'
                }
            })
            .collect();
        let segment = segment.trim_matches('-');
        if segment.is_empty() {
            continue;
        }
        if !segment.starts_with(|first: char| first.is_ascii_alphabetic()) {
            name.push('m');
        }
        name.push_str(segment);
        name.extend(joint);
    }
    name.truncate(MAX_NAME - 16);
    let name = name.trim_end_matches([':', '.', '-']);
    if name.is_empty() {
        "message".to_owned()
    } else {
        name.to_owned()
    }
}

/// With a blank for everything that is no letter or digit of ASCII.
fn words(name: &str) -> String {
    let letter_or_blank = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            ' '
        }
    };
    name.chars().map(letter_or_blank).collect()
}

/// What generated code calls it.
fn camel(name: &str) -> String {
    words(name).to_upper_camel_case()
}

#[cfg(test)]
mod tests {
    use super::{Names, protocol_name, version, wire_name};

    #[test]
    fn names_of_other_languages_become_ours() {
        for (wanted, name) in [
            ("agent:start", "agent:start"),
            ("user/signed up", "user:signed-up"),
            ("2fa", "m2fa"),
            ("größe", "gr--e"),
            ("", "message"),
            ("a..b:", "a.b"),
            ("👋", "message"),
        ] {
            assert_eq!(wire_name(wanted), name, "{wanted}");
        }
        assert_eq!(protocol_name("Kraken Websockets API"), "kraken-websockets-api");
        assert_eq!(protocol_name("a--b"), "a--b");
        assert_eq!(protocol_name("3D"), "p3d");
        assert_eq!(protocol_name("日本"), "imported");
        assert_eq!(version("1.2").as_deref(), Some("1.2.0"));
        assert_eq!(version("v3").as_deref(), Some("3.0.0"));
        assert_eq!(version("2024-01-02").as_deref(), Some("2024.1.2"));
        assert_eq!(version("latest"), None);
    }

    #[test]
    fn no_two_names_meet_in_generated_code() {
        let mut names = Names::new("demo");
        assert_eq!(names.message("ping"), "app:ping");
        assert_eq!(names.message("user:joined"), "user:joined");
        assert_eq!(names.message("userJoined"), "userJoined2");
        assert_eq!(names.named_type("UserJoined"), "UserJoinedData");
        assert_eq!(names.named_type("user-joined"), "UserJoinedData2");
        assert_eq!(names.named_type("string"), "String");
        assert_eq!(names.named_type("Handlers"), "HandlersData");
        assert_eq!(names.named_type("1st"), "T1st");
        assert_eq!(names.named_type("DemoProtocol"), "DemoProtocolData");
    }
}
