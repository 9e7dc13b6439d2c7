//! What a program says before it connects.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use tokio::runtime;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use wireloom::Protocol;

use crate::client::Client;
use crate::connect::Target;
use crate::core::{Core, Limit, Start};
use crate::driver;
use crate::error::ConnectError;
use crate::raw::Raw;
use crate::settings::Settings;
use crate::shared::{Handle, Shared};
use crate::token::{TokenNeed, TokenSource};
use crate::tolerance::Tolerance;

/// Makes a [`Client`]; begun by [`Client::builder`].
///
/// ```no_run
/// # mod protocol { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated/protocol.rs")); }
/// # async fn example() -> Result<(), wireloom_client::ConnectError> {
/// use wireloom_client::Client;
///
/// let client = Client::builder("wss://example.org/ws")
///     .protocol(protocol::PROTOCOL)
///     .token("secret")
///     .settings(|settings| settings.queue_messages = 100)
///     .connect()
///     .await?;
/// # drop(client);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder connects nowhere until it is asked to"]
pub struct Builder {
    url: String,
    protocol: Option<String>,
    subprotocol: Option<String>,
    tokens: TokenSource,
    settings: Settings,
    #[cfg(feature = "tls")]
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Builder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            protocol: None,
            subprotocol: None,
            tokens: TokenSource::None,
            settings: Settings::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The protocol, as generated code has it in `PROTOCOL`. Its subprotocol is offered to the server, which is what makes
    /// sessions resumable, and fields of newer servers are tolerated.
    pub fn protocol(mut self, description: impl Into<String>) -> Self {
        self.protocol = Some(description.into());
        self
    }

    /// The subprotocol to offer, for example `agent.v1`, if it is not the protocol's.
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.subprotocol = Some(name.into());
        self
    }

    /// A bearer token for the `Authorization` header.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.tokens = TokenSource::fixed(token.into());
        self
    }

    /// Asks for a bearer token before each connection.
    ///
    /// ```no_run
    /// use wireloom_client::{Client, TokenNeed};
    ///
    /// let builder = Client::builder("wss://example.org/ws").token_provider(|need| async move {
    ///     match need {
    ///         TokenNeed::Refused => Ok("a new one"),
    ///         _ => Err("nobody is logged in"),
    ///     }
    ///     .map(str::to_owned)
    /// });
    /// # drop(builder);
    /// ```
    pub fn token_provider<F, Fut, E>(mut self, provider: F) -> Self
    where
        F: Fn(TokenNeed) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.tokens = TokenSource::provider(provider);
        self
    }

    /// Changes bounds and deadlines.
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// How `wss://` is trusted, instead of the roots of the system and of Mozilla.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Connects. Fails when the first connection does; from then on the client connects again by itself.
    ///
    /// # Errors
    ///
    /// If there is no connection; see [`ConnectError`].
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let url = self.url.clone();
        let client = self.build(true)?;
        match client.connected().await {
            Ok(()) => Ok(client),
            Err(ended) => Err(ConnectError::Failed { url, ended }),
        }
    }

    /// Connects in the background, as often as it takes. What is sent meanwhile waits in the queue.
    ///
    /// # Errors
    ///
    /// If what the builder was told makes no sense, or there is no tokio runtime.
    pub fn start(self) -> Result<Client, ConnectError> {
        self.build(false)
    }

    fn build(self, once: bool) -> Result<Client, ConnectError> {
        let runtime = runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let protocol = self.protocol.as_deref().map(Protocol::from_json).transpose();
        let protocol = protocol.map_err(|cause| ConnectError::Protocol(cause.to_string()))?;
        let subprotocol = self
            .subprotocol
            .or_else(|| protocol.as_ref().map(|protocol| protocol.subprotocol.clone()));
        let subprotocol = subprotocol.map(HeaderValue::try_from).transpose();
        let subprotocol = subprotocol.map_err(|_| ConnectError::Subprotocol)?;
        if let TokenSource::Fixed(token) = &self.tokens {
            let token = token.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            crate::connect::bearer(&token).map_err(|_| ConnectError::Token)?;
        }
        let target = Target {
            uri: Target::parse(&self.url)?,
            subprotocol,
            tokens: self.tokens.clone(),
            message_bytes: self.settings.message_bytes,
            #[cfg(feature = "tls")]
            tls: self.tls,
        };
        let limits = protocol.as_ref().map(size_limits).unwrap_or_default();
        let limit: Limit = Arc::new(move |kind| limits.get(kind).copied());
        let settings = Arc::new(self.settings);
        let start = Start {
            settings: Settings::clone(&settings),
            can_renew: self.tokens.can_renew(),
            once,
            limit,
            seed: fastrand::u64(..),
        };
        let (core, state) = Core::new(start, Instant::now());
        let tolerance = protocol.map(|protocol| Arc::new(Tolerance::new(protocol)));
        let shared = Arc::new(Shared::new(core, tolerance));
        runtime.spawn(driver::run(target, Arc::clone(&shared)));
        let handle = Arc::new(Handle { shared });
        Ok(Client::new(Raw { handle, settings }, state, self.tokens))
    }
}

/// Types that have a size limit of their own.
fn size_limits(protocol: &Protocol) -> std::collections::HashMap<String, usize> {
    let messages = protocol.messages.iter();
    messages
        .filter_map(|(kind, message)| Some((kind.clone(), message.limits.message_bytes?)))
        .collect()
}
