//! The handshake: an axum route that says who may have a WebSocket, and hands the socket to its task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    ALLOW, CONTENT_LENGTH, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::auth::credentials;
use crate::auth::lobby::{self, Turned, Visit};
use crate::close::CloseCode;
use crate::driver::{self, Driver, Line, MAX_UNFLUSHED};
use crate::engine::{Engine, Shared};
use crate::progress::Progress;
use crate::serve::Wire;
use crate::transport::{Transport, WebSocket};

/// The subprotocol of clients that take any protocol in any version, and learn from the greeting which it is. The number is
/// the version of what stands around the payloads.
const ANY_VERSION: &str = "wireloom.v1";

/// Read buffer of what parses frames that are not taken in place: it grows for one that does not fit.
const READ_BUFFER: usize = 512;

impl<S: Send + Sync + 'static> Engine<S> {
    /// The route of the WebSocket endpoint, for [`axum::Router::route`]. Under another server than [`crate::serve`], see
    /// [`Engine::accept`] for what that has to say of each request.
    pub fn upgrade<R: Clone + Send + Sync + 'static>(&self) -> MethodRouter<R> {
        let engine = self.clone();
        any(move |request: Parts| {
            let engine = engine.clone();
            async move { engine.accept(request) }
        })
    }

    /// Whether a handshake offers the protocol's own subprotocol, `NAME.vMAJOR`.
    #[must_use]
    pub fn is_offered(&self, request: &Parts) -> bool {
        let own = self.shared.core.protocol.subprotocol.as_bytes();
        credentials::offered(&request.headers).any(|offered| offered == own)
    }

    /// Answers one handshake of RFC 6455 over HTTP/1.1, for applications that do more at it than [`Engine::upgrade`] does.
    ///
    /// A refusal is a close code, since a browser cannot see an HTTP status; only when very many are refused, it is a
    /// status. What is no handshake is answered with 400, 405 or 426. The peer's address is known by its
    /// `ConnectInfo<SocketAddr>`, which [`crate::serve`] adds; without it, nothing is limited by address. How the request
    /// came here is known by its [`crate::Arrival`], which [`crate::serve`] adds as well; without it, pages of this very
    /// host are refused where the peer's address is unknown or loopback, unless a proxy has added its headers or
    /// [`crate::Settings::origins`] lists them, and plain pages are let in although the server may speak TLS.
    #[must_use]
    pub fn accept(&self, mut request: Parts) -> Response {
        if has_body(&request.headers) {
            return StatusCode::BAD_REQUEST.into_response();
        }
        let on_upgrade = request.extensions.remove::<OnUpgrade>();
        let request = Request::from_parts(request, ());
        let mut response = match create_response_with_body(&request, Body::empty) {
            Ok(response) => response,
            Err(error) => return no_handshake(&error),
        };
        let Some(on_upgrade) = on_upgrade else {
            return (
                StatusCode::UPGRADE_REQUIRED,
                "this connection cannot be upgraded\n",
            )
                .into_response();
        };
        let (request, ()) = request.into_parts();
        let core = &self.shared.core;
        let own = [core.protocol.subprotocol.as_str(), ANY_VERSION];
        let offers = |protocol: &&str| {
            credentials::offered(&request.headers).any(|offered| offered == protocol.as_bytes())
        };
        let selected = own.into_iter().find(offers);
        let arrived = lobby::arrive(core, &request, selected.is_some());
        if let Err(Turned { code, slot: None }) = &arrived {
            return status(*code).into_response();
        }
        // A browser fails a handshake that selects none of what it offered, and would never see the close code.
        let echoed = match selected {
            Some(selected) => Some(selected.as_bytes()),
            None => credentials::offered(&request.headers).next(),
        };
        if let Some(Ok(echoed)) = echoed.map(HeaderValue::from_bytes) {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, echoed);
        }
        // A client that names a subprotocol is one that was written for this engine.
        let resumable = selected.is_some();
        let shared = Arc::clone(&self.shared);
        let tasks = core.tasks.clone();
        tokio::spawn(async move {
            let upgraded = match on_upgrade.await {
                Ok(upgraded) => upgraded,
                Err(error) => {
                    tracing::debug!("the upgrade did not happen: {error}");
                    return;
                }
            };
            let largest = shared.table.message_bytes();
            let config = WebSocketConfig::default()
                .read_buffer_size(READ_BUFFER)
                .write_buffer_size(MAX_UNFLUSHED)
                // Beyond what this task hands over come only pongs; a peer that pings and never reads ends here.
                .max_write_buffer_size(2 * MAX_UNFLUSHED + shared.core.settings.outbox_bytes)
                .max_message_size(Some(largest))
                .max_frame_size(Some(largest));
            let (wire, ahead) = Wire::of(upgraded);
            let transport = Transport::new(wire, ahead, largest);
            let socket = WebSocketStream::from_raw_socket(transport, Role::Server, Some(config)).await;
            // In a box each, since what they take together every connection would have.
            let work: Pin<Box<dyn Future<Output = ()> + Send>> = match arrived {
                Ok(visit) => Box::pin(receive(
                    shared,
                    (socket, Progress::new(largest)),
                    visit,
                    resumable,
                )),
                Err(Turned { code, slot }) => Box::pin(async move {
                    let _slot = slot;
                    driver::in_time(&shared.core, driver::close(socket, code)).await;
                }),
            };
            tasks.track_future(work).await;
        });
        response
    }
}

/// What a request is answered that is no handshake.
fn no_handshake(error: &Error) -> Response {
    let help = format!("this is a WebSocket endpoint: {error}\n");
    match error {
        Error::Protocol(ProtocolError::WrongHttpMethod) => {
            (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET")], help).into_response()
        }
        // RFC 6455, section 4.4.
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
            let versions = [(SEC_WEBSOCKET_VERSION, "13")];
            (StatusCode::UPGRADE_REQUIRED, versions, help).into_response()
        }
        _ => (StatusCode::BAD_REQUEST, help).into_response(),
    }
}

/// Lets a visitor in, once it has shown who it is.
async fn receive<S: Send + Sync + 'static>(
    shared: Arc<Shared<S>>,
    (mut socket, progress): (WebSocket, Progress),
    visit: Visit,
    resumable: bool,
) {
    // In a box: judging takes room, and is over soon.
    let admitted = Box::pin(lobby::admit(&shared, &mut socket, visit)).await;
    let core = Arc::clone(&shared.core);
    match admitted {
        Ok((guest, slot)) => {
            let line = Line {
                socket,
                slot,
                progress,
            };
            Driver::new(shared, line, guest, resumable).run().await;
        }
        Err(Some(code)) => Box::pin(driver::in_time(&core, driver::close(socket, code))).await,
        Err(None) => Box::pin(driver::in_time(&core, driver::read_out(socket))).await,
    }
}

/// Whether a handshake announces a body. It has none: what follows are frames, and a proxy that takes them for something
/// else could be made to pass on what it would refuse.
fn has_body(headers: &HeaderMap) -> bool {
    let empty = |length: &HeaderValue| length == "0";
    headers.contains_key(TRANSFER_ENCODING) || !headers.get_all(CONTENT_LENGTH).iter().all(empty)
}

/// What a refusal is in HTTP.
pub(crate) fn status(code: CloseCode) -> StatusCode {
    match code {
        CloseCode::Unauthorized => StatusCode::UNAUTHORIZED,
        CloseCode::Forbidden => StatusCode::FORBIDDEN,
        CloseCode::NoCommonVersion => StatusCode::BAD_REQUEST,
        CloseCode::RateExceeded => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
