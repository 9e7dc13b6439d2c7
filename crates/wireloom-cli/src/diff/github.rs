//! Changes as GitHub Actions reads them from a step's output: workflow commands, each shown at a line of the new file.

use std::fmt::Write;

use wireloom_spec::diff::Class;

use super::{Report, subject, trouble, verdict};

/// One line a change, the worst first: GitHub shows ten of each kind. The verdict comes last, as a notice.
pub(super) fn write(report: &Report<'_>) -> String {
    let mut out = String::new();
    let comparison = &report.comparison;
    let mut changes: Vec<_> = comparison.changes.iter().collect();
    changes.sort_by_key(|change| match change.class {
        Class::Breaking => 0,
        Class::ClientFirst | Class::ServerFirst => 1,
        Class::Compatible => 2,
    });
    for change in changes {
        let command = match change.class {
            Class::Breaking if !comparison.major_rose => "error",
            Class::Compatible => "notice",
            _ => "warning",
        };
        let mut place = format!("file={}", property(report.new.0));
        if let Some(at) = &change.new {
            place.push_str(&format!(",line={},col={}", at.line, at.column));
        }
        let mut lines = vec![change.what.clone()];
        lines.extend(change.troubles.iter().map(trouble));
        lines.extend(change.advice.iter().map(|advice| format!("help: {advice}")));
        let title = format!("{}: {}", change.class.as_str(), subject(change));
        // A string takes everything that is written to it.
        let _written = writeln!(
            out,
            "::{command} {place},title={}::{}",
            property(&title),
            data(&lines.join("\n"))
        );
    }
    let summary = format!("{}: {}", comparison.verdict.as_str(), verdict(comparison));
    let _written = writeln!(out, "::notice title=wireloom diff::{}", data(&summary));
    out
}

/// Text behind `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value of a property, which ends at a comma and at `::`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
