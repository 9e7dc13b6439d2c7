//! Connecting, losing the connection, connecting again, closing.

use std::time::Duration;

use serde_json::json;
use wireloom::{ClientAction, CloseCode};

use super::{MS, Rig, SECOND, last, notices};
use crate::core::Step;
use crate::error::{CallError, Ended, Lost};
use crate::events::Notice;
use crate::state::State;

#[test]
fn each_close_code_has_its_action() {
    for code in CloseCode::ALL {
        let mut rig = Rig::connected();
        rig.close_with(code.code());
        match code.action() {
            action @ (ClientAction::Stop
            | ClientAction::Fix
            | ClientAction::Upgrade
            | ClientAction::LogIn) => {
                // Without anyone who has other credentials, logging in is for the program.
                let ended = rig.ended();
                assert!(
                    matches!(ended, Some(Ended::Final { action: ended, .. }) if ended == action),
                    "{code:?}"
                );
            }
            ClientAction::Resume => {
                assert_eq!(
                    rig.core.step(rig.now),
                    Step::Open { renew: false },
                    "{code:?}: at once"
                );
            }
            ClientAction::BackOff | ClientAction::ReconnectAfterHint => {
                let wait = rig.wait();
                assert!(wait > Duration::ZERO && wait < 250 * MS, "{code:?}: {wait:?}");
            }
        }
    }
}

#[test]
fn unknown_close_code_backs_off() {
    for code in [1005, 1006, 3000, 4999] {
        let mut rig = Rig::connected();
        rig.close_with(code);
        assert!(rig.wait() < 250 * MS);
    }
}

#[test]
fn back_off_doubles_with_full_jitter_up_to_the_cap() {
    let mut longest = [Duration::ZERO; 12];
    let mut shortest = [Duration::MAX; 12];
    for seed in 0..200 {
        let mut rig = Rig::with(|start| start.seed = seed);
        for failed in 0..12 {
            assert!(matches!(rig.core.step(rig.now), Step::Open { .. }));
            rig.lose(Lost::Unreachable("nobody listens".to_owned()));
            let wait = rig.wait();
            longest[failed] = longest[failed].max(wait);
            shortest[failed] = shortest[failed].min(wait);
            rig.now += wait;
        }
    }
    for (failed, (longest, shortest)) in longest.iter().zip(shortest).enumerate() {
        let bound = (250 * MS * 2_u32.pow(u32::try_from(failed).unwrap())).min(30 * SECOND);
        assert!(
            *longest <= bound && *longest > bound.mul_f64(0.9),
            "{failed}: {longest:?}"
        );
        assert!(shortest < bound.mul_f64(0.1), "{failed}: {shortest:?}");
    }
}

#[test]
fn back_off_starts_over_after_a_stable_connection() {
    let mut rig = Rig::with(|start| start.settings.reconnect.cap = Duration::MAX);
    for _ in 0..10 {
        assert!(matches!(rig.core.step(rig.now), Step::Open { .. }));
        rig.lose(Lost::TimedOut);
        rig.wait_out();
    }
    rig.connect();
    rig.pass(4 * SECOND);
    rig.cut();
    assert!(rig.core.failed == 11, "a short connection is one more failure");
    rig.reopen();
    rig.resumed(json!({ "clientId": "a", "resumed": true, "replayed": 0, "resumeToken": "t2" }));
    rig.pass(5 * SECOND);
    rig.cut();
    assert!(rig.wait() < 250 * MS);
}

#[test]
fn server_that_closes_each_connection_at_once_is_not_hammered() {
    let mut rig = Rig::connected();
    rig.close_with(4503);
    assert_eq!(rig.core.step(rig.now), Step::Open { renew: false });
    rig.core.opened(rig.now);
    rig.resumed(json!({ "clientId": "a", "resumed": true, "replayed": 0, "resumeToken": "t2" }));
    rig.close_with(4503);
    assert!(rig.wait() > Duration::ZERO);
}

#[test]
fn attempts_are_bounded() {
    let mut rig = Rig::with(|start| start.settings.reconnect.attempts = Some(2));
    rig.connect();
    rig.cut();
    for _ in 0..2 {
        rig.wait_out();
        assert!(matches!(rig.core.step(rig.now), Step::Open { .. }));
        rig.lose(Lost::Http(503));
    }
    let ended = Ended::GaveUp {
        lost: Lost::Http(503),
        attempts: 2,
    };
    assert_eq!(rig.ended(), Some(ended));
}

#[test]
fn first_connection_failure_is_an_error() {
    let mut rig = Rig::with(|start| start.once = true);
    assert!(matches!(rig.core.step(rig.now), Step::Open { .. }));
    rig.lose(Lost::Unreachable("no such host".to_owned()));
    assert!(matches!(rig.ended(), Some(Ended::GaveUp { attempts: 1, .. })));
}

#[test]
fn closing_hint_delays_the_reconnect() {
    for close in [Some(1001), Some(1012), None] {
        let mut rig = Rig::connected();
        let mut told = rig.core.notices();
        rig.say(json!({ "type": "connection:closing", "payload": { "reason": "shutdown", "reconnectAfterMs": 3_000 }, "timestamp": 1 }));
        match close {
            Some(code) => rig.close_with(code),
            None => rig.cut(),
        }
        let wait = rig.wait();
        assert!(wait >= 3 * SECOND && wait <= 6 * SECOND, "{close:?}: {wait:?}");
        let hint = Notice::Closing {
            reason: "shutdown".to_owned(),
            reconnect_after: 3 * SECOND,
        };
        assert!(notices(&mut told).contains(&hint));
        // It was a wish for this once.
        rig.reopen();
        rig.cut();
        assert!(rig.wait() <= 500 * MS);
    }
}

#[test]
fn unauthorized_asks_for_another_token() {
    for lost in [
        Lost::Http(401),
        Lost::Closed {
            code: 4401,
            reason: String::new(),
        },
    ] {
        let mut rig = Rig::with(|start| start.can_renew = true);
        rig.connect();
        rig.lose(lost.clone());
        assert_eq!(
            rig.core.step(rig.now),
            Step::Open { renew: true },
            "{lost:?}: at once"
        );
        rig.lose(lost.clone());
        assert!(rig.wait() > Duration::ZERO, "the second time it backs off");
        rig.wait_out();
        assert_eq!(rig.core.step(rig.now), Step::Open { renew: true });
    }
}

#[test]
fn server_that_never_greets_is_left() {
    let mut rig = Rig::new();
    rig.open();
    let mut call = rig.request();
    assert!(rig.said().is_empty(), "nothing is sent before the greeting");
    assert_eq!(rig.pass(10 * SECOND - MS), None);
    assert_eq!(rig.pass(MS), Some(Lost::TimedOut));
    rig.lose(Lost::TimedOut);
    assert!(last(&mut call).is_none(), "it waits for the next connection");
    assert!(rig.wait() < SECOND);
}

#[test]
fn silent_server_is_left() {
    let mut rig = Rig::connected();
    // One and a half of 10 seconds, and 5.
    let silence = 20 * SECOND;
    assert_eq!(rig.pass(silence - MS), None);
    // A ping is a sign of life as well.
    rig.core.heard(rig.now);
    assert_eq!(rig.core.deadline(), Some(rig.now + silence));
    assert_eq!(rig.pass(silence - MS), None);
    assert_eq!(rig.pass(MS), Some(Lost::Silent));
    rig.lose(Lost::Silent);
    assert_eq!(
        rig.core.step(rig.now),
        Step::Open { renew: false },
        "at once, to resume"
    );
}

#[test]
fn state_is_told() {
    let mut rig = Rig::new();
    assert_eq!(*rig.state.borrow(), State::Connecting);
    rig.connect();
    assert_eq!(
        *rig.state.borrow(),
        State::Connected {
            client_id: Some("a".to_owned())
        }
    );
    rig.cut();
    assert!(matches!(*rig.state.borrow(), State::Waiting { .. }));
    rig.reopen();
    assert_eq!(*rig.state.borrow(), State::Connecting);
    rig.resumed(json!({ "clientId": "a", "resumed": true, "replayed": 0 }));
    rig.core.close(rig.now);
    assert_eq!(*rig.state.borrow(), State::Closing);
}

#[test]
fn close_sends_what_waits_and_then_1000() {
    let mut rig = Rig::connected();
    rig.core.send("note", "{}".to_owned()).unwrap();
    rig.core.close(rig.now);
    assert!(matches!(
        rig.begin(|_| {}),
        Err(CallError::Disconnected(Ended::Closed))
    ));
    assert_eq!(rig.said_briefly(), ["note", "close"]);
    assert!(rig.said().is_empty());
    rig.close_with(1000);
    assert_eq!(rig.ended(), Some(Ended::Closed));
}

#[test]
fn close_does_not_wait_for_ever() {
    let mut rig = Rig::connected();
    rig.core.close(rig.now);
    rig.said();
    assert!(rig.pass(2 * SECOND).is_some());
    rig.lose(Lost::TimedOut);
    assert_eq!(rig.ended(), Some(Ended::Closed));
}

#[test]
fn close_without_a_connection_is_at_once() {
    let mut rig = Rig::connected();
    let mut call = rig.request();
    rig.said();
    rig.cut();
    rig.core.close(rig.now);
    assert_eq!(rig.ended(), Some(Ended::Closed));
    assert!(matches!(
        last(&mut call),
        Some(Err(CallError::Disconnected(Ended::Closed)))
    ));
}

#[test]
fn server_that_does_not_greet_can_be_spoken_to() {
    let mut rig = Rig::with(|start| start.settings.wait_for_greeting = false);
    let _call = rig.request();
    rig.open();
    assert_eq!(rig.said_briefly(), ["say c-1"]);
    rig.greet(json!({ "clientId": "late" }));
    assert_eq!(
        *rig.state.borrow(),
        State::Connected {
            client_id: Some("late".to_owned())
        }
    );
}

#[test]
fn greeting_of_a_newer_server_is_understood() {
    let mut rig = Rig::new();
    rig.open();
    rig.greet(json!({ "clientId": "a", "heartbeatMs": 5, "limits": { "new": {} }, "colour": "blue" }));
    assert!(rig.is_connected());
}

#[test]
fn settings_without_sense_do_no_harm() {
    let mut rig = Rig::with(|start| {
        let settings = &mut start.settings;
        settings.connect_timeout = Duration::MAX;
        settings.heartbeat_margin = Duration::MAX;
        settings.close_timeout = Duration::MAX;
        settings.reconnect.base = Duration::MAX;
        settings.reconnect.cap = Duration::MAX;
        settings.reconnect.stable_after = Duration::MAX;
        settings.inbox_messages = usize::MAX;
        settings.inbox_bytes = usize::MAX;
        settings.queue_bytes = usize::MAX;
    });
    rig.connect();
    let _call = rig.begin(|call| {
        call.timeout = Some(Duration::MAX);
        call.items = true;
    });
    rig.cut();
    rig.wait_out();
    rig.open();
    rig.core.close(rig.now);
    assert!(rig.core.deadline().is_some());
}
