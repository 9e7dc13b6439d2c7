//! Changes for programs.

use serde_json::{Map, Value, json};
use wireloom_spec::Model;

use super::{Report, counts, verdict};

/// One JSON document.
pub(super) fn write(report: &Report<'_>) -> String {
    let side = |(file, model): (&str, &Model)| {
        json!({
            "file": file,
            "name": model.info.name,
            "version": model.info.version.to_string(),
            "hash": model.hash,
        })
    };
    let comparison = &report.comparison;
    let counts: Map<String, Value> = counts(comparison)
        .into_iter()
        .map(|(class, number)| (class.as_str().to_owned(), number.into()))
        .collect();
    let document = json!({
        "old": side(report.old),
        "new": side(report.new),
        "verdict": comparison.verdict,
        "rollout": verdict(comparison),
        "majorRose": comparison.major_rose,
        "counts": counts,
        "changes": comparison.changes,
    });
    format!("{document:#}")
}
