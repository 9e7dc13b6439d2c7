//! Tells when a file has changed, whichever way an editor writes it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify_debouncer_mini::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_mini::{DebounceEventResult, Debouncer, new_debouncer};
use tokio::sync::mpsc;

/// Changes that follow each other sooner are one.
const SETTLED: Duration = Duration::from_millis(100);

/// Watches as long as it lives.
pub(crate) struct Watch {
    changes: mpsc::Receiver<()>,
    _debouncer: Debouncer<RecommendedWatcher>,
}

impl Watch {
    /// Watches a file. The error is for people.
    pub(crate) fn new(file: &Path) -> Result<Self, String> {
        // One waiting change is enough: the file is read as a whole.
        let (tell, changes) = mpsc::channel(1);
        let name = file.file_name().map(ToOwned::to_owned);
        let changed = move |events: DebounceEventResult| {
            let Ok(events) = events else { return };
            if events
                .iter()
                .any(|event| event.path.file_name() == name.as_deref())
            {
                // Full: a change is about to be looked at already. Closed: nobody waits any more.
                let _told = tell.try_send(());
            }
        };
        let mut debouncer = new_debouncer(SETTLED, changed).map_err(|cause| cause.to_string())?;
        // The folder, since editors put a new file in the old one's place.
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let watched = debouncer.watcher().watch(&folder, RecursiveMode::NonRecursive);
        watched.map_err(|cause| cause.to_string())?;
        Ok(Self {
            changes,
            _debouncer: debouncer,
        })
    }

    /// The next change; never, if nothing is watched any more.
    pub(crate) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
