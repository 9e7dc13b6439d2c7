//! The servers that are measured: what they are, what they check, and how they speak.

use std::fmt;

use bench_load::dialect::{Echo, Envelope, JsonRpc, SocketIo};
use bench_load::{Checks, Dialect};

/// One server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// What options and tables call it.
    pub(crate) name: &'static str,
    /// What it is, for the report.
    pub(crate) about: &'static str,
    /// The program.
    pub(crate) program: Program,
    /// How messages travel.
    pub(crate) speaks: Speaks,
    /// What it checks of a payload; verified before it is measured.
    pub(crate) checks: Checks,
    /// How it broadcasts, if it does.
    pub(crate) broadcast: Option<Broadcast>,
}

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// The package of that name in this workspace.
    Rust(&'static str),
    /// The file of that name in `peers/node`.
    Node(&'static str),
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Rust(name) | Self::Node(name)) = self;
        f.write_str(name)
    }
}

/// A dialect's name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Speaks {
    /// The request comes back.
    Echo,
    /// `type`, `payload`, `timestamp`, `correlationId`.
    Envelope,
    /// Socket.IO.
    SocketIo,
    /// JSON-RPC 2.0.
    JsonRpc,
}

/// How a peer is made to broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broadcast {
    /// It always can.
    Always,
    /// It is started with this argument, and can do nothing else then.
    Argument(&'static str),
}

impl Speaks {
    /// The dialect itself.
    pub(crate) fn dialect(self) -> Box<dyn Dialect> {
        match self {
            Self::Echo => Box::new(Echo::new()),
            Self::Envelope => Box::new(Envelope::new()),
            Self::SocketIo => Box::new(SocketIo),
            Self::JsonRpc => Box::new(JsonRpc::new()),
        }
    }
}

/// The one that ratios are against.
pub(crate) const YARDSTICK: &str = "axum-echo";
/// The project's own.
pub(crate) const OURS: &str = "wireloom";

/// All peers, in the order of the tables.
pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: YARDSTICK,
        about: "axum 0.8 echo, fed and flushed once, read buffer of 4 KiB: the yardstick",
        program: Program::Rust("peer-axum-echo"),
        speaks: Speaks::Echo,
        checks: Checks::Nothing,
        broadcast: None,
    },
    Peer {
        name: "axum-plain",
        about: "axum 0.8 echo, as people write it",
        program: Program::Rust("peer-axum-plain"),
        speaks: Speaks::Echo,
        checks: Checks::Nothing,
        broadcast: None,
    },
    Peer {
        name: "tungstenite",
        about: "bare tokio-tungstenite 0.29: an echo, as people write it; for broadcasts a loop over all connections",
        program: Program::Rust("peer-tungstenite"),
        speaks: Speaks::Echo,
        checks: Checks::Nothing,
        broadcast: Some(Broadcast::Argument("broadcast")),
    },
    Peer {
        name: OURS,
        about: "Wireloom: validated, decoded, dispatched and answered by generated code, as people write it",
        program: Program::Rust("peer-wireloom"),
        speaks: Speaks::Envelope,
        checks: Checks::Schema,
        broadcast: Some(Broadcast::Always),
    },
    Peer {
        name: "axum-value",
        about: "axum 0.8, `serde_json::Value`, jsonschema 0.60, typed decode, as people write it",
        program: Program::Rust("peer-axum-value"),
        speaks: Speaks::Envelope,
        checks: Checks::Schema,
        broadcast: None,
    },
    Peer {
        name: "ws-ajv",
        about: "Node.js, `ws` 8 and compiled Ajv 8",
        program: Program::Node("ws-ajv.mjs"),
        speaks: Speaks::Envelope,
        checks: Checks::Schema,
        broadcast: Some(Broadcast::Always),
    },
    Peer {
        name: "socket.io",
        about: "Node.js, Socket.IO 4 with acknowledgements",
        program: Program::Node("socketio.mjs"),
        speaks: Speaks::SocketIo,
        checks: Checks::Shape,
        broadcast: Some(Broadcast::Always),
    },
    Peer {
        name: "socketioxide",
        about: "socketioxide 0.18 with acknowledgements",
        program: Program::Rust("peer-socketioxide"),
        speaks: Speaks::SocketIo,
        checks: Checks::Types,
        broadcast: Some(Broadcast::Always),
    },
    Peer {
        name: "jsonrpsee",
        about: "jsonrpsee 0.26 over WebSocket",
        program: Program::Rust("peer-jsonrpsee"),
        speaks: Speaks::JsonRpc,
        checks: Checks::Types,
        broadcast: None,
    },
];
