//! The agent server as a library: what the program serves, and what tests mount without it.

pub mod agent;
