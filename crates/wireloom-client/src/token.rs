//! Where credentials come from.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenNeed {
    /// A connection is about to be opened. A token that is still good will do.
    Connect,
    /// The server refused the one used last: another one is needed.
    Refused,
}

type Given = Pin<Box<dyn Future<Output = Result<String, Box<dyn Error + Send + Sync>>> + Send>>;

/// Gives tokens.
#[derive(Clone)]
pub(crate) enum TokenSource {
    None,
    Fixed(Arc<Mutex<String>>),
    Provider(Arc<dyn Fn(TokenNeed) -> Given + Send + Sync>),
}

impl TokenSource {
    pub(crate) fn fixed(token: String) -> Self {
        Self::Fixed(Arc::new(Mutex::new(token)))
    }

    pub(crate) fn provider<F, Fut, E>(provider: F) -> Self
    where
        F: Fn(TokenNeed) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::Provider(Arc::new(move |need| {
            let token = provider(need);
            Box::pin(async move { token.await.map_err(Into::into) })
        }))
    }

    /// Whether it may have another one than last time.
    pub(crate) fn can_renew(&self) -> bool {
        matches!(self, Self::Provider(_))
    }

    /// The token, if the program has any; else why there is none.
    pub(crate) async fn get(&self, need: TokenNeed) -> Result<Option<String>, String> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(token) => {
                let token = token.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(Some(token.clone()))
            }
            Self::Provider(provider) => match provider(need).await {
                Ok(token) => Ok(Some(token)),
                Err(cause) => Err(cause.to_string()),
            },
        }
    }

    /// Takes a fixed token's place.
    pub(crate) fn replace(&self, token: String) {
        if let Self::Fixed(kept) = self {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = token;
        }
    }
}

impl std::fmt::Debug for TokenSource {
    /// Never shows a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Fixed(_) => "Fixed",
            Self::Provider(_) => "Provider",
        })
    }
}
