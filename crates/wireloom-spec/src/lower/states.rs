//! `states`: the session's state machine.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::model::{Message, Span, States};
use crate::shape::StatesShape;
use crate::suggest;

/// The state machine; every mistake in it is reported.
pub(crate) fn states(shape: &StatesShape, messages: &[Message], span: Span, sink: &mut Sink) -> States {
    let senders: HashMap<&str, &Message> = messages
        .iter()
        .filter(|message| !message.engine)
        .map(|message| (message.name.as_str(), message))
        .collect();
    let names: Vec<_> = shape.states.iter().map(|row| row.name.as_str()).collect();
    let known: IndexSet<_> = names.iter().copied().collect();
    if names.is_empty() {
        sink.push(Report::new(&codes::MISSING_KEY, span, "`states` has no state"));
    }
    let unknown = |name: &str, at: Span| {
        Report::new(&codes::UNKNOWN_STATE, at, format!("there is no state `{name}`"))
            .maybe_help(suggest::did_you_mean(name, names.iter().copied()))
    };
    let mut states = IndexMap::with_capacity(names.len());
    // With a transition that leads nowhere, what is unreachable is not known.
    let mut sound = true;
    for row in &shape.states {
        if !is_name(&row.name) {
            let report = Report::new(
                &codes::NAME,
                row.name_span,
                format!("`{}` is no name of a state", row.name),
            )
            .help("a state is named [a-zA-Z][a-zA-Z0-9_-]*");
            sink.push(report);
        }
        sound &= row.entry.is_some();
        let on = row.entry.as_ref().and_then(|state| state.value.on.get());
        let mut transitions = IndexMap::new();
        for each in on.into_iter().flat_map(|on| &on.0) {
            match senders.get(each.name.as_str()) {
                Some(message) if message.from.client() => {}
                Some(_) => {
                    let message = format!("`{}` is sent by the server only", each.name);
                    let report = Report::new(&codes::STATE_MESSAGE, each.name_span, message)
                        .help("states list messages of clients");
                    sink.push(report);
                }
                None => {
                    let message = format!("there is no message `{}`", each.name);
                    let clients = senders.values().filter(|message| message.from.client());
                    let report = Report::new(&codes::UNKNOWN_MESSAGE, each.name_span, message).maybe_help(
                        suggest::did_you_mean(&each.name, clients.map(|message| message.name.as_str())),
                    );
                    sink.push(report);
                }
            }
            sound &= each.entry.is_some();
            if let Some(target) = &each.entry {
                if !known.contains(target.value.as_str()) {
                    sink.push(unknown(&target.value, target.span));
                    sound = false;
                }
                transitions.insert(each.name.clone(), target.value.clone());
            }
        }
        states.insert(row.name.clone(), transitions);
    }
    let initial = shape.initial.at();
    if let Some(initial) = initial {
        if known.contains(initial.value.as_str()) {
            if sound {
                unreachable(shape, &states, &initial.value, sink);
            }
        } else if !names.is_empty() {
            sink.push(unknown(&initial.value, initial.span));
        }
    }
    States {
        initial: initial.map(|initial| initial.value.clone()).unwrap_or_default(),
        states,
    }
}

fn unreachable(
    shape: &StatesShape,
    states: &IndexMap<String, IndexMap<String, String>>,
    initial: &str,
    sink: &mut Sink,
) {
    let mut reached = IndexSet::from([initial]);
    let mut next = 0;
    while let Some(state) = reached.get_index(next).copied() {
        reached.extend(
            states
                .get(state)
                .into_iter()
                .flat_map(IndexMap::values)
                .map(String::as_str),
        );
        next += 1;
    }
    for row in shape
        .states
        .iter()
        .filter(|row| !reached.contains(row.name.as_str()))
    {
        let message = format!("no transition leads from `{initial}` to the state `{}`", row.name);
        sink.push(Report::new(&codes::UNREACHABLE_STATE, row.name_span, message));
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
