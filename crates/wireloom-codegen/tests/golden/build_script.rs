//! A crate with a build script: it generates, it says what is wrong in Cargo's own words, and the crate compiles.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::Outcome;
use crate::cargo::{profiles, succeeded, target};
use crate::corpus::{put, workspace};

const PROTOCOL: &str = "
wireloom: 1
info: { name: tiny, version: 1.0.0 }
messages:
  greet: { from: client, payload: { fields: { name: string } }, reply: greeted }
  greeted: { from: server, payload: { fields: { text: string } } }
";

const MAIN: &str = r#"//! Prints a greeting that was generated.

mod protocol {
    include!(concat!(env!("OUT_DIR"), "/protocol.rs"));
}

fn main() {
    let greet = protocol::Greet { name: "Ada".to_owned() };
    println!("{} {}", <protocol::Greet as wireloom::Message>::TYPE, greet.name);
}
"#;

fn project(name: &str, protocol: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let workspace = workspace().canonicalize()?;
    let manifest = format!(
        "[package]\nname = \"tiny\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         wireloom = {{ path = \"{0}/crates/wireloom\" }}\n\n[build-dependencies]\n\
         wireloom-codegen = {{ path = \"{0}/crates/wireloom-codegen\" }}\n\n\
         [lints.rust]\nwarnings = \"deny\"\n{1}",
        workspace.display(),
        profiles()?
    );
    put(&root.join("Cargo.toml"), &manifest)?;
    put(
        &root.join("Cargo.lock"),
        &fs::read_to_string(workspace.join("Cargo.lock"))?,
    )?;
    put(
        &root.join("build.rs"),
        "fn main() {\n    wireloom_codegen::Build::new(\"protocol.yaml\").typescript(\"web\").run();\n}\n",
    )?;
    put(&root.join("src/main.rs"), MAIN)?;
    put(&root.join("protocol.yaml"), protocol)?;
    Ok(root)
}

fn run(root: &PathBuf) -> std::io::Result<Output> {
    Command::new(env!("CARGO"))
        .args(["run", "--offline", "--quiet"])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", target())
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
}

#[test]
fn a_crate_generates_compiles_and_is_told_its_mistakes() -> Outcome {
    let root = project("build-script", PROTOCOL)?;
    let output = run(&root)?;
    succeeded("cargo run", &output)?;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "greet Ada\n");
    let types = fs::read_to_string(root.join("web/protocol.d.ts"))?;
    assert!(types.contains("interface GreetPayload"));

    put(
        &root.join("protocol.yaml"),
        &PROTOCOL
            .replace("reply: greeted", "reply: greetd")
            .replace("text: string", "text: strin"),
    )?;
    let output = run(&root)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    let errors: Vec<_> = said
        .lines()
        .filter(|line| line.contains("protocol.yaml:"))
        .collect();
    assert_eq!(errors.len(), 2, "{said}");
    assert!(
        errors[0].contains("protocol.yaml:5:") && errors[0].contains(r#"did you mean "greeted"?"#),
        "{said}"
    );
    assert!(
        errors[1].contains("protocol.yaml:6:") && errors[1].contains("did you mean `string`?"),
        "{said}"
    );
    Ok(())
}
