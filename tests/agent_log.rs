//! What a program writes to standard error reaches the log. A program of its own, since a subscriber that only one thread
//! of many has does not see every event.
#![cfg(target_os = "linux")]

use std::io;
use std::sync::{Arc, Mutex};

use wireloom_server::agent::{AgentEvent, AgentService, AgentSettings, BackendSettings, CommandSettings};

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn standard_error_goes_to_the_log_line_by_line() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let script = r#"printf 'first\nsecond \033[2J\n' >&2; head -c 100000 /dev/zero | tr '\0' x >&2; printf '\nno newline' >&2; echo out"#;
    let command = CommandSettings {
        program: "sh".into(),
        args: vec!["-c".into(), script.into()],
        ..CommandSettings::default()
    };
    let backend = BackendSettings::Command(command);
    let service = AgentService::new(AgentSettings {
        backend,
        ..AgentSettings::default()
    })
    .unwrap();
    service.start("c", ".").await.unwrap();
    let mut answer = service.message("c", "").unwrap();
    let mut last = None;
    while let Some(event) = answer.next().await {
        last = Some(event);
    }
    assert_eq!(last, Some(AgentEvent::Completed));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let said: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("agent process says"))
        .collect();
    assert_eq!(said.len(), 4, "{log}");
    assert!(
        said[0].contains("stderr=\"first\"") && said[0].contains("session=\"c\""),
        "{}",
        said[0]
    );
    assert!(said[1].contains(r"second \u{1b}[2J"), "{}", said[1]);
    assert_eq!(said[2].matches('x').count(), 4096);
    assert!(said[3].contains("no newline"));
}
