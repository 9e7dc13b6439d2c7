//! Every diagnostic there is: its code, what it means, and a file that shows it. `docs/diagnostics.md` is this table.
//!
//! Codes are stable. A code that is no longer used is not used again.

use std::fmt::Write;

use crate::diagnostic::Severity;

/// One kind of diagnostic.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// For example `W004`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it means, in a line.
    pub title: &'static str,
    /// What to do about it, where a diagnostic of this code says nothing of that itself.
    pub help: Option<&'static str>,
    /// What it means, in a paragraph of Markdown.
    pub text: &'static str,
    /// A file that shows it. What every file has (`wireloom`, `info`, `messages`) may be
    /// left out; empty where a file would be too long.
    pub example: &'static str,
}

macro_rules! codes {
    (@help) => { None };
    (@help $help:literal) => { Some($help) };
    ($($name:ident = { id: $id:literal, severity: $severity:ident, title: $title:literal, $(help: $help:literal,)?
        text: $text:literal, example: $example:literal, })*) => {
        $(pub(crate) static $name: Code = Code {
            id: $id,
            severity: Severity::$severity,
            title: $title,
            help: codes!(@help $($help)?),
            text: $text,
            example: $example,
        };)*

        /// All of them, in the order of their codes.
        pub static ALL: &[&Code] = &[$(&$name),*];
    };
}

impl Code {
    /// The example as a whole file.
    #[must_use]
    pub fn example_file(&self) -> String {
        let mut file = String::new();
        if !self.example.starts_with("wireloom:") {
            file.push_str("wireloom: 1\ninfo: { name: demo, version: 1.0.0 }\n");
        }
        file.push_str(self.example);
        if !self.example.contains("messages:") {
            file.push_str("messages: {}\n");
        }
        file
    }
}

/// The code of this name, for example `W004`.
#[must_use]
pub fn find(id: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.id.eq_ignore_ascii_case(id)).copied()
}

/// All codes as a page of Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Diagnostics\n\n\
        Every diagnostic has a stable code. An error keeps a file from being used; a warning does not. This page is\n\
        written from the table in `crates/wireloom-spec/src/codes.rs`; every example in it is checked by a test.\n",
    );
    for code in ALL {
        let Code {
            id,
            severity,
            title,
            text,
            example,
            ..
        } = code;
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "\n## {id}: {title}\n\n{} · {text}\n",
            match severity {
                Severity::Error => "Error",
                Severity::Warning => "Warning",
            }
        );
        if !example.is_empty() {
            let _ = write!(page, "\n```yaml\n{example}```\n");
        }
    }
    page
}

codes! {
    SYNTAX = {
        id: "W001",
        severity: Error,
        title: "the file is not valid YAML",
        help: "look at the line, and at the one above it",
        text: r##"The YAML parser stopped here. Nothing after this place was read, so mend it first. Frequent causes: a tab in the
indentation, a `: ` inside an unquoted text, a bracket that is not closed."##,
        example: r##"types:
  Name: { type: string, minLength: 1
"##,
    }
    LIMIT = {
        id: "W002",
        severity: Error,
        title: "a limit is passed",
        help: "give inner schemas names under `types`, and refer to them",
        text: r##"Files are bounded, so that a hostile one ends in this diagnostic: 8 MiB of text, 64 levels of nesting, a million values,
32 levels of brackets in a type expression. Name inner schemas under `types` to make a file flatter."##,
        example: r##"types:
  Deep: string[][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][][]
"##,
    }
    YAML_FEATURE = {
        id: "W003",
        severity: Error,
        title: "a feature of YAML that a protocol does not use",
        help: "write a plain key, with `: ` after it",
        text: r##"Anchors, aliases, merge keys, tags, keys that are no strings and several documents in one file are refused: they have no
counterpart in JSON and hide what a file says. What is shared gets a name under `types`."##,
        example: r##"types:
  Name: &name { type: string }
  Title: *name
"##,
    }
    UNKNOWN_MESSAGE = {
        id: "W004",
        severity: Error,
        title: "a message that does not exist is named",
        text: r##"`reply`, `stream` and `states` name messages of the same file. The engine's own messages cannot be used there."##,
        example: r##"messages:
  agent:start: { from: client, reply: agent:startd }
  agent:started: { from: server }
"##,
    }
    UNKNOWN_KEY = {
        id: "W005",
        severity: Error,
        title: "an unknown key",
        text: r##"No key is ignored in silence. The help names the nearest key that is known here, or all of them."##,
        example: r##"messages:
  agent:start: { from: client, desciption: Starts an agent. }
"##,
    }
    DUPLICATE_KEY = {
        id: "W006",
        severity: Error,
        title: "a key stands twice in the same mapping",
        help: "remove one of the two",
        text: r##"YAML forbids it, and readers differ in which one they take. Remove one."##,
        example: r##"types:
  Name: { type: string, maxLength: 10, maxLength: 20 }
"##,
    }
    MISSING_KEY = {
        id: "W007",
        severity: Error,
        title: "a required key is missing",
        text: r##"Something cannot be left out here, such as `from` in a message."##,
        example: r##"messages:
  agent:start: { description: Starts an agent. }
"##,
    }
    WRONG_TYPE = {
        id: "W008",
        severity: Error,
        title: "a value of the wrong type",
        text: r##"For example a list where a mapping is expected, or a quoted number where a number is. A number with underscores or leading
zeros is a string."##,
        example: r##"types:
  Name: { type: string, maxLength: "10" }
"##,
    }
    VALUE = {
        id: "W009",
        severity: Error,
        title: "a value that is not possible here",
        text: r##"The type is right, the value is not: an unknown choice, a duration without a unit, a size of zero. Durations are written
`500ms`, `30s`, `2m` or `1h`, sizes `1000`, `1000B`, `256KiB` or `1MiB`, rates `100/s`, `10/m` or `none`."##,
        example: r##"connection:
  heartbeat: { interval: 30 seconds }
"##,
    }
    LANGUAGE_VERSION = {
        id: "W010",
        severity: Error,
        title: "another version of the language",
        text: r##"The file begins with `wireloom: 1`. A file of a later version needs a later Wireloom."##,
        example: r##"wireloom: 2
info: { name: demo, version: 1.0.0 }
messages: {}
"##,
    }
    NAME = {
        id: "W011",
        severity: Error,
        title: "a name that is not allowed",
        text: r##"Messages are named `segment:segment` or `segment.segment`, each segment `[a-zA-Z][a-zA-Z0-9_-]*`; types
`[A-Za-z][A-Za-z0-9_]*`; error codes `[a-z][a-z0-9_]*`; protocols `[a-z][a-z0-9-]*`; states `[a-zA-Z][a-zA-Z0-9_-]*`."##,
        example: r##"messages:
  "agent start": { from: client }
"##,
    }
    RESERVED = {
        id: "W012",
        severity: Error,
        title: "a name that belongs to the engine",
        help: "choose another name",
        text: r##"The prefixes `connection:` and `request:`, the names `ping`, `pong` and `error`, and the engine's error codes are part of
every protocol and cannot be defined again. The built-in type expressions, such as `string`, cannot be names of types."##,
        example: r##"messages:
  ping: { from: client }
"##,
    }
    COLLISION = {
        id: "W013",
        severity: Error,
        title: "two names become the same name in generated code",
        text: r##"`agent:start` becomes `AgentStart` in Rust and `AgentStartPayload` in TypeScript. Two messages, two types, or a message and
a type must not meet there; nor may they meet a name that the generated code always has, such as `Handlers`."##,
        example: r##"messages:
  agent:start: { from: client }
  agent-start: { from: client }
"##,
    }
    UNKNOWN_KEYWORD = {
        id: "W020",
        severity: Error,
        title: "an unknown schema keyword",
        text: r##"A schema position takes JSON Schema 2020-12 and the shorthand `fields`. JSON Schema itself ignores what it does not know,
which turns a slip into a schema that lets everything through; here it is an error."##,
        example: r##"types:
  Name: { type: string, minlength: 1 }
"##,
    }
    REFUSED_KEYWORD = {
        id: "W021",
        severity: Error,
        title: "a schema keyword that this language replaces",
        text: r##"Identifiers, anchors, dynamic references and nested definitions are what `types` is for. Keywords of older drafts and of
OpenAPI have a counterpart in JSON Schema 2020-12, which the help names."##,
        example: r##"types:
  Name: { type: string, nullable: true }
"##,
    }
    TYPE_EXPRESSION = {
        id: "W022",
        severity: Error,
        title: "a type expression that cannot be read",
        text: r##"A type expression is `string`, `integer`, `number`, `boolean`, `null`, `any`, the name of a type, or made from one:
`T[]` is a list, `T?` is T or null, `map<T>` is an object with values of T."##,
        example: r##"types:
  Names: map<string
"##,
    }
    UNKNOWN_TYPE = {
        id: "W023",
        severity: Error,
        title: "a type that does not exist",
        text: r##"A type expression names something that is neither built in nor under `types`."##,
        example: r##"types:
  SessionId: string
messages:
  agent:started: { from: server, payload: { fields: { id: SesionId } } }
"##,
    }
    REF = {
        id: "W024",
        severity: Error,
        title: "a `$ref` that leads nowhere",
        text: r##"A reference is `#/types/NAME`. Files and addresses elsewhere are not fetched, and there is no way into the middle of a type:
give the inner schema a name of its own under `types`."##,
        example: r##"types:
  Name: string
  Other: { $ref: "#/definitions/Name" }
"##,
    }
    NO_EFFECT = {
        id: "W025",
        severity: Warning,
        title: "a keyword that asserts nothing here",
        help: "remove it, or add what it belongs to",
        text: r##"JSON Schema lets any keyword stand anywhere, and applies it only to values of its own type: `maxLength` on an integer is
always satisfied. `minContains` needs `contains`, `then` needs `if`."##,
        example: r##"types:
  Count: { type: integer, maxLength: 3 }
messages:
  counted: { from: server, payload: Count }
"##,
    }
    MISSING_TYPE = {
        id: "W026",
        severity: Warning,
        title: "keywords without a `type` let every other type through",
        text: r##"`properties` alone says nothing about strings, numbers and lists: all of them are valid. Add the `type` that is meant."##,
        example: r##"messages:
  count: { from: server, payload: { fields: { at: { properties: { x: number } } } } }
"##,
    }
    PATTERN = {
        id: "W027",
        severity: Error,
        title: "a pattern that a linear-time engine cannot run",
        text: r##"Patterns are ECMA-262 as JSON Schema says, without look-around and back-references: those cannot be matched in time linear
in the input, and would let a peer keep the server busy with one message."##,
        example: r##"types:
  Name: { type: string, pattern: "^(?!x)" }
"##,
    }
    FORMAT = {
        id: "W028",
        severity: Error,
        title: "an unknown format",
        text: r##"Formats are asserted: `date-time`, `date`, `time`, `duration`, `uuid`, `uri`, `email`, `hostname`, `ipv4` and `ipv6` on strings,
`int32`, `uint32`, `int64` and `uint64` on integers. Anything else would be an assertion that nobody checks; use `pattern`."##,
        example: r##"types:
  When: { type: string, format: datetime }
"##,
    }
    CONTRADICTION = {
        id: "W029",
        severity: Error,
        title: "bounds that nothing can satisfy",
        help: "change it so that some value fits",
        text: r##"A least value above the largest one, or something alike: no message could ever be valid."##,
        example: r##"types:
  Name: { type: string, minLength: 5, maxLength: 3 }
"##,
    }
    CONSTANTS = {
        id: "W030",
        severity: Error,
        title: "constants that cannot be meant",
        help: "list the possible values, each once and of the schema's own type",
        text: r##"An empty `enum`, a constant that stands twice, or one that is not of the schema's own `type`. YAML reads `1.10` as a
number and `true` as a boolean: quote them where strings are meant."##,
        example: r##"types:
  Status: { type: string, enum: [idle, busy, idle] }
"##,
    }
    UNDECLARED_REQUIRED = {
        id: "W031",
        severity: Error,
        title: "a required property that a closed object refuses",
        text: r##"`required` names a property that `properties` does not, and `additionalProperties: false` refuses it: no object is valid."##,
        example: r##"types:
  Point:
    type: object
    properties: { x: number, y: number }
    required: [x, z]
    additionalProperties: false
"##,
    }
    INFINITE = {
        id: "W032",
        severity: Error,
        title: "a type without a finite value",
        text: r##"The type contains itself in a place that cannot be left out, so that every value would have to be infinitely deep. Make
a property optional, allow null, or use a list."##,
        example: r##"types:
  Tree: { fields: { left: Tree, right: Tree } }
"##,
    }
    ALIAS_CYCLE = {
        id: "W033",
        severity: Error,
        title: "a type that is nothing but itself",
        text: r##"A type that leads back to itself through references, lists, maps or null only has no name to stop at in the generated
code. Put an object between."##,
        example: r##"types:
  Nested: Nested[]
"##,
    }
    EXAMPLE = {
        id: "W034",
        severity: Error,
        title: "an example or default that its own schema refuses",
        help: "change the value, or the schema",
        text: r##"Every example and every default is checked against its schema, formats included."##,
        example: r##"types:
  Name: { type: string, maxLength: 3, examples: [Alexandra] }
"##,
    }
    UNSAFE_INTEGER = {
        id: "W035",
        severity: Warning,
        title: "a bound beyond what a JavaScript number holds exactly",
        text: r##"Integers travel as JSON numbers and are limited to +-(2^53 - 1), since a browser holds no more. The bound is
tightened to that. An integer with `format: int64` or `uint64` travels as a decimal string and has the full range."##,
        example: r##"messages:
  count: { from: server, payload: { fields: { n: { type: integer, maximum: 18446744073709551615 } } } }
"##,
    }
    OPEN_TUPLE = {
        id: "W036",
        severity: Warning,
        title: "a tuple that may have fewer or more items",
        text: r##"`prefixItems` alone neither demands the items nor forbids more. With `items: false` and `minItems` of as many it becomes a
tuple in Rust and TypeScript; without, a list of anything, still validated."##,
        example: r##"messages:
  at: { from: server, payload: { fields: { xy: { type: array, prefixItems: [number, number] } } } }
"##,
    }
    INT64 = {
        id: "W037",
        severity: Error,
        title: "a keyword that a 64-bit integer cannot have",
        text: r##"`format: int64` and `uint64` travel as decimal strings: bounds and constants of numbers assert nothing of them, and lengths and patterns are for strings."##,
        example: r##"types:
  Offset: { type: integer, format: uint64, maximum: 100 }
"##,
    }
    FIELDS = {
        id: "W038",
        severity: Error,
        title: "`fields` beside keywords that it stands for",
        text: r##"`fields` is short for `type: object`, `properties`, `required` and `additionalProperties: false`. Write it, or write those.
`open` belongs to `fields`."##,
        example: r##"types:
  Point: { fields: { x: number }, required: [x] }
"##,
    }
    DIRECTION = {
        id: "W040",
        severity: Error,
        title: "a key that has no meaning for this direction",
        text: r##"Only a client asks: `reply`, `stream`, `errors`, `auth` and `limits` belong to messages that a client may send.
Only the server queues: `delivery` belongs to messages that the server may send."##,
        example: r##"messages:
  agent:started: { from: server, auth: [agent] }
"##,
    }
    ANSWER_DIRECTION = {
        id: "W041",
        severity: Error,
        title: "an answer that the server cannot send",
        text: r##"What answers a request comes from the server: the message must be `from: server` or `from: both`."##,
        example: r##"messages:
  agent:start: { from: client, reply: agent:started }
  agent:started: { from: client }
"##,
    }
    TWO_ANSWERS = {
        id: "W042",
        severity: Error,
        title: "two answers to one request",
        text: r##"A request has a `reply`, or a `stream`, or neither. The messages of a stream differ from each other."##,
        example: r##"messages:
  ask: { from: client, reply: answer, stream: { item: chunk, end: answer } }
  answer: { from: server }
  chunk: { from: server }
"##,
    }
    UNKNOWN_ERROR = {
        id: "W043",
        severity: Error,
        title: "an error code that does not exist",
        text: r##"`errors` of a message lists codes that stand under `errors` of the file. The engine's own codes may answer every request
and are not listed."##,
        example: r##"errors:
  not_found: { description: There is no such thing. }
messages:
  get: { from: client, errors: [notfound] }
"##,
    }
    DELIVERY = {
        id: "W046",
        severity: Error,
        title: "a delivery that cannot work",
        help: "`overflow: coalesce` takes as `key` the JSON Pointer of a required property, such as `/id`",
        text: r##"`key` belongs to `overflow: coalesce` and is a JSON Pointer to a property that every payload of the message has."##,
        example: r##"messages:
  status: { from: server, payload: { fields: { id: string } }, delivery: { overflow: coalesce, key: /idd } }
"##,
    }
    DUPLICATE_ENTRY = {
        id: "W047",
        severity: Error,
        title: "an entry stands twice in a list",
        help: "remove one of the two",
        text: r##"Error codes, scopes and required properties are sets. Remove one of the two."##,
        example: r##"messages:
  get: { from: client, auth: [read, read] }
"##,
    }
    SINCE = {
        id: "W048",
        severity: Error,
        title: "a version that has not come yet",
        help: "write the version that brought it, or raise `info.version`",
        text: r##"`since` names the version of the protocol that brought a message. It cannot be later than `info.version`."##,
        example: r##"messages:
  get: { from: client, since: 2.0.0 }
"##,
    }
    UNKNOWN_STATE = {
        id: "W050",
        severity: Error,
        title: "a state that does not exist",
        text: r##"`initial` and every transition name a state that stands under `states`."##,
        example: r##"messages:
  go: { from: client }
states:
  initial: idle
  idle: { on: { go: runing } }
  running: { on: { go: idle } }
"##,
    }
    UNREACHABLE_STATE = {
        id: "W051",
        severity: Error,
        title: "a state that no transition reaches",
        help: "name it in the `on` of a state that is reached, or remove it",
        text: r##"No sequence of messages leads from the initial state to this one, so that what it accepts is never accepted there."##,
        example: r##"messages:
  go: { from: client }
states:
  initial: idle
  idle: { on: { go: idle } }
  lost: { on: { go: idle } }
"##,
    }
    STATE_MESSAGE = {
        id: "W052",
        severity: Error,
        title: "a state waits for a message that no client sends",
        text: r##"States say which messages a client may send when. Messages of the server have no place there."##,
        example: r##"messages:
  gone: { from: server }
states:
  initial: idle
  idle: { on: { gone: idle } }
"##,
    }
    UNUSED_TYPE = {
        id: "W060",
        severity: Warning,
        title: "a type that no message uses",
        help: "use it in a payload, or remove it",
        text: r##"Nothing that can travel contains this type. Remove it, or use it."##,
        example: r##"types:
  Name: string
"##,
    }
    UNUSED_ERROR = {
        id: "W061",
        severity: Warning,
        title: "an error that no message lists",
        help: "list it in the `errors` of a message, or remove it",
        text: r##"No request declares it, so that no handler can answer with it."##,
        example: r##"errors:
  not_found: { description: There is no such thing. }
"##,
    }

    MORE = {
        id: "W062",
        severity: Warning,
        title: "there are more diagnostics than are shown",
        help: "mend some, and check again",
        text: r##"At most 1,000 errors and 1,000 warnings are listed. Mend some, and check again."##,
        example: r##""##,
    }
    HIDDEN_BRANCH = {
        id: "W063",
        severity: Warning,
        title: "a branch of `oneOf` that another one hides",
        text: r##"`oneOf` refuses what fits more than one of its branches. Everything that fits this one fits another one as well, so that
none of it is accepted: every integer is a number, for example. `anyOf` accepts what fits either. Types are compared, not bounds and properties."##,
        example: r##"messages:
  set: { from: client, payload: { fields: { value: { oneOf: [string, integer, number] } } } }
"##,
    }
    IDLE_DEFAULT = {
        id: "W064",
        severity: Warning,
        title: "a default on a required property",
        text: r##"`default` says what a reader may assume of a property that is missing, and is never filled in. A required property is never
missing. Make it optional, or remove the default."##,
        example: r##"messages:
  list: { from: client, payload: { fields: { limit: { type: integer, default: 10 } } } }
"##,
    }
}
