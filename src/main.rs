//! The agent server.

fn main() {}
