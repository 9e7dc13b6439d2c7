//! Opens one connection: credentials, TCP, TLS, handshake.

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::{
    AUTHORIZATION, InvalidHeaderValue, SEC_WEBSOCKET_PROTOCOL,
};
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use crate::error::{ConnectError, Lost};
use crate::token::{TokenNeed, TokenSource};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Where to connect to, and what to say there.
pub(crate) struct Target {
    pub(crate) uri: Uri,
    pub(crate) subprotocol: Option<HeaderValue>,
    pub(crate) tokens: TokenSource,
    pub(crate) message_bytes: usize,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl Target {
    /// Reads the address of a server.
    pub(crate) fn parse(url: &str) -> Result<Uri, ConnectError> {
        let wrong = |why: String| ConnectError::Url {
            url: url.to_owned(),
            why,
        };
        let uri: Uri = url.parse().map_err(|cause| wrong(format!("{cause}")))?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") if cfg!(feature = "tls") => {}
            Some("wss") => return Err(wrong("this program was built without TLS".to_owned())),
            _ => return Err(wrong("it begins with neither ws:// nor wss://".to_owned())),
        }
        if uri.host().unwrap_or_default().trim_matches(['[', ']']).is_empty() {
            return Err(wrong("the host is missing".to_owned()));
        }
        Ok(uri)
    }

    /// Opens a connection.
    pub(crate) async fn open(&self, need: TokenNeed) -> Result<Socket, Lost> {
        let unreachable = |cause: tungstenite::Error| Lost::Unreachable(cause.to_string());
        let mut request = self.uri.clone().into_client_request().map_err(unreachable)?;
        if let Some(token) = self.tokens.get(need).await.map_err(Lost::Token)? {
            let value =
                bearer(&token).map_err(|_| Lost::Token("the token cannot stand in a header".to_owned()))?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        if let Some(subprotocol) = &self.subprotocol {
            request
                .headers_mut()
                .insert(SEC_WEBSOCKET_PROTOCOL, subprotocol.clone());
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(self.message_bytes))
            .max_frame_size(Some(self.message_bytes));
        // Messages are small, and someone waits for each.
        let disable_nagle = true;
        let connector = self.connector()?;
        match connect_async_tls_with_config(request, Some(config), disable_nagle, connector).await {
            Ok((socket, _response)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(Lost::Http(response.status().as_u16())),
            Err(cause) => Err(unreachable(cause)),
        }
    }

    #[cfg(feature = "tls")]
    fn connector(&self) -> Result<Option<Connector>, Lost> {
        if self.uri.scheme_str() != Some("wss") {
            return Ok(Some(Connector::Plain));
        }
        let config = match &self.tls {
            Some(config) => std::sync::Arc::clone(config),
            None => crate::tls::config().map_err(|cause| Lost::Unreachable(cause.to_string()))?,
        };
        Ok(Some(Connector::Rustls(config)))
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
    fn connector(&self) -> Result<Option<Connector>, Lost> {
        Ok(Some(Connector::Plain))
    }
}

/// The value of an `Authorization` header.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}
