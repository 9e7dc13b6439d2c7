//! What a fresh machine lacks: found, and installed where that is possible.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{Outcome, cargo, output, program, root, run, target, works};

/// The release of the `websockets` package that the clients' test is written for.
const WEBSOCKETS: &str = "websockets==17.4";

/// Has `rustfmt` and `clippy` installed.
pub(crate) fn rust_components() -> Outcome {
    for component in ["fmt", "clippy"] {
        if !works(cargo().args([component, "--version"])) {
            run(program("rustup").args(["component", "add", "rustfmt", "clippy"]))?;
        }
    }
    Ok(())
}

/// Has `cargo fuzz` installed.
pub(crate) fn cargo_fuzz() -> Outcome {
    if works(cargo().args(["fuzz", "--version"])) {
        return Ok(());
    }
    run(cargo().args(["install", "--locked", "cargo-fuzz"]))
}

/// Has the packages of a folder installed exactly as its lock file says. What is there already is kept.
pub(crate) fn node_packages(folder: &str) -> Outcome {
    if !works(program("npm").arg("--version")) {
        debian_packages(&["nodejs", "npm"])?;
    }
    let folder = root().join(folder);
    let lock = folder.join("package-lock.json");
    let stamp = folder.join("node_modules/.installed-from");
    let wanted = fs::read(&lock).map_err(|error| format!("cannot read {}: {error}", lock.display()))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        println!("{} is up to date", folder.join("node_modules").display());
        return Ok(());
    }
    run(program("npm")
        .args(["ci", "--no-audit", "--no-fund", "--prefer-offline"])
        .current_dir(&folder))?;
    fs::write(&stamp, wanted).map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}

/// A Python that has `websockets`; in an environment of its own, below the target directory.
pub(crate) fn python() -> Outcome<PathBuf> {
    let home = target().join("python");
    let python = home.join("bin/python");
    let stamp = home.join(".installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == WEBSOCKETS) {
        return Ok(python);
    }
    if !works(program("python3").args(["-c", "import ensurepip, venv"])) {
        debian_packages(&["python3", "python3-venv"])?;
    }
    run(program("python3").args(["-m", "venv"]).arg(&home))?;
    run(program(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        WEBSOCKETS,
    ]))?;
    fs::write(&stamp, WEBSOCKETS).map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    Ok(python)
}

/// The path of a Chromium, for the test in a browser.
pub(crate) fn chromium() -> Outcome<PathBuf> {
    if let Some(chromium) = find_chromium() {
        return Ok(chromium);
    }
    debian_packages(&["chromium"])?;
    find_chromium().ok_or_else(|| "chromium was installed and is not in PATH".to_owned())
}

fn find_chromium() -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let places = env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// Valgrind, which counts instructions for the benchmark. The benchmark does without where it can't be had.
pub(crate) fn valgrind() -> bool {
    let there = || works(program("valgrind").arg("--version"));
    if !there()
        && let Err(why) = debian_packages(&["valgrind"])
    {
        println!("{why}");
    }
    there()
}

/// Installs packages of the system, as root only.
fn debian_packages(names: &[&str]) -> Outcome {
    let list = names.join(" ");
    let root = output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!(
            "missing: {list}; install it, on Debian: sudo apt-get install {list}"
        ));
    }
    let apt = || {
        let mut apt = program("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    run(apt().args(["update", "--quiet"]))?;
    run(apt()
        .args(["install", "--quiet", "--yes", "--no-install-recommends"])
        .args(names))
}
