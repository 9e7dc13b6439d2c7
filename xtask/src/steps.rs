//! The steps of `cargo xtask test`, in the order in which they are worth waiting for.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::bench;
use crate::machine;
use crate::shell::{Outcome, cargo, output, program, root, run, target, works};
use crate::test::Done;

/// One thing that is checked.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Whether `--fast` leaves it out.
    pub(crate) slow: bool,
    pub(crate) run: fn() -> Outcome<Done>,
}

/// Every step.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "format",
        what: "rustfmt would change nothing",
        slow: false,
        run: format,
    },
    Step {
        name: "lint",
        what: "clippy has nothing to say",
        slow: false,
        run: lint,
    },
    Step {
        name: "imports",
        what: "crates depend on what they may, and lock files say on what",
        slow: false,
        run: imports,
    },
    Step {
        name: "packages",
        what: "npm packages that tests need",
        slow: false,
        run: packages,
    },
    Step {
        name: "test",
        what: "all tests in Rust, and the tools they hold output against",
        slow: false,
        run: test,
    },
    Step {
        name: "generated",
        what: "generated files are what the build writes",
        slow: false,
        run: generated,
    },
    Step {
        name: "doctest",
        what: "examples in the documentation run",
        slow: true,
        run: doctest,
    },
    Step {
        name: "docs",
        what: "the documentation builds without a warning",
        slow: true,
        run: docs,
    },
    Step {
        name: "clients",
        what: "Python, Node and browser clients against the server",
        slow: true,
        run: clients,
    },
    Step {
        name: "typescript",
        what: "the TypeScript client: types, size, behaviour in Node and in Chromium",
        slow: true,
        run: typescript,
    },
    Step {
        name: "pages",
        what: "pages are what their sources say, and work in a browser",
        slow: true,
        run: pages,
    },
    Step {
        name: "deny",
        what: "licences, sources and banned crates",
        slow: true,
        run: deny,
    },
    Step {
        name: "bench",
        what: "the benchmark suite compiles without a warning, and its tests pass",
        slow: true,
        run: benchmarks,
    },
    Step {
        name: "instructions",
        what: "decoding and encoding cost at most 5 % more instructions than are on record",
        slow: true,
        run: instructions,
    },
];

/// The workspaces: the project, its benchmarks, and its fuzz targets.
const WORKSPACES: [&str; 3] = ["Cargo.toml", "bench/Cargo.toml", "fuzz/Cargo.toml"];

/// What the build writes into the source tree.
const GENERATED: [&str; 3] = ["generated", "schemas", "crates/wireloom/src/messages.rs"];

/// The client for TypeScript.
const TYPESCRIPT: &str = "clients/typescript";

/// The tests of the pages, in a browser.
const PAGES: &str = "tests/pages";

/// What must not be below a crate, at run time: a server carries no YAML parser and no templates, and what reads a
/// specification does no I/O of its own.
const FORBIDDEN: [(&str, &[&str]); 3] = [
    (
        "wireloom",
        &[
            "wireloom-spec",
            "wireloom-codegen",
            "serde-saphyr",
            "tera",
            "prettyplease",
        ],
    ),
    (
        "wireloom-client",
        &["wireloom-spec", "wireloom-codegen", "serde-saphyr", "tera"],
    ),
    (
        "wireloom-spec",
        &["wireloom", "wireloom-codegen", "tokio", "axum"],
    ),
];

fn format() -> Outcome<Done> {
    machine::rust_components()?;
    for manifest in WORKSPACES {
        run(cargo().args(["fmt", "--all", "--check", "--manifest-path", manifest]))?;
    }
    Ok(Done::Checked)
}

fn lint() -> Outcome<Done> {
    machine::rust_components()?;
    run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(Done::Checked)
}

fn imports() -> Outcome<Done> {
    for (name, forbidden) in FORBIDDEN {
        let tree = [
            "tree",
            "--locked",
            "--package",
            name,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ];
        let tree = output(cargo().args(tree))?;
        let below: Vec<&str> = tree
            .lines()
            .skip(1)
            .filter_map(|line| line.split(' ').next())
            .collect();
        if below.is_empty() {
            return Err(format!("cargo tells no dependencies of {name}"));
        }
        if let Some(found) = forbidden.iter().find(|forbidden| below.contains(forbidden)) {
            return Err(format!("{name} must not depend on {found}"));
        }
        println!("{name}: {} crates, none of {}", below.len(), forbidden.join(", "));
    }
    for manifest in WORKSPACES {
        run(cargo().args(["tree", "--locked", "--depth", "0", "--manifest-path", manifest]))?;
    }
    Ok(Done::Checked)
}

fn packages() -> Outcome<Done> {
    for folder in ["tests/node", "tests/clients", TYPESCRIPT, PAGES] {
        machine::node_packages(folder)?;
    }
    Ok(Done::Checked)
}

fn test() -> Outcome<Done> {
    if works(cargo().args(["nextest", "--version"])) {
        run(cargo().args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]))?;
    } else {
        run(cargo().args([
            "test",
            "--workspace",
            "--all-targets",
            "--locked",
            "--no-fail-fast",
        ]))?;
    }
    Ok(Done::Checked)
}

fn doctest() -> Outcome<Done> {
    run(cargo().args(["test", "--workspace", "--doc", "--locked"]))?;
    Ok(Done::Checked)
}

fn docs() -> Outcome<Done> {
    run(cargo()
        .env("RUSTDOCFLAGS", "-D warnings")
        .args(["doc", "--workspace", "--no-deps", "--locked"]))?;
    Ok(Done::Checked)
}

/// Has the build write everything once more, and looks for a difference. Holds with uncommitted changes, too.
fn generated() -> Outcome<Done> {
    let before = contents(&GENERATED)?;
    let protocol = root().join("protocol.yaml");
    let touched = fs::File::options().append(true).open(&protocol);
    touched
        .and_then(|file| file.set_modified(SystemTime::now()))
        .map_err(|error| format!("cannot touch {}: {error}", protocol.display()))?;
    run(cargo().args(["build", "--locked", "--package", "wireloom-server"]))?;
    let after = contents(&GENERATED)?;
    let paths = before.keys().chain(after.keys());
    let mut stale: Vec<_> = paths
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| path.display().to_string())
        .collect();
    stale.dedup();
    if stale.is_empty() {
        println!("{} files are up to date", after.len());
        Ok(Done::Checked)
    } else {
        Err(format!(
            "were not what the build writes, and are now: {}",
            stale.join(", ")
        ))
    }
}

/// Every file below these paths.
fn contents(paths: &[&str]) -> Outcome<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for path in paths {
        collect(&root().join(path), &mut files).map_err(|error| format!("cannot read {path}: {error}"))?;
    }
    Ok(files)
}

fn collect(path: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else {
        let name = path.strip_prefix(root()).unwrap_or(path).to_owned();
        files.insert(name, fs::read(path)?);
    }
    Ok(())
}

fn clients() -> Outcome<Done> {
    machine::node_packages("tests/clients")?;
    let python = machine::python()?;
    let chromium = machine::chromium()?;
    run(cargo().args(["build", "--locked", "--bin", "wireloom-server"]))?;
    run(program("node")
        .args([
            "--test",
            "--test-reporter",
            "spec",
            "tests/clients/clients.test.mjs",
        ])
        .env("WIRELOOM_SERVER", target().join("debug/wireloom-server"))
        .env("PYTHON", python)
        .env("CHROMIUM", chromium))?;
    Ok(Done::Checked)
}

/// Held against the engine with the protocol of the clients' tests.
fn typescript() -> Outcome<Done> {
    machine::node_packages(TYPESCRIPT)?;
    let chromium = machine::chromium()?;
    let demo = ["--package", "wireloom-client", "--example", "demo_server"];
    run(cargo().args(["build", "--locked"]).args(demo))?;
    let folder = root().join(TYPESCRIPT);
    run(program("npm").args(["run", "build"]).current_dir(&folder))?;
    let tests = ["behaviour", "package", "react", "types", "validate"];
    run(program("node")
        .args(["--test", "--test-reporter", "spec"])
        .args(tests.map(|test| format!("test/{test}.test.mjs")))
        .current_dir(&folder)
        .env("WIRELOOM_DEMO", target().join("debug/examples/demo_server"))
        .env("CHROMIUM", chromium))?;
    Ok(Done::Checked)
}

/// The pages that the server and the mock have.
fn pages() -> Outcome<Done> {
    for folder in [TYPESCRIPT, PAGES] {
        machine::node_packages(folder)?;
    }
    let chromium = machine::chromium()?;
    run(program("node").args(["web/build.mjs", "--check"]))?;
    let compiler = root().join(TYPESCRIPT).join("node_modules/typescript/bin/tsc");
    run(program("node").arg(compiler).args(["-p", "web"]))?;
    for package in ["wireloom-server", "wireloom-cli"] {
        run(cargo().args(["build", "--locked", "--package", package]))?;
    }
    run(program("node")
        .args(["--test", "--test-reporter", "spec"])
        .args(["chat", "explorer"].map(|page| format!("{PAGES}/{page}.test.mjs")))
        .env("WIRELOOM_SERVER", target().join("debug/wireloom-server"))
        .env("WIRELOOM", target().join("debug/wireloom"))
        .env("CHROMIUM", chromium))?;
    Ok(Done::Checked)
}

fn deny() -> Outcome<Done> {
    if !works(cargo().args(["deny", "--version"])) {
        return Ok(Done::Skipped("cargo-deny is not installed".to_owned()));
    }
    println!("advisories are left out: their database has to be fetched; `cargo deny check advisories` does");
    run(cargo().args([
        "deny",
        "--offline",
        "--locked",
        "--workspace",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))?;
    Ok(Done::Checked)
}

fn benchmarks() -> Outcome<Done> {
    bench::check()?;
    Ok(Done::Checked)
}

fn instructions() -> Outcome<Done> {
    if cfg!(not(target_os = "linux")) {
        return Ok(Done::Skipped("it takes Linux".to_owned()));
    }
    if !machine::valgrind() {
        return Ok(Done::Skipped("valgrind is not installed".to_owned()));
    }
    bench::instructions(&[])?;
    Ok(Done::Checked)
}
