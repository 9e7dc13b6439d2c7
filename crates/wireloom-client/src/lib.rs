//! The typed client of Wireloom protocols.
mod builder;
mod call;
mod client;
mod connect;
mod core;
mod driver;
mod error;
mod events;
mod frame;
mod inbox;
mod raw;
mod settings;
mod shared;
mod state;
#[cfg(feature = "tls")]
pub mod tls;
mod token;
mod tolerance;

pub use builder::Builder;
pub use call::{Call, StreamCall};
pub use client::Client;
pub use error::{CallError, ConnectError, Discontinuity, Ended, Lost, RawError, SendError, ServerError};
pub use events::{Events, Messages, Missed, Notice, Notices};
pub use frame::RawMessage;
pub use raw::{Answer, Canceller, Raw, RawCall};
pub use settings::{Reconnect, Settings};
pub use state::State;
pub use token::TokenNeed;
