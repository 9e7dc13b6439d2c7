//! The `wireloom` command. Everything it does is in the library of this crate.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    wireloom_cli::run(&wireloom_cli::Cli::parse())
}
