//! What waits to be written to one connection: bounded in bytes, shared by whoever sends.
//!
//! Knows nothing of sockets and envelopes. The connection's own task takes from it; everyone else puts in.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use axum::extract::ws::Utf8Bytes;
use futures_util::task::AtomicWaker;
use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::close::CloseCode;

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
    /// The connection is closed.
    Disconnect,
    /// The message is dropped.
    Drop,
    /// It replaces the waiting one with the same type and key.
    Coalesce(Arc<(&'static str, String)>),
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits.
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
}

#[derive(Debug)]
struct Waiting {
    text: Utf8Bytes,
    class: Class,
}

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            bytes: AtomicUsize::new(0),
            closing: AtomicU16::new(0),
            task: AtomicWaker::new(),
            room: Notify::new(),
            limit,
            high_water: HIGH_WATER.min(limit / 2).max(1),
        }
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
    pub(crate) fn put_quietly(&self, text: Utf8Bytes, class: Class) -> Put {
        let mut state = self.state();
        if self.closing().is_some() {
            return Put::Closed;
        }
        let waiting = self.bytes();
        let cost = text.len() + OVERHEAD;
        // Who has less than the high-water mark waiting is not slow, however large the next message is.
        if waiting + cost > self.limit && waiting >= self.high_water {
            return self.put_in_full(&mut state, text, &class);
        }
        self.bytes.store(waiting + cost, Ordering::Relaxed);
        state.queue.push_back(Waiting { text, class });
        Put::Queued
    }

    #[cold]
    fn put_in_full(&self, state: &mut State, text: Utf8Bytes, class: &Class) -> Put {
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
            Class::Disconnect => {}
        }
        self.closing.store(CloseCode::TooSlow.code(), Ordering::Release);
        self.room.notify_waiters();
        Put::Closed
    }

    /// Puts a message in.
    pub(crate) fn put(&self, text: Utf8Bytes, class: Class) -> Put {
        let put = self.put_quietly(text, class);
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
        let before = self.bytes();
        let (mut left, mut length) = (before, 0);
        while length < most
            && let Some(Waiting { text, .. }) = state.queue.pop_front()
        {
            length += text.len();
            left -= text.len() + OVERHEAD;
            taken.push(text);
        }
        if state.queue.is_empty() && state.queue.capacity() > KEPT_SLOTS {
            state.queue = VecDeque::new();
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
        self.bytes() >= self.high_water
    }

    /// Waits until producers need not wait, or nothing is taken any more.
    pub(crate) async fn wait_for_room(&self) {
        loop {
            let room = self.room.notified();
            if !self.crowded() || self.closing().is_some() {
                return;
            }
            room.await;
        }
    }

    /// Takes no more messages; those that wait are written, then the connection is closed with this code. The first
    /// code counts.
    pub(crate) fn close(&self, code: CloseCode) {
        let state = self.state();
        if self.closing().is_none() {
            self.closing.store(code.code(), Ordering::Release);
        }
        drop(state);
        self.room.notify_waiters();
        self.wake();
    }

    /// The code to close with, if it is decided.
    pub(crate) fn closing(&self) -> Option<CloseCode> {
        match self.closing.load(Ordering::Acquire) {
            0 => None,
            code => CloseCode::of(code),
        }
    }
}
