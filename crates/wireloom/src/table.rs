//! Message type to entry: who may send it, when, how often, and who handles it.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use governor::Quota;
use jsonschema::Validator;

use crate::engine::Settings;
use crate::handler::Route;
use crate::metrics::MessageMetrics;
use crate::protocol::{OnDisconnect, Protocol};
use crate::schema;

/// One message type.
pub(crate) struct Entry<S> {
    pub(crate) name: String,
    /// Whether clients may send it.
    pub(crate) inbound: bool,
    pub(crate) task: Task<S>,
    pub(crate) payload_optional: bool,
    pub(crate) message_bytes: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) quota: Option<Quota>,
    pub(crate) auth: Vec<String>,
    /// What becomes of it when its connection is lost and its session is not.
    pub(crate) on_disconnect: OnDisconnect,
    /// Where it leads from each state; `None` where the state does not accept it. Empty: legal always.
    transitions: Vec<Option<usize>>,
    pub(crate) metrics: MessageMetrics,
    validator: OnceLock<Result<Validator, String>>,
}

/// What is done with a message.
pub(crate) enum Task<S> {
    /// The application's handler is called.
    Handler(Box<dyn Route<S>>),
    /// The engine answers itself.
    Engine(EngineTask),
    /// Nobody handles it. For a protocol that is known at run time only.
    Unhandled,
}

/// The messages of clients that the engine answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineTask {
    Ping,
    Ack,
    Resume,
    Authenticate,
    Cancel,
}

impl EngineTask {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "ping" => Self::Ping,
            "connection:ack" => Self::Ack,
            "connection:resume" => Self::Resume,
            "connection:authenticate" => Self::Authenticate,
            "request:cancel" => Self::Cancel,
            _ => return None,
        })
    }
}

/// All message types of a protocol.
pub(crate) struct Table<S> {
    entries: Vec<Entry<S>>,
    index: HashMap<String, usize, foldhash::fast::RandomState>,
    states: Vec<String>,
    initial: usize,
}

impl<S> Table<S> {
    pub(crate) fn new(protocol: &Protocol, settings: &Settings, routes: Vec<Box<dyn Route<S>>>) -> Self {
        let mut routes: HashMap<String, Box<dyn Route<S>>> = routes
            .into_iter()
            .map(|route| (route.name().to_owned(), route))
            .collect();
        let machine = protocol.states.as_ref();
        let states: Vec<String> = machine
            .map(|machine| machine.states.keys().cloned().collect())
            .unwrap_or_default();
        let number = |state: &str| states.iter().position(|known| known == state);
        let transitions = |message: &str| -> Vec<Option<usize>> {
            let Some(machine) = machine else { return Vec::new() };
            let leads: Vec<_> = machine
                .states
                .values()
                .map(|on| on.get(message).and_then(|target| number(target)))
                .collect();
            if leads.iter().all(Option::is_none) {
                Vec::new()
            } else {
                leads
            }
        };
        let entries: Vec<Entry<S>> = protocol
            .messages
            .iter()
            .map(|(name, message)| {
                let task = match (
                    EngineTask::of(name).filter(|_| message.engine),
                    routes.remove(name),
                ) {
                    (Some(task), _) => Task::Engine(task),
                    (None, Some(route)) => Task::Handler(route),
                    (None, None) => Task::Unhandled,
                };
                let limits = &message.limits;
                let own_rate = limits.rate.or(settings.rate.filter(|_| limits.burst.is_some()));
                Entry {
                    name: name.clone(),
                    inbound: message.from.client(),
                    task,
                    payload_optional: message.payload_optional,
                    message_bytes: limits
                        .message_bytes
                        .map_or(settings.message_bytes, |own| own.min(settings.message_bytes)),
                    timeout: limits.timeout_ms.map(Duration::from_millis),
                    quota: own_rate.and_then(|rate| quota(rate, limits.burst.unwrap_or(settings.burst))),
                    auth: message.auth.clone(),
                    on_disconnect: message
                        .stream
                        .as_ref()
                        .map_or(OnDisconnect::Detach, |stream| stream.on_disconnect),
                    transitions: transitions(name),
                    metrics: MessageMetrics::new(name, message.deprecated && message.from.client()),
                    validator: OnceLock::new(),
                }
            })
            .collect();
        let index = entries
            .iter()
            .enumerate()
            .map(|(at, entry)| (entry.name.clone(), at))
            .collect();
        let initial = machine.and_then(|machine| number(&machine.initial)).unwrap_or(0);
        Self {
            entries,
            index,
            states,
            initial,
        }
    }

    /// The index of a message type.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// The index of a message type that is probably this one.
    pub(crate) fn find_likely(&self, name: &str, likely: usize) -> Option<usize> {
        let is_likely = self.entries.get(likely).is_some_and(|entry| entry.name == name);
        if is_likely { Some(likely) } else { self.find(name) }
    }

    pub(crate) fn entry(&self, at: usize) -> Option<&Entry<S>> {
        self.entries.get(at)
    }

    /// Largest message that any type may have, in bytes.
    pub(crate) fn message_bytes(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.inbound)
            .map(|entry| entry.message_bytes)
            .max()
            .unwrap_or(0)
    }

    /// Index of the state of a new session.
    pub(crate) fn initial_state(&self) -> usize {
        self.initial
    }

    /// Name of a state.
    pub(crate) fn state(&self, at: usize) -> &str {
        self.states.get(at).map_or("", String::as_str)
    }

    /// The messages that a state accepts, among those that stand in any state.
    pub(crate) fn accepted_in(&self, state: usize) -> Vec<&str> {
        let accepted = |entry: &&Entry<S>| entry.transitions.get(state).is_some_and(Option::is_some);
        self.entries
            .iter()
            .filter(accepted)
            .map(|entry| entry.name.as_str())
            .collect()
    }

    /// The name that is most like one that the protocol does not have.
    pub(crate) fn nearest(&self, name: &str) -> Option<&str> {
        self.entries
            .iter()
            .filter(|entry| entry.inbound)
            .map(|entry| (strsim::jaro_winkler(name, &entry.name), entry.name.as_str()))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name)
    }
}

impl<S> Entry<S> {
    /// Where the message leads from a state: `Ok(None)` if it has no part in the states, an error if it is not legal.
    pub(crate) fn transition(&self, state: usize) -> Result<Option<usize>, ()> {
        if self.transitions.is_empty() {
            return Ok(None);
        }
        self.transitions.get(state).copied().flatten().map(Some).ok_or(())
    }

    /// Whether it leads from any state to another one.
    pub(crate) fn leads_on(&self) -> bool {
        let mut transitions = self.transitions.iter().enumerate();
        transitions.any(|(from, to)| to.is_some_and(|to| to != from))
    }

    /// The validator of its payload; compiled at the first use.
    pub(crate) fn validator(&self, protocol: &Protocol) -> Result<&Validator, &str> {
        let compile = || match protocol.payload_schema(&self.name) {
            Some(schema) => schema::compile(&schema),
            None => Err("no such message".to_owned()),
        };
        self.validator
            .get_or_init(compile)
            .as_ref()
            .map_err(String::as_str)
    }
}

/// `rate` a second in the long run, `burst` at once; `None` for a rate that is none.
///
/// The limiters count in nanoseconds of 64 bits: the whole burst takes what they can count at most.
pub(crate) fn quota(rate: f64, burst: u32) -> Option<Quota> {
    let burst = std::num::NonZeroU32::new(burst.max(1))?;
    let longest = Duration::from_nanos(u64::MAX / 4 / u64::from(burst.get()));
    let period = match Duration::try_from_secs_f64(1.0 / rate) {
        Ok(period) => period.min(longest),
        Err(_) if rate > 0.0 => longest,
        Err(_) => return None,
    };
    Quota::with_period(period).map(|quota| quota.allow_burst(burst))
}
