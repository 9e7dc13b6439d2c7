//! Who gets in: the settings of authentication, limits by address, and TLS.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use wireloom::{
    Admission, Authenticator, IpNet, JwtAlgorithm, JwtClaims, JwtError, JwtKey, JwtVerifier, Rate, Secret,
    StaticTokens, Tls, TlsError, TokensError,
};

use crate::settings::rate;

/// Settings of who gets in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Who gets in")]
pub struct AccessArgs {
    /// Let clients in that show no credentials. Without it and without tokens, the server listens on loopback only.
    #[arg(long, env = "ALLOW_ANONYMOUS")]
    pub allow_anonymous: bool,
    /// File of tokens: a line for each, with the token (or `sha256:` and its digest), a subject and scopes.
    #[arg(long, env = "TOKENS_FILE", conflicts_with_all = ["tokens", "jwt_keys"])]
    pub tokens_file: Option<PathBuf>,
    /// The same as text, `;` between lines. Rather the variable than the flag, which everyone on the machine can read.
    #[arg(long, env = "TOKENS", hide_env_values = true, conflicts_with = "jwt_keys", value_parser = secret)]
    pub tokens: Option<Secret>,
    /// Key for JSON Web Tokens: `ALGORITHM=FILE`, or `ALGORITHM:KID=FILE` where there are several. Algorithms are
    /// RS256, ES256 and EdDSA (a public key in PEM) and HS256 (the secret). May be given again.
    #[arg(long = "jwt-key", env = "JWT_KEYS", value_delimiter = ',', value_parser = key_source)]
    pub jwt_keys: Vec<KeySource>,
    /// Audience that a JSON Web Token must name; may be given again, then one of them.
    #[arg(
        long = "jwt-audience",
        env = "JWT_AUDIENCES",
        value_delimiter = ',',
        requires = "jwt_keys"
    )]
    pub jwt_audiences: Vec<String>,
    /// Issuer that a JSON Web Token must name; may be given again, then one of them.
    #[arg(
        long = "jwt-issuer",
        env = "JWT_ISSUERS",
        value_delimiter = ',',
        requires = "jwt_keys"
    )]
    pub jwt_issuers: Vec<String>,
    /// Claim of a JSON Web Token that holds the scopes.
    #[arg(long, env = "JWT_SCOPES_CLAIM", default_value = "scope")]
    pub jwt_scopes_claim: String,
    /// Seconds that clocks may differ, for the times in a JSON Web Token.
    #[arg(long, env = "JWT_LEEWAY_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=300))]
    pub jwt_leeway_seconds: u64,
    /// Seconds that a client may take to authenticate.
    #[arg(long, env = "AUTHENTICATE_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub authenticate_seconds: u64,
    /// Most connections of one address; loopback is not counted.
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS", default_value_t = 256)]
    pub connections_per_address: usize,
    /// Handshakes a second of one address in the long run; 0 is no limit.
    #[arg(long, env = "HANDSHAKES_PER_ADDRESS", default_value = "20", value_parser = rate)]
    pub handshakes_per_address: f64,
    /// Messages a second of one address in the long run, twice as many at once; 0 is no limit.
    #[arg(long, env = "MESSAGES_PER_ADDRESS", default_value = "0", value_parser = rate)]
    pub messages_per_address: f64,
    /// Messages a second of one subject in the long run, twice as many at once; 0 is no limit.
    #[arg(long, env = "MESSAGES_PER_IDENTITY", default_value = "0", value_parser = rate)]
    pub messages_per_identity: f64,
    /// Address or network of a proxy whose `X-Forwarded-For` is believed; may be given again.
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Certificates of the server, its own first, in PEM: speak TLS.
    #[arg(long, env = "TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, env = "TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Seconds between two looks whether these files have changed. SIGHUP looks at once.
    #[arg(long, env = "TLS_RELOAD_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub tls_reload_seconds: u64,
}

/// Where a key for JSON Web Tokens is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySource {
    algorithm: JwtAlgorithm,
    id: Option<String>,
    file: PathBuf,
}

/// Why nobody can be let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// Everyone would be let in who reaches the address.
    #[error(
        "refusing to listen on {0}: without authentication, everyone who reaches that address can drive agents; set --tokens-file or --jwt-key, or --allow-anonymous if that is meant"
    )]
    Open(IpAddr),
    /// A file of tokens or keys cannot be read.
    #[error("cannot read {}: {error}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The tokens are not as they should be.
    #[error("{from}: {error}")]
    Tokens {
        /// Where they stand.
        from: String,
        /// What is wrong.
        error: TokensError,
    },
    /// A key, or what is asked of tokens, is not as it should be.
    #[error("{from}: {error}")]
    Jwt {
        /// Where it stands.
        from: String,
        /// What is wrong.
        error: JwtError,
    },
    /// The certificate cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

#[expect(clippy::unnecessary_wraps, reason = "the form that clap takes")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

fn key_source(text: &str) -> Result<KeySource, String> {
    let (name, file) = text
        .split_once('=')
        .ok_or("expected ALGORITHM=FILE or ALGORITHM:KID=FILE")?;
    let (algorithm, id) = match name.split_once(':') {
        Some((algorithm, id)) => (algorithm, Some(id.to_owned())),
        None => (name, None),
    };
    Ok(KeySource {
        algorithm: JwtAlgorithm::named(algorithm).ok_or("the algorithm is RS256, ES256, EdDSA or HS256")?,
        id,
        file: file.into(),
    })
}

fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "expected an address or a network, as 10.0.0.0/8".to_owned())
}

fn read(file: &Path) -> Result<Vec<u8>, AccessError> {
    fs::read(file).map_err(|error| AccessError::File {
        file: file.to_owned(),
        error,
    })
}

impl AccessArgs {
    /// Who judges credentials; `None` where there are none.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or tokens or keys are not as they should be.
    pub fn authenticator(&self) -> Result<Option<Arc<dyn Authenticator>>, AccessError> {
        if let Some(file) = &self.tokens_file {
            let list = read(file)?;
            return tokens(&String::from_utf8_lossy(&list), file.display().to_string());
        }
        if let Some(list) = &self.tokens {
            return tokens(&list.expose().replace(';', "\n"), "TOKENS".to_owned());
        }
        if self.jwt_keys.is_empty() {
            return Ok(None);
        }
        let wrong = |from: String| move |error| AccessError::Jwt { from, error };
        let mut keys = Vec::new();
        for source in &self.jwt_keys {
            let bytes = read(&source.file)?;
            let key = JwtKey::new(source.algorithm, source.id.clone(), &bytes);
            keys.push(key.map_err(wrong(source.file.display().to_string()))?);
        }
        let claims = JwtClaims {
            audiences: self.jwt_audiences.clone(),
            issuers: self.jwt_issuers.clone(),
            scopes: self.jwt_scopes_claim.clone(),
            leeway: Duration::from_secs(self.jwt_leeway_seconds),
        };
        let verifier = JwtVerifier::new(keys, claims).map_err(wrong("--jwt-key".to_owned()))?;
        Ok(Some(Arc::new(verifier)))
    }

    /// Whether the server may listen there.
    ///
    /// # Errors
    ///
    /// If everyone would be let in from elsewhere, and nobody said that this is meant.
    pub fn check_host(&self, host: IpAddr, authenticates: bool) -> Result<(), AccessError> {
        if authenticates || self.allow_anonymous || host.is_loopback() {
            Ok(())
        } else {
            Err(AccessError::Open(host))
        }
    }

    /// The certificate to serve, if any.
    ///
    /// # Errors
    ///
    /// If it cannot be served.
    pub fn tls(&self) -> Result<Option<Tls>, AccessError> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => Ok(Some(Tls::from_files(certificates, key)?)),
            _ => Ok(None),
        }
    }

    /// Changes what was given.
    pub fn apply(&self, settings: &mut Admission) {
        let twice = |per_second: f64| {
            // Saturates, which is meant.
            let burst = (2.0 * per_second).ceil() as u32;
            (per_second > 0.0).then_some(Rate { per_second, burst })
        };
        settings.anonymous = self.allow_anonymous;
        settings.authenticate_timeout = Duration::from_secs(self.authenticate_seconds);
        settings.connections_per_address = self.connections_per_address;
        settings.handshakes_per_address = (self.handshakes_per_address > 0.0).then(|| Rate {
            per_second: self.handshakes_per_address,
            // Everyone behind one address may come back at the same time.
            burst: u32::try_from(self.connections_per_address).unwrap_or(u32::MAX),
        });
        settings.messages_per_address = twice(self.messages_per_address);
        settings.messages_per_identity = twice(self.messages_per_identity);
        settings.trusted_proxies.clone_from(&self.trusted_proxies);
    }
}

fn tokens(list: &str, from: String) -> Result<Option<Arc<dyn Authenticator>>, AccessError> {
    match StaticTokens::parse(list) {
        Ok(tokens) => Ok(Some(Arc::new(tokens))),
        Err(error) => Err(AccessError::Tokens { from, error }),
    }
}
