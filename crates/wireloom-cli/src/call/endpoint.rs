//! The address of a server.

use std::fmt;

use hyper::Uri;

/// A `ws://` or `wss://` address.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// The whole.
    pub(crate) uri: Uri,
    /// Name or address of the host; an IPv6 address without brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// Whether TLS is spoken there.
    pub(crate) tls: bool,
}

impl Endpoint {
    /// Reads an address; the error is for people.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let tls = match scheme {
            "ws" => false,
            "wss" => true,
            other => {
                let meant = if other == "https" { "wss" } else { "ws" };
                return Err(format!(
                    "an address begins with ws:// or wss://, as in {meant}://{rest}"
                ));
            }
        };
        let uri: Uri = text.parse().map_err(|cause| format!("{cause}"))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err("the host is missing".to_owned());
        }
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { uri, host, port, tls })
    }

    /// What to do where the server answers with a status instead of opening a WebSocket.
    pub(crate) fn help(&self, status: u16) -> Option<String> {
        let help = match status {
            401 | 403 => "give a valid --token".to_owned(),
            429 | 503 => "try again in a while".to_owned(),
            _ if self.uri.path() == "/" => {
                let whole = self.to_string();
                format!(
                    "the address has no path; most servers listen at /ws: {}/ws",
                    whole.trim_end_matches('/')
                )
            }
            200 | 404 | 405 => format!(
                "look at the path: the protocol says under `connection` which it is, and `{}` is not it here",
                self.uri.path()
            ),
            _ => return None,
        };
        Some(help)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}
