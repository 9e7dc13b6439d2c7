//! Makes a failing conversation small: fewer clients, fewer steps, then simpler ones.

use std::fmt;

use proptest::strategy::ValueTree;

use super::{Action, Conversation, Step};

/// A step on its way to a simpler one.
pub(super) type ActionTree = Box<dyn ValueTree<Value = Action>>;

/// A conversation on its way to a smaller one.
pub struct ConversationTree {
    steps: Vec<Branch>,
    change: Option<Change>,
    stage: Stage,
}

struct Branch {
    client: usize,
    action: ActionTree,
    kept: bool,
}

/// What was tried last.
enum Change {
    /// These were left out.
    Without(Vec<usize>),
    /// This one was made simpler.
    Simpler(usize),
}

/// What is to be tried next.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Only this client, and nothing behind this step of the conversation.
    Focus {
        client: usize,
        step: usize,
    },
    /// Without this client.
    Client(usize),
    /// Without so many of the kept steps, up to this one: from the end, where what does not matter is likely to stand.
    Chunk {
        size: usize,
        end: usize,
    },
    /// This step made simpler.
    Simplify(usize),
    Done,
}

impl fmt::Debug for ConversationTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConversationTree").field(&self.current()).finish()
    }
}

impl ConversationTree {
    pub(super) fn new(steps: Vec<(usize, ActionTree)>) -> Self {
        let branch = |(client, action)| Branch {
            client,
            action,
            kept: true,
        };
        Self {
            steps: steps.into_iter().map(branch).collect(),
            change: None,
            stage: Stage::Client(0),
        }
    }

    /// A conversation that becomes smaller by leaving steps out; those that stay are as they are.
    #[must_use]
    pub fn of(conversation: &Conversation) -> Self {
        let steps = conversation.steps.iter().map(|step| {
            let action: ActionTree = Box::new(Fixed(step.action.clone()));
            (step.client, action)
        });
        Self::new(steps.collect())
    }

    /// Says which client, at which step of [`current`](ValueTree::current), saw it fail: nothing but what that client did
    /// until then is tried first.
    pub fn focus(&mut self, client: usize, step: usize) {
        let kept = self.kept();
        let conversation = self.current();
        // Clients are numbered anew.
        let original = conversation
            .steps
            .iter()
            .position(|other| other.client == client)
            .and_then(|at| kept.get(at))
            .and_then(|at| self.steps.get(*at))
            .map(|branch| branch.client);
        if let (Some(client), Some(step)) = (original, kept.get(step)) {
            self.stage = Stage::Focus { client, step: *step };
        }
    }

    fn kept(&self) -> Vec<usize> {
        let kept = self.steps.iter().enumerate().filter(|(_, step)| step.kept);
        kept.map(|(at, _)| at).collect()
    }

    fn leave_out(&mut self, which: Vec<usize>) {
        for at in &which {
            if let Some(step) = self.steps.get_mut(*at) {
                step.kept = false;
            }
        }
        self.change = Some(Change::Without(which));
    }

    fn next(&mut self) -> bool {
        loop {
            match self.stage {
                Stage::Focus { client, step } => {
                    self.stage = Stage::Client(0);
                    let mut others = self.kept();
                    others.retain(|at| {
                        *at > step || self.steps.get(*at).is_none_or(|branch| branch.client != client)
                    });
                    if !others.is_empty() {
                        self.leave_out(others);
                        return true;
                    }
                }
                Stage::Client(client) => {
                    if self.steps.iter().all(|step| step.client < client) {
                        let kept = self.kept().len();
                        let size = (kept / 2).max(1);
                        self.stage = Stage::Chunk { size, end: kept };
                        continue;
                    }
                    self.stage = Stage::Client(client + 1);
                    let of_client: Vec<usize> = self.kept();
                    let (its, others): (Vec<usize>, Vec<usize>) = of_client
                        .into_iter()
                        .partition(|at| self.steps.get(*at).is_some_and(|step| step.client == client));
                    if !its.is_empty() && !others.is_empty() {
                        self.leave_out(its);
                        return true;
                    }
                }
                Stage::Chunk { size, end } => {
                    let kept = self.kept();
                    let end = end.min(kept.len());
                    if end == 0 {
                        self.stage = match size {
                            1 => Stage::Simplify(0),
                            _ => Stage::Chunk {
                                size: size / 2,
                                end: kept.len(),
                            },
                        };
                        continue;
                    }
                    let start = end.saturating_sub(size);
                    self.stage = Stage::Chunk { size, end: start };
                    let chunk: Vec<usize> = kept.get(start..end).unwrap_or_default().to_vec();
                    if chunk.len() < kept.len() {
                        self.leave_out(chunk);
                        return true;
                    }
                }
                Stage::Simplify(at) => {
                    let Some(step) = self.steps.get_mut(at) else {
                        self.stage = Stage::Done;
                        continue;
                    };
                    if step.kept && step.action.simplify() {
                        self.change = Some(Change::Simpler(at));
                        return true;
                    }
                    self.stage = Stage::Simplify(at + 1);
                }
                Stage::Done => return false,
            }
        }
    }
}

impl ValueTree for ConversationTree {
    type Value = Conversation;

    fn current(&self) -> Conversation {
        let kept = self.steps.iter().filter(|step| step.kept);
        let step = |step: &Branch| Step {
            client: step.client,
            action: step.action.current(),
        };
        let mut conversation = Conversation {
            steps: kept.map(step).collect(),
        };
        conversation.renumber();
        conversation
    }

    fn simplify(&mut self) -> bool {
        self.change = None;
        self.next()
    }

    fn complicate(&mut self) -> bool {
        match self.change.take() {
            Some(Change::Without(steps)) => {
                for at in steps {
                    if let Some(step) = self.steps.get_mut(at) {
                        step.kept = true;
                    }
                }
            }
            Some(Change::Simpler(at)) => {
                if let Some(step) = self.steps.get_mut(at)
                    && step.action.complicate()
                {
                    self.change = Some(Change::Simpler(at));
                    return true;
                }
                self.stage = Stage::Simplify(at + 1);
            }
            None => {}
        }
        self.next()
    }
}

/// A step that is as simple as it is.
struct Fixed(Action);

impl ValueTree for Fixed {
    type Value = Action;

    fn current(&self) -> Action {
        self.0.clone()
    }

    fn simplify(&mut self) -> bool {
        false
    }

    fn complicate(&mut self) -> bool {
        false
    }
}
