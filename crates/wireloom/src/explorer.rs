//! A page that shows the protocol, and lets people try it: files that are compiled in, and the protocol as JSON.
//!
//! The page is compiled from `web/explorer` of the repository; it talks to the engine's endpoint as any client does.

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::routing::{MethodRouter, get};

use crate::engine::Engine;

/// Nothing but the page's own files, no script in markup, in no frame of another page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

type Headers = [(HeaderName, &'static str); 5];

fn headers(content_type: &'static str) -> Headers {
    [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // The files change with the program, and their names do not.
        (CACHE_CONTROL, "no-cache"),
    ]
}

impl<S: Send + Sync + 'static> Engine<S> {
    /// The explorer, at `/explorer`: documentation of the protocol, a form for each message of a client, and a log of what
    /// travels. To be merged into a router that serves the endpoint at the path that the protocol names.
    ///
    /// Whoever reaches it can read the protocol. What it sends goes through the engine's checks like anything else.
    ///
    /// ```
    /// # fn mount(engine: wireloom::Engine<()>) -> axum::Router {
    /// axum::Router::new()
    ///     .route(&engine.protocol().connection.path.clone(), engine.upgrade())
    ///     .merge(engine.explorer())
    /// # }
    /// ```
    pub fn explorer<R: Clone + Send + Sync + 'static>(&self) -> Router<R> {
        let description = serde_json::to_string(self.protocol()).unwrap_or_default();
        let protocol = get(move || {
            let description = description.clone();
            async move { (headers("application/json"), description) }
        });
        Router::new()
            .route(
                "/explorer",
                file("text/html; charset=utf-8", include_str!("../explorer/index.html")),
            )
            .route(
                "/explorer/explorer.js",
                file(
                    "text/javascript; charset=utf-8",
                    include_str!("../explorer/explorer.js"),
                ),
            )
            .route(
                "/explorer/explorer.css",
                file(
                    "text/css; charset=utf-8",
                    include_str!("../explorer/explorer.css"),
                ),
            )
            .route(
                "/explorer/icon.svg",
                file("image/svg+xml", include_str!("../explorer/icon.svg")),
            )
            .route("/explorer/protocol.json", protocol)
    }
}

fn file<R: Clone + Send + Sync + 'static>(content_type: &'static str, text: &'static str) -> MethodRouter<R> {
    get(move || async move { (headers(content_type), text) })
}
