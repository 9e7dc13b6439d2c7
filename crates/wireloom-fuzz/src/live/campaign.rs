//! Conversation after conversation with one server, within budgets; what is found is made small.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde::Serialize;
use wireloom_spec::Model;

use super::count::Counts;
use super::finding::{Finding, Key, Kind};
use super::player::{Outcome, Stage, Trouble};
use super::target::Target;
use crate::Fuzzer;
use crate::conversation::{Conversation, ConversationTree, Conversations, Plan};

/// How often a server that is busy is left alone for a while before the run is given up.
const PATIENCE: u32 = 5;

/// How often a conversation is held again to see whether its finding was chance.
pub(super) const TRIES: usize = 3;

/// When a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Conversations; `None` is no bound.
    pub cases: Option<u64>,
    /// Time; `None` is no bound.
    pub time: Option<Duration>,
    /// Different findings that were seen again, after which the run ends.
    pub findings: usize,
    /// Time to make one finding smaller.
    pub shrink: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            cases: None,
            time: Some(Duration::from_secs(30)),
            findings: 20,
            shrink: Duration::from_secs(10),
        }
    }
}

/// What happens in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A conversation was held.
    Held(&'a Counts),
    /// Something was found, and is about to be made smaller.
    Found(&'a Finding),
    /// A finding as small as it became.
    Report(&'a Report),
    /// The server is left alone for a while.
    Waiting(&'a Trouble),
}

/// A finding, and how it comes about.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What was wrong, as it was seen in the conversation.
    pub finding: Finding,
    /// The shortest conversation in which it was seen.
    pub conversation: Conversation,
    /// Whether it was seen again when the conversation was held again.
    pub reproduced: bool,
    /// How many steps the conversation had at first.
    pub steps: usize,
    /// In how many conversations of the run something of the kind was seen.
    pub seen: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A budget is used up.
    Spent,
    /// Nothing more can be found with this server.
    Trouble(Trouble),
}

/// A run against one server.
#[derive(Debug)]
pub struct Campaign {
    model: Arc<Model>,
    fuzzer: Fuzzer,
    target: Target,
    conversations: Conversations,
    budget: Budget,
    seed: u64,
    /// Messages of which it was found that they have no answer.
    unanswered: BTreeSet<String>,
    /// What was found so far.
    pub reports: Vec<Report>,
    /// What was sent and received so far.
    pub counts: Counts,
}

impl Campaign {
    /// A run that holds the same conversations for the same protocol, plan and seed.
    #[must_use]
    pub fn new(model: Arc<Model>, target: Target, plan: Plan, budget: Budget, seed: u64) -> Self {
        Self {
            fuzzer: Fuzzer::from_model(&model),
            conversations: Conversations::new(Arc::clone(&model), plan),
            model,
            target,
            budget,
            seed,
            unanswered: BTreeSet::new(),
            reports: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn stage(&self) -> Stage<'_> {
        Stage {
            target: &self.target,
            model: &self.model,
            fuzzer: &self.fuzzer,
            unanswered: &self.unanswered,
        }
    }

    /// Connects once, to see whether the server is there, lets clients in, and speaks the protocol: whether it is the same
    /// one to the letter, by its hash.
    ///
    /// # Errors
    ///
    /// Says why it is no use to begin.
    pub async fn look(&self) -> Result<bool, Trouble> {
        let step = crate::conversation::Step {
            client: 0,
            action: crate::conversation::Action::Connect { subprotocol: true },
        };
        let outcome = self.stage().play(&Conversation { steps: vec![step] }, None).await;
        match outcome.trouble {
            Some(trouble) => Err(trouble),
            None if outcome
                .findings
                .iter()
                .any(|finding| finding.key.kind == Kind::NoGreeting) =>
            {
                Err(Trouble::Silent)
            }
            None => Ok(outcome.hash.is_some_and(|hash| hash == self.model.hash)),
        }
    }

    /// Holds conversations until a budget is used up. What is found and counted stays here, also when the run is dropped.
    pub async fn run(&mut self, tell: &mut dyn FnMut(Event<'_>)) -> End {
        let began = Instant::now();
        let mut case = 0;
        let mut patience = PATIENCE;
        loop {
            let spent = self.budget.cases.is_some_and(|cases| case >= cases)
                || self.budget.time.is_some_and(|time| began.elapsed() >= time)
                || self.has_enough();
            if spent {
                return End::Spent;
            }
            case += 1;
            // A protocol in which no conversation can be made has nothing to be fuzzed.
            let Ok(tree) = self.conversations.new_tree(&mut runner(self.seed, case)) else {
                return End::Spent;
            };
            let conversation = tree.current();
            let outcome = self.stage().play(&conversation, None).await;
            self.counts.add(&outcome.counts);
            tell(Event::Held(&self.counts));
            let trouble = outcome.trouble.clone();
            self.report(tree, &conversation, outcome, tell).await;
            match trouble {
                None => patience = PATIENCE,
                Some(trouble @ Trouble::Busy(_)) if patience > 0 => {
                    patience -= 1;
                    tell(Event::Waiting(&trouble));
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Some(trouble) => return End::Trouble(trouble),
            }
        }
    }

    fn has_enough(&self) -> bool {
        let seen_again = self.reports.iter().filter(|report| report.reproduced);
        seen_again.count() >= self.budget.findings
    }

    /// Makes what is new in an outcome small, and reports it.
    async fn report(
        &mut self,
        tree: ConversationTree,
        conversation: &Conversation,
        outcome: Outcome,
        tell: &mut dyn FnMut(Event<'_>),
    ) {
        let mut new: Vec<Finding> = Vec::new();
        for finding in outcome.findings {
            if let Some(known) = self
                .reports
                .iter_mut()
                .find(|known| known.finding.key == finding.key)
            {
                known.seen += 1;
            } else if !new.iter().any(|other| other.key == finding.key) {
                new.push(finding);
            }
        }
        // The first to be made small uses up the tree; what else was seen in the conversation has often the same cause.
        let mut tree = Some(tree);
        for finding in new {
            if self.has_enough() {
                return;
            }
            tell(Event::Found(&finding));
            let report = self.shrink(tree.take(), conversation, finding).await;
            tell(Event::Report(&report));
            if matches!(report.finding.key.kind, Kind::MissingReply | Kind::Stalled) {
                self.unanswered.extend(report.finding.key.message.clone());
            }
            self.reports.push(report);
        }
    }

    async fn shrink(
        &self,
        tree: Option<ConversationTree>,
        conversation: &Conversation,
        finding: Finding,
    ) -> Report {
        let stage = self.stage();
        let mut report = Report {
            steps: conversation.steps.len(),
            conversation: conversation.clone(),
            finding,
            reproduced: false,
            seen: 1,
        };
        let key = report.finding.key.clone();
        let deadline = Instant::now() + self.budget.shrink;
        match seen_again(stage, conversation, &key, TRIES).await {
            Again::Seen(finding) => report.finding = finding,
            Again::NotSeen | Again::Gone => return report,
        }
        report.reproduced = true;
        let mut tree = tree.unwrap_or_else(|| ConversationTree::of(conversation));
        tree.focus(report.finding.client, report.finding.step);
        // What does not come is waited for again and again: not for so long, until it is small.
        let hasty = self.target.hasty();
        let stage = Stage {
            target: &hasty,
            ..stage
        };
        let mut small = None;
        let mut more = tree.simplify();
        while more && Instant::now() < deadline {
            let candidate = tree.current();
            match seen_again(stage, &candidate, &key, 1).await {
                Again::Seen(_) => {
                    small = Some(candidate);
                    more = tree.simplify();
                }
                Again::NotSeen => more = tree.complicate(),
                Again::Gone => return report,
            }
        }
        if let Some(small) = small
            && let Again::Seen(finding) = seen_again(self.stage(), &small, &key, 1).await
        {
            (report.finding, report.conversation) = (finding, small);
        }
        report
    }
}

/// What came of holding a conversation again.
enum Again {
    Seen(Finding),
    NotSeen,
    /// Nobody listens any more.
    Gone,
}

async fn seen_again(stage: Stage<'_>, conversation: &Conversation, key: &Key, tries: usize) -> Again {
    for _ in 0..tries {
        let outcome = stage.play(conversation, Some(key)).await;
        let same = outcome.findings.into_iter().find(|finding| finding.key == *key);
        match (same, outcome.trouble) {
            (Some(finding), _) => return Again::Seen(finding),
            (None, Some(Trouble::Gone(_))) => return Again::Gone,
            (None, Some(_)) => tokio::time::sleep(Duration::from_secs(1)).await,
            (None, None) => {}
        }
    }
    Again::NotSeen
}

/// The randomness of one conversation of a run.
fn runner(seed: u64, case: u64) -> TestRunner {
    let mut bytes = [0; 32];
    let (front, back) = bytes.split_at_mut(8);
    front.copy_from_slice(&seed.to_le_bytes());
    if let Some(number) = back.get_mut(..8) {
        number.copy_from_slice(&case.to_le_bytes());
    }
    TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
    )
}
