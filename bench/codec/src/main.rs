//! `bench-codec WHAT WAY COUNT` does one thing COUNT times: it takes the text of a request to a checked, typed value, or a
//! reply to its text. Run under callgrind with two counts, the difference is the work itself.

use std::env;
use std::hint::black_box;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bench_load::message::Kind;
use bench_protocol::{BenchEcho, BenchEchoed, BenchNested};
use jsonschema::Validator;
use peer_support::protocol::{Echo, Echoed, Nested};
use serde::de::DeserializeOwned;
use serde_json::Value;
use wireloom::json::{Decode, Encode, Reader, Writer};

/// Nesting that the protocol allows.
const DEPTH: u32 = 32;

const ECHO: &str = include_str!("../../schemas/bench.echo.schema.json");
const NESTED: &str = include_str!("../../schemas/bench.nested.schema.json");

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [what, way, count] = &arguments[..] else {
        bail!("usage: bench-codec WHAT WAY COUNT")
    };
    let count = count.parse().context("COUNT")?;
    let echo = Kind::Echo.payload().to_string();
    let nested = Kind::Nested.payload().to_string();
    let sorted = Kind::Sorted.payload().to_string();
    match (what.as_str(), way.as_str()) {
        ("decode", "value") => value::<Echo>(&echo, ECHO, count),
        ("decode", "wireloom") => generated::<BenchEcho>(&echo, count),
        ("decode-nested", "value") => value::<Nested>(&nested, NESTED, count),
        ("decode-nested", "wireloom") => generated::<BenchNested>(&nested, count),
        ("decode-sorted", "value") => value::<Nested>(&sorted, NESTED, count),
        ("decode-sorted", "wireloom") => generated::<BenchNested>(&sorted, count),
        ("encode", "serde") => serialized(&Echoed::from(serde_json::from_str::<Echo>(&echo)?), count),
        ("encode", "wireloom") => encoded(&echoed(&echo)?, count),
        _ => bail!("there is no way {way} to {what}"),
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
        black_box(decode::<T>(black_box(text))?);
    }
    Ok(())
}

fn decode<T: Decode>(text: &str) -> Result<T> {
    let mut reader = Reader::new(text, DEPTH);
    let payload = T::decode(&mut reader).and_then(|payload| reader.end().map(|()| payload));
    payload.map_err(|fault| anyhow!("the payload is valid, yet {fault:?}"))
}

/// The reply to this request.
fn echoed(request: &str) -> Result<BenchEchoed> {
    let BenchEcho {
        session_id,
        content,
        mode,
        attempt,
    } = decode(request)?;
    Ok(BenchEchoed {
        session_id,
        content,
        mode,
        attempt,
        part: 1,
    })
}

/// A derived serializer, into a buffer that is kept.
fn serialized(reply: &Echoed, count: usize) -> Result<()> {
    let mut out = Vec::new();
    for _ in 0..count {
        out.clear();
        serde_json::to_writer(&mut out, black_box(reply))?;
        black_box(&out);
    }
    Ok(())
}

/// The generated encoder, into a buffer that is kept.
fn encoded(reply: &BenchEchoed, count: usize) -> Result<()> {
    let mut out = Writer::default();
    for _ in 0..count {
        out.clear();
        black_box(reply).encode(&mut out);
        black_box(&out);
    }
    Ok(())
}
