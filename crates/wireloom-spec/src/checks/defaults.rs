//! A default says what a reader assumes of a property that is not there; of one that is required, it says nothing.

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::schema::Raw;

/// Warns of defaults on required properties, in every schema and those inside it.
pub(crate) fn defaults<'a>(schemas: impl Iterator<Item = &'a Raw>, sink: &mut Sink) {
    for raw in schemas {
        raw.walk(&mut |inner| required(inner, sink));
    }
}

fn required(raw: &Raw, sink: &mut Sink) {
    let Some(keywords) = raw.keywords() else { return };
    for (name, property) in keywords.properties.iter().flatten() {
        let default = property
            .schema
            .samples
            .iter()
            .find(|sample| sample.what == "default");
        if let Some(default) = default.filter(|_| keywords.requires(name)) {
            let report = Report::new(
                &codes::IDLE_DEFAULT,
                default.node.name,
                format!("`{name}` is required: its default is never assumed"),
            )
            .help(format!(
                "remove the default, or make the property optional: `{name}?` under `fields`, or not in `required`"
            ));
            sink.push(report);
        }
    }
}
