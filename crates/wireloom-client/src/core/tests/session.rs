//! Taking a session up again: what is replayed, what is sent again, what is acknowledged, what is lost.

use serde_json::{Value, json};

use super::{MS, Rig, SECOND, heard, last, notices};
use crate::core::Step;
use crate::error::{CallError, Discontinuity, Lost};
use crate::events::Notice;

fn resumed(replayed: u64) -> Value {
    json!({ "clientId": "a", "resumed": true, "replayed": replayed, "resumeToken": "t2" })
}

fn refused(reason: &str) -> Value {
    json!({ "clientId": "b", "resumed": false, "reason": reason, "replayed": 0, "resumeToken": "t9" })
}

/// A session with three messages received, whose connection was cut and opened again.
fn broken() -> Rig {
    let mut rig = Rig::connected();
    for seq in 1..=3 {
        rig.numbered(seq, None, "news", json!(seq));
    }
    rig.cut();
    rig.reopen();
    rig
}

#[test]
fn resume_is_the_first_message() {
    let mut rig = broken();
    let _call = rig.request();
    let resume = json!({
        "type": "connection:resume", "payload": { "resumeToken": "t1", "lastSeq": 3 }, "correlationId": "resume"
    });
    assert_eq!(rig.said(), [resume], "and nothing else until it is answered");
    rig.greet(json!({ "clientId": "b", "resumeToken": "short-lived", "heartbeatMs": 10_000 }));
    assert!(rig.said().is_empty());
    rig.resumed(resumed(0));
    assert_eq!(rig.said_briefly(), ["say c-1"]);
}

#[test]
fn resume_replays_what_was_missed() {
    let mut rig = broken();
    let mut events = rig.core.events("news");
    let mut told = rig.core.notices();
    rig.said();
    rig.resumed(resumed(2));
    assert!(!rig.is_connected());
    for seq in 4..=6 {
        rig.numbered(seq, None, "news", json!(seq));
        assert_eq!(
            rig.is_connected(),
            seq >= 5,
            "the last of the replay is the fifth"
        );
    }
    assert_eq!(heard(&mut events), ["4", "5", "6"]);
    let notice = Notice::Resumed {
        client_id: "a".to_owned(),
        replayed: 2,
    };
    assert_eq!(notices(&mut told), [notice]);
}

#[test]
fn messages_of_the_short_lived_session_are_ignored() {
    let mut rig = broken();
    let mut events = rig.core.events("news");
    rig.numbered(1, None, "news", json!("of the short-lived session"));
    rig.numbered(4, None, "news", json!("of the short-lived session"));
    rig.resumed(resumed(1));
    rig.numbered(4, None, "news", json!("missed"));
    assert_eq!(heard(&mut events), [r#""missed""#]);
}

#[test]
fn token_is_rotated() {
    let mut rig = broken();
    rig.resumed(resumed(0));
    rig.said();
    rig.cut();
    rig.reopen();
    assert_eq!(rig.said()[0]["payload"]["resumeToken"], "t2");
}

#[test]
fn token_is_used_again_when_resumed_was_lost() {
    let mut rig = broken();
    for _ in 0..3 {
        rig.greet(json!({ "clientId": "b", "resumeToken": "short-lived", "heartbeatMs": 10_000 }));
        assert_eq!(
            rig.said()[0]["payload"],
            json!({ "resumeToken": "t1", "lastSeq": 3 })
        );
        rig.cut();
        rig.reopen();
    }
}

#[test]
fn resumed_is_confirmed_by_an_acknowledgement() {
    let mut rig = broken();
    rig.said();
    rig.resumed(resumed(1));
    assert!(rig.said().is_empty(), "the replay comes first");
    rig.numbered(4, None, "news", json!({}));
    assert_eq!(
        rig.said(),
        [json!({ "type": "connection:ack", "payload": { "seq": 4 } })]
    );

    let mut rig = Rig::connected();
    rig.cut();
    rig.reopen();
    rig.said();
    rig.resumed(resumed(0));
    assert_eq!(
        rig.said(),
        [json!({ "type": "connection:ack", "payload": { "seq": 0 } })]
    );
}

#[test]
fn replay_that_stops_halfway_is_tried_again() {
    let mut rig = broken();
    rig.said();
    rig.resumed(resumed(2));
    rig.numbered(4, None, "news", json!({}));
    assert_eq!(rig.pass(10 * SECOND), Some(Lost::TimedOut));
    rig.lose(Lost::TimedOut);
    rig.reopen();
    assert_eq!(
        rig.said()[0]["payload"],
        json!({ "resumeToken": "t2", "lastSeq": 4 })
    );
}

#[test]
fn duplicate_is_dropped() {
    let mut rig = Rig::connected();
    let mut events = rig.core.events("news");
    for seq in [1, 2, 2, 1, 3] {
        rig.numbered(seq, None, "news", json!(seq));
    }
    assert_eq!(heard(&mut events), ["1", "2", "3"]);
}

#[test]
fn gap_is_an_error_and_is_resumed() {
    let mut rig = Rig::connected();
    let mut events = rig.core.events("news");
    rig.numbered(1, None, "news", json!(1));
    rig.numbered(3, None, "news", json!(3));
    let gap = Lost::Gap { expected: 2, got: 3 };
    assert_eq!(rig.pass(MS), Some(gap.clone()));
    rig.numbered(2, None, "news", json!("too late"));
    assert!(rig.said().is_empty());
    rig.lose(gap);
    assert_eq!(rig.core.step(rig.now), Step::Open { renew: false }, "at once");
    rig.core.opened(rig.now);
    assert_eq!(rig.said()[0]["payload"]["lastSeq"], 1);
    rig.resumed(resumed(2));
    rig.numbered(2, None, "news", json!(2));
    rig.numbered(3, None, "news", json!(3));
    assert_eq!(heard(&mut events), ["1", "2", "3"]);
}

#[test]
fn unnumbered_messages_are_taken_as_they_come() {
    let mut rig = Rig::connected();
    let mut events = rig.core.events("news");
    rig.numbered(1, None, "news", json!(1));
    rig.say(json!({ "type": "news", "payload": "without", "timestamp": 1 }));
    rig.numbered(2, None, "news", json!(2));
    assert_eq!(heard(&mut events), ["1", r#""without""#, "2"]);
}

#[test]
fn unanswered_requests_are_sent_again_in_order() {
    let mut rig = Rig::connected();
    let calls: Vec<_> = (0..4).map(|_| rig.request()).collect();
    rig.said();
    rig.numbered(1, Some("c-1"), "said", json!({}));
    rig.cut();
    let _queued = rig.request();
    rig.reopen();
    rig.said();
    rig.resumed(resumed(1));
    rig.numbered(2, Some("c-3"), "said", json!({}));
    let said = rig.said();
    let ids: Vec<_> = said
        .iter()
        .map(|message| message["correlationId"].clone())
        .collect();
    assert_eq!(
        ids,
        ["c-2", "c-4", "c-5"],
        "those answered in the replay are not, and new ones come behind"
    );
    assert_eq!(said[0]["payload"], json!({}));
    assert_eq!(said[0]["ack"], 2, "the first message acknowledges");
    drop(calls);
}

#[test]
fn stream_goes_on_after_resume() {
    let mut rig = Rig::connected();
    let mut stream = rig.stream();
    rig.said();
    rig.numbered(1, Some("c-1"), "tick", json!(1));
    rig.cut();
    rig.reopen();
    rig.said();
    rig.resumed(resumed(1));
    rig.numbered(2, Some("c-1"), "tick", json!(2));
    assert_eq!(rig.said_briefly(), ["count c-1"], "the server runs an id once");
    rig.numbered(3, Some("c-1"), "tick", json!(3));
    rig.numbered(4, Some("c-1"), "done", json!({}));
    let items = stream.items.as_mut().unwrap();
    let items: Vec<_> = std::iter::from_fn(|| items.try_next()).flatten().collect();
    let items: Vec<_> = items.iter().map(|item| item.payload()).collect();
    assert_eq!(items, ["1", "2", "3"]);
    assert!(matches!(last(&mut stream), Some(Ok(_))));
}

#[test]
fn cancelled_while_offline_is_cancelled_after_resume() {
    let mut rig = Rig::connected();
    let call = rig.request();
    let _other = rig.request();
    rig.said();
    rig.cut();
    rig.core.cancel(call.id);
    rig.reopen();
    rig.said();
    rig.resumed(resumed(0));
    assert_eq!(rig.said_briefly(), ["request:cancel c-1", "say c-2"]);
}

#[test]
fn refused_resume_is_a_discontinuity() {
    let reasons = [
        ("expired", Discontinuity::Expired),
        ("gap", Discontinuity::Gap),
        ("unknown", Discontinuity::Unknown),
        ("unsupported", Discontinuity::Unsupported),
        ("haunted", Discontinuity::Other("haunted".to_owned())),
    ];
    for (name, reason) in reasons {
        let mut rig = broken();
        let mut events = rig.core.events("news");
        let mut told = rig.core.notices();
        rig.said();
        rig.greet(json!({ "clientId": "b", "resumeToken": "short-lived", "heartbeatMs": 10_000 }));
        rig.resumed(refused(name));
        rig.numbered(1, None, "news", json!("new"));
        assert_eq!(
            heard(&mut events),
            [format!("{reason:?}"), r#""new""#.to_owned()],
            "in its place"
        );
        let connected = Notice::Connected {
            client_id: Some("b".to_owned()),
        };
        assert_eq!(notices(&mut told), [Notice::Discontinuity(reason), connected]);
        rig.said();
        rig.cut();
        rig.reopen();
        assert_eq!(
            rig.said()[0]["payload"],
            json!({ "resumeToken": "t9", "lastSeq": 1 }),
            "it starts over"
        );
    }
}

#[test]
fn refused_resume_keeps_the_new_session() {
    let mut rig = broken();
    rig.said();
    rig.greet(json!({ "clientId": "b", "resumeToken": "short-lived", "heartbeatMs": 10_000 }));
    rig.resumed(json!({ "clientId": "b", "resumed": false, "reason": "expired", "replayed": 0 }));
    rig.cut();
    rig.reopen();
    assert_eq!(
        rig.said()[0]["payload"],
        json!({ "resumeToken": "short-lived", "lastSeq": 0 })
    );
}

#[test]
fn resume_answered_by_an_error_is_a_discontinuity() {
    let mut rig = broken();
    let mut told = rig.core.notices();
    rig.said();
    rig.answer(
        "resume",
        "error",
        json!({ "code": "unknown_type", "message": "what?" }),
    );
    assert!(rig.is_connected());
    assert!(notices(&mut told).contains(&Notice::Discontinuity(Discontinuity::Unsupported)));
}

#[test]
fn refused_resume_interrupts_what_was_sent() {
    let mut rig = Rig::connected();
    let mut sent = rig.request();
    let mut idempotent = rig.begin(|call| call.idempotent = true).unwrap();
    let mut stream = rig.stream();
    rig.said();
    rig.numbered(1, Some("c-3"), "tick", json!({}));
    rig.cut();
    let mut queued = rig.request();
    rig.reopen();
    rig.said();
    rig.resumed(refused("gap"));
    for call in [&mut sent, &mut stream] {
        assert!(matches!(
            last(call),
            Some(Err(CallError::Interrupted(Discontinuity::Gap)))
        ));
    }
    assert_eq!(
        rig.said_briefly(),
        ["say c-2", "say c-4"],
        "what may run twice, and what was never sent"
    );
    rig.numbered(1, Some("c-2"), "said", json!({}));
    rig.numbered(2, Some("c-4"), "said", json!({}));
    assert!(matches!(last(&mut idempotent), Some(Ok(_))));
    assert!(matches!(last(&mut queued), Some(Ok(_))));
}

#[test]
fn begun_stream_is_never_sent_twice() {
    let mut rig = Rig::connected();
    let mut stream = rig.begin(|call| {
        call.idempotent = true;
        call.answer = crate::raw::Answer::Stream {
            end: "done".into(),
            error: None,
        };
    });
    let stream = stream.as_mut().unwrap();
    rig.said();
    rig.numbered(1, Some("c-1"), "tick", json!({}));
    rig.cut();
    rig.reopen();
    rig.said();
    rig.resumed(refused("gap"));
    assert!(matches!(last(stream), Some(Err(CallError::Interrupted(_)))));
    assert!(rig.said().is_empty());
}

#[test]
fn server_without_sessions_interrupts_at_once() {
    let mut rig = Rig::new();
    rig.open();
    rig.greet(json!({ "clientId": "a", "heartbeatMs": 10_000 }));
    let mut events = rig.core.events("news");
    let mut call = rig.request();
    let _idempotent = rig.begin(|call| call.idempotent = true).unwrap();
    rig.said();
    rig.cut();
    assert!(matches!(
        last(&mut call),
        Some(Err(CallError::Interrupted(Discontinuity::Unsupported)))
    ));
    rig.reopen();
    assert!(rig.said().is_empty(), "there is nothing to resume");
    rig.greet(json!({ "clientId": "b", "heartbeatMs": 10_000 }));
    assert_eq!(heard(&mut events), ["Unsupported"]);
    assert_eq!(rig.said_briefly(), ["say c-2"]);
}

#[test]
fn idempotent_request_survives_several_losses() {
    let mut rig = Rig::new();
    rig.open();
    rig.greet(json!({ "clientId": "a" }));
    let mut call = rig.begin(|call| call.idempotent = true).unwrap();
    rig.said();
    for _ in 0..3 {
        rig.cut();
        rig.reopen();
    }
    rig.greet(json!({ "clientId": "b" }));
    assert_eq!(rig.said_briefly(), ["say c-1"]);
    rig.answer("c-1", "said", json!({}));
    assert!(matches!(last(&mut call), Some(Ok(_))));
}

#[test]
fn acknowledges_after_32_messages() {
    let mut rig = Rig::connected();
    for seq in 1..=31 {
        rig.numbered(seq, None, "news", json!({}));
    }
    assert!(rig.said().is_empty());
    rig.numbered(32, None, "news", json!({}));
    assert_eq!(
        rig.said(),
        [json!({ "type": "connection:ack", "payload": { "seq": 32 } })]
    );
}

#[test]
fn acknowledges_after_64_kib() {
    let mut rig = Rig::connected();
    rig.numbered(1, None, "news", json!("x".repeat(60_000)));
    assert!(rig.said().is_empty());
    rig.numbered(2, None, "news", json!("x".repeat(6_000)));
    assert_eq!(rig.said_briefly(), ["connection:ack"]);
}

#[test]
fn acknowledges_after_a_second() {
    let mut rig = Rig::connected();
    rig.numbered(1, None, "news", json!({}));
    rig.pass(600 * MS);
    rig.numbered(2, None, "news", json!({}));
    assert_eq!(
        rig.core.deadline(),
        Some(rig.now + 400 * MS),
        "after the first, not the last"
    );
    rig.pass(399 * MS);
    assert!(rig.said().is_empty());
    rig.pass(MS);
    assert_eq!(
        rig.said(),
        [json!({ "type": "connection:ack", "payload": { "seq": 2 } })]
    );
    rig.pass(2 * SECOND);
    assert!(rig.said().is_empty(), "once");
}

#[test]
fn acknowledgement_rides_on_what_is_sent_anyway() {
    let mut rig = Rig::connected();
    rig.numbered(1, None, "news", json!({}));
    let _calls = (rig.request(), rig.request());
    let said = rig.said();
    assert_eq!((&said[0]["ack"], &said[1]["ack"]), (&json!(1), &Value::Null));
    rig.pass(2 * SECOND);
    assert!(rig.said().is_empty());
}

#[test]
fn nothing_is_acknowledged_without_a_session() {
    let mut rig = Rig::new();
    rig.open();
    rig.greet(json!({ "clientId": "a" }));
    rig.numbered(1, None, "news", json!({}));
    rig.pass(2 * SECOND);
    let _call = rig.request();
    assert_eq!(rig.said()[0]["ack"], Value::Null);
}
