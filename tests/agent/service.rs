//! The rules of agent sessions, which hold whatever the backend.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use wireloom_server::agent::{
    AgentError, AgentEvent, AgentLimits, AgentService, AgentSettings, Answer, Backend, BackendSettings,
    BoxFuture, Conversation, EchoSettings, Failure, Output, Project, Projects, SessionStatus,
};

/// Obeys its prompts, and notes what is done to it.
#[derive(Clone, Default)]
struct Scripted {
    notes: Arc<Mutex<Vec<String>>>,
    sent: Arc<AtomicUsize>,
}

impl Scripted {
    fn note(&self, note: impl Into<String>) {
        self.notes.lock().unwrap().push(note.into());
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }
}

impl Backend for Scripted {
    fn open<'a>(
        &'a self,
        session: &'a str,
        project: &'a Project,
    ) -> BoxFuture<'a, Result<Box<dyn Conversation>, Failure>> {
        Box::pin(async move {
            if project.label == "broken" {
                return Err(Failure("not today".into()));
            }
            self.note(format!("open {session} {}", project.label));
            let conversation: Box<dyn Conversation> = Box::new(Script(self.clone(), project.label.clone()));
            Ok(conversation)
        })
    }
}

struct Script(Scripted, String);

impl Conversation for Script {
    fn answer<'a>(&'a mut self, prompt: &'a str, out: &'a Output<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match prompt {
                "hang" => std::future::pending().await,
                "fail" => {
                    out.chunk("half ".into()).await;
                    Err(Failure("it broke".into()))
                }
                "panic" => panic!("on purpose"),
                "flood" => loop {
                    out.chunk("x".into()).await;
                    self.0.sent.fetch_add(1, Ordering::Relaxed);
                },
                text => {
                    out.chunk(String::new()).await;
                    out.chunk(text.to_owned()).await;
                    Ok(())
                }
            }
        })
    }

    fn stop(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Takes its time, so that a caller that does not wait is caught.
            sleep(Duration::from_millis(20)).await;
            self.0.note(format!("stop {}", self.1));
        })
    }
}

fn service(limits: AgentLimits) -> (AgentService, Scripted) {
    let backend = Scripted::default();
    (
        AgentService::with_backend(Arc::new(backend.clone()), Projects::Labels, limits),
        backend,
    )
}

async fn collect(mut answer: Answer) -> Vec<AgentEvent> {
    let mut events = Vec::new();
    let whole = async {
        while let Some(event) = answer.next().await {
            events.push(event);
        }
        assert_eq!(answer.next().await, None);
    };
    timeout(Duration::from_secs(5), whole)
        .await
        .expect("an answer ends");
    events
}

fn status(status: SessionStatus) -> AgentEvent {
    AgentEvent::Status(status)
}

use AgentEvent::{Cancelled, Chunk, Completed, Failed};
use SessionStatus::{Error, Idle, Streaming, Thinking};

#[tokio::test]
async fn an_answer_tells_status_pieces_and_its_end() {
    let (service, _) = service(AgentLimits::default());
    service.start("c", "p").await.unwrap();
    let events = collect(service.message("c", "hello").unwrap()).await;
    assert_eq!(
        events,
        [
            status(Thinking),
            status(Streaming),
            Chunk("hello".into()),
            status(Idle),
            Completed
        ]
    );
    let info = service.get("c").unwrap();
    assert_eq!(
        (info.messages, info.chunks, info.bytes, info.status),
        (1, 1, 5, Idle)
    );
}

#[tokio::test]
async fn the_end_of_an_answer_is_the_moment_for_the_next_message() {
    let (service, _) = service(AgentLimits::default());
    service.start("c", "p").await.unwrap();
    for round in 0..200 {
        let events = collect(service.message("c", round.to_string()).unwrap()).await;
        assert_eq!(events.last(), Some(&Completed));
    }
    assert_eq!(service.get("c").unwrap().messages, 200);
}

#[tokio::test]
async fn a_failed_answer_says_why_and_the_session_goes_on() {
    let (service, backend) = service(AgentLimits::default());
    service.start("c", "p").await.unwrap();
    let events = collect(service.message("c", "fail").unwrap()).await;
    assert_eq!(
        events,
        [
            status(Thinking),
            status(Streaming),
            Chunk("half ".into()),
            status(Error),
            Failed("it broke".into())
        ]
    );
    assert_eq!(service.get("c").unwrap().status, Error);
    assert_eq!(backend.notes(), ["open c p", "stop p"]);
    assert_eq!(
        collect(service.message("c", "again").unwrap()).await.last(),
        Some(&Completed)
    );
}

#[tokio::test]
async fn without_a_session_there_is_nothing_to_do() {
    let (service, _) = service(AgentLimits::default());
    assert_eq!(
        service.message("c", "hello").unwrap_err(),
        AgentError::SessionNotFound
    );
    assert_eq!(
        service.cancel("c").await.unwrap_err(),
        AgentError::SessionNotFound
    );
    assert!(!service.end("c").await);
    assert_eq!(service.get("c"), None);
}

#[tokio::test]
async fn one_message_at_a_time() {
    let (service, _) = service(AgentLimits::default());
    service.start("c", "p").await.unwrap();
    let answer = service.message("c", "hang").unwrap();
    assert_eq!(
        service.message("c", "hello").unwrap_err(),
        AgentError::SessionBusy
    );
    assert_eq!(service.get("c").unwrap().status, Thinking);
    // Another client's session does not mind.
    service.start("d", "p").await.unwrap();
    collect(service.message("d", "hello").unwrap()).await;
    service.cancel("c").await.unwrap();
    assert_eq!(collect(answer).await, [status(Thinking), status(Idle), Cancelled]);
    collect(service.message("c", "hello").unwrap()).await;
}

#[tokio::test]
async fn cancel_returns_when_the_backend_has_stopped() {
    let (service, backend) = service(AgentLimits::default());
    service.start("c", "p").await.unwrap();
    let _answer = service.message("c", "hang").unwrap();
    assert_eq!(service.cancel("c").await.unwrap().status, Idle);
    assert_eq!(backend.notes(), ["open c p", "stop p"]);
    // Nothing is running now, which is no error.
    service.cancel("c").await.unwrap();
    assert_eq!(backend.notes(), ["open c p", "stop p"]);
}

#[tokio::test]
async fn cancel_does_not_wait_for_a_reader() {
    let (service, _) = service(AgentLimits::default());
    service.start("c", "p").await.unwrap();
    let answer = service.message("c", "flood").unwrap();
    sleep(Duration::from_millis(20)).await;
    timeout(Duration::from_secs(5), service.cancel("c"))
        .await
        .expect("no deadlock")
        .unwrap();
    // What came before the cancel is still there, and then the end.
    let events = collect(answer).await;
    assert_eq!(events.len(), AgentLimits::default().waiting_chunks.get() + 2);
    assert_eq!(events.last(), Some(&Cancelled));
}

#[tokio::test]
async fn a_slow_reader_holds_up_the_agent() {
    let limits = AgentLimits {
        waiting_chunks: NonZeroUsize::new(4).unwrap(),
        ..AgentLimits::default()
    };
    let (service, backend) = service(limits);
    service.start("c", "p").await.unwrap();
    let mut answer = service.message("c", "flood").unwrap();
    sleep(Duration::from_millis(50)).await;
    let before = backend.sent.load(Ordering::Relaxed);
    assert!(before <= 4, "{before} pieces without a reader");
    for _ in 0..100 {
        answer.next().await.unwrap();
    }
    sleep(Duration::from_millis(50)).await;
    assert!((90..=104).contains(&backend.sent.load(Ordering::Relaxed)));
}

#[tokio::test]
async fn dropping_an_answer_cancels_it() {
    let (service, backend) = service(AgentLimits::default());
    service.start("c", "p").await.unwrap();
    for prompt in ["hang", "flood"] {
        drop(service.message("c", prompt).unwrap());
        timeout(Duration::from_secs(5), async {
            while service.get("c").unwrap().status != Idle {
                sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .unwrap();
    }
    assert_eq!(backend.notes(), ["open c p", "stop p", "stop p"]);
    collect(service.message("c", "hello").unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_fails() {
    let limits = AgentLimits {
        answer_timeout: Duration::from_secs(30),
        ..AgentLimits::default()
    };
    let (service, backend) = service(limits);
    service.start("c", "p").await.unwrap();
    let mut answer = service.message("c", "hang").unwrap();
    assert_eq!(answer.next().await, Some(status(Thinking)));
    assert_eq!(answer.next().await, Some(status(Error)));
    assert_eq!(
        answer.next().await,
        Some(Failed("the agent did not finish its answer within 30 s".into()))
    );
    assert_eq!(backend.notes(), ["open c p", "stop p"]);
}

#[tokio::test]
async fn starting_again_replaces_the_session() {
    let (service, backend) = service(AgentLimits::default());
    service.start("c", "one").await.unwrap();
    let mut answer = service.message("c", "hang").unwrap();
    assert_eq!(answer.next().await, Some(status(Thinking)));
    let info = service.start("c", "two").await.unwrap();
    assert_eq!((info.project_path.as_str(), info.messages), ("two", 0));
    // The old one had stopped before the new one began: once for its answer, once for itself.
    assert_eq!(
        backend.notes(),
        ["open c one", "stop one", "stop one", "open c two"]
    );
    assert_eq!(collect(answer).await.last(), Some(&Cancelled));
    assert_eq!(service.sessions().len(), 1);
    collect(service.message("c", "hello").unwrap()).await;
}

#[tokio::test]
async fn starts_at_the_same_time_leave_one_session() {
    let (service, backend) = service(AgentLimits::default());
    tokio::join!(
        async { service.start("c", "one").await.unwrap() },
        async { service.start("c", "two").await.unwrap() },
        async { service.start("c", "three").await.unwrap() },
    );
    let left = service.get("c").unwrap().project_path;
    for project in ["one", "two", "three"] {
        let stopped = backend.notes().contains(&format!("stop {project}"));
        assert_eq!(stopped, project != left, "{project}");
    }
}

#[tokio::test]
async fn end_returns_when_the_backend_has_stopped() {
    let (service, backend) = service(AgentLimits::default());
    service.start("c", "p").await.unwrap();
    let mut answer = service.message("c", "hang").unwrap();
    assert_eq!(answer.next().await, Some(status(Thinking)));
    assert!(service.end("c").await);
    assert_eq!(backend.notes(), ["open c p", "stop p", "stop p"]);
    assert_eq!(collect(answer).await.last(), Some(&Cancelled));
    assert_eq!(
        service.message("c", "hello").unwrap_err(),
        AgentError::SessionNotFound
    );
}

#[tokio::test]
async fn a_dropped_end_ends_the_session_all_the_same() {
    let (service, backend) = service(AgentLimits::default());
    service.start("c", "p").await.unwrap();
    assert!(timeout(Duration::from_millis(1), service.end("c")).await.is_err());
    assert_eq!(service.get("c"), None);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(backend.notes(), ["open c p", "stop p"]);
}

#[tokio::test]
async fn dropping_the_service_ends_its_sessions() {
    let (service, backend) = service(AgentLimits::default());
    service.start("c", "p").await.unwrap();
    let other = service.clone();
    drop(service);
    collect(other.message("c", "hello").unwrap()).await;
    drop(other);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(backend.notes(), ["open c p", "stop p"]);
}

#[tokio::test]
async fn shutdown_ends_everything_and_starts_nothing_more() {
    let (service, backend) = service(AgentLimits::default());
    for client in ["a", "b", "c"] {
        service.start(client, client).await.unwrap();
    }
    let answer = service.message("b", "hang").unwrap();
    service.shutdown().await;
    for client in ["a", "b", "c"] {
        assert!(backend.notes().contains(&format!("stop {client}")));
    }
    assert_eq!(collect(answer).await.last(), Some(&Cancelled));
    assert!(service.sessions().is_empty());
    assert_eq!(service.start("d", "d").await, Err(AgentError::AgentFailed));
}

#[tokio::test]
async fn sessions_are_counted_until_they_are_gone() {
    let (service, _) = service(AgentLimits {
        sessions: 2,
        ..AgentLimits::default()
    });
    service.start("a", "p").await.unwrap();
    service.start("b", "p").await.unwrap();
    assert_eq!(service.start("c", "p").await, Err(AgentError::TooManySessions));
    // One's own session makes room for its successor.
    service.start("b", "q").await.unwrap();
    service.end("a").await;
    service.start("c", "p").await.unwrap();
    // A start that fails gives its place back.
    service.end("c").await;
    for _ in 0..3 {
        assert_eq!(service.start("c", "broken").await, Err(AgentError::AgentFailed));
    }
    service.start("c", "p").await.unwrap();
}

#[tokio::test]
async fn a_backend_that_panics_costs_its_own_session_only() {
    let (service, _) = service(AgentLimits::default());
    service.start("a", "p").await.unwrap();
    service.start("b", "p").await.unwrap();
    assert_eq!(
        collect(service.message("a", "panic").unwrap()).await.last(),
        Some(&Cancelled)
    );
    assert_eq!(
        service.message("a", "hello").unwrap_err(),
        AgentError::SessionNotFound
    );
    timeout(Duration::from_secs(5), service.cancel("a"))
        .await
        .expect("no wait for the dead")
        .unwrap();
    collect(service.message("b", "hello").unwrap()).await;
    service.start("a", "p").await.unwrap();
    collect(service.message("a", "hello").unwrap()).await;
}

#[tokio::test]
async fn sessions_are_listed_in_order() {
    let (service, _) = service(AgentLimits::default());
    for client in ["b", "a", "c"] {
        service.start(client, "p").await.unwrap();
    }
    let _answer = service.message("c", "hang").unwrap();
    let listed = serde_json::to_value(service.sessions()).unwrap();
    let ids: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["id"].clone())
        .collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(listed[2]["status"], "thinking");
    assert_eq!(listed[2]["projectPath"], "p");
    assert!(listed[2]["since"].as_u64().unwrap() > 1_700_000_000_000);
}

#[tokio::test]
async fn echo_gives_back_what_it_was_told() {
    let echo = EchoSettings {
        chunk_chars: NonZeroUsize::new(4).unwrap(),
        delay: Duration::from_millis(1),
    };
    let settings = AgentSettings {
        backend: BackendSettings::Echo(echo),
        ..AgentSettings::default()
    };
    let service = AgentService::new(settings).unwrap();
    // Without roots its project paths are labels, and need not exist.
    service.start("c", "/srv/p1").await.unwrap();
    let events = collect(service.message("c", "grüße, 日本 🧵").unwrap()).await;
    let pieces = ["grüß", "e, 日", "本 🧵"].map(|piece| Chunk(piece.into()));
    assert_eq!(events[..2], [status(Thinking), status(Streaming)]);
    assert_eq!(events[2..5], pieces);
    assert_eq!(events[5..], [status(Idle), Completed]);
    assert_eq!(
        collect(service.message("c", "").unwrap()).await,
        [status(Thinking), status(Idle), Completed]
    );
}

#[tokio::test]
async fn roots_bind_the_echo_backend_too() {
    let dir = tempfile::tempdir().unwrap();
    let settings = AgentSettings {
        roots: vec![dir.path().to_owned()],
        ..AgentSettings::default()
    };
    let service = AgentService::new(settings).unwrap();
    service.start("c", ".").await.unwrap();
    assert_eq!(
        service.start("c", "/srv/p1").await,
        Err(AgentError::ProjectNotFound)
    );
    // The session that was there is still there.
    assert!(service.get("c").is_some());
}
