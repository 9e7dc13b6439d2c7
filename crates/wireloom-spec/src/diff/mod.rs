//! Compares two protocols: what has changed, and in which order the change can be rolled out.
//!
//! Two checked [`Model`]s are compared, not two texts, and it matters who sends: what a client sends must be accepted by a
//! newer server, what a server sends must be read by an older client, and, since nobody updates everything at once, the
//! other way round. Each difference is a [`Change`] with a [`Class`], which says whom it troubles.
//!
//! Servers accept what their schema accepts. Clients leave out fields that they do not know and pass over messages that
//! they do not know; what is left must fit their schema. A promise that is taken away (a message, a guarantee of
//! delivery) troubles who counts on it; one that is added troubles nobody.
//!
//! Compatible is what is proved to be. What can neither be proved nor refuted by a value counts as refused, and says so.

mod change;
mod class;
mod messages;
mod notes;
mod places;
mod protocol;
mod rows;
mod schema;
mod states;

pub use change::{Change, Evidence, Kind, Trouble};
pub use class::{Class, Pairing, Sender};
pub use schema::Search;

use self::rows::Rows;
use crate::model::Model;

/// One of two protocols that are compared.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Name of the file, as changes show it.
    pub file: &'a str,
    /// What it contains.
    pub text: &'a str,
    /// What came of checking that text.
    pub model: &'a Model,
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Every difference: first those of the protocol as a whole, then those of messages and types in the order of the files.
    pub changes: Vec<Change>,
    /// The class of all changes together. It is breaking, too, if one wants servers first and another clients.
    pub verdict: Class,
    /// Whether the major version rose: then both versions are served side by side, and nothing is broken.
    pub major_rose: bool,
}

/// Compares two protocols. `search` finds values for schemas, to show what is refused.
#[must_use]
pub fn compare(old: Side<'_>, new: Side<'_>, search: &dyn Search) -> Comparison {
    let mut rows = Rows::new(old, new);
    protocol::compare(old.model, new.model, &mut rows);
    messages::compare(old.model, new.model, &mut rows);
    rows.schemas(schema::compare(old.model, new.model, search));
    protocol::states(old.model, new.model, &mut rows);
    notes::compare(old.model, new.model, &mut rows);
    let changes = rows.changes;
    let class = |class: Class, change: &Change| class.and(change.class);
    Comparison {
        verdict: changes.iter().fold(Class::Compatible, class),
        changes,
        major_rose: new.model.info.version.major > old.model.info.version.major
            && new.model.info.name == old.model.info.name,
    }
}
