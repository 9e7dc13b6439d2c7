//! Conversations as values: they reach what the protocol has, survive being written down, and become small.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use wireloom_fuzz::conversation::{
    Action, Conversation, ConversationTree, Conversations, Label, Plan, Sending,
};
use wireloom_spec::Model;

type Outcome = Result<(), Box<dyn Error>>;

/// Conversations that are made of one protocol.
const CASES: usize = 30;

fn model(name: &str) -> Result<Arc<Model>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let text = std::fs::read_to_string(folder.join(name))?;
    let model = wireloom_spec::check(name, &text).model;
    Ok(Arc::new(model.ok_or("a protocol of the corpus has errors")?))
}

fn trees(name: &str, count: usize) -> Result<Vec<ConversationTree>, Box<dyn Error>> {
    let conversations = Conversations::new(model(name)?, Plan::default());
    let mut runner = TestRunner::deterministic();
    let tree = |_| {
        let tree = conversations.new_tree(&mut runner);
        tree.map_err(|reason| reason.message().to_owned().into())
    };
    (0..count).map(tree).collect()
}

fn sent(conversation: &Conversation) -> impl Iterator<Item = &Sending> {
    conversation.steps.iter().filter_map(|step| match &step.action {
        Action::Send(sending) => Some(sending),
        _ => None,
    })
}

#[test]
fn a_conversation_is_what_its_json_says() -> Outcome {
    for name in ["game-lobby.yaml", "boolean-schemas.yaml", "numbers.yaml"] {
        for tree in trees(name, CASES)? {
            let conversation = tree.current();
            let text = serde_json::to_string(&conversation)?;
            assert_eq!(
                serde_json::from_str::<Conversation>(&text)?,
                conversation,
                "{text}"
            );
        }
    }
    Ok(())
}

#[test]
fn everything_that_a_client_can_do_is_done() -> Outcome {
    let (mut messages, mut kinds, mut clients) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for tree in trees("game-lobby.yaml", 8 * CASES)? {
        let conversation = tree.current();
        clients.insert(conversation.clients());
        for sending in sent(&conversation) {
            if sending.label == Label::Valid {
                messages.insert(sending.message.clone());
            }
        }
        for step in &conversation.steps {
            let value = serde_json::to_value(step)?;
            let part = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            let label = value["label"]["is"].as_str().unwrap_or_default();
            kinds.insert(format!("{} {}{label}", part("do"), part("how")));
        }
    }
    for message in &model("game-lobby.yaml")?.messages {
        if message.from.client() && !message.engine {
            assert!(messages.contains(&message.name), "{} is never sent", message.name);
        }
    }
    let all = [
        "ack ",
        "binary ",
        "cancel ",
        "connect ",
        "disconnect abrupt",
        "disconnect away",
        "disconnect clean",
        "ping ",
        "resume ",
        "send near-miss",
        "send unknown-type",
        "send valid",
        "send wrong-direction",
        "settle ",
        "text ",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), all);
    assert_eq!(clients.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    Ok(())
}

/// Makes a conversation as small as it becomes while something holds.
fn shrunk(mut tree: ConversationTree, holds: impl Fn(&Conversation) -> bool) -> Conversation {
    let mut best = tree.current();
    let mut more = tree.simplify();
    while more {
        let candidate = tree.current();
        if holds(&candidate) {
            best = candidate;
            more = tree.simplify();
        } else {
            more = tree.complicate();
        }
    }
    best
}

#[test]
fn what_does_not_matter_is_left_out() -> Outcome {
    let mut found = 0;
    for tree in trees("game-lobby.yaml", CASES)? {
        // Two messages in this order, of one client or of two.
        let both = |conversation: &Conversation| {
            let names: Vec<&str> = sent(conversation)
                .map(|sending| sending.message.as_str())
                .collect();
            let create = names.iter().position(|name| *name == "lobby:create");
            create.is_some_and(|at| names[at..].contains(&"lobby:start"))
        };
        if !both(&tree.current()) {
            continue;
        }
        found += 1;
        let small = shrunk(tree, both);
        let names: Vec<&str> = sent(&small).map(|sending| sending.message.as_str()).collect();
        assert_eq!(names, ["lobby:create", "lobby:start"], "{small:?}");
        assert_eq!(small.steps.len(), 2);
        for sending in sent(&small) {
            assert_eq!(
                (sending.stem.as_str(), sending.spelling, sending.ack),
                ("", 0, false)
            );
        }
        // Clients are numbered from 0.
        assert_eq!(small.steps[0].client, 0);
    }
    assert!(found > 1, "{found} conversations");
    Ok(())
}

#[test]
fn one_step_of_one_client_is_found_at_once() -> Outcome {
    for mut tree in trees("chat.yaml", CASES)? {
        let conversation = tree.current();
        let last = conversation.steps.len() - 1;
        let client = conversation.steps[last].client;
        tree.focus(client, last);
        let own = conversation
            .steps
            .iter()
            .filter(|step| step.client == client)
            .count();
        // Nothing is to be left out of a conversation that this client has alone.
        if own == conversation.steps.len() {
            continue;
        }
        assert!(tree.simplify());
        assert_eq!(tree.current().steps.len(), own);
        assert_eq!(tree.current().clients(), 1);
    }
    Ok(())
}
