//! `bench-decode WAY MESSAGE COUNT`: takes the text of one payload to a checked, typed value, COUNT times. Run under callgrind
//! with two counts, the difference is the work itself.

use std::env;
use std::hint::black_box;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bench_load::message::Kind;
use bench_protocol::{BenchEcho, BenchNested};
use jsonschema::Validator;
use peer_support::protocol::{Echo, Nested};
use serde::de::DeserializeOwned;
use serde_json::Value;
use wireloom::json::{Decode, Reader};

/// Nesting that the protocol allows.
const DEPTH: u32 = 32;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [way, message, count] = &arguments[..] else {
        bail!("usage: bench-decode WAY MESSAGE COUNT")
    };
    let (kind, schema) = match message.as_str() {
        "echo" => (Kind::Echo, include_str!("../../schemas/bench.echo.schema.json")),
        "nested" => (
            Kind::Nested,
            include_str!("../../schemas/bench.nested.schema.json"),
        ),
        other => bail!("no message is called {other}"),
    };
    let text = kind.payload().to_string();
    let count = count.parse().context("COUNT")?;
    match (way.as_str(), kind) {
        ("value", Kind::Echo) => value::<Echo>(&text, schema, count),
        ("value", _) => value::<Nested>(&text, schema, count),
        ("wireloom", Kind::Echo) => generated::<BenchEcho>(&text, count),
        ("wireloom", _) => generated::<BenchNested>(&text, count),
        (other, _) => bail!("no way is called {other}"),
    }
}

/// Parse to a value, validate with the jsonschema crate, decode into the type.
fn value<T: DeserializeOwned>(text: &str, schema: &str, count: usize) -> Result<()> {
    let validator: Validator = jsonschema::draft202012::new(&serde_json::from_str(schema)?)?;
    for _ in 0..count {
        let payload: Value = serde_json::from_str(black_box(text))?;
        ensure!(validator.is_valid(&payload), "the payload is valid");
        black_box(serde_json::from_value::<T>(payload)?);
    }
    Ok(())
}

/// The generated decoder, which checks as it reads.
fn generated<T: Decode>(text: &str, count: usize) -> Result<()> {
    for _ in 0..count {
        let mut reader = Reader::new(black_box(text), DEPTH);
        let payload = T::decode(&mut reader).and_then(|payload| reader.end().map(|()| payload));
        black_box(payload.map_err(|fault| anyhow!("the payload is valid, yet {fault:?}"))?);
    }
    Ok(())
}
