//! Tokens: shown at the handshake, refreshed in place, asked for again when they are refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wireloom::ClientAction;
use wireloom_client::{CallError, Ended, Lost, State, TokenNeed};

use crate::support::{Fake, reach, soon};

#[tokio::test]
async fn token_is_shown_at_the_handshake() {
    let fake = Fake::new().await;
    let client = fake.builder().token("secret").start().unwrap();
    let peer = fake.greet("t").await;
    assert_eq!(peer.authorization.as_deref(), Some("Bearer secret"));
    assert!(!format!("{client:?}").contains("secret"));
}

#[tokio::test]
async fn refused_token_is_replaced() {
    let fake = Fake::new().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let provider = move |need| {
        let at = count.fetch_add(1, Ordering::SeqCst);
        async move {
            match need {
                TokenNeed::Connect => Ok(format!("old {at}")),
                TokenNeed::Refused => Ok::<_, std::io::Error>(format!("new {at}")),
                _ => Err(std::io::Error::other("what for?")),
            }
        }
    };
    let _client = fake.builder().token_provider(provider).start().unwrap();
    let peer = fake.greet("t").await;
    assert_eq!(peer.authorization.as_deref(), Some("Bearer old 0"));
    peer.close(4401).await;
    let peer = fake.resume("t", 0, &[]).await;
    assert_eq!(peer.authorization.as_deref(), Some("Bearer new 1"));
    peer.cut();
    let peer = fake.resume("t+", 0, &[]).await;
    assert_eq!(peer.authorization.as_deref(), Some("Bearer old 2"));
}

#[tokio::test]
async fn refused_fixed_token_ends_the_client() {
    let fake = Fake::new().await;
    let client = fake.builder().token("secret").start().unwrap();
    fake.greet("t").await.close(4401).await;
    let state = reach(&client, |state| matches!(state, State::Ended(_))).await;
    assert!(matches!(
        state,
        State::Ended(Ended::Final {
            action: ClientAction::LogIn,
            ..
        })
    ));
}

#[tokio::test]
async fn handshake_refused_with_401_asks_for_another_token() {
    let fake = Fake::new().await;
    let provider = |need| async move { Ok::<_, std::io::Error>(format!("{need:?}")) };
    let _client = fake.builder().token_provider(provider).start().unwrap();
    let mut tcp = fake.tcp().await;
    let mut request = [0; 2048];
    soon(tcp.read(&mut request)).await.unwrap();
    let response = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    tcp.write_all(response).await.unwrap();
    let peer = fake.greet("t").await;
    assert_eq!(peer.authorization.as_deref(), Some("Bearer Refused"));
}

#[tokio::test]
async fn provider_without_a_token_is_asked_again() {
    let fake = Fake::new().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let provider = move |_| {
        let at = count.fetch_add(1, Ordering::SeqCst);
        async move {
            match at {
                0 => Err(std::io::Error::other("nobody is logged in")),
                _ => Ok("token".to_owned()),
            }
        }
    };
    let client = fake.builder().token_provider(provider).start().unwrap();
    let mut notices = client.notices();
    let _peer = fake.greet("t").await;
    let first = soon(futures_util::StreamExt::next(&mut notices)).await;
    let lost = Lost::Token("nobody is logged in".to_owned());
    assert_eq!(first, Some(wireloom_client::Notice::Lost(lost)));
}

#[tokio::test]
async fn token_is_refreshed_in_place() {
    let fake = Fake::new().await;
    let client = fake.builder().token("old").start().unwrap();
    let mut peer = fake.greet("t").await;
    let refresh = |token: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.refresh(token).await })
    };
    let refreshed = refresh("new");
    let request = peer.expect("connection:authenticate").await;
    assert_eq!(request["payload"], json!({ "token": "new" }));
    let payload = json!({ "subject": "me", "scopes": [] });
    peer.answer(&request, "connection:authenticated", payload).await;
    assert!(soon(refreshed).await.unwrap().is_ok());

    // From now on it is the one that is shown.
    peer.cut();
    let mut peer = fake.resume("t", 0, &[]).await;
    assert_eq!(peer.authorization.as_deref(), Some("Bearer new"));

    let refused = refresh("bad");
    let request = peer.expect("connection:authenticate").await;
    let payload = json!({ "code": "unauthorized", "message": "no", "retryable": false });
    peer.answer(&request, "error", payload).await;
    let refused = soon(refused).await.unwrap();
    assert!(matches!(refused, Err(CallError::Server(error)) if error.code == "unauthorized"));
    let impossible = soon(refresh("two\nlines")).await.unwrap();
    assert!(matches!(impossible, Err(CallError::Token)), "{impossible:?}");

    // What is refused takes no other's place.
    peer.cut();
    let peer = fake.resume("t+", 0, &[]).await;
    assert_eq!(peer.authorization.as_deref(), Some("Bearer new"));
}
