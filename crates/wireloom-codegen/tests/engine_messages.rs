//! The engine's own messages in the runtime are what this crate generates of the engine's protocol.
//!
//! After a change to it: `WIRELOOM_UPDATE=1 cargo test -p wireloom-codegen --test engine_messages`.

use std::path::Path;

use wireloom_codegen::{Artifact, Stale, check, emit, write};

const PROTOCOL: &str = "
wireloom: 1
info: { name: engine, version: 1.0.0 }
messages:
  hello: { from: client }
";

#[test]
fn the_runtime_holds_them_up_to_date() -> Result<(), Box<dyn std::error::Error>> {
    let checked = wireloom_spec::check("engine.yaml", PROTOCOL);
    let model = checked
        .model
        .ok_or_else(|| format!("{:?}", checked.diagnostics))?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wireloom/src");
    let artifacts = [Artifact {
        path: "messages.rs".to_owned(),
        contents: emit::rust_engine(&model, "engine.yaml"),
    }];
    if std::env::var_os("WIRELOOM_UPDATE").is_some() {
        write(&root, &artifacts)?;
    }
    assert_eq!(check(&root, &artifacts), Vec::<Stale>::new());
    Ok(())
}
