//! Wireloom's instruction counts as they were recorded, to notice a change that makes it slower.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::build;
use crate::modes::Mode;
use crate::peers::OURS;
use crate::report::Table;

/// What a count may grow by before it is a failure.
const TOLERANCE: f64 = 1.05;

fn path() -> PathBuf {
    build::root().join("baseline.txt")
}

/// Puts these counts on record; modes that were not measured keep theirs.
pub(crate) fn record(tables: &[Table]) -> Result<()> {
    let known = fs::read_to_string(path()).unwrap_or_default();
    Ok(fs::write(path(), updated(&known, counts(tables))?)?)
}

fn updated(known: &str, counts: impl Iterator<Item = (Mode, f64)>) -> Result<String> {
    let counts: Vec<_> = counts.collect();
    let mut text =
        "# User instructions a message, recorded by `cargo xtask instructions --record`.\n".to_owned();
    for mode in Mode::value_variants() {
        let counted = counts.iter().find(|(counted, _)| counted == mode);
        let count = counted.map(|(_, count)| *count);
        if let Some(count) = count.or_else(|| recorded(known, *mode).ok()) {
            writeln!(text, "{} {count:.0}", mode.name())?;
        }
    }
    Ok(text)
}

/// Whether no count grew by more than the tolerance. Says how each one stands.
pub(crate) fn check(tables: &[Table]) -> Result<bool> {
    let text = fs::read_to_string(path()).context("there is no record: make one with --record")?;
    let mut held = true;
    for (mode, count) in counts(tables) {
        let recorded = recorded(&text, mode)?;
        let grown = count / recorded;
        held &= grown <= TOLERANCE;
        let verdict = if grown <= TOLERANCE { "ok" } else { "too much" };
        println!(
            "{OURS}, {}: {count:.0}, {grown:.3} x the recorded {recorded:.0}: {verdict}",
            mode.title()
        );
    }
    Ok(held)
}

fn counts(tables: &[Table]) -> impl Iterator<Item = (Mode, f64)> {
    let counted = tables.iter().filter(|table| table.mode.needs_valgrind());
    counted.filter_map(|table| Some((table.mode, table.median(OURS)?)))
}

fn recorded(text: &str, mode: Mode) -> Result<f64> {
    let name = mode.name();
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix(&name)?.strip_prefix(' '));
    count
        .and_then(|count| count.parse().ok())
        .with_context(|| format!("{name} is not on record"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_found_by_its_mode() {
        let text = "# comment\ninstructions 5067\ndecode 1980\ndecode-nested 25020\n";
        assert_eq!(recorded(text, Mode::Decode).unwrap(), 1980.0);
        assert_eq!(recorded(text, Mode::DecodeNested).unwrap(), 25_020.0);
        assert!(recorded("decode-nested 1\n", Mode::Decode).is_err());
    }

    #[test]
    fn what_was_not_measured_stays_on_record() {
        let text = updated(
            "instructions 5067\ndecode 1980\n",
            [(Mode::Decode, 1500.4)].into_iter(),
        )
        .unwrap();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines, ["instructions 5067", "decode 1500"]);
    }
}
