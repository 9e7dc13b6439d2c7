//! `wireloom check --watch` as a process: it looks again at every change, and editors understand what it prints.

use std::fs;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use regex::Regex;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{BROKEN, PROTOCOL, command, folder, run};

const PATIENCE: Duration = Duration::from_secs(20);
const END: &str = "wireloom: watching for changes";

struct Watched {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Watched {
    fn start(dir: &Path, args: &[&str]) -> Self {
        let args = [&["check", "--watch"], args].concat();
        let mut command = Command::from(command(dir, &args));
        // Both streams in one, as a terminal shows them, need more than a pipe each: what is asserted is on the first.
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the command starts");
        let stdout = child.stdout.take().expect("a pipe");
        Self {
            child,
            stdout: BufReader::new(stdout).lines(),
        }
    }

    /// The lines of one look at the files.
    async fn look(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.stdout.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("nothing follows {lines:?}"));
            let line = line.expect("it is read").expect("it goes on");
            if line == END {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Looks until one says this: a change may be seen in more than one part.
    async fn until(&mut self, wanted: &str) {
        for _ in 0..10 {
            let lines = self.look().await;
            if lines.iter().any(|line| line.contains(wanted)) {
                return;
            }
        }
        panic!("no look says {wanted:?}");
    }

    async fn interrupt(mut self) -> ExitStatus {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(sent.expect("`kill` runs").success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends").expect("it has a status")
    }
}

#[tokio::test]
async fn every_change_is_looked_at_until_ctrl_c() {
    let dir = folder(&[("protocol.yaml", PROTOCOL)]);
    let file = dir.path().join("protocol.yaml");
    let mut watched = Watched::start(dir.path(), &[]);
    let first = watched.look().await;
    assert_eq!(
        first,
        [
            "wireloom: checking",
            "protocol.yaml: demo 1.0.0, 8 messages, no problems"
        ],
        "no screen is cleared in a pipe"
    );
    fs::write(&file, BROKEN).expect("it is written");
    watched.until("protocol.yaml: 2 errors").await;

    // As editors do: a new file in the place of the old one.
    let beside = dir.path().join(".protocol.yaml.new");
    fs::write(&beside, PROTOCOL).expect("it is written");
    fs::rename(&beside, &file).expect("it is renamed");
    watched.until("no problems").await;

    // Gone for a moment: it says so, and goes on.
    fs::remove_file(&file).expect("it is removed");
    let without = watched.look().await;
    assert_eq!(without, ["wireloom: checking"]);
    fs::write(&file, BROKEN).expect("it is written");
    watched.until("2 errors").await;

    assert_eq!(watched.interrupt().await.code(), Some(0));
}

#[tokio::test]
async fn a_file_that_is_only_read_is_not_looked_at_again() {
    let dir = folder(&[("protocol.yaml", PROTOCOL)]);
    let mut watched = Watched::start(dir.path(), &[]);
    watched.look().await;
    for _ in 0..10 {
        fs::read(dir.path().join("protocol.yaml")).expect("it is read");
        let more = tokio::time::timeout(Duration::from_millis(200), watched.stdout.next_line()).await;
        assert!(more.is_err(), "{more:?}");
    }
}

#[test]
fn there_must_be_something_to_watch() {
    let dir = folder(&[("protocol.yaml", PROTOCOL)]);
    for args in [
        &["check", "--watch", "-"][..],
        &["check", "--watch", "--format", "json"],
    ] {
        let ended = run(dir.path(), args);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("--watch"), "{ended:?}");
    }
}

/// The task that `docs/editors.md` shows, as VS Code reads it.
fn task() -> Value {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/editors.md");
    let page = fs::read_to_string(page).expect("the page");
    let blocks = page.split("```json\n").skip(1);
    let mut tasks = blocks.filter_map(|block| serde_json::from_str(block.split("```").next()?).ok());
    let task: Value = tasks
        .find(|block: &Value| block.get("tasks").is_some())
        .expect("a file of tasks");
    task["tasks"][0].clone()
}

fn regexp(pattern: &Value) -> Regex {
    Regex::new(pattern.as_str().expect("a text")).expect("a regular expression")
}

#[test]
fn the_problem_matcher_of_the_documentation_finds_every_diagnostic() {
    let task = task();
    let matcher = &task["problemMatcher"];
    let patterns = matcher["pattern"].as_array().expect("two lines");
    let (head, place) = (regexp(&patterns[0]["regexp"]), regexp(&patterns[1]["regexp"]));
    let dir = folder(&[("protocol.yaml", BROKEN)]);
    // The task's own arguments, but for what makes it go on.
    let args = task["args"].as_array().expect("arguments");
    let args: Vec<&str> = args
        .iter()
        .filter_map(Value::as_str)
        .filter(|arg| *arg != "--watch")
        .collect();
    let ended = run(dir.path(), &args);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let mut found = Vec::new();
    for pair in lines.windows(2) {
        if let (Some(head), Some(place)) = (head.captures(pair[0]), place.captures(pair[1])) {
            let part = |pattern: &Value, key: &str, of: &regex::Captures<'_>| {
                let group = pattern[key].as_u64().expect("a group");
                of[usize::try_from(group).expect("a small number")].to_owned()
            };
            found.push((
                part(&patterns[0], "severity", &head),
                part(&patterns[0], "code", &head),
                part(&patterns[1], "file", &place),
                part(&patterns[1], "line", &place),
                part(&patterns[1], "column", &place),
            ));
        }
    }
    let all = run(dir.path(), &["check", "--format", "json"]).json();
    let expected: Vec<_> = all["diagnostics"]
        .as_array()
        .expect("diagnostics")
        .iter()
        .map(|each| {
            let text = |key: &str| each[key].as_str().expect("a text").to_owned();
            let number = |key: &str| each[key].to_string();
            (
                text("severity"),
                text("code"),
                text("file"),
                number("line"),
                number("column"),
            )
        })
        .collect();
    assert_eq!(found.len(), 2, "{ended:?}");
    assert_eq!(found, expected);
    let background = &matcher["background"];
    assert!(regexp(&background["beginsPattern"]).is_match("wireloom: checking"));
    assert!(regexp(&background["endsPattern"]).is_match(END));
}
