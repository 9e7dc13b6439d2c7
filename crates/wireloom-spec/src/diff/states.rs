//! Whether every order of messages that was legal still is. Both machines are walked side by side: each is a
//! deterministic automaton, so the first message that one accepts and the other refuses is an exact counter-example.

use std::collections::{HashSet, VecDeque};

use crate::model::{Model, States};

/// A state of a machine; `None` for a protocol without one.
type State<'m> = Option<&'m str>;

/// Messages that `from` accepts one after the other, of which `to` refuses the last: as few as possible. Messages of
/// clients that only one of them has are left out.
pub(super) fn refused<'m>(from: &'m Model, to: &'m Model) -> Option<Vec<&'m str>> {
    let messages: Vec<&str> = from
        .messages
        .iter()
        .filter(|message| !message.engine && message.from.client())
        .map(|message| message.name.as_str())
        .filter(|name| to.message(name).is_some_and(|message| message.from.client()))
        .collect();
    let (from, to) = (from.states.as_ref(), to.states.as_ref());
    let start = (initial(from), initial(to));
    let mut seen = HashSet::from([start]);
    let mut open = VecDeque::from([(start, Vec::new())]);
    while let Some(((left, right), way)) = open.pop_front() {
        for &message in &messages {
            let Some(left) = next(from, left, message) else {
                continue;
            };
            let mut way = way.clone();
            way.push(message);
            let Some(right) = next(to, right, message) else {
                return Some(way);
            };
            if seen.insert((left, right)) {
                open.push_back(((left, right), way));
            }
        }
    }
    None
}

fn initial(states: Option<&States>) -> State<'_> {
    states.map(|states| states.initial.as_str())
}

/// Where a message leads; `None` if it is not legal. One that stands in no state is legal always.
fn next<'m>(states: Option<&'m States>, state: State<'m>, message: &str) -> Option<State<'m>> {
    let (Some(machine), Some(name)) = (states, state) else {
        return Some(state);
    };
    if !machine.states.values().any(|on| on.contains_key(message)) {
        return Some(state);
    }
    let target = machine.states.get(name)?.get(message)?;
    Some(Some(target.as_str()))
}
