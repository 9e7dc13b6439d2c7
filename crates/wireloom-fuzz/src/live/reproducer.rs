//! A finding as a file: the conversation in which it was seen, to be held again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wireloom_spec::Model;

use super::campaign::{Report, TRIES};
use super::finding::Finding;
use super::player::{Outcome, Stage};
use crate::conversation::Conversation;

/// A finding that can be looked for again: what a file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reproducer {
    /// Version of this form: 1.
    pub reproducer: u32,
    /// Name and version of the protocol.
    pub protocol: String,
    /// How long an answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// What was wrong.
    pub finding: Finding,
    /// The conversation in which it was seen.
    pub conversation: Conversation,
}

impl Reproducer {
    /// What a report comes down to.
    #[must_use]
    pub fn new(report: &Report, model: &Model, timeout: Duration) -> Self {
        Self {
            reproducer: 1,
            protocol: format!("{} {}", model.info.name, model.info.version),
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            finding: report.finding.clone(),
            conversation: report.conversation.clone(),
        }
    }

    /// Holds the conversation again, up to three times, until the finding is seen again. The outcome of the last time.
    pub async fn replay(&self, stage: Stage<'_>) -> Outcome {
        let mut last = Outcome::default();
        for _ in 0..TRIES {
            last = stage.play(&self.conversation, None).await;
            if last
                .findings
                .iter()
                .any(|finding| finding.key == self.finding.key)
                || last.trouble.is_some()
            {
                break;
            }
        }
        last
    }
}
