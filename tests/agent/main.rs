//! Agent sessions and their backends, without a socket.

#[cfg(target_os = "linux")]
mod command;
#[cfg(target_os = "linux")]
mod endings;
mod service;
#[cfg(target_os = "linux")]
mod support;
