//! What waits to be sent, in order and bounded.

use std::collections::VecDeque;

use super::calls::CallId;

/// Something to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Out {
    /// A call, by its number.
    Call(CallId),
    /// The cancellation of a call that was sent.
    Cancel(CallId),
    /// A message that nothing answers.
    Send { kind: String, payload: String },
    /// A text as it stands.
    Text(String),
}

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<(Out, usize)>,
    bytes: usize,
    max_messages: usize,
    max_bytes: usize,
}

impl Queue {
    pub(super) fn new(max_messages: usize, max_bytes: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            max_messages,
            max_bytes,
        }
    }

    /// Whether something of this size finds room. One that is larger than all the room does when nothing else waits.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.waiting.len() < self.max_messages
            && (self.bytes.saturating_add(bytes) <= self.max_bytes || self.waiting.is_empty())
    }

    pub(super) fn push(&mut self, out: Out, bytes: usize) {
        self.bytes += bytes;
        self.waiting.push_back((out, bytes));
    }

    pub(super) fn pop(&mut self) -> Option<Out> {
        let (out, bytes) = self.waiting.pop_front()?;
        self.bytes -= bytes;
        Some(out)
    }

    /// Takes a call out that is not to be sent any more.
    pub(super) fn remove(&mut self, id: CallId) {
        let Some(at) = self.waiting.iter().position(|(out, _)| *out == Out::Call(id)) else {
            return;
        };
        if let Some((_, bytes)) = self.waiting.remove(at) {
            self.bytes -= bytes;
        }
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
    }
}
