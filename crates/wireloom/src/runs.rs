//! The simplest patterns: one run of ASCII characters of a class behind the other, from the beginning of the text to its
//! end, like `^[a-z][a-z0-9-]{0,31}$`. Each byte costs one look into a table.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Most runs of a pattern: each has a table of its own.
const MAX_RUNS: usize = 8;

/// A pattern that is a sequence of runs.
#[derive(Debug)]
pub(crate) struct Runs(Vec<Run>);

#[derive(Debug)]
struct Run {
    class: [bool; 256],
    min: usize,
    max: usize,
}

impl Runs {
    /// The runs of a pattern in Rust's syntax, if it is nothing else, and if no character can belong to two of them.
    pub(crate) fn of(pattern: &str) -> Option<Self> {
        let hir = regex_syntax::parse(pattern).ok()?;
        let HirKind::Concat(parts) = hir.kind() else {
            return None;
        };
        let [first, runs @ .., last] = parts.as_slice() else {
            return None;
        };
        let look = |hir: &Hir, look| matches!(hir.kind(), HirKind::Look(found) if *found == look);
        if !look(first, Look::Start) || !look(last, Look::End) || runs.is_empty() || runs.len() > MAX_RUNS {
            return None;
        }
        let runs: Vec<Run> = runs.iter().map(Run::of).collect::<Option<_>>()?;
        // Where a run may end sooner or later, what comes next must not look like it.
        let clear = |pair: &[Run]| match pair {
            [run, next] => run.min == run.max || (next.min > 0 && !run.overlaps(next)),
            _ => true,
        };
        runs.windows(2).all(clear).then_some(Self(runs))
    }

    /// Whether a text is made of these runs.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut rest = text.as_bytes();
        for run in &self.0 {
            let most = rest.get(..run.max).unwrap_or(rest);
            let length = run.length(most);
            let Some(behind) = rest.get(length..).filter(|_| length >= run.min) else {
                return false;
            };
            rest = behind;
        }
        rest.is_empty()
    }
}

impl Run {
    fn of(hir: &Hir) -> Option<Self> {
        let (class, min, max) = match hir.kind() {
            HirKind::Repetition(repetition) => {
                let max = repetition
                    .max
                    .map_or(Some(usize::MAX), |max| usize::try_from(max).ok())?;
                (&*repetition.sub, usize::try_from(repetition.min).ok()?, max)
            }
            _ => (hir, 1, 1),
        };
        let mut run = Self {
            class: [false; 256],
            min,
            max,
        };
        match class.kind() {
            HirKind::Class(Class::Unicode(class)) => {
                for range in class.ranges() {
                    // A character beyond ASCII has more than one byte.
                    let (start, end) = (u8::try_from(range.start()).ok()?, u8::try_from(range.end()).ok()?);
                    run.add(start, end)?;
                }
            }
            HirKind::Class(Class::Bytes(class)) => {
                for range in class.ranges() {
                    run.add(range.start(), range.end())?;
                }
            }
            HirKind::Literal(literal) => match &*literal.0 {
                [byte] => run.add(*byte, *byte)?,
                _ => return None,
            },
            _ => return None,
        }
        Some(run)
    }

    fn add(&mut self, start: u8, end: u8) -> Option<()> {
        for byte in start..=end {
            *self
                .class
                .get_mut(usize::from(byte))
                .filter(|_| byte.is_ascii())? = true;
        }
        Some(())
    }

    /// How many of these bytes belong to it, from the beginning.
    #[inline]
    fn length(&self, bytes: &[u8]) -> usize {
        // Eight together are one branch.
        let (chunks, _) = bytes.as_chunks::<8>();
        let all = |chunk: &&[u8; 8]| chunk.iter().fold(true, |all, byte| all & self.contains(*byte));
        let length = 8 * chunks.iter().take_while(all).count();
        let rest = bytes.get(length..).unwrap_or_default();
        let other = rest.iter().position(|byte| !self.contains(*byte));
        length + other.unwrap_or(rest.len())
    }

    #[inline]
    fn contains(&self, byte: u8) -> bool {
        self.class[usize::from(byte)]
    }

    fn overlaps(&self, other: &Self) -> bool {
        (0..=u8::MAX).any(|byte| self.contains(byte) && other.contains(byte))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::Table;

    /// Patterns of the kind, some of them with a run that may look like the next one.
    fn patterns() -> impl Strategy<Value = String> {
        let class = prop_oneof![
            Just("[a-z]"),
            Just("[a-c]"),
            Just("[0-9]"),
            Just("-"),
            Just("[A-Za-z0-9_./-]"),
            Just("[^a]"),
            Just("é"),
        ];
        let times = prop_oneof![
            Just(""),
            Just("+"),
            Just("*"),
            Just("?"),
            Just("{2}"),
            Just("{1,3}"),
            Just("{2,}")
        ];
        proptest::collection::vec((class, times), 1..4).prop_map(|runs| {
            let runs: String = runs
                .iter()
                .map(|(class, times)| format!("{class}{times}"))
                .collect();
            format!("^{runs}$")
        })
    }

    proptest! {
        #[test]
        fn they_mean_what_the_table_of_states_means(pattern in patterns(), text in "[a-d0-1A_é-]{0,8}") {
            let table = Table::of(&pattern).unwrap();
            if let Some(runs) = Runs::of(&pattern) {
                prop_assert_eq!(runs.matches(&text), table.finds(&text), "{} in {:?}", pattern, text);
            }
        }
    }

    #[test]
    fn the_usual_names_are_made_of_runs() {
        for pattern in [
            "^[a-z0-9]{16}$",
            "^[A-Za-z0-9_./-]+$",
            "^[a-z][a-z0-9-]{0,31}$",
            "^v[0-9]+$",
        ] {
            assert!(Runs::of(pattern).is_some(), "{pattern}");
        }
        for pattern in [
            "^[a-z]+[a-c]$",
            "[a-z]",
            "^a|b$",
            "^é$",
            "^[^a]$",
            "^(ab)+$",
            "^[a-z]*[0-9]*$",
        ] {
            assert!(Runs::of(pattern).is_none(), "{pattern}");
        }
    }
}
