//! What is written about the clients is so: generated code is fresh, and every documented case is a test.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use wireloom::CloseCode;

/// The client for TypeScript, whose table of close codes is generated here.
const TYPESCRIPT: &str = "../../clients/typescript";

fn path(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(file: impl AsRef<Path>) -> String {
    let file = path(file);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn generated_code_is_fresh() {
    let checked = wireloom_spec::check("protocol.yaml", &read("tests/protocol.yaml"));
    let model = checked.model.expect("the protocol is sound");
    for (file, fresh) in [
        (
            "protocol.rs",
            wireloom_codegen::emit::rust(&model, "protocol.yaml"),
        ),
        (
            "protocol.d.ts",
            wireloom_codegen::emit::typescript(&model, "protocol.yaml"),
        ),
    ] {
        assert!(
            fresh == read(format!("tests/generated/{file}")),
            "{file}: run `wireloom generate --rust generated --typescript generated` in crates/wireloom-client/tests"
        );
    }
}

/// The table of close codes as the client for TypeScript has it.
fn typescript_close_codes() -> String {
    let mut text =
        "// @generated from the table of close codes in crates/wireloom/src/close.rs. Do not edit.\n\n\
        /** What a client does when it sees a close code. */\n\
        export type Action ="
            .to_owned();
    let mut rows = String::new();
    let mut actions = Vec::new();
    for code in CloseCode::ALL {
        let action = serde_json::to_string(&code.action()).expect("a name");
        writeln!(rows, "  {}: {action},", code.code()).expect("memory");
        if !actions.contains(&action) {
            actions.push(action);
        }
    }
    write!(
        text,
        " {};\n\n/** What a client does, by the close codes of servers. */\n\
         export const ACTIONS: {{ readonly [code: number]: Action }} = {{\n{rows}}};\n",
        actions.join(" | ")
    )
    .expect("memory");
    text
}

/// After a change of the table: `WIRELOOM_UPDATE=1 cargo test -p wireloom-client --test client close_codes`.
#[test]
fn typescript_has_the_same_close_codes() {
    let file = format!("{TYPESCRIPT}/src/close-codes.ts");
    if std::env::var_os("WIRELOOM_UPDATE").is_some() {
        fs::write(path(&file), typescript_close_codes()).expect("the file can be written");
    }
    assert_eq!(read(file), typescript_close_codes());
}

/// The names of the cases below a heading of the table, or of all others.
fn cases(table: &str, of: impl Fn(&str) -> bool) -> Vec<&str> {
    let mut heading = "";
    let mut names = Vec::new();
    for line in table.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title;
        } else if let Some(row) = line.strip_prefix("| `")
            && of(heading)
        {
            names.extend(row.split('`').next());
        }
    }
    names
}

#[test]
fn every_documented_case_is_a_test() {
    let mut sources = String::new();
    for folder in ["src/core/tests", "tests/client"] {
        for file in fs::read_dir(path(folder)).expect("tests") {
            sources.push_str(&read(file.expect("a file").path()));
        }
    }
    let table = read("../../docs/client-behaviour.md");
    let names = cases(&table, |heading| heading != "TypeScript alone");
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !sources.contains(&format!("fn {name}()")))
        .collect();
    assert!(names.len() > 50, "the table is there");
    assert!(missing.is_empty(), "{missing:?}");
}
