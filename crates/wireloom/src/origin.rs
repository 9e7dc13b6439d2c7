//! Which pages may connect: the defence against cross-site WebSocket hijacking.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

/// Whether a handshake comes from an allowed origin. Without an `Origin` it comes from no browser and is allowed.
pub(crate) fn allowed(headers: &HeaderMap, listed: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else { return false };
    if listed
        .iter()
        .any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    {
        return true;
    }
    let Ok(origin) = origin.parse::<Uri>() else {
        return false;
    };
    let Some(host) = origin.host() else { return false };
    if is_localhost(host) {
        return true;
    }
    let same = |server: &str| {
        origin
            .authority()
            .is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(server))
    };
    headers
        .get(HOST)
        .and_then(|server| server.to_str().ok())
        .is_some_and(same)
}

fn is_localhost(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(origin: Option<&str>, host: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn allows_no_origin_same_host_localhost_and_the_list() {
        let list = ["https://app.example".to_owned()];
        for (origin, host, expected) in [
            (None, "server.example", true),
            (Some("https://server.example"), "server.example", true),
            (Some("https://server.example:8443"), "server.example:8443", true),
            (Some("https://server.example:8443"), "server.example", false),
            (Some("http://localhost:5173"), "server.example", true),
            (Some("http://127.0.0.1:5173"), "server.example", true),
            (Some("http://[::1]:5173"), "server.example", true),
            (Some("https://app.example"), "server.example", true),
            (Some("https://evil.example"), "server.example", false),
            (Some("https://localhost.evil.example"), "server.example", false),
            (
                Some("https://server.example.evil.example"),
                "server.example",
                false,
            ),
            (Some("null"), "server.example", false),
        ] {
            assert_eq!(
                allowed(&handshake(origin, host), &list),
                expected,
                "{origin:?} at {host}"
            );
        }
        assert!(allowed(
            &handshake(Some("https://evil.example"), "a"),
            &["*".to_owned()]
        ));
    }
}
