//! Nothing that the command backend starts is left running, whichever way it ends.

use std::fs;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use wireloom_server::agent::{AgentEvent, AgentLimits, CommandMode, CommandSettings};

use crate::support::{PATIENCE, ask, assert_gone, failed, per_session, pids, place, read, runs, shell};

/// Starts children and grandchildren, notes all their numbers in `pids`, and waits for ever.
const FAMILY: &str = "echo $$ >> pids; sleep 1000 & echo $! >> pids; \
    sh -c 'sleep 1000 & echo $! >> pids; echo $$ >> pids; sleep 1001' & echo family; wait; sleep 1000";
const FAMILY_SIZE: usize = 4;

#[tokio::test]
async fn cancel_kills_the_whole_family() {
    for mode in [
        CommandMode::PerMessage,
        CommandMode::PerSession {
            delimiter: "<<end>>".into(),
        },
    ] {
        let place = shell(FAMILY, |command| command.mode = mode);
        place.service.start("c", ".").await.unwrap();
        let answer = place.service.message("c", "x").unwrap();
        let pids = pids(&place.dir.path().join("pids"), FAMILY_SIZE).await;
        assert!(pids.iter().all(|pid| runs(*pid)));
        timeout(PATIENCE, place.service.cancel("c"))
            .await
            .unwrap()
            .unwrap();
        assert_gone(&pids).await;
        assert_eq!(read(answer).await.1, AgentEvent::Cancelled);
    }
}

#[tokio::test]
async fn the_end_of_a_session_kills_the_whole_family() {
    for mode in [
        CommandMode::PerMessage,
        CommandMode::PerSession {
            delimiter: "<<end>>".into(),
        },
    ] {
        let place = shell(FAMILY, |command| command.mode = mode);
        place.service.start("c", ".").await.unwrap();
        let _answer = place.service.message("c", "x").unwrap();
        let pids = pids(&place.dir.path().join("pids"), FAMILY_SIZE).await;
        timeout(PATIENCE, place.service.end("c")).await.unwrap();
        assert_gone(&pids).await;
    }
}

#[tokio::test]
async fn what_a_finished_program_leaves_behind_is_killed() {
    let place = shell(
        "sleep 1000 & echo $! >> pids; sleep 1000 > /dev/null 2>&1 & echo $! >> pids; echo hi",
        |_| {},
    );
    place.service.start("c", ".").await.unwrap();
    // The first child keeps the program's output open; the answer ends nevertheless.
    assert_eq!(
        ask(&place.service, "").await,
        ("hi\n".into(), AgentEvent::Completed)
    );
    assert_gone(&pids(&place.dir.path().join("pids"), 2).await).await;
}

#[tokio::test]
async fn a_descendant_outside_of_the_group_does_not_hold_up_the_answer() {
    let place = shell(
        "setsid sh -c 'echo $$ > pids; exec sleep 30' & while ! test -s pids; do :; done; echo hi",
        |_| {},
    );
    place.service.start("c", ".").await.unwrap();
    assert_eq!(
        ask(&place.service, "").await,
        ("hi\n".into(), AgentEvent::Completed)
    );
    // Out of reach, as documented; not left behind by this test.
    for pid in pids(&place.dir.path().join("pids"), 1).await {
        std::process::Command::new("kill")
            .arg(pid.to_string())
            .status()
            .unwrap();
    }
}

#[tokio::test]
async fn a_program_that_ignores_the_request_to_end_is_killed_after_the_grace() {
    // It writes before it can be noticed: nobody reads its output when it is asked to end, and SIGPIPE would end it.
    let script = "trap '' TERM; echo up; echo $$ >> pids; sh -c 'echo $$ >> pids; while :; do sleep 1; done' & \
        while :; do sleep 1; done";
    let place = shell(script, |command| command.grace = Duration::from_millis(300));
    place.service.start("c", ".").await.unwrap();
    let _answer = place.service.message("c", "x").unwrap();
    let pids = pids(&place.dir.path().join("pids"), 2).await;
    let begin = Instant::now();
    place.service.cancel("c").await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert_gone(&pids).await;
}

#[tokio::test]
async fn a_program_may_clean_up_when_it_is_asked_to_end() {
    let place = shell(
        "trap 'echo saved > state; exit' TERM; echo up; while :; do sleep 0.05; done",
        |_| {},
    );
    place.service.start("c", ".").await.unwrap();
    let mut answer = place.service.message("c", "x").unwrap();
    while answer.next().await != Some(AgentEvent::Chunk("up\n".into())) {}
    place.service.cancel("c").await.unwrap();
    assert_eq!(
        fs::read_to_string(place.dir.path().join("state")).unwrap(),
        "saved\n"
    );
}

#[tokio::test]
async fn a_late_answer_fails_and_its_family_is_killed() {
    let command = CommandSettings {
        program: "sh".into(),
        args: vec!["-c".into(), FAMILY.into()],
        ..CommandSettings::default()
    };
    let limits = AgentLimits {
        answer_timeout: Duration::from_millis(500),
        ..AgentLimits::default()
    };
    let place = place(command, limits);
    place.service.start("c", ".").await.unwrap();
    let answer = place.service.message("c", "x").unwrap();
    let pids = pids(&place.dir.path().join("pids"), FAMILY_SIZE).await;
    assert_eq!(
        read(answer).await.1,
        failed("the agent did not finish its answer within 0.5 s")
    );
    assert_gone(&pids).await;
}

#[test]
fn nothing_outlives_the_runtime() {
    let place = shell(FAMILY, |_| {});
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (pids, _answer) = runtime.block_on(async {
        place.service.start("c", ".").await.unwrap();
        let answer = place.service.message("c", "x").unwrap();
        (pids(&place.dir.path().join("pids"), FAMILY_SIZE).await, answer)
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(assert_gone(&pids));
}

#[tokio::test]
async fn an_idle_process_of_a_session_is_killed_with_it() {
    let place = shell(FAMILY, per_session);
    place.service.start("c", ".").await.unwrap();
    let family = pids(&place.dir.path().join("pids"), FAMILY_SIZE).await;
    place.service.start("c", ".").await.unwrap();
    assert_gone(&family).await;
    let both = pids(&place.dir.path().join("pids"), 2 * FAMILY_SIZE).await;
    place.service.shutdown().await;
    assert_gone(&both).await;
}
