//! Generation from a build script. The only part of this crate that talks to Cargo.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use wireloom_spec::{Diagnostic, Severity};

use crate::files;
use crate::targets::{Targets, generate};

/// Generates what a crate wants of a protocol, from its build script.
///
/// Rust goes to Cargo's `OUT_DIR`, to be taken in by
/// `include!(concat!(env!("OUT_DIR"), "/protocol.rs"))`, unless [`Build::rust`] says where. Everything else is
/// generated where it is asked for. Files that are right already are not touched.
///
/// ```no_run
/// wireloom_codegen::Build::new("protocol.yaml")
///     .typescript("frontend/src/generated")
///     .schemas("schemas")
///     .run();
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is generated until `run` is called"]
pub struct Build {
    protocol: PathBuf,
    targets: Targets,
}

impl Build {
    /// Generates from this file; its path is relative to the crate.
    pub fn new(protocol: impl Into<PathBuf>) -> Self {
        let protocol = protocol.into();
        let source = protocol
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Self {
            protocol,
            targets: Targets {
                source,
                ..Targets::default()
            },
        }
    }

    /// Writes `protocol.rs` to this folder of the crate instead of `OUT_DIR`.
    pub fn rust(mut self, folder: impl Into<String>) -> Self {
        self.targets.rust = Some(folder.into());
        self
    }

    /// Writes `protocol.d.ts` to this folder of the crate.
    pub fn typescript(mut self, folder: impl Into<String>) -> Self {
        self.targets.typescript = Some(folder.into());
        self
    }

    /// Writes `protocol.json` and the JSON Schemas to this folder of the crate.
    pub fn schemas(mut self, folder: impl Into<String>) -> Self {
        self.targets.schemas = Some(folder.into());
        self
    }

    /// Writes `asyncapi.yaml` to this folder of the crate.
    pub fn asyncapi(mut self, folder: impl Into<String>) -> Self {
        self.targets.asyncapi = Some(folder.into());
        self
    }

    /// Writes `PROTOCOL.md` to this folder of the crate.
    pub fn docs(mut self, folder: impl Into<String>) -> Self {
        self.targets.docs = Some(folder.into());
        self
    }

    /// Writes `strategies.rs` to this folder of the crate: strategies for [proptest](https://docs.rs/proptest), one function a
    /// message and one a type. Tests include it where the generated types are in scope; they need `proptest` and
    /// `wireloom-fuzz`:
    ///
    /// ```ignore
    /// mod strategies {
    ///     use my_server::protocol::*;
    ///     include!("../generated/strategies.rs");
    /// }
    ///
    /// proptest::proptest! {
    ///     #[test]
    ///     fn every_start_is_understood(message in strategies::agent_start()) { /* ... */ }
    /// }
    /// ```
    pub fn strategies(mut self, folder: impl Into<String>) -> Self {
        self.targets.strategies = Some(folder.into());
        self
    }

    /// Generates. What is wrong becomes one error line each for Cargo, which then fails the build after this returns.
    pub fn run(self) {
        let root = std::env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .unwrap_or_default();
        let out_dir = std::env::var("OUT_DIR").ok();
        let mut said = self.lines(&root, out_dir).join("\n");
        said.push('\n');
        // Nobody is left to tell if Cargo does not listen.
        std::io::stdout().write_all(said.as_bytes()).ok();
    }

    /// What Cargo is told.
    fn lines(mut self, root: &Path, out_dir: Option<String>) -> Vec<String> {
        let mut lines = vec![format!("cargo::rerun-if-changed={}", self.protocol.display())];
        let text = match fs::read_to_string(root.join(&self.protocol)) {
            Ok(text) => text,
            Err(cause) => {
                lines.push(format!(
                    "cargo::error=cannot read {}: {cause}",
                    self.protocol.display()
                ));
                return lines;
            }
        };
        let checked = wireloom_spec::check(&self.protocol.to_string_lossy(), &text);
        lines.extend(checked.diagnostics.iter().map(line));
        let Some(model) = checked.model else {
            return lines;
        };
        if self.targets.rust.is_none() {
            self.targets.rust = out_dir;
        }
        if let Err(error) = files::write(root, &generate(&model, &self.targets)) {
            lines.push(format!("cargo::error={error}"));
        }
        lines
    }
}

/// A diagnostic as one line, since Cargo reads lines.
fn line(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = &diagnostic.place;
    let help = diagnostic
        .help
        .as_ref()
        .map(|help| format!(" (help: {help})"))
        .unwrap_or_default();
    let text = format!(
        "{}:{}:{}: [{}] {}{help}",
        place.file, place.line, place.column, diagnostic.code, diagnostic.message
    );
    format!("cargo::{severity}={}", text.replace(['\n', '\r'], " "))
}
