//! Tells when a file has changed, whichever way an editor writes it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Changes that follow each other sooner are one.
const SETTLED: Duration = Duration::from_millis(100);

/// Watches as long as it lives.
pub(crate) struct Watch {
    changes: mpsc::Receiver<()>,
    /// A change has come, and others may follow: kept here, so that nothing is lost when a wait is given up.
    unsettled: bool,
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches a file. The error is for people.
    pub(crate) fn new(file: &Path) -> Result<Self, String> {
        // One waiting change is enough: the file is read as a whole.
        let (tell, changes) = mpsc::channel(1);
        let name = file.file_name().map(ToOwned::to_owned);
        let seen = move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            let named = |path: &PathBuf| path.file_name() == name.as_deref();
            if changes_files(event.kind) && event.paths.iter().any(named) {
                // Full: a change is about to be looked at already. Closed: nobody waits any more.
                let _told = tell.try_send(());
            }
        };
        let mut watcher = notify::recommended_watcher(seen).map_err(|cause| cause.to_string())?;
        // The folder, since editors put a new file in the old one's place.
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let watched = watcher.watch(&folder, RecursiveMode::NonRecursive);
        watched.map_err(|cause| cause.to_string())?;
        Ok(Self {
            changes,
            unsettled: false,
            _watcher: watcher,
        })
    }

    /// The next change, once no other follows; never, if nothing is watched any more.
    pub(crate) async fn changed(&mut self) {
        if !self.unsettled && self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        self.unsettled = true;
        while let Ok(Some(())) = tokio::time::timeout(SETTLED, self.changes.recv()).await {}
        self.unsettled = false;
    }
}

/// Whether something has happened to a file, and it was not only read: whoever looks at it reads it, too.
fn changes_files(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
