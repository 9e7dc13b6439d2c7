//! The handshake: an axum route that says who may have a WebSocket, and hands the socket to its task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};

use crate::auth::credentials;
use crate::auth::lobby::{self, Turned, Visit};
use crate::close::CloseCode;
use crate::driver::{self, Driver, Line, MAX_UNFLUSHED};
use crate::engine::{Engine, Shared};
use crate::progress::{Progress, Received};

/// The subprotocol of clients that take any protocol in any version, and learn from the greeting which it is. The number is
/// the version of what stands around the payloads.
const ANY_VERSION: &str = "wireloom.v1";

impl<S: Send + Sync + 'static> Engine<S> {
    /// The route of the WebSocket endpoint, for [`axum::Router::route`].
    pub fn upgrade<R: Clone + Send + Sync + 'static>(&self) -> MethodRouter<R> {
        let engine = self.clone();
        any(move |request: Parts, upgrade: WebSocketUpgrade| {
            let engine = engine.clone();
            async move { engine.accept(&request, upgrade) }
        })
    }

    /// Answers one handshake, for applications that do more at it than [`Engine::upgrade`] does.
    ///
    /// A refusal is a close code, since a browser cannot see an HTTP status; only when very many are refused, it is a
    /// status. The peer's address is known by its `ConnectInfo<SocketAddr>`, which [`crate::serve`] adds; without it,
    /// nothing is limited by address.
    #[must_use]
    pub fn accept(&self, request: &Parts, upgrade: WebSocketUpgrade) -> Response {
        if has_body(&request.headers) {
            return StatusCode::BAD_REQUEST.into_response();
        }
        let core = &self.shared.core;
        let settings = &core.settings;
        let mut upgrade = upgrade.protocols([core.protocol.subprotocol.clone(), ANY_VERSION.to_owned()]);
        let arrived = lobby::arrive(core, request, upgrade.selected_protocol().is_some());
        if let Err(Turned { code, slot: None }) = &arrived {
            return status(*code).into_response();
        }
        if upgrade.selected_protocol().is_none() {
            // A browser fails a handshake that selects none of what it offered, and would never see the close code.
            let echoed = upgrade
                .requested_protocols()
                .find(|offered| !credentials::is_credential(offered.as_bytes()))
                .cloned();
            if let Some(echoed) = echoed {
                upgrade.set_selected_protocol(echoed);
            }
        }
        // A client that names a subprotocol is one that was written for this engine.
        let resumable = upgrade.selected_protocol().is_some();
        let shared = Arc::clone(&self.shared);
        let largest = shared.table.message_bytes();
        let tasks = core.tasks.clone();
        // Without it, bytes that never are a message are not noticed.
        let received = request.extensions.get::<Received>().cloned().unwrap_or_default();
        let progress = Progress::new(received, largest, settings.read_buffer_bytes);
        upgrade
            .read_buffer_size(settings.read_buffer_bytes)
            .write_buffer_size(MAX_UNFLUSHED)
            // Beyond what this task hands over come only pongs; a peer that pings and never reads ends here.
            .max_write_buffer_size(2 * MAX_UNFLUSHED + settings.outbox_bytes)
            .max_message_size(largest)
            .max_frame_size(largest)
            .on_upgrade(move |socket| {
                // In a box each, since what they take together every connection would have.
                let work: Pin<Box<dyn Future<Output = ()> + Send>> = match arrived {
                    Ok(visit) => Box::pin(receive(shared, (socket, progress), visit, resumable)),
                    Err(Turned { code, slot }) => Box::pin(async move {
                        let _slot = slot;
                        driver::in_time(&shared.core, driver::close(socket, code)).await;
                    }),
                };
                tasks.track_future(work)
            })
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
