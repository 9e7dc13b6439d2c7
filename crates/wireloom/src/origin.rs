//! Which pages may connect: the defence against cross-site WebSocket hijacking.
//!
//! A browser says of which page a handshake is, and a page cannot change that. So what counts is that the text is an
//! origin and nothing more ([RFC 6454, section 6.2](https://www.rfc-editor.org/rfc/rfc6454#section-6.2)), and that it is
//! compared as a whole: scheme, host and port.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri, uri::Authority};

use crate::serve::Arrival;

/// Headers that proxies add and that a page cannot.
const OF_PROXIES: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host"];

/// Whether a handshake comes from an allowed origin. Without an `Origin` it comes from no browser and is allowed.
pub(crate) fn allowed(headers: &HeaderMap, listed: &[String], arrival: Arrival) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (None, _) => return true,
        (Some(origin), None) => origin,
        (Some(_), Some(_)) => return false,
    };
    let Ok(origin) = origin.to_str() else { return false };
    if listed
        .iter()
        .any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    {
        return true;
    }
    match Origin::parse(origin) {
        Some(origin) => is_local(&origin.host) || is_same(&origin, headers, arrival),
        None => false,
    }
}

/// An origin of the web: scheme, host, port.
struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let secure = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority()?;
        let whole = text.get(text.find("://")? + 3..)?;
        // A path, a query, a user: what a browser would not write is not an origin.
        if whole != authority.as_str() {
            return None;
        }
        let (host, port) = host_and_port(authority, secure)?;
        Some(Self { secure, host, port })
    }
}

/// Whether a page comes from this very server.
fn is_same(origin: &Origin, headers: &HeaderMap, arrival: Arrival) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    // Who can change what a plain page says can speak for it.
    if arrival.secure && !origin.secure {
        return false;
    }
    let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    let Some((host, port)) = authority.and_then(|authority| host_and_port(&authority, origin.secure)) else {
        return false;
    };
    // A name that was made to point to this machine (DNS rebinding) is the same in both headers. On a loopback
    // address, it is believed from a proxy only.
    let proxied = || OF_PROXIES.iter().any(|name| headers.contains_key(*name));
    if arrival.loopback && !is_local(&host) && !proxied() {
        return false;
    }
    host == origin.host && port == origin.port
}

/// In lower case, the port of the scheme where none stands there. `None` if there is a user, too.
fn host_and_port(authority: &Authority, secure: bool) -> Option<(String, u16)> {
    let host = authority.host();
    let port = match authority.as_str().strip_prefix(host)? {
        "" => Some(if secure { 443 } else { 80 }),
        port => port.strip_prefix(':')?.parse().ok(),
    };
    (!host.is_empty()).then_some((host.to_ascii_lowercase(), port?))
}

/// Whether a host in lower case is this machine, by a name or an address that cannot be another.
fn is_local(host: &str) -> bool {
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host == "localhost"
        || host.ends_with(".localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[track_caller]
    fn check(origin: &str, host: &str, arrival: Arrival, expected: bool) {
        let list = ["https://app.example".to_owned()];
        let headers = handshake(&[("host", host), ("origin", origin)]);
        assert_eq!(
            allowed(&headers, &list, arrival),
            expected,
            "{origin} at {host}, {arrival:?}"
        );
    }

    const PLAIN: Arrival = Arrival {
        secure: false,
        loopback: false,
    };

    const TLS: Arrival = Arrival {
        secure: true,
        loopback: false,
    };

    const LOOPBACK: Arrival = Arrival {
        secure: false,
        loopback: true,
    };

    #[test]
    fn allows_same_host_localhost_and_the_list() {
        for (origin, host) in [
            ("https://server.example", "server.example"),
            ("https://Server.Example", "sERVER.example"),
            ("https://server.example:8443", "server.example:8443"),
            ("https://server.example", "server.example:443"),
            ("http://server.example:80", "server.example"),
            ("https://[2001:db8::1]:8443", "[2001:DB8::1]:8443"),
            ("http://localhost:5173", "server.example"),
            ("http://dev.localhost:5173", "server.example"),
            ("http://LOCALHOST", "server.example"),
            ("http://127.0.0.1:5173", "server.example"),
            ("http://[::1]:5173", "server.example"),
            ("https://app.example", "server.example"),
            ("HTTPS://APP.example", "server.example"),
        ] {
            check(origin, host, PLAIN, true);
        }
        assert!(allowed(&handshake(&[("host", "server.example")]), &[], PLAIN));
        let evil = handshake(&[("host", "a"), ("origin", "https://evil.example")]);
        assert!(allowed(&evil, &["*".to_owned()], PLAIN));
    }

    #[test]
    fn refuses_whatever_merely_looks_like_it() {
        for origin in [
            "null",
            "",
            "*",
            "https://evil.example",
            // Port and scheme.
            "https://server.example:8443",
            "http://server.example:443",
            "ftp://server.example",
            "chrome-extension://server.example",
            "file://",
            // Below, above, beside.
            "https://sub.server.example",
            "https://example",
            "https://server.example.evil.example",
            "https://evilserver.example",
            "https://server.example.",
            "https://localhost.evil.example",
            "https://localhost.",
            "https://evil-localhost",
            "https://127.0.0.1.evil.example",
            "https://128.0.0.1",
            "https://app.example.evil.example",
            "https://sub.app.example",
            "https://app.example:444",
            "http://app.example",
            // A user, a path, a query.
            "https://server.example@evil.example",
            "https://user@server.example",
            "https://user:pass@localhost",
            "https://localhost@evil.example",
            "https://server.example/",
            "https://evil.example/https://server.example",
            "https://evil.example?server.example",
            "https://localhost/evil",
            "https://server.example#",
            "https://app.example/",
            "server.example",
            "//server.example",
            "https:server.example",
            "https://",
            "https://:443",
            "https://server.example:",
            "https://server.example:443:443",
            "https://server.example https://app.example",
            "https://[[::1]]",
        ] {
            check(origin, "server.example", PLAIN, false);
        }
    }

    #[test]
    fn refuses_two_origins_and_two_hosts() {
        let host = ("host", "server.example");
        let origin = ("origin", "https://server.example");
        assert!(allowed(&handshake(&[host, origin]), &[], PLAIN));
        assert!(!allowed(&handshake(&[host, origin, origin]), &[], PLAIN));
        assert!(!allowed(&handshake(&[host, host, origin]), &[], PLAIN));
        assert!(!allowed(&handshake(&[origin]), &[], PLAIN));
        assert!(!allowed(
            &handshake(&[("host", "a@server.example"), origin]),
            &[],
            PLAIN
        ));
    }

    #[test]
    fn a_plain_page_does_not_speak_for_a_tls_server() {
        check("https://server.example", "server.example", TLS, true);
        check("http://server.example", "server.example:80", TLS, false);
        check("http://server.example:443", "server.example:443", TLS, false);
    }

    #[test]
    fn a_name_that_points_to_loopback_is_believed_from_a_proxy_only() {
        check(
            "http://rebound.example:3001",
            "rebound.example:3001",
            LOOPBACK,
            false,
        );
        check("http://localhost:3001", "localhost:3001", LOOPBACK, true);
        check("http://127.0.0.1:3001", "127.0.0.1:3001", LOOPBACK, true);
        check("https://app.example", "rebound.example:3001", LOOPBACK, true);
        let headers = handshake(&[
            ("host", "server.example"),
            ("origin", "https://server.example"),
            ("x-forwarded-for", "192.0.2.1"),
        ]);
        assert!(allowed(&headers, &[], LOOPBACK));
    }
}
