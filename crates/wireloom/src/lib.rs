//! The runtime of Wireloom: validation, dispatch and sessions over WebSocket.

pub mod json;
