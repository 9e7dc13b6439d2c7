//! The typed client of Wireloom protocols: requests, streams and events over one WebSocket that mends itself.
//!
//! It stands on the Rust that the build generates from `protocol.yaml`: a request has its reply's type, a stream its items'
//! and its end's, and an error that the protocol declares is a variant of the message's error type.
//!
//! ```no_run
//! # mod protocol { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated/protocol.rs")); }
//! use futures_util::StreamExt;
//! use protocol::{Count, News, Note, PROTOCOL, Say, SayError};
//! use wireloom_client::{CallError, Client};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("wss://example.org/ws").protocol(PROTOCOL).token("secret").connect().await?;
//!
//! // A request, and what may come of it.
//! match client.request(Say { text: "hi".to_owned() }).await {
//!     Ok(said) => println!("{}", said.text),
//!     Err(CallError::Declared { error: SayError::Refused(_), .. }) => println!("it will not say that"),
//!     Err(error) => return Err(error.into()),
//! }
//!
//! // A stream: items, then the message that ends it. Dropping it cancels it.
//! let mut ticks = client.stream(Count { to: 3 });
//! while let Some(tick) = ticks.next().await {
//!     println!("{}", tick?.at);
//! }
//! println!("{:?}", ticks.end());
//!
//! // A message that nothing answers, and messages that answer nothing.
//! client.send(Note { text: "remember".to_owned() })?;
//! let mut news = client.events::<News>();
//! if let Some(event) = news.next().await {
//!     println!("{}", event?.text);
//! }
//!
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # When the connection breaks
//!
//! The client connects again by itself, with back-off and jitter, as the close code says ([`wireloom::CloseCode::action`]).
//! If the server keeps sessions it takes the session up again: what was missed is replayed, nothing comes twice, requests that
//! have no answer yet are sent again under the same id, which the server runs once. A program notices nothing but the wait.
//! When that cannot be done exactly, it is said and never hidden:
//!
//! - requests that were under way end with [`CallError::Interrupted`], unless they are [`Call::idempotent`];
//! - every subscription yields [`Missed::Discontinuity`] in the place where something is missing;
//! - [`Client::notices`] tells the reason.
//!
//! What a program sends meanwhile waits in a bounded queue, in order. After a close code that forbids connecting again (the
//! session was taken over, the version is too old, ...), or [`Reconnect::attempts`] failures, the client has [`Ended`].
//!
//! # Nothing is unbounded
//!
//! The queue, the calls under way, each stream and each subscription have bounds in messages and bytes ([`Settings`]). The
//! socket never waits for a slow part of the program: a stream that is read too slowly ends with [`CallError::Overrun`], a
//! subscription yields [`Missed::Overflow`].
//!
//! # Newer servers
//!
//! Message types, error codes, close codes, reasons and fields that this program's protocol does not know are passed over or
//! kept as text. A value that contradicts the protocol is [`CallError::Undecodable`].
//!
//! # By name
//!
//! [`Client::raw`] is the layer below, over JSON text, for programs that know the protocol only at run time, as
//! `wireloom call` does. The feature `tls` (on by default) adds `wss://`, by rustls and ring.

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
pub use tolerance::without_unknown_fields;
