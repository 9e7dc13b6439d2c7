//! What a message must pass before its payload is looked at: rate, direction, size, scopes, state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};

use crate::clients::Link;
use crate::engine::Shared;
use crate::reject::{Reject, code};
use crate::table::{Entry, Task};

pub(super) type Limiter = RateLimiter<NotKeyed, InMemoryState, TaskClock, NoOpMiddleware<Nanos>>;

/// The time at which the connection's task last woke, for its limiters: what came in one go came at one time.
#[derive(Debug, Clone, Default)]
pub(super) struct TaskClock(Arc<AtomicU64>);

impl TaskClock {
    /// Sets it, in nanoseconds since the connection was opened.
    pub(super) fn set(&self, nanos: u64) {
        self.0.store(nanos, Ordering::Relaxed);
    }
}

impl Clock for TaskClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.load(Ordering::Relaxed).into()
    }
}

pub(super) fn limiter(quota: governor::Quota, clock: &TaskClock) -> Limiter {
    RateLimiter::direct_with_clock(quota, clock.clone())
}

/// What can be refused by the type alone.
pub(super) fn admit_type<S>(
    shared: &Shared<S>,
    link: &Link,
    own_limiters: &mut Vec<(usize, Limiter)>,
    clock: &TaskClock,
    (at, entry): (usize, &Entry<S>),
    bytes: usize,
) -> Result<(), Reject> {
    if !entry.inbound {
        let message = format!("{} is sent by the server only", entry.name);
        return Err(Reject::engine(code::WRONG_DIRECTION, message));
    }
    if bytes > entry.message_bytes {
        let message = format!("a {} may have {} bytes at most", entry.name, entry.message_bytes);
        return Err(Reject::engine(code::TOO_LARGE, message));
    }
    if let Some(quota) = entry.quota {
        let known = own_limiters.iter().position(|(of, _)| *of == at);
        let known = known.unwrap_or_else(|| {
            own_limiters.push((at, limiter(quota, clock)));
            own_limiters.len() - 1
        });
        if own_limiters
            .get(known)
            .is_some_and(|(_, limiter)| limiter.check().is_err())
        {
            return Err(rate_limited());
        }
    }
    if shared.core.draining() && matches!(entry.task, Task::Handler(_)) {
        return Err(Reject::error(
            code::OVERLOADED,
            "the server is shutting down",
            true,
            Vec::new(),
        ));
    }
    if !entry.auth.is_empty() {
        link.badge.admits(&entry.name, &entry.auth)?;
    }
    let state = link.state.load(Ordering::Relaxed);
    if entry.transition(state).is_err() {
        let table = &shared.table;
        let message = format!(
            "{} is not accepted in state \"{}\", which accepts: {}",
            entry.name,
            table.state(state),
            table.accepted_in(state).join(", ")
        );
        return Err(Reject::engine(code::INVALID_STATE, message));
    }
    Ok(())
}

pub(super) fn rate_limited() -> Reject {
    Reject::error(
        code::RATE_LIMITED,
        "more messages than allowed; slow down",
        true,
        Vec::new(),
    )
}
