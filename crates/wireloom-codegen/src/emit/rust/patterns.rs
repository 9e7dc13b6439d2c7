//! Which patterns the runtime checks by a table of states, and which by the `jsonschema` validator.

use regex_automata::dfa::dense;
use regex_automata::nfa::thompson;

/// Largest table, in bytes. Most take one or two thousand; one for letters of any script takes 150,000.
const MAX_BYTES: usize = 256 * 1024;

/// Why a pattern gets no table, if it gets none.
pub(super) fn without_table(pattern: &str) -> Option<&'static str> {
    const WORDS: &str = "it asks for the edges of words";
    const LARGE: &str = "its table of states is too large";
    let Ok(pattern) = jsonschema_regex::to_rust_regex(pattern) else {
        return Some("it cannot be translated");
    };
    let config = thompson::Config::new()
        .which_captures(thompson::WhichCaptures::None)
        .nfa_size_limit(Some(MAX_BYTES));
    let Ok(nfa) = thompson::Compiler::new().configure(config).build(&pattern) else {
        return Some(LARGE);
    };
    if nfa.look_set_any().contains_word() {
        return Some(WORDS);
    }
    let config = dense::Config::new()
        .dfa_size_limit(Some(MAX_BYTES))
        .determinize_size_limit(Some(4 * MAX_BYTES));
    match dense::Builder::new().configure(config).build_from_nfa(&nfa) {
        Ok(_) => None,
        Err(_) => Some(LARGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_patterns_get_a_table() {
        for pattern in [
            "",
            "^[a-z0-9]{16}$",
            "^[a-z][a-z0-9-]{0,31}$",
            r"^\S+@\S+\.[a-z]{2,63}$",
            r"^\p{L}+$",
            "^v?[0-9]+(\\.[0-9]+){0,2}(-[0-9A-Za-z.-]+)?$",
            "^.{1,100}$",
        ] {
            assert_eq!(without_table(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn a_reason_is_given_for_those_that_get_none() {
        let reason = |pattern| without_table(pattern).unwrap_or_default();
        assert_eq!(reason(r"\bword\b"), "it asks for the edges of words");
        assert_eq!(reason("a.{0,400}b.{0,400}c"), "its table of states is too large");
        assert_eq!(reason(r"^\p{L}{1000}$"), "its table of states is too large");
    }
}
