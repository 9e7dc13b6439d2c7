//! A payload that the decoder gives up on, since nested unions multiply, is refused without asking the validator.

use wireloom::json::{Decode, Encode, Fault, FaultKind, Read, Reader, Writer};
use wireloom::{Builder, ClientMessage, Ctx, IntoReject, Message, Reject, Request, on};

const PROTOCOL: &str = r#"{
    "info": { "name": "undecided", "version": "1.0.0" },
    "subprotocol": "undecided.v1",
    "hash": "",
    "connection": {
        "path": "/ws", "heartbeatIntervalMs": 1000, "heartbeatTimeoutMs": 1000,
        "resumeWindowMs": 0, "resumeMessages": 0, "resumeBytes": 0,
        "limits": { "messageBytes": 1000, "depth": 8, "rate": null, "burst": 1, "inFlight": 1, "outboxBytes": 10000 }
    },
    "messages": { "riddle": { "from": "client", "payload": true } }
}"#;

#[derive(Debug)]
struct Riddle;

impl Decode for Riddle {
    fn decode(reader: &mut Reader<'_>) -> Read<Self> {
        Err(Fault {
            at: reader.position(),
            kind: FaultKind::TooComplex,
        })
    }
}

impl Encode for Riddle {
    fn encode(&self, _out: &mut Writer) {}
}

impl Message for Riddle {
    const TYPE: &'static str = "riddle";
}

impl ClientMessage for Riddle {}

impl Request for Riddle {
    type Reply = ();
    type Error = Never;
}

#[derive(Debug)]
enum Never {}

impl IntoReject for Never {
    fn into_reject(self) -> Reject {
        match self {}
    }
}

#[tokio::test]
async fn is_the_clients_error_and_not_ours() {
    let engine = Builder::generated(PROTOCOL, ())
        .on(on(async |_: Ctx<()>, _: Riddle| Ok::<_, Never>(())))
        .build();
    let answers = engine
        .call(r#"{"type":"riddle","payload":{},"correlationId":"r-1"}"#)
        .await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    let answer: serde_json::Value = serde_json::from_str(&answers[0]).unwrap();
    assert_eq!(answer["payload"]["code"], "invalid_payload");
    assert_eq!(answer["correlationId"], "r-1");
}
