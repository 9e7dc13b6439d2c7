//! Log lines: plain ones as the reference server prints them, or structured ones on demand.

use std::io;

use tracing::Level;
use tracing::subscriber::set_global_default;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// The message and its fields, nothing else: `Client connected: client_...`.
    #[default]
    Text,
    /// One JSON object a line, with time, level, target, fields and spans.
    Json,
}

/// Sends the log to standard output, warnings and errors to standard error.
///
/// # Errors
///
/// If the filter cannot be read, or a log was started before.
pub fn start(filter: &str, format: LogFormat) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        format!("--log {filter:?} is no filter, like `info` or `info,wireloom=debug`: {error}")
    })?;
    let writer = io::stderr.with_max_level(Level::WARN).or_else(io::stdout);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    // Set without the subscriber's own `init`, which would also take the records of the `log` crate: at the level
    // trace, the WebSocket library writes whole frames there, and tokens with them.
    match format {
        LogFormat::Text => set_global_default(
            log.without_time()
                .with_level(false)
                .with_target(false)
                .with_ansi(false)
                .finish(),
        ),
        LogFormat::Json => set_global_default(log.json().flatten_event(true).finish()),
    }?;
    Ok(())
}
