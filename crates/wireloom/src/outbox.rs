//! What waits to be written to one client, and what a session that can be resumed keeps of it: bounded, shared by
//! whoever sends.
//!
//! Knows nothing of sockets and envelopes. The connection's own task takes from it; everyone else puts in. A message is
//! numbered when it is taken, or when it is kept for a client that is not there, so numbers and order are one.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use compact_str::CompactString;
use futures_util::task::AtomicWaker;
use smallvec::SmallVec;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::close::CloseCode;
use crate::journal::Recorder;
use crate::replay::{Asked, Replay};

/// What one waiting message costs beyond its text.
const OVERHEAD: usize = 64;

/// Bytes at which producers of streams begin to wait, at the most.
const HIGH_WATER: usize = 64 * 1024;

/// Waiting messages whose slots are kept when the queue runs empty.
const KEPT_SLOTS: usize = 32;

/// Messages on their way from the outbox to a socket. Room for a batch without an allocation.
pub(crate) type Taken = SmallVec<[Utf8Bytes; 32]>;

/// How a message is treated when the outbox is full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Class {
    /// It is taken all the same. Only for what the connection's own task says: it reads and asks no more while much waits.
    Answer,
    /// The connection is closed.
    Disconnect,
    /// The message is dropped.
    Drop,
    /// It replaces the waiting one with the same type and key.
    Coalesce(Arc<(Cow<'static, str>, String)>),
}

/// Whether a message is numbered and kept, in a session that can be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// It concerns this connection only.
    None,
    /// It is.
    Numbered,
    /// It is, and a request is answered with it for good.
    Answer(Box<Asked>),
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits, or is kept until the client is back.
    Queued,
    /// It took the place of an older one.
    Replaced,
    /// The outbox was full, and the message may be lost.
    Dropped,
    /// The connection is closing, or was closed since the outbox is full.
    Closed,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Bytes that wait. Changed under the lock; read without it by the connection's task, for each message.
    bytes: AtomicUsize,
    /// The code to close with, 0 while there is none. Changed under the lock.
    closing: AtomicU16,
    /// Whether the client is not there, and little room is left in what is kept for it. Changed under the lock.
    stalled: AtomicBool,
    /// Wakes the connection's task.
    task: AtomicWaker,
    /// Wakes producers that wait for room.
    room: Notify,
    limit: usize,
    high_water: usize,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Waiting>,
    /// Of a session that can be resumed.
    kept: Option<Box<Keeping>>,
}

#[derive(Debug)]
struct Waiting {
    text: Utf8Bytes,
    class: Class,
    numbering: Numbering,
}

/// What a session keeps.
#[derive(Debug)]
struct Keeping {
    replay: Replay,
    /// Whether the client is not there.
    parked: bool,
    /// Bytes that are kept for clients that are not there, of the whole server.
    total: Arc<AtomicUsize>,
    /// Where the session outlives the server.
    recorder: Option<Recorder>,
}

impl Keeping {
    /// Forgets some of what is kept.
    fn drop_some<T>(&mut self, change: impl FnOnce(&mut Replay) -> T) -> T {
        let first = self.replay.first();
        let result = self.count(change);
        self.record_dropped(first);
        result
    }

    /// Writes down that what is kept does not begin with this number any more, if it does not.
    fn record_dropped(&self, first: u64) {
        if let Some(recorder) = &self.recorder
            && self.replay.first() > first
        {
            recorder.dropped(first, self.replay.first());
        }
    }

    /// Changes what is kept, and the total with it.
    fn count<T>(&mut self, change: impl FnOnce(&mut Replay) -> T) -> T {
        let before = self.replay.bytes();
        let result = change(&mut self.replay);
        if self.parked {
            let after = self.replay.bytes();
            // Adding what wraps around is taking away.
            self.total
                .fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
        }
        result
    }

    fn number(&mut self, text: &str, numbering: Numbering) -> Utf8Bytes {
        let asked = match numbering {
            Numbering::Answer(asked) => Some(*asked),
            _ => None,
        };
        let answers = self.recorder.as_ref().and(asked.clone());
        let (attached, first) = (!self.parked, self.replay.first());
        let text = self.count(|replay| replay.push(text, asked, Instant::now(), attached));
        let is_kept = self.replay.first() <= self.replay.last();
        if !is_kept {
            tracing::warn!(
                bytes = text.len(),
                "a message is larger than all that may be kept of a session: who loses the connection before it is there \
                cannot resume (resume.bytes)"
            );
        }
        if let Some(recorder) = &self.recorder {
            if is_kept {
                recorder.message(self.replay.last(), text.clone(), answers);
            } else if let Some(answered) = answers {
                recorder.ended(answered.correlation_id);
            }
        }
        self.record_dropped(first);
        text
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if self.parked {
            self.total.fetch_sub(self.replay.bytes(), Ordering::Relaxed);
        }
    }
}

impl Outbox {
    /// With room for `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            bytes: AtomicUsize::new(0),
            closing: AtomicU16::new(0),
            stalled: AtomicBool::new(false),
            task: AtomicWaker::new(),
            room: Notify::new(),
            limit,
            high_water: HIGH_WATER.min(limit / 2).max(1),
        }
    }

    /// Numbers and keeps messages from now on. `total` counts the bytes of all clients that are not there.
    pub(crate) fn keep(&self, replay: Replay, total: Arc<AtomicUsize>, recorder: Option<Recorder>) {
        self.state().kept = Some(Box::new(Keeping {
            replay,
            parked: false,
            total,
            recorder,
        }));
    }

    /// Bytes at which producers of streams go on.
    fn low_water(&self) -> usize {
        self.high_water / 2
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below is complete before the lock is given back: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message in without waking the task: for the task itself.
    pub(crate) fn put_quietly(&self, text: Utf8Bytes, class: Class, numbering: Numbering) -> Put {
        let mut state = self.state();
        if let Some(kept) = &mut state.kept {
            if kept.parked {
                return self.keep_for_later(kept, &text, numbering);
            }
            if self.closing().is_some_and(|code| !code.parks()) {
                return Put::Closed;
            }
        } else if self.closing().is_some() {
            return Put::Closed;
        }
        let waiting = self.bytes();
        let cost = text.len() + OVERHEAD;
        // Who has less than the high-water mark waiting is not slow, however large the next message is.
        if waiting + cost > self.limit && waiting >= self.high_water && class != Class::Answer {
            return self.put_in_full(&mut state, text, &class, numbering);
        }
        self.bytes.store(waiting + cost, Ordering::Relaxed);
        state.queue.push_back(Waiting {
            text,
            class,
            numbering,
        });
        Put::Queued
    }

    /// Keeps a message for a client that is not there.
    #[cold]
    fn keep_for_later(&self, kept: &mut Keeping, text: &str, numbering: Numbering) -> Put {
        if numbering == Numbering::None {
            return Put::Dropped;
        }
        kept.number(text, numbering);
        self.stalled.store(kept.replay.crowded(), Ordering::Relaxed);
        Put::Queued
    }

    #[cold]
    fn put_in_full(&self, state: &mut State, text: Utf8Bytes, class: &Class, numbering: Numbering) -> Put {
        match class {
            Class::Drop => return Put::Dropped,
            Class::Coalesce(..) => {
                let older = state.queue.iter_mut().rev();
                if let Some(older) = older.into_iter().find(|waiting| waiting.class == *class) {
                    let before = self.bytes();
                    let replaced = before + text.len() - older.text.len();
                    if replaced <= self.limit || replaced <= before {
                        self.bytes.store(replaced, Ordering::Relaxed);
                        older.text = text;
                        if replaced <= self.low_water() {
                            self.room.notify_waiters();
                        }
                        return Put::Replaced;
                    }
                }
            }
            Class::Disconnect | Class::Answer => {}
        }
        self.decide(CloseCode::TooSlow);
        self.room.notify_waiters();
        if state.kept.is_none() {
            return Put::Closed;
        }
        // The connection ends, the session does not: from here on everything is kept.
        self.park_state(state);
        match &mut state.kept {
            Some(kept) => self.keep_for_later(kept, &text, numbering),
            None => Put::Closed,
        }
    }

    /// Puts a message in.
    pub(crate) fn put(&self, text: Utf8Bytes, class: Class, numbering: Numbering) -> Put {
        let put = self.put_quietly(text, class, numbering);
        self.wake();
        put
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&self) {
        self.task.wake();
    }

    /// Has this task woken from now on.
    pub(crate) fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// Takes the next messages to write, in order, until they have `most` bytes or more together.
    pub(crate) fn take(&self, most: usize, taken: &mut Taken) {
        let mut state = self.state();
        let State { queue, kept } = &mut *state;
        let before = self.bytes();
        let (mut left, mut length) = (before, 0);
        while length < most
            && let Some(Waiting { text, numbering, .. }) = queue.pop_front()
        {
            length += text.len();
            left -= text.len() + OVERHEAD;
            taken.push(match (kept.as_mut(), numbering) {
                (None, _) | (_, Numbering::None) => text,
                (Some(kept), numbering) => kept.number(&text, numbering),
            });
        }
        if queue.is_empty() && queue.capacity() > KEPT_SLOTS {
            *queue = VecDeque::new();
        }
        self.bytes.store(left, Ordering::Relaxed);
        if before > self.low_water() && left <= self.low_water() {
            self.room.notify_waiters();
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether producers should wait.
    pub(crate) fn crowded(&self) -> bool {
        self.bytes() >= self.high_water || self.stalled.load(Ordering::Relaxed)
    }

    /// Waits until producers need not wait, or nothing is taken any more.
    pub(crate) async fn wait_for_room(&self) {
        loop {
            let room = self.room.notified();
            if !self.crowded() || self.closing().is_some_and(|code| !code.parks()) {
                return;
            }
            room.await;
        }
    }

    /// Takes no more messages; those that wait are written, then the connection is closed with this code. The first
    /// code counts. A session that can be resumed goes on where the code lets it.
    pub(crate) fn close(&self, code: CloseCode) {
        let state = self.state();
        self.decide(code);
        drop(state);
        self.room.notify_waiters();
        self.wake();
    }

    fn decide(&self, code: CloseCode) {
        if self.closing().is_none() {
            self.closing.store(code.code(), Ordering::Release);
        }
    }

    /// The code to close with, if it is decided.
    pub(crate) fn closing(&self) -> Option<CloseCode> {
        match self.closing.load(Ordering::Acquire) {
            0 => None,
            code => CloseCode::of(code),
        }
    }

    /// The connection is gone, the session is not: what waits is kept, and what comes.
    pub(crate) fn park(&self) {
        let mut state = self.state();
        self.park_state(&mut state);
        self.closing.store(0, Ordering::Release);
        drop(state);
        self.room.notify_waiters();
    }

    fn park_state(&self, state: &mut State) {
        let Some(kept) = &mut state.kept else { return };
        if !kept.parked {
            kept.parked = true;
            kept.total.fetch_add(kept.replay.bytes(), Ordering::Relaxed);
        }
        for waiting in std::mem::take(&mut state.queue) {
            if waiting.numbering != Numbering::None {
                kept.number(&waiting.text, waiting.numbering);
            }
        }
        self.bytes.store(0, Ordering::Relaxed);
        self.stalled.store(kept.replay.crowded(), Ordering::Relaxed);
    }

    /// A connection is there again. Returns what it missed, behind the number that was pinned, and the requests that are
    /// answered by that.
    pub(crate) fn attach(&self) -> (VecDeque<Utf8Bytes>, HashMap<CompactString, u64>) {
        let mut state = self.state();
        // What waits for the connection before is missed, too: an answer among it is one that its request has.
        self.park_state(&mut state);
        let Some(kept) = &mut state.kept else {
            return Default::default();
        };
        kept.parked = false;
        kept.total.fetch_sub(kept.replay.bytes(), Ordering::Relaxed);
        let missed = kept.replay.unpin();
        self.stalled.store(false, Ordering::Relaxed);
        self.closing.store(0, Ordering::Release);
        drop(state);
        self.room.notify_waiters();
        missed
    }

    /// Whether a connection is there that takes what is put in.
    pub(crate) fn is_attached(&self) -> bool {
        let state = self.state();
        self.closing().is_none() && state.kept.as_ref().is_none_or(|kept| !kept.parked)
    }

    /// Forgets everything that is kept: the session is over.
    pub(crate) fn forget(&self) {
        self.state().kept = None;
    }

    /// Forgets what the client has, up to this number.
    pub(crate) fn acknowledge(&self, seq: u64) {
        if let Some(kept) = &mut self.state().kept {
            kept.drop_some(|replay| replay.acknowledge(seq));
        }
    }

    /// Makes sure that everything behind `seq` stays until the client is attached again. Whether all of it is there.
    pub(crate) fn pin(&self, seq: u64) -> bool {
        let mut state = self.state();
        state
            .kept
            .as_mut()
            .is_some_and(|kept| kept.drop_some(|replay| replay.pin(seq)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::replay::Bounds;

    /// A half-open connection is taken over while an answer waits for it: its request must not run again.
    #[test]
    fn an_answer_that_waits_for_the_old_connection_is_known_to_the_new_one() {
        let outbox = Outbox::new(1 << 20);
        let total = Arc::new(AtomicUsize::new(0));
        let bounds = Bounds {
            messages: 10,
            bytes: 1 << 20,
            age: Duration::from_secs(10),
        };
        outbox.keep(Replay::new(bounds), Arc::clone(&total), None);
        let asked = Asked {
            correlation_id: "c-1".into(),
            hash: 7,
        };
        let numbering = Numbering::Answer(Box::new(asked));
        outbox.put_quietly("{}".into(), Class::Disconnect, numbering);
        outbox.put_quietly("{}".into(), Class::Disconnect, Numbering::None);
        assert!(outbox.pin(0));
        let (missed, answered) = outbox.attach();
        assert_eq!(missed, ["{,\"seq\":1}"]);
        assert_eq!(answered.get("c-1"), Some(&7));
        assert!(outbox.is_empty());
        assert_eq!(total.load(Ordering::Relaxed), 0);
    }
}
