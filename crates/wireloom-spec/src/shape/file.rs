//! The whole file, key by key. The comments are what an editor shows.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    At, Count, Duration, Json, Language, List, Rate, Read, Row, SchemaPosition, Size, Slot, Table, Version,
    choice, entries, shape,
};
use crate::diagnostic::Sink;
use crate::syntax::{Entry, Node};

shape! {
    /// A protocol: what may travel on the socket.
    File as "Protocol" {
        /// Version of this language.
        _wireloom: Language = "wireloom";
        /// Name, version and description of the protocol.
        info: InfoShape = "info";
        /// How a server of this protocol behaves; flags and environment override it.
        connection: ConnectionShape = "connection" default;
        /// Named, reusable schemas.
        types: Table<SchemaPosition> = "types" default;
        /// Application errors that a reply may carry, by code.
        errors: Table<ErrorShape> = "errors" default;
        /// Messages by name: segments in [a-zA-Z][a-zA-Z0-9_-]*, joined by `:` or `.`.
        messages: Table<MessageShape> = "messages";
        /// Which messages are legal when, for each session.
        states: StatesShape = "states" default;
    }
}

shape! {
    /// Name, version and description of the protocol.
    InfoShape as "Info" {
        /// Names the subprotocol (`agent.v1`) and the generated modules: [a-z][a-z0-9-]*.
        name: String = "name";
        /// Semantic version of the protocol; its major is the subprotocol's.
        version: Version = "version";
        /// What the protocol is for.
        description: String = "description" default;
    }
}

shape! {
    /// How a server of this protocol behaves.
    ConnectionShape as "Connection" {
        /// Path of the WebSocket endpoint; `/ws` if missing.
        path: String = "path" default;
        /// When a silent peer is taken for dead.
        heartbeat: HeartbeatShape = "heartbeat" default;
        /// What is kept for a client that comes back.
        resume: ResumeShape = "resume" default;
        /// Limits of one connection.
        limits: LimitsShape = "limits" default;
    }
}

shape! {
    /// When a silent peer is taken for dead.
    HeartbeatShape as "Heartbeat" {
        /// Time between two pings; `30s` if missing.
        interval: Duration = "interval" default;
        /// Silence tolerated after an interval; `10s` if missing.
        timeout: Duration = "timeout" default;
    }
}

shape! {
    /// What is kept for a client that comes back.
    ResumeShape as "Resume" {
        /// How long a session outlives its connection; `2m` if missing.
        window: Duration = "window" default;
        /// Most messages kept for replay; 1000 if missing.
        messages: Count<1_000_000> = "messages" default;
        /// Most bytes kept for replay; `1MiB` if missing.
        bytes: Size = "bytes" default;
    }
}

shape! {
    /// Limits of one connection.
    LimitsShape as "Limits" {
        /// Largest inbound message; `256KiB` if missing.
        message_bytes: Size = "messageBytes" default;
        /// Deepest nesting of arrays and objects in a message, the envelope counted; 32 if missing.
        depth: Count<128> = "depth" default;
        /// Messages in the long run; `100/s` if missing.
        rate: Rate = "rate" default;
        /// Messages at once; 200 if missing.
        burst: Count<1_000_000> = "burst" default;
        /// Requests that may be in flight together; 32 if missing.
        in_flight: Count<1_000_000> = "inFlight" default;
        /// Bytes that may wait to be written; `1MiB` if missing.
        outbox_bytes: Size = "outboxBytes" default;
    }
}

shape! {
    /// An application error that a reply may carry.
    ErrorShape as "Error" {
        /// What it means; the peer reads it unless the handler says more.
        description: String = "description";
        /// Whether the same request may succeed later.
        retryable: bool = "retryable" default;
    }
}

choice! {
    /// Who may send a message.
    FromShape {
        /// Clients.
        Client = "client",
        /// The server.
        Server = "server",
        /// Either.
        Both = "both",
    }
}

shape! {
    /// A message type.
    MessageShape as "Message" {
        /// Who may send it, as seen on the wire.
        from: FromShape = "from";
        /// What it is for.
        description: String = "description" default;
        /// Schema of the payload; missing means that there is none.
        payload: SchemaPosition = "payload" default;
        /// The server message that answers it, exactly once.
        reply: String = "reply" default;
        /// The server messages that answer it: any number of items, then one end or error.
        stream: StreamShape = "stream" default;
        /// Codes from `errors` that may answer it.
        errors: List<String> = "errors" default;
        /// How the server delivers it.
        delivery: DeliveryShape = "delivery" default;
        /// Scopes that the sender's identity must hold, all of them.
        auth: List<String> = "auth" default;
        /// Limits of this message alone.
        limits: MessageLimitsShape = "limits" default;
        /// Payloads that fit; checked against the schema.
        examples: List<Json> = "examples" default;
        /// Whether it is on its way out.
        deprecated: bool = "deprecated" default;
        /// Version of the protocol that brought it.
        since: Version = "since" default;
    }
}

choice! {
    /// What becomes of a stream when its connection is lost.
    OnDisconnectShape {
        /// It goes on as long as the session lives.
        Detach = "detach",
        /// It is cancelled.
        Cancel = "cancel",
    }
}

shape! {
    /// An answer of many messages.
    StreamShape as "Stream" {
        /// Message of an item.
        item: String = "item";
        /// Message that ends the stream well.
        end: String = "end";
        /// Message that ends the stream badly; the engine's `error` if missing.
        error: String = "error" default;
        /// What becomes of it when the connection is lost; `detach` if missing.
        on_disconnect: OnDisconnectShape = "onDisconnect" default;
    }
}

choice! {
    /// What happens to a message that finds the outbox full.
    OverflowShape {
        /// The connection is closed.
        Disconnect = "disconnect",
        /// The message is dropped.
        Drop = "drop",
        /// It replaces the one that waits.
        Coalesce = "coalesce",
    }
}

shape! {
    /// How the server delivers a message.
    DeliveryShape as "Delivery" {
        /// Whether it is numbered and replayed after a resume; true if missing.
        resumable: bool = "resumable" default;
        /// What happens when the client's outbox is full; `disconnect` if missing.
        overflow: OverflowShape = "overflow" default;
        /// With `coalesce`: JSON Pointer to the required property that must be equal.
        key: String = "key" default;
    }
}

shape! {
    /// Limits of one message type.
    MessageLimitsShape as "MessageLimits" {
        /// Messages in the long run.
        rate: Rate = "rate" default;
        /// Messages at once.
        burst: Count<1_000_000> = "burst" default;
        /// Largest message.
        message_bytes: Size = "messageBytes" default;
        /// Longest time that its handler may take.
        timeout: Duration = "timeout" default;
    }
}

shape! {
    /// A state of a session.
    StateShape as "State" {
        /// Client messages that are legal here, and the state that each leads to.
        on: Table<String> = "on" default;
    }
}

/// The session's state machine: `initial`, and every other key a state.
#[derive(Debug, Clone)]
pub(crate) struct StatesShape {
    pub(crate) initial: Slot<String>,
    pub(crate) states: Vec<Row<StateShape>>,
}

impl Read for StatesShape {
    fn read(node: Node, sink: &mut Sink) -> Option<Self> {
        let span = node.span;
        let (mut initial, mut states, mut named) = (Slot(None), Vec::new(), false);
        for Entry { key, key_span, value } in entries(node, Self::example, sink)? {
            let value_span = value.span;
            if key == "initial" {
                named = true;
                initial = Slot(String::read(value, sink).map(|value| At {
                    value,
                    key: key_span,
                    span: value_span,
                }));
            } else {
                let entry = StateShape::read(value, sink).map(|value| At {
                    value,
                    key: key_span,
                    span: value_span,
                });
                states.push(Row {
                    name: key,
                    entry,
                    name_span: key_span,
                });
            }
        }
        if !named {
            let report = crate::diagnostic::Report::new(
                &crate::codes::MISSING_KEY,
                span,
                "the key `initial` is missing",
            )
            .help("`initial` names the state of a new session");
            sink.push(report);
        }
        Some(Self { initial, states })
    }

    fn example() -> String {
        "{ initial: idle, idle: { on: { NAME: idle } } }".to_owned()
    }
}

impl JsonSchema for StatesShape {
    fn schema_name() -> Cow<'static, str> {
        "States".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The session's state machine: `initial`, and every other key a state.",
            "type": "object",
            "properties": { "initial": { "description": "The state of a new session.", "type": "string" } },
            "required": ["initial"],
            "additionalProperties": generator.subschema_for::<StateShape>(),
        })
    }
}
