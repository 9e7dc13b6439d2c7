//! Finds the credentials in a handshake. The query string is not looked at: it ends up in logs and histories.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HeaderName, SEC_WEBSOCKET_PROTOCOL};

use super::Secret;

const SCHEME: &str = "bearer";

const ENTRY: &str = "bearer.";

/// What a handshake shows.
#[derive(Debug)]
pub(crate) enum Shown {
    Nothing,
    Token(Secret),
    /// Several, or one that cannot be read. Which one counts is not guessed.
    Unclear,
}

/// The credentials of a handshake: `Authorization: Bearer`, or the subprotocol entry `bearer.TOKEN`.
pub(crate) fn shown(headers: &HeaderMap) -> Shown {
    let mut found = Shown::Nothing;
    let bearers = headers
        .get_all(AUTHORIZATION)
        .iter()
        .filter_map(|value| after_scheme(value.as_bytes()));
    let entries = entries(headers)
        .filter(|entry| is_credential(entry))
        .filter_map(|entry| entry.get(ENTRY.len()..));
    for token in bearers.chain(entries) {
        let token = std::str::from_utf8(token).ok();
        let readable = |token: &&str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        found = match (found, token.filter(readable)) {
            (Shown::Nothing, Some(token)) => Shown::Token(Secret::new(token)),
            _ => return Shown::Unclear,
        };
    }
    found
}

/// The subprotocols that are offered. Credentials are none: they are never echoed.
pub(crate) fn offered(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    entries(headers).filter(|entry| !is_credential(entry))
}

/// Whether a subprotocol entry is no subprotocol, but credentials.
fn is_credential(entry: &[u8]) -> bool {
    entry
        .get(..ENTRY.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(ENTRY.as_bytes()))
}

fn entries(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    list(headers, &SEC_WEBSOCKET_PROTOCOL).filter(|entry| !entry.is_empty())
}

fn list<'h>(headers: &'h HeaderMap, name: &'h HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// What stands behind `Bearer`; `None` for another scheme, which is not ours to judge.
fn after_scheme(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    let ends = token.first().is_none_or(|byte| *byte == b' ');
    (ends && scheme.eq_ignore_ascii_case(SCHEME.as_bytes())).then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn finds_one_token_or_none() {
        const AUTH: &str = "authorization";
        const PROTOCOL: &str = "sec-websocket-protocol";
        for (lines, expected) in [
            (&[][..], Ok(None)),
            (&[(AUTH, "Bearer abc.d-e_f")][..], Ok(Some("abc.d-e_f"))),
            (&[(AUTH, "bearer   abc")], Ok(Some("abc"))),
            (&[(AUTH, "Basic YTpi")], Ok(None)),
            (&[(AUTH, "Bearerabc")], Ok(None)),
            (&[(AUTH, "Bearer")], Err(())),
            (&[(AUTH, "Bearer a b")], Err(())),
            (&[(AUTH, "Bearer a\u{e9}")], Err(())),
            (&[(AUTH, "Bearer a"), (AUTH, "Bearer a")], Err(())),
            (&[(AUTH, "Basic YTpi"), (AUTH, "Bearer a")], Ok(Some("a"))),
            (&[(PROTOCOL, "agent.v1, bearer.abc.def")], Ok(Some("abc.def"))),
            (
                &[(PROTOCOL, "agent.v1"), (PROTOCOL, "Bearer.abc")],
                Ok(Some("abc")),
            ),
            (&[(PROTOCOL, "bearer.a,bearer.b")], Err(())),
            (&[(PROTOCOL, "bearer.")], Err(())),
            (&[(PROTOCOL, "agent.v1,,bearers")], Ok(None)),
            (&[(PROTOCOL, "bearer.a"), (AUTH, "Bearer b")], Err(())),
        ] {
            let found = match shown(&headers(lines)) {
                Shown::Nothing => Ok(None),
                Shown::Token(token) => Ok(Some(token.expose().to_owned())),
                Shown::Unclear => Err(()),
            };
            assert_eq!(
                found.as_ref().map(Option::as_deref),
                expected.as_ref().copied(),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn credentials_are_no_subprotocol() {
        let offers = |value: &str| {
            let headers = headers(&[("sec-websocket-protocol", value)]);
            offered(&headers).next().is_some()
        };
        assert!(offers("agent.v1, bearer.x"));
        assert!(!offers("bearer.x"));
        assert!(offered(&HeaderMap::new()).next().is_none());
        assert!(is_credential(b"BEARER.x") && !is_credential(b"bearer"));
    }
}
