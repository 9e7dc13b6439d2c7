//! The end that somebody asks for: Ctrl-C, or the signal to terminate.

/// Waits for it.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    // Without a handler for it, the signal ends the process anyway.
    let _listened = tokio::signal::ctrl_c().await;
}
