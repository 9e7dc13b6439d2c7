//! `wireloom fmt`: the canonical layout of a protocol's file.

mod layout;

use std::fs;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::source::{self, count, counted};

/// Give a protocol's file its canonical layout: indentation, spaces, quotes, blank lines, and mappings in braces broken where a
/// line has more than 120 columns.
///
/// Comments, the order of things, and whether a mapping is written in braces or on lines stay as they are. Before anything is
/// written, the formatted text is checked: it has to mean exactly what the file means, and to have all its comments. A file
/// with errors is not formatted.
///
/// Exits with 0 if all is well, 1 if a file has errors or, with --check, another layout, 2 if a file cannot be read or written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom fmt
  wireloom fmt --check
  wireloom fmt - < protocol.yaml > formatted.yaml")]
pub(crate) struct Args {
    /// Protocols; `-` is standard input, and then standard output has the formatted text.
    #[arg(value_name = "FILE", default_value = source::DEFAULT)]
    files: Vec<PathBuf>,
    /// Write nothing: show what would change, and exit with 1 if anything would.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let mut exit = Exit::Well;
    for path in &args.files {
        match file(path, args.check, out) {
            Ok(Exit::Well) => {}
            Ok(ended) => exit = if exit == Exit::Well { ended } else { exit },
            // The other files are formatted all the same.
            Err(failure) if !failure.message.is_empty() => {
                out.failure(&failure);
                exit = failure.exit;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(exit)
}

fn file(path: &Path, check: bool, out: &mut Output) -> Result<Exit, Failure> {
    let source = source::read(path)?;
    let Some(model) = &source.checked.model else {
        source::report(&source, out);
        let (errors, _) = count(&source.checked.diagnostics);
        let message = format!("{} has {}", shown(path), counted(errors, "error"));
        return Err(Failure::new(Exit::Bad, message).help("mend it, then format it"));
    };
    let formatted = layout::format(&source.text, model)
        .map_err(|cause| Failure::new(Exit::Bad, format!("{} is left as it is: {cause}", shown(path))))?;
    let from_input = path == Path::new("-");
    let same = formatted == source.text;
    if check {
        if same {
            return Ok(Exit::Well);
        }
        let name = shown(path);
        let diff = TextDiff::from_lines(&source.text, &formatted);
        let diff = diff
            .unified_diff()
            .header(&name, &format!("{name}, formatted"))
            .to_string();
        out.raw_result(diff.as_bytes())?;
        return Ok(Exit::Bad);
    }
    if from_input {
        out.raw_result(formatted.as_bytes())?;
    } else if !same {
        fs::write(path, &formatted).map_err(|cause| {
            Failure::new(Exit::Usage, format!("cannot write {}: {cause}", path.display()))
        })?;
        out.result(&format!("formatted {}", path.display()))?;
    }
    Ok(Exit::Well)
}

/// The file as people call it.
fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        "<stdin>".to_owned()
    } else {
        path.display().to_string()
    }
}
