//! Holds artifacts against the disk: what differs, and how it is mended. The one sink of all that is generated.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Where it goes, relative to the project, with `/` between names; or an absolute path.
    pub path: String,
    /// The whole text.
    pub contents: String,
}

/// A file on the disk that is not as it would be generated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stale {
    /// Its path, as in [`Artifact::path`].
    pub path: String,
    /// What is wrong with it.
    pub kind: StaleKind,
}

/// How a file differs from what would be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StaleKind {
    /// It does not exist.
    Missing,
    /// It says something else.
    Different,
    /// It was generated once, from what is no longer in the protocol.
    Orphaned,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            StaleKind::Missing => "is missing",
            StaleKind::Different => "is out of date",
            StaleKind::Orphaned => "belongs to nothing in the protocol any more",
        };
        write!(f, "{} {kind}", self.path)
    }
}

/// A file that could not be written or removed.
#[derive(Debug)]
pub struct WriteError {
    /// Its path.
    pub path: PathBuf,
    /// What the system said.
    pub cause: io::Error,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}: {}", self.path.display(), self.cause)
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// What on the disk is not as it would be generated, in the order of the artifacts; orphans last. Changes nothing.
#[must_use]
pub fn check(root: &Path, artifacts: &[Artifact]) -> Vec<Stale> {
    let mut stale: Vec<Stale> = artifacts
        .iter()
        .filter_map(|artifact| {
            let kind = match fs::read(root.join(&artifact.path)) {
                Ok(found) if found == artifact.contents.as_bytes() => return None,
                Ok(_) => StaleKind::Different,
                Err(_) => StaleKind::Missing,
            };
            Some(Stale {
                path: artifact.path.clone(),
                kind,
            })
        })
        .collect();
    stale.extend(orphans(root, artifacts));
    stale
}

/// Makes the disk as it would be generated and returns what was changed. Files that are right already are not
/// touched.
///
/// # Errors
///
/// If a file cannot be written or removed; the others are still tried, and the first failure is returned.
pub fn write(root: &Path, artifacts: &[Artifact]) -> Result<Vec<Stale>, WriteError> {
    let stale = check(root, artifacts);
    let mut failure = None;
    for Stale { path, kind } in &stale {
        let target = root.join(path);
        let result = match kind {
            StaleKind::Orphaned => fs::remove_file(&target),
            StaleKind::Missing | StaleKind::Different => {
                let artifact = artifacts.iter().find(|artifact| artifact.path == *path);
                artifact.map_or(Ok(()), |artifact| replace(&target, &artifact.contents))
            }
        };
        if let Err(cause) = result {
            failure.get_or_insert(WriteError { path: target, cause });
        }
    }
    failure.map_or(Ok(stale), Err)
}

/// Writes beside the file and renames, so that nobody reads half of it.
fn replace(path: &Path, contents: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let result = fs::write(&beside, contents).and_then(|()| fs::rename(&beside, path));
    if result.is_err() {
        // The first error is the one that explains; the half-written file is only litter.
        fs::remove_file(&beside).ok();
    }
    result
}

const SCHEMA: &str = ".schema.json";

/// Schemas of messages that are gone: files beside the generated schemas whose second line says that they were
/// generated from the same source.
fn orphans(root: &Path, artifacts: &[Artifact]) -> Vec<Stale> {
    let schemas = artifacts
        .iter()
        .filter(|artifact| artifact.path.ends_with(SCHEMA));
    let known: BTreeSet<&str> = schemas.clone().map(|artifact| artifact.path.as_str()).collect();
    let folders: BTreeSet<(&str, &str)> = schemas
        .filter_map(|artifact| {
            let (folder, _) = artifact.path.rsplit_once('/')?;
            let notice = artifact.contents.lines().nth(1)?;
            notice.contains(" from ").then_some((folder, notice))
        })
        .collect();
    let mut orphans = Vec::new();
    for (folder, notice) in folders {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{folder}/{name}");
            if name.ends_with(SCHEMA)
                && !known.contains(path.as_str())
                && second_line_is(&entry.path(), notice)
            {
                orphans.push(Stale {
                    path,
                    kind: StaleKind::Orphaned,
                });
            }
        }
    }
    orphans.sort();
    orphans
}

fn second_line_is(path: &Path, notice: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.lines().nth(1) == Some(notice))
}
