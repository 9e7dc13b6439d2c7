//! Any text as a protocol: a model or diagnostics, soon; and what is a model can be generated from.

use wireloom_codegen::emit;
use wireloom_spec::{Severity, render};

/// Most bytes that are looked at: more only takes longer.
const MOST: usize = 64 * 1024;

/// Checks the text, renders what is wrong with it, and generates Rust from it if nothing is.
///
/// # Panics
///
/// If the checker or the generator does, or if a text has neither a model nor an error.
pub fn spec(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if text.len() > MOST {
        return;
    }
    let checked = wireloom_spec::check("fuzz.yaml", text);
    let errors = checked
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(
        checked.model.is_none(),
        errors.count() > 0,
        "a model, or errors: {:?}",
        checked.diagnostics
    );
    for diagnostic in &checked.diagnostics {
        let span = diagnostic.place.span;
        assert!(
            span.start <= span.end && text.get(span.start..span.end.min(text.len())).is_some(),
            "{diagnostic} stands between characters"
        );
    }
    let shown = render::text(&checked.diagnostics, text, false);
    assert_eq!(shown.is_empty(), checked.diagnostics.is_empty());
    let json: serde_json::Value = serde_json::from_str(&render::json(&checked.diagnostics)).expect("JSON");
    assert!(json.is_object());
    if let Some(model) = &checked.model {
        assert!(emit::rust(model, "fuzz.yaml").contains("SUBPROTOCOL"));
    }
}
