//! The messages of `bench/protocol.yaml` as a server's author writes them down by hand for serde.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The payload of `bench:echo`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Echo {
    /// The session that it belongs to.
    pub session_id: String,
    /// Free text.
    pub content: String,
    /// One of three words.
    pub mode: Mode,
    /// A small number.
    pub attempt: u32,
}

/// One of three words.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// `plan`
    Plan,
    /// `edit`
    Edit,
    /// `review`
    Review,
}

/// The payload of `bench:echoed`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Echoed {
    /// As asked.
    pub session_id: String,
    /// As asked.
    pub content: String,
    /// As asked.
    pub mode: Mode,
    /// As asked.
    pub attempt: u32,
    /// Always 1.
    pub part: u32,
}

impl From<Echo> for Echoed {
    fn from(echo: Echo) -> Self {
        let Echo {
            session_id,
            content,
            mode,
            attempt,
        } = echo;
        Self {
            session_id,
            content,
            mode,
            attempt,
            part: 1,
        }
    }
}

/// The payload of `bench:nested`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nested {
    /// The session that it belongs to.
    pub session_id: String,
    /// What is planned.
    pub plan: Plan,
    /// How.
    pub steps: Vec<Step>,
    /// Numbers from 0 to 1.
    pub scores: Vec<f64>,
    /// What it may cost.
    pub budget: Budget,
}

/// What is planned.
#[derive(Debug, Deserialize)]
pub struct Plan {
    /// In words.
    pub title: String,
    /// Counted from 1.
    pub revision: u32,
    /// Slugs.
    pub tags: Vec<String>,
    /// The session before this one.
    pub parent: Option<String>,
}

/// One step, by its `kind`.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// Read a file, or a range of its lines.
    Read {
        /// The file.
        path: String,
        /// The lines.
        range: Option<Range>,
    },
    /// Change a file.
    Edit {
        /// The file.
        path: String,
        /// Line by line.
        edits: Vec<Edit>,
    },
    /// Run a command.
    Run {
        /// The program and its arguments.
        command: Vec<String>,
        /// Its time limit.
        timeout_ms: u32,
        /// Its environment.
        env: Option<BTreeMap<String, String>>,
    },
}

/// Lines of a file.
#[derive(Debug, Deserialize)]
pub struct Range {
    /// The first.
    pub from: u32,
    /// The last.
    pub to: u32,
}

/// One changed line.
#[derive(Debug, Deserialize)]
pub struct Edit {
    /// Its number.
    pub line: u32,
    /// A digest of what stood there.
    pub hash: String,
    /// What stands there from now on.
    pub text: String,
}

/// What a plan may cost.
#[derive(Debug, Deserialize)]
pub struct Budget {
    /// In tokens.
    pub tokens: u64,
    /// In dollars.
    pub usd: f64,
    /// Whether it is an error to pass it.
    pub strict: bool,
}

/// The payload of `bench:nestedDone`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NestedDone {
    /// As asked.
    pub session_id: String,
    /// How many steps were read.
    pub steps: usize,
}

impl From<Nested> for NestedDone {
    fn from(nested: Nested) -> Self {
        Self {
            session_id: nested.session_id,
            steps: nested.steps.len(),
        }
    }
}

/// The payload of `bench:publish` and of `bench:event`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Publish {
    /// Free text.
    pub content: String,
}

/// The envelope of a server's message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<'a, T> {
    /// The message's name.
    pub r#type: &'static str,
    /// What it carries.
    pub payload: T,
    /// Milliseconds since the epoch.
    pub timestamp: u64,
    /// The request's own, on a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<&'a str>,
}

impl<'a, T: Serialize> Envelope<'a, T> {
    /// The message as text.
    pub fn text(
        r#type: &'static str,
        payload: T,
        correlation_id: Option<&'a str>,
    ) -> serde_json::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        serde_json::to_string(&Self {
            r#type,
            payload,
            timestamp,
            correlation_id,
        })
    }
}
