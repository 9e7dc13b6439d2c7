//! From the text of `protocol.yaml` to a checked [`Model`], or to diagnostics that say what to mend. Pure: it reads no
//! file and writes none.
//!
//! [`check`] is the way in. The stages, each of which reports what it finds and passes on what is sound:
//!
//! 1. `syntax`: text to a tree with a place for every key and value;
//! 2. `shape`: the tree to the file's typed shape; [`file_schema`] describes the same types to editors;
//! 3. `schema`: schema positions to JSON Schema, shorthands expanded;
//! 4. `lower`: names resolved, types named, everything decided that Rust and TypeScript must agree on;
//! 5. `checks`: rules about the protocol as a whole.

mod canonical;
mod check;
mod checks;
pub mod codes;
mod diagnostic;
pub mod diff;
mod engine;
mod graph;
mod hash;
mod lower;
pub mod model;
mod names;
mod numeral;
pub mod render;
mod schema;
mod shape;
mod source;
mod suggest;
mod syntax;
mod syntax_help;

pub use check::{Checked, check};
pub use diagnostic::{Diagnostic, Place, Related, Severity};
pub use engine::{ERRORS as ENGINE_ERRORS, EngineError};
pub use lower::reserved_types;
pub use model::Model;

/// The JSON Schema of `protocol.yaml` itself, for editors. It is derived from the types that the file is read into.
///
/// It knows what can be told of one place alone; what [`check`] knows of names and values goes further.
#[must_use]
pub fn file_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(shape::File).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), "Wireloom protocol".into());
    }
    schema
}
