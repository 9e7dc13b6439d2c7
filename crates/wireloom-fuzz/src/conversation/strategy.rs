//! The strategy of conversations: several clients, each on its way through the protocol's states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;
use wireloom_spec::Model;
use wireloom_spec::model::{Answer, Message};

use super::tree::ActionTree;
use super::{Action, ConversationTree, Ending, Label, Sending};
use crate::Fuzzer;
use crate::random::Random;

/// What conversations are made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Most clients that take part; at least 1.
    pub clients: usize,
    /// Most steps of a conversation; at least 1.
    pub steps: usize,
    /// Payloads that are known to lead somewhere, by message type: half of the valid messages of the type have one of
    /// these.
    pub samples: BTreeMap<String, Vec<Value>>,
    /// Types that are not sent: what does harm, or never ends on purpose.
    pub skip: BTreeSet<String>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            clients: 3,
            steps: 24,
            samples: BTreeMap::new(),
            skip: BTreeSet::new(),
        }
    }
}

/// Conversations of some clients with a server: valid messages, streams, near misses, hostile texts, unknown types,
/// messages of the server, cancels, lost connections and resumes; also messages that the session's state does not
/// accept.
///
/// Which keywords are violated depends on those that were in the conversations before, so that each has its turn.
#[derive(Debug, Clone)]
pub struct Conversations {
    fuzzer: Fuzzer,
    model: Arc<Model>,
    plan: Plan,
    /// Types that clients send and an application handles.
    requests: Vec<String>,
    /// The same and the engine's, where some payload does not fit.
    missable: Vec<String>,
    /// Types that only the server sends.
    of_server: Vec<String>,
    /// Frames longer than this are not made, in bytes.
    message_bytes: usize,
    /// How often each keyword of each message was violated so far.
    missed: Arc<Mutex<BTreeMap<(String, String), u64>>>,
}

/// How often a step is made before a conversation is left shorter.
const ATTEMPTS: usize = 8;

/// Near misses of which the rarest is taken.
const DRAWS: usize = 4;

/// Where a client stands as far as the conversation itself says.
struct Walk {
    state: Option<String>,
    connected: bool,
    /// Whether it has a session to resume.
    session: bool,
    sent: usize,
    /// States that it has been in.
    seen: BTreeSet<String>,
}

impl Walk {
    /// Sends a message that leads to this state.
    fn go(&mut self, next: Option<String>) {
        self.sent += 1;
        if let Some(next) = next {
            self.seen.insert(next.clone());
            self.state = Some(next);
        }
    }
}

impl Conversations {
    /// Conversations in a protocol.
    #[must_use]
    pub fn new(model: Arc<Model>, plan: Plan) -> Self {
        let fuzzer = Fuzzer::from_model(&model);
        let names = |which: &dyn Fn(&&Message) -> bool| -> Vec<String> {
            let chosen = model.messages.iter().filter(which);
            let chosen = chosen.filter(|message| !plan.skip.contains(&message.name));
            chosen.map(|message| message.name.clone()).collect()
        };
        let requests = names(&|message| message.from.client() && !message.engine);
        let missable = names(&|message| {
            let can_miss = fuzzer.target(&message.name).is_ok_and(|target| target.can_miss());
            message.from.client() && can_miss
        });
        let of_server = names(&|message| !message.from.client());
        let limit = model.connection.limits.message_bytes;
        Self {
            requests,
            missable,
            of_server,
            message_bytes: usize::try_from(limit).unwrap_or(usize::MAX),
            fuzzer,
            model,
            plan,
            missed: Arc::default(),
        }
    }

    /// A payload that fits: one that is known, an example, one that looks written, or any.
    fn payload(&self, message: &str) -> BoxedStrategy<Value> {
        let examples = self.model.message(message).map(|message| &message.docs.examples);
        let examples = examples.filter(|examples| !examples.is_empty());
        let samples = self
            .plan
            .samples
            .get(message)
            .filter(|samples| !samples.is_empty());
        let (fuzzer, name) = (self.fuzzer.clone(), message.to_owned());
        let likely = any::<u64>()
            .no_shrink()
            .prop_filter_map("no likely payload", move |seed| fuzzer.likely(&name, seed));
        let any = self.fuzzer.valid(message);
        match (samples, examples) {
            (Some(samples), _) => prop_oneof![4 => select(samples.clone()), 1 => likely, 3 => any].boxed(),
            (None, Some(examples)) => {
                prop_oneof![3 => select(examples.clone()), 2 => likely, 3 => any].boxed()
            }
            (None, None) => prop_oneof![1 => likely, 2 => any].boxed(),
        }
    }

    /// A message with a payload that fits.
    fn valid(&self, message: &str) -> BoxedStrategy<Action> {
        let optional = self
            .model
            .message(message)
            .is_some_and(|message| message.payload_optional);
        let name = message.to_owned();
        (envelope(), any::<bool>(), self.payload(message))
            .prop_map(move |(envelope, left_out, payload)| {
                envelope.send(&name, (!(optional && left_out)).then_some(payload), Label::Valid)
            })
            .boxed()
    }

    fn near_miss(&self, message: &str) -> BoxedStrategy<Action> {
        let name = message.to_owned();
        (envelope(), self.fuzzer.near_miss(message))
            .prop_map(move |(envelope, near_miss)| {
                let label = Label::NearMiss {
                    keyword: near_miss.keyword,
                    path: near_miss.path,
                };
                envelope.send(&name, Some(near_miss.payload), label)
            })
            .boxed()
    }

    fn wrong_direction(&self) -> BoxedStrategy<Action> {
        let this = self.clone();
        select(self.of_server.clone())
            .prop_flat_map(move |name| {
                (envelope(), this.fuzzer.valid(&name)).prop_map(move |(envelope, payload)| {
                    envelope.send(&name, Some(payload), Label::WrongDirection)
                })
            })
            .boxed()
    }

    fn unknown_type(&self) -> BoxedStrategy<Action> {
        let model = Arc::clone(&self.model);
        let mut near = self.requests.clone();
        near.push("ping".to_owned());
        let slip = (select(near), 0..4u8).prop_map(|(mut name, how)| {
            match how {
                0 => name.push('s'),
                1 => name = name.to_uppercase(),
                2 => name = name.replace([':', '.'], "_"),
                _ => {
                    name.pop();
                }
            }
            name
        });
        let name = prop_oneof![2 => slip, 1 => "[a-z]{1,8}(:[a-z]{1,8}){0,2}", 1 => "\\PC{0,20}"];
        (envelope(), name)
            .prop_filter("the protocol has it", move |(_, name)| {
                model.message(name).is_none()
            })
            .prop_map(|(envelope, name)| {
                envelope.send(&name, Some(Value::Object(Default::default())), Label::UnknownType)
            })
            .boxed()
    }

    /// The messages that a state accepts, or those that it does not; all others are accepted always.
    fn of_state(&self, state: Option<&str>, accepted: bool) -> Vec<String> {
        let Some(states) = &self.model.states else {
            return if accepted {
                self.requests.clone()
            } else {
                Vec::new()
            };
        };
        let anywhere = |name: &str| states.states.values().any(|on| on.contains_key(name));
        let here = |name: &str| {
            let on = state.and_then(|state| states.states.get(state));
            !anywhere(name) || on.is_some_and(|on| on.contains_key(name))
        };
        let chosen = self.requests.iter().filter(|name| here(name) == accepted);
        chosen.cloned().collect()
    }

    /// What a client does next.
    fn action(&self, walk: &mut Walk, random: &mut Random) -> Option<BoxedStrategy<Action>> {
        let fixed = |action: Action| Some(Just(action).boxed());
        if !walk.connected && walk.session && !random.once_in(4) {
            (walk.connected, walk.session) = (true, true);
            return fixed(Action::Resume {
                forget: [0, 0, 1, 2, 5].get(random.below(5)).copied().unwrap_or(0),
            });
        }
        if !walk.connected {
            // Without a subprotocol now and then, as plain clients are.
            let subprotocol = !random.once_in(6);
            *walk = self.newcomer();
            (walk.connected, walk.session) = (true, subprotocol);
            return fixed(Action::Connect { subprotocol });
        }
        let state = walk.state.clone();
        match random.below(100) {
            0..42 => {
                let accepted = self.of_state(state.as_deref(), true);
                let name = self.next_message(&accepted, walk, random);
                walk.go(self.leads_to(state.as_deref(), &name));
                Some(self.valid(&name))
            }
            42..62 => {
                let legal = self.of_state(state.as_deref(), true);
                let legal: Vec<_> = legal
                    .into_iter()
                    .filter(|name| self.missable.contains(name))
                    .collect();
                // Those of the engine are the same in every protocol.
                let own: Vec<_> = legal
                    .iter()
                    .filter(|name| self.requests.contains(name))
                    .cloned()
                    .collect();
                let from = if !own.is_empty() && !random.once_in(4) {
                    &own
                } else if legal.is_empty() || random.once_in(4) {
                    &self.missable
                } else {
                    &legal
                };
                random.pick(from).map(|name| self.near_miss(name))
            }
            62..68 => {
                let refused = self.of_state(state.as_deref(), false);
                match random.pick(&refused) {
                    Some(name) => Some(self.valid(name)),
                    None => Some(self.valid("ping")),
                }
            }
            68..76 => Some(
                self.fuzzer
                    .hostile_text()
                    .prop_map(|text| Action::Text { text })
                    .boxed(),
            ),
            76..79 => Some(self.unknown_type()),
            79..82 => Some(self.wrong_direction()),
            82..87 if walk.sent > 0 => fixed(Action::Cancel {
                back: random.below(2) * random.below(3),
            }),
            87 => fixed(Action::Ping),
            88..90 => fixed(Action::Ack),
            90..93 => fixed(Action::Settle),
            93..97 => {
                let how = [Ending::Abrupt, Ending::Away, Ending::Abrupt, Ending::Clean]
                    .get(random.below(4))
                    .copied()
                    .unwrap_or(Ending::Abrupt);
                walk.connected = false;
                walk.session &= how != Ending::Clean || random.once_in(2);
                fixed(Action::Disconnect { how })
            }
            97..99 if walk.session => fixed(Action::Resume {
                forget: [0, 1, 3].get(random.below(3)).copied().unwrap_or(0),
            }),
            99 if random.once_in(4) => {
                walk.connected = false;
                fixed(Action::Binary)
            }
            _ => {
                let streams: Vec<String> = self
                    .of_state(state.as_deref(), true)
                    .into_iter()
                    .filter(|name| {
                        let message = self.model.message(name);
                        message.is_some_and(|message| matches!(message.answer, Answer::Stream { .. }))
                    })
                    .collect();
                let name = random
                    .pick(&streams)
                    .cloned()
                    .unwrap_or_else(|| "ping".to_owned());
                walk.go(self.leads_to(state.as_deref(), &name));
                Some(self.valid(&name))
            }
        }
    }

    /// One of these; rather one that leads to a state which was not seen yet, and seldom one that leads back.
    fn next_message(&self, names: &[String], walk: &Walk, random: &mut Random) -> String {
        let state = walk.state.as_deref();
        let leads = |name: &&String| {
            self.leads_to(state, name)
                .filter(|next| Some(next.as_str()) != state)
        };
        let new = |name: &&String| leads(name).is_some_and(|next| !walk.seen.contains(&next));
        let forward: Vec<&String> = names.iter().filter(new).collect();
        let staying: Vec<&String> = names.iter().filter(|name| leads(name).is_none()).collect();
        let chosen = match random.below(6) {
            0..3 if !forward.is_empty() => random.pick(&forward).copied(),
            0..5 if !staying.is_empty() => random.pick(&staying).copied(),
            _ => random.pick(names),
        };
        // A protocol may have no message of a client at all.
        chosen.cloned().unwrap_or_else(|| "ping".to_owned())
    }

    fn leads_to(&self, state: Option<&str>, message: &str) -> Option<String> {
        let states = self.model.states.as_ref()?;
        states.states.get(state?)?.get(message).cloned()
    }

    fn newcomer(&self) -> Walk {
        Walk {
            state: self.model.states.as_ref().map(|states| states.initial.clone()),
            connected: false,
            session: false,
            sent: 0,
            seen: self
                .model
                .states
                .iter()
                .map(|states| states.initial.clone())
                .collect(),
        }
    }

    /// One of some near misses, whose keyword was violated least so far; anything else as it comes.
    fn rarest(&self, action: &BoxedStrategy<Action>, runner: &mut TestRunner) -> Option<ActionTree> {
        let missed = |action: &Action| match action {
            Action::Send(Sending {
                message,
                label: Label::NearMiss { keyword, .. },
                ..
            }) => Some((message.clone(), keyword.clone())),
            _ => None,
        };
        let mut counts = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut best = action.new_tree(runner).ok()?;
        let Some(mut of) = missed(&best.current()) else {
            return Some(best);
        };
        for _ in 1..DRAWS {
            if let Ok(other) = action.new_tree(runner)
                && let Some(of_other) = missed(&other.current())
                && counts.get(&of_other) < counts.get(&of)
            {
                (best, of) = (other, of_other);
            }
        }
        *counts.entry(of).or_default() += 1;
        Some(best)
    }

    fn fits(&self, action: &Action) -> bool {
        match action {
            Action::Send(sending) => sending.text("", None).len() + 200 <= self.message_bytes,
            Action::Text { text } => text.len() <= self.message_bytes,
            _ => true,
        }
    }
}

impl Strategy for Conversations {
    type Tree = ConversationTree;
    type Value = super::Conversation;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let mut random = Random::new(any::<u64>().new_tree(runner)?.current());
        let clients = 1 + random.below(self.plan.clients.max(1));
        let most = self.plan.steps.max(1);
        let length = most - random.below(most.div_ceil(4) * 3).min(most - 1);
        let mut walks: Vec<Walk> = (0..clients).map(|_| self.newcomer()).collect();
        let mut steps: Vec<(usize, ActionTree)> = Vec::new();
        for _ in 0..ATTEMPTS * length {
            let client = random.below(clients);
            let Some(walk) = walks.get_mut(client) else { break };
            // Not every message has a near miss that is found, and not every payload is short enough.
            if let Some(action) = self.action(walk, &mut random)
                && let Some(tree) = self.rarest(&action, runner)
                && self.fits(&tree.current())
            {
                steps.push((client, tree));
            }
            if steps.len() == length {
                break;
            }
        }
        Ok(ConversationTree::new(steps))
    }
}

/// What stands in an envelope beside type and payload.
#[derive(Debug, Clone)]
struct Envelope {
    stem: String,
    spelling: u64,
    ack: bool,
}

fn envelope() -> impl Strategy<Value = Envelope> {
    // Each becomes plain at once, or stays.
    let odd = "\\PC{1,80}".no_shrink();
    let stem = prop_oneof![6 => Just(String::new()), 1 => odd, 1 => Just("🦀".repeat(100))];
    let spelling = prop_oneof![1 => Just(0), 1 => any::<u64>().no_shrink()];
    (stem, spelling, prop_oneof![4 => Just(false), 1 => Just(true)])
        .prop_map(|(stem, spelling, ack)| Envelope { stem, spelling, ack })
}

impl Envelope {
    fn send(self, message: &str, payload: Option<Value>, label: Label) -> Action {
        Action::Send(Sending {
            message: message.to_owned(),
            payload,
            stem: self.stem,
            spelling: self.spelling,
            ack: self.ack,
            label,
        })
    }
}
