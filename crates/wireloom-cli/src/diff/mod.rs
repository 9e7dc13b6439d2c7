//! `wireloom diff`: what changed between two versions of a protocol, and in which order it can be rolled out.

mod git;
mod github;
mod json;
mod sarif;
mod text;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use wireloom_fuzz::Samples;
use wireloom_spec::Model;
use wireloom_spec::diff::{self, Class, Comparison, Side};

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::source::{self, Source, count, counted};

/// Say what changed between two versions of a protocol, and in which order servers and clients can be updated.
///
/// Exits with 0 if the change can be rolled out, 1 if it breaks somebody in any order and the major version is the same,
/// 2 if there is nothing to compare.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom diff old.yaml new.yaml
  wireloom diff --against main
  wireloom diff api/chat.yaml --against v1.4.0 --format json
  wireloom diff --against origin/main --format github --fail-on ordered")]
pub(crate) struct Args {
    /// The old version and the new one; with `--against`, the new one.
    #[arg(value_name = "FILE", num_args = 0..=2)]
    files: Vec<PathBuf>,
    /// Compare with the file as it is in this git revision.
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// How to write what is found.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// When to exit with 1; never where the major version rose.
    #[arg(long, value_name = "WHEN", default_value = "breaking")]
    fail_on: FailOn,
}

/// How changes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For GitHub Actions, which shows changes at their lines.
    Github,
    /// For code scanning, as SARIF 2.1.0.
    Sarif,
}

/// Which changes are too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Those that break somebody in any order.
    Breaking,
    /// Those, too, that must be rolled out in one order.
    Ordered,
    /// None.
    Never,
}

/// One version: where it is from, its text and what came of it.
struct Version {
    name: String,
    source: Source,
}

impl Version {
    fn side<'a>(&'a self, model: &'a Model) -> Side<'a> {
        Side {
            file: &self.name,
            text: &self.source.text,
            model,
        }
    }
}

/// Everything that a format needs.
struct Report<'a> {
    old: (&'a str, &'a Model),
    new: (&'a str, &'a Model),
    /// Whether the old version is a file that can be opened, and no revision of one.
    old_is_file: bool,
    comparison: Comparison,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let (old, new) = versions(args)?;
    let (Some(before), Some(after)) = (&old.source.checked.model, &new.source.checked.model) else {
        return Err(unsound(&[&old, &new], out));
    };
    let comparison = diff::compare(old.side(before), new.side(after), &Samples::default());
    let report = Report {
        old: (&old.name, before),
        new: (&new.name, after),
        old_is_file: args.against.is_none(),
        comparison,
    };
    let written = match args.format {
        Format::Text => text::write(&report, out.colored_results),
        Format::Json => json::write(&report),
        Format::Github => github::write(&report),
        Format::Sarif => sarif::write(&report),
    };
    out.result(written.trim_end())?;
    let fails = match args.fail_on {
        FailOn::Breaking => report.comparison.verdict == Class::Breaking,
        FailOn::Ordered => report.comparison.verdict != Class::Compatible,
        FailOn::Never => false,
    };
    Ok(if fails && !report.comparison.major_rose {
        Exit::Bad
    } else {
        Exit::Well
    })
}

/// Reads both versions.
fn versions(args: &Args) -> Result<(Version, Version), Failure> {
    let read = |path: &Path| -> Result<Version, Failure> {
        Ok(Version {
            name: path.display().to_string(),
            source: source::read(path)?,
        })
    };
    match (&args.against, args.files.as_slice()) {
        (Some(revision), [] | [_]) => {
            let default = PathBuf::from(source::DEFAULT);
            let path = args.files.first().unwrap_or(&default);
            let new = read(path)?;
            let name = format!("{revision}:{}", path.display());
            let source = source::of(&name, git::show(revision, path)?);
            Ok((Version { name, source }, new))
        }
        (None, [old, new]) => Ok((read(old)?, read(new)?)),
        (Some(_), _) => Err(
            Failure::new(Exit::Usage, "`--against` compares one file with itself")
                .help("name the new version alone, or leave `--against` out"),
        ),
        (None, _) => Err(Failure::new(Exit::Usage, "two versions are needed to compare")
            .help("name the old file and the new one, or a git revision: `wireloom diff --against main`")),
    }
}

/// Says what is wrong with the versions that are no protocol.
fn unsound(versions: &[&Version], out: &mut Output) -> Failure {
    let mut names = Vec::new();
    for version in versions
        .iter()
        .filter(|version| version.source.checked.model.is_none())
    {
        source::report(&version.source, out);
        let (errors, _) = count(&version.source.checked.diagnostics);
        names.push(format!("{} has {}", version.name, counted(errors, "error")));
    }
    Failure::new(Exit::Usage, format!("{}: nothing to compare", names.join(", ")))
}

/// What to do, in one sentence.
fn verdict(comparison: &Comparison) -> &'static str {
    if comparison.changes.is_empty() {
        return "nothing changed";
    }
    match comparison.verdict {
        _ if comparison.major_rose => "another major version: serve both until the old clients are gone",
        Class::Compatible => "update servers and clients in any order",
        Class::ServerFirst => "update every server, then clients",
        Class::ClientFirst => "update every client, then servers",
        Class::Breaking
            if comparison
                .changes
                .iter()
                .any(|change| change.class == Class::Breaking) =>
        {
            "no order of updates is safe"
        }
        Class::Breaking => {
            "some changes want servers first and others clients first: release them one after the other"
        }
    }
}

/// How many changes there are of each class that occurs, the worst first.
fn counts(comparison: &Comparison) -> Vec<(Class, usize)> {
    let of = |class: Class| {
        comparison
            .changes
            .iter()
            .filter(|change| change.class == class)
            .count()
    };
    Class::ALL
        .into_iter()
        .rev()
        .map(|class| (class, of(class)))
        .filter(|(_, number)| *number > 0)
        .collect()
}

/// What happens, and a value that shows it.
fn trouble(trouble: &diff::Trouble) -> String {
    match &trouble.evidence {
        diff::Evidence::Rule => trouble.what.clone(),
        diff::Evidence::Example(value) => format!("{}: {}", trouble.what, shortened(&value.to_string())),
        diff::Evidence::Undecided => {
            format!(
                "{}: neither proved nor refuted, so taken for certain",
                trouble.what
            )
        }
    }
}

/// What it is a change of, with the messages that use it and the place in its schema.
fn subject(change: &diff::Change) -> String {
    let mut subject = change.subject.clone();
    if !change.used_by.is_empty() {
        subject.push_str(&format!(" (in {})", listed(&change.used_by)));
    }
    if !change.pointer.is_empty() {
        subject.push_str(&format!(" at {}", change.pointer));
    }
    subject
}

/// At most three, and how many more.
fn listed(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(3)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(3) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Longest value that is shown, in characters.
const SHOWN: usize = 200;

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}...")
}
