//! `cargo xtask attacks`, `crowd` and `soak`: the long forms of `crates/wireloom/tests/attacks`, built for release.

use crate::shell::{Outcome, cargo, run};

/// Every attack, longer than in an ordinary run, with the bounds that docs/security.md tells.
pub(crate) fn attacks(args: &[String]) -> Outcome {
    nothing_more(args)?;
    run(test("")
        .env("WIRELOOM_ATTACKS", "full")
        .args(["--skip", "crowd::"]))
}

/// 10,000 connections: what each costs, and whether slow and half-open ones are noticed by the others.
pub(crate) fn crowd(args: &[String]) -> Outcome {
    nothing_more(args)?;
    run(test("crowd::").env("WIRELOOM_ATTACKS", "full"))
}

/// Everything at once, for a while.
pub(crate) fn soak(args: &[String]) -> Outcome {
    let minutes = match args {
        [] => "10",
        [flag, minutes] if flag == "--minutes" && minutes.parse::<f64>().is_ok() => minutes,
        _ => return Err("usage: cargo xtask soak [--minutes N]".to_owned()),
    };
    run(test("soak::")
        .env("WIRELOOM_SOAK_MINUTES", minutes)
        .arg("--ignored"))
}

/// These tests, one after the other, and what they say.
fn test(filter: &str) -> std::process::Command {
    let mut command = cargo();
    command
        .args([
            "test",
            "--release",
            "--locked",
            "--package",
            "wireloom",
            "--test",
            "attacks",
        ])
        .args((!filter.is_empty()).then_some(filter))
        .args(["--", "--nocapture", "--test-threads=1"]);
    command
}

fn nothing_more(args: &[String]) -> Outcome {
    match args {
        [] => Ok(()),
        [first, ..] => Err(format!("it takes no argument {first}")),
    }
}
