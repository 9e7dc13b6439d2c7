use std::path::Path;
use std::process::Command;

use crate::support::{BROKEN, Ended, folder, run};

const OLD: &str = "\
wireloom: 1
info: { name: demo, version: 1.0.0 }
messages:
  say:
    from: client
    payload:
      fields:
        text: { type: string, maxLength: 100 }
    reply: said
  said: { from: server, payload: { fields: { text: string } } }
";

/// One change that any order is good for, one that wants servers first, one that wants clients first.
const NEW: &str = "\
wireloom: 1
info: { name: demo, version: 1.1.0 }
messages:
  say:
    from: client
    payload:
      fields:
        text: { type: string, maxLength: 100 }
        mood?: string
    reply: said
  said: { from: server, payload: { fields: { text: { type: string, maxLength: 9 }, at?: integer } } }
";

fn narrowed() -> String {
    OLD.replace("maxLength: 100", "maxLength: 50")
}

fn compare(old: &str, new: &str, args: &[&str]) -> Ended {
    let dir = folder(&[("old.yaml", old), ("new.yaml", new)]);
    run(dir.path(), &[&["diff", "old.yaml", "new.yaml"], args].concat())
}

#[test]
fn people_read_what_changed_where_and_what_to_do() {
    let ended = compare(OLD, NEW, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
    assert_eq!(
        ended.stdout,
        "\
compatible    protocol: version 1.0.0 became 1.1.0
  old.yaml:2:21 -> new.yaml:2:21

server-first  message say: optional property `mood` added
  old.yaml:7:7 -> new.yaml:9:9
  a new client may send what an old server refuses: {\"mood\":\"\",\"text\":\"\"}
  help: update every server before a client sends what is new

compatible    message said: optional property `at` added
  old.yaml:10:36 -> new.yaml:11:84

server-first  message said at /properties/text: `maxLength` 9 added
  old.yaml:10:46 -> new.yaml:11:68
  an old server may send what a new client cannot read: \"aaaaaaaaaa\"
  help: update every server before the clients that count on it

demo 1.0.0 -> demo 1.1.0: 4 changes, 2 server-first, 2 compatible
server-first: update every server, then clients
"
    );
}

#[test]
fn what_did_not_change_is_said_in_two_lines() {
    let ended = compare(OLD, OLD, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.stdout,
        "demo 1.0.0 -> demo 1.0.0: 0 changes\ncompatible: nothing changed\n"
    );
}

#[test]
fn colours_come_when_they_are_asked_for() {
    assert!(
        compare(OLD, NEW, &["--color", "always"])
            .stdout
            .contains("\u{1b}[")
    );
    assert!(!compare(OLD, NEW, &[]).stdout.contains('\u{1b}'));
}

#[test]
fn programs_read_json() {
    let ended = compare(OLD, NEW, &["--format", "json"]);
    let found = ended.json();
    assert_eq!(found["verdict"], "server-first");
    assert_eq!(found["majorRose"], false);
    assert_eq!(found["counts"]["compatible"], 2);
    assert_eq!(found["old"]["version"], "1.0.0");
    assert_ne!(found["old"]["hash"], found["new"]["hash"]);
    let change = &found["changes"][1];
    assert_eq!(change["kind"], "property-added");
    assert_eq!(change["class"], "server-first");
    assert_eq!(change["new"]["line"], 9);
    assert_eq!(change["troubles"][0]["pairing"], "new-client");
    assert_eq!(change["troubles"][0]["evidence"]["value"]["mood"], "");
}

#[test]
fn github_shows_changes_at_their_lines() {
    let breaking = OLD.replace(
        "maxLength: 100",
        "maxLength: 9, minLength: 2, pattern: '^[a,:b]*$'",
    );
    let ended = compare(
        &OLD.replace("maxLength: 100", "minLength: 5"),
        &breaking,
        &["--format", "github"],
    );
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let first = ended.stdout.lines().next().unwrap();
    assert!(
        first.starts_with(
            "::error file=new.yaml,line=8,col=9,title=breaking%3A message say at /properties/text::"
        ),
        "{first}"
    );
    assert!(
        first.contains("%0Aan old client may send what a new server refuses"),
        "{first}"
    );
    assert!(
        ended.stdout.contains("::notice title=wireloom diff::breaking"),
        "{ended:?}"
    );
    let ordered = compare(OLD, NEW, &["--format", "github"]);
    assert!(
        ordered
            .stdout
            .starts_with("::warning file=new.yaml,line=9,col=9,"),
        "{ordered:?}"
    );
}

#[test]
fn code_scanning_reads_sarif() {
    let ended = compare(OLD, &narrowed(), &["--format", "sarif"]);
    let log = ended.json();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "schema");
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "schema");
    assert_eq!(result["level"], "warning");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "new.yaml");
    assert_eq!(place["region"]["startLine"], 8);
    let before = &result["relatedLocations"][0]["physicalLocation"];
    assert_eq!(before["artifactLocation"]["uri"], "old.yaml");
}

#[test]
fn what_breaks_is_1_unless_the_major_version_rose() {
    let breaking = OLD.replace("text: { type: string, maxLength: 100 }", "words: string");
    assert_eq!(compare(OLD, &breaking, &[]).code, Some(1));
    assert_eq!(compare(OLD, &breaking, &["--fail-on", "never"]).code, Some(0));
    let major = breaking.replace("1.0.0", "2.0.0");
    let ended = compare(OLD, &major, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stdout
            .ends_with("serve both until the old clients are gone\n"),
        "{ended:?}"
    );
    assert!(
        compare(OLD, &major, &["--format", "github"])
            .stdout
            .starts_with("::warning")
    );
    // The other way the version falls.
    assert_eq!(compare(&major, OLD, &[]).code, Some(1));
}

#[test]
fn what_wants_an_order_is_1_only_if_asked() {
    assert_eq!(compare(OLD, &narrowed(), &[]).code, Some(0));
    assert_eq!(compare(OLD, &narrowed(), &["--fail-on", "ordered"]).code, Some(1));
    assert_eq!(compare(OLD, OLD, &["--fail-on", "ordered"]).code, Some(0));
}

#[test]
fn two_orders_at_once_are_none() {
    let both = narrowed() + "  ask: { from: client }\n";
    let ended = compare(OLD, &both, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stdout.ends_with("release them one after the other\n"),
        "{ended:?}"
    );
}

#[test]
fn what_is_no_protocol_cannot_be_compared() {
    let ended = compare(OLD, BROKEN, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--> new.yaml:4:31"), "{ended:?}");
    assert!(
        ended.stderr.contains("new.yaml has 2 errors: nothing to compare"),
        "{ended:?}"
    );
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_command_line_without_two_versions_is_2() {
    let dir = folder(&[("protocol.yaml", OLD)]);
    for (args, says) in [
        (&["diff"][..], "two versions are needed"),
        (&["diff", "protocol.yaml"], "--against"),
        (
            &["diff", "protocol.yaml", "missing.yaml"],
            "cannot read missing.yaml",
        ),
        (
            &["diff", "protocol.yaml", "protocol.yaml", "--against", "main"],
            "compares one file with itself",
        ),
        (&["diff", "-", "--against", "main"], "has no revisions"),
        (&["diff", "--against=--upload-pack"], "is no revision"),
    ] {
        let ended = run(dir.path(), args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(says), "{args:?}: {ended:?}");
    }
}

/// Runs git without what the user's configuration says.
fn git(dir: &Path, args: &[&str]) {
    let ended = Command::new("git")
        .current_dir(dir)
        .args([
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.com",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git starts");
    assert!(ended.status.success(), "{args:?}: {ended:?}");
}

#[test]
fn a_file_is_compared_with_itself_in_a_revision() {
    let dir = folder(&[]);
    let sub = dir.path().join("api");
    std::fs::create_dir(&sub).unwrap();
    std::fs::write(sub.join("protocol.yaml"), OLD).unwrap();
    git(dir.path(), &["init", "--quiet"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "--quiet", "-m", "Old"]);
    git(dir.path(), &["tag", "v1"]);
    std::fs::write(sub.join("protocol.yaml"), NEW).unwrap();
    std::fs::write(sub.join("other.yaml"), NEW).unwrap();

    // By the default name, from inside the repository, and from above.
    let inside = run(&sub, &["diff", "--against", "v1"]);
    assert_eq!(inside.code, Some(0), "{inside:?}");
    assert!(
        inside
            .stdout
            .contains("v1:protocol.yaml:7:7 -> protocol.yaml:9:9"),
        "{inside:?}"
    );
    let above = run(
        dir.path(),
        &[
            "diff",
            "api/protocol.yaml",
            "--against",
            "HEAD",
            "--fail-on",
            "ordered",
        ],
    );
    assert_eq!(above.code, Some(1), "{above:?}");

    for (args, says) in [
        (
            ["diff", "protocol.yaml", "--against", "v9"],
            "git knows no revision \"v9\"",
        ),
        (
            ["diff", "other.yaml", "--against", "v1"],
            "other.yaml is not in v1",
        ),
    ] {
        let ended = run(&sub, &args);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(says), "{ended:?}");
    }
}

#[test]
fn outside_a_repository_there_are_no_revisions() {
    let dir = folder(&[("protocol.yaml", OLD)]);
    let ended = run(dir.path(), &["diff", "--against", "main"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("protocol.yaml is not in a git repository"),
        "{ended:?}"
    );
}
