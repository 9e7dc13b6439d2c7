//! `wireloom check`: everything that is wrong with a protocol's file, in one run.

use std::path::{Path, PathBuf};

use futures_util::future::select_all;
use wireloom_spec::{Checked, render};

use crate::exit::{Exit, Failure};
use crate::output::{Format, Output};
use crate::source::{self, count, counted};
use crate::watch::Watch;

/// Say what is wrong with a protocol, with line, column and how to mend it.
///
/// With --watch the files are checked again whenever one of them changes, until Ctrl-C. Editors can take what is printed for a
/// background task: it begins with `wireloom: checking` and ends with `wireloom: watching for changes`.
///
/// Exits with 0 if nothing is wrong, 1 if a file has errors, 2 if a file cannot be read; with --watch, with 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom check
  wireloom check --watch
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
    /// Check again at every change, until Ctrl-C.
    #[arg(long)]
    watch: bool,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if args.watch {
        watch(args, out)
    } else {
        check(args, out)
    }
}

fn watch(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let refuse = |message: &str| Err(Failure::new(Exit::Usage, message));
    if args.files.iter().any(|file| file == Path::new("-")) {
        return refuse("standard input does not change: --watch needs files");
    }
    if args.format == Format::Json {
        return refuse("--watch is for people and editors: it writes text");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::new(Exit::Usage, format!("cannot start: {cause}")))?;
    runtime.block_on(async {
        let mut watches = Vec::new();
        for file in &args.files {
            // Before the first look: no change is missed.
            let watch = Watch::new(file).map_err(|cause| {
                Failure::new(Exit::Usage, format!("cannot watch {}: {cause}", file.display()))
            })?;
            watches.push(watch);
        }
        let mut interrupted = std::pin::pin!(wireloom::interrupted());
        loop {
            out.clear()?;
            out.result("wireloom: checking")?;
            check(args, out)?;
            out.result("wireloom: watching for changes")?;
            let changed = select_all(watches.iter_mut().map(|watch| Box::pin(watch.changed())));
            tokio::select! {
                () = &mut interrupted => return Ok(Exit::Well),
                _ = changed => {}
            }
        }
    })
}

fn check(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
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
