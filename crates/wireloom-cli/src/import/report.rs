//! What an import could not carry: where it stands in the source, what it is, and what was done instead.

use std::collections::HashSet;

use serde::Serialize;

/// How much is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// The source says something that the protocol does not say.
    Lost,
    /// The protocol says it in another way: by another name, or a little differently.
    Changed,
    /// Nothing is lost; a reader should know.
    Note,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Changed => "changed",
            Self::Note => "note",
        }
    }
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// The source's file.
    pub(super) file: String,
    /// JSON Pointer into it.
    pub(super) pointer: String,
    /// What stands there.
    pub(super) what: String,
    /// What was done instead.
    pub(super) instead: String,
}

/// All of them, in the order in which they were found, each once.
#[derive(Debug, Default)]
pub(super) struct Report {
    entries: Vec<Entry>,
    known: HashSet<Entry>,
}

impl Report {
    pub(super) fn push(&mut self, entry: Entry) {
        if self.known.insert(entry.clone()) {
            self.entries.push(entry);
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.entries.iter().filter(|entry| entry.kind == kind).count()
    }

    /// For people: a line for each.
    pub(super) fn text(&self) -> String {
        let lines = self.entries.iter().map(|entry| {
            let Entry {
                kind,
                file,
                pointer,
                what,
                instead,
            } = entry;
            format!("{}: {file}#{pointer}: {what}; {instead}\n", kind.as_str())
        });
        lines.collect()
    }
}
