//! JSON Web Tokens, genuine and forged.

use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use serde_json::{Value, json};
use wireloom::{JwtAlgorithm, JwtClaims, JwtKey, JwtVerifier};

use crate::support::{Server, error};

/// Keys of these tests and of nothing else.
const RSA: &str = include_str!("rsa.pem");

const RSA_PUBLIC: &str = include_str!("rsa.pub.pem");

const SECRET: &[u8] = b"a secret of these tests, for HS256";

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs()
}

fn claims() -> Value {
    json!({"sub": "ann", "exp": now() + 600, "scope": "admin write", "aud": ["other", "agents"], "iss": "https://id.example"})
}

fn with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn header(algorithm: Algorithm, kid: &str) -> Header {
    Header {
        kid: Some(kid.to_owned()),
        ..Header::new(algorithm)
    }
}

struct Issuer {
    ec: KeyPair,
    ed: KeyPair,
}

impl Issuer {
    fn new() -> Self {
        Self {
            ec: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
            ed: KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        }
    }

    fn verifier(&self) -> JwtVerifier {
        let key =
            |algorithm, id: &str, bytes: &[u8]| JwtKey::new(algorithm, Some(id.to_owned()), bytes).unwrap();
        let keys = vec![
            key(JwtAlgorithm::Rs256, "rsa", RSA_PUBLIC.as_bytes()),
            key(JwtAlgorithm::Es256, "ec", self.ec.public_key_pem().as_bytes()),
            key(JwtAlgorithm::EdDsa, "ed", self.ed.public_key_pem().as_bytes()),
            key(JwtAlgorithm::Hs256, "hs", SECRET),
        ];
        let claims = JwtClaims {
            audiences: vec!["agents".to_owned()],
            issuers: vec!["https://id.example".to_owned(), "https://old.example".to_owned()],
            ..JwtClaims::default()
        };
        JwtVerifier::new(keys, claims).unwrap()
    }

    async fn server(&self) -> Server {
        Server::with(self.verifier(), |_| {}).await
    }

    fn ec(&self, claims: &Value) -> String {
        let key = EncodingKey::from_ec_pem(self.ec.serialize_pem().as_bytes()).unwrap();
        encode(&header(Algorithm::ES256, "ec"), claims, &key).unwrap()
    }

    fn ed(&self, claims: &Value) -> String {
        let key = EncodingKey::from_ed_pem(self.ed.serialize_pem().as_bytes()).unwrap();
        encode(&header(Algorithm::EdDSA, "ed"), claims, &key).unwrap()
    }
}

fn rsa(kid: &str, claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap();
    encode(&header(Algorithm::RS256, kid), claims, &key).unwrap()
}

fn hs(kid: &str, secret: &[u8], claims: &Value) -> String {
    encode(
        &header(Algorithm::HS256, kid),
        claims,
        &EncodingKey::from_secret(secret),
    )
    .unwrap()
}

/// A token of these parts, none of them checked.
fn raw(header: &Value, claims: &Value, signature: &str) -> String {
    format!(
        "{}.{}.{signature}",
        base64url(&header.to_string()),
        base64url(&claims.to_string())
    )
}

fn base64url(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    out
}

#[tokio::test]
async fn every_algorithm_is_verified_by_its_own_key() {
    let issuer = Issuer::new();
    let server = issuer.server().await;
    for token in [
        rsa("rsa", &claims()),
        issuer.ec(&claims()),
        issuer.ed(&claims()),
        hs("hs", SECRET, &claims()),
    ] {
        let mut client = server.greeted(&token).await;
        assert_eq!(
            client.whoami().await,
            json!({"subject": "ann", "scopes": ["admin", "write"]})
        );
    }
}

#[tokio::test]
async fn centrifugo_cve_2026_32301_49998_forged_tokens_are_refused() {
    let issuer = Issuer::new();
    let server = issuer.server().await;
    let good = issuer.ed(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let admin = base64url(&with(json!({"sub": "root"})).to_string());
    let other = Issuer::new();
    let stray = EncodingKey::from_ed_pem(issuer.ed.serialize_pem().as_bytes()).unwrap();
    let nameless = encode(&Header::new(Algorithm::EdDSA), &claims(), &stray).unwrap();
    let forged = [
        // alg=none, in every spelling.
        raw(&json!({"alg": "none", "kid": "ed"}), &claims(), ""),
        raw(&json!({"alg": "None", "kid": "ed"}), &claims(), parts[2]),
        raw(&json!({"alg": "", "kid": "hs"}), &claims(), ""),
        raw(&json!({"kid": "hs"}), &claims(), ""),
        // A public key as the secret of HS256, and the secret's own key by another's name.
        hs("rsa", RSA_PUBLIC.as_bytes(), &claims()),
        hs("rsa", RSA_PUBLIC.trim_end().as_bytes(), &claims()),
        hs("ec", issuer.ec.public_key_pem().as_bytes(), &claims()),
        hs("ed", SECRET, &claims()),
        rsa("hs", &claims()),
        rsa("ec", &claims()),
        // A kid that is unknown, missing, or of another key.
        hs("nobody", SECRET, &claims()),
        hs("../../dev/null", b"", &claims()),
        hs("rsa", SECRET, &claims()),
        nameless,
        // Another's keys.
        other.ed(&claims()),
        other.ec(&claims()),
        hs("hs", b"another secret that is long enough", &claims()),
        // Tampered with.
        format!("{}.{admin}.{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], &parts[2][1..]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}.{}", parts[2]),
        format!(".{}.{}", parts[1], parts[2]),
        // What a verifier that believes the header would fetch or run.
        raw(
            &json!({"alg": "EdDSA", "kid": "ed", "jku": "https://evil.example", "jwk": {"kty": "oct", "k": "AAAA"}}),
            &claims(),
            parts[2],
        ),
        "x".repeat(16_384),
        format!("{}.{}.{}", "e".repeat(5000), "e".repeat(5000), "e".repeat(5000)),
        "a.b.c".to_owned(),
    ];
    for token in forged {
        assert_eq!(server.bearing(&token).await.refused().await, 4401, "{token}");
    }
    server.greeted(&good).await;
}

#[tokio::test]
async fn claims_are_checked() {
    let issuer = Issuer::new();
    let server = issuer.server().await;
    for changes in [
        json!({"exp": null}),
        json!({"exp": now() - 31}),
        json!({"exp": "tomorrow"}),
        json!({"exp": -1}),
        json!({"exp": 1e300}),
        json!({"nbf": now() + 60}),
        json!({"nbf": "soon"}),
        json!({"aud": null}),
        json!({"aud": "other"}),
        json!({"aud": []}),
        json!({"aud": {"agents": true}}),
        json!({"iss": null}),
        json!({"iss": "https://evil.example"}),
        json!({"iss": "https://id.example/"}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": "x".repeat(513)}),
        json!({"scope": 7}),
        json!({"scope": ["admin", 7]}),
    ] {
        let token = issuer.ed(&with(changes.clone()));
        assert_eq!(server.bearing(&token).await.refused().await, 4401, "{changes}");
    }
    for (changes, scopes) in [
        (
            json!({"aud": "agents", "nbf": now() - 5}),
            json!(["admin", "write"]),
        ),
        // Within the leeway.
        (json!({"nbf": now() + 10}), json!(["admin", "write"])),
        (json!({"exp": now() - 5}), json!(["admin", "write"])),
        (json!({"exp": now() as f64 + 60.5}), json!(["admin", "write"])),
        (json!({"iss": "https://old.example", "scope": null}), json!([])),
        (json!({"scope": ["b", "a"]}), json!(["a", "b"])),
    ] {
        let token = issuer.ed(&with(changes.clone()));
        let mut client = server.greeted(&token).await;
        assert_eq!(client.whoami().await["scopes"], scopes, "{changes}");
    }
}

#[tokio::test]
async fn a_token_lives_as_long_as_it_says() {
    let key = JwtKey::new(JwtAlgorithm::Hs256, None, SECRET).unwrap();
    let claims = JwtClaims {
        leeway: Duration::ZERO,
        scopes: "permissions".to_owned(),
        ..JwtClaims::default()
    };
    let server = Server::with(JwtVerifier::new(vec![key], claims).unwrap(), |_| {}).await;
    let token = |seconds: u64| {
        let claims = json!({"sub": "ann", "exp": now() + seconds, "aud": "whoever", "permissions": "write", "scope": "admin"});
        hs("ignored where there is one key without a name", SECRET, &claims)
    };
    let mut client = server.greeted(&token(2)).await;
    assert_eq!(client.whoami().await["scopes"], json!(["write"]));
    assert_eq!(client.refused().await, 4401);
    let mut client = server.greeted(&token(2)).await;
    assert_eq!(
        client.authenticate(&token(600)).await["type"],
        "connection:authenticated"
    );
    error(&client.authenticate("a.b.c").await, "unauthorized");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(client.whoami().await["subject"], "ann");
}

#[test]
fn keys_and_claims_that_would_let_anyone_in_are_refused() {
    let key =
        |algorithm, id: Option<&str>, bytes: &[u8]| JwtKey::new(algorithm, id.map(str::to_owned), bytes);
    for (algorithm, bytes) in [
        (JwtAlgorithm::Hs256, b"short".as_slice()),
        (JwtAlgorithm::Hs256, RSA_PUBLIC.as_bytes()),
        (JwtAlgorithm::Rs256, SECRET),
        (JwtAlgorithm::Es256, RSA_PUBLIC.as_bytes()),
        (JwtAlgorithm::EdDsa, RSA_PUBLIC.as_bytes()),
    ] {
        let error = key(algorithm, None, bytes).unwrap_err().to_string();
        assert!(!error.contains("secret of these"), "{error}");
    }
    let hs = |id| key(JwtAlgorithm::Hs256, id, SECRET).unwrap();
    let verifier = |keys| JwtVerifier::new(keys, JwtClaims::default());
    assert!(verifier(vec![]).is_err());
    assert!(verifier(vec![hs(None), hs(Some("b"))]).is_err());
    assert!(verifier(vec![hs(Some("b")), hs(Some("b"))]).is_err());
    assert!(verifier(vec![hs(Some("a")), hs(Some("b"))]).is_ok());
    let lax = JwtClaims {
        leeway: Duration::from_secs(301),
        ..JwtClaims::default()
    };
    assert!(JwtVerifier::new(vec![hs(None)], lax).is_err());
    assert!(!format!("{:?}", verifier(vec![hs(None)])).contains("a secret of"));
}
