//! Where a command writes: results to standard output, everything about the work to standard error. Knows what is a
//! terminal, and so what may be coloured, drawn or laid out for people.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anstream::AutoStream;
use clap::builder::styling::{AnsiColor, Style};
use clap::{ColorChoice, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::exit::Failure;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const NOTE: Style = AnsiColor::BrightCyan.on_default().bold();

/// The streams of a command.
pub(crate) struct Output {
    results: io::Stdout,
    messages: AutoStream<io::Stderr>,
    /// Whether what goes to standard error may have colours.
    pub(crate) colored_messages: bool,
    /// Whether results may have colours.
    pub(crate) colored_results: bool,
    /// Whether a person reads the results.
    pub(crate) results_on_terminal: bool,
    spinner: Option<ProgressBar>,
}

impl Output {
    pub(crate) fn of_process(color: ColorChoice) -> Self {
        let stderr = io::stderr();
        let may_color = |auto: anstream::ColorChoice| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => auto != anstream::ColorChoice::Never,
        };
        let colored = may_color(AutoStream::choice(&stderr));
        let choice = if colored {
            anstream::ColorChoice::Always
        } else {
            anstream::ColorChoice::Never
        };
        Self {
            results: io::stdout(),
            messages: AutoStream::new(stderr, choice),
            colored_messages: colored,
            colored_results: may_color(AutoStream::choice(&io::stdout())),
            results_on_terminal: io::stdout().is_terminal(),
            spinner: None,
        }
    }

    /// Writes a result, and a line's end.
    pub(crate) fn result(&mut self, text: &str) -> Result<(), Failure> {
        self.raw_result(format!("{text}\n").as_bytes())
    }

    /// Clears a terminal, and what has scrolled out of it; nothing else.
    pub(crate) fn clear(&mut self) -> Result<(), Failure> {
        if self.results_on_terminal {
            self.raw_result(b"\x1b[2J\x1b[3J\x1b[H")?;
        }
        Ok(())
    }

    /// Writes bytes of a result as they are.
    pub(crate) fn raw_result(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let results = &mut self.results;
        let mut write = || {
            results.write_all(bytes)?;
            results.flush()
        };
        // The spinner's line is taken away meanwhile: both may be on one terminal.
        match &self.spinner {
            Some(spinner) => spinner.suspend(write)?,
            None => write()?,
        }
        Ok(())
    }

    /// Writes text about the work as it is; colours in it are kept or removed as the stream wants.
    pub(crate) fn message(&mut self, text: &str) {
        let messages = &mut self.messages;
        // Nobody is left to tell if standard error is gone.
        let mut write = || messages.write_all(text.as_bytes()).ok();
        match &self.spinner {
            Some(spinner) => spinner.suspend(write),
            None => write(),
        };
    }

    /// Writes a line that a person may want to know.
    pub(crate) fn note(&mut self, text: &str) {
        self.message(&format!("{NOTE}note{NOTE:#}: {text}\n"));
    }

    /// Says why the command could not do what it is for.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        let mut text = format!("{ERROR}error{ERROR:#}: {failure}\n");
        if let Some(help) = &failure.help {
            text.push_str(&format!("{NOTE}help{NOTE:#}: {help}\n"));
        }
        self.message(&text);
    }

    /// Shows that the command waits, and for what; on a terminal only.
    pub(crate) fn waiting(&mut self, for_what: &str) {
        let spinner = self.spinner.get_or_insert_with(|| {
            // Draws to standard error, and not at all if that is no terminal.
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        spinner.set_message(for_what.to_owned());
    }

    /// Shows how far the command is, and what it has done; on a terminal only.
    pub(crate) fn progress(&mut self, done: u64, of: u64, what: &str) {
        self.waiting(what);
        if let Some(bar) = &self.spinner {
            if bar.length() != Some(of) {
                bar.set_length(of);
                if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {msg} ({elapsed})") {
                    bar.set_style(style);
                }
            }
            bar.set_position(done.min(of));
        }
    }

    /// The wait is over.
    pub(crate) fn waited(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}
