//! What the test of evolution is made of.

pub(crate) mod edit;
