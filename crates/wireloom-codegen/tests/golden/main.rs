//! Golden tests: what is generated from every specification of the corpus is held against the tools that will read it.
//!
//! Rust goes to clippy, rustdoc and the compiler, and its decoders are compared with the `jsonschema` crate; TypeScript
//! goes to `tsc --strict`; schemas to the metaschema; AsyncAPI to its own parser.

mod agreement;
mod asyncapi;
mod build_script;
mod cargo;
mod corpus;
mod files;
mod node;
mod rust;
mod schemas;
mod snapshots;
mod speed;
mod stable;
mod typescript;

type Outcome = Result<(), Box<dyn std::error::Error>>;
