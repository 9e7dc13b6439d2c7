//! `wireloom import`: a protocol from an AsyncAPI 3 document or from JSON Schema files, and a report of what could not be
//! carried.
//!
//! Every schema is converted keyword by keyword into the long form of the language; what the checker still refuses is
//! taken out (`mend`), so that the result passes `wireloom check`; shorthands come last (`shorten`).

mod asyncapi;
mod documents;
mod json_schema;
mod keywords;
mod mend;
mod messages;
mod names;
mod operations;
mod report;
mod schema;
mod shorten;
mod yaml;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};
use wireloom_spec::{Checked, render};

use self::documents::{Documents, Place};
use self::mend::Origins;
use self::report::{Kind, Report};
use crate::exit::{Exit, Failure};
use crate::output::{Format, Output};
use crate::source::{count, counted};

/// Make a protocol of an AsyncAPI 3 document, or of JSON Schema files.
///
/// From AsyncAPI come messages, who sends them, replies, payloads, examples, types and scopes. Each JSON Schema file is the
/// payload of one message, and its definitions are types. References to files beside those that are named are followed,
/// references to the network are not. A line of the report says of everything that is not carried where it stands, what it
/// is, and what was done instead.
///
/// Exits with 0 if the protocol passes `wireloom check`, 1 if it does not or, with --deny-losses, anything is lost, 2 if a file
/// cannot be read, understood or written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom import asyncapi.yaml -o protocol.yaml
  wireloom import asyncapi.yaml --role client --report json -o protocol.yaml
  wireloom import schemas/*.json --name orders --from client > protocol.yaml")]
pub(crate) struct Args {
    /// One AsyncAPI document, or JSON Schema files; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where to write the protocol; standard output unless given.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there already.
    #[arg(long)]
    force: bool,
    /// Whose view an AsyncAPI document has: the server's, which receives what clients send, or the client's.
    #[arg(long, value_name = "ROLE", default_value = "server")]
    role: Role,
    /// Who sends messages that are described by JSON Schema files; both unless given.
    #[arg(long, value_name = "SENDER")]
    from: Option<From>,
    /// Name of a protocol from JSON Schema files; that of the first file unless given.
    #[arg(long)]
    name: Option<String>,
    /// How to write the report: to standard error, or to standard output with --output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    report: Format,
    /// Exit with 1 if anything is lost.
    #[arg(long)]
    deny_losses: bool,
}

/// Whose view a document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// It describes a server: what it receives, clients send.
    Server,
    /// It describes a client: what it sends, clients send.
    Client,
}

/// Who sends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// Clients.
    Client,
    /// The server.
    Server,
    /// Either.
    Both,
}

impl From {
    fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "both",
        }
    }
}

/// A protocol in the long form of the language.
struct Imported {
    protocol: Value,
    /// Where its parts come from.
    origins: Origins,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let (text, checked, report) = import(args)?;
    match &args.output {
        Some(path) => {
            write(path, &text, args.force)?;
            match args.report {
                Format::Text => {
                    out.message(&report.text());
                    diagnostics(&checked, &text, out);
                    out.result(&format!(
                        "wrote {}: {}",
                        path.display(),
                        summary(&checked, &report)
                    ))?;
                }
                Format::Json => out.result(&as_json(&checked, &report))?,
            }
        }
        None => {
            out.raw_result(text.as_bytes())?;
            match args.report {
                Format::Text => {
                    out.message(&report.text());
                    diagnostics(&checked, &text, out);
                    out.note(&summary(&checked, &report));
                }
                Format::Json => out.message(&format!("{}\n", as_json(&checked, &report))),
            }
        }
    }
    let lost = args.deny_losses && report.count(Kind::Lost) > 0;
    Ok(if checked.model.is_none() || lost {
        Exit::Bad
    } else {
        Exit::Well
    })
}

/// The text of the protocol, what the checker says of it, and the report.
fn import(args: &Args) -> Result<(String, Checked, Report), Failure> {
    let mut documents = Documents::default();
    let mut files = Vec::new();
    for path in &args.files {
        files.push(documents.open(path)?);
    }
    let first = Place::root(0);
    let has = |key: &str| documents.at(&first).is_some_and(|root| root.get(key).is_some());
    let refuse = |message: &str, help: &str| Err(Failure::new(Exit::Usage, message).help(help));
    let imported = if has("asyncapi") {
        if files.len() > 1 {
            return refuse(
                "an AsyncAPI document is imported alone",
                "files that it refers to are found by themselves",
            );
        }
        asyncapi::import(&mut documents, 0, args.role)?
    } else if has("openapi") || has("swagger") {
        return refuse(
            "this is an OpenAPI document",
            "only AsyncAPI 3 and JSON Schema are read",
        );
    } else if has("wireloom") {
        return refuse(
            "this is a protocol of wireloom already",
            "see what is wrong with it: `wireloom check`",
        );
    } else if !files
        .iter()
        .all(|file| documents.at(&Place::root(*file)).is_some_and(is_schema))
    {
        return refuse(
            "this is neither AsyncAPI nor JSON Schema",
            "both are mappings of keywords: AsyncAPI begins with `asyncapi: 3.0.0`, a schema has keywords such as `type`",
        );
    } else {
        let stem = documents.stem(0);
        let options = json_schema::Options {
            name: args.name.as_deref().unwrap_or(&stem),
            from: args.from,
        };
        json_schema::import(&mut documents, &files, &options)
    };
    let Imported {
        mut protocol,
        origins,
    } = imported;
    mend::mend(&mut protocol, &origins, &mut documents);
    let text = yaml::write(&shortened(protocol)).text;
    let name = args.output.as_deref().unwrap_or(Path::new("protocol.yaml"));
    let checked = wireloom_spec::check(&name.to_string_lossy(), &text);
    Ok((text, checked, documents.report))
}

/// Whether a document may be a schema: one that has keys has a keyword among them.
fn is_schema(root: &Value) -> bool {
    match root {
        Value::Object(keys) => keys.is_empty() || keys.keys().any(|key| keywords::is_known(key)),
        other => other.is_boolean(),
    }
}

/// The protocol with its schemas in short form.
fn shortened(mut protocol: Value) -> Value {
    if let Some(types) = protocol.get_mut("types").and_then(Value::as_object_mut) {
        for (_, each) in types {
            *each = shorten::schema(each.take());
        }
    }
    if let Some(messages) = protocol.get_mut("messages").and_then(Value::as_object_mut) {
        for (_, message) in messages {
            if let Some(payload) = message.get_mut("payload") {
                *payload = shorten::schema(payload.take());
            }
        }
    }
    protocol
}

/// Errors only: a fresh import has warnings enough, and `wireloom check` tells them.
fn diagnostics(checked: &Checked, text: &str, out: &mut Output) {
    if checked.model.is_none() {
        let text = render::text(&checked.diagnostics, text, out.colored_messages);
        out.message(&text);
    }
}

fn summary(checked: &Checked, report: &Report) -> String {
    let found = [
        (Kind::Lost, "lost"),
        (Kind::Changed, "changed"),
        (Kind::Note, "noted"),
    ];
    let found: Vec<String> = found
        .iter()
        .map(|(kind, what)| format!("{} {what}", report.count(*kind)))
        .collect();
    let found = found.join(", ");
    match &checked.model {
        Some(model) => {
            let messages = model.messages.iter().filter(|message| !message.engine).count();
            format!("{}, {found}", counted(messages, "message"))
        }
        None => {
            let (errors, _) = count(&checked.diagnostics);
            format!("{} to be mended by hand, {found}", counted(errors, "error"))
        }
    }
}

fn as_json(checked: &Checked, report: &Report) -> String {
    let messages = checked
        .model
        .as_ref()
        .map(|model| model.messages.iter().filter(|message| !message.engine).count());
    let whole = json!({
        "valid": checked.model.is_some(),
        "messages": messages,
        "report": report.entries(),
        "diagnostics": checked.diagnostics,
    });
    format!("{whole:#}")
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let written = if force {
        fs::write(path, text)
    } else {
        fs::File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()))
    };
    written.map_err(|cause| {
        let failure = Failure::new(Exit::Usage, format!("cannot write {}: {cause}", path.display()));
        match cause.kind() {
            io::ErrorKind::AlreadyExists => failure.help("--force writes over it"),
            _ => failure,
        }
    })
}
