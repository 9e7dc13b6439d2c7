//! The `command` backend: a program answers, run in the session's project directory.
//!
//! A program that knows nothing of Wireloom needs a rule for where an answer ends. There are two:
//!
//! - **per message** ([`CommandMode::PerMessage`], the default): each message starts a process of its own. It gets the
//!   prompt on standard input as it is, then end of file. What it writes to standard output is the answer, which ends
//!   when the process does. What it leaves running is killed. Fits `cat`, `claude -p`, most scripts.
//! - **per session** ([`CommandMode::PerSession`]): one process lives as long as the session. It gets each prompt as one
//!   line that holds a JSON string, line breaks escaped. The answer is all that it writes up to a line equal to the
//!   delimiter, which is not part of it. It should write nothing before it is asked: that would begin the next answer.
//!   When it was ended by a cancel or a failure, the next message starts another.
//!
//! In both modes:
//!
//! - Output is passed on as it comes, never splitting a character. Bytes that are no UTF-8 become U+FFFD. While the reader
//!   is behind, nothing is read, and the program waits.
//! - Each line of standard error goes to the log, cut at 4 KiB.
//! - The environment is empty but for the variables that the settings name, and `PWD`.
//! - The process leads a process group of its own. On cancel, failure, time-out and session end the group gets SIGTERM;
//!   what is left of it after the grace, or once its leader is gone, gets SIGKILL. A dropped process is killed at once. A
//!   descendant that leaves the group (`setsid`) is out of reach.
//! - An exit status other than 0, or a signal, is a failed answer.

mod process;
mod text;

use std::convert::Infallible;
use std::future;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, BoxFuture, Conversation, Failure, Output};
use super::error::SettingsError;
use super::project::Project;
use super::settings::{CommandMode, CommandSettings};
use process::{Process, Reader};
use text::Fence;

/// Answers by running a program; see the [module](self).
#[derive(Debug, Clone)]
pub struct CommandBackend {
    settings: Arc<CommandSettings>,
}

impl CommandBackend {
    /// A backend that runs what the settings say. Whether the program exists shows when it is first run.
    ///
    /// # Errors
    ///
    /// When there is no program, or the delimiter is not one line.
    pub fn new(mut settings: CommandSettings) -> Result<Self, SettingsError> {
        let mut parts = settings.program.components();
        if parts.next().is_none() {
            return Err(SettingsError::NoProgram);
        }
        // A mere name is looked up in PATH; a path must not depend on the project directory.
        if parts.next().is_some() || settings.program.as_os_str().as_encoded_bytes().contains(&b'/') {
            settings.program =
                std::path::absolute(&settings.program).map_err(|source| SettingsError::Program {
                    path: settings.program.clone(),
                    source,
                })?;
        }
        if let CommandMode::PerSession { delimiter } = &settings.mode
            && (delimiter.is_empty() || delimiter.contains(['\n', '\r']))
        {
            return Err(SettingsError::Delimiter);
        }
        Ok(Self {
            settings: Arc::new(settings),
        })
    }
}

impl Backend for CommandBackend {
    fn open<'a>(
        &'a self,
        session: &'a str,
        project: &'a Project,
    ) -> BoxFuture<'a, Result<Box<dyn Conversation>, Failure>> {
        Box::pin(async move {
            let directory = project
                .directory
                .clone()
                .ok_or_else(|| Failure("the agent needs a project directory".into()))?;
            let launch = Launch {
                session: session.to_owned(),
                directory,
                settings: Arc::clone(&self.settings),
            };
            let conversation: Box<dyn Conversation> = match &self.settings.mode {
                CommandMode::PerMessage => Box::new(PerMessage {
                    launch,
                    running: None,
                }),
                CommandMode::PerSession { delimiter } => {
                    let fence = Fence::new(delimiter);
                    let mut conversation = PerSession {
                        launch,
                        fence,
                        running: None,
                    };
                    // Now rather than at the first message, so that a start tells whether there is an agent.
                    conversation.running = Some(Dialogue::start(&conversation.launch)?);
                    Box::new(conversation)
                }
            };
            Ok(conversation)
        })
    }
}

/// All that starting a process takes.
struct Launch {
    session: String,
    directory: PathBuf,
    settings: Arc<CommandSettings>,
}

impl Launch {
    fn start(&self) -> Result<Process, Failure> {
        Process::start(&self.settings, &self.directory, &self.session).map_err(|error| {
            tracing::warn!(session = self.session, program = ?self.settings.program, %error, "agent process not started");
            Failure("the agent could not be started".into())
        })
    }

    fn broken(&self, error: &std::io::Error) -> Failure {
        tracing::warn!(session = self.session, %error, "agent process cut off");
        Failure("the connection to the agent broke".into())
    }
}

/// A process a message.
struct PerMessage {
    launch: Launch,
    // Kept here rather than in the answer's future, so that `stop` can end it with grace.
    running: Option<Process>,
}

impl Conversation for PerMessage {
    fn answer<'a>(&'a mut self, prompt: &'a str, out: &'a Output<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let process = self.running.insert(self.launch.start()?);
            let (Some(stdin), Some(mut reader)) = (process.stdin.take(), process.reader.take()) else {
                return Err(Failure("the agent could not be started".into()));
            };
            let exited = CancellationToken::new();
            let feed = exited.run_until_cancelled(feed(stdin, prompt.as_bytes()));
            let relay = async {
                while let Some(text) = reader.next(&exited).await? {
                    out.chunk(text).await;
                }
                Ok(())
            };
            let exit = async {
                let status = process.wait().await;
                exited.cancel();
                status
            };
            let (_, relayed, status) = tokio::join!(feed, relay, exit);
            let status = relayed.and(status).map_err(|error| self.launch.broken(&error))?;
            stop(self.running.take(), &self.launch).await;
            process::judge(status)
        })
    }

    fn stop(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(stop(self.running.take(), &self.launch))
    }
}

/// A process a session.
struct PerSession {
    launch: Launch,
    fence: Fence,
    running: Option<Dialogue>,
}

/// A process that answers one prompt after the other.
struct Dialogue {
    process: Process,
    stdin: ChildStdin,
    reader: Reader,
    /// Set when the process is gone.
    exited: CancellationToken,
}

impl Dialogue {
    fn start(launch: &Launch) -> Result<Self, Failure> {
        let mut process = launch.start()?;
        match (process.stdin.take(), process.reader.take()) {
            (Some(stdin), Some(reader)) => Ok(Self {
                process,
                stdin,
                reader,
                exited: CancellationToken::new(),
            }),
            _ => Err(Failure("the agent could not be started".into())),
        }
    }
}

impl Conversation for PerSession {
    fn answer<'a>(&'a mut self, prompt: &'a str, out: &'a Output<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if self
                .running
                .as_mut()
                .is_some_and(|dialogue| dialogue.process.has_exited())
            {
                tracing::warn!(
                    session = self.launch.session,
                    "agent process ended between two messages"
                );
                self.stop().await;
            }
            let Dialogue {
                process,
                stdin,
                reader,
                exited,
            } = match &mut self.running {
                Some(dialogue) => dialogue,
                none => none.insert(Dialogue::start(&self.launch)?),
            };
            self.fence.reset();
            let line = format!("{}\n", serde_json::Value::from(prompt));
            let feed = async {
                note_unread(stdin.write_all(line.as_bytes()).await);
                Ok(())
            };
            let relay = async {
                while let Some(text) = reader.next(exited).await? {
                    let (part, rest) = self.fence.push(text);
                    out.chunk(part).await;
                    if let Some(rest) = rest {
                        reader.put_back(rest);
                        return Ok(true);
                    }
                }
                out.chunk(self.fence.finish()).await;
                Ok(false)
            };
            let watch = async {
                process.wait().await.ok();
                exited.cancel();
                future::pending::<Infallible>().await
            };
            let told = tokio::select! {
                // Both: a process that answers before it has read its prompt would take the rest for the next one.
                told = async { tokio::try_join!(relay, feed) } => told,
                never = watch => match never {},
            };
            match told {
                Ok((true, ())) => Ok(()),
                Ok((false, ())) => Err(process.post_mortem().await),
                Err(error) => Err(self.launch.broken(&error)),
            }
        })
    }

    fn stop(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(stop(
            self.running.take().map(|dialogue| dialogue.process),
            &self.launch,
        ))
    }
}

async fn stop(process: Option<Process>, launch: &Launch) {
    if let Some(process) = process {
        process.stop(launch.settings.grace).await;
    }
}

/// Writes the prompt, then closes the pipe.
async fn feed(mut stdin: ChildStdin, prompt: &[u8]) {
    note_unread(stdin.write_all(prompt).await);
}

/// A program may leave its input unread, which is no fault of the answer. If it has ended, that shows by itself.
fn note_unread(written: std::io::Result<()>) {
    if let Err(error) = written {
        tracing::debug!(%error, "agent process left its prompt unread");
    }
}
