//! `wss://` with a certificate of our own.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_tungstenite::tungstenite::Message;
use wireloom_client::{Client, ConnectError, State};

use crate::support::soon;

#[tokio::test]
async fn tls_is_spoken_with_who_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = || Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a configuration");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!(
        "wss://localhost:{}/ws",
        listener.local_addr().expect("an address").port()
    );
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(server));
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
                continue;
            };
            let greeting =
                json!({ "type": "connection:established", "payload": { "clientId": "tls" }, "timestamp": 1 });
            socket.send(Message::text(greeting.to_string())).await.ok();
            while let Some(Ok(_)) = socket.next().await {}
        }
    });

    let stranger = soon(Client::builder(&url).connect()).await;
    assert!(
        matches!(stranger, Err(ConnectError::Failed { .. })),
        "{stranger:?}"
    );

    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = soon(Client::builder(&url).tls(Arc::new(config)).connect()).await;
    let client = client.expect("a connection");
    assert_eq!(
        *client.state().borrow(),
        State::Connected {
            client_id: Some("tls".to_owned())
        }
    );
}
