//! TLS, with certificates that each test makes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wireloom::{ServeOptions, Tls};

use crate::support::{ALICE, Client, PATIENCE, Server, registry, tokens};

struct Place {
    _dir: TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            certificate: dir.path().join("cert.pem"),
            key: dir.path().join("key.pem"),
            _dir: dir,
        }
    }

    /// Puts a new certificate there, and returns who believes in it and in nothing else.
    fn renew(&self) -> TlsConnector {
        let made = rcgen::generate_simple_self_signed(["server.example".to_owned()]).unwrap();
        fs::write(&self.certificate, made.cert.pem()).unwrap();
        fs::write(&self.key, made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A session that is resumed shows no certificate.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

async fn server(tls: &Tls) -> Server {
    let engine = registry().authenticator(tokens()).build().unwrap();
    let options = ServeOptions {
        tls: Some(tls.clone()),
        tls_timeout: Duration::from_millis(400),
        ..ServeOptions::default()
    };
    Server::of(engine, options).await
}

async fn tls_stream(server: &Server, connector: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(server.address).await?;
    connector
        .connect(ServerName::try_from("server.example").unwrap(), socket)
        .await
}

async fn connect(server: &Server, connector: &TlsConnector, origin: &str) -> Client<TlsStream<TcpStream>> {
    let stream = tls_stream(server, connector).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut request = "wss://server.example/ws".into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("authorization", format!("Bearer {ALICE}").parse().unwrap());
    headers.insert("origin", origin.parse().unwrap());
    // Tests come in on loopback, where a name counts from a proxy only.
    headers.insert("via", "1.1 test".parse().unwrap());
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    Client { socket }
}

#[tokio::test]
async fn a_conversation_is_encrypted_and_ends_cleanly() {
    let place = Place::new();
    let connector = place.renew();
    let tls = Tls::from_files(&place.certificate, &place.key).unwrap();
    let server = server(&tls).await;
    let mut client = connect(&server, &connector, "https://server.example").await;
    client.greeting().await;
    assert_eq!(client.whoami().await["subject"], "alice");
    let big = "x".repeat(50_000);
    assert_eq!(
        client.ask("secret", json!({"text": big}), "s").await["payload"]["text"],
        big
    );
    // The close frame arrives, and the end of TLS behind it.
    let (_, code) = tokio::join!(server.engine.shutdown(Duration::from_secs(5)), client.end());
    assert_eq!(code.1, 1001);
}

#[tokio::test]
async fn a_page_that_came_unencrypted_does_not_speak_for_the_server() {
    let place = Place::new();
    let connector = place.renew();
    let tls = Tls::from_files(&place.certificate, &place.key).unwrap();
    let server = server(&tls).await;
    let mut client = connect(&server, &connector, "http://server.example").await;
    assert_eq!(client.refused().await, 4403);
}

#[tokio::test]
async fn a_certificate_is_read_again_when_its_file_changes() {
    let place = Place::new();
    let old = place.renew();
    let tls = Tls::from_files(&place.certificate, &place.key).unwrap();
    let server = server(&tls).await;
    let watching = tls.clone();
    let watch = tokio::spawn(async move { watching.watch(Duration::from_millis(20)).await });
    let mut before = connect(&server, &old, "https://server.example").await;
    before.greeting().await;

    // A bad file changes nothing.
    fs::write(&place.certificate, "-----BEGIN CERTIFICATE-----\nnonsense\n").unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    tls_stream(&server, &old).await.unwrap();

    let new = place.renew();
    let begun = Instant::now();
    while tls_stream(&server, &new).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "the new certificate is not served");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(tls_stream(&server, &old).await.is_err());
    // Who was connected stays.
    assert_eq!(before.whoami().await["subject"], "alice");
    watch.abort();
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused() {
    let place = Place::new();
    let old = place.renew();
    let tls = Tls::from_files(&place.certificate, &place.key).unwrap();
    let server = server(&tls).await;
    let other = Place::new();
    other.renew();
    fs::copy(&other.key, &place.key).unwrap();
    assert!(tls.reload().is_err());
    tls_stream(&server, &old).await.unwrap();
    for (certificate, key) in [
        (&place.certificate, &place.key),
        (&place.key, &place.key),
        (&place.certificate, &place.certificate),
        (&PathBuf::from("/nowhere/cert.pem"), &place.key),
    ] {
        let error = Tls::from_files(certificate, key).unwrap_err();
        assert!(!error.to_string().contains("PRIVATE"), "{error}");
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_cut_off() {
    let place = Place::new();
    let connector = place.renew();
    let tls = Tls::from_files(&place.certificate, &place.key).unwrap();
    let server = server(&tls).await;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain
        .write_all(b"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    for socket in [&mut silent, &mut slow, &mut plain] {
        let mut answer = Vec::new();
        // However it ends, it ends.
        let _ended = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer))
            .await
            .expect("the socket is still open");
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP"));
    }
    assert!(begun.elapsed() >= Duration::from_millis(350));
    connect(&server, &connector, "https://server.example")
        .await
        .greeting()
        .await;
}
