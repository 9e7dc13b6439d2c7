//! Runs the command, in a folder of its own where it needs one.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A sound protocol with a request, a stream, a message that nothing answers, and one that nobody ever answers.
pub(crate) const PROTOCOL: &str = "\
wireloom: 1
info: { name: demo, version: 1.0.0 }
errors:
  refused: { description: Not today. }
messages:
  say: { from: client, payload: { fields: { text: { type: string, minLength: 1 } } }, reply: said, errors: [refused] }
  said: { from: server, payload: { fields: { text: string } } }
  count: { from: client, payload: { fields: { to: { type: integer, minimum: 0, maximum: 9 } } }, stream: { item: tick, end: done, error: failed }, errors: [refused] }
  tick: { from: server, payload: { fields: { at: integer } } }
  done: { from: server }
  failed: { from: server }
  note: { from: client, payload: { fields: { text: string } } }
  hang: { from: client, reply: said }
";

/// The same with two mistakes, in lines 4 and 5.
pub(crate) const BROKEN: &str = "\
wireloom: 1
info: { name: demo, version: 1.0.0 }
messages:
  say: { from: client, reply: sayd }
  said: { from: server, payload: { fields: { text: strin } } }
";

/// What a run of the command left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("results are UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("messages are UTF-8"),
        }
    }
}

impl Ended {
    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The command, to be run in `dir`, without what the environment of the tests may say.
pub(crate) fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wireloom"));
    command.current_dir(dir).args(args).stdin(Stdio::null());
    for variable in ["WIRELOOM_TOKEN", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

/// Runs the command in `dir`.
pub(crate) fn run(dir: &Path, args: &[&str]) -> Ended {
    command(dir, args).output().expect("the command starts").into()
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).expect("a file in it");
    }
    dir
}
