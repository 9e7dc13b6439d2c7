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
    entries.iter().filter(|entry| entry["pointer"] == pointer).collect()
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
        let ended = run(dir.path(), &["import", "asyncapi.yaml", "--deny-losses", "--report", "json"]);
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
