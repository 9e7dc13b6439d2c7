//! Services over real programs, and what tests ask of them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use wireloom_server::agent::{
    AgentEvent, AgentLimits, AgentService, AgentSettings, Answer, BackendSettings, CommandMode,
    CommandSettings,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) service: AgentService,
}

/// A service that runs a shell script; its root is a fresh directory.
pub(crate) fn shell(script: &str, change: impl FnOnce(&mut CommandSettings)) -> Place {
    let mut command = CommandSettings {
        program: "sh".into(),
        args: vec!["-c".into(), script.into()],
        ..CommandSettings::default()
    };
    change(&mut command);
    place(command, AgentLimits::default())
}

pub(crate) fn place(command: CommandSettings, limits: AgentLimits) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let roots = vec![dir.path().to_owned()];
    let service = AgentService::new(AgentSettings {
        backend: BackendSettings::Command(command),
        roots,
        limits,
    })
    .unwrap();
    Place { dir, service }
}

pub(crate) fn per_session(command: &mut CommandSettings) {
    command.mode = CommandMode::PerSession {
        delimiter: "<<end>>".into(),
    };
}

/// The text of an answer, and its last event.
pub(crate) async fn read(mut answer: Answer) -> (String, AgentEvent) {
    let mut text = String::new();
    let whole = async {
        let mut last = AgentEvent::Cancelled;
        while let Some(event) = answer.next().await {
            if let AgentEvent::Chunk(piece) = &event {
                assert!(!piece.is_empty());
                text.push_str(piece);
            }
            last = event;
        }
        last
    };
    let last = timeout(PATIENCE, whole).await.expect("an answer ends");
    (text, last)
}

pub(crate) async fn ask(service: &AgentService, prompt: &str) -> (String, AgentEvent) {
    read(service.message("c", prompt).unwrap()).await
}

pub(crate) fn failed(message: &str) -> AgentEvent {
    AgentEvent::Failed(message.into())
}

/// The process numbers that a script wrote to a file, once there are so many.
pub(crate) async fn pids(file: &Path, count: usize) -> Vec<u32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        let pids: Vec<u32> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
        if pids.len() >= count {
            return pids;
        }
        assert!(Instant::now() < deadline, "{count} processes in {text:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process runs. One that nobody has waited for yet is as good as gone.
pub(crate) fn runs(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !matches!(
            stat.rsplit(')')
                .next()
                .and_then(|rest| rest.trim().chars().next()),
            Some('Z' | 'X')
        ),
        Err(_) => false,
    }
}

/// Killed processes need a moment to go.
pub(crate) async fn assert_gone(pids: &[u32]) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while let Some(pid) = pids.iter().find(|pid| runs(**pid)) {
        assert!(Instant::now() < deadline, "process {pid} still runs");
        sleep(Duration::from_millis(5)).await;
    }
}
