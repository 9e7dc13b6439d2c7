//! Types and errors that nothing uses.

use std::collections::HashSet;

use indexmap::IndexMap;

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::model::Span;
use crate::schema::Raw;

/// Warns of types that no payload contains, and of errors that no message lists.
pub(crate) fn unused<'a>(
    types: &'a IndexMap<String, Raw>,
    type_spans: &[(String, Span)],
    payloads: impl Iterator<Item = &'a Raw>,
    errors: &[(&str, Span)],
    listed: &HashSet<&str>,
    sink: &mut Sink,
) {
    let mut used: HashSet<&str> = HashSet::new();
    let mut open: Vec<&str> = payloads.flat_map(Raw::references).collect();
    while let Some(name) = open.pop() {
        if used.insert(name) {
            open.extend(types.get(name).into_iter().flat_map(Raw::references));
        }
    }
    for (name, span) in type_spans
        .iter()
        .filter(|(name, _)| !used.contains(name.as_str()))
    {
        sink.push(Report::new(
            &codes::UNUSED_TYPE,
            *span,
            format!("no message uses the type `{name}`"),
        ));
    }
    for (code, span) in errors.iter().filter(|(code, _)| !listed.contains(code)) {
        sink.push(Report::new(
            &codes::UNUSED_ERROR,
            *span,
            format!("no message lists the error `{code}`"),
        ));
    }
}
