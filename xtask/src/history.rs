//! `cargo xtask history`: what many clients see while connections are cut and the server is stopped, killed and restarted.

use crate::shell::{Outcome, cargo, run};

/// Runs the checker, with these arguments; without any, as the published figure was measured.
pub(crate) fn check(args: &[String]) -> Outcome {
    run(cargo()
        .args([
            "run",
            "--release",
            "--locked",
            "--package",
            "wireloom-history",
            "--",
            "run",
        ])
        .args(args))
}
