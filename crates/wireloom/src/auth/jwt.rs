//! JSON Web Tokens ([RFC 7519](https://www.rfc-editor.org/rfc/rfc7519)), as [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725)
//! wants them verified: a key knows its algorithm, and nothing in a token is believed before its signature.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Authenticator, Identity, MAX_TOKEN, Peer, Refusal, Secret, Verdict};

/// Largest difference of clocks that may be tolerated.
pub const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// Shortest secret for HS256, in bytes, as [RFC 7518, section 3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2) asks.
const MIN_SECRET: usize = 32;

/// Longest subject, in bytes.
const MAX_SUBJECT: usize = 512;

/// How a token may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256: who verifies can sign, too.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl JwtAlgorithm {
    /// The algorithm of a name as it stands in tokens: `HS256`, `RS256`, `ES256` or `EdDSA`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hs256,
            "RS256" => Self::Rs256,
            "ES256" => Self::Es256,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }

    fn library(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// A key that verifies tokens of one algorithm.
#[derive(Clone)]
pub struct JwtKey {
    id: Option<String>,
    algorithm: JwtAlgorithm,
    key: DecodingKey,
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// What is wrong with keys or claims that were configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtError(String);

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JwtError {}

impl JwtKey {
    /// A key of its bytes: the public key as PEM (SPKI), or the secret itself for HS256, line break at the end
    /// excluded. With `id`, it verifies tokens whose `kid` is that; without, it must be the only one.
    ///
    /// # Errors
    ///
    /// For a key that is none of the algorithm, a secret of less than 32 bytes, and a secret that is a PEM: with a
    /// public key as the secret, everyone could sign.
    pub fn new(algorithm: JwtAlgorithm, id: Option<String>, bytes: &[u8]) -> Result<Self, JwtError> {
        let key = match algorithm {
            JwtAlgorithm::Hs256 => {
                let secret = bytes.trim_ascii_end();
                if secret.len() < MIN_SECRET {
                    return Err(JwtError(format!(
                        "a secret for HS256 has {MIN_SECRET} bytes at least"
                    )));
                }
                if secret.starts_with(b"-----BEGIN") {
                    return Err(JwtError("a PEM is no secret for HS256".to_owned()));
                }
                Ok(DecodingKey::from_secret(secret))
            }
            JwtAlgorithm::Rs256 => DecodingKey::from_rsa_pem(bytes),
            JwtAlgorithm::Es256 => DecodingKey::from_ec_pem(bytes),
            JwtAlgorithm::EdDsa => DecodingKey::from_ed_pem(bytes),
        };
        match key {
            Ok(key) => Ok(Self { id, algorithm, key }),
            Err(error) => Err(JwtError(format!(
                "not a public key for {algorithm:?} in PEM: {error}"
            ))),
        }
    }
}

/// What is asked of the claims of a token. `exp` and `sub` are needed always, and `nbf` counts when it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtClaims {
    /// Of `aud`, one must be among these; empty: it is not looked at.
    pub audiences: Vec<String>,
    /// `iss` must be one of these; empty: it is not looked at.
    pub issuers: Vec<String>,
    /// The claim with the scopes: a text, separated by blanks, or an array of texts.
    pub scopes: String,
    /// Difference of clocks that is tolerated for `exp` and `nbf`; [`MAX_LEEWAY`] at most.
    pub leeway: Duration,
}

impl Default for JwtClaims {
    fn default() -> Self {
        Self {
            audiences: Vec::new(),
            issuers: Vec::new(),
            scopes: "scope".to_owned(),
            leeway: Duration::from_secs(30),
        }
    }
}

/// Verifies JSON Web Tokens by keys that are known beforehand.
///
/// ```
/// use wireloom::{JwtAlgorithm, JwtClaims, JwtKey, JwtVerifier};
///
/// let key = JwtKey::new(JwtAlgorithm::Hs256, None, b"at least thirty-two bytes, by chance")?;
/// let claims = JwtClaims { audiences: vec!["agents".to_owned()], ..JwtClaims::default() };
/// let verifier = JwtVerifier::new(vec![key], claims)?;
/// # let _ = verifier;
/// # Ok::<_, wireloom::JwtError>(())
/// ```
#[derive(Debug, Clone)]
pub struct JwtVerifier {
    keys: Vec<(JwtKey, Validation)>,
    claims: JwtClaims,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl JwtVerifier {
    /// Verifies by these keys.
    ///
    /// # Errors
    ///
    /// Without a key, for two keys of one id, for a key without an id beside others, and for a leeway beyond
    /// [`MAX_LEEWAY`].
    pub fn new(keys: Vec<JwtKey>, claims: JwtClaims) -> Result<Self, JwtError> {
        if keys.is_empty() {
            return Err(JwtError("no key to verify tokens by".to_owned()));
        }
        if claims.leeway > MAX_LEEWAY {
            return Err(JwtError(format!(
                "a leeway of more than {} s",
                MAX_LEEWAY.as_secs()
            )));
        }
        let mut ids = HashSet::new();
        if keys.len() > 1 {
            for key in &keys {
                let id = key.id.as_deref();
                let id = id.ok_or_else(|| JwtError("a key without an id must be the only one".to_owned()))?;
                if !ids.insert(id) {
                    return Err(JwtError(format!("two keys have the id {id:?}")));
                }
            }
        }
        let keys = keys
            .into_iter()
            .map(|key| {
                let validation = validation(&key, &claims);
                (key, validation)
            })
            .collect();
        Ok(Self { keys, claims })
    }

    fn verify(&self, token: &str) -> Result<Identity, Refusal> {
        if token.len() > MAX_TOKEN {
            return Err(Refusal::unauthorized("the token is too long"));
        }
        let header = decode_header(token).map_err(refusal)?;
        if header.crit.is_some() {
            return Err(Refusal::unauthorized("the token asks for an extension (crit)"));
        }
        // Of the header, nothing but the name of the key counts; whether the key's own algorithm stands there is
        // checked with the signature.
        let named = |key: &JwtKey| key.id.is_none() || key.id == header.kid;
        let (key, validation) = self
            .keys
            .iter()
            .find(|(key, _)| named(key))
            .ok_or_else(|| Refusal::unauthorized("no key of the token's kid"))?;
        let claims = decode::<Claims>(token, &key.key, validation)
            .map_err(refusal)?
            .claims;
        if claims.sub.is_empty() || claims.sub.len() > MAX_SUBJECT {
            return Err(Refusal::unauthorized("sub is empty or too long"));
        }
        // What is accepted within the leeway lives as long.
        let expires_at = Duration::try_from_secs_f64(claims.exp)
            .ok()
            .and_then(|exp| {
                SystemTime::UNIX_EPOCH
                    .checked_add(exp)?
                    .checked_add(self.claims.leeway)
            })
            .ok_or_else(|| Refusal::unauthorized("exp is out of range"))?;
        let scopes = scopes(claims.others.get(&self.claims.scopes))?;
        Ok(Identity::new(claims.sub).with_scopes(scopes).until(expires_at))
    }
}

fn validation(key: &JwtKey, claims: &JwtClaims) -> Validation {
    let mut validation = Validation::new(key.algorithm.library());
    let mut required = vec!["exp", "sub"];
    validation.leeway = claims.leeway.as_secs();
    validation.validate_nbf = true;
    validation.validate_aud = !claims.audiences.is_empty();
    if !claims.audiences.is_empty() {
        validation.set_audience(&claims.audiences);
        required.push("aud");
    }
    if !claims.issuers.is_empty() {
        validation.set_issuer(&claims.issuers);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    validation
}

/// Says nothing of what stands in the token: texts of its JSON's errors would.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn refusal(error: jsonwebtoken::errors::Error) -> Refusal {
    Refusal::unauthorized(match error.kind() {
        ErrorKind::Json(_) => "its header or claims cannot be read".to_owned(),
        ErrorKind::Base64(_) | ErrorKind::Utf8(_) => "not a JSON Web Token".to_owned(),
        _ => error.to_string(),
    })
}

fn scopes(claim: Option<&Value>) -> Result<Vec<String>, Refusal> {
    let wrong = || Refusal::unauthorized("the claim of the scopes is neither a text nor an array of texts");
    match claim {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split_ascii_whitespace().map(str::to_owned).collect()),
        Some(Value::Array(texts)) => texts
            .iter()
            .map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

impl Authenticator for JwtVerifier {
    fn authenticate<'a>(&'a self, token: &'a Secret, _peer: &'a Peer) -> Verdict<'a> {
        Box::pin(async move { self.verify(token.expose()) })
    }
}
