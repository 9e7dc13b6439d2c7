//! The repository's own protocol, and the engine's messages, are in order.

use wireloom_spec::{check, render};

const PROTOCOL: &str = include_str!("../../../protocol.yaml");

#[test]
fn the_agent_protocol_checks_without_a_word() {
    let checked = check("protocol.yaml", PROTOCOL);
    assert!(
        checked.diagnostics.is_empty(),
        "{}",
        render::text(&checked.diagnostics, PROTOCOL, false)
    );
}
