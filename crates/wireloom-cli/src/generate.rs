//! `wireloom generate`: the artifacts of a protocol, written or compared. The same files, byte for byte, as a build
//! script's.

use std::path::{Path, PathBuf};

use serde::Serialize;
use wireloom_codegen::{Stale, StaleKind, Targets};
use wireloom_spec::Diagnostic;

use crate::exit::{Exit, Failure};
use crate::output::{Format, Output};
use crate::source::{self, counted};

/// Generate Rust, TypeScript, JSON Schemas, AsyncAPI and documentation from a protocol.
///
/// Without a folder for any of them, all go beside the protocol: schemas to schemas/, the rest to generated/. With
/// one or more, only those are generated. Files that are right already are not touched.
///
/// Exits with 0 if all is well, 1 if the protocol has errors or, with --check, a file is out of date, 2 if a file
/// cannot be read or written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom generate
  wireloom generate --check
  wireloom generate --typescript web/src/protocol --docs docs")]
pub(crate) struct Args {
    /// The protocol.
    #[arg(value_name = "FILE", default_value = source::DEFAULT)]
    file: PathBuf,
    /// Write nothing: list the files that are out of date, and exit with 1 if there are any.
    #[arg(long)]
    check: bool,
    /// Folder for protocol.rs.
    #[arg(long, value_name = "DIR")]
    rust: Option<String>,
    /// Folder for protocol.d.ts.
    #[arg(long, value_name = "DIR")]
    typescript: Option<String>,
    /// Folder for protocol.json and the JSON Schemas.
    #[arg(long, value_name = "DIR")]
    schemas: Option<String>,
    /// Folder for asyncapi.yaml.
    #[arg(long, value_name = "DIR")]
    asyncapi: Option<String>,
    /// Folder for PROTOCOL.md.
    #[arg(long, value_name = "DIR")]
    docs: Option<String>,
    /// Folder for strategies.rs, which makes values of the types for tests with proptest; only generated where it is asked for.
    #[arg(long, value_name = "DIR")]
    strategies: Option<String>,
    /// How to write what was done.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let targets = targets(args)?;
    let source = source::read(&args.file)?;
    if args.format == Format::Text {
        source::report(&source, out);
    }
    let mut report = Report {
        check: args.check,
        files: 0,
        stale: Vec::new(),
        diagnostics: &source.checked.diagnostics,
    };
    let Some(model) = &source.checked.model else {
        if args.format == Format::Json {
            report.print(out)?;
        }
        return Ok(Exit::Bad);
    };

    out.waiting("generating");
    let artifacts = wireloom_codegen::generate(model, &targets);
    let here = Path::new("");
    let stale = if args.check {
        Ok(wireloom_codegen::check(here, &artifacts))
    } else {
        wireloom_codegen::write(here, &artifacts)
    };
    out.waited();
    let stale = stale.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;

    let exit = if args.check && !stale.is_empty() {
        Exit::Bad
    } else {
        Exit::Well
    };
    report.files = artifacts.len();
    report.stale = stale.iter().map(Row::of).collect();
    match args.format {
        Format::Json => report.print(out)?,
        Format::Text => lines(args.check, artifacts.len(), &stale, out)?,
    }
    if exit == Exit::Bad && args.format == Format::Text {
        out.note("`wireloom generate` brings them up to date");
    }
    Ok(exit)
}

fn lines(check: bool, files: usize, stale: &[Stale], out: &mut Output) -> Result<(), Failure> {
    for each in stale {
        let line = match (check, each.kind) {
            (true, _) => each.to_string(),
            (false, StaleKind::Orphaned) => format!("removed {}", each.path),
            (false, StaleKind::Missing | StaleKind::Different) => format!("wrote {}", each.path),
        };
        out.result(&line)?;
    }
    let of = counted(files, "file");
    let verb = if check { "out of date" } else { "changed" };
    out.result(&match stale.len() {
        0 => format!("{of}, all up to date"),
        number => format!("{of}, {number} {verb}"),
    })
}

/// What was found or done, for programs.
#[derive(Serialize)]
struct Report<'a> {
    /// Whether nothing was written.
    check: bool,
    /// How many files the protocol has.
    files: usize,
    /// What is out of date; without `check`: what was, and is mended now.
    stale: Vec<Row<'a>>,
    diagnostics: &'a [Diagnostic],
}

#[derive(Serialize)]
struct Row<'a> {
    path: &'a str,
    kind: &'static str,
}

impl<'a> Row<'a> {
    fn of(stale: &'a Stale) -> Self {
        let kind = match stale.kind {
            StaleKind::Missing => "missing",
            StaleKind::Different => "different",
            StaleKind::Orphaned => "orphaned",
        };
        Self {
            path: &stale.path,
            kind,
        }
    }
}

impl Report<'_> {
    fn print(&self, out: &mut Output) -> Result<(), Failure> {
        // Strings, numbers and lists always serialize.
        out.result(&serde_json::to_string_pretty(self).unwrap_or_default())
    }
}

/// The folders, relative to where the command runs.
fn targets(args: &Args) -> Result<Targets, Failure> {
    let Some(source) = args.file.file_name().filter(|name| *name != "-") else {
        let message = format!("{} is not a file", args.file.display());
        return Err(Failure::new(Exit::Usage, message).help("generated files say from which file they come"));
    };
    let source = source.to_string_lossy().into_owned();
    let named = Targets {
        source: source.clone(),
        rust: args.rust.clone(),
        typescript: args.typescript.clone(),
        schemas: args.schemas.clone(),
        asyncapi: args.asyncapi.clone(),
        docs: args.docs.clone(),
        strategies: args.strategies.clone(),
    };
    let all = [
        &named.rust,
        &named.typescript,
        &named.schemas,
        &named.asyncapi,
        &named.docs,
        &named.strategies,
    ];
    if all.iter().any(|folder| folder.is_some()) {
        return Ok(named);
    }
    let beside = args.file.parent().unwrap_or(Path::new(""));
    let Some(beside) = beside.to_str() else {
        let message = format!("{} is not UTF-8", beside.display());
        return Err(Failure::new(Exit::Usage, message).help("name the folders, for example by --rust"));
    };
    let mut targets = Targets::in_project(&source);
    if !beside.is_empty() {
        let folders = [
            &mut targets.rust,
            &mut targets.typescript,
            &mut targets.schemas,
            &mut targets.asyncapi,
            &mut targets.docs,
        ];
        for folder in folders.into_iter().flatten() {
            *folder = format!("{}/{folder}", beside.trim_end_matches('/'));
        }
    }
    Ok(targets)
}
