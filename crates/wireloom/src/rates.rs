//! How often, for very many: a rate for each address or identity, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::MonotonicClock;
use governor::nanos::Nanos;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::address::AddressKey;

/// Most addresses or identities of which a rate is remembered one by one; the others share one.
const MAX_KEYS: usize = 100_000;

/// Fewest keys that must have come anew between two looks for those that can be forgotten.
pub(crate) const MIN_NEWCOMERS: usize = 1024;

/// A rate for each key, in bounded memory.
#[derive(Debug)]
pub(crate) struct Keyed<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, Bounded<K>, MonotonicClock>,
    newcomers: Arc<AtomicUsize>,
    /// Newcomers after which those are looked for that can be forgotten.
    prune_after: AtomicUsize,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    pub(crate) fn new(quota: Quota) -> Self {
        Self::bounded(quota, MAX_KEYS)
    }

    fn bounded(quota: Quota, most: usize) -> Self {
        let newcomers = Arc::new(AtomicUsize::new(0));
        let states = Bounded {
            known: DashMapStateStore::default(),
            count: AtomicUsize::new(0),
            newcomers: Arc::clone(&newcomers),
            others: InMemoryState::default(),
            most,
        };
        Self {
            limiter: RateLimiter::new(quota, states, MonotonicClock),
            newcomers,
            prune_after: AtomicUsize::new(MIN_NEWCOMERS),
        }
    }

    /// Counts one of a key. Whether it comes within the rate.
    pub(crate) fn admits(&self, key: &K) -> bool {
        let admits = self.limiter.check_key(key).is_ok();
        if self.newcomers.load(Ordering::Relaxed) >= self.prune_after.load(Ordering::Relaxed) {
            self.newcomers.store(0, Ordering::Relaxed);
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            // As many come before the next look as it will look at, at least: it costs each of them the same.
            let next = self.limiter.len().max(MIN_NEWCOMERS);
            self.prune_after.store(next, Ordering::Relaxed);
        }
        admits
    }
}

/// The states of some keys; of all others together, one.
#[derive(Debug)]
struct Bounded<K: Hash + Eq + Clone> {
    known: DashMapStateStore<K>,
    /// How many are known: asking the map would lock all of it.
    count: AtomicUsize,
    /// How often a key came that was not known.
    newcomers: Arc<AtomicUsize>,
    others: InMemoryState,
    most: usize,
}

impl<K: Hash + Eq + Clone> StateStore for Bounded<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if !self.known.contains_key(key) {
            self.newcomers.fetch_add(1, Ordering::Relaxed);
            if self.count.load(Ordering::Relaxed) >= self.most {
                return self.others.measure_and_replace(&NotKeyed::NonKey, decide);
            }
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        self.known.measure_and_replace(key, decide)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Bounded<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.known.retain_recent(drop_below);
        self.count.store(self.known.len(), Ordering::Relaxed);
    }

    fn shrink_to_fit(&self) {
        self.known.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn is_empty(&self) -> bool {
        ShrinkableKeyedStateStore::len(self) == 0
    }
}

/// Refused credentials by address. Not of the library's limiters: those cannot be asked without being counted, and
/// who shows good credentials must not be.
#[derive(Debug)]
pub(crate) struct Failures {
    /// What one failure costs.
    period: Duration,
    /// How much may be owed.
    burst: Duration,
    /// Until when an address has paid for its failures. Bounded like [`Bounded`].
    paid: Mutex<Paid>,
}

#[derive(Debug, Default)]
struct Paid {
    known: HashMap<AddressKey, Instant, foldhash::fast::RandomState>,
    others: Option<Instant>,
    newcomers: usize,
}

impl Failures {
    pub(crate) fn new(quota: Quota) -> Self {
        let period = quota.replenish_interval();
        Self {
            period,
            burst: period.saturating_mul(quota.burst_size().get()),
            paid: Mutex::default(),
        }
    }

    fn paid(&self) -> MutexGuard<'_, Paid> {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether credentials of an address are looked at now.
    pub(crate) fn may_try(&self, key: &AddressKey) -> bool {
        let now = Instant::now();
        let paid = self.paid();
        let until = paid.known.get(key).copied().or(paid.others).unwrap_or(now);
        until.saturating_duration_since(now) + self.period <= self.burst
    }

    /// Counts credentials that were refused.
    pub(crate) fn count(&self, key: AddressKey) {
        let now = Instant::now();
        let mut paid = self.paid();
        let Paid {
            known,
            others,
            newcomers,
        } = &mut *paid;
        if let Some(until) = known.get_mut(&key) {
            *until = (*until).max(now) + self.period;
            return;
        }
        *newcomers += 1;
        if *newcomers >= known.len().max(MIN_NEWCOMERS) {
            *newcomers = 0;
            known.retain(|_, until| *until > now);
            known.shrink_to_fit();
        }
        if known.len() < MAX_KEYS {
            known.insert(key, now + self.period);
        } else {
            *others = Some(others.unwrap_or(now).max(now) + self.period);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn quota(per_second: f64) -> Quota {
        crate::table::quota(per_second, 1).unwrap()
    }

    #[test]
    fn a_rate_forgets_whom_it_would_admit_and_shares_one_beyond_its_bound() {
        let keyed = Keyed::new(quota(1e9));
        for n in 0..10 * MIN_NEWCOMERS {
            keyed.admits(&n);
        }
        assert!(keyed.limiter.len() <= MIN_NEWCOMERS, "{}", keyed.limiter.len());

        let bounded = Keyed::bounded(quota(0.001), 2);
        assert_eq!(
            [1, 2, 3, 4, 1].map(|key| bounded.admits(&key)),
            [true, true, true, false, false]
        );
    }

    #[test]
    fn failures_take_bounded_memory() {
        let failures = Failures::new(quota(1e9));
        for n in 0..20_000_u32 {
            failures.count(AddressKey::of(IpAddr::from(n.to_be_bytes())));
        }
        assert!(failures.paid().known.len() <= 2 * MIN_NEWCOMERS);
    }
}
