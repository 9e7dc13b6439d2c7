//! Starts the benchmark suite, which is a workspace of its own.

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
    let modes = "decode,decode-nested,encode";
    let args = ["--modes", modes, "--peers", "wireloom", what];
    runner("counted", &args.map(str::to_owned))
}

/// Forwards to the runner of `bench/`.
fn runner(profile: &str, args: &[String]) -> Outcome {
    let manifest = root().join("bench/Cargo.toml");
    let build = [
        "run",
        "--profile",
        profile,
        "--locked",
        "--quiet",
        "--package",
        "bench",
    ];
    run(cargo()
        .env("CARGO_TARGET_DIR", target().join("bench"))
        .args(build)
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--")
        .args(args))
}
