//! Renders views by templates. A template lays out; it decides nothing.

use serde::Serialize;
use tera::{Context, Tera};

/// The text that a template of ours makes of a view.
pub(super) fn render(template: &str, view: &impl Serialize) -> String {
    let context = Context::from_serialize(view);
    let text = context.and_then(|context| Tera::one_off(template, &context, false));
    match text {
        Ok(text) => text,
        // The templates are part of this crate and every view has every field, so a test would have shown it.
        Err(error) => format!("wireloom cannot lay this file out: {error}\n"),
    }
}
