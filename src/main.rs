//! The agent server: flags, start and shutdown.

use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wireloom::{ServeOptions, Tls, interrupted, serve};
use wireloom_server::agent::AgentService;
use wireloom_server::app::{App, app_for};
use wireloom_server::logging;
use wireloom_server::settings::Cli;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// How often measurements are folded into the histograms.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let cli = Cli::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the log may be what failed")]
fn report(error: &Error) {
    eprintln!("error: {error}");
}

fn start(cli: Cli) -> Result<(), Error> {
    logging::start(&cli.log, cli.log_format)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if cli.threads > 0 {
        runtime.worker_threads(cli.threads);
    }
    runtime.enable_all().build()?.block_on(run(cli))
}

async fn run(cli: Cli) -> Result<(), Error> {
    let agents = AgentService::new(cli.agent.settings())?;
    let authenticator = cli.access.authenticator()?;
    cli.access.check_host(cli.host, authenticator.is_some())?;
    let tls = cli.access.tls()?;
    let authenticates = authenticator.is_some();
    let store = cli.resume.store()?;
    let app = app_for(agents.clone(), authenticator, store, |settings| {
        cli.connection.apply(settings);
        cli.resume.apply(settings);
        cli.access.apply(&mut settings.admission);
    });
    let explorer = cli.explorer.unwrap_or_else(|| cli.host.is_loopback());
    let app = if explorer { app.with_explorer() } else { app };
    let address = (cli.host, cli.port);
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!(
            "cannot listen on {}:{}: {error}; choose another --port",
            cli.host, cli.port
        )
    })?;
    let port = listener.local_addr()?.port();
    if !cli.host.is_loopback() && cli.access.allow_anonymous {
        tracing::warn!(
            "Listening on {}: everyone who reaches this address can drive agents",
            cli.host
        );
    }
    if !cli.host.is_loopback() && authenticates && tls.is_none() {
        tracing::warn!("Tokens travel unencrypted, unless a proxy speaks TLS: see --tls-cert");
    }
    let scheme = if tls.is_some() { "wss" } else { "ws" };
    let host = if cli.host.is_loopback() || cli.host.is_unspecified() {
        "localhost".to_owned()
    } else {
        cli.host.to_string()
    };
    tracing::info!("Server running on port {port}");
    tracing::info!(
        "WebSocket available at {scheme}://{host}:{port}{}",
        app.engine.protocol().connection.path
    );
    if explorer {
        let scheme = if tls.is_some() { "https" } else { "http" };
        tracing::info!("Explorer available at {scheme}://{host}:{port}/explorer");
    }

    let stop = CancellationToken::new();
    let signals = tokio::spawn(watch_signals(stop.clone()));
    let upkeep = tokio::spawn(fold_metrics(app.clone()));
    let reload = tls.clone().map(|tls| {
        tokio::spawn(keep_fresh(
            tls,
            Duration::from_secs(cli.access.tls_reload_seconds),
        ))
    });
    let drain = async {
        stop.cancelled().await;
        tracing::info!("Shutting down");
        if !app.engine.shutdown(Duration::from_secs(cli.drain_seconds)).await {
            tracing::warn!("Requests were cut off at the drain deadline");
        }
        agents.shutdown().await;
    };
    let serving = serve(
        listener,
        app.router.clone(),
        ServeOptions {
            tls,
            ..ServeOptions::default()
        },
        stop.cancelled(),
    );
    let (served, ()) = tokio::join!(serving, drain);
    upkeep.abort();
    if let Some(reload) = reload {
        reload.abort();
    }
    signals.abort();
    served?;
    tracing::info!("Bye");
    Ok(())
}

/// The first signal begins the shutdown, the second ends the process at once.
async fn watch_signals(stop: CancellationToken) {
    interrupted().await;
    stop.cancel();
    interrupted().await;
    std::process::exit(130);
}

/// Reads the certificate again when its files have changed, or at a SIGHUP.
async fn keep_fresh(tls: Tls, every: Duration) {
    let watch = tls.watch(every);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut hangup) = signal(SignalKind::hangup()) {
            let asked = async {
                while hangup.recv().await.is_some() {
                    tls.reload_logged().await;
                }
            };
            tokio::join!(watch, asked);
            return;
        }
    }
    watch.await;
}

async fn fold_metrics(app: App) {
    let mut tick = tokio::time::interval(METRICS_UPKEEP);
    loop {
        tick.tick().await;
        app.run_metrics_upkeep();
    }
}
