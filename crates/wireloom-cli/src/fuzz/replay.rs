//! Findings as files: saved, and held again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wireloom_fuzz::Fuzzer;
use wireloom_fuzz::live::{Key, Report, Reproducer, Stage};
use wireloom_spec::Model;

use super::{Args, cannot_begin, report, target};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::source;

/// Longest name of a file that is made of a finding.
const MAX_NAME: usize = 100;

/// Saves a finding under its name; where.
pub(super) fn save(
    folder: &Path,
    report: &Report,
    model: &Model,
    timeout: Duration,
) -> Result<PathBuf, Failure> {
    let file = folder.join(format!("{}.json", name(&report.finding.key)));
    let cannot = |cause: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("cannot write {}: {cause}", file.display()))
    };
    let reproducer = Reproducer::new(report, model, timeout);
    let text = serde_json::to_string_pretty(&reproducer).map_err(|cause| cannot(&cause))?;
    fs::create_dir_all(folder).map_err(|cause| cannot(&cause))?;
    fs::write(&file, text + "\n").map_err(|cause| cannot(&cause))?;
    Ok(file)
}

/// A name for a file: letters, digits and hyphens.
fn name(key: &Key) -> String {
    let mut name = String::new();
    for character in key.to_string().chars() {
        match character {
            _ if name.len() >= MAX_NAME => break,
            'a'..='z' | 'A'..='Z' | '0'..='9' => name.push(character),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.trim_end_matches('-').to_owned()
}

/// Holds the conversation of a file again.
pub(super) async fn run(args: &Args, file: &Path, model: &Model, out: &mut Output) -> Result<Exit, Failure> {
    let text = fs::read_to_string(file).map_err(|cause| source::unreadable(file, &cause))?;
    let reproducer: Reproducer = serde_json::from_str(&text).map_err(|cause| {
        let message = format!("{} holds no finding: {cause}", file.display());
        Failure::new(Exit::Usage, message)
    })?;
    let timeout = Duration::from_millis(reproducer.timeout_ms);
    let target = target(args, model, args.timeout.unwrap_or(timeout))?;
    out.waiting(&format!("replaying {}", file.display()));
    let fuzzer = Fuzzer::from_model(model);
    let stage = Stage {
        target: &target,
        model,
        fuzzer: &fuzzer,
        unanswered: &BTreeSet::new(),
    };
    let outcome = reproducer.replay(stage).await;
    out.waited();
    let key = &reproducer.finding.key;
    if let Some(finding) = outcome.findings.iter().find(|finding| finding.key == *key) {
        out.result(&report::seen(finding))?;
        return Ok(Exit::Bad);
    }
    if let Some(trouble) = &outcome.trouble {
        return Err(cannot_begin(args, trouble));
    }
    for other in &outcome.findings {
        out.note(&format!(
            "something else was found: {}: {}",
            other.key, other.text
        ));
    }
    out.result(&format!("not seen again: {key}"))?;
    Ok(if outcome.findings.is_empty() {
        Exit::Well
    } else {
        Exit::Bad
    })
}
