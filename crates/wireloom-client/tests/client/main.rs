//! The client over real sockets: against the engine, and against a server that does what a script says.

/// The generated code of this crate's own protocol.
#[rustfmt::skip]
pub mod protocol {
    include!("../generated/protocol.rs");
}

mod cases;
mod credentials;
mod cuts;
mod engine;
mod reconnect;
mod support;
#[cfg(feature = "tls")]
mod tls;
