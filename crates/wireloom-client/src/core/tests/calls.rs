//! Requests, streams, cancellation, time-outs, events, the queue.

use std::time::Duration;

use serde_json::json;

use super::{MS, Rig, SECOND, heard, last, notices};
use crate::error::{CallError, Ended, SendError};
use crate::events::Notice;
use crate::raw::Answer;

#[test]
fn answers_find_their_requests_in_any_order() {
    let mut rig = Rig::connected();
    let (mut first, mut second) = (rig.request(), rig.request());
    assert_eq!(rig.said_briefly(), ["say c-1", "say c-2"]);
    rig.answer("c-2", "said", json!({ "n": 2 }));
    assert!(last(&mut first).is_none());
    assert!(matches!(last(&mut second), Some(Ok(payload)) if payload == r#"{"n":2}"#));
    rig.answer("c-1", "said", json!({ "n": 1 }));
    assert!(matches!(last(&mut first), Some(Ok(payload)) if payload == r#"{"n":1}"#));
}

#[test]
fn late_answer_is_dropped() {
    let mut rig = Rig::connected();
    let mut events = rig.core.events("said");
    let call = rig.request();
    rig.said();
    rig.core.cancel(call.id);
    rig.answer("c-1", "said", json!({}));
    rig.answer("c-9", "said", json!({}));
    assert!(heard(&mut events).is_empty());
}

#[test]
fn unknown_message_type_is_ignored() {
    let mut rig = Rig::connected();
    let (mut call, mut stream) = (rig.request(), rig.stream());
    rig.said();
    rig.say(json!({ "type": "from:the:future", "payload": 7, "timestamp": 1, "new": [] }));
    rig.answer("c-1", "from:the:future", json!({}));
    rig.answer("c-1", "said", json!({}));
    rig.answer("c-2", "done", json!({}));
    assert!(matches!(last(&mut call), Some(Ok(_))));
    assert!(matches!(last(&mut stream), Some(Ok(_))));
}

#[test]
fn unreadable_text_is_a_notice() {
    let mut rig = Rig::connected();
    let mut told = rig.core.notices();
    rig.core.received("{".into(), rig.now);
    assert!(matches!(notices(&mut told)[..], [Notice::Unreadable(_)]));
    assert!(rig.is_connected());
}

#[test]
fn request_times_out_and_is_cancelled() {
    let mut rig = Rig::connected();
    let mut call = rig.begin(|call| call.timeout = Some(SECOND)).unwrap();
    rig.said();
    assert_eq!(rig.core.deadline(), Some(rig.now + SECOND));
    rig.pass(SECOND - MS);
    assert!(last(&mut call).is_none());
    rig.pass(MS);
    assert!(matches!(last(&mut call), Some(Err(CallError::TimedOut))));
    assert_eq!(rig.said_briefly(), ["request:cancel c-1"]);
}

#[test]
fn request_times_out_while_offline() {
    let mut rig = Rig::new();
    let mut call = rig.begin(|call| call.timeout = Some(SECOND)).unwrap();
    rig.pass(SECOND);
    assert!(matches!(last(&mut call), Some(Err(CallError::TimedOut))));
    rig.connect();
    assert!(rig.said().is_empty(), "it is not sent any more");
}

#[test]
fn stream_times_out_by_silence_only() {
    let mut rig = Rig::connected();
    let mut call = rig.begin(|call| {
        call.timeout = Some(SECOND);
        call.restart = true;
        call.answer = Answer::Stream {
            end: "done".into(),
            error: None,
        };
    });
    let call = call.as_mut().unwrap();
    rig.said();
    for at in 0..3 {
        rig.pass(SECOND - MS);
        rig.answer("c-1", "tick", json!({ "at": at }));
    }
    assert!(last(call).is_none());
    rig.pass(SECOND);
    assert!(matches!(last(call), Some(Err(CallError::TimedOut))));
}

#[test]
fn cancel_before_sending_sends_nothing() {
    let mut rig = Rig::new();
    let mut call = rig.request();
    rig.core.cancel(call.id);
    assert!(matches!(last(&mut call), Some(Err(CallError::Cancelled))));
    rig.connect();
    assert!(rig.said().is_empty());
}

#[test]
fn cancel_is_sent_once() {
    let mut rig = Rig::connected();
    let call = rig.request();
    rig.said();
    rig.core.cancel(call.id);
    rig.core.cancel(call.id);
    assert_eq!(rig.said_briefly(), ["request:cancel c-1"]);
    rig.answer("c-1", "error", json!({ "code": "cancelled", "message": "" }));
    rig.core.cancel(call.id);
    assert!(rig.said().is_empty());
}

#[test]
fn message_without_answer_is_over_when_it_is_taken() {
    let mut rig = Rig::connected();
    let mut call = rig.begin(|call| call.answer = Answer::Nothing).unwrap();
    assert_eq!(rig.said_briefly(), ["say c-1", "ping p-1"]);
    rig.answer("p-1", "pong", json!({}));
    assert!(matches!(last(&mut call), Some(Ok(_))));

    let mut refused = rig.begin(|call| call.answer = Answer::Nothing).unwrap();
    rig.said();
    rig.answer("c-2", "error", json!({ "code": "unauthorized", "message": "no" }));
    rig.answer("p-2", "pong", json!({}));
    assert!(
        matches!(last(&mut refused), Some(Err(CallError::Server(error))) if error.code == "unauthorized")
    );
}

#[test]
fn refused_send_is_a_notice() {
    let mut rig = Rig::connected();
    let mut told = rig.core.notices();
    rig.core.send("note", "{}".to_owned()).unwrap();
    assert_eq!(rig.said_briefly(), ["note"]);
    rig.say(json!({ "type": "error", "payload": { "code": "rate_limited", "message": "slow down", "retryable": true }, "timestamp": 1 }));
    let told = notices(&mut told);
    assert!(
        matches!(&told[..], [Notice::Error(error)] if error.code == "rate_limited" && error.retryable),
        "{told:?}"
    );
}

#[test]
fn slow_subscriber_is_told_what_it_missed() {
    let mut rig = Rig::with(|start| start.settings.inbox_messages = 2);
    rig.connect();
    let (mut slow, mut quick) = (rig.core.events("news"), rig.core.events("news"));
    let mut call = rig.request();
    rig.said();
    for at in 1..=4 {
        rig.say(json!({ "type": "news", "payload": at, "timestamp": 1 }));
        assert_eq!(heard(&mut quick), [at.to_string()]);
    }
    rig.answer("c-1", "said", json!({}));
    assert!(
        last(&mut call).is_some(),
        "nobody else waits for a slow subscriber"
    );
    assert_eq!(heard(&mut slow), ["1", "2", "missed 2"]);
    rig.say(json!({ "type": "news", "payload": 5, "timestamp": 1 }));
    assert_eq!(heard(&mut slow), ["5"]);
}

#[test]
fn slow_stream_is_cancelled() {
    let mut rig = Rig::with(|start| start.settings.inbox_messages = 2);
    rig.connect();
    let mut stream = rig.stream();
    rig.said();
    for at in 1..=4 {
        rig.answer("c-1", "tick", json!(at));
    }
    let items = stream.items.as_mut().unwrap();
    let taken: Vec<_> = std::iter::from_fn(|| items.try_next()).flatten().collect();
    assert_eq!(taken.len(), 2, "what was taken in time is not lost");
    assert!(matches!(last(&mut stream), Some(Err(CallError::Overrun))));
    assert_eq!(rig.said_briefly(), ["request:cancel c-1"]);
}

#[test]
fn queue_keeps_order_offline() {
    let mut rig = Rig::new();
    let _first = rig.request();
    rig.core.send("note", "{}".to_owned()).unwrap();
    let _second = rig.request();
    assert!(rig.said().is_empty());
    rig.connect();
    assert_eq!(rig.said_briefly(), ["say c-1", "note", "say c-2"]);
}

#[test]
fn queue_is_bounded_in_messages() {
    let mut rig = Rig::with(|start| start.settings.queue_messages = 2);
    let call = rig.request();
    rig.core.send("note", "{}".to_owned()).unwrap();
    assert!(matches!(rig.begin(|_| {}), Err(CallError::QueueFull)));
    assert_eq!(rig.core.send("note", "{}".to_owned()), Err(SendError::QueueFull));
    rig.core.cancel(call.id);
    assert_eq!(rig.core.send("note", "{}".to_owned()), Ok(()));
}

#[test]
fn queue_is_bounded_in_bytes() {
    let mut rig = Rig::with(|start| start.settings.queue_bytes = 1_000);
    let payload = || "x".repeat(600);
    assert_eq!(rig.core.send("note", payload()), Ok(()));
    assert_eq!(rig.core.send("note", payload()), Err(SendError::QueueFull));
}

#[test]
fn calls_under_way_are_bounded() {
    let mut rig = Rig::with(|start| start.settings.calls = 1);
    rig.connect();
    let call = rig.request();
    rig.said();
    assert!(matches!(rig.begin(|_| {}), Err(CallError::QueueFull)));
    rig.core.cancel(call.id);
    assert!(rig.begin(|_| {}).is_ok());
    // Calls that were cancelled and are never answered are forgotten in the end.
    for _ in 0..5 {
        rig.said();
        let id = rig.core.calls.iter().last().unwrap().0;
        rig.core.cancel(id);
        rig.begin(|_| {}).unwrap();
    }
    assert!(rig.core.calls.iter().count() <= 2);
}

#[test]
fn message_larger_than_the_server_takes_is_refused_here() {
    let mut rig = Rig::connected();
    let payload = |bytes| format!("\"{}\"", "x".repeat(bytes));
    // By the connection's limit, which no type exceeds, by the protocol's for a type, and by the server's for a type.
    for (kind, limit) in [("note", 2_000), ("large", 2_000), ("brief", 500), ("short", 300)] {
        let refused = rig.core.send(kind, payload(limit));
        let bytes = limit + 2;
        assert_eq!(refused, Err(SendError::TooLarge { bytes, limit }), "{kind}");
        assert_eq!(rig.core.send(kind, payload(limit - 200)), Ok(()), "{kind}");
    }
    assert_eq!(rig.said_briefly(), ["note", "large", "brief", "short"]);
}

#[test]
fn message_queued_before_the_limit_was_known_is_not_sent() {
    let mut rig = Rig::new();
    let mut told = rig.core.notices();
    let payload = format!("\"{}\"", "x".repeat(3_000));
    let mut call = rig.begin(|call| call.payload.clone_from(&payload)).unwrap();
    rig.core.send("note", payload).unwrap();
    rig.core.send("small", "{}".to_owned()).unwrap();
    rig.connect();
    assert_eq!(rig.said_briefly(), ["small"]);
    assert!(matches!(
        last(&mut call),
        Some(Err(CallError::TooLarge { limit: 2_000, .. }))
    ));
    assert!(
        notices(&mut told)
            .iter()
            .any(|notice| matches!(notice, Notice::NotSent { kind, .. } if kind == "note"))
    );
}

#[test]
fn end_is_told_to_everyone() {
    let mut rig = Rig::connected();
    let mut events = rig.core.events("news");
    let mut sent = rig.request();
    rig.said();
    let mut queued = rig.request();
    rig.close_with(4403);
    for call in [&mut sent, &mut queued] {
        assert!(matches!(
            last(call),
            Some(Err(CallError::Disconnected(Ended::Final { .. })))
        ));
    }
    assert!(matches!(rig.begin(|_| {}), Err(CallError::Disconnected(_))));
    let waker = std::task::Context::from_waker(std::task::Waker::noop());
    let mut waker = waker;
    assert!(matches!(
        events.poll_next(&mut waker),
        std::task::Poll::Ready(None)
    ));
    assert!(matches!(
        rig.core.events("news").poll_next(&mut waker),
        std::task::Poll::Ready(None)
    ));
    assert!(rig.pass(Duration::from_secs(3600)).is_none());
}
