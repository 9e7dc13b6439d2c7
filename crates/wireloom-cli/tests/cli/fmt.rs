use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::{BROKEN, Ended, command, folder, run};

const UNTIDY: &str = "\
wireloom:   1
info: {name: demo,version: 1.0.0}   #a note
messages:
    say: { from: client }
    # Answers it.
    said:
          from: server
";

const TIDY: &str = "\
wireloom: 1

info: { name: demo, version: 1.0.0 } # a note

messages:
  say: { from: client }

  # Answers it.
  said:
    from: server
";

#[test]
fn a_file_is_formatted_in_place_and_once_for_all() {
    let dir = folder(&[("protocol.yaml", UNTIDY)]);
    let ended = run(dir.path(), &["fmt"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "formatted protocol.yaml\n");
    let text = || fs::read_to_string(dir.path().join("protocol.yaml")).expect("the file");
    assert_eq!(text(), TIDY);
    let again = run(dir.path(), &["fmt"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""), "{again:?}");
    assert_eq!(text(), TIDY);
}

#[test]
fn a_check_shows_what_would_change_and_changes_nothing() {
    let dir = folder(&[("protocol.yaml", UNTIDY), ("tidy.yaml", TIDY)]);
    let ended = run(dir.path(), &["fmt", "--check", "tidy.yaml", "protocol.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("\n-wireloom:   1\n"), "{ended:?}");
    assert!(ended.stdout.contains("\n+wireloom: 1\n"), "{ended:?}");
    assert!(!ended.stdout.contains("tidy.yaml"), "{ended:?}");
    let text = fs::read_to_string(dir.path().join("protocol.yaml")).expect("the file");
    assert_eq!(text, UNTIDY);
    assert_eq!(run(dir.path(), &["fmt", "--check", "tidy.yaml"]).code, Some(0));
}

/// What comes of a text on standard input.
fn piped(text: &str) -> Ended {
    let dir = folder(&[]);
    let mut child = command(dir.path(), &["fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("it is read");
    drop(input);
    child.wait_with_output().expect("it ends").into()
}

#[test]
fn standard_input_goes_to_standard_output() {
    // Breaks of another system become ours.
    let ended = piped(&UNTIDY.replace('\n', "\r\n"));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), TIDY), "{ended:?}");
}

#[test]
fn a_file_with_errors_is_left_alone() {
    let dir = folder(&[("protocol.yaml", BROKEN), ("untidy.yaml", UNTIDY)]);
    let ended = run(dir.path(), &["fmt", "protocol.yaml", "untidy.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("protocol.yaml has 2 errors"), "{ended:?}");
    assert!(ended.stderr.contains("error[W004]"), "{ended:?}");
    // The other one is formatted all the same.
    assert_eq!(ended.stdout, "formatted untidy.yaml\n");
    let text = fs::read_to_string(dir.path().join("protocol.yaml")).expect("the file");
    assert_eq!(text, BROKEN);
    // What comes from standard input cannot be checked again.
    let ended = piped(BROKEN);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("--> <stdin>:4:"), "{ended:?}");
    assert!(ended.stderr.contains("<stdin> has 2 errors"), "{ended:?}");
    assert_eq!(ended.stdout, "");
}
