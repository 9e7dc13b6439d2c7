//! The pages that people use, with what they load. Compiled into the program; `node web/build.mjs` makes their scripts.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "web/"]
#[exclude = "*.ts"]
#[exclude = "*.mjs"]
#[exclude = "*.json"]
struct Web;

/// A page loads what this server has, and talks to it; nothing else, and nobody shows it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The chat at `/`, and everything that pages load below `/assets`.
pub(crate) fn routes() -> Router {
    Router::new()
        .route(
            "/",
            get(async |headers: HeaderMap| file("chat/index.html", &headers)),
        )
        .route(
            "/assets/{*path}",
            get(async |Path(path): Path<String>, headers: HeaderMap| file(&path, &headers)),
        )
}

/// A file with its type. Browsers ask each time whether it has changed, and load it again only then.
fn file(path: &str, headers: &HeaderMap) -> Response {
    let (Some(file), Some(content_type)) = (Web::get(path), content_type(path)) else {
        return (StatusCode::NOT_FOUND, "no such page\n").into_response();
    };
    let hash = file.metadata.sha256_hash();
    let tag: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let common = [
        (ETAG, tag.clone()),
        (CACHE_CONTROL, "no-cache".to_owned()),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|known| {
        let known = known.to_str().unwrap_or_default();
        known
            .split(',')
            .any(|known| known.trim().trim_start_matches("W/") == tag)
    });
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = [
        (CONTENT_TYPE, content_type),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (common, kind, file.data).into_response()
}

/// The type of a file that pages load, by the end of its name.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    })
}
