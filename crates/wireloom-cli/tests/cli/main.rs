//! The command from the outside: arguments in; exit code, standard output and standard error out.

mod call;
mod check;
mod completions;
mod docs;
mod fuzz;
mod generate;
mod mock;
mod new;
mod support;
