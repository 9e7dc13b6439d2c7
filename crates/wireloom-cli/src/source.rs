//! Reads a protocol's file and checks it.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use wireloom_spec::{Checked, Diagnostic, Severity, render};

use crate::exit::{Exit, Failure};
use crate::output::Output;

/// The file that commands take unless told otherwise.
pub(crate) const DEFAULT: &str = "protocol.yaml";

/// A protocol's file, and what came of checking it.
pub(crate) struct Source {
    /// What it contains.
    pub(crate) text: String,
    /// Its model and diagnostics.
    pub(crate) checked: Checked,
}

/// Reads and checks a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Source, Failure> {
    let (name, text) = if path == Path::new("-") {
        let mut text = String::new();
        let read = io::stdin().read_to_string(&mut text);
        ("<stdin>".to_owned(), read.map(|_| text))
    } else {
        (path.display().to_string(), fs::read_to_string(path))
    };
    let text = text.map_err(|cause| unreadable(path, &cause))?;
    Ok(of(&name, text))
}

/// Checks a text that comes from elsewhere; `name` is for diagnostics.
pub(crate) fn of(name: &str, text: String) -> Source {
    let checked = wireloom_spec::check(name, &text);
    Source { text, checked }
}

/// Says that a file cannot be read.
pub(crate) fn unreadable(path: &Path, cause: &io::Error) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("cannot read {}: {cause}", path.display()));
    match cause.kind() {
        io::ErrorKind::NotFound if path == Path::new(DEFAULT) => {
            failure.help("name the protocol's file, or begin a project with `wireloom new`")
        }
        _ => failure,
    }
}

/// Diagnostics with carets, to standard error.
pub(crate) fn report(source: &Source, out: &mut Output) {
    let text = render::text(&source.checked.diagnostics, &source.text, out.colored_messages);
    out.message(&text);
}

/// How many errors and warnings there are.
pub(crate) fn count(diagnostics: &[Diagnostic]) -> (usize, usize) {
    let errors = diagnostics
        .iter()
        .filter(|each| each.severity == Severity::Error)
        .count();
    (errors, diagnostics.len() - errors)
}

/// A number and what is counted, for example `1 error`, `2 errors`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
