//! A run in numbers: what was sent, what of the protocol was reached, what was found.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::json;
use wireloom_fuzz::live::{Counts, Report};
use wireloom_spec::Model;

/// A run.
pub(super) struct Summary<'a> {
    pub(super) url: String,
    pub(super) protocol: String,
    pub(super) seed: u64,
    pub(super) elapsed: Duration,
    pub(super) model: &'a Model,
    pub(super) counts: &'a Counts,
    pub(super) reports: &'a [Report],
}

impl Summary<'_> {
    /// The messages that clients send and an application handles.
    pub(super) fn requests(&self) -> impl Iterator<Item = &str> {
        let handled = self.model.messages.iter();
        let handled = handled.filter(|message| message.from.client() && !message.engine);
        handled.map(|message| message.name.as_str())
    }

    /// Those that were never answered well.
    fn never_accepted(&self) -> Vec<&str> {
        self.requests()
            .filter(|name| !self.counts.accepted.contains_key(*name))
            .collect()
    }

    fn never_entered(&self) -> Vec<&str> {
        let states = self.model.states.as_ref();
        let names = states.into_iter().flat_map(|machine| machine.states.keys());
        names
            .map(String::as_str)
            .filter(|name| !self.counts.states.contains_key(*name))
            .collect()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let Counts {
            conversations,
            received,
            connections,
            resumed,
            slowed_down,
            ..
        } = self.counts;
        let mut text = format!(
            "fuzzed {} at {} for {:.1}s with seed {}\n",
            self.protocol,
            self.url,
            self.elapsed.as_secs_f64(),
            self.seed
        );
        let mut line = |what: &str, says: String| {
            if !says.is_empty() {
                // Writing to a string cannot fail.
                let _written = writeln!(text, "  {what:<10} {says}");
            }
        };
        line(
            "held",
            format!(
                "{conversations} conversations on {connections} connections, {resumed} resumed; {received} messages came"
            ),
        );
        line("sent", listed(&self.counts.sent));
        line("accepted", listed(&self.counts.accepted));
        line("never", self.never_accepted().join(", "));
        line("states", listed(&self.counts.states));
        line("unseen", self.never_entered().join(", "));
        line("violated", listed(&self.counts.keywords));
        if *slowed_down > 0 {
            line(
                "slowed",
                format!("{slowed_down} times, when the server asked for it"),
            );
        }
        line(
            "findings",
            match self.reports.len() {
                0 => "none".to_owned(),
                many => many.to_string(),
            },
        );
        for report in self.reports {
            line("", format!("{} ({} times)", report.finding.key, report.seen));
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let document = json!({
            "protocol": self.protocol,
            "url": self.url,
            "seed": self.seed,
            "elapsedMs": super::milliseconds(self.elapsed),
            "counts": self.counts,
            "neverAccepted": self.never_accepted(),
            "neverEntered": self.never_entered(),
            "findings": self.reports,
        });
        format!("{document:#}\n")
    }
}

fn listed(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let each = counts.iter().map(|(name, count)| format!("{name} {count}"));
    each.collect::<Vec<_>>().join(", ")
}
