//! The engine over real sockets: a frame in, a frame out, and how connections end.

mod closing;
mod counted;
mod deprecated;
mod errors;
mod fanout;
mod frames;
mod latency;
mod majors;
mod order;
#[path = "../raw/mod.rs"]
mod raw;
#[cfg(feature = "store")]
mod restart;
mod resume;
mod serving;
mod simulated;
mod support;
