//! Diagnostics for people (with the lines of the file and carets, as rustc draws them) and for programs (JSON).

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use crate::diagnostic::{Diagnostic, Severity};

/// Every diagnostic with the lines that it is about. `source` is the text that was checked.
#[must_use]
pub fn text(diagnostics: &[Diagnostic], source: &str, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&renderer.render(&[group(diagnostic, source)]));
        out.push_str("\n\n");
    }
    out
}

fn group<'a>(diagnostic: &'a Diagnostic, source: &'a str) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let place = &diagnostic.place;
    let span = |span: crate::model::Span| span.start.min(source.len())..span.end.min(source.len());
    let mut primary = AnnotationKind::Primary.span(span(place.span));
    if !diagnostic.label.is_empty() {
        primary = primary.label(diagnostic.label.as_str());
    }
    let mut snippet = Snippet::source(source)
        .path(place.file.as_str())
        .annotation(primary);
    for related in &diagnostic.related {
        snippet = snippet.annotation(
            AnnotationKind::Context
                .span(span(related.place.span))
                .label(related.message.as_str()),
        );
    }
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code)
        .element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

/// All diagnostics as one JSON document: `{"diagnostics": [...], "errors": n, "warnings": n}`.
#[must_use]
pub fn json(diagnostics: &[Diagnostic]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        diagnostics: &'a [Diagnostic],
        errors: usize,
        warnings: usize,
    }
    let errors = diagnostics
        .iter()
        .filter(|each| each.severity == Severity::Error)
        .count();
    let document = Document {
        diagnostics,
        errors,
        warnings: diagnostics.len() - errors,
    };
    // Strings, numbers and lists always serialize.
    serde_json::to_string_pretty(&document).unwrap_or_default()
}
