//! Patterns as tables of states, walked a byte at a time: a dozen instructions a byte, and no set-up.
//!
//! A pattern means what it means to the `jsonschema` crate, whose own translation into Rust's syntax is used.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

/// What building a table may take, in bytes. The generator asks for tables that are much smaller.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// Tells whether a pattern is found in a text.
#[derive(Debug)]
pub(crate) struct Table {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl Table {
    /// The table of a pattern. `None` if the pattern is wrong, its table is too large, or it asks for the edges of words.
    pub(crate) fn of(pattern: &str) -> Option<Self> {
        let pattern = jsonschema_regex::to_rust_regex(pattern).ok()?;
        let nfa = thompson::Compiler::new()
            .configure(
                thompson::Config::new()
                    .which_captures(thompson::WhichCaptures::None)
                    .nfa_size_limit(Some(MAX_BYTES)),
            )
            .build(&pattern)
            .ok()?;
        // An edge of a word may lie inside of a character, where a walk by bytes would find it.
        if nfa.look_set_any().contains_word() {
            return None;
        }
        let config = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .match_kind(MatchKind::LeftmostFirst)
            .accelerate(false)
            .dfa_size_limit(Some(MAX_BYTES))
            .determinize_size_limit(Some(MAX_BYTES));
        let dfa = dense::Builder::new()
            .configure(config)
            .build_from_nfa(&nfa)
            .ok()?;
        let start = dfa
            .start_state(&start::Config::new().anchored(Anchored::No))
            .ok()?;
        Some(Self { dfa, start })
    }

    /// Whether the pattern is found anywhere in the text.
    pub(crate) fn finds(&self, text: &str) -> bool {
        let dfa = &self.dfa;
        let mut state = self.start;
        for &byte in text.as_bytes() {
            state = dfa.next_state(state, byte);
            if dfa.is_special_state(state) {
                // A state is marked one byte after the match. There are no other special ones than these two.
                return dfa.is_match_state(state);
            }
        }
        dfa.is_match_state(dfa.next_eoi_state(state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_found(pattern: &str, texts: &[(&str, bool)]) {
        let table = Table::of(pattern).unwrap();
        let schema = serde_json::json!({ "pattern": pattern });
        let validator = crate::schema::compile(&schema).unwrap();
        for (text, found) in texts {
            assert_eq!(table.finds(text), *found, "{pattern} in {text:?}");
            assert_eq!(
                validator.is_valid(&(*text).into()),
                *found,
                "{pattern} in {text:?}"
            );
        }
    }

    #[test]
    fn anchors_are_those_of_the_text() {
        assert_found(
            "^ab$",
            &[("ab", true), ("ab\n", false), ("\nab", false), ("abc", false)],
        );
        assert_found("b", &[("abc", true), ("", false), ("ac", false)]);
        assert_found("^a", &[("ab", true), ("ba", false), ("a", true)]);
        assert_found("a$", &[("ba", true), ("ab", false), ("a", true)]);
        assert_found("", &[("", true), ("é", true)]);
        assert_found("^$", &[("", true), (" ", false)]);
        assert_found("^(a|b)$|c", &[("a", true), ("ab", false), ("abc", true)]);
    }

    #[test]
    fn classes_are_those_of_ecma_262() {
        assert_found(r"^\d$", &[("7", true), ("٣", false)]);
        assert_found(r"^\w$", &[("_", true), ("é", false)]);
        assert_found(
            r"^\S*$",
            &[("", true), ("é𝄞", true), ("a\u{feff}", false), ("\u{85}", true)],
        );
        assert_found(
            "^.{2}$",
            &[("é𝄞", true), ("é", false), ("𝄞", false), ("a\n", false)],
        );
        assert_found(r"^\p{L}+$", &[("straße", true), ("a1", false)]);
        assert_found("^[a-z&&^b]+$", &[("d", true), ("&", true), ("D", false)]);
    }

    #[test]
    fn what_a_table_cannot_say_has_none() {
        for pattern in [r"\bword\b", r"\B", "(", "(?=a)", r"(a)\1"] {
            assert!(Table::of(pattern).is_none(), "{pattern}");
        }
        // Every state counts how far each of its beginnings has come.
        assert!(Table::of("a.{0,400}b.{0,400}c").is_none());
    }
}
