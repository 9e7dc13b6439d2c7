//! What the fuzz targets in `fuzz/` do with an input. They stand here so that tests run them over the seeds, too.
//!
//! Each takes any bytes, and panics when something is wrong.

mod decoder;
mod envelope;
mod spec;

pub use decoder::decoder;
pub use envelope::envelope;
pub use spec::spec;
