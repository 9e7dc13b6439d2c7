//! Sessions on disk: what they promise is written before it is promised, so that they outlive the server's process,
//! however it ends.
//!
//! One thread writes what stands in the journal: everything that came while it wrote the last batch goes into the next
//! one. The database is [fjall](https://docs.rs/fjall), whose write-ahead log lies between "handed to the system", which
//! outlives the process, and "on the disk", which outlives the machine; redb, the other one that is well kept, has no
//! log, and each of its commits waits for the disk.

pub(crate) mod records;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use tokio::sync::oneshot;

use self::records::{Alive, Loading, Saved};
use crate::journal::{Batch, Clock, Journal, Record, millis};

/// Name of the database in the state directory.
const NAME: &str = "sessions";

/// What the records mean. Another number is another meaning.
const VERSION: &[u8] = b"2";

/// How long what was handed to the system may stay there before it is on the disk.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Bytes in memory before they go to a table, and of all logs.
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;
const LOG_BYTES: u64 = 128 * 1024 * 1024;

/// What sessions outlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The server's process, however it ends. If the whole machine fails, the last second may be lost.
    #[default]
    Process,
    /// The machine, too: everything waits until it is on the disk.
    Machine,
}

/// Why there is no store.
#[derive(Debug)]
pub enum StoreError {
    /// Another process has it open.
    InUse(PathBuf),
    /// The directory cannot be used.
    Io(PathBuf, io::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(f, "{} is in use by another process", path.display()),
            Self::Io(path, error) => write!(f, "cannot keep sessions in {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for StoreError {}

/// Sessions on disk, for [`crate::Builder::store`].
pub struct Store {
    pub(crate) journal: Arc<Journal>,
    pub(crate) saved: Vec<Saved>,
    pub(crate) closed: oneshot::Receiver<()>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("sessions", &self.saved.len())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store of a directory, which is made where it is missing. Blocks while it reads.
    ///
    /// A store that cannot be read, or is of another version, is set aside under another name, and an empty one begins;
    /// the log says so.
    ///
    /// # Errors
    ///
    /// If another process has it open, or the directory cannot be written to.
    pub fn open(directory: impl AsRef<Path>, durability: Durability) -> Result<Self, StoreError> {
        let path = directory.as_ref().join(NAME);
        let failed = |error| StoreError::Io(path.clone(), error);
        std::fs::create_dir_all(&directory).map_err(failed)?;
        let opened = match open(&path) {
            Err(Unusable::Damaged(why)) => {
                let aside = set_aside(&path).map_err(failed)?;
                tracing::error!(
                    "the sessions in {} cannot be taken up: {why}; they are kept in {}",
                    path.display(),
                    aside.display()
                );
                open(&path)
            }
            opened => opened,
        };
        let (tables, saved, clock) = opened.map_err(|unusable| match unusable {
            Unusable::InUse => StoreError::InUse(path.clone()),
            Unusable::Io(error) => failed(error),
            Unusable::Damaged(why) => failed(io::Error::other(why)),
        })?;
        let journal = Arc::new(Journal::new(clock));
        let (tell, closed) = oneshot::channel();
        let writer = Writer {
            tables,
            durability,
            path: path.clone(),
            synced: Instant::now(),
            dirty: false,
        };
        let theirs = Arc::clone(&journal);
        thread::Builder::new()
            .name("wireloom-store".to_owned())
            .spawn(move || {
                writer.run(&theirs);
                // Whoever waited may have gone.
                let _gone = tell.send(());
            })
            .map_err(failed)?;
        Ok(Self {
            journal,
            saved,
            closed,
        })
    }
}

/// A database, the sessions in it, and the clock that goes on.
type Opened = (Tables, Vec<Saved>, Clock);

/// Why a database cannot be opened.
enum Unusable {
    InUse,
    Io(io::Error),
    /// It is not what it should be.
    Damaged(String),
}

impl From<fjall::Error> for Unusable {
    fn from(error: fjall::Error) -> Self {
        use io::ErrorKind::{
            NotADirectory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
        };
        match error {
            fjall::Error::Locked => Self::InUse,
            fjall::Error::Io(error)
                if matches!(
                    error.kind(),
                    NotADirectory | PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
                ) =>
            {
                Self::Io(error)
            }
            other => Self::Damaged(other.to_string()),
        }
    }
}

fn open(path: &Path) -> Result<Opened, Unusable> {
    // Whatever stands in the files, the server starts.
    catch_unwind(|| read(path)).unwrap_or_else(|_| Err(Unusable::Damaged("reading it panicked".to_owned())))
}

fn read(path: &Path) -> Result<Opened, Unusable> {
    let database = Database::builder(path)
        .worker_threads(1)
        .max_journaling_size(LOG_BYTES)
        .open()?;
    let about = database.keyspace("about", KeyspaceCreateOptions::default)?;
    match about.get("version")? {
        Some(version) if *version == *VERSION => {}
        Some(version) => {
            let version = String::from_utf8_lossy(&version).into_owned();
            return Err(Unusable::Damaged(format!("they are of version {version:?}")));
        }
        None => {
            about.insert("version", VERSION)?;
            database.persist(PersistMode::SyncAll)?;
        }
    }
    let alive = match about.get("alive")? {
        Some(value) => Some(Alive::read(&value).ok_or_else(nonsense)?),
        None => None,
    };
    let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
    let sessions = database.keyspace(NAME, options)?;
    let mut loading = Loading::default();
    for record in sessions.iter() {
        let (key, value) = record.into_inner()?;
        loading.add(&key, &value).ok_or_else(nonsense)?;
    }
    for session in std::mem::take(&mut loading.remains) {
        remove(&database, &sessions, session)?;
    }
    // Where there was no process before, it begins with the system's.
    let now = alive.map_or_else(|| millis(SystemTime::now()), |alive| alive.goes_on());
    let clock = Clock::showing(now);
    about.insert("alive", Alive::now(&clock).bytes())?;
    database.persist(PersistMode::SyncData)?;
    Ok((
        Tables {
            database,
            about,
            sessions,
        },
        loading.finish(now),
        clock,
    ))
}

fn nonsense() -> Unusable {
    Unusable::Damaged("a record makes no sense".to_owned())
}

/// Gives a database another name. Returns it.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let aside = path.with_extension(format!("aside-{}", now.unwrap_or_default().as_millis()));
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

/// Forgets everything of a session.
fn remove(database: &Database, sessions: &Keyspace, session: u128) -> fjall::Result<()> {
    let mut batch = database.batch();
    for record in sessions.prefix(records::prefix(session)) {
        batch.remove(sessions, record.key()?);
    }
    batch.commit()
}

/// What stands in the files.
struct Tables {
    database: Database,
    /// The version, and when the process was alive.
    about: Keyspace,
    sessions: Keyspace,
}

/// The thread that writes.
struct Writer {
    tables: Tables,
    durability: Durability,
    path: PathBuf,
    synced: Instant,
    /// Whether anything was written since.
    dirty: bool,
}

impl Writer {
    fn run(mut self, journal: &Journal) {
        loop {
            let Batch {
                records,
                until,
                closed,
            } = journal.next(SYNC_EVERY);
            let written = catch_unwind(AssertUnwindSafe(|| self.turn(&records, closed, &journal.clock)));
            // What it holds may be the last of the engine, whose end records something.
            drop(records);
            let failure = match written {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("writing panicked".to_owned()),
            };
            if let Some(failure) = failure {
                return self.fail(journal, &failure);
            }
            journal.done(until);
            if closed {
                return;
            }
        }
    }

    /// Nothing can be promised any more. What stands on the disk is out of date from here on: it must not be taken up.
    fn fail(self, journal: &Journal, failure: &str) {
        let end = match set_aside(&self.path) {
            Ok(aside) => format!("what was kept is in {}", aside.display()),
            Err(error) => format!(
                "{} must be removed before the next start, which failed here: {error}",
                self.path.display()
            ),
        };
        tracing::error!("sessions will not outlive this process, since writing failed: {failure}; {end}");
        journal.give_up();
    }

    fn turn(&mut self, records: &[Record], last: bool, clock: &Clock) -> fjall::Result<()> {
        if !records.is_empty() {
            self.write(records, clock)?;
            self.dirty = true;
        }
        if last || self.dirty && self.synced.elapsed() >= SYNC_EVERY {
            let Tables { database, about, .. } = &self.tables;
            about.insert("alive", Alive::now(clock).bytes())?;
            database.persist(if last {
                PersistMode::SyncAll
            } else {
                PersistMode::SyncData
            })?;
            self.synced = Instant::now();
            self.dirty = false;
        }
        Ok(())
    }

    fn write(&self, records: &[Record], clock: &Clock) -> fjall::Result<()> {
        let mode = match self.durability {
            Durability::Process => PersistMode::Buffer,
            Durability::Machine => PersistMode::SyncData,
        };
        let Tables {
            database, sessions, ..
        } = &self.tables;
        let mut batch = database.batch().durability(Some(mode));
        let mut over = Vec::new();
        for record in records {
            match record {
                Record::Session(link) => {
                    if let Some((session, profile)) = link.profile(clock) {
                        let profile = serde_json::to_vec(&profile).map_err(io::Error::from)?;
                        batch.insert(sessions, records::profile_key(session), profile);
                    }
                }
                Record::Message {
                    session,
                    seq,
                    text,
                    answers,
                } => {
                    let value = records::message(text, answers.as_ref());
                    batch.insert(sessions, records::message_key(*session, *seq), value);
                    if let Some(asked) = answers {
                        batch.remove(sessions, records::began_key(*session, &asked.correlation_id));
                    }
                }
                Record::Dropped { session, from, to } => {
                    batch.insert(sessions, records::first_key(*session), to.to_be_bytes());
                    for seq in *from..*to {
                        batch.remove(sessions, records::message_key(*session, seq));
                    }
                }
                Record::Began { session, asked } => {
                    let key = records::began_key(*session, &asked.correlation_id);
                    batch.insert(sessions, key, asked.hash.to_be_bytes());
                }
                Record::Ended {
                    session,
                    correlation_id,
                } => {
                    batch.remove(sessions, records::began_key(*session, correlation_id));
                    batch.remove(sessions, records::silent_key(*session, correlation_id));
                }
                Record::Silent { session, asked } => {
                    batch.remove(sessions, records::began_key(*session, &asked.correlation_id));
                    let key = records::silent_key(*session, &asked.correlation_id);
                    batch.insert(sessions, key, asked.hash.to_be_bytes());
                }
                Record::Over { session } => over.push(*session),
            }
        }
        batch.commit()?;
        for session in over {
            remove(database, sessions, session)?;
        }
        Ok(())
    }
}
