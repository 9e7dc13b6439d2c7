//! The specifications: those of the whole project, and a few of awkward names and layouts for generators alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wireloom_codegen::Targets;
use wireloom_spec::Model;

/// A specification that was checked.
pub(crate) struct Case {
    /// Name of its file, without the ending.
    pub(crate) name: String,
    /// Name of its file.
    pub(crate) file: String,
    pub(crate) model: Model,
}

impl Case {
    /// Its name as a module of Rust.
    pub(crate) fn module(&self) -> String {
        self.name.replace('-', "_")
    }
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Everything that can be generated.
pub(crate) fn everything(source: &str) -> Targets {
    Targets {
        strategies: Some("generated".to_owned()),
        ..Targets::in_project(source)
    }
}

/// All specifications, in the order of their names.
pub(crate) fn cases() -> Result<Vec<Case>, Box<dyn std::error::Error>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(workspace().join("tests/corpus"))? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.push(workspace().join("protocol.yaml"));
    paths.sort();
    if paths.len() < 30 {
        return Err(format!("only {} specifications are left", paths.len()).into());
    }
    paths.iter().map(|path| case(path)).collect()
}

fn case(path: &Path) -> Result<Case, Box<dyn std::error::Error>> {
    let file = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let text = fs::read_to_string(path)?;
    let model = check(&file, &text)?;
    Ok(Case {
        name: file.trim_end_matches(".yaml").to_owned(),
        file,
        model,
    })
}

/// The model of a text without mistakes.
pub(crate) fn check(file: &str, text: &str) -> Result<Model, Box<dyn std::error::Error>> {
    let checked = wireloom_spec::check(file, text);
    let said = || {
        checked
            .diagnostics
            .iter()
            .map(|found| format!("{found}\n"))
            .collect::<String>()
    };
    checked.model.clone().ok_or_else(|| said().into())
}

/// Writes a file unless it says this already, so that build tools do not take it for new.
pub(crate) fn put(path: &Path, contents: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == contents) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, contents)
}
