//! `wireloom mock`: a server of a protocol that nobody has written yet, for whoever writes its clients.
//!
//! The engine itself judges what clients send. What answers is made up, and always fits its schema.

mod engine;
mod knobs;
mod site;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use wireloom::ServeOptions;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::source::{self, Source};
use crate::time::{some_time, time};
use crate::watch::Watch;
use knobs::Knobs;
use site::{Edition, Site};

/// Serve a protocol without a backend: what clients send is checked, what answers is made up and fits.
///
/// A message is answered by the examples of what answers it, in the order of the file; without any, by a generated value,
/// in which fields that the request has as well are the request's. The same request gets the same answer, and another
/// --seed other ones. Any token is accepted and may do everything; without one, messages that need scopes are refused.
///
/// The protocol is read again when its file changes. If it is sound, clients are told by close code 1012 to connect
/// again; if not, the mistakes are printed, and the old protocol stays.
///
/// Exits with 0 when it is stopped (Ctrl-C), 1 if the protocol has errors at the start, 2 if it cannot be read or the
/// address cannot be used.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom mock
  wireloom mock chat.yaml --port 8080 --latency 50ms..2s --errors 5%
  wireloom mock --items 0..40 --pace 30ms --events 5s --disconnects 1%")]
pub(crate) struct Args {
    /// The protocol; `-` is standard input, which is read once.
    #[arg(value_name = "FILE", default_value = source::DEFAULT)]
    file: PathBuf,
    /// Address to listen on. Anything but loopback needs --allow-anonymous.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 3001)]
    port: u16,
    /// Listen beyond loopback, where everyone who reaches the address is let in.
    #[arg(long)]
    allow_anonymous: bool,
    /// Serve the explorer beyond loopback, too: a page at /explorer that shows the protocol and lets people try it.
    #[arg(long)]
    explorer: bool,
    /// Origin that pages may connect from, beside the server's own host and localhost; `*` is all. May be given again.
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// What generated values and chances come from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Items of a stream: a number, or a range such as 0..20.
    #[arg(long, value_name = "COUNT", default_value = "3", value_parser = knobs::counts)]
    items: RangeInclusive<usize>,
    /// Time between two items of a stream.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = time)]
    pace: Duration,
    /// Time before an answer begins: 200ms, or a range such as 50ms..2s.
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = knobs::times)]
    latency: RangeInclusive<Duration>,
    /// Share of the messages that are answered by one of their declared errors, such as 0.1 or 10%. Those that declare
    /// none never fail.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = knobs::share)]
    errors: f64,
    /// Share of the messages at which the connection is lost (close code 4408), with what answers them still to come.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = knobs::share)]
    disconnects: f64,
    /// Send everyone a message that answers nothing, one type after the other, every so often.
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    events: Option<Duration>,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    if !args.host.is_loopback() && !args.allow_anonymous {
        let message = format!(
            "refusing to listen on {}: everyone who reaches it is let in",
            args.host
        );
        return Err(Failure::new(Exit::Usage, message).help("--allow-anonymous, if that is meant"));
    }
    let source = source::read(&args.file)?;
    source::report(&source, out);
    let Some(edition) = edition(args, &source)? else {
        return Ok(Exit::Bad);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::new(Exit::Usage, format!("cannot start: {cause}")))?;
    runtime.block_on(serve(args, edition, out))
}

/// The protocol of a file at work; `None` if it has errors.
fn edition(args: &Args, source: &Source) -> Result<Option<Edition>, Failure> {
    let Some(model) = source.checked.model.clone() else {
        return Ok(None);
    };
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let description = wireloom_codegen::emit::protocol_json(&model, &name);
    let knobs = Knobs {
        items: args.items.clone(),
        pace: args.pace,
        latency: args.latency.clone(),
        errors: args.errors,
        disconnects: args.disconnects,
    };
    let model = Arc::new(model);
    let engine = engine::engine(&model, &description, knobs, args.seed, |settings| {
        settings.origins.clone_from(&args.origins);
    });
    let engine = engine.map_err(|cause| Failure::new(Exit::Usage, cause))?;
    let explorer = (args.explorer || args.host.is_loopback()).then(|| engine.explorer());
    Ok(Some(Edition {
        engine,
        description,
        explorer,
    }))
}

async fn serve(args: &Args, edition: Edition, out: &mut Output) -> Result<Exit, Failure> {
    let address = SocketAddr::new(args.host, args.port);
    let listener = TcpListener::bind(address).await.map_err(|cause| {
        Failure::new(Exit::Usage, format!("cannot listen on {address}: {cause}"))
            .help("choose another --port")
    })?;
    let address = listener.local_addr().unwrap_or(address);
    let site = Site::new(edition);
    greet(args, address, &site, out)?;
    let serving = wireloom::serve(
        listener,
        site.router(),
        ServeOptions::default(),
        wireloom::interrupted(),
    );
    let mut serving = std::pin::pin!(serving);
    let mut events = std::pin::pin!(send_events(&site, args.events));
    let mut watch = watched(args, out);
    loop {
        let changed = async {
            match &mut watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            served = &mut serving => {
                served.map_err(|cause| Failure::new(Exit::Usage, format!("cannot serve: {cause}")))?;
                site.current().engine.shutdown(Duration::from_secs(1)).await;
                return Ok(Exit::Well);
            }
            () = &mut events => {}
            () = changed => reload(args, &site, out)?,
        }
    }
}

/// Watches the file, if it is one.
fn watched(args: &Args, out: &mut Output) -> Option<Watch> {
    if args.file == Path::new("-") {
        return None;
    }
    match Watch::new(&args.file) {
        Ok(watch) => Some(watch),
        Err(cause) => {
            out.note(&format!(
                "changes of {} will not be seen: {cause}",
                args.file.display()
            ));
            None
        }
    }
}

fn greet(args: &Args, address: SocketAddr, site: &Site, out: &mut Output) -> Result<(), Failure> {
    let host = if address.ip().is_loopback() || address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    };
    let edition = site.current();
    let protocol = edition.engine.protocol();
    if args.events.is_some() && !engine::has_events(&edition.engine) {
        out.note("there are no events: every message of the server answers something");
    }
    out.result(&format!(
        "mock of {} {} at ws://{host}{}",
        protocol.info.name, protocol.info.version, protocol.connection.path
    ))?;
    if edition.explorer.is_some() {
        out.note(&format!("look at it and try it: http://{host}/explorer"));
    }
    Ok(())
}

/// Reads the file again. What is wrong with it is printed, and changes nothing.
fn reload(args: &Args, site: &Site, out: &mut Output) -> Result<(), Failure> {
    let source = match source::read(&args.file) {
        Ok(source) => source,
        Err(failure) => {
            out.failure(&failure);
            out.note("the old protocol stays");
            return Ok(());
        }
    };
    let edition = match edition(args, &source) {
        Ok(Some(edition)) if edition.description == site.current().description => return Ok(()),
        Ok(edition) => edition,
        Err(failure) => {
            out.failure(&failure);
            None
        }
    };
    source::report(&source, out);
    let Some(edition) = edition else {
        out.note("the old protocol stays");
        return Ok(());
    };
    let info = edition.engine.protocol().info.clone();
    site.replace(edition);
    out.result(&format!("reloaded {} {}", info.name, info.version))
}

/// Sends events for ever, if they are asked for.
async fn send_events(site: &Site, every: Option<Duration>) {
    let Some(every) = every else {
        return std::future::pending().await;
    };
    let mut tick = tokio::time::interval(every);
    // The first tick is at once.
    tick.tick().await;
    for count in 0.. {
        tick.tick().await;
        engine::send_event(&site.current().engine, count);
    }
}
