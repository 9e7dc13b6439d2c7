//! From the file's shape to the [`Model`]: names are resolved, shorthands are gone, everything left out has its default.
//! Every mistake is reported; what is broken is passed over.

mod classify;
mod connection;
mod cycles;
mod defs;
mod emit_order;
mod header;
mod messages;
mod object;
mod reserve;
mod states;
mod union;
mod variants;

pub(crate) use connection::connection;
pub(crate) use cycles::{box_cycles, check_cycles};
pub(crate) use defs::{Lowerer, Root};
pub(crate) use emit_order::arrange;
pub(crate) use header::{errors, info, message_name, type_names};
pub(crate) use messages::{Context, MessageSource, messages};
pub use reserve::reserved_types;
pub(crate) use reserve::{payload_name, reserve};
pub(crate) use states::states;
