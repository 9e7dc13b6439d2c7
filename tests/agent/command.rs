//! The command backend over real programs: what goes in, what comes out, and how an answer ends.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use wireloom_server::agent::{
    AgentError, AgentEvent, AgentLimits, AgentService, AgentSettings, BackendSettings, CommandMode,
    CommandSettings, SessionStatus, SettingsError,
};

use crate::support::{PATIENCE, ask, assert_gone, failed, per_session, place, read, shell};

#[tokio::test]
async fn the_prompt_goes_in_and_the_output_comes_out() {
    let place = shell("cat; echo done", |_| {});
    place.service.start("c", ".").await.unwrap();
    for prompt in ["hello\nworld", "", "日本語 🧵\0\u{1b}[0m"] {
        let (text, last) = ask(&place.service, prompt).await;
        assert_eq!(text, format!("{prompt}done\n"));
        assert_eq!(last, AgentEvent::Completed);
    }
}

#[tokio::test]
async fn a_prompt_and_an_answer_larger_than_any_pipe_pass() {
    let place = shell("cat", |_| {});
    place.service.start("c", ".").await.unwrap();
    let prompt = "0123456789é".repeat(100_000);
    let (text, last) = ask(&place.service, &prompt).await;
    assert!(
        text == prompt,
        "{} bytes came back of {}",
        text.len(),
        prompt.len()
    );
    assert_eq!(last, AgentEvent::Completed);
}

#[tokio::test]
async fn output_comes_as_it_is_written() {
    let place = shell("echo one; read line < go; echo two", |_| {});
    assert!(
        std::process::Command::new("mkfifo")
            .arg(place.dir.path().join("go"))
            .status()
            .unwrap()
            .success()
    );
    place.service.start("c", ".").await.unwrap();
    let mut answer = place.service.message("c", "x").unwrap();
    assert_eq!(
        answer.next().await,
        Some(AgentEvent::Status(SessionStatus::Thinking))
    );
    assert_eq!(
        answer.next().await,
        Some(AgentEvent::Status(SessionStatus::Streaming))
    );
    assert_eq!(answer.next().await, Some(AgentEvent::Chunk("one\n".into())));
    // The program waits for this; "one" has come without it.
    let go = place.dir.path().join("go");
    tokio::task::spawn_blocking(move || fs::write(go, "\n"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read(answer).await, ("two\n".into(), AgentEvent::Completed));
}

#[tokio::test]
async fn a_character_cut_by_a_pause_arrives_whole_and_bad_bytes_are_marked() {
    let script = r"printf 'a\360\237'; sleep 0.1; printf '\247\265b\377c\n'; printf '\342\202'";
    let place = shell(script, |_| {});
    place.service.start("c", ".").await.unwrap();
    assert_eq!(
        ask(&place.service, "").await,
        ("a🧵b\u{FFFD}c\n\u{FFFD}".into(), AgentEvent::Completed)
    );
}

#[tokio::test]
async fn the_program_runs_in_the_project_directory_with_a_clean_environment() {
    // No other test of this program looks at these variables.
    let place = shell("pwd; echo $PWD; env | cut -d= -f1 | sort", |command| {
        command.inherit_env = vec!["PATH".into(), "SURELY_NOT_SET".into()];
        command.env = BTreeMap::from([
            ("AGENT_TOKEN".into(), "s3".into()),
            ("AGENT_EMPTY".into(), String::new()),
        ]);
    });
    fs::create_dir(place.dir.path().join("app")).unwrap();
    place.service.start("c", "app").await.unwrap();
    let (text, last) = ask(&place.service, "").await;
    let directory = place.dir.path().join("app").canonicalize().unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), directory.to_str());
    assert_eq!(lines.next(), directory.to_str());
    // A shell adds some of its own.
    let own = ["OLDPWD", "SHLVL", "_"];
    let names: Vec<&str> = lines.filter(|name| !own.contains(name)).collect();
    assert_eq!(names, ["AGENT_EMPTY", "AGENT_TOKEN", "PATH", "PWD"]);
    assert_eq!(last, AgentEvent::Completed);
    assert!(
        std::env::vars_os().count() > names.len(),
        "there was nothing to keep back"
    );
}

#[tokio::test]
async fn arguments_meet_no_shell() {
    let command = CommandSettings {
        program: "printf".into(),
        args: vec!["%s|".into(), "a b".into(), "$HOME; rm".into(), "*".into()],
        ..CommandSettings::default()
    };
    let place = place(command, AgentLimits::default());
    place.service.start("c", ".").await.unwrap();
    // A program that never reads its prompt answers all the same.
    let prompt = "x".repeat(1_000_000);
    assert_eq!(
        ask(&place.service, &prompt).await,
        ("a b|$HOME; rm|*|".into(), AgentEvent::Completed)
    );
}

#[tokio::test]
async fn a_bad_end_is_a_failed_answer_with_what_came_before() {
    let place = shell(
        "read -r code; echo before; echo secret >&2; eval \"$code\"",
        |_| {},
    );
    place.service.start("c", ".").await.unwrap();
    let cases = [
        ("exit 3\n", failed("the agent exited with status 3")),
        ("kill -9 $$\n", failed("the agent was ended by signal 9")),
        ("exec 1>&-; exit 4\n", failed("the agent exited with status 4")),
        ("exit 0\n", AgentEvent::Completed),
    ];
    for (prompt, expected) in cases {
        assert_eq!(
            ask(&place.service, prompt).await,
            ("before\n".into(), expected),
            "{prompt}"
        );
    }
}

#[tokio::test]
async fn a_missing_program_fails_the_answer_per_message_and_the_start_per_session() {
    let missing = |mode| CommandSettings {
        program: "surely-no-such-program".into(),
        mode,
        ..CommandSettings::default()
    };
    let per_message = place(missing(CommandMode::PerMessage), AgentLimits::default());
    per_message.service.start("c", ".").await.unwrap();
    assert_eq!(
        ask(&per_message.service, "").await,
        (String::new(), failed("the agent could not be started"))
    );
    let per_session = place(
        missing(CommandMode::PerSession {
            delimiter: ".".into(),
        }),
        AgentLimits::default(),
    );
    assert_eq!(
        per_session.service.start("c", ".").await,
        Err(AgentError::AgentFailed)
    );
}

#[tokio::test]
async fn a_slow_reader_holds_up_the_program() {
    let place = shell(
        "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i >> progress; printf %01000d $i; done",
        |_| {},
    );
    place.service.start("c", ".").await.unwrap();
    let answer = place.service.message("c", "x").unwrap();
    let progress = || {
        fs::read_to_string(place.dir.path().join("progress"))
            .unwrap_or_default()
            .lines()
            .count()
    };
    // It has stopped when it makes no more progress.
    let mut seen = 0;
    let stalled = async {
        loop {
            sleep(Duration::from_millis(200)).await;
            let now = progress();
            if now == seen && now > 0 {
                return now;
            }
            seen = now;
        }
    };
    let stalled = timeout(PATIENCE, stalled).await.unwrap();
    // What waits: pieces of at most 8 KiB, one being handed on, one pipe of 64 KiB.
    assert!(stalled < 400, "{stalled} kB written without a reader");
    let (text, last) = read(answer).await;
    assert_eq!((text.len(), last), (3_000_000, AgentEvent::Completed));
}

#[tokio::test]
async fn one_process_answers_all_prompts_of_a_session() {
    let script =
        r#"n=0; while IFS= read -r line; do n=$((n+1)); printf '%s %s %s\n<<end>>\n' $$ $n "$line"; done"#;
    let place = shell(script, per_session);
    place.service.start("c", ".").await.unwrap();
    let mut pid = None;
    for (number, prompt) in ["one", "two\nlines \"quoted\" \\ 日本", "<<end>>", ""]
        .into_iter()
        .enumerate()
    {
        let (text, last) = ask(&place.service, prompt).await;
        assert_eq!(last, AgentEvent::Completed);
        let mut words = text.trim_end_matches('\n').splitn(3, ' ');
        let answering: u32 = words.next().unwrap().parse().unwrap();
        assert_eq!(*pid.get_or_insert(answering), answering);
        assert_eq!(words.next(), Some((number + 1).to_string().as_str()));
        assert_eq!(
            serde_json::from_str::<String>(words.next().unwrap()).unwrap(),
            prompt
        );
    }
    place.service.end("c").await;
    assert_gone(&[pid.unwrap()]).await;
}

#[tokio::test]
async fn a_process_of_a_session_that_ends_is_started_again() {
    let script = r#"while IFS= read -r line; do case $line in
        '"die"') echo half; exit 7;; '"leave"') echo half; exit 0;; '"close"') exec 1>&-; sleep 1000;;
        '"last"') echo ok; echo '<<end>>'; exit;; *) echo $$; echo '<<end>>';; esac; done"#;
    let place = shell(script, per_session);
    place.service.start("c", ".").await.unwrap();
    let (first, _) = ask(&place.service, "x").await;
    assert_eq!(
        ask(&place.service, "die").await,
        ("half\n".into(), failed("the agent exited with status 7"))
    );
    let (second, last) = ask(&place.service, "x").await;
    assert!(first != second && last == AgentEvent::Completed);
    assert_eq!(
        ask(&place.service, "leave").await,
        ("half\n".into(), failed("the agent ended before its answer did"))
    );
    let closed = failed("the agent closed its output before the end of its answer");
    assert_eq!(ask(&place.service, "close").await, (String::new(), closed));
    // It ends between two messages, which costs neither of them.
    assert_eq!(
        ask(&place.service, "last").await,
        ("ok\n".into(), AgentEvent::Completed)
    );
    sleep(Duration::from_millis(100)).await;
    assert_eq!(ask(&place.service, "x").await.1, AgentEvent::Completed);
}

#[tokio::test]
async fn a_cancelled_prompt_leaves_nothing_for_the_next_answer() {
    let script = r#"while IFS= read -r line; do echo "got $line"; [ "$line" = '"hang"' ] && sleep 1000; echo '<<end>>'; done"#;
    let place = shell(script, per_session);
    place.service.start("c", ".").await.unwrap();
    let mut answer = place.service.message("c", "hang").unwrap();
    while answer.next().await != Some(AgentEvent::Chunk("got \"hang\"\n".into())) {}
    place.service.cancel("c").await.unwrap();
    assert_eq!(
        ask(&place.service, "x").await,
        ("got \"x\"\n".into(), AgentEvent::Completed)
    );
}

#[tokio::test]
async fn the_command_backend_is_confined_without_roots_too() {
    let command = CommandSettings {
        program: "pwd".into(),
        ..CommandSettings::default()
    };
    let backend = BackendSettings::Command(command);
    let service = AgentService::new(AgentSettings {
        backend,
        ..AgentSettings::default()
    })
    .unwrap();
    assert_eq!(service.start("c", "/").await, Err(AgentError::ProjectNotFound));
    service.start("c", "src").await.unwrap();
    let here = std::env::current_dir()
        .unwrap()
        .canonicalize()
        .unwrap()
        .join("src");
    assert_eq!(ask(&service, "").await.0.trim_end(), here.to_str().unwrap());
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refusal = |command| {
        let backend = BackendSettings::Command(command);
        AgentService::new(AgentSettings {
            backend,
            ..AgentSettings::default()
        })
        .err()
    };
    assert!(matches!(
        refusal(CommandSettings::default()),
        Some(SettingsError::NoProgram)
    ));
    for delimiter in ["", "two\nlines", "cr\r"] {
        let mode = CommandMode::PerSession {
            delimiter: delimiter.into(),
        };
        let command = CommandSettings {
            program: "cat".into(),
            mode,
            ..CommandSettings::default()
        };
        assert!(
            matches!(refusal(command), Some(SettingsError::Delimiter)),
            "{delimiter:?}"
        );
    }
}

#[tokio::test]
async fn a_relative_program_is_the_servers_not_the_projects() {
    let command = CommandSettings {
        program: "./agent.sh".into(),
        ..CommandSettings::default()
    };
    let place = place(command, AgentLimits::default());
    // The project has a program of that name; the server has none.
    let script = place.dir.path().join("agent.sh");
    fs::write(&script, "#!/bin/sh\necho hijacked\n").unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    place.service.start("c", ".").await.unwrap();
    assert_eq!(
        ask(&place.service, "").await,
        (String::new(), failed("the agent could not be started"))
    );
}
