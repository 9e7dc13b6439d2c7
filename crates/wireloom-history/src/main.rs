//! Drives many clients through a network that breaks, against a server that is stopped, killed, held and restarted, and
//! checks what they saw: each message once and in order, each request run once, or a gap that was declared.
//!
//! `cargo xtask history` runs it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to its terminal"
)]

mod account;
mod client;
mod cost;
mod process;
mod proxy;
mod run;
mod server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use futures_util::StreamExt;

use crate::cost::CostArgs;
use crate::run::{Report, RunArgs, history};
use crate::server::ServerArgs;

#[expect(unreachable_pub, reason = "generated for libraries")]
mod protocol {
    include!(concat!(env!("OUT_DIR"), "/protocol.rs"));
}

/// Most mistakes that are shown.
const SHOWN: usize = 20;

/// Checks histories.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes histories and checks them.
    Run(RunArgs),
    /// Measures what keeping sessions on disk costs.
    Cost(CostArgs),
    /// The server of a history.
    #[command(hide = true)]
    Serve(ServerArgs),
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => match server::serve(args).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the server failed: {error}");
                ExitCode::FAILURE
            }
        },
        Command::Cost(args) => match cost::measure(&args).await {
            Ok(found) => {
                println!("{found}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        Command::Run(args) => {
            let mut all = Report::default();
            let histories = args.seeds.clone().map(|seed| {
                let args = args.clone();
                async move { (seed, history(&args, seed).await) }
            });
            let mut histories = futures_util::stream::iter(histories).buffer_unordered(args.jobs.max(1));
            while let Some((seed, made)) = histories.next().await {
                match made {
                    Ok(report) => {
                        println!("seed {seed}: {report}");
                        for wrong in report.wrong.iter().take(SHOWN) {
                            println!("  {wrong}");
                        }
                        all.add(report);
                    }
                    Err(error) => {
                        println!("seed {seed}: {error}");
                        return ExitCode::FAILURE;
                    }
                }
            }
            println!("all: {all}");
            if all.wrong.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
