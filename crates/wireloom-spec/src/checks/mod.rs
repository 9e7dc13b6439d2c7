//! Rules about a protocol as a whole, one a file. Each reports, and changes nothing.

mod delivery;
mod loops;
mod samples;
mod unused;

pub(crate) use delivery::delivery;
pub(crate) use loops::loops;
pub(crate) use samples::samples;
pub(crate) use unused::unused;
