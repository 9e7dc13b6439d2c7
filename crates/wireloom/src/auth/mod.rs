//! Who a client is, and how a token says so. Knows nothing of frames; what a refusal looks like on the wire is decided
//! in [`access`].

pub(crate) mod access;
pub(crate) mod badge;
pub(crate) mod credentials;
#[cfg(feature = "jwt")]
pub(crate) mod jwt;
pub(crate) mod lobby;
mod secret;
pub(crate) mod tokens;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

pub use secret::Secret;

/// Longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;

/// Who a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Names it to the application, for example a user's id.
    pub subject: String,
    /// What it may do: a message with `auth` needs all the scopes that stand there.
    pub scopes: BTreeSet<String>,
    /// When its connections are closed unless it has authenticated again; `None` is never.
    pub expires_at: Option<SystemTime>,
}

impl Identity {
    /// An identity without scopes that does not expire.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            scopes: BTreeSet::new(),
            expires_at: None,
        }
    }

    /// The same with these scopes.
    #[must_use]
    pub fn with_scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The same until a moment.
    #[must_use]
    pub fn until(mut self, expires_at: SystemTime) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    pub(crate) fn expired(&self) -> bool {
        self.expires_at
            .is_some_and(|expires_at| expires_at <= SystemTime::now())
    }
}

/// What is known of a client before anyone looked at its token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peer {
    /// Its address; behind a trusted proxy, the one that the proxy names. `None` in the same process.
    pub address: Option<IpAddr>,
    /// The page that connects, as the browser says.
    pub origin: Option<Box<str>>,
    /// The path that it connected to, without the query.
    pub path: Box<str>,
}

/// Why a token was not accepted.
#[derive(Debug)]
pub struct Refusal {
    pub(crate) kind: RefusalKind,
    pub(crate) cause: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    Unauthorized,
    Forbidden,
    Unavailable,
}

impl Refusal {
    /// The token proves nothing. `cause` goes to the log only; it must not hold the token.
    pub fn unauthorized(cause: impl Into<String>) -> Self {
        Self::new(RefusalKind::Unauthorized, cause)
    }

    /// The token is genuine, but its bearer may not connect.
    pub fn forbidden(cause: impl Into<String>) -> Self {
        Self::new(RefusalKind::Forbidden, cause)
    }

    /// It cannot be told now, since something that is asked does not answer.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self::new(RefusalKind::Unavailable, cause)
    }

    fn new(kind: RefusalKind, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        Self { kind, cause }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for Refusal {}

/// What an [`Authenticator`] returns.
pub type Verdict<'a> = Pin<Box<dyn Future<Output = Result<Identity, Refusal>> + Send + 'a>>;

/// Tells from a token who a client is.
///
/// Called at the handshake when it carries a token, else for the first message, and again whenever a client
/// authenticates anew. Bounded in time by [`crate::Admission::authenticate_timeout`]. See [`crate::StaticTokens`] for
/// one that is shipped.
///
/// ```
/// use wireloom::{Authenticator, Identity, Peer, Refusal, Secret, Verdict};
///
/// struct Houses;
///
/// impl Authenticator for Houses {
///     fn authenticate<'a>(&'a self, token: &'a Secret, peer: &'a Peer) -> Verdict<'a> {
///         Box::pin(async move {
///             match peer.address {
///                 Some(address) if address.is_loopback() => Ok(Identity::new(token.expose())),
///                 _ => Err(Refusal::forbidden("not from this house")),
///             }
///         })
///     }
/// }
/// ```
pub trait Authenticator: Send + Sync + 'static {
    /// Tells who bears `token`.
    fn authenticate<'a>(&'a self, token: &'a Secret, peer: &'a Peer) -> Verdict<'a>;
}

impl<A: Authenticator + ?Sized> Authenticator for Arc<A> {
    fn authenticate<'a>(&'a self, token: &'a Secret, peer: &'a Peer) -> Verdict<'a> {
        (**self).authenticate(token, peer)
    }
}
