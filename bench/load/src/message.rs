//! The messages that are measured. `protocol.yaml` declares them; the frames have the sizes that it names.

use serde_json::{Value, json};

/// A message of the benchmark's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The flat request, 240 bytes on the wire in the envelope.
    Echo,
    /// The nested request, 1.6 kB: arrays, a union, patterns.
    Nested,
    /// The nested request with its names in alphabetical order, as clients with sorted maps write it.
    Sorted,
    /// Makes the server send one event to every connection.
    Publish,
}

const SESSION: &str = "k3v9x2m7q1w8z4t6";

impl Kind {
    /// The message's name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "bench:echo",
            Self::Nested | Self::Sorted => "bench:nested",
            Self::Publish => "bench:publish",
        }
    }

    /// The name of the message that answers it; for [`Kind::Publish`], of the event that everybody gets.
    pub fn reply(self) -> &'static str {
        match self {
            Self::Echo => "bench:echoed",
            Self::Nested | Self::Sorted => "bench:nestedDone",
            Self::Publish => "bench:event",
        }
    }

    /// A valid payload, always the same one.
    pub fn payload(self) -> Value {
        match self {
            Self::Echo => json!({
                "sessionId": SESSION,
                "content": "Rename the lexer module, keep its public names and run its tests once.",
                "mode": "edit",
                "attempt": 3,
            }),
            Self::Nested => nested(),
            Self::Sorted => {
                let mut payload = nested();
                payload.sort_all_objects();
                payload
            }
            Self::Publish => json!({
                "content": "The build of revision 41 is green: 1,204 tests passed, none failed, and nothing was left out this time.",
            }),
        }
    }

    /// What a server that read `payload` has to answer.
    pub fn answer(self, payload: &Value) -> Value {
        let mut answer = payload.clone();
        match self {
            Self::Echo => answer["part"] = json!(1),
            Self::Nested | Self::Sorted => {
                let steps = payload["steps"].as_array().map_or(0, Vec::len);
                answer = json!({ "sessionId": payload["sessionId"], "steps": steps });
            }
            Self::Publish => {}
        }
        answer
    }

    /// Payloads with one mistake each that decoding into the right types finds.
    pub fn mistyped(self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Echo => vec![
                ("a number for a string", self.with("/content", json!(7))),
                ("a string for an integer", self.with("/attempt", json!("3"))),
                ("a value outside an enum", self.with("/mode", json!("delete"))),
            ],
            Self::Nested | Self::Sorted => vec![
                (
                    "an unknown variant of a union",
                    self.with("/steps/0/kind", json!("write")),
                ),
                (
                    "a string in an array of numbers",
                    self.with("/scores/3", json!("0.5")),
                ),
            ],
            Self::Publish => vec![("a number for a string", self.with("/content", json!(7)))],
        }
    }

    /// Payloads with one mistake each that only the schema's constraints find.
    pub fn invalid(self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Echo => vec![
                (
                    "a string against its pattern",
                    self.with("/sessionId", json!("K3V9X2M7Q1W8Z4T6")),
                ),
                ("an empty string", self.with("/content", json!(""))),
                ("an integer over its maximum", self.with("/attempt", json!(101))),
                ("an unknown field", self.with("/extra", json!(true))),
            ],
            Self::Nested | Self::Sorted => vec![
                (
                    "a pattern inside an array",
                    self.with("/plan/tags/1", json!("Unicode")),
                ),
                (
                    "a pattern inside a union",
                    self.with("/steps/1/edits/0/hash", json!("0123456g")),
                ),
                ("an empty array", self.with("/steps/1/edits", json!([]))),
                ("a number over its maximum", self.with("/scores/0", json!(1.5))),
                ("an unknown field", self.with("/budget/extra", json!(true))),
            ],
            Self::Publish => vec![("an empty string", self.with("/content", json!("")))],
        }
    }

    /// The payload with the value at `pointer` replaced, or added to its object.
    fn with(self, pointer: &str, value: Value) -> Value {
        let mut payload = self.payload();
        let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
        match payload.pointer_mut(parent) {
            Some(Value::Object(fields)) => {
                fields.insert(key.to_owned(), value);
            }
            Some(Value::Array(items)) => {
                if let Some(item) = key.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                    *item = value;
                }
            }
            _ => {}
        }
        payload
    }
}

fn nested() -> Value {
    json!({
        "sessionId": SESSION,
        "plan": {
            "title": "Make the lexer read identifiers as UAX #31 has them",
            "revision": 41,
            "tags": ["lexer", "unicode", "breaking-change"],
            "parent": null,
        },
        "steps": [
            { "kind": "read", "path": "crates/lexer/src/ident.rs", "range": { "from": 1, "to": 240 } },
            { "kind": "edit", "path": "crates/lexer/src/ident.rs", "edits": [
                { "line": 17, "hash": "9f86d081", "text": "use unicode_ident::{is_xid_continue, is_xid_start};" },
                { "line": 52, "hash": "884c7d65", "text": "    let end = rest.find(|c| !is_xid_continue(c)).unwrap_or(rest.len());" },
                { "line": 53, "hash": "9a2feaa0", "text": "    // \"_\" starts an identifier here, though not in the annex." },
                { "line": 54, "hash": "51e5cf9b", "text": "    let (name, rest) = rest.split_at(end);" },
                { "line": 88, "hash": "c55ad015", "text": "    assert_eq!(ident(\"straße\"), Some(\"straße\"));" },
            ] },
            { "kind": "read", "path": "crates/lexer/Cargo.toml" },
            { "kind": "edit", "path": "crates/lexer/Cargo.toml", "edits": [
                { "line": 12, "hash": "a3bf4f1b", "text": "unicode-ident = \"1\"" },
                { "line": 13, "hash": "ef2d127d", "text": "unicode-normalization = \"0.1\"" },
                { "line": 14, "hash": "2b0b822c", "text": "proptest.workspace = true" },
            ] },
            { "kind": "run", "command": ["cargo", "test", "-p", "lexer", "--", "ident"], "timeoutMs": 120_000,
              "env": { "RUST_BACKTRACE": "1", "PROPTEST_CASES": "4096" } },
            { "kind": "read", "path": "crates/lexer/tests/corpus/idents.txt", "range": { "from": 1, "to": 12 } },
            { "kind": "run", "command": ["git", "diff", "--stat"], "timeoutMs": 5_000 },
        ],
        "scores": [0.25, 0.5, 0.75, 0.125, 0.875, 1, 0, 0.0625],
        "budget": { "tokens": 120_000, "usd": 1.75, "strict": true },
    })
}
