//! Two major versions of one protocol, served side by side until the clients of the old one are gone.

use axum::Router;
use axum::http::request::Parts;
use axum::routing::any;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use wireloom::{Engine, ServeOptions, serve};

use crate::support::{Client, Shared, error, protocol, registry_of};

fn engine(version: &str, hash: &str, only_here: &str) -> Engine<Shared> {
    let mut protocol = protocol();
    protocol.info.version = version.to_owned();
    protocol.subprotocol = format!("test.v{}", version.split('.').next().unwrap());
    protocol.hash = hash.to_owned();
    let message = protocol.messages.get("whole").unwrap().clone();
    protocol.messages.insert(only_here.to_owned(), message);
    let version = json!(version);
    registry_of(protocol, &Shared::default())
        .on(only_here, move |_cx, _payload| {
            let version = version.clone();
            async move { Ok(json!({ "version": version })) }
        })
        .build()
        .unwrap()
}

/// Connects with these subprotocols; the one that was selected, the client, and its greeting.
async fn connect(url: &str, offers: &str) -> (String, Client, Value) {
    let mut request = url.into_client_request().unwrap();
    let offers = HeaderValue::from_str(offers).unwrap();
    request.headers_mut().insert("sec-websocket-protocol", offers);
    let (socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
    let selected = response.headers()["sec-websocket-protocol"]
        .to_str()
        .unwrap()
        .to_owned();
    let mut client = Client { socket };
    let greeting = client.next().await;
    assert_eq!(greeting["type"], "connection:established", "{greeting}");
    (selected, client, greeting["payload"]["protocol"].clone())
}

#[tokio::test]
async fn two_majors_at_one_address_serve_each_client_its_own() {
    let old = engine("1.4.0", "1111", "only:old");
    let new = engine("2.0.0", "2222", "only:new");
    let (at_old, at_new) = (old.clone(), new.clone());
    let by_subprotocol = any(move |request: Parts| {
        let (old, new) = (at_old.clone(), at_new.clone());
        async move {
            let engine = if old.is_offered(&request) { old } else { new };
            engine.accept(request)
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    let router = Router::new().route("/ws", by_subprotocol);
    tokio::spawn(serve(
        listener,
        router,
        ServeOptions::default(),
        std::future::pending(),
    ));

    let (selected, mut first, greeting) = connect(&url, "test.v1").await;
    assert_eq!(
        (selected.as_str(), &greeting["version"], &greeting["hash"]),
        ("test.v1", &json!("1.4.0"), &json!("1111"))
    );
    let (selected, mut second, greeting) = connect(&url, "test.v2").await;
    assert_eq!(
        (selected.as_str(), &greeting["version"], &greeting["hash"]),
        ("test.v2", &json!("2.0.0"), &json!("2222"))
    );
    // Who takes any version gets the current one.
    let (selected, _third, greeting) = connect(&url, "wireloom.v1").await;
    assert_eq!(
        (selected.as_str(), &greeting["version"]),
        ("wireloom.v1", &json!("2.0.0"))
    );

    let answer = first.ask("only:old", json!({}), "a").await;
    assert_eq!(answer["payload"]["version"], "1.4.0", "{answer}");
    let answer = second.ask("only:new", json!({}), "a").await;
    assert_eq!(answer["payload"]["version"], "2.0.0", "{answer}");
    error(
        &first.ask("only:new", json!({}), "b").await,
        "unknown_type",
        Some("b"),
    );
    error(
        &second.ask("only:old", json!({}), "b").await,
        "unknown_type",
        Some("b"),
    );
    assert_eq!((old.connections(), new.connections()), (1, 2));
}
