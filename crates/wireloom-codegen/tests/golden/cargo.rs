//! One crate that holds the generated Rust of all cases: as public modules of a library, as private ones of a program
//! that uses nothing of them, and behind a program that decodes what it is given.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wireloom_codegen::emit;

use crate::corpus::{Case, cases, put, workspace};

/// The crate, written to the disk.
pub(crate) struct Golden {
    pub(crate) root: PathBuf,
    pub(crate) cases: Vec<Case>,
}

const MANIFEST: &str = r#"
[package]
name = "wireloom-golden"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
wireloom = { path = "WORKSPACE/crates/wireloom" }

[dev-dependencies]
proptest = { version = "1", default-features = false }
wireloom-fuzz = { path = "WORKSPACE/crates/wireloom-fuzz" }

[lints.rust]
warnings = "deny"
missing_docs = "deny"
unused_qualifications = "deny"
unsafe_code = "forbid"

[lints.clippy]
all = "deny"

[lints.rustdoc]
all = { level = "deny", priority = -1 }
"#;

const DECODE: &str = r##"//! Reads lines of a case, a message type and a payload, with tabs between them. Answers each by `+` and the payload
//! as it is encoded again, `-` where the schema refuses it, or `!` where it is no JSON that is safe to read.

use std::io::{BufRead, Write};

use wireloom::json::{Decode, Encode, FaultKind, Reader, Writer};

fn decode<M: Decode + Encode>(text: &str) -> String {
    let mut reader = Reader::new(text, 64);
    let result = M::decode(&mut reader).and_then(|message| reader.end().map(|()| message));
    match result {
        Ok(message) => {
            let mut out = Writer::default();
            message.encode(&mut out);
            format!("+{}", out.as_str())
        }
        Err(fault) if fault.kind == FaultKind::Refused => "-".to_owned(),
        Err(fault) => format!("!{}", fault.kind),
    }
}

#[expect(deprecated, reason = "deprecated messages are decoded, too")]
fn answer(case: &str, message: &str, text: &str) -> Option<String> {
    let decode = match (case, message) {
ARMS        _ => return None,
    };
    Some(decode(text))
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut parts = line.splitn(3, '\t');
        let (case, message, text) = (parts.next(), parts.next(), parts.next());
        let answer = case.zip(message).zip(text).and_then(|((case, message), text)| answer(case, message, text));
        writeln!(out, "{}", answer.unwrap_or_else(|| "?".to_owned()))?;
    }
    Ok(())
}
"##;

impl Golden {
    /// Generates the crate below this folder of the target directory.
    pub(crate) fn write(folder: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        let cases = cases()?;
        let (mut library, mut program, mut arms) = (String::new(), String::new(), String::new());
        let mut tests = "//! The strategies of every case, of which nothing is used.\n".to_owned();
        library.push_str("//! Every case as a public module.\n\n");
        program.push_str("//! Every case as a private module of which nothing is used.\n\n");
        for case in &cases {
            let (name, module) = (&case.name, case.module());
            put(
                &root.join(format!("src/cases/{module}.rs")),
                &emit::rust(&case.model, &case.file),
            )?;
            writeln!(
                library,
                "/// The case `{name}`.\npub mod {module} {{\n    include!(\"cases/{module}.rs\");\n}}\n"
            )?;
            writeln!(
                program,
                "mod {module} {{\n    include!(\"../cases/{module}.rs\");\n}}\n"
            )?;
            put(
                &root.join(format!("src/cases/{module}_strategies.rs")),
                &emit::strategies(&case.model, &case.file),
            )?;
            writeln!(
                tests,
                "\nmod {module} {{\n    use wireloom_golden::{module}::*;\n    include!(\"../src/cases/{module}_strategies.rs\");\n}}"
            )?;
            for message in case.model.messages.iter().filter(|message| !message.engine) {
                let payload = &case.model.def(message.payload).rust_name;
                writeln!(
                    arms,
                    "        ({name:?}, {:?}) => decode::<wireloom_golden::{module}::{payload}>,",
                    message.name
                )?;
            }
        }
        program.push_str("fn main() {}\n");
        let workspace = workspace().canonicalize()?;
        put(
            &root.join("Cargo.toml"),
            &(MANIFEST.replace("WORKSPACE", &workspace.to_string_lossy()) + &profiles()?),
        )?;
        put(
            &root.join("Cargo.lock"),
            &fs::read_to_string(workspace.join("Cargo.lock"))?,
        )?;
        put(&root.join("src/lib.rs"), &library)?;
        put(&root.join("src/bin/wireloom-golden-private.rs"), &program)?;
        put(&root.join("tests/strategies.rs"), &tests)?;
        put(
            &root.join("src/bin/wireloom-golden-decode.rs"),
            &DECODE.replace("ARMS", &arms),
        )?;
        Ok(Self { root, cases })
    }

    /// Runs Cargo on the crate, offline, next to the artifacts of the workspace's own build.
    pub(crate) fn cargo<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> std::io::Result<Output> {
        Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--offline", "--quiet"])
            .arg("--manifest-path")
            .arg(self.root.join("Cargo.toml"))
            .env("CARGO_TARGET_DIR", target())
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .output()
    }
}

/// The folder of the workspace's own build: what it has compiled is compiled for other crates of the same profiles, too.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("..")
}

/// The profiles of the workspace, as part of a manifest.
pub(crate) fn profiles() -> std::io::Result<String> {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml"))?;
    let mut inside = false;
    let lines = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            inside = line.starts_with("[profile.dev");
        }
        inside
    });
    Ok(lines.fold("\n".to_owned(), |text, line| text + line + "\n"))
}

/// An error of what a tool said, unless it went well.
pub(crate) fn succeeded(what: &str, output: &Output) -> Result<(), Box<dyn std::error::Error>> {
    if output.status.success() {
        return Ok(());
    }
    let said = [&output.stdout, &output.stderr]
        .map(|said| String::from_utf8_lossy(said).into_owned())
        .concat();
    let beginning: String = said.chars().take(6_000).collect();
    Err(format!("{what}:\n{beginning}").into())
}
