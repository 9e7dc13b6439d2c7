//! `wireloom fuzz` against servers with one mistake each, and against servers without any.

mod bugs;
mod faulty;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::mock::Mock;
use crate::support::{BROKEN, Ended, command, folder};
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

/// Finds one mistake, and holds its file against the server with it and the one without.
async fn find(bug: Bug, expected: &'static str, right: String) -> Result<(), String> {
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
    let found = read(&dir.path().join("found.json"));
    // Where the machine is very busy, something may be seen that is not seen again: by chance.
    let reports = found["findings"].as_array().expect("findings");
    let report = match bug {
        // Nobody is left who could do it again.
        Bug::Burns => reports.first(),
        _ => reports.iter().find(|report| report["reproduced"] == true),
    };
    let Some(report) = report else {
        return wrong("was not seen again", &ended);
    };
    let finding = &report["finding"];
    let words = ["kind", "message", "keyword"].map(|part| finding[part].as_str());
    let key = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if !is(&key, expected) || took > LIMIT {
        return wrong(&format!("was found as {key} in {took:?}"), &ended);
    }
    if bug == Bug::Burns {
        return Ok(());
    }
    // Its file has the name of what it is.
    let file = format!("fuzz-findings/{}.json", key.replace([' ', ':', '_'], "-"));
    let again = fuzz(dir.path(), &[&url, "--replay", &file]).await;
    if again.code != Some(1) {
        return wrong("is not seen again by its file", &again);
    }
    let never = fuzz(dir.path(), &[&format!("ws://{right}/ws"), "--replay", &file]).await;
    if never.code != Some(0) {
        return wrong("is seen in a server that is right", &never);
    }
    Ok(())
}

async fn find_all(table: &'static [(Bug, &'static str)]) {
    let right = serve(|_| {}).await;
    let mut open = table.iter();
    let mut at_work = JoinSet::new();
    let mut wrong = Vec::new();
    loop {
        while at_work.len() < AT_ONCE
            && let Some((bug, expected)) = open.next()
        {
            let right = right.clone();
            at_work.spawn(find(*bug, expected, right));
        }
        match at_work.join_next().await {
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(why))) => wrong.push(why),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => break,
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        table.len(),
        wrong.join("\n")
    );
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
    let right = serve(|_| {}).await;
    let dir = folder(&[("protocol.yaml", PROTOCOL)]);
    let url = format!("ws://{right}/ws");
    let cases = std::env::var("FUZZ_CASES").unwrap_or_else(|_| "80".to_owned());
    let ended = fuzz(
        dir.path(),
        &[&url, "--cases", &cases, "--seed", "3", "--clients", "5"],
    )
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
    assert!(ended.stdout.contains("findings   none"), "{ended:?}");
    // The whole protocol was reached.
    assert!(!ended.stdout.contains("\n  never "), "{ended:?}");
    assert!(!ended.stdout.contains("\n  unseen "), "{ended:?}");
    assert!(!dir.path().join("fuzz-findings").exists());
}

/// Handlers that take their time move the session when nobody looks, fail late, and events come at any moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_its_time_is_right() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let spec = corpus.join("states.yaml");
    let spec = spec.to_str().expect("UTF-8");
    let slow = ["--latency", "0..20ms", "--errors", "20%", "--pace", "2ms"];
    let mock = Mock::start(&corpus, &[&[spec], slow.as_slice()].concat()).await;
    let dir = folder(&[]);
    let ended = fuzz(
        dir.path(),
        &[&mock.url, "--spec", spec, "--cases", "40", "--seed", "2"],
    )
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// What was once found in a server that is right: texts with one id, each answered under it.
#[tokio::test(flavor = "multi_thread")]
async fn texts_with_the_same_id_are_answered_each() {
    let text = r#"{"type":"done","payload":{},"correlationId":"c"}"#;
    let step = json!({ "client": 0, "do": "text", "text": text });
    let finding = json!({
        "reproducer": 1, "protocol": "shop 1.0.0", "timeoutMs": 5000,
        "finding": { "kind": "double-reply", "keyword": "error", "text": "", "client": 0, "step": 0 },
        "conversation": { "steps": [step, step, { "client": 0, "do": "settle" }, step] }
    });
    let dir = folder(&[
        ("protocol.yaml", PROTOCOL),
        ("finding.json", &finding.to_string()),
    ]);
    let url = format!("ws://{}/ws", serve(|_| {}).await);
    let ended = fuzz(dir.path(), &[&url, "--replay", "finding.json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "not seen again: double-reply error\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_to_slow_down_is_right() {
    let slow = serve(|settings| {
        settings.rate = Some(50.0);
        settings.burst = 5;
        settings.in_flight = 2;
    });
    let dir = folder(&[("protocol.yaml", PROTOCOL)]);
    let url = format!("ws://{}/ws", slow.await);
    let ended = fuzz(
        dir.path(),
        &[&url, "--cases", "4", "--seed", "1", "--json", "found.json"],
    )
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = read(&dir.path().join("found.json"));
    assert!(found["counts"]["slowedDown"].as_u64() > Some(0), "{found}");
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_a_call_a_file_and_a_test_case() {
    let right = serve(|_| {}).await;
    let url = format!("ws://{}/ws", serve_with(Bug::WrongPath, &right).await);
    let dir = folder(&[("protocol.yaml", PROTOCOL)]);
    let args = [&url, "--seed", "1", "--findings", "1", "--shrink", "1s"];
    let files = ["--junit", "found.xml", "--json", "found.json", "--save", "found"];
    let ended = fuzz(dir.path(), &[args.as_slice(), &files].concat()).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let found = read(&dir.path().join("found.json"));
    let report = &found["findings"][0];
    let steps = report["conversation"]["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 1, "one step is enough: {report}");
    let finding = &report["finding"];
    assert_eq!(finding["kind"], "wrong-detail");
    // What was sent is the shortest that there is, and what came says why it is wrong.
    assert!(
        finding["received"]
            .as_str()
            .is_some_and(|text| text.contains("/payload")),
        "{report}"
    );
    let line = ended
        .stdout
        .lines()
        .find_map(|line| line.trim().strip_prefix("call"))
        .unwrap_or_else(|| panic!("no call: {ended:?}"));
    // The line is for a shell.
    let wireloom = Path::new(env!("CARGO_BIN_EXE_wireloom"))
        .parent()
        .expect("a folder");
    let path = format!(
        "{}:{}",
        wireloom.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let shell = tokio::process::Command::new("sh")
        .args(["-c", line])
        .env("PATH", path)
        .current_dir(dir.path())
        .output();
    let called: Ended = shell.await.expect("a shell").into();
    assert_eq!(called.code, Some(1), "{called:?}");
    assert!(called.stdout.contains("/payload"), "{called:?}");
    let junit = std::fs::read_to_string(dir.path().join("found.xml")).expect("a file");
    assert!(junit.contains("failures=\"1\""), "{junit}");
    let failure = junit.split_once("<failure ").expect("a failure").1;
    let attributes = failure.split_once('>').expect("its end").0;
    assert!(attributes.contains("type=\"wrong-detail\""), "{junit}");
    // Messages without a finding are test cases that pass.
    assert_eq!(junit.matches("<testcase").count(), 5, "{junit}");
    let files = std::fs::read_dir(dir.path().join("found")).expect("a folder");
    assert_eq!(files.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_fuzzed_is_said() {
    let url = format!("ws://{}/ws", serve(|_| {}).await);
    let other = PROTOCOL.replace("name: shop", "name: bank");
    let newer = PROTOCOL.replace("sold_out]", "sold_out, unwelcome]");
    let dir = folder(&[
        ("protocol.yaml", PROTOCOL),
        ("newer.yaml", &newer),
        ("other.yaml", &other),
        ("broken.yaml", BROKEN),
        (
            "wrong.json",
            r#"{ "buy": [{ "count": 1, "colour": "red" }, { "count": 0 }] }"#,
        ),
        ("unknown.json", r#"{ "sell": [{}] }"#),
        ("right.json", r#"{ "buy": [{ "count": 7, "colour": "red" }] }"#),
    ]);
    // Somebody takes connections there, and never says anything.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let mute = format!("ws://{}/ws", silent.local_addr().expect("an address"));
    tokio::spawn(async move {
        let mut visitors = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            visitors.push(tokio_tungstenite::accept_async(stream).await);
        }
    });
    let root = url.replace("/ws", "");
    let cases: [(&[&str], i32, &str); 13] = [
        (&[&root], 3, "instead of opening a WebSocket"),
        (&[&root], 3, "most servers listen at /ws"),
        (&[&url, "--time", "5"], 2, "as in 5s"),
        (
            &["ws://127.0.0.1:1/ws"],
            3,
            "cannot connect to ws://127.0.0.1:1/ws",
        ),
        (
            &[&mute, "--timeout", "200ms"],
            3,
            "sends no connection:established",
        ),
        (
            &[&url, "--spec", "other.yaml"],
            2,
            "the server speaks another protocol",
        ),
        (&[&url, "--spec", "broken.yaml"], 2, "broken.yaml has errors"),
        (&[&url, "--spec", "none.yaml"], 2, "cannot read none.yaml"),
        (
            &[&url, "--samples", "wrong.json"],
            2,
            "payload 2 of buy does not fit its schema",
        ),
        (
            &[&url, "--samples", "unknown.json"],
            2,
            "sell is not a message that clients send",
        ),
        (&[&url, "--skip", "sell"], 2, "the protocol has no such message"),
        (
            &[&url, "--replay", "right.json"],
            2,
            "right.json holds no finding",
        ),
        (
            &["http://h/ws"],
            2,
            "an address begins with ws:// or wss://, as in ws://h/ws",
        ),
    ];
    for (args, code, says) in cases {
        let ended = fuzz(dir.path(), args).await;
        assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(says), "{args:?}: {ended:?}");
    }
    let ended = fuzz(
        dir.path(),
        &[
            &url,
            "--samples",
            "right.json",
            "--skip",
            "watch",
            "--cases",
            "20",
            "--seed",
            "1",
        ],
    )
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("\n  never      watch\n"), "{ended:?}");
    let ended = fuzz(dir.path(), &[&url, "--spec", "newer.yaml", "--cases", "1"]).await;
    assert!(ended.stderr.contains("not quite that of newer.yaml"), "{ended:?}");
}
