//! What is written about the client is so: the generated code is fresh, and every documented case is a test.

use std::fs;
use std::path::Path;

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn generated_code_is_fresh() {
    let checked = wireloom_spec::check("protocol.yaml", &read("tests/protocol.yaml"));
    let model = checked.model.expect("the protocol is sound");
    let fresh = wireloom_codegen::emit::rust(&model, "protocol.yaml");
    assert!(
        fresh == read("tests/generated/protocol.rs"),
        "run `wireloom generate --rust generated` in crates/wireloom-client/tests"
    );
}

#[test]
fn every_documented_case_is_a_test() {
    let mut sources = String::new();
    for folder in ["src/core/tests", "tests/client"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for file in fs::read_dir(folder).expect("tests") {
            sources.push_str(&read(file.expect("a file").path()));
        }
    }
    let table = read("../../docs/client-behaviour.md");
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let missing: Vec<_> = rows
        .clone()
        .filter(|name| !sources.contains(&format!("fn {name}()")))
        .collect();
    assert!(rows.count() > 50, "the table is there");
    assert!(missing.is_empty(), "{missing:?}");
}
