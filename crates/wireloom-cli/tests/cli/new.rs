use std::path::Path;
use std::process::Command;

use crate::support::{folder, run};

/// The checkout that this test belongs to.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn a_fresh_project_builds_and_its_tests_pass() {
    let dir = folder(&[]);
    let ended = run(dir.path(), &["new", "my-demo", "--path", CHECKOUT]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "created my-demo in my-demo\n");
    let project = dir.path().join("my-demo");
    // The versions and the profiles of this workspace, so that what it has compiled is compiled for the project, too.
    std::fs::copy(Path::new(CHECKOUT).join("Cargo.lock"), project.join("Cargo.lock")).expect("a lock file");
    let manifest = project.join("Cargo.toml");
    let mut text = std::fs::read_to_string(&manifest).expect("a manifest");
    text.push_str(&profiles());
    std::fs::write(&manifest, text).expect("a manifest");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target folder");
    let tested = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--quiet"])
        .current_dir(&project)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo starts");
    let said = String::from_utf8_lossy(&tested.stdout);
    assert!(
        tested.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&tested.stderr)
    );
    assert!(said.contains("4 passed"), "{said}");
    let formatted = Command::new(env!("CARGO"))
        .args(["fmt", "--check"])
        .current_dir(&project)
        .output()
        .expect("cargo starts");
    assert!(
        formatted.status.success(),
        "{}",
        String::from_utf8_lossy(&formatted.stdout)
    );
    // The build left what the page needs.
    assert!(project.join("generated/protocol.d.ts").is_file());
    assert!(project.join("schemas/wireloom.schema.json").is_file());
}

/// The profiles of this workspace, as they stand in its manifest.
fn profiles() -> String {
    let manifest = std::fs::read_to_string(Path::new(CHECKOUT).join("Cargo.toml")).expect("a manifest");
    let mut inside = false;
    let lines = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            inside = line.starts_with("[profile.");
        }
        inside
    });
    lines.fold("\n".to_owned(), |text, line| text + line + "\n")
}

#[test]
fn every_name_that_is_taken_gives_a_sound_protocol() {
    for name in ["a", "demo2", "team-chat", "team_chat", "x--y_"] {
        let dir = folder(&[]);
        let ended = run(dir.path(), &["new", "here", "--name", name]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let project = dir.path().join("here");
        let checked = run(&project, &["check", "--deny-warnings"]);
        assert_eq!(checked.code, Some(0), "{name}: {checked:?}");
        let manifest = std::fs::read_to_string(project.join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{manifest}");
        assert!(
            manifest.contains(&format!("wireloom = \"{}\"", env!("CARGO_PKG_VERSION"))),
            "{manifest}"
        );
    }
}

#[test]
fn a_name_that_cargo_or_rust_would_refuse_is_refused() {
    for name in [
        "",
        "1st",
        "fn",
        "test",
        "std",
        "a b",
        "Über",
        "a/b",
        "..",
        "tokio",
        "\"",
        "{{ name }}",
    ] {
        let dir = folder(&[]);
        let ended = run(dir.path(), &["new", "here", "--name", name]);
        assert_eq!(ended.code, Some(2), "{name}: {ended:?}");
        assert!(!dir.path().join("here").exists(), "{name}");
    }
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let dir = folder(&[("precious.txt", "kept")]);
    let ended = run(dir.path(), &["new", ".", "--name", "demo"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains(". is not empty"), "{ended:?}");
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("the folder").collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn an_empty_folder_will_do() {
    let dir = folder(&[]);
    let ended = run(dir.path(), &["new", ".", "--name", "demo"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(dir.path().join("src/handlers.rs").is_file());
}

#[test]
fn a_path_that_is_no_checkout_is_refused() {
    let dir = folder(&[]);
    let ended = run(dir.path(), &["new", "demo", "--path", "."]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("no checkout of wireloom"), "{ended:?}");
}
