//! `wireloom completions`: what a shell needs to complete this command.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Cli;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Write the completions for a shell to standard output.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom completions bash > ~/.local/share/bash-completion/completions/wireloom
  wireloom completions zsh > \"${fpath[1]}/_wireloom\"
  wireloom completions fish > ~/.config/fish/completions/wireloom.fish")]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wireloom", &mut script);
    out.raw_result(&script)?;
    Ok(Exit::Well)
}
