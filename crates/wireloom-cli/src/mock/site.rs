//! What a mock serves over HTTP: the endpoint, and the protocol. Changes as a whole when the protocol does.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};
use tower_service::Service;
use wireloom::{CloseCode, Engine};

use super::engine::Mock;

/// How long clients of an old protocol may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// One protocol at work.
pub(super) struct Edition {
    pub(super) engine: Engine<Mock>,
    /// The protocol as JSON, as `/api/protocol` tells it.
    pub(super) description: String,
    /// The explorer, where it is served.
    pub(super) explorer: Option<Router>,
}

/// The protocol at work now.
#[derive(Clone)]
pub(super) struct Site(Arc<RwLock<Arc<Edition>>>);

impl Site {
    pub(super) fn new(edition: Edition) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(edition))))
    }

    pub(super) fn current(&self) -> Arc<Edition> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes on with another protocol. Whoever is connected is told that the server restarts, and connects again.
    pub(super) fn replace(&self, edition: Edition) {
        let old = std::mem::replace(
            &mut *self.0.write().unwrap_or_else(PoisonError::into_inner),
            Arc::new(edition),
        );
        for client in old.engine.clients() {
            if let Some(client) = old.engine.client(&client) {
                client.close(CloseCode::ServiceRestart);
            }
        }
        // Ends the sessions, too: they are of a protocol that is no more.
        tokio::spawn(async move { old.engine.shutdown(FAREWELL).await });
    }

    pub(super) fn router(&self) -> Router {
        Router::new().fallback(dispatch).with_state(self.clone())
    }
}

/// Answers one request. No routes: where the endpoint is may change, and may be where something else would be.
async fn dispatch(State(site): State<Site>, request: Request) -> Response {
    let edition = site.current();
    let path = request.uri().path();
    if path == edition.engine.protocol().connection.path {
        let (request, _body) = request.into_parts();
        return edition.engine.accept(request);
    }
    match path {
        "/api/protocol" => {
            ([(CONTENT_TYPE, "application/json")], edition.description.clone()).into_response()
        }
        "/healthz" => "ok\n".into_response(),
        "/" if edition.explorer.is_some() => Redirect::temporary("/explorer").into_response(),
        _ if path.starts_with("/explorer")
            && let Some(mut explorer) = edition.explorer.clone() =>
        {
            let Ok(response) = explorer.call(request).await;
            response
        }
        _ => {
            let path = &edition.engine.protocol().connection.path;
            let help = format!("a mock of wireloom: its endpoint is {path}, its protocol /api/protocol\n");
            (StatusCode::NOT_FOUND, help).into_response()
        }
    }
}
