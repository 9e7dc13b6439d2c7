//! `cargo xtask test`: runs the steps, times them, and says at the end how each went.

use std::time::{Duration, Instant};

use crate::shell::Outcome;
use crate::steps::{STEPS, Step};

/// What the command line asks for.
#[derive(Default)]
struct Options {
    fast: bool,
    keep_going: bool,
    list: bool,
    steps: Vec<String>,
}

/// How a step went.
enum Verdict {
    Passed,
    Skipped(String),
    Failed(String),
}

/// How a step that did not fail ended.
pub(crate) enum Done {
    /// Everything was checked.
    Checked,
    /// This machine can't check it, and why.
    Skipped(String),
}

/// Runs what the arguments ask for.
pub(crate) fn run(args: &[String]) -> Outcome {
    let options = parse(args)?;
    if options.list {
        for step in STEPS {
            let long = if step.slow { " (left out by --fast)" } else { "" };
            println!("{:12} {}{long}", step.name, step.what);
        }
        return Ok(());
    }
    let began = Instant::now();
    let mut report = Vec::new();
    for step in STEPS.iter().filter(|step| wanted(step, &options)) {
        println!("\n==> {}: {}", step.name, step.what);
        let started = Instant::now();
        let verdict = match (step.run)() {
            Ok(Done::Checked) => Verdict::Passed,
            Ok(Done::Skipped(why)) => Verdict::Skipped(why),
            Err(why) => Verdict::Failed(why),
        };
        let took = started.elapsed();
        println!("<== {}: {} in {}", step.name, verdict.word(), seconds(took));
        let failed = matches!(verdict, Verdict::Failed(_));
        report.push((step.name, verdict, took));
        if failed && !options.keep_going {
            break;
        }
    }
    summarize(&report, began.elapsed())
}

fn parse(args: &[String]) -> Outcome<Options> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--fast" => options.fast = true,
            "--keep-going" => options.keep_going = true,
            "--list" => options.list = true,
            "--step" => {
                let name = args.next().ok_or("--step needs the name of a step")?;
                if !STEPS.iter().any(|step| step.name == name) {
                    let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
                    return Err(format!(
                        "there is no step {name}; there are: {}",
                        known.join(", ")
                    ));
                }
                options.steps.push(name.clone());
            }
            other => return Err(format!("unknown argument {other}; see `cargo xtask help`")),
        }
    }
    Ok(options)
}

fn wanted(step: &Step, options: &Options) -> bool {
    if options.steps.is_empty() {
        !(options.fast && step.slow)
    } else {
        options.steps.iter().any(|name| name == step.name)
    }
}

/// Says how each step went. An error if one failed.
fn summarize(report: &[(&str, Verdict, Duration)], took: Duration) -> Outcome {
    println!("\n==> summary");
    for (name, verdict, took) in report {
        let why = match verdict {
            Verdict::Passed => String::new(),
            Verdict::Skipped(why) | Verdict::Failed(why) => format!("  {why}"),
        };
        println!("{:8} {:>8}  {name}{why}", verdict.word(), seconds(*took));
    }
    let named = |which: fn(&Verdict) -> bool| {
        let those = report.iter().filter(|(_, verdict, _)| which(verdict));
        those.map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
    };
    let failed = named(|verdict| matches!(verdict, Verdict::Failed(_)));
    if !failed.is_empty() {
        return Err(format!("failed after {}: {failed}", seconds(took)));
    }
    let skipped = named(|verdict| matches!(verdict, Verdict::Skipped(_)));
    let but = if skipped.is_empty() {
        skipped
    } else {
        format!(", but for {skipped}")
    };
    println!("everything passed in {}{but}", seconds(took));
    Ok(())
}

impl Verdict {
    fn word(&self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Skipped(_) => "skipped",
            Self::Failed(_) => "FAILED",
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
