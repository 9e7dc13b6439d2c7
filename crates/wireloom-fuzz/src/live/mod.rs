//! Drives a live server: holds conversations with it over its socket, holds everything it says against the wire
//! protocol, and makes what is wrong small.
//!
//! The server is a black box: any that speaks the protocol, in whatever language. What it must do is taken from the
//! [`Model`](wireloom_spec::Model) and from the wire protocol alone, so what is found is either a mistake of the server or
//! one of this oracle. Deadlines are generous and what may come in either order is accepted in either: a server that is
//! right is never accused.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//! use wireloom_fuzz::conversation::Plan;
//! use wireloom_fuzz::live::{Budget, Campaign, Target};
//!
//! # async fn example(model: wireloom_spec::Model) -> Result<(), Box<dyn std::error::Error>> {
//! let target = Target::new("ws://localhost:3001/ws", &model.info.subprotocol(), Duration::from_secs(5))?;
//! let mut campaign = Campaign::new(Arc::new(model), target, Plan::default(), Budget::default(), 1);
//! campaign.run(&mut |_event| {}).await;
//! assert!(campaign.reports.is_empty(), "{:#?}", campaign.reports);
//! # Ok(())
//! # }
//! ```

mod campaign;
mod client;
mod connect;
mod count;
mod finding;
mod inspect;
mod judge;
mod ledger;
mod player;
mod reproducer;
mod request;
mod resume;
mod session;
mod settle;
mod target;

pub use campaign::{Budget, Campaign, End, Event, Report};
pub use count::Counts;
pub use finding::{Finding, Key, Kind};
pub use player::{Outcome, Stage, Trouble};
pub use reproducer::Reproducer;
pub use target::{Target, TargetError};
pub use tokio_tungstenite::Connector;
