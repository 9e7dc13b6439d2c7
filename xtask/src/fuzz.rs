//! `cargo xtask fuzz`: runs a coverage-guided fuzz target of `fuzz/` for a while.

use std::fs;

use crate::machine;
use crate::shell::{Outcome, cargo, root, run, target};

/// A fuzz target, and what its inputs are like.
struct Target {
    name: &'static str,
    dictionary: &'static str,
    /// Longest input, in bytes.
    length: u32,
    /// Folders of inputs beside its own seeds.
    more: &'static [&'static str],
}

const TARGETS: [Target; 3] = [
    Target {
        name: "decoder",
        dictionary: "json.dict",
        length: 2048,
        more: &[],
    },
    Target {
        name: "envelope",
        dictionary: "json.dict",
        length: 2048,
        more: &[],
    },
    Target {
        name: "spec",
        dictionary: "yaml.dict",
        length: 8192,
        more: &["tests/corpus"],
    },
];

/// Runs the target that the arguments name. An error if it found something.
pub(crate) fn fuzz(args: &[String]) -> Outcome {
    let (target, seconds) = parse(args)?;
    machine::cargo_fuzz()?;
    // New inputs go into the first folder.
    let corpus = format!("fuzz/corpus/{}", target.name);
    fs::create_dir_all(root().join(&corpus)).map_err(|error| format!("cannot create {corpus}: {error}"))?;
    run(cargo()
        // Instrumentation is unstable; the toolchain is not.
        .env("RUSTC_BOOTSTRAP", "1")
        .args([
            "fuzz",
            "run",
            "--fuzz-dir",
            "fuzz",
            "--sanitizer",
            "none",
            "--target-dir",
        ])
        .arg(self::target().join("fuzz"))
        .args([target.name, &corpus, &format!("fuzz/seeds/{}", target.name)])
        .args(target.more)
        .arg("--")
        .args([
            format!("-max_total_time={seconds}"),
            format!("-dict=fuzz/{}", target.dictionary),
            format!("-max_len={}", target.length),
            "-timeout=10".to_owned(),
            "-rss_limit_mb=4096".to_owned(),
            "-print_final_stats=1".to_owned(),
        ]))
}

fn parse(args: &[String]) -> Outcome<(&'static Target, u64)> {
    let names = TARGETS.map(|target| target.name).join(", ");
    let mut target = None;
    let mut seconds = 180;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            let text = args.next().ok_or("--seconds needs a number")?;
            seconds = text
                .parse()
                .map_err(|_| format!("--seconds needs a number, not {text}"))?;
        } else {
            let known = TARGETS.iter().find(|known| known.name == arg);
            target = Some(known.ok_or_else(|| format!("there is no fuzz target {arg}; there are: {names}"))?);
        }
    }
    let target = target.ok_or_else(|| format!("which fuzz target? there are: {names}"))?;
    Ok((target, seconds))
}
