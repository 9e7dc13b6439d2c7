//! The checked protocol: what every emitter, the fuzzers and the command work from.
//!
//! Who holds a [`Model`] holds a valid one: every name resolves, every example fits its schema, every Rust and
//! TypeScript name is decided and collides with nothing. An emitter lays out; it decides nothing.

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// A whole protocol, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Name, version and description of the protocol.
    pub info: Info,
    /// How a server of this protocol behaves unless its operator says otherwise.
    pub connection: Connection,
    /// Application error codes, in the order of the file.
    pub errors: Vec<ErrorCode>,
    /// All messages: those of the file in its order, then the engine's own.
    pub messages: Vec<Message>,
    /// The session's state machine, if the file has one.
    pub states: Option<States>,
    /// Every named Rust and TypeScript type; [`DefId`] is an index into it. Types of `types` first, then payloads
    /// (one a message, in the order of `messages`), each followed by the anonymous types found inside it.
    pub defs: Vec<Def>,
    /// SHA-256 of the canonical form of the checked protocol, in lower-case hexadecimal: equal for two files that
    /// differ only in comments, layout or shorthands.
    pub hash: String,
}

/// What `info` says.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// Names the subprotocol and the generated modules; `[a-z][a-z0-9-]*`.
    pub name: String,
    /// Version of the protocol; its major is the subprotocol's.
    pub version: semver::Version,
    /// One paragraph about the protocol.
    pub description: Option<String>,
}

impl Info {
    /// The WebSocket subprotocol, for example `agent.v1`.
    #[must_use]
    pub fn subprotocol(&self) -> String {
        format!("{}.v{}", self.name, self.version.major)
    }
}

/// Defaults of a server's behaviour. Times are in milliseconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Path of the WebSocket endpoint.
    pub path: String,
    /// Time between two pings of the server, in milliseconds.
    pub heartbeat_interval_ms: u64,
    /// Silence tolerated after an interval before the peer is dropped, in milliseconds.
    pub heartbeat_timeout_ms: u64,
    /// How long a session outlives its connection, in milliseconds.
    pub resume_window_ms: u64,
    /// Most messages kept for replay, a session.
    pub resume_messages: u64,
    /// Most bytes kept for replay, a session.
    pub resume_bytes: u64,
    /// Limits of a connection.
    pub limits: Limits,
}

/// Limits of one connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Largest inbound message, in bytes.
    pub message_bytes: u64,
    /// Deepest nesting of arrays and objects in a message, the envelope counted.
    pub depth: u32,
    /// Messages a second that a connection may send in the long run; `None` is no limit.
    pub rate: Option<f64>,
    /// Messages that a connection may send at once.
    pub burst: u32,
    /// Requests of a connection that may be in flight together.
    pub in_flight: u32,
    /// Bytes that may wait to be written to a connection.
    pub outbox_bytes: u64,
}

/// An application error that a reply may carry.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorCode {
    /// The code on the wire, for example `session_not_found`.
    pub code: String,
    /// Rust name of the variant, for example `SessionNotFound`.
    pub rust_name: String,
    /// The message that a peer reads unless the handler says more.
    pub description: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

/// Who may send a message, as seen on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Clients only.
    Client,
    /// The server only.
    Server,
    /// Either.
    Both,
}

impl From {
    /// Whether a client may send it.
    #[must_use]
    pub fn client(self) -> bool {
        self != Self::Server
    }

    /// Whether the server may send it.
    #[must_use]
    pub fn server(self) -> bool {
        self != Self::Client
    }
}

/// One message type.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The type on the wire, for example `agent:start`.
    pub name: String,
    /// Field and function name in Rust, for example `agent_start`.
    pub rust_field: String,
    /// Who may send it.
    pub from: From,
    /// Whether it is one of the engine's own messages, which every protocol has.
    pub engine: bool,
    /// The type of the payload; its [`Def::origin`] is [`Origin::Payload`].
    pub payload: DefId,
    /// Whether the payload may be left out: the message declares none.
    pub payload_optional: bool,
    /// What answers it.
    pub answer: Answer,
    /// Application error codes that may answer it; all in [`Model::errors`].
    pub errors: Vec<String>,
    /// How the server delivers it; only for messages that the server sends.
    pub delivery: Delivery,
    /// Scopes that the sender's identity must hold, all of them.
    pub auth: Vec<String>,
    /// Limits of this message alone.
    pub limits: MessageLimits,
    /// What documentation says of it. The same text is in its payload's [`Def::docs`].
    pub docs: Docs,
    /// Version of the protocol that brought it.
    pub since: Option<String>,
    /// Where it stands in the file; `None` for the engine's own.
    pub span: Option<Span>,
}

/// What answers a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    None,
    /// Exactly one message of this name.
    Reply(String),
    /// Any number of items, then exactly one end or error.
    Stream {
        /// Name of the item's message.
        item: String,
        /// Name of the message that ends it well.
        end: String,
        /// Name of the message that ends it badly, if one is declared; else `error` does.
        error: Option<String>,
        /// What becomes of it when the client's connection is lost.
        on_disconnect: OnDisconnect,
    },
}

/// What becomes of a stream when its connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDisconnect {
    /// It goes on as long as the session lives.
    Detach,
    /// It is cancelled.
    Cancel,
}

/// How the server delivers a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Whether it is numbered and replayed after a resume.
    pub resumable: bool,
    /// What happens when the client's outbox is full.
    pub overflow: Overflow,
}

/// What happens to a message that finds the outbox full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overflow {
    /// The connection is closed with 4503; its session can still resume.
    Disconnect,
    /// The message is dropped.
    Drop,
    /// It replaces the waiting message of the same type whose payload is equal at this JSON Pointer
    /// (`None`: of the same type).
    Coalesce(Option<String>),
}

/// Limits of one message type; `None` is the connection's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MessageLimits {
    /// Messages a second.
    pub rate: Option<f64>,
    /// Messages at once.
    pub burst: Option<u32>,
    /// Largest message, in bytes.
    pub message_bytes: Option<u64>,
    /// Longest time that its handler may take, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// A session's state machine.
#[derive(Debug, Clone, PartialEq)]
pub struct States {
    /// The state of a new session.
    pub initial: String,
    /// Every state: the client messages that it accepts, and where each leads.
    pub states: IndexMap<String, IndexMap<String, String>>,
}

/// What a `description` and its kin say of a place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Docs {
    /// What it is.
    pub description: Option<String>,
    /// Whether it is on its way out.
    pub deprecated: bool,
    /// Values that fit.
    pub examples: Vec<Value>,
    /// The value that a reader may assume when it is missing; never filled in by the engine.
    pub default: Option<Value>,
}

/// Byte range in the source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// Index into [`Model::defs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DefId(pub usize);

/// A named type of the generated code.
#[derive(Debug, Clone, PartialEq)]
pub struct Def {
    /// Name in Rust, for example `AgentStart`. A keyword-free, unique type name.
    pub rust_name: String,
    /// Name in TypeScript, for example `AgentStartPayload`. Unique.
    pub ts_name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What documentation says of it.
    pub docs: Docs,
    /// What it is.
    pub kind: DefKind,
    /// Its JSON Schema as emitted: shorthands expanded, integer bounds made explicit, references written
    /// `#/$defs/NAME` with the names of `types`.
    pub schema: Value,
    /// Asserting keywords of this type's own schema that `kind` does not decide, for example `not`. Where there are
    /// any, a value is valid only if the schema's validator says so too.
    pub residual: Vec<String>,
}

/// Where a named type comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `types`, under this name; it stands in `$defs` under it.
    Type(String),
    /// The payload of this message.
    Payload(String),
    /// An anonymous schema inside another type; its name is made from the parent's and the way there.
    Inline(DefId),
}

/// What a named type is.
#[derive(Debug, Clone, PartialEq)]
pub enum DefKind {
    /// Another name of a type: `pub type SessionId = String;`. Only for [`Origin::Type`].
    Alias(Schema),
    /// A wrapper, for a payload that is no object with properties of its own: `pub struct Rename(pub NewName);`.
    /// On the wire it is what it wraps. Only for [`Origin::Payload`].
    Newtype(Schema),
    /// An object with properties.
    Struct(Struct),
    /// A closed set of strings.
    Enum(Vec<EnumVariant>),
    /// Objects that share a required property whose value, a string constant, tells them apart.
    Tagged(Tagged),
    /// Any other `oneOf` or `anyOf`.
    Union(Union),
}

/// An object with properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Struct {
    /// Its properties, in the order of the file.
    pub fields: Vec<Field>,
    /// What happens to properties that are not named.
    pub extra: Extra,
    /// Least number of properties.
    pub min_properties: Option<u64>,
    /// Largest number of properties.
    pub max_properties: Option<u64>,
}

/// A property.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Name on the wire.
    pub name: String,
    /// Name in Rust, ready to be written: `project_id`, `r#type`, `self_`. Unique in its struct.
    pub rust_name: String,
    /// Whether it must be there.
    pub required: bool,
    /// Its schema.
    pub schema: Schema,
    /// Whether the Rust field needs a `Box`, since its type contains the struct.
    pub boxed: bool,
    /// For a required string constant: its value. It is no field in Rust; it is written always and checked when read.
    pub constant: Option<String>,
}

/// What happens to properties that are not named.
#[derive(Debug, Clone, PartialEq)]
pub enum Extra {
    /// They are refused (`fields`, `additionalProperties: false`).
    Refused,
    /// They are kept as they are, in a field of this Rust name: `extra: BTreeMap<String, serde_json::Value>`.
    Any(String),
    /// They must fit the schema and are kept, in a field of this Rust name: `BTreeMap<String, T>`.
    Typed(String, Box<Schema>),
}

/// One value of a closed set of strings.
#[derive(Debug, Clone, PartialEq)]
pub struct EnumVariant {
    /// The string on the wire.
    pub value: String,
    /// The variant in Rust. Unique in its enum.
    pub rust_name: String,
}

/// A discriminated union. Each variant's schema is an object in which `tag` is a required string constant.
#[derive(Debug, Clone, PartialEq)]
pub struct Tagged {
    /// The property that tells the variants apart.
    pub tag: String,
    /// The variants.
    pub variants: Vec<TaggedVariant>,
}

/// A variant of a discriminated union.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedVariant {
    /// Value of the tag. Unique in its union.
    pub value: String,
    /// The variant in Rust. Unique in its enum.
    pub rust_name: String,
    /// The variant's struct; a [`DefKind::Struct`] with the tag among its constant fields.
    pub def: DefId,
    /// Whether the Rust variant needs a `Box`.
    pub boxed: bool,
}

/// A union without a tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Union {
    /// `oneOf`: a value that fits two variants is refused. Otherwise `anyOf`: the first that fits is taken.
    pub exactly_one: bool,
    /// The variants, in the order of the file.
    pub variants: Vec<UnionVariant>,
}

/// A variant of a union without a tag.
#[derive(Debug, Clone, PartialEq)]
pub struct UnionVariant {
    /// The variant in Rust. Unique in its enum.
    pub rust_name: String,
    /// What it holds.
    pub schema: Schema,
    /// Whether the Rust variant needs a `Box`.
    pub boxed: bool,
}

/// A schema at a place: a field, an item, a value of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// The Rust and TypeScript shape, with the assertions that it decides.
    pub shape: Shape,
    /// The JSON Schema as emitted at this place (same rules as [`Def::schema`]).
    pub json: Value,
    /// Asserting keywords of this very place that `shape` does not decide (those inside a referenced or inline
    /// [`Def`] are listed there). Where there are any, a value is valid only if the schema's validator says so too.
    pub residual: Vec<String>,
    /// What documentation says of it.
    pub docs: Docs,
}

/// The shape of a value, and the assertions that a decoder checks on the way.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Anything: `serde_json::Value`, `unknown`.
    Any,
    /// `null`: `()`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// An integer, also when written `1.0` or `1e2`.
    Integer {
        /// The Rust type.
        repr: IntRepr,
        /// Least value; always there, since every integer is bounded.
        min: i64,
        /// Largest value; at most 2^53 - 1.
        max: i64,
    },
    /// `format: int64` or `uint64`: an integer that travels as a decimal string. `i64` or `u64` in Rust, `string` in
    /// TypeScript. On the wire it matches `^(0|-?[1-9][0-9]*)$` within the type's range (no sign for `u64`).
    IntegerText(IntRepr),
    /// A number.
    Number(NumberRange),
    /// A string: any, or one of those that fit.
    String(StringRule),
    /// A set of constants that are not all strings, or a constant that is no string. The Rust type is that of `base`.
    Literals {
        /// What the constants have in common.
        base: LiteralBase,
        /// The constants.
        values: Vec<Value>,
    },
    /// `[T, T, ...]`: `Vec<T>`.
    Array {
        /// Schema of the items.
        items: Box<Schema>,
        /// Least number of items.
        min_items: Option<u64>,
        /// Largest number of items.
        max_items: Option<u64>,
    },
    /// A fixed number of items (`prefixItems` with `items: false` and `minItems` of as many): a tuple.
    Tuple(Vec<Schema>),
    /// An object with values of one schema: `BTreeMap<String, T>`.
    Map {
        /// Schema of the values.
        values: Box<Schema>,
        /// Least number of properties.
        min_properties: Option<u64>,
        /// Largest number of properties.
        max_properties: Option<u64>,
    },
    /// Something or `null`: `Option<T>`.
    Nullable(Box<Schema>),
    /// A named type. For a type of `types` the schema is a `$ref`; for an inline type it stands here in full.
    Def(DefId),
}

/// The Rust type of an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntRepr {
    /// `i32`
    I32,
    /// `u32`
    U32,
    /// `i64`
    I64,
    /// `u64`
    U64,
}

/// What the constants of [`Shape::Literals`] have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiteralBase {
    /// All integers: `i64`.
    Integer,
    /// All numbers: `f64`.
    Number,
    /// All booleans: `bool`.
    Boolean,
    /// Anything: `serde_json::Value`.
    Any,
}

/// Bounds of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NumberRange {
    /// `minimum`
    pub min: Option<f64>,
    /// `exclusiveMinimum`
    pub above: Option<f64>,
    /// `maximum`
    pub max: Option<f64>,
    /// `exclusiveMaximum`
    pub below: Option<f64>,
}

/// Assertions on a string. Lengths count Unicode code points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StringRule {
    /// `minLength`
    pub min_length: Option<u64>,
    /// `maxLength`
    pub max_length: Option<u64>,
    /// `pattern`: ECMA-262, in the subset that a linear-time engine runs.
    pub pattern: Option<String>,
    /// `format`, one of [`FORMATS`]; asserted.
    pub format: Option<String>,
}

/// The string formats that are asserted.
pub const FORMATS: [&str; 10] = [
    "date-time",
    "date",
    "time",
    "duration",
    "uuid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
];

impl Model {
    /// The type that an id stands for.
    #[must_use]
    pub fn def(&self, id: DefId) -> &Def {
        &self.defs[id.0]
    }

    /// The message of this name.
    #[must_use]
    pub fn message(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }

    /// `$defs` of the whole protocol: the schemas of `types`, in the order of the file.
    #[must_use]
    pub fn schema_defs(&self) -> Map<String, Value> {
        self.defs
            .iter()
            .filter_map(|def| match &def.origin {
                Origin::Type(name) => Some((name.clone(), def.schema.clone())),
                _ => None,
            })
            .collect()
    }
}
