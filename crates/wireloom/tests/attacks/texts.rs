//! Messages that are made to crash, to exhaust or to fool whoever reads them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Attacked, Bounds, Changed, FIN, MESSAGE_BYTES, Raw, TEXT, many, masked};

/// For one message after the other of 64 KiB at most, and the buffers that a thread has for all its connections.
fn one_by_one() -> Bounds {
    Bounds {
        memory: 25 * MESSAGE_BYTES,
        cpu: Duration::from_millis(400),
    }
}

async fn ask(raw: &mut Raw, text: &str) -> Value {
    raw.write(&masked(FIN | TEXT, text.as_bytes())).await;
    raw.next().await
}

/// Sends each of these texts; the answer must be this error, small, and the conversation goes on.
async fn refused(code: &str, texts: Vec<String>) {
    let mut server = Attacked::start(Changed::default()).await;
    let mut raw = server.greeted().await;
    let attack = async move {
        for _ in 0..many(1) {
            for text in &texts {
                assert!(text.len() <= MESSAGE_BYTES, "{}", text.len());
                let answer = ask(&mut raw, text).await;
                let start = text.get(..60).unwrap_or_default();
                assert_eq!(answer["payload"]["code"], code, "{start}: {answer}");
                assert!(answer.to_string().len() < 6000, "{start}");
            }
            assert_eq!(ask(&mut raw, r#"{"type":"ping"}"#).await["type"], "pong");
        }
    };
    server.endures(one_by_one(), attack).await;
}

fn echo(payload: &str) -> String {
    format!("{{\"type\":\"echo\",\"payload\":{payload},\"correlationId\":\"1\"}}")
}

fn open(payload: &str) -> String {
    format!("{{\"type\":\"open\",\"payload\":{payload},\"correlationId\":\"1\"}}")
}

#[tokio::test]
async fn depth_bombs() {
    let deep = |open: &str, times: usize| open.repeat(times);
    refused(
        "too_large",
        vec![
            open(&deep("[", 60_000)),
            open(&deep("{\"a\":", 12_000)),
            open(&format!("{{\"a\":{}1{}}}", deep("[", 30_000), deep("]", 30_000))),
            // Where nobody looks for it, and where the type is not known yet.
            echo(&format!("{{\"no\":{}}}", deep("[", 60_000))),
            format!("{{\"payload\":{}", deep("[", 60_000)),
            format!("{{\"x\":{}", deep("[{\"a\":", 8_000)),
            deep("[", 60_000),
        ],
    )
    .await;
}

#[tokio::test]
async fn huge_numbers() {
    let digits = "9".repeat(60_000);
    refused(
        "invalid_json",
        vec![
            open(&format!("{{\"n\":{digits}}}")),
            open(&format!("{{\"n\":-{digits}.{}}}", "9".repeat(1000))),
            open(&format!("{{\"n\":1e{digits}}}")),
            open("{\"n\":1e400}"),
            open("{\"n\":123456789012345678901234567890}"),
            open("{\"n\":9007199254740993}"),
            echo(&format!("{{\"n\":{digits}}}")),
            format!("{{\"type\":\"ping\",\"ack\":{digits}}}"),
        ],
    )
    .await;
}

#[tokio::test]
async fn duplicate_keys() {
    let many_times = format!("{{{}\"a\":1}}", "\"a\":1,".repeat(8_000));
    refused(
        "invalid_json",
        vec![
            r#"{"type":"open","type":"echo","payload":{}}"#.to_owned(),
            r#"{"type":"open","payload":{},"payload":{}}"#.to_owned(),
            r#"{"type":"open","\u0074ype":"echo","payload":{}}"#.to_owned(),
            open(&many_times),
            open(r#"{"a":{"b":1,"b":2}}"#),
            echo(r#"{"text":"a","text":"b"}"#),
            echo(r#"{"text":"a","\u0074ext":"b"}"#),
        ],
    )
    .await;
}

/// As many keys as fit, all different: no table of them degrades.
#[tokio::test]
async fn thousands_of_keys() {
    let mut server = Attacked::start(Changed::default()).await;
    let mut raw = server.greeted().await;
    let keys = |keys: &mut dyn Iterator<Item = String>| {
        let members: Vec<_> = keys.map(|key| format!("\"{key}\":0")).collect();
        open(&format!("{{{}}}", members.join(",")))
    };
    let texts = [
        keys(&mut (0..6_000).map(|n| format!("k{n}"))),
        // Keys that collide where strings are added up, or multiplied by 31 as in Java.
        keys(&mut (0..2_048_usize).map(|n| {
            let pairs = (0..11).map(|bit| if n >> bit & 1 == 0 { "Aa" } else { "BB" });
            pairs.collect()
        })),
        keys(&mut (0..4_000).map(|n| format!("{n:07}"))),
    ];
    let attack = async move {
        for _ in 0..many(1) {
            for text in &texts {
                assert!(text.len() <= MESSAGE_BYTES);
                assert_eq!(ask(&mut raw, text).await["type"], "echoed");
            }
        }
    };
    server.endures(one_by_one(), attack).await;
}

/// What would change every object of a program in JavaScript is a name like any other here.
#[tokio::test]
async fn prototypes_are_names_like_others() {
    let mut server = Attacked::start(Changed::default()).await;
    let mut raw = server.greeted().await;
    let attack = async move {
        for name in [
            "__proto__",
            "constructor",
            "prototype",
            "toString",
            "hasOwnProperty",
        ] {
            // Closed objects refuse it, by an error that names the object.
            let answer = ask(&mut raw, &echo(&format!("{{\"{name}\":{{\"admin\":true}}}}"))).await;
            assert_eq!(answer["payload"]["code"], "invalid_payload", "{answer}");
            // Open ones give it back as it came.
            let answer = ask(&mut raw, &open(&format!("{{\"{name}\":{{\"admin\":true}}}}"))).await;
            assert_eq!(answer["payload"], json!({name: {"admin": true}}));
            // In the envelope, it is not a field; as a type, none.
            let answer = ask(&mut raw, &format!("{{\"type\":\"ping\",\"{name}\":{{}}}}")).await;
            assert_eq!(answer["payload"]["code"], "invalid_envelope", "{answer}");
            let answer = ask(&mut raw, &format!("{{\"type\":\"{name}\"}}")).await;
            assert_eq!(answer["payload"]["code"], "unknown_type", "{answer}");
            // As a correlation id, it comes back.
            let answer = ask(
                &mut raw,
                &format!("{{\"type\":\"ping\",\"correlationId\":\"{name}\"}}"),
            )
            .await;
            assert_eq!(answer["correlationId"], name);
        }
    };
    server.endures(one_by_one(), attack).await;
}

/// Patterns that take a backtracking engine for ever, on texts that almost fit.
#[tokio::test]
async fn regex_bombs() {
    let long = 39_000;
    refused(
        "invalid_payload",
        vec![
            echo(&format!("{{\"evil\":\"{}!\"}}", "a".repeat(long))),
            echo(&format!("{{\"worse\":\"{}!\"}}", "a".repeat(long))),
            echo(&format!("{{\"mail\":\"{}\"}}", "a".repeat(long))),
            echo(&format!("{{\"mail\":\"{}@\"}}", "a_".repeat(long / 2))),
        ],
    )
    .await;
}

/// engine.io CVE-2022-21676 and socket.io-parser CVE-2023-32695: a packet that is not as expected ends the whole server.
#[tokio::test]
async fn socket_io_cve_2023_32695_malformed_messages() {
    let mut server = Attacked::start(Changed::default()).await;
    let mut raw = server.greeted().await;
    let texts = [
        "",
        " ",
        "\0",
        "{",
        "}",
        "[]",
        "null",
        "true",
        "0",
        "-",
        "\"",
        "\"a\"",
        "{}",
        "{}{}",
        "nul",
        "{\"type\"}",
        "{\"type\":}",
        "{\"type\":null}",
        "{\"type\":[]}",
        "{\"type\":{}}",
        "{\"type\":0}",
        "{\"type\":\"\"}",
        "{\"type\":\"open\"}",
        "{\"type\":\"open\",\"payload\":null}",
        "{\"type\":\"open\",\"payload\":[]}",
        "{\"type\":\"open\",\"payload\":\"\"}",
        "{\"type\":\"open\",\"payload\":{},\"correlationId\":0}",
        "{\"type\":\"open\",\"payload\":{},\"correlationId\":\"\"}",
        "{\"type\":\"open\",\"payload\":{},\"timestamp\":-1}",
        "{\"type\":\"open\",\"payload\":{\"a\":\"\\ud800\"}}",
        "{\"type\":\"open\",\"payload\":{\"a\":\"\\u12\"}}",
        "{\"type\":\"open\",\"payload\":{\"a\":01}}",
        "{\"type\":\"open\",\"payload\":{\"a\":NaN}}",
        "{\"type\":\"open\",\"payload\":{\"a\":1,}}",
        "{'type':'open'}",
        "{\"type\":\"open\",\"payload\":{}/**/}",
        "42[\"hasOwnProperty\"]",
        "451-[\"a\",{\"_placeholder\":true,\"num\":\"splice\"}]",
        "2probe",
        "0{}",
        "4",
        "6:{}",
    ];
    let attack = async {
        for _ in 0..many(1) {
            for text in texts {
                let answer = ask(&mut raw, text).await;
                assert_eq!(answer["type"], "error", "{text}: {answer}");
            }
            assert_eq!(ask(&mut raw, r#"{"type":"ping"}"#).await["type"], "pong");
        }
    };
    server.endures(one_by_one(), attack).await;
}

/// Names that are as long as a message may be are not given back, nor compared with every type at length.
#[tokio::test]
async fn very_long_names() {
    let long = "x".repeat(60_000);
    refused(
        "invalid_envelope",
        vec![
            format!("{{\"type\":\"ping\",\"correlationId\":\"{long}\"}}"),
            format!("{{\"type\":\"ping\",\"{long}\":1}}"),
            format!("{{\"{long}\":1}}"),
        ],
    )
    .await;
    refused("unknown_type", vec![format!("{{\"type\":\"{long}\"}}")]).await;
    refused(
        "invalid_payload",
        vec![
            echo(&format!("{{\"{long}\":1}}")),
            echo(&format!("{{\"n\":\"{long}\"}}")),
            echo(&format!(
                "{{{}}}",
                (0..5000)
                    .map(|n| format!("\"a{n}\":0"))
                    .collect::<Vec<_>>()
                    .join(",")
            )),
        ],
    )
    .await;
}

/// One that does nothing but break the protocol is sent away, and costs next to nothing until then.
#[tokio::test]
async fn violations_without_end() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for _ in 0..many(3) {
            let mut raw = Raw::open(address, "").await;
            raw.write(&masked(FIN | TEXT, b"{").repeat(200)).await;
            assert_eq!(raw.close_code().await, 4400);
        }
    };
    server.endures(one_by_one(), attack).await;
}
