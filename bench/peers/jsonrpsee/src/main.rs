//! jsonrpsee over WebSocket: parameters decoded into types, no schema.

use std::io;

use jsonrpsee::RpcModule;
use jsonrpsee::server::{Server, ServerConfig};
use jsonrpsee::types::ErrorObjectOwned;
use peer_support::protocol::{Echo, Echoed, Nested, NestedDone};

fn main() -> io::Result<()> {
    let mut module = RpcModule::new(());
    module
        .register_method("bench:echo", |params, (), _| {
            Ok::<_, ErrorObjectOwned>(Echoed::from(params.parse::<Echo>()?))
        })
        .map_err(io::Error::other)?;
    module
        .register_method("bench:nested", |params, (), _| {
            Ok::<_, ErrorObjectOwned>(NestedDone::from(params.parse::<Nested>()?))
        })
        .map_err(io::Error::other)?;
    peer_support::run(async |listener| {
        // The default allows 100 connections.
        let config = ServerConfig::builder().max_connections(20_000).build();
        let server = Server::builder()
            .set_config(config)
            .build_from_tcp(listener.into_std()?)?;
        server.start(module).stopped().await;
        Ok(())
    })
}
