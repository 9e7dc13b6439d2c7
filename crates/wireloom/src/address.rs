//! Whose connection it is, for what is counted by address.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The header in which proxies say whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Most proxies that are looked behind.
const MAX_HOPS: usize = 16;

/// Addresses that count as one: an IPv4 address, or the /64 that an IPv6 host may choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AddressKey(IpAddr);

impl AddressKey {
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// The address of a client: the socket's, or, if that is a trusted proxy's, the nearest that the proxies name and
/// nobody trusts. What stands further away in the header, anyone may have written.
pub(crate) fn client(socket: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let trusts = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut client = socket.to_canonical();
    if !trusts(client) {
        return client;
    }
    let named = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    for name in named.take(MAX_HOPS) {
        let Some(address) = std::str::from_utf8(name).ok().and_then(|name| parse(name.trim())) else {
            break;
        };
        client = address;
        if !trusts(client) {
            break;
        }
    }
    client
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| {
            text.parse::<std::net::SocketAddr>()
                .ok()
                .map(|socket| socket.ip())
        })
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(address: &str) -> AddressKey {
        AddressKey::of(address.parse().unwrap())
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    #[test]
    fn believes_trusted_proxies_only() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"]
            .map(|network| network.parse().unwrap())
            .into();
        for (socket, lines, trusted, expected) in [
            ("192.0.2.1", &["198.51.100.1"][..], &trusted[..], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.1"], &[], "10.0.0.1"),
            ("10.0.0.1", &[], &trusted, "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], &trusted, "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], &trusted, "198.51.100.1"),
            // The client wrote 203.0.113.7 itself.
            (
                "10.0.0.1",
                &["203.0.113.7, 198.51.100.1"],
                &trusted,
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &["203.0.113.7", "198.51.100.1 , 10.2.3.4"],
                &trusted,
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &["198.51.100.1, unknown, 10.0.0.2"],
                &trusted,
                "10.0.0.2",
            ),
            ("10.0.0.1", &["\"; drop table"], &trusted, "10.0.0.1"),
            ("fd00::1", &["[2001:db8::1]:4711"], &trusted, "2001:db8::1"),
            ("fd00::1", &["[2001:db8::1]"], &trusted, "2001:db8::1"),
            ("10.0.0.1", &["198.51.100.1:80"], &trusted, "198.51.100.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let expected: IpAddr = expected.parse().unwrap();
            assert_eq!(
                client(socket.parse().unwrap(), &headers, trusted),
                expected,
                "{lines:?}"
            );
        }
    }
}
