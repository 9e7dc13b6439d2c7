//! `bench-decode WAY MESSAGE COUNT`: takes the text of one request to a checked, typed payload, COUNT times. Run it under
//! callgrind with two counts: the difference is the work itself.

use std::env;
use std::hint::black_box;

use anyhow::{Context, Result, bail, ensure};
use bench_load::dialect::{Dialect, Envelope, FIRST_ID};
use bench_load::message::Kind;
use jsonschema::Validator;
use peer_support::protocol::{Echo, Nested};
use serde::de::DeserializeOwned;
use serde_json::Value;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [way, message, count] = &arguments[..] else {
        bail!("usage: bench-decode WAY MESSAGE COUNT")
    };
    let (kind, schema) = match message.as_str() {
        "echo" => (Kind::Echo, include_str!("../../schemas/bench.echo.schema.json")),
        "nested" => (Kind::Nested, include_str!("../../schemas/bench.nested.schema.json")),
        other => bail!("no message is called {other}"),
    };
    let text = Envelope::new().request(kind, &kind.payload(), FIRST_ID);
    let count = count.parse().context("COUNT")?;
    match (way.as_str(), kind) {
        ("value", Kind::Echo) => value::<Echo>(&text, schema, count),
        ("value", _) => value::<Nested>(&text, schema, count),
        (other, _) => bail!("no way is called {other}"),
    }
}

/// Parse to a value, validate with the jsonschema crate, decode into the type.
fn value<T: DeserializeOwned>(text: &str, schema: &str, count: usize) -> Result<()> {
    let validator: Validator = jsonschema::draft202012::new(&serde_json::from_str(schema)?)?;
    for _ in 0..count {
        let mut message: Value = serde_json::from_str(black_box(text))?;
        let payload = message["payload"].take();
        ensure!(validator.is_valid(&payload), "the request is valid");
        black_box(serde_json::from_value::<T>(payload)?);
    }
    Ok(())
}
