//! Rules about a protocol as a whole, one a file. Each reports, and changes nothing.

mod defaults;
mod delivery;
mod loops;
mod one_of;
mod samples;
mod unused;

pub(crate) use defaults::defaults;
pub(crate) use delivery::delivery;
pub(crate) use loops::loops;
pub(crate) use one_of::one_of;
pub(crate) use samples::samples;
pub(crate) use unused::unused;
