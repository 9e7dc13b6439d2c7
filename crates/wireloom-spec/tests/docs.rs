//! The examples of the language's documentation are protocols.

mod support;

#[test]
fn every_example_of_the_documentation_checks() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spec-language.md");
    let page = std::fs::read_to_string(path).expect("docs/spec-language.md can be read");
    let examples: Vec<_> = page
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("an end").to_owned())
        .filter(|example| !example.starts_with("# yaml-language-server"))
        .collect();
    assert!(examples.len() >= 3);
    for example in examples {
        support::model(&example);
    }
    // What the page lists is what there is.
    for error in wireloom_spec::ENGINE_ERRORS {
        assert!(
            page.contains(&format!("`{}`", error.code)),
            "{} is missing",
            error.code
        );
    }
    for format in wireloom_spec::model::FORMATS {
        assert!(page.contains(&format!("`{format}`")), "{format} is missing");
    }
}

#[test]
fn the_whole_file_of_the_documentation_has_no_warning() {
    let page = include_str!("../../../docs/spec-language.md");
    let whole = page
        .split("```yaml\n")
        .find(|rest| rest.starts_with("wireloom: 1"))
        .expect("the whole file");
    let whole = whole.split("```").next().expect("an end");
    assert_eq!(support::places(whole), [""; 0]);
}

#[test]
fn the_wire_protocol_says_of_the_same_errors_that_they_may_be_retried() {
    let page = include_str!("../../../docs/wire-protocol.md");
    let rows = page
        .split("## Errors")
        .nth(1)
        .and_then(|rest| rest.split("## ").next());
    let rows = rows.expect("the table of errors");
    for error in wireloom_spec::ENGINE_ERRORS {
        let start = format!("| `{}` |", error.code);
        let row = rows.lines().find(|row| row.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("{} is missing", error.code));
        assert_eq!(row.contains("retryable"), error.retryable, "{row}");
    }
}
