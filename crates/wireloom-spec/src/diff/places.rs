//! Where in a file something stands that the model knows by name. A model keeps no places of its own below a message:
//! the text is read once more, into the tree that has them.

use crate::diagnostic::{Place, Sink, at};
use crate::source::Source;
use crate::syntax::{self, Data, Node};

/// The places of one file.
pub(super) struct Places<'a> {
    source: Source<'a>,
    root: Option<Node>,
}

impl<'a> Places<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        let source = Source::new(file, text);
        // The file has been checked: there is nothing to report.
        let root = syntax::parse(&source, &mut Sink::default());
        Self { source, root }
    }

    /// The place of a path of keys from the file's root, or of the last thing on the way that the file has. A file
    /// that says nothing of its beginning has none.
    ///
    /// `properties/NAME` also finds what the shorthand `fields` says.
    pub(super) fn find<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Option<Place> {
        let mut node = self.root.as_ref()?;
        let mut found = false;
        for step in path {
            let next = match &node.data {
                Data::Map(_) if step == "properties" => {
                    entry(node, "properties").or_else(|| entry(node, "fields"))
                }
                Data::Map(_) => entry(node, step).or_else(|| entry(node, &format!("{step}?"))),
                Data::Seq(items) => step.parse().ok().and_then(|index: usize| items.get(index)),
                _ => None,
            };
            let Some(next) = next else { break };
            node = next;
            found = true;
        }
        found.then(|| at(node.name, &self.source))
    }
}

fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.data {
        Data::Map(entries) => entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value),
        _ => None,
    }
}
