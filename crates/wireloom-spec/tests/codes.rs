//! The table of diagnostics: every example shows its code, and the page in `docs` is the table.

use wireloom_spec::{check, codes, render};

#[test]
fn every_example_shows_its_code_and_no_other_error() {
    for code in codes::ALL {
        if code.example.is_empty() {
            continue;
        }
        let file = code.example_file();
        let diagnostics = check("protocol.yaml", &file).diagnostics;
        let shown = render::text(&diagnostics, &file, false);
        assert!(
            diagnostics.iter().any(|each| each.code == code.id),
            "{} is not shown:\n{shown}",
            code.id
        );
        let others = diagnostics
            .iter()
            .filter(|each| each.code != code.id && each.severity == wireloom_spec::Severity::Error)
            .count();
        assert_eq!(others, 0, "{} shows more:\n{shown}", code.id);
    }
}

#[test]
fn codes_are_unique_and_in_order() {
    let ids: Vec<_> = codes::ALL.iter().map(|code| code.id).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted);
    assert_eq!(codes::find("w004").map(|code| code.id), Some("W004"));
    assert_eq!(codes::find("W999"), None);
}

/// `UPDATE_DOCS=1 cargo test -p wireloom-spec --test codes` writes the page anew.
#[test]
fn the_page_of_diagnostics_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/diagnostics.md");
    let page = codes::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).expect("docs/diagnostics.md can be written");
    }
    let committed = std::fs::read_to_string(path).expect("docs/diagnostics.md can be read");
    assert!(
        committed == page,
        "docs/diagnostics.md is not up to date: run this test with UPDATE_DOCS=1"
    );
}
