//! Who is at the other end of a connection: what it may do, until when, and how it authenticates anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use compact_str::CompactString;
use tokio::task::AbortHandle;

use super::access::{Access, Denial};
use super::{Identity, Peer, Secret};
use crate::clients::Link;
use crate::close::CloseCode;
use crate::handler::{Finished, Work, answering};
use crate::json::Encode;
use crate::message::Message;
use crate::messages::ConnectionAuthenticated;
use crate::reject::{Reject, code};

/// Longest wait for an expiry without a look at the clock, which may be set meanwhile.
const CLOCK_CHECK: Duration = Duration::from_secs(60);

/// Someone who was let in.
#[derive(Debug, Default)]
pub(crate) struct Guest {
    pub(crate) peer: Peer,
    pub(crate) identity: Option<Arc<Identity>>,
    /// Whether it authenticated by a message, which is answered behind the greeting; with its correlation id.
    pub(crate) by_message: Option<Option<CompactString>>,
}

/// What a connection knows of its peer.
#[derive(Debug)]
pub(crate) struct Badge {
    holder: RwLock<Holder>,
    /// Whether credentials are being judged: no frame is taken meanwhile.
    judging: AtomicBool,
    expiry: Mutex<Option<AbortHandle>>,
}

/// Who is there, and where.
#[derive(Debug, Clone)]
struct Holder {
    peer: Arc<Peer>,
    identity: Option<Arc<Identity>>,
}

impl Badge {
    pub(crate) fn new(peer: Peer, identity: Option<Arc<Identity>>) -> Self {
        let peer = Arc::new(peer);
        Self {
            holder: RwLock::new(Holder { peer, identity }),
            judging: AtomicBool::new(false),
            expiry: Mutex::default(),
        }
    }

    /// Who it is; `None` for an anonymous client.
    pub(crate) fn identity(&self) -> Option<Arc<Identity>> {
        self.holder().identity
    }

    fn holder(&self) -> Holder {
        self.holder.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is the same somebody, or nobody, as another one.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let subject = |badge: &Self| badge.identity().map(|identity| identity.subject.clone());
        subject(self) == subject(other)
    }

    /// The same client has come back by another connection, with credentials that may be newer.
    pub(crate) fn take_over(&self, other: &Self) {
        let holder = other.holder();
        *self.holder.write().unwrap_or_else(PoisonError::into_inner) = holder;
    }

    /// Whether credentials are being judged.
    pub(crate) fn judging(&self) -> bool {
        self.judging.load(Ordering::Relaxed)
    }

    /// Whether it may send a message that needs these scopes.
    pub(crate) fn admits(&self, name: &str, scopes: &[String]) -> Result<(), Reject> {
        let Some(identity) = self.identity().filter(|identity| !identity.expired()) else {
            let message = format!("{name} needs the scopes: {}", scopes.join(", "));
            return Err(Reject::engine(code::UNAUTHORIZED, message));
        };
        let missing: Vec<_> = scopes
            .iter()
            .filter(|scope| !identity.scopes.contains(*scope))
            .map(String::as_str)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!("{name} needs more scopes: {}", missing.join(", "));
        Err(Reject::engine(code::FORBIDDEN, message))
    }

    /// Whether its address and its identity may send another message now.
    pub(crate) fn admits_message(&self, access: &Access) -> bool {
        if !access.door.counts_messages() {
            return true;
        }
        let Holder { peer, identity } = self.holder();
        let subject = || identity.map(|identity| identity.subject.clone());
        access.door.admits_message(peer.address, subject)
    }

    async fn renew(&self, access: &Access, token: &Secret) -> Result<Arc<Identity>, Denial> {
        let identity = access.identify(token, &self.holder().peer).await?;
        let mut holder = self.holder.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &holder.identity
            && known.subject != identity.subject
        {
            let (known, other) = (known.subject.as_str(), identity.subject.as_str());
            tracing::info!(subject = known, other, "a connection cannot change its subject");
            return Err(Denial::Forbidden);
        }
        holder.identity = Some(Arc::clone(&identity));
        Ok(identity)
    }
}

impl Drop for Badge {
    fn drop(&mut self) {
        if let Some(expiry) = self
            .expiry
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            expiry.abort();
        }
    }
}

/// Closes a connection when its identity expires. To be called again when that has changed.
pub(crate) fn watch_expiry(link: &Arc<Link>) {
    let badge = &link.badge;
    let expires_at = badge.identity().and_then(|identity| identity.expires_at);
    let watch = expires_at.map(|expires_at| {
        let link = Arc::downgrade(link);
        let watch = async move {
            while let Ok(left) = expires_at.duration_since(SystemTime::now())
                && !left.is_zero()
            {
                tokio::time::sleep(left.min(CLOCK_CHECK)).await;
            }
            if let Some(link) = link.upgrade() {
                tracing::info!("Credentials expired: {}", link.id);
                link.outbox.close(CloseCode::Unauthorized);
            }
        };
        tokio::spawn(watch).abort_handle()
    });
    let mut expiry = badge.expiry.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(former) = std::mem::replace(&mut *expiry, watch) {
        former.abort();
    }
}

/// Takes new credentials of a client that is connected. No frame should be taken before it has ended.
pub(crate) fn renew(link: &Arc<Link>, token: Secret) -> Work {
    let link = Arc::clone(link);
    let judging = Judging(Arc::clone(&link));
    link.badge.judging.store(true, Ordering::Relaxed);
    let renewed = async move {
        let _judging = judging;
        let renewed = link.badge.renew(&link.core.access, &token).await;
        if renewed.is_ok() {
            watch_expiry(&link);
        }
        renewed
    };
    answering(renewed, |renewed, asker| match renewed {
        Ok(identity) => {
            let message = authenticated(&identity);
            let name = <ConnectionAuthenticated as Message>::TYPE;
            Finished::reply(asker, name, |out| message.encode(out))
        }
        Err(denial) => Finished::rejected(denial.reject(), asker.correlation_id),
    })
}

/// Frames are taken again, however it ends.
struct Judging(Arc<Link>);

impl Drop for Judging {
    fn drop(&mut self) {
        self.0.badge.judging.store(false, Ordering::Relaxed);
    }
}

/// What answers good credentials.
pub(crate) fn authenticated(identity: &Identity) -> ConnectionAuthenticated {
    let left = |expires_at: SystemTime| {
        let left = expires_at.duration_since(SystemTime::now()).unwrap_or_default();
        u64::try_from(left.as_millis()).unwrap_or(u64::MAX).min(MAX_SAFE)
    };
    ConnectionAuthenticated {
        subject: identity.subject.clone(),
        scopes: identity.scopes.iter().cloned().collect(),
        expires_in_ms: identity.expires_at.map(left),
        extra: Default::default(),
    }
}

/// Largest integer that a JavaScript number holds.
const MAX_SAFE: u64 = 9_007_199_254_740_991;
