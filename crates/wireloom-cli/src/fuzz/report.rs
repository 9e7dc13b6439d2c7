//! One finding, for people.

use std::fmt::Write;

use wireloom_fuzz::conversation::{Action, Conversation, Ending, Label};
use wireloom_fuzz::live::{Finding, Report};

use super::shell;

/// Longest text of a frame that is printed, in characters.
const MAX_FRAME: usize = 600;

/// A finding, what was sent and received, and how to see it again.
pub(super) fn text(report: &Report, url: &str, with_token: bool, again: &str) -> String {
    let mut text = seen(&report.finding);
    let steps = report.conversation.steps.len();
    if !report.reproduced {
        text.push_str("\n  not seen again when the same was done once more");
    }
    match shell::call(&report.conversation, url, with_token) {
        Some(call) => line(&mut text, "call", &call),
        None => {
            let plural = if steps == 1 { "" } else { "s" };
            line(
                &mut text,
                "steps",
                &format!("{steps} step{plural} of {}", report.steps),
            );
            for step in steps_of(&report.conversation) {
                line(&mut text, "", &step);
            }
        }
    }
    line(&mut text, "again", again);
    text
}

/// A finding, and what was sent and received.
pub(super) fn seen(finding: &Finding) -> String {
    let mut text = format!("{}\n  {}", finding.key, finding.text);
    for (what, frame) in [("sent", &finding.sent), ("received", &finding.received)] {
        if let Some(frame) = frame {
            line(&mut text, what, &short(frame));
        }
    }
    text
}

fn line(text: &mut String, what: &str, says: &str) {
    // Writing to a string cannot fail.
    let _written = write!(text, "\n  {what:<8} {says}");
}

/// A text in one line that a terminal takes, cut where it is long.
fn short(frame: &str) -> String {
    let mut text = String::new();
    for character in frame.chars().take(MAX_FRAME) {
        match character {
            '"' | '\'' | '\\' => text.push(character),
            other => text.extend(other.escape_debug()),
        }
    }
    if frame.chars().count() > MAX_FRAME {
        text.push('…');
    }
    text
}

/// The steps of a conversation, a line each.
fn steps_of(conversation: &Conversation) -> Vec<String> {
    let alone = conversation.clients() == 1;
    let describe = |step: &wireloom_fuzz::conversation::Step| {
        let who = if alone {
            String::new()
        } else {
            format!("client {}: ", step.client)
        };
        who + &action(&step.action)
    };
    conversation.steps.iter().map(describe).collect()
}

fn action(action: &Action) -> String {
    match action {
        Action::Send(sending) => {
            let payload = sending.payload.as_ref().map(ToString::to_string);
            let sent = format!("{} {}", sending.message, payload.unwrap_or_default());
            match &sending.label {
                Label::Valid => short(sent.trim_end()),
                Label::NearMiss { keyword, path } => {
                    format!("{} (violates {keyword} at {path:?})", short(&sent))
                }
                Label::UnknownType => format!("{} (unknown type)", short(&sent)),
                Label::WrongDirection => format!("{} (of the server)", short(&sent)),
            }
        }
        Action::Text { text } => format!("the text {}", short(text)),
        Action::Binary => "a binary frame".to_owned(),
        Action::Cancel { back: 0 } => "cancels its last request".to_owned(),
        Action::Cancel { back } => format!("cancels its last request but {back}"),
        Action::Ping => "pings".to_owned(),
        Action::Ack => "acknowledges".to_owned(),
        Action::Settle => "waits for everything to be answered".to_owned(),
        Action::Disconnect { how } => match how {
            Ending::Clean => "closes with 1000".to_owned(),
            Ending::Away => "closes with 1001".to_owned(),
            Ending::Abrupt => "cuts the connection".to_owned(),
        },
        Action::Resume { forget: 0 } => "resumes".to_owned(),
        Action::Resume { forget } => format!("resumes as if the last {forget} messages were lost"),
        Action::Connect { subprotocol: true } => "connects".to_owned(),
        Action::Connect { subprotocol: false } => "connects without a subprotocol".to_owned(),
    }
}
