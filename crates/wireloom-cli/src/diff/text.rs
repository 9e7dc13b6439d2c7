//! Changes for people.

use std::fmt::Write;

use clap::builder::styling::{AnsiColor, Style};
use wireloom_spec::Place;
use wireloom_spec::diff::{Change, Class};

use super::{Report, counts, subject, trouble, verdict};
use crate::source::counted;

const NOTE: Style = AnsiColor::BrightCyan.on_default().bold();
const QUIET: Style = Style::new().dimmed();

/// The longest class, so that subjects stand below each other.
const WIDTH: usize = "server-first".len();

/// Every change, a summary and the verdict.
pub(super) fn write(report: &Report<'_>, color: bool) -> String {
    let paint = |style: Style, text: &str| {
        if color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    };
    let mut out = String::new();
    for each in &report.comparison.changes {
        change(each, &paint, &mut out);
    }
    let comparison = &report.comparison;
    let (old, new) = (&report.old.1.info, &report.new.1.info);
    let mut parts = vec![counted(comparison.changes.len(), "change")];
    parts.extend(
        counts(comparison)
            .into_iter()
            .map(|(class, number)| format!("{number} {}", class.as_str())),
    );
    let verdict_word = paint(style(comparison.verdict).bold(), comparison.verdict.as_str());
    // A string takes everything that is written to it, here and below.
    let _written = write!(
        out,
        "{} {} -> {} {}: {}\n{verdict_word}: {}",
        old.name,
        old.version,
        new.name,
        new.version,
        parts.join(", "),
        verdict(comparison)
    );
    out
}

fn change(change: &Change, paint: &impl Fn(Style, &str) -> String, out: &mut String) {
    let class = format!("{:WIDTH$}", change.class.as_str());
    let _written = writeln!(
        out,
        "{}  {}: {}",
        paint(style(change.class), &class),
        subject(change),
        change.what
    );
    let _written = writeln!(out, "  {}", paint(QUIET, &places(change)));
    for each in &change.troubles {
        let _written = writeln!(out, "  {}", trouble(each));
    }
    if let Some(advice) = &change.advice {
        let _written = writeln!(out, "  {}: {advice}", paint(NOTE, "help"));
    }
    out.push('\n');
}

fn places(change: &Change) -> String {
    let place = |place: &Option<Place>| match place {
        Some(place) => format!("{}:{}:{}", place.file, place.line, place.column),
        None => "(not there)".to_owned(),
    };
    format!("{} -> {}", place(&change.old), place(&change.new))
}

fn style(class: Class) -> Style {
    match class {
        Class::Compatible => AnsiColor::Green.on_default(),
        Class::ServerFirst | Class::ClientFirst => AnsiColor::BrightYellow.on_default(),
        Class::Breaking => AnsiColor::BrightRed.on_default(),
    }
}
