//! Tables, as Markdown, and the report that the documentation carries.

use std::fs;
use std::path::Path;

use anyhow::Result;
use bench_load::Checks;

use crate::chart;
use crate::machine;
use crate::modes::Mode;
use crate::peers::{PEERS, Peer};
use crate::stats::{median, minimum, ratio};

/// The figures of one mode.
pub(crate) struct Table {
    /// The mode.
    pub(crate) mode: Mode,
    /// One row a server, in the order of the peers.
    pub(crate) rows: Vec<Row>,
}

/// One server's figures: one a round.
pub(crate) struct Row {
    /// What it is called here.
    pub(crate) name: &'static str,
    /// What it checks of a payload.
    pub(crate) checks: &'static str,
    /// In the order of the rounds.
    pub(crate) figures: Vec<f64>,
}

impl Row {
    /// A peer's row.
    pub(crate) fn of(peer: &Peer, figures: Vec<f64>) -> Self {
        let checks = match peer.checks {
            Checks::Nothing | Checks::Shape => "nothing",
            Checks::Types => "types",
            Checks::Schema => "schema",
        };
        Self {
            name: peer.name,
            checks,
            figures,
        }
    }
}

impl Table {
    fn figures(&self, name: &str) -> Option<&[f64]> {
        self.rows
            .iter()
            .find(|row| row.name == name)
            .map(|row| &row.figures[..])
    }

    /// A row's figure.
    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        median(self.figures(name)?)
    }

    /// A row's figure against the mode's yardstick: the median of the ratios within each round.
    pub(crate) fn ratio(&self, name: &str) -> Option<f64> {
        ratio(self.figures(name)?, self.figures(self.mode.yardstick())?)
    }

    /// The table with a heading.
    pub(crate) fn markdown(&self) -> String {
        let mode = self.mode;
        let show = |figure: Option<f64>, decimals: usize| match figure {
            Some(figure) => grouped(figure, decimals),
            None => "-".to_owned(),
        };
        let mut text = format!(
            "### {}\n\n| server | checks | {}",
            capitalised(mode.title()),
            mode.unit()
        );
        if !mode.once() {
            text += ": median | minimum";
        }
        if mode.has_ratio() {
            text += &format!(" | x {}", mode.yardstick());
        }
        text += " |\n|---|---|";
        let columns = 1 + usize::from(!mode.once()) + usize::from(mode.has_ratio());
        text += &"--:|".repeat(columns);
        for row in &self.rows {
            text += &format!(
                "\n| {} | {} | {}",
                row.name,
                row.checks,
                show(median(&row.figures), mode.decimals())
            );
            if !mode.once() {
                text += &format!(" | {}", show(minimum(&row.figures), mode.decimals()));
            }
            if mode.has_ratio() {
                text += &format!(" | {}", show(self.ratio(row.name), 2));
            }
            text += " |";
        }
        text + "\n"
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A number with commas between its thousands.
fn grouped(figure: f64, decimals: usize) -> String {
    let text = format!("{figure:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

/// Writes `benchmarks.md` and `benchmarks.svg` into a folder.
pub(crate) fn write(tables: &[Table], rounds: usize, folder: &Path) -> Result<()> {
    let peers: String = PEERS
        .iter()
        .map(|peer| format!("| {} | {} |\n", peer.name, peer.about))
        .collect();
    let tables_text: Vec<String> = tables.iter().map(Table::markdown).collect();
    let text = include_str!("benchmarks.md")
        .replace("{machine}", &machine::describe())
        .replace("{rounds}", &rounds.to_string())
        .replace("{peers}", peers.trim_end())
        .replace("{tables}", tables_text.join("\n").trim_end());
    fs::write(folder.join("benchmarks.md"), text)?;
    fs::write(folder.join("benchmarks.svg"), chart::svg(tables))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(7.126, 2), "7.13");
        assert_eq!(grouped(137_042.4, 0), "137,042");
        assert_eq!(grouped(1_823.5, 1), "1,823.5");
    }

    #[test]
    fn a_table_shows_medians_and_ratios_of_the_same_round() {
        let row = |name, figures| Row {
            name,
            checks: "nothing",
            figures,
        };
        let rows = vec![
            row("axum-echo", vec![1.0, 3.0]),
            row("axum-plain", vec![2.0, 6.0]),
        ];
        let table = Table {
            mode: Mode::One,
            rows,
        };
        let text = table.markdown();
        assert!(
            text.ends_with("| axum-plain | nothing | 4.00 | 2.00 | 2.00 |\n"),
            "{text}"
        );
    }
}
