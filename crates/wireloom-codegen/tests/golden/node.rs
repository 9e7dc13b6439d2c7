//! Tools that run on Node, from `tests/node`.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::corpus::workspace;

/// Runs a tool by Node in the folder that has it.
pub(crate) fn node(script: &str, arguments: &[String]) -> Result<Output, Box<dyn std::error::Error>> {
    let folder = workspace().join("tests/node").canonicalize()?;
    if !folder.join("node_modules").is_dir() {
        let folder = folder.display();
        return Err(format!("the tools are not installed: run `npm ci --ignore-scripts` in {folder}").into());
    }
    Ok(Command::new("node")
        .current_dir(&folder)
        .arg(script)
        .args(arguments)
        .output()?)
}

/// A fresh folder for the files of one test.
pub(crate) fn folder(name: &str) -> std::io::Result<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
