//! How a command ends: the exit codes, in one place.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// What the caller's shell sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: all is well.
    Well,
    /// 1: the command did its work, and the result is bad: the file has errors, files are out of date, the server
    /// answered with an error.
    Bad,
    /// 2: the command line makes no sense, or a file cannot be read or written.
    Usage,
    /// 3: no connection to the server.
    NotConnected,
    /// 4: no answer in time.
    TimedOut,
    /// 5: the server closed the connection before it had answered.
    Closed,
    /// 130: interrupted from the keyboard.
    Interrupted,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Bad => 1,
            Self::Usage => 2,
            Self::NotConnected => 3,
            Self::TimedOut => 4,
            Self::Closed => 5,
            // 128 and the number of SIGINT, as shells have it.
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command could not do what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the shell sees.
    pub exit: Exit,
    /// What went wrong: a fragment without a full stop. Nothing is printed if it is empty.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Failure {
    /// A failure without a way to mend it.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            help: None,
        }
    }

    /// Says how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Output that cannot be written. A reader that has gone away, as `head` does, is no reason to complain.
impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Well, ""),
            _ => Self::new(Exit::Usage, format!("cannot write the output: {cause}")),
        }
    }
}
