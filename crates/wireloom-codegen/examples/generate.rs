//! Generates everything from a protocol, as a build script does, and says what changed and how long it took:
//! `cargo run --release -p wireloom-codegen --example generate -- protocol.yaml [FOLDER]`.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use wireloom_codegen::{Targets, generate, write};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let protocol = arguments.next().ok_or("which protocol?")?;
    let root = arguments.next().unwrap_or_else(|| ".".to_owned());
    let text = std::fs::read_to_string(&protocol)?;
    let source = Path::new(&protocol)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let mut out = std::io::stdout().lock();

    let start = Instant::now();
    let checked = wireloom_spec::check(&source, &text);
    for diagnostic in &checked.diagnostics {
        writeln!(out, "{diagnostic}")?;
    }
    let model = checked
        .model
        .ok_or("nothing is generated from a protocol with errors")?;
    let checked = start.elapsed();
    let artifacts = generate(&model, &Targets::in_project(&source));
    let generated = start.elapsed();
    for stale in write(Path::new(&root), &artifacts)? {
        writeln!(out, "{stale}: written")?;
    }
    writeln!(
        out,
        "{} files; checked in {checked:?}, generated in {:?}",
        artifacts.len(),
        generated - checked
    )?;
    Ok(())
}
