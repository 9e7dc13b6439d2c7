//! How sessions stand in the store: keys that keep what belongs to a session together, and their values.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::auth::Identity;
use crate::journal::{Clock, millis};
use crate::replay::Asked;

/// What a key says behind the session's name.
const PROFILE: u8 = 0;
const FIRST: u8 = 1;
const BEGAN: u8 = 2;
const MESSAGE: u8 = 3;
const SILENT: u8 = 4;

/// Who a session belongs to, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) client_id: String,
    pub(crate) right: Right,
    /// Name of the state it is in, where the protocol has states.
    pub(crate) state: String,
    pub(crate) rooms: BTreeSet<Box<str>>,
    pub(crate) holder: Option<Holder>,
}

/// Who may take it up, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Right {
    /// Digests of the secrets: who reads the store cannot take a session.
    pub(crate) secret: [u8; 32],
    pub(crate) previous: Option<[u8; 32]>,
    /// Since when its client is not there, by the process's own clock.
    pub(crate) parked_at: Option<u64>,
}

/// Whose it is, where clients authenticate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Holder {
    pub(crate) subject: String,
    pub(crate) scopes: BTreeSet<String>,
    /// In milliseconds since the epoch.
    pub(crate) expires_at: Option<u64>,
}

impl Holder {
    pub(crate) fn of(identity: &Identity) -> Self {
        Self {
            subject: identity.subject.clone(),
            scopes: identity.scopes.clone(),
            expires_at: identity.expires_at.map(millis),
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            subject: self.subject.clone(),
            scopes: self.scopes.clone(),
            expires_at: self.expires_at.map(time),
        }
    }
}

/// The time so many milliseconds after the epoch; now, where that lies beyond what the system's clock can show.
pub(crate) fn time(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_millis(millis))
        .unwrap_or_else(SystemTime::now)
}

/// When a process was alive: by its own clock, by the system's, which may be set, and since the system was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alive {
    /// In milliseconds, as all of them.
    own: u64,
    shown: u64,
    uptime: u64,
    /// Which start of the system that is; empty where the system does not say.
    boot: Vec<u8>,
}

impl Alive {
    pub(super) fn now(clock: &Clock) -> Self {
        let (uptime, boot) = uptime().unwrap_or_default();
        Self {
            own: clock.at(Instant::now()),
            shown: millis(SystemTime::now()),
            uptime,
            boot,
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24 + self.boot.len());
        for number in [self.own, self.shown, self.uptime] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.boot);
        bytes
    }

    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let (own, rest) = value.split_first_chunk()?;
        let (shown, rest) = rest.split_first_chunk()?;
        let (uptime, boot) = rest.split_first_chunk()?;
        Some(Self {
            own: u64::from_be_bytes(*own),
            shown: u64::from_be_bytes(*shown),
            uptime: u64::from_be_bytes(*uptime),
            boot: boot.to_vec(),
        })
    }

    /// What that process's own clock would show now. The system's clock is asked only where the system was started anew.
    pub(super) fn goes_on(&self) -> u64 {
        let since = match uptime() {
            Some((uptime, boot)) if boot == self.boot => uptime.saturating_sub(self.uptime),
            _ => millis(SystemTime::now()).saturating_sub(self.shown),
        };
        self.own.saturating_add(since)
    }
}

/// Milliseconds since the system was started, and which start that was; `None` where it does not say.
fn uptime() -> Option<(u64, Vec<u8>)> {
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id").ok()?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = uptime.split(' ').next()?.parse().ok()?;
    Some((
        u64::try_from(Duration::try_from_secs_f64(seconds).ok()?.as_millis()).ok()?,
        boot,
    ))
}

/// A session as it was left.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) key: u128,
    pub(crate) profile: Profile,
    /// How long its client is gone; not at all, if it was there when the process ended without a shutdown.
    pub(crate) waited: Duration,
    /// Number of the first message that is kept, or of the next one.
    pub(crate) first: u64,
    pub(crate) messages: Vec<(Utf8Bytes, Option<Asked>)>,
    /// Requests that were at work.
    pub(crate) began: Vec<Asked>,
    /// Requests that have ended without an answer.
    pub(crate) silent: Vec<Asked>,
}

/// What all keys of a session begin with.
pub(super) fn prefix(session: u128) -> [u8; 16] {
    session.to_be_bytes()
}

fn key(session: u128, kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(17 + rest.len());
    key.extend_from_slice(&prefix(session));
    key.push(kind);
    key.extend_from_slice(rest);
    key
}

pub(super) fn profile_key(session: u128) -> Vec<u8> {
    key(session, PROFILE, &[])
}

pub(super) fn first_key(session: u128) -> Vec<u8> {
    key(session, FIRST, &[])
}

pub(super) fn began_key(session: u128, correlation_id: &str) -> Vec<u8> {
    key(session, BEGAN, correlation_id.as_bytes())
}

pub(super) fn silent_key(session: u128, correlation_id: &str) -> Vec<u8> {
    key(session, SILENT, correlation_id.as_bytes())
}

pub(super) fn message_key(session: u128, seq: u64) -> Vec<u8> {
    key(session, MESSAGE, &seq.to_be_bytes())
}

/// A message: the length of the id of the request that it answers, and if it is not 0, the request's hash and id; then
/// the text.
pub(super) fn message(text: &str, answers: Option<&Asked>) -> Vec<u8> {
    let mut value = Vec::with_capacity(text.len() + 64);
    let id = answers.map_or("", |asked| asked.correlation_id.as_str());
    value.extend_from_slice(&u16::try_from(id.len()).unwrap_or(0).to_be_bytes());
    if let Some(asked) = answers {
        value.extend_from_slice(&asked.hash.to_be_bytes());
        value.extend_from_slice(id.as_bytes());
    }
    value.extend_from_slice(text.as_bytes());
    value
}

fn read_asked(correlation_id: &[u8], hash: &[u8]) -> Option<Asked> {
    Some(Asked {
        correlation_id: CompactString::from_utf8(correlation_id).ok()?,
        hash: u64::from_be_bytes(hash.try_into().ok()?),
    })
}

impl Saved {
    /// Adds a message that stands behind those that it has.
    fn add(&mut self, seq: u64, message: (Utf8Bytes, Option<Asked>)) {
        let next = self.first.saturating_add(self.messages.len() as u64);
        // One in front of the first is not kept any more. Behind a hole, what stands in front of it is of no use: a client
        // that needs it is told of the gap.
        if seq > next {
            self.messages.clear();
            self.first = seq;
        }
        if seq >= next {
            self.messages.push(message);
        }
    }
}

fn read_message(value: &[u8]) -> Option<(Utf8Bytes, Option<Asked>)> {
    let (length, rest) = value.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (answers, text) = if length == 0 {
        (None, rest)
    } else {
        let (hash, rest) = rest.split_first_chunk()?;
        let (id, text) = rest.split_at_checked(length)?;
        let correlation_id = CompactString::from_utf8(id).ok()?;
        let hash = u64::from_be_bytes(*hash);
        (Some(Asked { correlation_id, hash }), text)
    };
    Some((str::from_utf8(text).ok()?.into(), answers))
}

/// Puts sessions together from their records, which come in the order of their keys.
#[derive(Debug, Default)]
pub(super) struct Loading {
    sessions: Vec<Saved>,
    /// Names of sessions of which something is left but not who they belong to: they ended.
    pub(super) remains: Vec<u128>,
}

impl Loading {
    /// Adds a record. `None` if it makes no sense.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let (session, rest) = key.split_first_chunk()?;
        let session = u128::from_be_bytes(*session);
        let (kind, rest) = rest.split_first()?;
        if *kind == PROFILE {
            self.sessions.push(Saved {
                key: session,
                profile: serde_json::from_slice(value).ok()?,
                waited: Duration::ZERO,
                first: 1,
                messages: Vec::new(),
                began: Vec::new(),
                silent: Vec::new(),
            });
            return Some(());
        }
        let Some(saved) = self.sessions.last_mut().filter(|saved| saved.key == session) else {
            if self.remains.last() != Some(&session) {
                self.remains.push(session);
            }
            return Some(());
        };
        match *kind {
            FIRST => saved.first = u64::from_be_bytes(value.try_into().ok()?),
            BEGAN => saved.began.push(read_asked(rest, value)?),
            SILENT => saved.silent.push(read_asked(rest, value)?),
            MESSAGE => {
                let seq = u64::from_be_bytes(rest.try_into().ok()?);
                let message = read_message(value)?;
                saved.add(seq, message);
            }
            _ => return None,
        }
        Some(())
    }

    /// The sessions, at a moment of the processes' clock.
    pub(super) fn finish(mut self, now: u64) -> Vec<Saved> {
        for saved in &mut self.sessions {
            if let Some(parked_at) = saved.profile.right.parked_at {
                saved.waited = Duration::from_millis(now.saturating_sub(parked_at));
            }
        }
        self.sessions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_between_two_processes_ends_no_session() {
        let Some((uptime, boot)) = uptime() else {
            return;
        };
        let now = millis(SystemTime::now());
        for shown in [now - 7_200_000, now + 7_200_000] {
            let alive = Alive {
                own: 10_000,
                shown,
                uptime,
                boot: boot.clone(),
            };
            let now = Alive::read(&alive.bytes()).unwrap().goes_on();
            assert!((10_000..20_000).contains(&now), "{now}");
        }
    }

    #[test]
    fn after_a_start_of_the_system_its_clock_counts() {
        let now = millis(SystemTime::now());
        let alive = Alive {
            own: 10_000,
            shown: now - 5_000,
            uptime: 0,
            boot: b"another".to_vec(),
        };
        let shown = alive.goes_on();
        assert!((15_000..25_000).contains(&shown), "{shown}");
        // One that was set back makes nobody wait for longer.
        let later = Alive {
            shown: now + 60_000,
            ..alive
        };
        assert_eq!(later.goes_on(), 10_000);
    }

    #[test]
    fn messages_are_read_as_they_were_written() {
        let asked = Asked {
            correlation_id: "c-1".into(),
            hash: 7,
        };
        for answers in [None, Some(asked)] {
            let value = message("{\"seq\":1}", answers.as_ref());
            let (text, read) = read_message(&value).unwrap();
            assert_eq!((text.as_str(), read), ("{\"seq\":1}", answers));
            for length in 0..value.len().min(13) {
                // Whatever is missing, nothing panics.
                drop(read_message(&value[..length]));
            }
        }
    }
}
