//! A branch of `oneOf` that takes everything which another one takes: what fits the smaller fits both, and is refused.
//!
//! Goes by types alone. What needs a proof is not looked for: files are checked at every build.

use indexmap::IndexMap;

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::schema::{Form, IntFormat, Raw, Type};

/// Longest way through references from type to type.
const MOST_STEPS: usize = 32;

/// Warns of branches of which nothing is ever accepted, in every schema and those inside it.
pub(crate) fn one_of<'a>(
    schemas: impl Iterator<Item = &'a Raw>,
    types: &'a IndexMap<String, Raw>,
    sink: &mut Sink,
) {
    for raw in schemas {
        raw.walk(&mut |inner| branches(inner, types, sink));
    }
}

fn branches(raw: &Raw, types: &IndexMap<String, Raw>, sink: &mut Sink) {
    let Some(keywords) = raw.keywords() else { return };
    let Some(list) = &keywords.one_of else { return };
    let takes: Vec<Takes> = list.iter().map(|branch| Takes::of(branch, types)).collect();
    // Of those that take the same, two are enough to find one beside any branch.
    let mut whole: Vec<(u8, usize)> = Vec::new();
    for (at, takes) in takes.iter().enumerate() {
        if takes.all
            && takes.kinds != 0
            && whole.iter().filter(|(kinds, _)| *kinds == takes.kinds).count() < 2
        {
            whole.push((takes.kinds, at));
        }
    }
    for (at, takes) in takes.iter().enumerate() {
        // Of two that take the same, the later one is superfluous.
        let hides = |(kinds, other): &&(u8, usize)| {
            let same = *kinds == takes.kinds && takes.all;
            *other != at && takes.kinds & !kinds == 0 && (!same || *other < at)
        };
        let Some((_, other)) = whole.iter().find(hides).filter(|_| takes.kinds != 0) else {
            continue;
        };
        let place = |at: usize| keywords.one_of_spans.get(at).copied().unwrap_or_default();
        let report = Report::new(
            &codes::HIDDEN_BRANCH,
            place(at),
            "what fits this branch of `oneOf` fits another one, too, and is refused",
        )
        .related(place(*other), "this one takes all of it")
        .help("write `anyOf` instead of `oneOf`, or remove one of the two");
        sink.push(report);
    }
}

/// Which values a schema takes.
struct Takes {
    /// Types of its values, a bit each; none if nothing is known of it.
    kinds: u8,
    /// Whether it takes all values of these types.
    all: bool,
}

impl Takes {
    const UNKNOWN: Self = Self { kinds: 0, all: false };

    fn of(raw: &Raw, types: &IndexMap<String, Raw>) -> Self {
        let mut raw = raw;
        for _ in 0..MOST_STEPS {
            let keywords = match &raw.form {
                Form::Any => {
                    return Self {
                        kinds: Type::ALL.iter().fold(0, |kinds, (_, kind)| kinds | bits(*kind)),
                        all: true,
                    };
                }
                Form::Object(keywords) => keywords,
                Form::Broken | Form::Never => return Self::UNKNOWN,
            };
            if let Some(kinds) = &keywords.types {
                let is_text = keywords.int_format.is_some_and(IntFormat::is_text);
                return Self {
                    kinds: kinds.iter().fold(0, |all, kind| match kind {
                        Type::Integer if is_text => all | bits(Type::String),
                        kind => all | bits(*kind),
                    }),
                    all: keywords.int_format.is_none()
                        && keywords.present.iter().all(|(name, _)| *name == "type"),
                };
            }
            let Some(next) = keywords.reference.as_ref().and_then(|(name, _)| types.get(name)) else {
                return Self::UNKNOWN;
            };
            if keywords.present.len() > 1 {
                return Self::UNKNOWN;
            }
            raw = next;
        }
        Self::UNKNOWN
    }
}

/// The bits of a type: integers are numbers.
fn bits(kind: Type) -> u8 {
    match kind {
        Type::Null => 1,
        Type::Boolean => 1 << 1,
        Type::Integer => 1 << 2,
        Type::Number => 1 << 2 | 1 << 3,
        Type::String => 1 << 4,
        Type::Array => 1 << 5,
        Type::Object => 1 << 6,
    }
}
