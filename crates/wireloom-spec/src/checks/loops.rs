//! A type must not lead back to itself without going into the value: a validator would look at the same value for ever.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::graph;
use crate::model::Span;
use crate::schema::Raw;

/// Reports types that are defined by themselves. Gives whether there are any.
pub(crate) fn loops(types: &IndexMap<String, Raw>, spans: &HashMap<&str, Span>, sink: &mut Sink) -> bool {
    let edges: Vec<Vec<usize>> = types
        .values()
        .map(|raw| {
            let mut names = Vec::new();
            in_place(raw, &mut names);
            names
                .into_iter()
                .filter_map(|name| types.get_index_of(name))
                .collect()
        })
        .collect();
    let looped = graph::loops(&edges);
    for (name, _) in looped.iter().filter_map(|index| types.get_index(*index)) {
        let at = spans.get(name.as_str()).copied().unwrap_or_default();
        let report = Report::new(
            &codes::ALIAS_CYCLE,
            at,
            format!("the type `{name}` is defined by itself"),
        )
        .help("a type may refer to itself inside an object or a list only");
        sink.push(report);
    }
    !looped.is_empty()
}

/// Names of the types that apply to the very value that the schema applies to.
fn in_place<'a>(raw: &'a Raw, names: &mut Vec<&'a str>) {
    let Some(keywords) = raw.keywords() else { return };
    names.extend(keywords.reference.as_ref().map(|(name, _)| name.as_str()));
    let lists = [&keywords.all_of, &keywords.any_of, &keywords.one_of];
    lists
        .into_iter()
        .flatten()
        .flatten()
        .chain(&keywords.applied)
        .for_each(|inner| in_place(inner, names));
}
