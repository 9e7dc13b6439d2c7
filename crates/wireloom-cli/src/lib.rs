//! The `wireloom` command: checks and formats a protocol, compares its versions, imports others, generates from it, documents
//! and mocks it, calls and fuzzes servers that speak it, begins projects.
//!
//! One file a subcommand. A subcommand takes its arguments and an `Output`, and returns how it ended:
//! an [`Exit`] when it did what it is for, a [`Failure`] when it could not.

mod call;
mod check;
mod completions;
mod diff;
mod docs;
mod exit;
mod fmt;
mod fuzz;
mod generate;
mod import;
mod mock;
mod new;
mod output;
mod source;
mod time;
mod watch;

use std::process::ExitCode;

use clap::{ColorChoice, Parser, Subcommand};

pub use exit::{Exit, Failure};
use output::Output;

/// Spec-first protocols over WebSocket: check protocol.yaml, generate from it, and talk to servers that speak it.
#[derive(Debug, Parser)]
#[command(name = "wireloom", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  wireloom new demo                     begin a project
  wireloom check --watch                say what is wrong with protocol.yaml, at every change
  wireloom fmt                          give it its canonical layout
  wireloom diff --against main          what changed, and in which order to roll it out
  wireloom generate --check             fail if generated files are out of date
  wireloom import asyncapi.yaml         a protocol from AsyncAPI or JSON Schema
  wireloom docs -o protocol.html        its reference, as one page
  wireloom mock                         a server of protocol.yaml, for frontends without a backend
  wireloom call ws://localhost:3001/ws agent:start @start.json
                                        a message, and everything that answers it
  wireloom fuzz ws://localhost:3001/ws  conversations at random, held against protocol.yaml";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Fmt(fmt::Args),
    Diff(diff::Args),
    Generate(generate::Args),
    Docs(docs::Args),
    Mock(mock::Args),
    Call(call::Args),
    Fuzz(fuzz::Args),
    New(new::Args),
    Import(import::Args),
    Completions(completions::Args),
}

/// Runs a command line to its end, talking to the process's own standard streams.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let mut out = Output::of_process(cli.color);
    let ended = match &cli.command {
        Command::Check(args) => check::run(args, &mut out),
        Command::Fmt(args) => fmt::run(args, &mut out),
        Command::Diff(args) => diff::run(args, &mut out),
        Command::Generate(args) => generate::run(args, &mut out),
        Command::Docs(args) => docs::run(args, &mut out),
        Command::Mock(args) => mock::run(args, &mut out),
        Command::Call(args) => call::run(args, &mut out),
        Command::Fuzz(args) => fuzz::run(args, &mut out),
        Command::New(args) => new::run(args, &mut out),
        Command::Import(args) => import::run(args, &mut out),
        Command::Completions(args) => completions::run(args, &mut out),
    };
    let exit = ended.unwrap_or_else(|failure| {
        out.failure(&failure);
        failure.exit
    });
    exit.into()
}
