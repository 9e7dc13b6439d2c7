//! The protocol of the benchmark: what `bench/protocol.yaml` says, as types, decoders and a table of handlers.

include!(concat!(env!("OUT_DIR"), "/protocol.rs"));
