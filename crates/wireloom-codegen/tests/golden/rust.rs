//! Generated Rust has no word of rustc, clippy or rustdoc against it, wherever it stands.

use crate::Outcome;
use crate::cargo::{Golden, succeeded};

#[test]
fn every_case_is_clean_under_clippy_and_rustdoc() -> Outcome {
    let golden = Golden::write("golden-rust")?;
    succeeded("clippy", &golden.cargo(["clippy", "--all-targets"])?)?;
    succeeded("rustdoc", &golden.cargo(["doc", "--no-deps", "--lib"])?)
}
