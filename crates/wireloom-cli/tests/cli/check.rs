use crate::support::{BROKEN, PROTOCOL, folder, run};

/// Warned about, and sound: nothing refers to the type.
const SUSPICIOUS: &str = "\
wireloom: 1
info: { name: demo, version: 1.0.0 }
types: { Unused: string }
messages:
  say: { from: client }
";

#[test]
fn a_sound_file_is_summed_up() {
    let dir = folder(&[("protocol.yaml", PROTOCOL)]);
    let ended = run(dir.path(), &["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.stdout,
        "protocol.yaml: demo 1.0.0, 8 messages, no problems\n"
    );
    assert_eq!(ended.stderr, "");
}

#[test]
fn every_mistake_has_its_place_and_a_caret() {
    let dir = folder(&[("protocol.yaml", BROKEN)]);
    let ended = run(dir.path(), &["check"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout, "protocol.yaml: 2 errors\n");
    assert!(
        ended.stderr.contains("--> protocol.yaml:4:31"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("--> protocol.yaml:5:52"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("  |                               ^^^^"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("help: did you mean"), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn colours_come_when_they_are_asked_for() {
    let dir = folder(&[("protocol.yaml", BROKEN)]);
    let always = run(dir.path(), &["check", "--color", "always"]);
    assert!(always.stderr.contains("\u{1b}["), "{always:?}");
    let never = run(dir.path(), &["check", "--color", "never"]);
    assert!(!never.stderr.contains('\u{1b}'), "{never:?}");
}

#[test]
fn programs_read_json() {
    let dir = folder(&[("bad.yaml", BROKEN), ("good.yaml", PROTOCOL)]);
    let ended = run(
        dir.path(),
        &["check", "good.yaml", "bad.yaml", "--format", "json"],
    );
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stderr, "");
    let found = ended.json();
    assert_eq!(found["errors"], 2);
    assert_eq!(found["diagnostics"][0]["file"], "bad.yaml");
    assert_eq!(found["diagnostics"][0]["line"], 4);
    assert_eq!(found["diagnostics"][0]["column"], 31);
}

#[test]
fn warnings_pass_unless_they_are_denied() {
    let dir = folder(&[("protocol.yaml", SUSPICIOUS)]);
    let passed = run(dir.path(), &["check"]);
    assert_eq!(passed.code, Some(0), "{passed:?}");
    assert!(passed.stdout.ends_with("1 message, 1 warning\n"), "{passed:?}");
    let denied = run(dir.path(), &["check", "--deny-warnings"]);
    assert_eq!(denied.code, Some(1), "{denied:?}");
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_others() {
    let dir = folder(&[("bad.yaml", BROKEN)]);
    let ended = run(dir.path(), &["check", "missing.yaml", "bad.yaml"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("cannot read missing.yaml"), "{ended:?}");
    assert_eq!(ended.stdout, "bad.yaml: 2 errors\n");
}

#[test]
fn without_a_protocol_it_says_what_to_do() {
    let dir = folder(&[]);
    let ended = run(dir.path(), &["check"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("wireloom new"), "{ended:?}");
}

#[test]
fn a_command_line_without_sense_is_2() {
    let dir = folder(&[]);
    for args in [&["chekc"][..], &[], &["check", "--format", "xml"]] {
        assert_eq!(run(dir.path(), args).code, Some(2), "{args:?}");
    }
}
