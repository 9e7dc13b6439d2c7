//! The handshake: an axum route that says who may have a WebSocket, and hands the socket to its task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::ws::WebSocketUpgrade;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{MethodRouter, any};

use crate::close::CloseCode;
use crate::driver::{self, Driver, MAX_UNFLUSHED};
use crate::engine::Engine;
use crate::origin;

impl<S: Send + Sync + 'static> Engine<S> {
    /// The route of the WebSocket endpoint, for [`axum::Router::route`].
    pub fn upgrade<R: Clone + Send + Sync + 'static>(&self) -> MethodRouter<R> {
        let engine = self.clone();
        any(move |headers: HeaderMap, upgrade: WebSocketUpgrade| {
            let engine = engine.clone();
            async move { engine.accept(&headers, upgrade) }
        })
    }

    /// Answers one handshake, for applications that do more at it than [`Engine::upgrade`] does.
    ///
    /// A refusal is a close code, since a browser cannot see an HTTP status.
    #[must_use]
    pub fn accept(&self, headers: &HeaderMap, upgrade: WebSocketUpgrade) -> Response {
        let core = &self.shared.core;
        let settings = &core.settings;
        let offered = upgrade.requested_protocols().count() > 0;
        let mut upgrade = upgrade.protocols([core.protocol.subprotocol.clone()]);
        let refusal = if !origin::allowed(headers, &settings.origins) {
            Some(CloseCode::Forbidden)
        } else if offered && upgrade.selected_protocol().is_none() {
            Some(CloseCode::NoCommonVersion)
        } else if core.draining() {
            Some(CloseCode::ServiceRestart)
        } else if core.sockets.load(Ordering::Relaxed) >= settings.connections {
            Some(CloseCode::TryAgainLater)
        } else {
            None
        };
        if refusal.is_some() && upgrade.selected_protocol().is_none() {
            // A browser fails a handshake that selects none of what it offered, and would never see the close code.
            let echoed = upgrade
                .requested_protocols()
                .find(|offered| !offered.as_bytes().starts_with(b"bearer."))
                .cloned();
            if let Some(echoed) = echoed {
                upgrade.set_selected_protocol(echoed);
            }
        }
        // A client that names the protocol's version is one that was written for this engine.
        let resumable = upgrade.selected_protocol().is_some();
        let shared = Arc::clone(&self.shared);
        let largest = shared.table.message_bytes();
        let tasks = core.tasks.clone();
        upgrade
            .read_buffer_size(settings.read_buffer_bytes)
            .write_buffer_size(MAX_UNFLUSHED)
            // Beyond what this task hands over come only pongs; a peer that pings and never reads ends here.
            .max_write_buffer_size(2 * MAX_UNFLUSHED + settings.outbox_bytes)
            .max_message_size(largest)
            .max_frame_size(largest)
            .on_upgrade(move |socket| {
                let work: Pin<Box<dyn Future<Output = ()> + Send>> = match refusal {
                    Some(code) => Box::pin(driver::close(socket, code)),
                    None => Box::pin(Driver::new(shared, socket, resumable).run()),
                };
                tasks.track_future(work)
            })
    }
}
