//! Hostile peers: each attack has its answer, and a bound on what it costs in memory and time while others are served.
//!
//! The server is a process of its own, so that its heap and its processor time are nobody else's. What is measured is
//! printed: `cargo test -p wireloom --test attacks -- --nocapture`. An ordinary run has bounds that hold in a debug build on
//! a busy machine with two cores; `cargo xtask attacks` builds for release, attacks for longer, and asserts the bounds
//! that docs/security.md tells.

mod crowd;
mod frames;
mod handshake;
#[path = "../raw/mod.rs"]
mod raw;
mod sessions;
mod slow;
mod soak;
mod support;
mod texts;

use peak_alloc::PeakAlloc;

/// Counts what is allocated, which the server tells when it is asked.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;
