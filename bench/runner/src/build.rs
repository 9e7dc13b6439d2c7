//! Gets the peers ready to start: Rust ones are compiled, Node's packages installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::peers::Program;

/// The folder of the benchmark suite.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Makes a program: compiles it, or installs what it needs.
pub(crate) fn make(program: Program) -> Result<()> {
    match program {
        // One build a package on purpose: features that one peer asks for must not reach another.
        Program::Rust(package) => run(Command::new(env!("CARGO"))
            .arg("build")
            .arg("--profile")
            .arg(profile()?.file_name().unwrap_or_default())
            .args(["--quiet", "--locked", "--package", package, "--manifest-path"])
            .arg(root().join("Cargo.toml"))),
        Program::Node(_) => install(&node_folder()),
    }
}

/// The command that starts a program that was made.
pub(crate) fn command(program: Program) -> Result<Command> {
    match program {
        Program::Rust(package) => Ok(Command::new(profile()?.join(package))),
        Program::Node(file) => {
            let mut command = Command::new("node");
            command.arg(node_folder().join(file));
            Ok(command)
        }
    }
}

/// Where this program was built, and what it measures is built: the folder is called as the profile.
fn profile() -> Result<PathBuf> {
    let here = env::current_exe()?;
    let optimized = |folder: &&Path| folder.ends_with("release") || folder.ends_with("counted");
    let profile = here.ancestors().find(optimized);
    let profile = profile.context("what is measured must be optimized: run this with --release")?;
    Ok(profile.to_owned())
}

/// Whether this is the build that the record of instructions is of; see `profile.counted`.
pub(crate) fn is_counted() -> Result<bool> {
    Ok(profile()?.ends_with("counted"))
}

fn node_folder() -> PathBuf {
    root().join("peers/node")
}

/// Whether Node is there: without it, its peers are left out.
pub(crate) fn has_node() -> bool {
    Command::new("node")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

fn install(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    // npm keeps a copy of the lock file beside what it installed, written after the rest.
    let installed = folder.join("node_modules/.package-lock.json");
    let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    if modified(&installed).is_some() && modified(&installed) >= modified(&lock) {
        return Ok(());
    }
    run(Command::new("npm")
        .args(["ci", "--omit=optional", "--no-audit", "--no-fund"])
        .current_dir(folder))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("can't start {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
