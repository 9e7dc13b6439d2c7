//! Where a server is, and how a connection to it is opened.

use std::fmt;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Largest message of a server that is read, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// The least that an answer may take while a finding is made smaller.
const HASTE: Duration = Duration::from_millis(200);

/// A server, and how to talk to it.
#[derive(Clone)]
pub struct Target {
    request: Request<()>,
    subprotocol: HeaderValue,
    connector: Option<Connector>,
    timeout: Duration,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its headers may hold a token.
        f.debug_struct("Target")
            .field("uri", self.request.uri())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Why a server cannot be talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetError {
    /// The address is none.
    Url(String),
    /// The token cannot stand in a header.
    Token,
    /// The subprotocol cannot stand in a header.
    Subprotocol,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => write!(f, "the address is none: {why}"),
            Self::Token => f.write_str("the token cannot stand in a header"),
            Self::Subprotocol => f.write_str("the subprotocol cannot stand in a header"),
        }
    }
}

impl std::error::Error for TargetError {}

/// Why no connection was opened.
#[derive(Debug)]
pub(super) enum Unopened {
    /// Nobody listens, or says nothing.
    Unreachable(String),
    /// The server answered with an HTTP status.
    Http(u16),
}

impl Target {
    /// A server by its address, `ws://` or `wss://`; `subprotocol` is what clients offer, for example `agent.v1`.
    ///
    /// An answer may take `timeout`: what comes later has not come.
    ///
    /// # Errors
    ///
    /// If the address is none, or the subprotocol cannot stand in a header.
    pub fn new(url: &str, subprotocol: &str, timeout: Duration) -> Result<Self, TargetError> {
        let request = url.into_client_request();
        Ok(Self {
            request: request.map_err(|cause| TargetError::Url(cause.to_string()))?,
            subprotocol: HeaderValue::try_from(subprotocol).map_err(|_| TargetError::Subprotocol)?,
            connector: None,
            timeout,
        })
    }

    /// Shows a bearer token at each connection.
    ///
    /// # Errors
    ///
    /// If it cannot stand in a header.
    pub fn token(mut self, token: &str) -> Result<Self, TargetError> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| TargetError::Token)?;
        value.set_sensitive(true);
        self.request.headers_mut().insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// Opens connections with this, for TLS with roots of your own.
    #[must_use]
    pub fn connector(mut self, connector: Connector) -> Self {
        self.connector = Some(connector);
        self
    }

    /// How long an answer may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The same with less patience.
    pub(super) fn hasty(&self) -> Self {
        Self {
            timeout: (self.timeout / 5).max(HASTE).min(self.timeout),
            ..self.clone()
        }
    }

    /// Opens a connection. Whether the server took the subprotocol.
    pub(super) async fn open(&self, subprotocol: bool) -> Result<(Socket, bool), Unopened> {
        let mut request = self.request.clone();
        if subprotocol {
            let headers = request.headers_mut();
            headers.insert(SEC_WEBSOCKET_PROTOCOL, self.subprotocol.clone());
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let disable_nagle = true;
        let opening =
            connect_async_tls_with_config(request, Some(config), disable_nagle, self.connector.clone());
        match timeout(self.timeout, Box::pin(opening)).await {
            Ok(Ok((socket, response))) => {
                let taken = response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL);
                Ok((socket, taken))
            }
            // One that knows no subprotocols is served without: it has no sessions.
            Ok(Err(tungstenite::Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_))))
                if subprotocol =>
            {
                Box::pin(self.open(false)).await
            }
            Ok(Err(tungstenite::Error::Http(response))) => Err(Unopened::Http(response.status().as_u16())),
            Ok(Err(cause)) => Err(Unopened::Unreachable(cause.to_string())),
            Err(_) => Err(Unopened::Unreachable(format!(
                "no answer within {:?}",
                self.timeout
            ))),
        }
    }
}
