//! Commands for a shell that do again what a finding did.

use std::path::Path;

use wireloom_fuzz::conversation::{Action, Conversation};

/// The `wireloom call` that does what a conversation does, if one can.
pub(super) fn call(conversation: &Conversation, url: &str, with_token: bool) -> Option<String> {
    let [step] = conversation.steps.as_slice() else {
        return None;
    };
    let mut words = vec!["wireloom call".to_owned(), quoted(url)];
    match &step.action {
        Action::Send(sending) => {
            if sending.message.starts_with('-') || sending.message.is_empty() {
                return None;
            }
            words.push(quoted(&sending.message));
            words.extend(
                sending
                    .payload
                    .as_ref()
                    .map(|payload| quoted(&payload.to_string())),
            );
        }
        // These name a file, and standard input.
        Action::Text { text } if text.starts_with('@') || text == "-" => return None,
        Action::Text { text } => words.extend(["--raw".to_owned(), quoted(text)]),
        _ => return None,
    }
    if with_token {
        words.push(TOKEN.to_owned());
    }
    let line = words.join(" ");
    // No shell passes it on.
    (!line.contains('\0')).then_some(line)
}

/// The `wireloom fuzz` that runs a file again.
pub(super) fn replay(url: &str, spec: &Path, file: &Path, with_token: bool) -> String {
    let mut line = format!("wireloom fuzz {}", quoted(url));
    if spec != Path::new(crate::source::DEFAULT) {
        line.push_str(&format!(" --spec {}", quoted(&spec.to_string_lossy())));
    }
    line.push_str(&format!(" --replay {}", quoted(&file.to_string_lossy())));
    if with_token {
        line.push(' ');
        line.push_str(TOKEN);
    }
    line
}

/// Never the token itself: what is printed ends up in logs.
const TOKEN: &str = "--token \"$WIRELOOM_TOKEN\"";

/// A word as a shell reads it; as it is where it has a NUL, which no shell passes on.
fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Into::into)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wireloom_fuzz::conversation::{Action, Conversation, Sending, Step};

    use super::call;

    fn of(actions: Vec<Action>) -> Conversation {
        let step = |action| Step { client: 0, action };
        Conversation {
            steps: actions.into_iter().map(step).collect(),
        }
    }

    #[test]
    fn one_message_is_one_call() {
        let say = || Action::Send(Sending::valid("say", json!({ "text": "it's" })));
        let line = call(&of(vec![say()]), "ws://h/ws", false).expect("a call");
        assert_eq!(
            shlex::split(&line).expect("words"),
            ["wireloom", "call", "ws://h/ws", "say", r#"{"text":"it's"}"#]
        );
        assert_eq!(call(&of(vec![say(), say()]), "ws://h/ws", false), None);
        let text = |text: &str| Action::Text {
            text: text.to_owned(),
        };
        let line = call(&of(vec![text("{")]), "ws://h/ws", true).expect("a call");
        assert_eq!(
            shlex::split(&line).expect("words"),
            [
                "wireloom",
                "call",
                "ws://h/ws",
                "--raw",
                "{",
                "--token",
                "$WIRELOOM_TOKEN"
            ]
        );
        for odd in ["@x", "-", "\0"] {
            assert_eq!(call(&of(vec![text(odd)]), "ws://h/ws", false), None, "{odd:?}");
        }
    }
}
