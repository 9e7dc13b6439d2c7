//! One frame in any legal shape: pipelined, fragmented, spaced, escaped.

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::support::{CONTINUATION, FIN, PING, PONG, Server, TEXT, error, masked, message};

#[tokio::test]
async fn the_greeting_introduces_the_server() {
    let server = Server::start().await;
    let (_client, greeting) = server.greeted().await;
    let payload = &greeting["payload"];
    let protocol = &payload["protocol"];
    for (name, value) in [("name", "test"), ("version", "1.2.3"), ("hash", "0123")] {
        assert_eq!(protocol[name], value);
    }
    let answers = &protocol["answers"];
    assert_eq!(answers["echo"], json!({"reply": "echoed"}));
    assert_eq!(answers["count"], json!({"item": "number", "end": "done"}));
    assert_eq!(
        answers.get("connection:authenticate"),
        None,
        "the engine's own are known"
    );
    assert_eq!(payload["heartbeatMs"], 30_000);
    assert_eq!(
        payload["limits"],
        json!({"messageBytes": 65536, "depth": 16, "inFlight": 4, "typeBytes": {"small": 200}})
    );
    assert_eq!(greeting.get("seq"), None);
}

#[tokio::test]
async fn all_requests_of_one_segment_are_answered() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    raw.next().await;
    for count in [16, 1000] {
        let segment: Vec<u8> = (0..count)
            .flat_map(|n| {
                masked(
                    FIN | TEXT,
                    message("echo", json!({"text": "a"}), &n.to_string()).as_bytes(),
                )
            })
            .collect();
        raw.write(&segment).await;
        for n in 0..count {
            assert_eq!(raw.next().await["correlationId"], n.to_string());
        }
    }
}

#[tokio::test]
async fn fragments_with_a_ping_between_them() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    raw.next().await;
    // A fragment ends in the middle of a character.
    let text = message("echo", json!({"text": "naïve"}), "1");
    let cut = text.find('ï').unwrap() + 1;
    let (head, tail) = text.as_bytes().split_at(cut);
    raw.write(&masked(TEXT, head)).await;
    raw.write(&masked(FIN | PING, b"hello")).await;
    raw.write(&masked(CONTINUATION, b"")).await;
    assert_eq!(raw.frame().await, Some((PONG, b"hello".to_vec())));
    raw.write(&masked(FIN | CONTINUATION, tail)).await;
    assert_eq!(raw.next().await["payload"]["text"], "naïve");
}

#[tokio::test]
async fn byte_by_byte() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    raw.next().await;
    raw.stream.set_nodelay(true).unwrap();
    for byte in masked(FIN | TEXT, message("echo", json!({"text": "a"}), "1").as_bytes()) {
        raw.write(&[byte]).await;
    }
    assert_eq!(raw.next().await["type"], "echoed");
}

#[tokio::test]
async fn both_kinds_of_ping() {
    let mut client = Server::start().await.client().await;
    let pong = client
        .ask_text("{\"type\":\"ping\",\"payload\":{},\"correlationId\":\"p\"}")
        .await;
    assert_eq!(pong["type"], "pong");
    assert_eq!(pong["payload"], json!({}));
    assert_eq!(pong["correlationId"], "p");
    client.socket.send(Frame::Ping(vec![7, 7].into())).await.unwrap();
    let frame = client.socket.next().await.unwrap().unwrap();
    assert_eq!(frame, Frame::Pong(vec![7, 7].into()));
}

#[tokio::test]
async fn fields_in_any_order_spacing_and_spelling() {
    let mut client = Server::start().await.client().await;
    for text in [
        r#"{"payload":{"text":"a","n":3},"correlationId":"1","type":"echo"}"#,
        r#"{"correlationId":"1","timestamp":0,"ack":0,"payload":{"text":"a","n":3},"type":"echo"}"#,
        "\r\n\t { \"type\" :\n\"echo\" , \"payload\" : { \"n\" : 3 , \"text\" : \"a\" } , \"correlationId\" : \"1\" }\n ",
        r#"{"\u0074ype":"\u0065cho","payload":{"\u0074ext":"\u0061","n":3},"correlation\u0049d":"\u0031"}"#,
        r#"{"type":"echo","payload":{"text":"a","n":3.0},"correlationId":"1"}"#,
        r#"{"type":"echo","payload":{"text":"a","n":0.3e1},"correlationId":"1"}"#,
    ] {
        let reply = client.ask_text(text).await;
        assert_eq!(reply["type"], "echoed", "{text}: {reply}");
        assert_eq!(reply["correlationId"], "1");
        assert_eq!(reply["payload"]["text"], "a");
        assert_eq!(reply["payload"]["n"].as_f64(), Some(3.0));
    }
    // The same name, spelled with an escape, is a duplicate all the same.
    let answer = client
        .ask_text(r#"{"type":"echo","payload":{"text":"a","\u0074ext":"b"}}"#)
        .await;
    error(&answer, "invalid_json", None);
}

#[tokio::test]
async fn text_survives_the_round_trip() {
    let mut client = Server::start().await.client().await;
    for text in [
        "plain",
        "quotes \" and \\ and / and controls \u{0}\u{1f}\n\r\t\u{8}\u{c}\u{7f}",
        "é 漢 😀 \u{fffd} \u{10ffff} \u{2028}",
        &"long ".repeat(5000),
        &"😀".repeat(5000),
    ] {
        let reply = client
            .ask("echo", json!({"text": text}), text.get(..5).unwrap_or("id"))
            .await;
        assert_eq!(reply["payload"]["text"], text);
    }
}

#[tokio::test]
async fn a_payload_may_be_left_out_where_the_protocol_says_so() {
    let mut client = Server::start().await.client().await;
    let reply = client.ask_text(r#"{"type":"whole","correlationId":"1"}"#).await;
    assert_eq!(reply["payload"], json!({}));
    error(
        &client.ask_text(r#"{"type":"whole","payload":null}"#).await,
        "invalid_payload",
        None,
    );
    error(
        &client.ask_text(r#"{"type":"count"}"#).await,
        "invalid_payload",
        None,
    );
}
