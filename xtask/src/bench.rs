//! Starts the benchmark suite, which is a workspace of its own.

use std::process::Command;

use crate::shell::{Outcome, cargo, root, run, target};

/// Measures, with what the project's users get: release builds.
pub(crate) fn measure(args: &[String]) -> Outcome {
    runner("release", args)
}

/// Counts the instructions of decoding and encoding, and holds them against the record, or makes one.
pub(crate) fn instructions(args: &[String]) -> Outcome {
    let what = match args {
        [] => "--assert-baseline",
        [record] if record == "--record" => "--record",
        _ => return Err("usage: cargo xtask instructions [--record]".to_owned()),
    };
    // What a whole server takes depends on how many messages it finds at once, and so on the machine.
    let modes = "decode,decode-nested,decode-sorted,encode";
    let args = ["--modes", modes, "--peers", "wireloom", what];
    runner("counted", &args.map(str::to_owned))
}

/// Has clippy look at all of the suite, peers included, and runs its tests.
pub(crate) fn check() -> Outcome {
    run(suite("clippy").args(["--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let tested = ["bench", "bench-load", "bench-protocol"];
    run(suite("test").args(tested.into_iter().flat_map(|package| ["--package", package])))
}

/// Forwards to the runner.
fn runner(profile: &str, args: &[String]) -> Outcome {
    run(suite("run")
        .args(["--profile", profile, "--quiet", "--package", "bench", "--"])
        .args(args))
}

/// A command of cargo in the workspace of `bench/`.
fn suite(command: &str) -> Command {
    let mut cargo = cargo();
    cargo
        .env("CARGO_TARGET_DIR", target().join("bench"))
        .args([command, "--locked", "--manifest-path"])
        .arg(root().join("bench/Cargo.toml"));
    cargo
}
