//! `cargo xtask equivalence`: generated decoders against the `jsonschema` crate, over the corpus and over protocols made at
//! random, until a difference is found.

use std::ops::Range;
use std::time::Instant;

use crate::shell::{Outcome, cargo, run, target};

/// What the command line asks for.
#[derive(Debug)]
struct Options {
    specs: u64,
    cases: u64,
    seeds: Range<u64>,
    corpus: bool,
}

/// Runs what the arguments ask for. Ends at the first difference, which the run before it has printed.
pub(crate) fn differ(args: &[String]) -> Outcome {
    let Options {
        specs,
        cases,
        seeds,
        corpus,
    } = parse(args)?;
    let began = Instant::now();
    let cases = cases.to_string();
    let test = |name: &str| {
        let mut test = cargo();
        test.env("CARGO_TARGET_DIR", target().join("equivalence"))
            .env("PROPTEST_CASES", &cases)
            .env("RUST_BACKTRACE", "0")
            .args(["test", "--quiet", "--locked", "--profile", "equivalence"])
            .args([
                "--package",
                "wireloom-equivalence",
                "--test",
                name,
                "--",
                "--nocapture",
            ]);
        test
    };
    if corpus {
        println!("==> the corpus");
        run(test("corpus").arg("decoders_agree_with_the_validator_on_everything"))?;
    }
    let count = seeds.clone().count();
    for seed in seeds {
        println!("==> seed {seed}, after {} s", began.elapsed().as_secs());
        run(test("random")
            .env("EQUIVALENCE_SEED", seed.to_string())
            .env("EQUIVALENCE_SPECS", specs.to_string()))?;
    }
    let corpus = if corpus { "the corpus and " } else { "" };
    println!("no difference in {corpus}{count} seeds of {specs} protocols, {cases} cases each");
    Ok(())
}

fn parse(args: &[String]) -> Outcome<Options> {
    let mut options = Options {
        specs: 20,
        cases: 50_000,
        seeds: 1..21,
        corpus: true,
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut number = || -> Outcome<u64> {
            let text = args.next().ok_or_else(|| format!("{arg} needs a number"))?;
            text.parse()
                .map_err(|_| format!("{arg} needs a number, not {text}"))
        };
        match arg.as_str() {
            "--specs" => options.specs = number()?,
            "--cases" => options.cases = number()?,
            "--no-corpus" => options.corpus = false,
            "--seeds" => {
                let text = args.next().ok_or("--seeds needs a range, such as 1..21")?;
                let ends = text.split_once("..");
                let ends = ends.and_then(|(begin, end)| Some((begin.parse().ok()?, end.parse().ok()?)));
                let (begin, end) =
                    ends.ok_or_else(|| format!("--seeds needs a range such as 1..21, not {text}"))?;
                options.seeds = begin..end;
            }
            other => return Err(format!("unknown argument {other}; see `cargo xtask help`")),
        }
    }
    Ok(options)
}
