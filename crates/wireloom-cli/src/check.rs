//! `wireloom check`: everything that is wrong with a protocol's file, in one run.

use std::path::PathBuf;

use wireloom_spec::{Checked, render};

use crate::exit::{Exit, Failure};
use crate::output::{Format, Output};
use crate::source::{self, count, counted};

/// Say what is wrong with a protocol, with line, column and how to mend it.
///
/// Exits with 0 if nothing is wrong, 1 if a file has errors, 2 if a file cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom check
  wireloom check chat.yaml game.yaml --deny-warnings
  generate-spec | wireloom check - --format json")]
pub(crate) struct Args {
    /// Protocols; `-` is standard input.
    #[arg(value_name = "FILE", default_value = source::DEFAULT)]
    files: Vec<PathBuf>,
    /// How to write what is found: text to standard error, JSON to standard output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Exit with 1 if there are warnings, too.
    #[arg(long)]
    deny_warnings: bool,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let mut diagnostics = Vec::new();
    let mut exit = Exit::Well;
    for path in &args.files {
        let source = match source::read(path) {
            Ok(source) => source,
            // The other files are checked all the same.
            Err(failure) => {
                out.failure(&failure);
                exit = failure.exit;
                continue;
            }
        };
        if args.format == Format::Text {
            source::report(&source, out);
            out.result(&format!("{}: {}", path.display(), summary(&source.checked)))?;
        }
        diagnostics.extend(source.checked.diagnostics);
    }
    if args.format == Format::Json {
        out.result(&render::json(&diagnostics))?;
    }
    let (errors, warnings) = count(&diagnostics);
    if exit == Exit::Well && (errors > 0 || args.deny_warnings && warnings > 0) {
        exit = Exit::Bad;
    }
    Ok(exit)
}

fn summary(checked: &Checked) -> String {
    let found = match count(&checked.diagnostics) {
        (0, 0) => "no problems".to_owned(),
        (0, warnings) => counted(warnings, "warning"),
        (errors, 0) => counted(errors, "error"),
        (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    match &checked.model {
        Some(model) => {
            let messages = model.messages.iter().filter(|message| !message.engine).count();
            format!(
                "{} {}, {}, {found}",
                model.info.name,
                model.info.version,
                counted(messages, "message")
            )
        }
        None => found,
    }
}
