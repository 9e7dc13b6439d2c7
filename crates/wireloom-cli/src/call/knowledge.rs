//! Where a call learns the protocol: from a file, or from the server itself.

use std::fs;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use wireloom::Protocol;

use super::endpoint::Endpoint;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::source;

/// Where a server tells its protocol.
const PATH: &str = "/api/protocol";

/// Longest time for a server to tell its protocol.
const PATIENCE: Duration = Duration::from_secs(2);

/// Largest description that is read, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Reads `protocol.yaml`, or the `protocol.json` that was made of it.
pub(super) fn from_file(path: &Path, out: &mut Output) -> Result<Protocol, Failure> {
    let text = if path.extension().is_some_and(|extension| extension == "json") {
        fs::read_to_string(path).map_err(|cause| source::unreadable(path, &cause))?
    } else {
        let source = source::read(path)?;
        let Some(model) = &source.checked.model else {
            source::report(&source, out);
            let message = format!("{} has errors", path.display());
            return Err(Failure::new(Exit::Usage, message));
        };
        wireloom_codegen::emit::protocol_json(model, &path.to_string_lossy())
    };
    Protocol::from_json(&text).map_err(|cause| {
        let message = format!("{} is no description of a protocol: {cause}", path.display());
        Failure::new(Exit::Usage, message)
    })
}

/// Asks a server. `None` if it does not tell, for whatever reason: the call goes on without.
pub(super) async fn from_server(endpoint: &Endpoint, token: Option<&str>) -> Option<Protocol> {
    let text = tokio::time::timeout(PATIENCE, fetch(endpoint, token))
        .await
        .ok()??;
    Protocol::from_json(&text).ok()
}

async fn fetch(endpoint: &Endpoint, token: Option<&str>) -> Option<String> {
    let socket = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .ok()?;
    if !endpoint.tls {
        return ask(socket, endpoint, token).await;
    }
    let name = ServerName::try_from(endpoint.host.clone()).ok()?;
    let connector = TlsConnector::from(wireloom_client::tls::config().ok()?);
    ask(connector.connect(name, socket).await.ok()?, endpoint, token).await
}

async fn ask<S>(socket: S, endpoint: &Endpoint, token: Option<&str>) -> Option<String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.ok()?;
    // It ends with the sender, at the end of this function.
    let connection = tokio::spawn(connection);
    let authority = endpoint.uri.authority()?.as_str();
    // Credentials in an address are for the server's eyes only, in a header of their own.
    let host = authority.rsplit('@').next()?;
    let mut request = hyper::Request::get(PATH)
        .header(HOST, host)
        .header(ACCEPT, "application/json");
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = sender
        .send_request(request.body(Empty::<Bytes>::new()).ok()?)
        .await
        .ok()?;
    if !response.status().is_success() {
        return None;
    }
    let body = Limited::new(response.into_body(), MAX_BYTES)
        .collect()
        .await
        .ok()?;
    connection.abort();
    String::from_utf8(body.to_bytes().into()).ok()
}
