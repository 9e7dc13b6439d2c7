//! One process and its group: started, read, waited for, ended. Nothing of the group outlives it.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::backend::Failure;
use super::super::settings::CommandSettings;
use super::text::Utf8Decoder;

/// Most bytes of a line of standard error that reach the log.
const LOG_LINE: usize = 4096;
/// Most bytes read at once; bounds a piece of an answer.
const READ: usize = 8192;
/// How long a pipe is still read after the process is gone. What it wrote is there at once; only a descendant that has
/// left the group can keep the pipe open.
const DRAIN: Duration = Duration::from_millis(200);

/// A running process, the leader of its group. Dropping it kills the group.
pub(super) struct Process {
    // Before the child, whose drop may give its number away.
    group: Group,
    child: Child,
    stderr: Option<JoinHandle<()>>,
    /// The process's standard input, until it is taken.
    pub(super) stdin: Option<ChildStdin>,
    /// The process's standard output, until it is taken.
    pub(super) reader: Option<Reader>,
}

impl Process {
    /// Starts the program in a directory. Lines of its standard error are logged under `session`.
    pub(super) fn start(settings: &CommandSettings, directory: &Path, session: &str) -> io::Result<Self> {
        let inherited = settings
            .inherit_env
            .iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut command = Command::new(&settings.program);
        command
            .args(&settings.args)
            .current_dir(directory)
            .env_clear()
            .envs(inherited)
            .env("PWD", directory)
            .envs(&settings.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let group = Group::of(&child);
        let stderr = child
            .stderr
            .take()
            .map(|stderr| tokio::spawn(log_lines(stderr, session.to_owned())));
        let stdin = child.stdin.take();
        let reader = child.stdout.take().map(Reader::new);
        Ok(Self {
            group,
            child,
            stderr,
            stdin,
            reader,
        })
    }

    /// Waits for the process to end, and kills what it leaves behind in its group.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        // In the same step: a group whose number was given away meanwhile would be somebody else's.
        self.group.kill();
        status
    }

    /// Whether the process has ended. Kills what it left behind, if so.
    pub(super) fn has_exited(&mut self) -> bool {
        let exited = !matches!(self.child.try_wait(), Ok(None));
        if exited {
            self.group.kill();
        }
        exited
    }

    /// Ends the group: with SIGTERM first, by force when the leader is gone or the grace is over.
    pub(super) async fn stop(mut self, grace: Duration) {
        self.group.terminate();
        if timeout(grace, self.wait()).await.is_err() {
            self.group.kill();
            if let Err(error) = self.child.kill().await {
                tracing::warn!(%error, "agent process not waited for");
            }
        }
        if let Some(stderr) = &mut self.stderr {
            // Its last lines. Late ones of a descendant that has left the group are given up.
            timeout(DRAIN, stderr).await.ok();
        }
    }

    /// Why a process that closed its output has ended.
    pub(super) async fn post_mortem(&mut self) -> Failure {
        match timeout(DRAIN, self.wait()).await {
            Ok(Ok(status)) => match judge(status) {
                Ok(()) => Failure("the agent ended before its answer did".into()),
                Err(failure) => failure,
            },
            _ => Failure("the agent closed its output before the end of its answer".into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(stderr) = &self.stderr {
            stderr.abort();
        }
    }
}

/// Whether a process that ended so has answered.
pub(super) fn judge(status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Err(Failure(format!("the agent was ended by signal {signal}")));
    }
    Err(match status.code() {
        Some(code) => Failure(format!("the agent exited with status {code}")),
        None => Failure("the agent failed".into()),
    })
}

/// The standard output of a process, as text.
pub(super) struct Reader {
    stdout: ChildStdout,
    decoder: Utf8Decoder,
    buffer: Box<[u8]>,
    put_back: String,
    ended: bool,
}

impl Reader {
    fn new(stdout: ChildStdout) -> Self {
        let buffer = vec![0; READ].into_boxed_slice();
        Self {
            stdout,
            decoder: Utf8Decoder::default(),
            buffer,
            put_back: String::new(),
            ended: false,
        }
    }

    /// The next text, which may be empty; `None` at the end. Once `exited` is set only what is there is read.
    pub(super) async fn next(&mut self, exited: &CancellationToken) -> io::Result<Option<String>> {
        if !self.put_back.is_empty() {
            return Ok(Some(std::mem::take(&mut self.put_back)));
        }
        if self.ended {
            return Ok(None);
        }
        let drained = async {
            exited.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        let count = tokio::select! {
            biased;
            count = self.stdout.read(&mut self.buffer) => count?,
            () = drained => 0,
        };
        self.ended = count == 0;
        let text = match self.buffer.get(..count) {
            Some(piece) if count > 0 => self.decoder.push(piece),
            _ => self.decoder.finish(),
        };
        Ok(Some(text))
    }

    /// Makes a text the next one.
    pub(super) fn put_back(&mut self, text: String) {
        self.put_back = text;
    }
}

/// Logs each line, cut at [`LOG_LINE`] bytes.
async fn log_lines(stderr: impl AsyncRead + Unpin, session: String) {
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        let (used, ends) = match stderr.fill_buf().await {
            Ok([]) | Err(_) => break,
            Ok(bytes) => match bytes.iter().position(|&byte| byte == b'\n') {
                Some(at) => (at, true),
                None => (bytes.len(), false),
            },
        };
        let room = LOG_LINE.saturating_sub(line.len()).min(used);
        line.extend(stderr.buffer().iter().take(room));
        stderr.consume(if ends { used + 1 } else { used });
        if ends {
            log_line(&session, &line);
            line.clear();
        }
    }
    if !line.is_empty() {
        log_line(&session, &line);
    }
}

fn log_line(session: &str, line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    // Escaped: what a program writes must not move the operator's cursor.
    tracing::info!(session, stderr = ?line.trim_end_matches('\r'), "agent process says");
}

/// The process group that a child leads. Killed when dropped.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    fn of(child: &Child) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        Self { leader }
    }

    /// Asks every process of the group to end.
    fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Kills every process of the group. From now on there is no group: its number may be given away.
    fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
        self.leader = None;
    }

    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(leader) = self.leader {
            // It fails if nobody is left, which is what was wanted.
            rustix::process::kill_process_group(leader, signal).ok();
        }
    }
}

/// Elsewhere only the child itself is ended, when it is dropped.
#[cfg(not(unix))]
impl Group {
    fn of(_child: &Child) -> Self {
        Self {}
    }

    fn terminate(&self) {}

    fn kill(&mut self) {}
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
