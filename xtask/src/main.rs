//! The project's own chores: everything that is tested, and the benchmarks.
//!
//! Only starts programs; what is tested stands with the code. Needs nothing but the standard library, so that it
//! compiles in a second.

#![expect(clippy::print_stdout, reason = "a command talks to its terminal")]

mod attacks;
mod autobahn;
mod bench;
mod equivalence;
mod fuzz;
mod history;
mod machine;
mod shell;
mod steps;
mod test;

use std::env;
use std::process::ExitCode;

const HELP: &str = "\
usage: cargo xtask <command>

  test [--fast] [--keep-going] [--step NAME]...
                 check and test everything; installs what is missing
                   --fast        leave out what takes long
                   --keep-going  go on after a step that fails
                   --step NAME   this step only; may be repeated
                   --list        say which steps there are
  equivalence [--specs N] [--cases M] [--seeds A..B] [--no-corpus]
                 hold generated decoders against the jsonschema crate: M cases over
                 the corpus, and for each seed M cases over N protocols made at random
  fuzz TARGET [--seconds S]
                 run a coverage-guided target: decoder, envelope or spec
  history [--clients N] [--seeds A..B] [ARGS]
                 check what clients see while connections are cut and the server is
                 stopped, killed and restarted; see `cargo xtask history --help`
  attacks        run every attack of hostile peers in its long form, and measure
  crowd          measure 10,000 connections: what each costs, and slow ones among them
  soak [--minutes N]
                 everything at once for ten minutes, or so many: memory must stay level
  autobahn       run the Autobahn suite, which tests for RFC 6455
  bench [ARGS]   measure, see `cargo xtask bench --help`
  instructions [--record]
                 count what decoding and encoding take, and fail where it is 5 % more
                 than is on record; or put it on record
  help           this text
";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    let outcome = match command.as_deref() {
        Some("test") => test::run(&rest),
        Some("equivalence") => equivalence::differ(&rest),
        Some("fuzz") => fuzz::fuzz(&rest),
        Some("history") => history::check(&rest),
        Some("attacks") => attacks::attacks(&rest),
        Some("crowd") => attacks::crowd(&rest),
        Some("soak") => attacks::soak(&rest),
        Some("autobahn") => autobahn::suite(&rest),
        Some("bench") => bench::measure(&rest),
        Some("instructions") => bench::instructions(&rest),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(format!("there is no command {other}\n\n{HELP}")),
        None => Err(HELP.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("{message}");
            ExitCode::FAILURE
        }
    }
}
