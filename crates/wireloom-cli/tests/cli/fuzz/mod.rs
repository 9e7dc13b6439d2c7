//! `wireloom fuzz` against servers with one mistake each, and against servers without any.

mod bugs;
mod faulty;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{Ended, command, folder};
use bugs::{Bug, JUDGEMENT, MESSAGES, REQUESTS, is};
use faulty::{PROTOCOL, serve, serve_with};

/// Servers with a mistake that are fuzzed at the same time.
const AT_ONCE: usize = 6;

/// Longest time to find a mistake.
const LIMIT: Duration = Duration::from_secs(60);

/// Short, since what is waited for does not come.
const TIMEOUT: &str = "1s";

async fn fuzz(dir: &Path, args: &[&str]) -> Ended {
    let command = command(dir, &[&["fuzz"], args].concat());
    let output = tokio::process::Command::from(command).output().await;
    output.expect("the command starts").into()
}

/// Finds one mistake, and holds its file against the server with it and the one without. How long it took to find it.
async fn find(bug: Bug, expected: &'static str, right: String) -> Result<Duration, String> {
    let dir = folder(&[("protocol.yaml", PROTOCOL)]);
    let url = format!("ws://{}/ws", serve_with(bug, &right).await);
    let began = Instant::now();
    let budget = ["--time", "60s", "--findings", "1", "--shrink", "2s"];
    let args = [&url, "--seed", "1", "--timeout", TIMEOUT, "--json", "found.json"];
    let ended = fuzz(dir.path(), &[args.as_slice(), &budget].concat()).await;
    let took = began.elapsed();
    let wrong = |what: &str, ended: &Ended| Err(format!("{bug:?} {what}: {ended:?}"));
    if ended.code != Some(1) {
        return wrong("was not found", &ended);
    }
    let found = std::fs::read_to_string(dir.path().join("found.json")).expect("a file");
    let found: Value = serde_json::from_str(&found).expect("JSON");
    let finding = &found["findings"][0]["finding"];
    let words = ["kind", "message", "keyword"].map(|part| finding[part].as_str());
    let key = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if !is(&key, expected) || took > LIMIT {
        return wrong(&format!("was found as {key} in {took:?}"), &ended);
    }
    // Nobody is left who could do it again.
    if bug == Bug::Burns {
        return Ok(took);
    }
    if found["findings"][0]["reproduced"] != true {
        return wrong("was not seen again", &ended);
    }
    let saved: Vec<_> = std::fs::read_dir(dir.path().join("fuzz-findings"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(saved.len(), 1, "{saved:?}");
    let file = saved[0].to_string_lossy();
    let again = fuzz(dir.path(), &[&url, "--replay", &file]).await;
    if again.code != Some(1) {
        return wrong("is not seen again by its file", &again);
    }
    let never = fuzz(dir.path(), &[&format!("ws://{right}/ws"), "--replay", &file]).await;
    if never.code != Some(0) {
        return wrong("is seen in a server that is right", &never);
    }
    Ok(took)
}

async fn find_all(table: &'static [(Bug, &'static str)]) {
    let right = serve().await;
    let mut open = table.iter();
    let mut at_work = JoinSet::new();
    let (mut took, mut wrong) = (Vec::new(), Vec::new());
    loop {
        while at_work.len() < AT_ONCE
            && let Some((bug, expected)) = open.next()
        {
            let right = right.clone();
            at_work.spawn(async move { (*bug, find(*bug, expected, right).await) });
        }
        match at_work.join_next().await {
            Some(Ok((bug, Ok(time)))) => took.push((time, bug)),
            Some(Ok((_, Err(why)))) => wrong.push(why),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => break,
        }
    }
    if std::env::var_os("FUZZ_TIMES").is_some() {
        took.sort_by_key(|(took, _)| *took);
        for (took, bug) in &took {
            eprintln!("{bug:?} {took:.1?}");
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_around_requests_are_found() {
    find_all(REQUESTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_judgement_are_found() {
    find_all(JUDGEMENT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_messages_and_sessions_are_found() {
    find_all(MESSAGES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_in_a_server_that_is_right() {
    let right = serve().await;
    let dir = folder(&[("protocol.yaml", PROTOCOL)]);
    let url = format!("ws://{right}/ws");
    let cases = std::env::var("FUZZ_CASES").unwrap_or_else(|_| "100".to_owned());
    let ended = fuzz(dir.path(), &[&url, "--cases", &cases, "--seed", "3", "--clients", "5"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("findings   none"), "{ended:?}");
    assert!(!ended.stdout.contains("  never "), "{ended:?}");
    assert!(!ended.stdout.contains("  unseen "), "{ended:?}");
}
