//! Who wants to hear of what: events by type, every message, and what happens to the connection.

use std::collections::HashMap;

use crate::error::Discontinuity;
use crate::events::Notice;
use crate::frame::RawMessage;
use crate::inbox::{Inlet, Outlet, Put, inbox};

/// What a subscriber of messages gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A message.
    Message(RawMessage),
    /// What the server sent before this was lost.
    Discontinuity(Discontinuity),
}

#[derive(Debug, Default)]
pub(super) struct Subscribers {
    events: HashMap<String, Vec<Inlet<Heard>>>,
    messages: Vec<Inlet<Heard>>,
    notices: Vec<Inlet<Notice>>,
}

impl Subscribers {
    /// Messages of one type that answer nothing.
    pub(super) fn events(&mut self, kind: &str, messages: usize, bytes: usize) -> Outlet<Heard> {
        let (inlet, outlet) = inbox(messages, bytes);
        let inlets = self.events.entry(kind.to_owned()).or_default();
        // Nobody may listen to those any more, and no event came since to show it.
        inlets.retain(|inlet| !inlet.is_gone());
        inlets.push(inlet);
        outlet
    }

    /// Every message.
    pub(super) fn messages(&mut self, messages: usize, bytes: usize) -> Outlet<Heard> {
        let (inlet, outlet) = inbox(messages, bytes);
        self.messages.retain(|inlet| !inlet.is_gone());
        self.messages.push(inlet);
        outlet
    }

    /// What happens to the connection.
    pub(super) fn notices(&mut self, messages: usize, bytes: usize) -> Outlet<Notice> {
        let (inlet, outlet) = inbox(messages, bytes);
        self.notices.retain(|inlet| !inlet.is_gone());
        self.notices.push(inlet);
        outlet
    }

    pub(super) fn message(&mut self, message: &RawMessage) {
        tell(
            &mut self.messages,
            &Heard::Message(message.clone()),
            message.text().len(),
        );
    }

    pub(super) fn event(&mut self, message: RawMessage) {
        if let Some(inlets) = self.events.get_mut(message.kind()) {
            let bytes = message.text().len();
            tell(inlets, &Heard::Message(message), bytes);
        }
    }

    pub(super) fn discontinuity(&mut self, reason: &Discontinuity) {
        let heard = Heard::Discontinuity(reason.clone());
        let events = self.events.values_mut();
        for inlets in events.chain([&mut self.messages]) {
            tell(inlets, &heard, 0);
        }
        self.notice(Notice::Discontinuity(reason.clone()));
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        tell(&mut self.notices, &notice, 0);
    }

    /// Nothing more will come.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

fn tell<T: Clone>(inlets: &mut Vec<Inlet<T>>, value: &T, bytes: usize) {
    inlets.retain(|inlet| inlet.put(value.clone(), bytes) != Put::Gone);
}
