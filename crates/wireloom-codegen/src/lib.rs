//! Generates Rust, JSON Schema, TypeScript, AsyncAPI and documentation from a checked protocol.
//!
//! Emitters are pure functions from a [`Model`](wireloom_spec::model::Model) to text and know no files; [`generate`]
//! puts what they return under the paths of a project, and [`write()`] and [`check`] hold those against the disk.
//! A build script needs [`Build`] only:
//!
//! ```no_run
//! // build.rs, in `fn main`
//! wireloom_codegen::Build::new("protocol.yaml").typescript("generated").schemas("schemas").run();
//! ```
//!
//! Output depends on the input alone: same file, same bytes, no clock, no absolute path, no hash order.

mod build_script;
pub mod emit;
mod files;
mod targets;

pub use build_script::Build;
pub use files::{Artifact, Stale, StaleKind, WriteError, check, write};
pub use targets::{Targets, generate};
