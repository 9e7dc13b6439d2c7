//! "Did you mean": the nearest of the names that would have been right.

/// The candidate nearest to `name`, if one is near enough to be what was meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let allowed = (length / 3).clamp(1, 3);
    let folded = name.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name && candidate.chars().count().abs_diff(length) <= allowed)
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Other words for keys and keywords, which are not near them.
const SYNONYMS: &[(&str, &str)] = &[
    ("answer", "reply"),
    ("replies", "reply"),
    ("response", "reply"),
    ("responses", "reply"),
    ("returns", "reply"),
    ("body", "payload"),
    ("data", "payload"),
    ("direction", "from"),
    ("sender", "from"),
    ("scopes", "auth"),
    ("desc", "description"),
    ("summary", "description"),
    ("min", "minimum"),
    ("max", "maximum"),
    ("minlen", "minLength"),
    ("maxlen", "maxLength"),
    ("values", "enum"),
    ("options", "enum"),
    ("regex", "pattern"),
    ("regexp", "pattern"),
];

/// ``did you mean `x`?``, if something is another word for it, or near enough.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let folded = name.to_lowercase().replace(['_', '-'], "");
    let meant = SYNONYMS.iter().find(|(other, _)| *other == folded);
    meant
        .and_then(|(_, meant)| candidates.iter().copied().find(|candidate| candidate == meant))
        .or_else(|| nearest(name, candidates))
        .map(|near| format!("did you mean `{near}`?"))
}

/// What was meant, or else all that would have been right.
pub(crate) fn one_of(name: &str, candidates: &[&str]) -> String {
    did_you_mean(name, candidates.iter().copied()).unwrap_or_else(|| format!("one of {}", list(candidates)))
}

/// `` `a`, `b` or `c` ``
pub(crate) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [most @ .., last] => {
            let most: Vec<_> = most.iter().map(|name| format!("`{name}`")).collect();
            format!("{} or `{last}`", most.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{list, nearest};

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(
            nearest("agent:startd", ["agent:started", "ping"]),
            Some("agent:started")
        );
        assert_eq!(
            nearest("minlength", ["minLength", "maxLength"]),
            Some("minLength")
        );
        assert_eq!(nearest("x", ["payload"]), None);
        assert_eq!(nearest("payload", ["messages"]), None);
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
