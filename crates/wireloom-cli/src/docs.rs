//! `wireloom docs`: the reference of a protocol as one page.

use std::fs;
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::source;

/// Write the reference of a protocol as one HTML page that needs nothing else: no other file, and no network.
///
/// Messages, payloads, types, errors, states and examples, with a filter; for screens of any width, light and dark, and
/// for paper.
///
/// Exits with 0 if the page is there, 1 if the protocol has errors, 2 if a file cannot be read or written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom docs
  wireloom docs chat.yaml -o site/chat.html
  wireloom docs -o - | less")]
pub(crate) struct Args {
    /// The protocol; `-` is standard input.
    #[arg(value_name = "FILE", default_value = source::DEFAULT)]
    file: PathBuf,
    /// Where to write the page; `-` is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "protocol.html")]
    output: PathBuf,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let source = source::read(&args.file)?;
    source::report(&source, out);
    let Some(model) = &source.checked.model else {
        return Ok(Exit::Bad);
    };
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let page = wireloom_codegen::emit::html(model, &name);
    if args.output == Path::new("-") {
        out.raw_result(page.as_bytes())?;
        return Ok(Exit::Well);
    }
    fs::write(&args.output, page).map_err(|cause| {
        Failure::new(
            Exit::Usage,
            format!("cannot write {}: {cause}", args.output.display()),
        )
    })?;
    out.result(&format!("wrote {}", args.output.display()))?;
    Ok(Exit::Well)
}
