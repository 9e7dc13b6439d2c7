//! What the program's handles and the driver share: the session, and the way to wake the driver.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::core::Core;
use crate::error::Ended;
use crate::tolerance::Tolerance;

pub(crate) struct Shared {
    core: Mutex<Core>,
    driver: AtomicWaker,
    pub(crate) tolerance: Option<Arc<Tolerance>>,
}

impl Shared {
    pub(crate) fn new(core: Core, tolerance: Option<Arc<Tolerance>>) -> Self {
        Self {
            core: Mutex::new(core),
            driver: AtomicWaker::new(),
            tolerance,
        }
    }

    /// Looks at the session.
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        // Nothing panics in there; if it did, the session would still be as good as any.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the session on the program's behalf, and has the driver look at it.
    pub(crate) fn ask<T>(&self, change: impl FnOnce(&mut Core, Instant) -> T) -> T {
        let result = change(&mut self.core(), Instant::now());
        self.driver.wake();
        result
    }

    /// Has the driver's task woken when the program asks for something.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.driver.register(cx.waker());
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

/// Keeps the client alive: when the last one is dropped, the client closes.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.ask(|core, now| core.close(now));
    }
}

/// Ends the client when its task is dropped, as a runtime that shuts down does.
pub(crate) struct EndWithTask(pub(crate) Arc<Shared>);

impl Drop for EndWithTask {
    fn drop(&mut self) {
        self.0.core().end(Ended::Closed);
    }
}
