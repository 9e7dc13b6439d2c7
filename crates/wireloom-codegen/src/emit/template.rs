//! Renders views by templates. A template lays out; it decides nothing.

use serde::Serialize;
use tera::{Context, Tera};

/// The text that a template of ours makes of a view.
pub(super) fn render(template: &str, view: &impl Serialize) -> String {
    lay_out(template, view, false)
}

/// The page that a template of ours makes of a view: whatever the view says is text there, never markup.
pub(super) fn render_html(template: &str, view: &impl Serialize) -> String {
    lay_out(template, view, true)
}

fn lay_out(template: &str, view: &impl Serialize, escape: bool) -> String {
    let context = Context::from_serialize(view);
    let text = context.and_then(|context| Tera::one_off(template, &context, escape));
    match text {
        Ok(text) => text,
        // The templates are part of this crate and every view has every field, so a test would have shown it.
        Err(error) => format!("wireloom cannot lay this file out: {error}\n"),
    }
}
