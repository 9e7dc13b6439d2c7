//! Trust: the roots of the system, and those of Mozilla beside them, so that a container without any works as well.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// The default configuration of TLS: rustls with ring, TLS 1.2 and 1.3, roots of the system and of Mozilla.
///
/// ```
/// assert!(wireloom_client::tls::config().is_ok());
/// ```
///
/// # Errors
///
/// If the cryptography does not fit the versions of TLS, which is no fault of the caller's.
pub fn config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!("a root certificate of the system cannot be read: {error}");
    }
    roots.add_parsable_certificates(native.certs);
    // Named, since a program may have another provider in its tree, and then there is no default.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
