use crate::support::{folder, run};

#[test]
fn every_shell_gets_its_script() {
    let dir = folder(&[]);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = run(dir.path(), &["completions", shell]);
        assert_eq!(ended.code, Some(0), "{shell}: {ended:?}");
        for word in ["generate", "deny-warnings", "correlation-id"] {
            assert!(ended.stdout.contains(word), "{shell} does not complete {word}");
        }
    }
}

#[test]
fn the_script_for_bash_is_bash() {
    let dir = folder(&[]);
    let script = run(dir.path(), &["completions", "bash"]).stdout;
    let path = dir.path().join("wireloom.bash");
    std::fs::write(&path, script).expect("a file");
    let read = std::process::Command::new("bash").arg("-n").arg(&path).output();
    // A machine without bash has nothing to try it on.
    if let Ok(read) = read {
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    }
}

#[test]
fn the_version_is_the_package_s() {
    let dir = folder(&[]);
    let ended = run(dir.path(), &["--version"]);
    assert_eq!(ended.stdout, format!("wireloom {}\n", env!("CARGO_PKG_VERSION")));
}
