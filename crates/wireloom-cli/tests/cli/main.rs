//! The command from the outside: arguments in; exit code, standard output and standard error out.

mod call;
mod check;
mod completions;
mod generate;
mod new;
mod support;
