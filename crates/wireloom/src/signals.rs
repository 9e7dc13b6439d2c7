//! The end that somebody asks for.

/// Completes when the process is asked to end: by SIGINT (Ctrl-C) or SIGTERM, and by Ctrl-C where there are no signals. From
/// its first poll on, neither ends the process by itself. Where no handler can be set up for them, they go on to do that, and
/// this never completes.
///
/// ```no_run
/// # async fn run(engine: wireloom::Engine<()>, listener: tokio::net::TcpListener) -> std::io::Result<()> {
/// let router = axum::Router::new().route("/ws", engine.upgrade());
/// let options = wireloom::ServeOptions::default();
/// wireloom::serve(listener, router, options, async {
///     wireloom::interrupted().await;
///     engine.shutdown(std::time::Duration::from_secs(5)).await;
/// })
/// .await
/// # }
/// ```
pub async fn interrupted() {
    #[cfg(unix)]
    let asked = async {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok::<(), std::io::Error>(())
    };
    #[cfg(not(unix))]
    let asked = tokio::signal::ctrl_c();
    if let Err(error) = asked.await {
        tracing::warn!("no handler for the signals that end a process: {error}");
        std::future::pending::<()>().await;
    }
}
