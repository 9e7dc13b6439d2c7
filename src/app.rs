//! Puts the server together: engine, routes and metrics. What the program serves and tests mount.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header::WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use wireloom::{Authenticator, Engine, Settings, Store, on, stream};

use crate::agent::AgentService;
use crate::{api, handlers, pages, protocol};

/// Upper bounds of the latency histogram, in seconds.
const LATENCY_BUCKETS: [f64; 12] = [
    0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0,
];

/// Upper bounds of the outbox histogram, in bytes.
const OUTBOX_BUCKETS: [f64; 7] = [0.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0];

/// A server that is put together but listens nowhere yet.
#[derive(Clone)]
pub struct App {
    /// The protocol at work.
    pub engine: Engine<AgentService>,
    /// Every route of the server.
    pub router: Router,
    metrics: PrometheusHandle,
}

/// Puts a server together that lets everyone in; `adjust` changes the protocol's settings.
///
/// ```
/// # tokio_test(async {
/// use wireloom_server::agent::{AgentService, AgentSettings};
/// use wireloom_server::app::app;
///
/// let app = app(AgentService::new(AgentSettings::default())?, |settings| settings.rate = None);
/// let answers = app.engine.call(r#"{"type":"ping"}"#).await;
/// assert!(answers[0].starts_with(r#"{"type":"pong","payload":{}"#));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # });
/// # fn tokio_test(test: impl Future<Output = Result<(), Box<dyn std::error::Error>>>) {
/// #     tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test).unwrap();
/// # }
/// ```
#[must_use]
pub fn app(agents: AgentService, adjust: impl FnOnce(&mut Settings)) -> App {
    app_for(agents, None, None, adjust)
}

/// Puts a server together that lets those in whom `authenticator` accepts, if there is one, and whose sessions outlive
/// it, if there is a store. With one, a Tokio runtime is needed.
#[must_use]
pub fn app_for(
    agents: AgentService,
    authenticator: Option<Arc<dyn Authenticator>>,
    store: Option<Store>,
    adjust: impl FnOnce(&mut Settings),
) -> App {
    let recorder = recorder();
    let metrics = recorder.handle();
    // The engine takes its handles while it is built; no global recorder, so that apps stand side by side in tests.
    let engine = metrics::with_local_recorder(&recorder, || engine(agents, authenticator, store, adjust));
    let guarded = from_fn_with_state(engine.clone(), guard);
    let router = Router::new()
        .route(&engine.protocol().connection.path.clone(), engine.upgrade())
        .route(
            "/api/sessions",
            get(api::sessions)
                .with_state(engine.clone())
                .route_layer(guarded.clone()),
        )
        .nest("/api", api::routes())
        .merge(pages::routes())
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready).with_state(engine.clone()))
        .route(
            "/metrics",
            get(render).with_state(metrics.clone()).route_layer(guarded),
        );
    App {
        engine,
        router,
        metrics,
    }
}

/// The protocol and its handlers.
fn engine(
    agents: AgentService,
    authenticator: Option<Arc<dyn Authenticator>>,
    store: Option<Store>,
    adjust: impl FnOnce(&mut Settings),
) -> Engine<AgentService> {
    let mut builder = protocol::Handlers {
        agent_start: on(handlers::start),
        agent_message: stream(handlers::message),
        agent_cancel: on(handlers::cancel),
    }
    .builder(agents)
    .on_disconnect(handlers::disconnected)
    .settings(adjust);
    if let Some(authenticator) = authenticator {
        builder = builder.authenticator(authenticator);
    }
    if let Some(store) = store {
        builder = builder.store(store);
    }
    builder.build()
}

#[expect(
    clippy::expect_used,
    reason = "fails for an empty list of bounds only, and the lists above are not"
)]
fn recorder() -> metrics_exporter_prometheus::PrometheusRecorder {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &OUTBOX_BUCKETS)
        })
        .expect("bounds are given")
        .build_recorder()
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

impl App {
    /// The same with a page at `/explorer`, where whoever reaches it reads the protocol and tries it.
    #[must_use]
    pub fn with_explorer(mut self) -> Self {
        self.router = self.router.merge(self.engine.explorer());
        self
    }

    /// Folds what was measured into the histograms. To be called every few seconds: measurements wait in memory
    /// until then.
    pub fn run_metrics_upkeep(&self) {
        self.metrics.run_upkeep();
    }
}

/// Lets those through whom the WebSocket would let in.
async fn guard(State(engine): State<Engine<AgentService>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match engine.identify(&parts).await {
        Ok(_anyone) => next.run(Request::from_parts(parts, body)).await,
        Err(status) => (status, [(WWW_AUTHENTICATE, "Bearer")]).into_response(),
    }
}

async fn ready(State(engine): State<Engine<AgentService>>) -> (StatusCode, &'static str) {
    if engine.ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
    }
}

async fn render(State(metrics): State<PrometheusHandle>) -> ([(&'static str, &'static str); 1], String) {
    (
        [("content-type", "text/plain; version=0.0.4; charset=utf-8")],
        metrics.render(),
    )
}
