//! The schemas that other peers validate by are those of the protocol that Wireloom serves.

use std::fs;
use std::path::Path;

use wireloom_codegen::{Targets, generate};

#[test]
fn the_committed_schemas_are_what_the_protocol_says() {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(bench.join("protocol.yaml")).unwrap();
    let model = wireloom_spec::check("protocol.yaml", &text)
        .model
        .expect("the protocol is valid");
    let targets = Targets {
        source: "protocol.yaml".into(),
        schemas: Some("schemas".into()),
        ..Targets::default()
    };
    let artifacts = generate(&model, &targets);
    for name in ["echo", "nested", "publish"] {
        let path = format!("schemas/bench.{name}.schema.json");
        let generated = artifacts
            .iter()
            .find(|artifact| artifact.path == path)
            .expect("every message has a schema");
        let committed = fs::read_to_string(bench.join(&path)).unwrap();
        assert_eq!(
            committed, generated.contents,
            "{path} is stale: replace it by the right-hand text"
        );
    }
}
