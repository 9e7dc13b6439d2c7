use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wireloom_spec::Model;

use crate::support::{folder, run};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The model of a text, without the places in it.
fn model(text: &str) -> Model {
    let checked = wireloom_spec::check("protocol.yaml", text);
    let mut model = checked
        .model
        .unwrap_or_else(|| panic!("{:#?}\n{text}", checked.diagnostics));
    for message in &mut model.messages {
        message.span = None;
    }
    model
}

/// The lines of a report about a place of a document.
fn about<'r>(report: &'r Value, pointer: &str) -> Vec<&'r Value> {
    let entries = report["report"].as_array().expect("a report");
    entries
        .iter()
        .filter(|entry| entry["pointer"] == pointer)
        .collect()
}

#[test]
fn what_is_exported_is_imported_again_without_any_loss() {
    let dir = folder(&[]);
    let mut paths: Vec<PathBuf> = fs::read_dir(workspace().join("tests/corpus"))
        .expect("the corpus")
        .map(|entry| entry.expect("a file of it").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    paths.push(workspace().join("protocol.yaml"));
    assert!(paths.len() > 40, "only {} protocols", paths.len());
    for path in paths {
        let name = path.display();
        let before = model(&fs::read_to_string(&path).expect("a protocol"));
        let exported = wireloom_codegen::emit::asyncapi(&before, "protocol.yaml");
        fs::write(dir.path().join("asyncapi.yaml"), &exported).expect("a file");
        let ended = run(
            dir.path(),
            &["import", "asyncapi.yaml", "--deny-losses", "--report", "json"],
        );
        assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
        let report: Value = serde_json::from_str(&ended.stderr).expect("a report");
        assert_eq!(report["report"], serde_json::json!([]), "{name}");
        let after = model(&ended.stdout);
        for (before, after) in before.defs.iter().zip(&after.defs) {
            assert_eq!(before, after, "{name}\n{}", ended.stdout);
        }
        assert_eq!(before, after, "{name}\n{}", ended.stdout);
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import")
}

/// The protocol and the report of an import that went well, to be read in reviews.
fn snapshot(name: &str, args: &[&str]) {
    let mut whole = vec!["import"];
    whole.extend(args);
    let ended = run(&data(), &whole);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    model(&ended.stdout);
    // Its layout is the canonical one.
    let dir = folder(&[("protocol.yaml", &ended.stdout)]);
    let formatted = run(dir.path(), &["fmt", "--check"]);
    assert_eq!(formatted.code, Some(0), "{formatted:?}");
    insta::assert_snapshot!(name, format!("{}\n----\n{}", ended.stdout, ended.stderr));
}

#[test]
fn an_exchange() {
    snapshot("exchange", &["exchange.yaml"]);
}

#[test]
fn a_stream_of_a_client_with_schemas_of_older_drafts() {
    snapshot("stream", &["stream.yaml", "--role", "client"]);
}

#[test]
fn json_schemas() {
    snapshot(
        "orders",
        &[
            "order.schema.json",
            "shared.json",
            "--name",
            "orders",
            "--from",
            "client",
        ],
    );
}

#[test]
fn the_report_is_for_programs_too_and_losses_can_be_denied() {
    let dir = folder(&[]);
    let exchange = data().join("exchange.yaml");
    let exchange = exchange.to_str().expect("a path of letters");
    let args = ["import", exchange, "-o", "protocol.yaml", "--report", "json"];
    let ended = run(dir.path(), &args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = ended.json();
    assert_eq!(report["valid"], true);
    let pattern = about(&report, "/components/schemas/pair/pattern");
    assert_eq!(pattern.len(), 1, "{report:#}");
    assert_eq!(pattern[0]["kind"], "lost");
    assert!(run(dir.path(), &["check"]).code == Some(0));

    let again = run(dir.path(), &args);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("--force"), "{again:?}");
    let denied = run(
        dir.path(),
        &[
            "import",
            exchange,
            "--deny-losses",
            "-o",
            "protocol.yaml",
            "--force",
        ],
    );
    assert_eq!(denied.code, Some(1), "{denied:?}");
}

#[test]
fn what_is_no_document_is_refused_with_a_reason() {
    let dir = folder(&[
        (
            "two.yaml",
            "asyncapi: 2.6.0\ninfo: { title: x, version: 1.0.0 }\nchannels: {}\n",
        ),
        ("open.yaml", "openapi: 3.1.0\n"),
        ("ours.yaml", "wireloom: 1\n"),
        ("list.json", "[1]"),
        ("any.json", "{\"a\":1}"),
        ("broken.yaml", "asyncapi: [\n"),
    ]);
    for (file, why) in [
        ("two.yaml", "only AsyncAPI 3"),
        ("open.yaml", "OpenAPI"),
        ("ours.yaml", "already"),
        ("list.json", "neither"),
        ("any.json", "neither"),
        ("broken.yaml", "broken.yaml"),
        ("missing.yaml", "cannot read missing.yaml"),
    ] {
        let ended = run(dir.path(), &["import", file]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(why), "{ended:?}");
        assert_eq!(ended.stdout, "");
    }
}

/// The pointers of all values.
fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let key = key.replace('~', "~0").replace('/', "~1");
                pointers(value, format!("{at}/{key}"), all);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                pointers(value, format!("{at}/{index}"), all);
            }
        }
        _ => {}
    }
    all.push(at);
}

/// More cases: `WIRELOOM_IMPORT_CASES=1000`.
#[test]
fn damaged_documents_end_in_a_protocol_or_in_a_reason() {
    let dir = folder(&[]);
    let cases = std::env::var("WIRELOOM_IMPORT_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let mut random = fastrand::Rng::with_seed(7);
    for name in ["exchange.yaml", "order.schema.json"] {
        let text = fs::read_to_string(data().join(name)).expect("a document");
        let sound: Value = serde_yaml::from_str(&text).expect("it is YAML");
        let mut places = Vec::new();
        pointers(&sound, String::new(), &mut places);
        let odd = [
            serde_json::json!(null),
            serde_json::json!([]),
            serde_json::json!({}),
            serde_json::json!(7),
            serde_json::json!("odd: [name"),
            serde_json::json!({ "$ref": "#" }),
            serde_json::json!({ "$ref": "#/components" }),
            serde_json::json!([{ "type": "object" }]),
        ];
        for _ in 0..cases.unwrap_or(15) {
            let mut document = sound.clone();
            for _ in 0..3 {
                let place = random
                    .choice(&places)
                    .and_then(|place| document.pointer_mut(place));
                if let (Some(place), Some(odd)) = (place, random.choice(&odd)) {
                    *place = odd.clone();
                }
            }
            fs::write(dir.path().join(name), document.to_string()).expect("a file");
            let ended = run(dir.path(), &["import", name]);
            assert!(matches!(ended.code, Some(0..=2)), "{ended:?}\n{document}");
            match ended.code {
                Some(0) => drop(model(&ended.stdout)),
                Some(1) => assert!(
                    ended.stderr.contains("to be mended by hand"),
                    "{ended:?}\n{document}"
                ),
                _ => assert!(ended.stderr.contains("error: "), "{ended:?}\n{document}"),
            }
        }
    }
}
