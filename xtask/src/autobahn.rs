//! `cargo xtask autobahn`: the Autobahn suite, which tests for RFC 6455, against `crates/wireloom/examples/echo.rs`.
//!
//! The suite needs Python 2.7. Where there is none, Debian 11's is unpacked below the target directory; nothing is installed
//! in the system.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::shell::{Outcome, cargo, program, run, target, works};

/// Releases that go together under Python 2.7. `wsaccel` is the last one that needs no newer tools to build.
const PACKAGES: [&str; 2] = ["autobahntestsuite==25.10.1", "wsaccel==0.6.2"];

/// The last releases for Python 2.7, to install the others with.
const TOOLS: [&str; 2] = ["setuptools==44.1.1", "wheel==0.37.1"];

const PIP: &str = "pip==20.3.4";

/// Debian 11's packages of Python 2.7, and what they stand on.
const DEBIAN: [&str; 7] = [
    "python2.7",
    "python2.7-minimal",
    "libpython2.7-minimal",
    "libpython2.7-stdlib",
    "libpython2.7-dev",
    "libssl1.1",
    "libffi7",
];

/// Starts the suite: where its packages are is told to Python itself, which looks for no namespace packages elsewhere.
const START: &str = "import site, sys; site.addsitedir(sys.argv.pop(1)); \
    from autobahntestsuite.wstest import run; run()";

/// Cases about compression, which the engine does not offer.
const COMPRESSION: [&str; 2] = ["12.", "13."];

/// Fewer cases than that are not the suite.
const CASES: usize = 500;

/// The running example. Ends with this.
struct Echo(Child);

impl Drop for Echo {
    fn drop(&mut self) {
        // It may be gone already.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Runs the suite, and prints how many cases ended how. An error if one failed, or ended uncleanly.
pub(crate) fn suite(args: &[String]) -> Outcome {
    if let [first, ..] = args {
        return Err(format!("it takes no argument {first}"));
    }
    let home = target().join("autobahn");
    fs::create_dir_all(&home).map_err(|error| format!("cannot create {}: {error}", home.display()))?;
    let python = Python::find(&home)?;
    install(&python, &home)?;
    let example = [
        "build",
        "--locked",
        "--package",
        "wireloom",
        "--features",
        "echo",
        "--example",
        "echo",
    ];
    run(cargo().args(example))?;
    let (_echo, address) = start(&target().join("debug/examples/echo"))?;
    let reports = home.join("reports");
    let wanted = format!(
        "{{\"outdir\": \"{}\", \"servers\": [{{\"agent\": \"wireloom\", \"url\": \"ws://{address}/\"}}], \
         \"cases\": [\"*\"], \"exclude-cases\": [], \"exclude-agent-cases\": {{}}}}",
        reports.display()
    );
    let spec = home.join("cases.json");
    fs::write(&spec, wanted).map_err(|error| format!("cannot write {}: {error}", spec.display()))?;
    let mut suite = python.command();
    suite.args(["-c", START]).arg(home.join("site"));
    suite.args(["--mode", "fuzzingclient", "--spec"]).arg(&spec);
    run(suite.stdout(Stdio::null()))?;
    let index = reports.join("index.json");
    let index =
        fs::read_to_string(&index).map_err(|error| format!("cannot read {}: {error}", index.display()))?;
    println!(
        "what happened in each case: {}",
        reports.join("index.html").display()
    );
    judge(&index)
}

/// A Python 2.7, and the libraries that it was unpacked with.
struct Python {
    program: PathBuf,
    unpacked: Option<PathBuf>,
}

impl Python {
    fn find(home: &Path) -> Outcome<Self> {
        if works(program("python2.7").arg("--version")) {
            return Ok(Self {
                program: "python2.7".into(),
                unpacked: None,
            });
        }
        let root = home.join("python");
        let python = Self {
            program: root.join("usr/bin/python2.7"),
            unpacked: Some(root.clone()),
        };
        if !works(python.command().arg("--version")) {
            unpack(home, &root)?;
        }
        Ok(python)
    }

    fn command(&self) -> Command {
        let mut command = program(&self.program);
        command.arg("-s").env("PYTHONDONTWRITEBYTECODE", "1");
        if let Some(root) = &self.unpacked {
            let include = root.join("usr/include");
            let paths = [include.join("python2.7"), include].map(|path| path.display().to_string());
            command
                .env("LD_LIBRARY_PATH", root.join("usr/lib/x86_64-linux-gnu"))
                .env("C_INCLUDE_PATH", paths.join(":"));
        }
        command
    }
}

/// Unpacks Debian 11's Python. `apt-get` looks into lists of its own, so that the system knows nothing of it.
fn unpack(home: &Path, root: &Path) -> Outcome {
    if !works(program("apt-get").arg("--version")) {
        return Err("missing: python2.7".to_owned());
    }
    let apt = home.join("apt");
    for folder in ["lists/partial", "cache/archives/partial", "packages"] {
        let folder = apt.join(folder);
        fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    }
    let sources = apt.join("sources.list");
    let line = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bullseye main\n";
    fs::write(&sources, line).map_err(|error| format!("cannot write {}: {error}", sources.display()))?;
    let get = || {
        let mut get = program("apt-get");
        get.current_dir(apt.join("packages"));
        for (name, value) in [
            ("Dir::Etc::sourcelist", sources.clone()),
            ("Dir::Etc::sourceparts", PathBuf::from("-")),
            ("Dir::State::lists", apt.join("lists")),
            ("Dir::Cache", apt.join("cache")),
        ] {
            get.arg("-o").arg(format!("{name}={}", value.display()));
        }
        get
    };
    run(get().args(["update", "--quiet"]))?;
    run(get().args(["download", "--quiet"]).args(DEBIAN))?;
    let packages =
        fs::read_dir(apt.join("packages")).map_err(|error| format!("cannot see the packages: {error}"))?;
    for package in packages {
        let package = package.map_err(|error| format!("cannot see the packages: {error}"))?;
        run(program("dpkg-deb").arg("--extract").arg(package.path()).arg(root))?;
    }
    Ok(())
}

/// Installs the suite below `home`. What is there already is kept.
fn install(python: &Python, home: &Path) -> Outcome {
    let stamp = home.join(".installed");
    let wanted = PACKAGES.join(" ");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let wheels = home.join("wheels");
    run(program("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", PIP, "--dest"])
        .arg(&wheels))?;
    let pip = fs::read_dir(&wheels)
        .ok()
        .and_then(|mut files| files.next()?.ok())
        .ok_or("pip was not downloaded")?;
    let tools = home.join("tools");
    let with_pip = |from: &Path, packages: &[&str], to: &Path| {
        let mut install = python.command();
        install.arg(from).args([
            "install",
            "--quiet",
            "--no-compile",
            "--no-build-isolation",
            "--target",
        ]);
        install.arg(to).args(packages).env("PYTHONPATH", &tools);
        run(&mut install)
    };
    // From its archive at first: there is nothing to install it with.
    with_pip(&pip.path().join("pip"), &TOOLS, &tools)?;
    with_pip(&pip.path().join("pip"), &[PIP], &tools)?;
    with_pip(&tools.join("pip"), &PACKAGES, &home.join("site"))?;
    fs::write(&stamp, wanted).map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}

/// Starts the example. Returns where it listens.
fn start(example: &Path) -> Outcome<(Echo, String)> {
    let mut command = program(example);
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut echo = Echo(started.map_err(|error| format!("cannot start {}: {error}", example.display()))?);
    let mut line = String::new();
    if let Some(output) = echo.0.stdout.take() {
        BufReader::new(output)
            .read_line(&mut line)
            .map_err(|error| format!("the example says nothing: {error}"))?;
    }
    Ok((echo, line.trim().to_owned()))
}

/// Reads the suite's index, which has a field a line.
fn judge(index: &str) -> Outcome {
    let mut case = "";
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in index.lines().map(str::trim) {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        let (name, value) = (
            name.trim_matches('"'),
            value.trim_end_matches(',').trim_matches('"'),
        );
        match (name, value) {
            (id, "{") => case = id,
            ("behavior", behavior) => {
                *counts.entry(behavior).or_default() += 1;
                let compression = COMPRESSION.iter().any(|group| case.starts_with(group));
                let right = match behavior {
                    "OK" | "NON-STRICT" | "INFORMATIONAL" => true,
                    "UNIMPLEMENTED" => compression,
                    _ => false,
                };
                if !right {
                    wrong.push(format!("{case}: {behavior}"));
                }
            }
            ("behaviorClose", behavior) if !matches!(behavior, "OK" | "INFORMATIONAL") => {
                wrong.push(format!("{case}: closed {behavior}"));
            }
            _ => {}
        }
    }
    let total: usize = counts.values().sum();
    println!("{total} cases: {counts:?}");
    if total < CASES {
        return Err(format!("the suite has more than {total} cases"));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}
