//! The sink writes what differs, leaves alone what is right, and removes only what it made.

use std::fs;

use tempfile::tempdir;
use wireloom_codegen::{StaleKind, Targets, check, generate, write};

use crate::Outcome;
use crate::corpus;

const TWO: &str = "
wireloom: 1
info: { name: two, version: 1.0.0 }
messages:
  one: { from: client }
  other: { from: client }
";

fn one() -> String {
    TWO.replace("  other: { from: client }\n", "")
}

#[test]
fn nothing_is_written_twice() -> Outcome {
    let folder = tempdir()?;
    let artifacts = generate(&corpus::check("two.yaml", TWO)?, &Targets::in_project("two.yaml"));
    let written = write(folder.path(), &artifacts)?;
    assert_eq!(written.len(), artifacts.len());
    assert!(written.iter().all(|stale| stale.kind == StaleKind::Missing));

    let path = folder.path().join("generated/protocol.rs");
    let before = fs::metadata(&path)?.modified()?;
    assert_eq!(write(folder.path(), &artifacts)?, []);
    assert_eq!(fs::metadata(&path)?.modified()?, before);
    assert_eq!(check(folder.path(), &artifacts), []);

    fs::write(&path, "// mine")?;
    let stale = check(folder.path(), &artifacts);
    assert_eq!(
        stale.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["generated/protocol.rs is out of date"]
    );
    assert_eq!(fs::read_to_string(&path)?, "// mine", "a check changes nothing");
    write(folder.path(), &artifacts)?;
    assert_eq!(check(folder.path(), &artifacts), []);
    Ok(())
}

#[test]
fn schemas_of_deleted_messages_go_and_nothing_else() -> Outcome {
    let folder = tempdir()?;
    let targets = Targets::in_project("two.yaml");
    write(
        folder.path(),
        &generate(&corpus::check("two.yaml", TWO)?, &targets),
    )?;
    let schemas = folder.path().join("schemas");
    fs::write(schemas.join("mine.schema.json"), "{}\n")?;
    fs::write(schemas.join("README.md"), "mine\n")?;
    let elsewhere = fs::read_to_string(schemas.join("other.schema.json"))?.replace("two.yaml", "three.yaml");
    fs::write(schemas.join("three.schema.json"), elsewhere)?;

    let artifacts = generate(&corpus::check("two.yaml", &one())?, &targets);
    let stale = write(folder.path(), &artifacts)?;
    let orphans: Vec<_> = stale
        .iter()
        .filter(|stale| stale.kind == StaleKind::Orphaned)
        .collect();
    assert_eq!(
        orphans
            .iter()
            .map(|stale| stale.path.as_str())
            .collect::<Vec<_>>(),
        ["schemas/other.schema.json"]
    );
    assert!(!schemas.join("other.schema.json").exists());
    for kept in [
        "mine.schema.json",
        "README.md",
        "three.schema.json",
        "one.schema.json",
    ] {
        assert!(schemas.join(kept).exists(), "{kept}");
    }
    assert_eq!(check(folder.path(), &artifacts), []);
    Ok(())
}

#[test]
fn a_file_that_cannot_be_written_is_named() -> Outcome {
    let folder = tempdir()?;
    fs::write(folder.path().join("generated"), "a file where a folder should be")?;
    let artifacts = generate(&corpus::check("two.yaml", TWO)?, &Targets::in_project("two.yaml"));
    let error = write(folder.path(), &artifacts).err().ok_or("it was written")?;
    assert!(error.to_string().contains("generated"), "{error}");
    // The others were written all the same.
    assert!(folder.path().join("schemas/protocol.json").exists());
    Ok(())
}

#[test]
fn messages_named_like_our_own_files_have_files_of_their_own() -> Outcome {
    let text = "
wireloom: 1
info: { name: names, version: 1.0.0 }
messages:
  envelope: { from: client }
  wireloom: { from: client }
  client-message: { from: client }
  con: { from: client }
";
    let artifacts = generate(
        &corpus::check("names.yaml", text)?,
        &Targets::in_project("names.yaml"),
    );
    let mut paths: Vec<_> = artifacts
        .iter()
        .map(|artifact| artifact.path.to_lowercase())
        .collect();
    let count = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), count);
    for path in [
        "schemas/_envelope.schema.json",
        "schemas/envelope.schema.json",
        "schemas/_con.schema.json",
    ] {
        assert!(paths.iter().any(|found| found == path), "{path}");
    }
    Ok(())
}
