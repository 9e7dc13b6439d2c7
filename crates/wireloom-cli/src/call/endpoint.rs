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
        let uri: Uri = text.parse().map_err(|cause| format!("{cause}"))?;
        let tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err("an endpoint begins with ws:// or wss://".to_owned()),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err("the host is missing".to_owned());
        }
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { uri, host, port, tls })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}
