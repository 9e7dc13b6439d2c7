//! The routes under `/api`: who is at work, and everything that is generated from the protocol.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use rust_embed::RustEmbed;
use serde_json::{Value, json};
use wireloom::Engine;

use crate::agent::AgentService;

#[derive(RustEmbed)]
#[folder = "schemas/"]
struct Schemas;

#[derive(RustEmbed)]
#[folder = "generated/"]
#[exclude = "*.rs"]
struct Generated;

/// The file itself.
const SPEC: &str = include_str!("../protocol.yaml");

const ROUTES: [&str; 7] = [
    "/api/sessions",
    "/api/protocol",
    "/api/schemas",
    "/api/schemas/{name}",
    "/api/spec",
    "/api/protocol.d.ts",
    "/api/asyncapi.yaml",
];

/// All but the list of sessions, which not everyone may see.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/", get(async || Json(json!({ "routes": ROUTES }))))
        .route(
            "/protocol",
            get(async || file::<Schemas>("protocol.json", "application/json")),
        )
        .route("/schemas", get(schemas))
        .route("/schemas/{name}", get(schema))
        .route(
            "/spec",
            get(async || ([("content-type", "application/yaml; charset=utf-8")], SPEC)),
        )
        .route(
            "/protocol.d.ts",
            get(async || file::<Generated>("protocol.d.ts", "text/plain; charset=utf-8")),
        )
        .route(
            "/asyncapi.yaml",
            get(async || file::<Generated>("asyncapi.yaml", "application/yaml; charset=utf-8")),
        )
        .fallback(async || not_found("no such route", "GET /api lists the routes"))
}

pub(crate) async fn sessions(State(engine): State<Engine<AgentService>>) -> Json<Value> {
    Json(json!({ "connections": engine.connections(), "sessions": engine.state().sessions() }))
}

async fn schemas() -> Json<Value> {
    let names: Vec<String> = Schemas::iter()
        .map(|name| format!("/api/schemas/{name}"))
        .collect();
    Json(json!({ "schemas": names }))
}

async fn schema(Path(name): Path<String>) -> Response {
    match Schemas::get(&name) {
        Some(_) => file::<Schemas>(&name, "application/schema+json"),
        None => not_found("no such schema", "GET /api/schemas lists them"),
    }
}

fn file<F: RustEmbed>(name: &str, content_type: &'static str) -> Response {
    match F::get(name) {
        Some(file) => ([("content-type", content_type)], file.data).into_response(),
        None => not_found("no such file", "the build writes it; build again"),
    }
}

fn not_found(error: &str, help: &str) -> Response {
    (
        StatusCode::NOT_FOUND,
        Json(json!({ "error": error, "help": help })),
    )
        .into_response()
}
