//! A file as it is in a revision, by the `git` program.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

use crate::exit::{Exit, Failure};

/// What the file contains in that revision.
pub(super) fn show(revision: &str, path: &Path) -> Result<String, Failure> {
    let (Some(name), false) = (path.file_name(), path == Path::new("-")) else {
        return Err(Failure::new(Exit::Usage, "standard input has no revisions").help("name a file"));
    };
    if revision.is_empty() || revision.starts_with('-') {
        return Err(Failure::new(Exit::Usage, format!("{revision:?} is no revision")));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if !git(folder, &["rev-parse", "--is-inside-work-tree"])?
        .status
        .success()
    {
        let message = format!("{} is not in a git repository", path.display());
        return Err(Failure::new(Exit::Usage, message)
            .help("name the old file instead: `wireloom diff old.yaml new.yaml`"));
    }
    let commit = format!("{revision}^{{commit}}");
    if !git(folder, &["rev-parse", "--quiet", "--verify", &commit])?
        .status
        .success()
    {
        let message = format!("git knows no revision {revision:?}");
        return Err(Failure::new(Exit::Usage, message)
            .help("a shallow clone may not have it: fetch it first, for example with `fetch-depth: 0`"));
    }
    // From the folder, whatever the repository's root is.
    let object = format!("{revision}:./{}", name.to_string_lossy());
    let shown = git(folder, &["show", &object])?;
    if !shown.status.success() {
        let message = format!("{} is not in {revision}", path.display());
        return Err(
            Failure::new(Exit::Usage, message).help("if it had another name there, compare two files")
        );
    }
    String::from_utf8(shown.stdout).map_err(|_| {
        Failure::new(
            Exit::Usage,
            format!("{} is no UTF-8 in {revision}", path.display()),
        )
    })
}

fn git(folder: &Path, args: &[&str]) -> Result<Output, Failure> {
    let run = Command::new("git").arg("-C").arg(folder).args(args).output();
    run.map_err(|cause| {
        let failure = Failure::new(Exit::Usage, format!("cannot run git: {cause}"));
        match cause.kind() {
            ErrorKind::NotFound => failure.help("`--against` needs the `git` program"),
            _ => failure,
        }
    })
}
