//! What was sent, and what came of it, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counts of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Conversations that were held, without those that made a finding smaller.
    pub conversations: u64,
    /// Frames that were sent, by what they were.
    pub sent: BTreeMap<String, u64>,
    /// Messages that came.
    pub received: u64,
    /// Valid messages that were answered well, or taken, by type.
    pub accepted: BTreeMap<String, u64>,
    /// Errors that came, by type of the message and code: `agent:start invalid_payload`.
    pub refused: BTreeMap<String, u64>,
    /// How often a session was in a state, as far as can be told, by state.
    pub states: BTreeMap<String, u64>,
    /// Keywords that were violated, by keyword.
    pub keywords: BTreeMap<String, u64>,
    /// Connections that were opened.
    pub connections: u64,
    /// Sessions that were taken up again.
    pub resumed: u64,
    /// Answers that asked to slow down.
    pub slowed_down: u64,
}

impl Counts {
    /// Frames that were sent, of all kinds.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.sent.values().sum()
    }

    pub(super) fn add(&mut self, other: &Self) {
        let maps = [
            (&mut self.sent, &other.sent),
            (&mut self.accepted, &other.accepted),
            (&mut self.refused, &other.refused),
            (&mut self.states, &other.states),
            (&mut self.keywords, &other.keywords),
        ];
        for (all, more) in maps {
            for (name, count) in more {
                *all.entry(name.clone()).or_default() += count;
            }
        }
        self.conversations += other.conversations;
        self.received += other.received;
        self.connections += other.connections;
        self.resumed += other.resumed;
        self.slowed_down += other.slowed_down;
    }
}
