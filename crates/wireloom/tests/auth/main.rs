//! Who gets in, over real sockets: credentials, scopes, limits, TLS.

mod handshake;
mod jwt;
mod limits;
mod live;
mod support;
mod tls;
