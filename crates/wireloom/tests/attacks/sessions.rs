//! Sessions of others: guessed, stolen, used again, and left behind in numbers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ALICE, Attacked, BOB, Bounds, Changed, FIN, Raw, TEXT, many, masked};

const KIB: usize = 1024;

const LITTLE: Bounds = Bounds {
    memory: 1024 * KIB,
    cpu: Duration::from_millis(400),
};

fn waiting(ms: u64, tokens: bool) -> Changed {
    Changed {
        resume_window_ms: Some(ms),
        tokens,
        ..Changed::default()
    }
}

/// A connection with a session, and its token.
async fn session(server: std::net::SocketAddr, bearer: Option<&str>) -> (Raw, String) {
    let bearer = bearer.map(|token| format!(", bearer.{token}"));
    let header = format!(
        "Sec-WebSocket-Protocol: attacked.v1{}\r\n",
        bearer.unwrap_or_default()
    );
    let mut raw = Raw::open(server, &header).await;
    let greeting = raw.next().await;
    let token = greeting["payload"]["resumeToken"].as_str().unwrap().to_owned();
    (raw, token)
}

async fn ask(raw: &mut Raw, name: &str, payload: Value) -> Value {
    let message = json!({"type": name, "payload": payload, "correlationId": "x"});
    raw.write(&masked(FIN | TEXT, message.to_string().as_bytes()))
        .await;
    raw.next().await
}

async fn resume(raw: &mut Raw, token: &str) -> Value {
    let answer = ask(
        raw,
        "connection:resume",
        json!({"resumeToken": token, "lastSeq": 0}),
    )
    .await;
    assert_eq!(answer["type"], "connection:resumed", "{answer}");
    answer["payload"].clone()
}

/// Who has stolen a token, and is not who it was given to, gets nothing; its owner notices nothing.
#[tokio::test]
async fn resume_hijack() {
    let mut server = Attacked::start(waiting(20_000, true)).await;
    let address = server.address;
    let attack = async {
        let (mut victim, stolen) = session(address, Some(ALICE)).await;
        for _ in 0..many(5) {
            let (mut thief, _own) = session(address, Some(BOB)).await;
            let told = resume(&mut thief, &stolen).await;
            assert_eq!(told["resumed"], false);
            // Nothing says that there is such a session.
            assert_eq!(told["reason"], "unknown");
        }
        assert_eq!(ask(&mut victim, "echo", json!({"text": "mine"})).await["seq"], 1);
        drop(victim);
        let (mut back, _) = session(address, Some(ALICE)).await;
        assert_eq!(resume(&mut back, &stolen).await["resumed"], true);
        assert_eq!(back.next().await["payload"]["text"], "mine");
        for raw in [&mut back] {
            raw.write(&masked(FIN | 8, &1000_u16.to_be_bytes())).await;
        }
    };
    // The sessions of the thief wait for it.
    let bounds = Bounds {
        memory: many(5) * 40 * KIB + 256 * KIB,
        ..LITTLE
    };
    server.endures_as(Some(ALICE), bounds, attack).await;
}

#[tokio::test]
async fn a_resume_token_that_was_replaced_is_worth_nothing() {
    let mut server = Attacked::start(waiting(20_000, false)).await;
    let address = server.address;
    let attack = async {
        let (first, old) = session(address, None).await;
        drop(first);
        let (mut back, _) = session(address, None).await;
        let told = resume(&mut back, &old).await;
        assert_eq!(told["resumed"], true);
        // Shows that the new token has arrived.
        ask(&mut back, "echo", json!({"text": "a"})).await;
        for _ in 0..many(5) {
            let (mut again, _) = session(address, None).await;
            assert_eq!(resume(&mut again, &old).await["reason"], "unknown");
            again.write(&masked(FIN | 8, &1000_u16.to_be_bytes())).await;
        }
        assert_eq!(
            ask(&mut back, "echo", json!({"text": "b"})).await["payload"]["text"],
            "b"
        );
        back.write(&masked(FIN | 8, &1000_u16.to_be_bytes())).await;
    };
    server.endures(LITTLE, attack).await;
}

/// Tokens that were never given, and a name of a session that was, with another secret.
#[tokio::test]
async fn guessed_resume_tokens() {
    let mut server = Attacked::start(waiting(20_000, false)).await;
    let address = server.address;
    let attack = async {
        let (mut victim, token) = session(address, None).await;
        let flip = |at: usize| {
            let mut guess = token.clone().into_bytes();
            guess[at] = if guess[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(guess).unwrap()
        };
        let long = "A".repeat(60_000);
        let mut guesses = vec![
            String::new(),
            "A".repeat(64),
            long,
            token[..63].to_owned(),
            format!("{token}A"),
            token.to_lowercase(),
        ];
        guesses.extend((0..64).map(flip));
        for guess in guesses {
            let (mut raw, _) = session(address, None).await;
            let answer = ask(
                &mut raw,
                "connection:resume",
                json!({"resumeToken": guess, "lastSeq": 0}),
            )
            .await;
            match answer["type"].as_str() {
                Some("connection:resumed") => assert_eq!(answer["payload"]["reason"], "unknown", "{guess}"),
                _ => assert_eq!(answer["payload"]["code"], "invalid_payload", "{answer}"),
            }
            // A second guess on the same connection is not even looked at.
            let second = json!({"resumeToken": token, "lastSeq": 0});
            let answer = ask(&mut raw, "connection:resume", second).await;
            assert_eq!(answer["payload"]["resumed"], false, "{answer}");
            raw.write(&masked(FIN | 8, &1000_u16.to_be_bytes())).await;
        }
        assert_eq!(ask(&mut victim, "echo", json!({"text": "a"})).await["seq"], 1);
        victim.write(&masked(FIN | 8, &1000_u16.to_be_bytes())).await;
    };
    server.endures(LITTLE, attack).await;
}

/// Sessions that nobody comes back for end with their window, and cost little until then.
#[tokio::test]
async fn sessions_left_behind() {
    let mut server = Attacked::start(waiting(500, false)).await;
    let address = server.address;
    let attack = async {
        for _ in 0..many(100) {
            drop(session(address, None).await);
        }
    };
    let bounds = Bounds {
        memory: many(100) * 24 * KIB,
        cpu: Duration::from_millis(many(30) as u64),
    };
    server.endures(bounds, attack).await;
}
