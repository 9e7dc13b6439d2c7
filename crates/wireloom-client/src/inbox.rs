//! A bounded way from the socket to the program. The socket never waits: what finds no room is counted, and the program
//! is told in the place where it is missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// The end that the socket puts into.
#[derive(Debug)]
pub(crate) struct Inlet<T> {
    items: mpsc::Sender<Item<T>>,
    missed: Arc<AtomicU64>,
    room: Arc<Semaphore>,
    bytes: u32,
}

/// The end that the program takes from.
#[derive(Debug)]
pub(crate) struct Outlet<T> {
    items: mpsc::Receiver<Item<T>>,
    missed: Arc<AtomicU64>,
    /// What follows the count of what is missing in front of it.
    next: Option<T>,
}

#[derive(Debug)]
struct Item<T> {
    value: T,
    /// How many are missing in front of it.
    missed: u64,
    _room: OwnedSemaphorePermit,
}

/// What became of something that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits to be taken.
    Taken,
    /// There was no room for it.
    Full,
    /// Nobody will take it.
    Gone,
}

/// Makes the two ends.
pub(crate) fn inbox<T>(messages: usize, bytes: usize) -> (Inlet<T>, Outlet<T>) {
    // Neither may be asked for more than it can count.
    let (sender, receiver) = mpsc::channel(messages.clamp(1, Semaphore::MAX_PERMITS));
    let missed = Arc::new(AtomicU64::new(0));
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
    let inlet = Inlet {
        items: sender,
        missed: Arc::clone(&missed),
        room: Arc::new(Semaphore::new(
            usize::try_from(bytes)
                .unwrap_or(usize::MAX)
                .min(Semaphore::MAX_PERMITS),
        )),
        bytes,
    };
    let outlet = Outlet {
        items: receiver,
        missed,
        next: None,
    };
    (inlet, outlet)
}

impl<T> Inlet<T> {
    /// Puts something in, of a size in bytes. One that is larger than all the room fits when nothing else waits.
    pub(crate) fn put(&self, value: T, bytes: usize) -> Put {
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bytes);
        let slot = match self.items.try_reserve() {
            Ok(slot) => slot,
            Err(mpsc::error::TrySendError::Closed(())) => return Put::Gone,
            Err(mpsc::error::TrySendError::Full(())) => return self.miss(),
        };
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(wanted) else {
            return self.miss();
        };
        slot.send(Item {
            value,
            missed: self.missed.swap(0, Ordering::AcqRel),
            _room: room,
        });
        Put::Taken
    }

    /// Whether nobody will take anything any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.items.is_closed()
    }

    fn miss(&self) -> Put {
        self.missed.fetch_add(1, Ordering::AcqRel);
        Put::Full
    }
}

impl<T> Outlet<T> {
    /// The next one, or how many are missing in front of it.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, u64>>> {
        if let Some(next) = self.next.take() {
            return Poll::Ready(Some(Ok(next)));
        }
        if let Poll::Ready(item) = self.items.poll_recv(cx) {
            if let Some(Item { value, missed, .. }) = item {
                if missed == 0 {
                    return Poll::Ready(Some(Ok(value)));
                }
                self.next = Some(value);
                return Poll::Ready(Some(Err(missed)));
            }
            return Poll::Ready(self.missed().map(Err));
        }
        // Only a full inbox misses anything, so whoever waits for an empty one has been woken since.
        match self.missed() {
            Some(missed) => Poll::Ready(Some(Err(missed))),
            None => Poll::Pending,
        }
    }

    /// The next one that is there already.
    #[cfg(test)]
    pub(crate) fn try_next(&mut self) -> Option<Result<T, u64>> {
        match self.poll_next(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(next) => next,
            Poll::Pending => None,
        }
    }

    fn missed(&self) -> Option<u64> {
        Some(self.missed.swap(0, Ordering::AcqRel)).filter(|missed| *missed > 0)
    }

    /// The next one, where missing ones were treated already.
    pub(crate) fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            match ready!(self.poll_next(cx)) {
                Some(Ok(value)) => return Poll::Ready(Some(value)),
                Some(Err(_)) => {}
                None => return Poll::Ready(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Put, inbox};

    #[test]
    fn what_is_missing_is_told_where_it_is_missing() {
        let (inlet, mut outlet) = inbox(2, 100);
        assert_eq!(
            [1, 2, 3, 4].map(|value| inlet.put(value, 1)),
            [Put::Taken, Put::Taken, Put::Full, Put::Full]
        );
        assert_eq!(outlet.try_next(), Some(Ok(1)));
        assert_eq!(inlet.put(5, 1), Put::Taken);
        assert_eq!(outlet.try_next(), Some(Ok(2)));
        assert_eq!(outlet.try_next(), Some(Err(2)));
        assert_eq!(outlet.try_next(), Some(Ok(5)));
        assert_eq!(outlet.try_next(), None);
    }

    #[test]
    fn it_is_told_too_when_nothing_comes_behind() {
        let (inlet, mut outlet) = inbox(1, 100);
        inlet.put(1, 1);
        inlet.put(2, 1);
        assert_eq!(outlet.try_next(), Some(Ok(1)));
        assert_eq!(outlet.try_next(), Some(Err(1)));
        assert_eq!(outlet.try_next(), None);
    }

    #[test]
    fn bytes_are_bounded_and_a_large_one_fits_alone() {
        let (inlet, mut outlet) = inbox(10, 10);
        assert_eq!(inlet.put(1, 6), Put::Taken);
        assert_eq!(inlet.put(2, 6), Put::Full);
        assert_eq!(outlet.try_next(), Some(Ok(1)));
        assert_eq!(inlet.put(3, 1000), Put::Taken);
        drop(outlet);
        assert_eq!(inlet.put(4, 1), Put::Gone);
    }
}
