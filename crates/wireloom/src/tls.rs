//! TLS for [`crate::serve`]: certificates from files, read again when they change.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

/// A certificate and its key, and how they are spoken for: TLS 1.2 and 1.3, HTTP/1.1.
///
/// Cheap to clone; all clones are the same. Two are equal if they are the same.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    acceptor: TlsAcceptor,
}

/// Why a certificate cannot be served.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    File(PathBuf, io::Error),
    /// A file is not what it should be, in PEM.
    Pem(PathBuf, pem::Error),
    /// There is no certificate in the file.
    NoCertificate(PathBuf),
    /// They do not belong together, or cannot be used.
    Unusable(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::Pem(path, error) => write!(f, "cannot use {}: {error}", path.display()),
            Self::NoCertificate(path) => write!(f, "no certificate in {}", path.display()),
            Self::Unusable(error) => write!(f, "the certificate and its key cannot be used: {error}"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::Pem(_, error) => Some(error),
            Self::NoCertificate(_) => None,
            Self::Unusable(error) => Some(error),
        }
    }
}

struct Files {
    certificates: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    /// What the files looked like when they were read last, in vain or not.
    seen: Mutex<Seen>,
}

type Seen = [Option<(SystemTime, u64)>; 2];

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(f)
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("certificates", &self.certificates)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.files, &other.files)
    }
}

impl Eq for Tls {}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key, both in PEM.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or the two do not belong together.
    pub fn from_files(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let (certificates, key) = (certificates.into(), key.into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let seen = look(&certificates, &key);
        let current = read(&certificates, &key, &provider)?;
        let files = Arc::new(Files {
            certificates,
            key,
            provider: Arc::clone(&provider),
            current: RwLock::new(Arc::new(current)),
            seen: Mutex::new(seen),
        });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&files) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            files,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Reads the files again. New connections get the new certificate; after an error, the old one stays.
    ///
    /// # Errors
    ///
    /// As [`Tls::from_files`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let files = &self.files;
        *files.seen.lock().unwrap_or_else(PoisonError::into_inner) = look(&files.certificates, &files.key);
        let current = Arc::new(read(&files.certificates, &files.key, &files.provider)?);
        *files.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(())
    }

    /// Looks every so often whether a file has changed, and then reads both again. What comes of it stands in the log.
    /// Never ends; to be dropped with the server.
    pub async fn watch(&self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            self.look_again(false).await;
        }
    }

    /// [`Tls::reload`], beside the runtime's own threads and with what comes of it in the log.
    pub async fn reload_logged(&self) {
        self.look_again(true).await;
    }

    async fn look_again(&self, whatever: bool) {
        let tls = self.clone();
        let looked = tokio::task::spawn_blocking(move || (whatever || tls.changed()).then(|| tls.reload()));
        match looked.await {
            Ok(Some(Ok(()))) => tracing::info!("The TLS certificate was read again"),
            Ok(Some(Err(error))) => tracing::error!("the old TLS certificate stays: {error}"),
            // Nothing has changed, or the runtime ends.
            Ok(None) | Err(_) => {}
        }
    }

    fn changed(&self) -> bool {
        let files = &self.files;
        let seen = *files.seen.lock().unwrap_or_else(PoisonError::into_inner);
        look(&files.certificates, &files.key) != seen
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(
            &self.current.read().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

fn look(certificates: &Path, key: &Path) -> Seen {
    [certificates, key].map(|path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

fn read(certificates: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let text = |path: &Path| fs::read(path).map_err(|error| TlsError::File(path.to_owned(), error));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text(certificates)?)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::Pem(certificates.to_owned(), error))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificates.to_owned()));
    }
    let key =
        PrivateKeyDer::from_pem_slice(&text(key)?).map_err(|error| TlsError::Pem(key.to_owned(), error))?;
    CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Unusable)
}
