//! Changes as SARIF 2.1.0, for code scanning.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wireloom_spec::Place;
use wireloom_spec::diff::{Change, Class};

use super::{Report, subject, trouble};

/// One log with one run; a rule is a kind of change.
pub(super) fn write(report: &Report<'_>) -> String {
    let comparison = &report.comparison;
    let kinds: BTreeSet<&str> = comparison
        .changes
        .iter()
        .map(|change| change.kind.as_str())
        .collect();
    let rules: Vec<Value> = kinds
        .iter()
        .map(|kind| json!({ "id": kind, "shortDescription": { "text": format!("Change of a protocol: {kind}") } }))
        .collect();
    let results: Vec<Value> = comparison
        .changes
        .iter()
        .map(|change| result(change, report))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "wireloom",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}")
}

fn result(change: &Change, report: &Report<'_>) -> Value {
    let level = match change.class {
        Class::Breaking if !report.comparison.major_rose => "error",
        Class::Compatible => "note",
        _ => "warning",
    };
    let mut text = vec![format!(
        "{}: {}: {}",
        change.class.as_str(),
        subject(change),
        change.what
    )];
    text.extend(change.troubles.iter().map(trouble));
    text.extend(change.advice.clone());
    let mut result = json!({
        "ruleId": change.kind.as_str(),
        "level": level,
        "message": { "text": text.join(". ") },
        "locations": [location(report.new.0, change.new.as_ref())],
        "properties": { "class": change.class },
    });
    if let (true, Some(old), Some(fields)) = (report.old_is_file, &change.old, result.as_object_mut()) {
        let mut related = location(&old.file, Some(old));
        if let Some(related) = related.as_object_mut() {
            related.insert("message".to_owned(), json!({ "text": "before" }));
        }
        fields.insert("relatedLocations".to_owned(), json!([related]));
    }
    result
}

fn location(file: &str, place: Option<&Place>) -> Value {
    let artifact = json!({ "uri": file.replace('\\', "/") });
    match place {
        Some(place) => json!({ "physicalLocation": {
            "artifactLocation": artifact,
            "region": { "startLine": place.line, "startColumn": place.column },
        } }),
        None => json!({ "physicalLocation": { "artifactLocation": artifact } }),
    }
}
