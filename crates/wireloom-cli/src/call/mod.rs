//! `wireloom call`: one request to a running server, and everything that answers it.
//!
//! The server alone judges the request, so that bad ones can be tried as well.

mod answer;
mod conversation;
mod endpoint;
mod knowledge;
mod request;

use std::path::PathBuf;
use std::time::Duration;

use crate::exit::{Exit, Failure};
use crate::output::{Format, Output};
use crate::time::some_time;
use answer::Expect;
pub(crate) use endpoint::Endpoint;
use request::Request;

/// Send a message to a server and print what answers it.
///
/// The answer ends as the protocol says: by its reply, by the end of its stream, or by an error. The protocol is taken
/// from --spec, else from the server's /api/protocol. If neither is there, everything that answers is printed until
/// nothing has come for the timeout. A message that nothing answers is over when the server has taken it.
///
/// Exits with 0 if the answer is good, 1 if it is an error, 2 if the command line makes no sense, 3 without a
/// connection, 4 if nothing came in time, 5 if the server closed the connection before it had answered. Ctrl-C cancels
/// the request: 130.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom call ws://localhost:3001/ws ping
  wireloom call wss://example.org/ws ping --token \"$TOKEN\"
  wireloom call ws://localhost:3001/ws agent:start \\
    '{\"projectId\":\"p1\",\"projectPath\":\"/srv/p1\"}' --events
  jq -n '{content: $text}' --rawfile text README.md |
    wireloom call ws://localhost:3001/ws agent:message -")]
pub(crate) struct Args {
    /// The server's endpoint, for example ws://localhost:3001/ws or wss://example.org/ws.
    #[arg(value_parser = Endpoint::parse)]
    url: Endpoint,
    /// Type of the message.
    #[arg(value_name = "TYPE", required_unless_present = "raw")]
    message: Option<String>,
    /// The payload: JSON, @FILE, or - for standard input.
    #[arg(default_value = "{}")]
    payload: String,
    /// Send this text as it stands, whether it is a message or not: TEXT, @FILE, or - for standard input.
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with_all = ["message", "payload", "correlation_id"]
    )]
    raw: Option<String>,
    /// The protocol, if the server does not tell: protocol.yaml or protocol.json.
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// End at the first message that answers, whatever it is.
    #[arg(long, conflicts_with = "spec")]
    first: bool,
    /// Longest silence of the server, for example 500ms, 30s, 2m.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = some_time)]
    timeout: Duration,
    /// Print messages that answer nothing, too.
    #[arg(long)]
    events: bool,
    /// Bearer token for the Authorization header.
    #[arg(long, env = "WIRELOOM_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Subprotocol to offer, for example agent.v1.
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// The request's correlationId; a fresh one unless given.
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// How to print messages. Text is laid out on a terminal; JSON, and text elsewhere, is one line a message.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let request = match (&args.raw, &args.message) {
        (Some(text), _) => Request::raw(text)?,
        (None, message) => {
            let message = message.as_deref().unwrap_or_default();
            Request::new(message, &args.payload, args.correlation_id.clone())?
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::new(Exit::Usage, format!("cannot start: {cause}")))?;
    let ended = runtime.block_on(async {
        let expect = expect(args, &request, out).await?;
        conversation::hold(args, &request, expect, out).await
    });
    out.waited();
    ended
}

/// What answers the request, as far as it can be known.
async fn expect(args: &Args, request: &Request, out: &mut Output) -> Result<Expect, Failure> {
    let message = match &request.message {
        Some(message) if !args.first => message,
        // For a text that is no message, the server has an error.
        _ => return Ok(Expect::First),
    };
    if let Some(path) = &args.spec {
        return Ok(Expect::of(&knowledge::from_file(path, out)?, message));
    }
    out.waiting("asking the server for its protocol");
    Ok(
        match knowledge::from_server(&args.url, args.token.as_deref()).await {
            Some(protocol) => Expect::of(&protocol, message),
            None => Expect::Unknown,
        },
    )
}
