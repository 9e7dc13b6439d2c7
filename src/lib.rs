//! The agent server as a library: what the program serves, and what tests mount without it.

pub mod access;
pub mod agent;
mod api;
pub mod app;
mod handlers;
pub mod logging;
mod pages;
pub mod settings;

/// The protocol's types, generated from `protocol.yaml`.
#[rustfmt::skip]
pub mod protocol {
    include!("../generated/protocol.rs");
}

/// The README's Rust is compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
