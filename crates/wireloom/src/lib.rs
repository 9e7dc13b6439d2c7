//! The runtime of Wireloom: validation, dispatch and sessions over WebSocket.
//!
//! A protocol is described in one file, from which the build generates types, schemas and a struct of handlers. This
//! crate is what the generated code stands on: it reads and checks every inbound message in a single pass, calls the
//! handler of its type, and writes the answer. It knows no YAML.
//!
//! ```text
//! text frame -> envelope -> table -> decode + validate -> handler -> envelope -> outbox -> writer
//! ```
//!
//! Start with an [`Engine`]: mount [`Engine::upgrade`] on an axum router, or talk to it without a socket by
//! [`Engine::call`]. [`serve`] runs a router with the deadlines that a WebSocket server needs.

extern crate self as wireloom;

mod address;
mod auth;
mod clients;
mod close;
mod connection;
mod diagnose;
mod driver;
mod dynamic;
mod engine;
mod envelope;
#[cfg(feature = "explorer")]
mod explorer;
mod handler;
#[cfg_attr(
    not(feature = "store"),
    expect(dead_code, reason = "nothing opens one without the feature")
)]
mod journal;
pub mod json;
mod limits;
mod local;
mod message;
#[rustfmt::skip]
pub mod messages;
mod metrics;
mod origin;
mod outbox;
mod pattern;
mod progress;
pub mod protocol;
mod rates;
mod reject;
mod replay;
mod runs;
pub mod schema;
mod serde_facade;
mod serve;
mod session;
mod signals;
#[cfg(feature = "store")]
mod store;
mod table;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod upgrade;
mod violations;

#[cfg(feature = "jwt")]
pub use auth::jwt::{JwtAlgorithm, JwtClaims, JwtError, JwtKey, JwtVerifier, MAX_LEEWAY};
pub use auth::tokens::{MIN_TOKEN, StaticTokens, TokensError};
pub use auth::{Authenticator, Identity, MAX_TOKEN, Peer, Refusal, Secret, Verdict};
pub use clients::{Client, ClientId, Room, SendError};
pub use close::{ClientAction, CloseCode};
pub use dynamic::{Registry, RegistryError, ValueItems};
pub use engine::{Builder, Engine, Settings};
pub use envelope::MAX_CORRELATION_ID;
pub use handler::{Ctx, Items, On, OnStream, on, stream};
pub use ipnet::IpNet;
pub use limits::{Admission, Rate};
pub use local::LocalClient;
pub use message::{ClientMessage, FromAnswer, Message, Reply, Request, ServerMessage, StreamRequest};
pub use protocol::Protocol;
pub use reject::{Detail, Internal, IntoReject, Reason, Reject, code};
pub use serve::{Arrival, ServeOptions, serve};
pub use signals::interrupted;
#[cfg(feature = "store")]
pub use store::{Durability, Store, StoreError};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};

#[doc(hidden)]
pub use serde_facade::{deserialize, serialize};

#[doc(hidden)]
pub use serde as __serde;
