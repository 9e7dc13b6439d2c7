//! The command from the outside: arguments in; exit code, standard output and standard error out.

mod call;
mod check;
mod completions;
mod diff;
mod docs;
mod fmt;
mod fuzz;
mod generate;
mod import;
mod mock;
mod new;
mod support;
#[cfg(unix)]
mod watch;
