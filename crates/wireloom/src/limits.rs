//! How many may come in, and how often: counted in all, by address and by identity. Knows nothing of HTTP and tokens.
//!
//! What is remembered is bounded: connections are as many as may be, and rates forget whom they would let pass anyway.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::Quota;
use ipnet::IpNet;

use crate::address::AddressKey;
use crate::close::CloseCode;
use crate::rates::{Failures, Keyed, MIN_NEWCOMERS};
use crate::table::quota;

/// Most refused handshakes of one address whose close code is said at the same time.
const REFUSALS_PER_ADDRESS: usize = 16;

/// So many a second in the long run, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// In the long run. 0 or less is no limit; the lowest lets a whole `burst` through in 146 years.
    pub per_second: f64,
    /// At once; 1 at least.
    pub burst: u32,
}

impl Rate {
    fn quota(self) -> Option<Quota> {
        if self.per_second > 0.0 {
            quota(self.per_second, self.burst)
        } else {
            None
        }
    }
}

/// Who may come in, and how often.
///
/// What is counted by address is not counted for loopback, unless [`Admission::limit_loopback`] says so: everyone
/// behind a proxy of the same machine would be one. IPv6 counts by /64.
#[derive(Debug, Clone, PartialEq)]
pub struct Admission {
    /// Whether clients are served that show no credentials, although there is an authenticator. They have no scopes.
    pub anonymous: bool,
    /// Longest time that a client may take to show credentials as its first message, and longest time that an
    /// authenticator may take to judge them. A year at most.
    pub authenticate_timeout: Duration,
    /// Most connections of one address; the next is closed with 1013.
    pub connections_per_address: usize,
    /// Handshakes of one address; those beyond are closed with 4429.
    pub handshakes_per_address: Option<Rate>,
    /// Refused credentials of one address. Beyond, none is looked at for a while: this is what makes guessing slow.
    pub failures_per_address: Option<Rate>,
    /// Messages of all connections of one address; those beyond are refused with `rate_limited`.
    pub messages_per_address: Option<Rate>,
    /// Messages of all connections of one identity; those beyond are refused with `rate_limited`.
    pub messages_per_identity: Option<Rate>,
    /// Whether loopback addresses are counted like others.
    pub limit_loopback: bool,
    /// Proxies whose `X-Forwarded-For` is believed. Empty: nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// Most refused handshakes whose close code is said at the same time; the next are refused by an HTTP status,
    /// which costs less and which a browser's page cannot see.
    pub refusals: usize,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            anonymous: false,
            authenticate_timeout: Duration::from_secs(10),
            connections_per_address: 256,
            handshakes_per_address: Some(Rate {
                per_second: 20.0,
                burst: 256,
            }),
            failures_per_address: Some(Rate {
                per_second: 0.2,
                burst: 10,
            }),
            messages_per_address: None,
            messages_per_identity: None,
            limit_loopback: false,
            trusted_proxies: Vec::new(),
            refusals: 1024,
        }
    }
}

/// Counts everyone who comes in.
#[derive(Debug)]
pub(crate) struct Door {
    connections: usize,
    connections_per_address: usize,
    refusals: usize,
    limit_loopback: bool,
    present: Mutex<Present>,
    handshakes: Option<Keyed<AddressKey>>,
    messages_of_address: Option<Keyed<AddressKey>>,
    messages_of_identity: Option<Keyed<String>>,
    failures: Option<Failures>,
}

#[derive(Debug, Default)]
struct Present {
    all: Count,
    by_address: HashMap<AddressKey, Count, foldhash::fast::RandomState>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    connections: usize,
    refusals: usize,
}

/// A place at the door. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    door: Arc<Door>,
    key: Option<AddressKey>,
    refusal: bool,
}

impl Door {
    pub(crate) fn new(connections: usize, admission: &Admission) -> Arc<Self> {
        let keyed = |rate: Option<Rate>| rate.and_then(Rate::quota);
        Arc::new(Self {
            connections,
            connections_per_address: admission.connections_per_address,
            refusals: admission.refusals,
            limit_loopback: admission.limit_loopback,
            present: Mutex::default(),
            handshakes: keyed(admission.handshakes_per_address).map(Keyed::new),
            messages_of_address: keyed(admission.messages_per_address).map(Keyed::new),
            messages_of_identity: keyed(admission.messages_per_identity).map(Keyed::new),
            failures: keyed(admission.failures_per_address).map(Failures::new),
        })
    }

    /// What an address counts as; `None` if it is not counted.
    fn key(&self, address: Option<IpAddr>) -> Option<AddressKey> {
        address
            .filter(|address| self.limit_loopback || !address.to_canonical().is_loopback())
            .map(AddressKey::of)
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        // Every change is complete before the lock is given back.
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a handshake. Whether it may go on.
    pub(crate) fn knock(&self, address: Option<IpAddr>) -> Result<(), CloseCode> {
        match (&self.handshakes, self.key(address)) {
            (Some(handshakes), Some(key)) if !handshakes.admits(&key) => Err(CloseCode::RateExceeded),
            _ => Ok(()),
        }
    }

    /// A place for a connection.
    pub(crate) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Slot, CloseCode> {
        let key = self.key(address);
        let mut present = self.present();
        if present.all.connections >= self.connections {
            return Err(CloseCode::TryAgainLater);
        }
        if let Some(key) = key {
            let count = present.by_address.entry(key).or_default();
            if count.connections >= self.connections_per_address {
                return Err(CloseCode::TryAgainLater);
            }
            count.connections += 1;
        }
        present.all.connections += 1;
        Ok(self.slot(key, false))
    }

    /// A place for saying a close code to one who is refused; `None` if too many are refused at the moment.
    pub(crate) fn refuse(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Slot> {
        let key = self.key(address);
        let mut present = self.present();
        if present.all.refusals >= self.refusals {
            return None;
        }
        if let Some(key) = key {
            let count = present.by_address.entry(key).or_default();
            if count.refusals >= REFUSALS_PER_ADDRESS {
                return None;
            }
            count.refusals += 1;
        }
        present.all.refusals += 1;
        Some(self.slot(key, true))
    }

    fn slot(self: &Arc<Self>, key: Option<AddressKey>, refusal: bool) -> Slot {
        let door = Arc::clone(self);
        Slot { door, key, refusal }
    }

    /// Whether anything depends on how many messages come from an address or an identity.
    pub(crate) fn counts_messages(&self) -> bool {
        self.messages_of_address.is_some() || self.messages_of_identity.is_some()
    }

    /// Counts a message beyond the connection's own count. Whether it may be taken.
    pub(crate) fn admits_message(
        &self,
        address: Option<IpAddr>,
        subject: impl FnOnce() -> Option<String>,
    ) -> bool {
        if let Some(messages) = &self.messages_of_address
            && let Some(key) = self.key(address)
            && !messages.admits(&key)
        {
            return false;
        }
        match &self.messages_of_identity {
            Some(messages) => subject().is_none_or(|subject| messages.admits(&subject)),
            None => true,
        }
    }

    /// Whether credentials of this address are looked at now.
    pub(crate) fn may_try(&self, address: Option<IpAddr>) -> bool {
        match (&self.failures, self.key(address)) {
            (Some(failures), Some(key)) => failures.may_try(&key),
            _ => true,
        }
    }

    /// Counts credentials that were refused.
    pub(crate) fn failed(&self, address: Option<IpAddr>) {
        if let (Some(failures), Some(key)) = (&self.failures, self.key(address)) {
            failures.count(key);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut present = self.door.present();
        let refusal = self.refusal;
        let give_back = |count: &mut Count| {
            let field = if refusal {
                &mut count.refusals
            } else {
                &mut count.connections
            };
            *field = field.saturating_sub(1);
            count.connections == 0 && count.refusals == 0
        };
        give_back(&mut present.all);
        if let Some(key) = self.key
            && present.by_address.get_mut(&key).is_some_and(give_back)
        {
            present.by_address.remove(&key);
            if present.by_address.capacity() > MIN_NEWCOMERS + 4 * present.by_address.len() {
                present.by_address.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    const LOOPBACK: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    #[test]
    fn connections_are_counted_in_all_and_by_address() {
        let admission = Admission {
            connections_per_address: 2,
            ..Admission::default()
        };
        let door = Door::new(4, &admission);
        let first = door.enter(address(1)).unwrap();
        let _second = door.enter(address(1)).unwrap();
        assert_eq!(door.enter(address(1)).unwrap_err(), CloseCode::TryAgainLater);
        let _others = [door.enter(LOOPBACK).unwrap(), door.enter(LOOPBACK).unwrap()];
        assert_eq!(door.enter(None).unwrap_err(), CloseCode::TryAgainLater);
        drop(first);
        let again = door.enter(address(1)).unwrap();
        assert!(door.enter(address(2)).is_err());
        drop(again);
        drop(_second);
        assert!(door.present().by_address.is_empty());
    }

    #[test]
    fn refusals_are_bounded_by_address_and_in_all() {
        let admission = Admission {
            refusals: 20,
            ..Admission::default()
        };
        let door = Door::new(1, &admission);
        let of_one: Vec<_> = std::iter::from_fn(|| door.refuse(address(1))).collect();
        assert_eq!(of_one.len(), REFUSALS_PER_ADDRESS);
        let of_others: Vec<_> = (2..).map_while(|last| door.refuse(address(last))).collect();
        assert_eq!(of_others.len(), 4);
        drop(of_one);
        assert!(door.refuse(address(1)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgiven_one_by_one() {
        let door = Door::new(1, &Admission::default());
        for _ in 0..10 {
            assert!(door.may_try(address(1)));
            door.failed(address(1));
        }
        assert!(!door.may_try(address(1)));
        assert!(door.may_try(address(2)));
        tokio::time::advance(Duration::from_millis(5010)).await;
        assert!(door.may_try(address(1)));
        door.failed(address(1));
        assert!(!door.may_try(address(1)));
        for _ in 0..20 {
            door.failed(LOOPBACK);
        }
        assert!(door.may_try(LOOPBACK));
    }
}
