//! What the runtime must not carry.

use std::path::Path;
use std::process::Command;

/// A server carries no YAML parser, no templates and none of the build's crates.
#[test]
fn depends_on_nothing_of_the_build() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-p",
            "wireloom",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("jsonschema v"), "{tree}");
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(
            !name.starts_with("wireloom-") && !["serde-saphyr", "tera", "prettyplease"].contains(&name),
            "{line}"
        );
    }
}
