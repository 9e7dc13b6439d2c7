//! Judges credentials for an engine: bounded in time, slow for those who guess, and with every cause in the log.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use metrics::{Counter, counter};
use tokio_util::sync::CancellationToken;

use super::{Authenticator, Identity, MAX_TOKEN, Peer, Refusal, RefusalKind, Secret};
use crate::close::CloseCode;
use crate::limits::{Admission, Door};
use crate::reject::{Reject, code};

/// Who gets into an engine.
pub(crate) struct Access {
    pub(crate) door: Arc<Door>,
    pub(crate) timeout: Duration,
    /// Cancelled when the engine shuts down: who has not authenticated by then need not any more.
    pub(crate) closing: CancellationToken,
    authenticator: Option<Box<dyn Authenticator>>,
    anonymous: bool,
    accepted: Counter,
    refused: Counter,
    /// Handshakes that came to nothing, by close code.
    handshakes_refused: Vec<(CloseCode, Counter)>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("door", &self.door)
            .finish_non_exhaustive()
    }
}

/// Why a client does not get in. The log has the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denial {
    Unauthorized,
    Forbidden,
    /// Too many refused credentials came from its address.
    Guessing,
    /// The credentials cannot be judged now.
    Unavailable,
}

impl Denial {
    pub(crate) fn close_code(self) -> CloseCode {
        match self {
            Self::Unauthorized => CloseCode::Unauthorized,
            Self::Forbidden => CloseCode::Forbidden,
            Self::Guessing => CloseCode::RateExceeded,
            Self::Unavailable => CloseCode::TryAgainLater,
        }
    }

    pub(crate) fn reject(self) -> Reject {
        let (code, message, retryable) = match self {
            Self::Unauthorized => (code::UNAUTHORIZED, "the credentials are not accepted", false),
            Self::Forbidden => (
                code::FORBIDDEN,
                "the bearer of these credentials may not connect",
                false,
            ),
            Self::Guessing => (
                code::RATE_LIMITED,
                "too many credentials were refused; wait",
                true,
            ),
            Self::Unavailable => (code::OVERLOADED, "credentials cannot be checked now", true),
        };
        Reject::error(code, message, retryable, Vec::new())
    }
}

impl Access {
    pub(crate) fn new(
        authenticator: Option<Box<dyn Authenticator>>,
        admission: &Admission,
        connections: usize,
    ) -> Self {
        let outcome =
            |outcome: &'static str| counter!("wireloom_authentications_total", "outcome" => outcome);
        Self {
            door: Door::new(connections, admission),
            timeout: admission.authenticate_timeout,
            closing: CancellationToken::new(),
            authenticator,
            anonymous: admission.anonymous,
            accepted: outcome("accepted"),
            refused: outcome("refused"),
            handshakes_refused: CloseCode::ALL
                .into_iter()
                .map(|code| {
                    let label = code.code().to_string();
                    (
                        code,
                        counter!("wireloom_handshakes_refused_total", "code" => label),
                    )
                })
                .collect(),
        }
    }

    /// Whether there is someone who judges credentials.
    pub(crate) fn judges(&self) -> bool {
        self.authenticator.is_some()
    }

    /// Whether a client must show credentials.
    pub(crate) fn required(&self) -> bool {
        self.judges() && !self.anonymous
    }

    /// Counts a handshake that came to nothing.
    pub(crate) fn count_refused(&self, code: CloseCode) {
        let counter = self.handshakes_refused.iter().find(|(of, _)| *of == code);
        if let Some((_, counter)) = counter {
            counter.increment(1);
        }
    }

    /// Who bears a token.
    pub(crate) async fn identify(&self, token: &Secret, peer: &Peer) -> Result<Arc<Identity>, Denial> {
        let judged = self.judge(token, peer).await;
        let counter = if judged.is_ok() {
            &self.accepted
        } else {
            &self.refused
        };
        counter.increment(1);
        judged.map(Arc::new)
    }

    async fn judge(&self, token: &Secret, peer: &Peer) -> Result<Identity, Denial> {
        let Some(authenticator) = &self.authenticator else {
            return Err(Denial::Unauthorized);
        };
        if !self.door.may_try(peer.address) {
            tracing::debug!(
                address = peer.address.map(tracing::field::display),
                "credentials not looked at: too many were refused"
            );
            return Err(Denial::Guessing);
        }
        let asked = async {
            if token.expose().len() > MAX_TOKEN {
                return Err(Refusal::unauthorized("the token is too long"));
            }
            let identity = authenticator.authenticate(token, peer).await?;
            if identity.expired() {
                return Err(Refusal::unauthorized("the identity has expired"));
            }
            Ok(identity)
        };
        let refusal = match bounded(self.timeout, asked).await {
            Ok(identity) => return Ok(identity),
            Err(refusal) => refusal,
        };
        // Fields of type text are escaped: what a peer wrote cannot look like a line of the log.
        let (cause, origin) = (refusal.cause.as_str(), peer.origin.as_deref());
        Err(match refusal.kind {
            RefusalKind::Unavailable => {
                tracing::warn!(
                    address = peer.address.map(tracing::field::display),
                    cause,
                    "credentials cannot be checked"
                );
                Denial::Unavailable
            }
            kind => {
                tracing::info!(
                    address = peer.address.map(tracing::field::display),
                    origin,
                    cause,
                    "credentials refused"
                );
                self.door.failed(peer.address);
                match kind {
                    RefusalKind::Forbidden => Denial::Forbidden,
                    _ => Denial::Unauthorized,
                }
            }
        })
    }
}

/// An authenticator that panics, or takes too long, tells nothing.
async fn bounded(
    timeout: Duration,
    asked: impl Future<Output = Result<Identity, Refusal>>,
) -> Result<Identity, Refusal> {
    match tokio::time::timeout(timeout, AssertUnwindSafe(asked).catch_unwind()).await {
        Ok(Ok(judged)) => judged,
        // Its text is not for the log: it may hold the token.
        Ok(Err(_panic)) => Err(Refusal::unavailable("the authenticator panicked")),
        Err(_late) => Err(Refusal::unavailable("the authenticator took too long")),
    }
}
