//! What sessions promise, on its way to the disk: records in one order, and who waits until they are written.
//!
//! Knows no files: the store writes what stands here, many records at a time. A number, an answer or a token goes to its
//! client only when the record of it is written.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use compact_str::CompactString;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::clients::Link;
use crate::replay::Asked;

/// One thing to be written.
#[derive(Debug)]
pub(crate) enum Record {
    /// Who the session belongs to and how it is, as it stands when this is written.
    Session(Arc<Link>),
    /// It has sent a message; `answers` names the request that is answered by it for good.
    Message {
        session: u128,
        seq: u64,
        text: Utf8Bytes,
        answers: Option<Asked>,
    },
    /// The messages from one number on, up to another one, are kept no longer.
    Dropped { session: u128, from: u64, to: u64 },
    /// A request is about to run.
    Began { session: u128, asked: Asked },
    /// Nothing is known of it any more.
    Ended {
        session: u128,
        correlation_id: CompactString,
    },
    /// It has ended without an answer, and does not run again.
    Silent { session: u128, asked: Asked },
    /// The session is over.
    Over { session: u128 },
}

/// The queue of what is to be written.
pub(crate) struct Journal {
    state: Mutex<State>,
    /// Up to which ticket everything is written. Changed under the lock.
    written: AtomicU64,
    work: Condvar,
    pub(crate) clock: Clock,
}

/// A clock that nobody sets. One process takes it over from the other, so that what was written down by it goes on to
/// mean the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began: Instant,
    /// What it showed then, in milliseconds.
    shown: u64,
}

impl Clock {
    /// One that shows this now.
    pub(crate) fn showing(shown: u64) -> Self {
        Self {
            began: Instant::now(),
            shown,
        }
    }

    /// What it shows at a moment, in milliseconds.
    pub(crate) fn at(&self, moment: Instant) -> u64 {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.shown
            .saturating_add(millis(moment.saturating_duration_since(self.began)))
            .saturating_sub(millis(self.began.saturating_duration_since(moment)))
    }
}

/// Milliseconds since the epoch.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Default)]
struct State {
    records: Vec<Record>,
    /// Ticket of the last record.
    last: u64,
    /// Ticket of the last record that the store has taken.
    taken: u64,
    waiting: Vec<(u64, Waker)>,
    closed: bool,
}

/// Records to be written together.
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    /// Ticket of the last of them.
    pub(crate) until: u64,
    /// Whether nothing comes behind them.
    pub(crate) closed: bool,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

impl Journal {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
            written: AtomicU64::new(0),
            work: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record. Returns its ticket, by which to wait for it.
    pub(crate) fn record(&self, record: Record) -> u64 {
        let mut state = self.state();
        if state.closed {
            // What is not written down is not promised: nobody is told that this was.
            state.last = u64::MAX;
            return state.last;
        }
        state.last += 1;
        state.records.push(record);
        if state.records.len() == 1 {
            self.work.notify_one();
        }
        state.last
    }

    /// The ticket of the last record so far.
    pub(crate) fn ticket(&self) -> u64 {
        self.state().last
    }

    /// Whether everything up to a ticket is written. If not, the task is woken when it is.
    pub(crate) fn is_written(&self, ticket: u64, cx: &mut Context<'_>) -> bool {
        if self.written.load(Ordering::Acquire) >= ticket {
            return true;
        }
        let mut state = self.state();
        if self.written.load(Ordering::Acquire) >= ticket {
            return true;
        }
        state.waiting.push((ticket, cx.waker().clone()));
        false
    }

    /// Waits until everything that was recorded so far is written.
    pub(crate) async fn settled(&self) {
        let ticket = self.ticket();
        poll_fn(|cx| {
            if self.is_written(ticket, cx) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// The records that are to be written next. Waits for the first one, at most for `patience`.
    pub(crate) fn next(&self, patience: Duration) -> Batch {
        let state = self.state();
        let idle = |state: &mut State| state.records.is_empty() && !state.closed;
        let (mut state, _late) = self
            .work
            .wait_timeout_while(state, patience, idle)
            .unwrap_or_else(PoisonError::into_inner);
        let records = std::mem::take(&mut state.records);
        state.taken += records.len() as u64;
        Batch {
            records,
            until: state.taken,
            closed: state.closed,
        }
    }

    /// Everything up to a ticket is written.
    pub(crate) fn done(&self, until: u64) {
        let mut state = self.state();
        self.written.store(until, Ordering::Release);
        let waiting = std::mem::take(&mut state.waiting);
        let (ready, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(ticket, _)| *ticket <= until);
        state.waiting = later;
        drop(state);
        for (_, waker) in ready {
            waker.wake();
        }
    }

    /// Takes no more records, and has the store end when those that wait are written.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// Nothing is written any more, and nobody waits for it.
    pub(crate) fn give_up(&self) {
        let mut state = self.state();
        state.closed = true;
        state.records = Vec::new();
        drop(state);
        self.done(u64::MAX);
    }
}

/// What one session records.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    pub(crate) journal: Arc<Journal>,
    pub(crate) session: u128,
}

impl Recorder {
    pub(crate) fn message(&self, seq: u64, text: Utf8Bytes, answers: Option<Asked>) {
        let session = self.session;
        self.journal.record(Record::Message {
            session,
            seq,
            text,
            answers,
        });
    }

    pub(crate) fn dropped(&self, from: u64, to: u64) {
        let session = self.session;
        self.journal.record(Record::Dropped { session, from, to });
    }

    /// Returns the ticket: the request runs when it is written.
    pub(crate) fn began(&self, asked: Asked) -> u64 {
        let session = self.session;
        self.journal.record(Record::Began { session, asked })
    }

    pub(crate) fn ended(&self, correlation_id: CompactString) {
        let session = self.session;
        self.journal.record(Record::Ended {
            session,
            correlation_id,
        });
    }

    pub(crate) fn silent(&self, asked: Asked) {
        let session = self.session;
        self.journal.record(Record::Silent { session, asked });
    }

    pub(crate) fn over(&self) {
        let session = self.session;
        self.journal.record(Record::Over { session });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_when_it_is_closed_is_never_written() {
        let journal = Journal::new(Clock::showing(0));
        let mut cx = Context::from_waker(Waker::noop());
        let first = journal.record(Record::Over { session: 1 });
        assert!(!journal.is_written(first, &mut cx));
        journal.close();
        let late = journal.record(Record::Over { session: 2 });
        let batch = journal.next(Duration::ZERO);
        assert_eq!((batch.records.len(), batch.until, batch.closed), (1, first, true));
        journal.done(batch.until);
        assert!(journal.is_written(first, &mut cx));
        assert!(!journal.is_written(late, &mut cx));
        assert!(!journal.is_written(journal.ticket(), &mut cx));
        // Without a store, nobody waits for it.
        journal.give_up();
        assert!(journal.is_written(late, &mut cx));
    }
}
