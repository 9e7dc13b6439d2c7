//! Starts the benchmark suite, which is a workspace of its own.

use crate::shell::{Outcome, cargo, root, run, target};

/// Forwards to the runner of `bench/`.
pub(crate) fn measure(args: &[String]) -> Outcome {
    let manifest = root().join("bench/Cargo.toml");
    let build = ["run", "--release", "--locked", "--quiet", "--package", "bench"];
    run(cargo()
        .env("CARGO_TARGET_DIR", target().join("bench"))
        .args(build)
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--")
        .args(args))
}
