//! Changes judged by hand, in `changes/`: each has the class that `wireloom_spec::diff` says.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use wireloom_fuzz::Samples;
use wireloom_spec::diff::{self, Class, Comparison, Side};

/// A change, and what it is.
struct Case {
    title: String,
    old: Value,
    new: Value,
    class: String,
    /// Whether it is caution alone that gives it this class.
    undecided: bool,
}

/// The smallest protocol, with what stands in `parts` in its place.
fn protocol(parts: &Value) -> Value {
    let mut whole = json!({
        "wireloom": 1,
        "info": { "name": "demo", "version": "1.0.0" },
        "messages": { "m": { "from": "client" } },
    });
    for (key, value) in parts.as_object().into_iter().flatten() {
        whole[key] = value.clone();
    }
    whole
}

fn compare(old: &Value, new: &Value) -> Comparison {
    let texts = [old.to_string(), new.to_string()];
    let models = texts.each_ref().map(|text| {
        let checked = wireloom_spec::check("protocol.yaml", text);
        checked
            .model
            .unwrap_or_else(|| panic!("{text}\n{:#?}", checked.diagnostics))
    });
    let side = |at: usize| Side {
        file: "protocol.yaml",
        text: &texts[at],
        model: &models[at],
    };
    diff::compare(side(0), side(1), &Samples::default())
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/changes");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let read: Vec<Map<String, Value>> =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let theme = file.file_stem().unwrap().to_string_lossy().into_owned();
        for case in read {
            let word = |key: &str| case.get(key).and_then(Value::as_str).map(str::to_owned);
            let title = format!("{theme}: {}", word("change").unwrap());
            let undecided = case.get("undecided") == Some(&Value::Bool(true));
            assert!(word("why").is_some(), "{title}: no reason");
            if let Some(class) = word("class") {
                let (old, new) = (protocol(&case["old"]), protocol(&case["new"]));
                cases.push(Case {
                    title,
                    old,
                    new,
                    class,
                    undecided,
                });
                continue;
            }
            for sender in ["client", "server"] {
                let side = |key: &str| {
                    let message = json!({ "from": sender, "payload": case[key] });
                    let types = case.get("types").and_then(|types| types.get(key));
                    let mut parts = json!({ "messages": { "m": message } });
                    if let Some(types) = types {
                        parts["types"] = types.clone();
                    }
                    protocol(&parts)
                };
                cases.push(Case {
                    title: format!("{title} ({sender})"),
                    old: side("old"),
                    new: side("new"),
                    class: word(sender).unwrap_or_else(|| panic!("{title}: no class for the {sender}")),
                    undecided,
                });
            }
        }
    }
    cases
}

#[test]
fn every_change_has_its_class() {
    let cases = cases();
    assert!(cases.len() >= 250, "{} cases", cases.len());
    let mut wrong = Vec::new();
    let mut undecided = Vec::new();
    for case in &cases {
        let found = compare(&case.old, &case.new);
        if found.verdict.as_str() != case.class {
            let rows: Vec<String> = found
                .changes
                .iter()
                .map(|change| format!("{change:#?}"))
                .collect();
            wrong.push(format!(
                "{}: {} instead of {}\n{}",
                case.title,
                found.verdict.as_str(),
                case.class,
                rows.join("\n")
            ));
        }
        if found.changes.iter().any(diff::Change::is_undecided) != case.undecided {
            undecided.push(case.title.as_str());
        }
        // Whoever is told that nothing changed must be able to rely on it.
        assert!(
            !found.changes.is_empty() || case.class == Class::Compatible.as_str(),
            "{}: no row",
            case.title
        );
    }
    assert!(
        wrong.is_empty(),
        "{} of {} are wrong:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
    assert!(undecided.is_empty(), "undecided, or no longer: {undecided:#?}");
}

#[test]
fn the_way_back_is_the_mirror_image() {
    let mirrored = |class: &str| match class {
        "server-first" => "client-first".to_owned(),
        "client-first" => "server-first".to_owned(),
        class => class.to_owned(),
    };
    // What a promise does is no question of sets: messages and delivery are left out.
    let cases = cases();
    let schemas = cases.iter().filter(|case| !case.title.starts_with("protocol"));
    for case in schemas {
        let back = compare(&case.new, &case.old);
        assert_eq!(back.verdict.as_str(), mirrored(&case.class), "{}", case.title);
    }
}
