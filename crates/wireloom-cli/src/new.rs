//! `wireloom new`: a fresh project that builds, runs and has tests. Its files are the templates in `templates/new`;
//! this module decides names and dependencies, and where the files go.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tera::{Context, Tera};

use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Begin a project: a protocol, a server with handlers and tests, and a page that talks to it.
///
/// Exits with 0 if the project is there, 2 if it cannot be made.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wireloom new demo
  wireloom new services/chat --name team-chat
  wireloom new /tmp/demo --path ~/src/wireloom    depend on a checkout of wireloom")]
pub(crate) struct Args {
    /// The project's folder; it is made unless it is there and empty.
    dir: PathBuf,
    /// The project's name; that of the folder unless given.
    #[arg(long)]
    name: Option<String>,
    /// Depend on this checkout of wireloom instead of the published crates.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, out: &mut Output) -> Result<Exit, Failure> {
    let view = View::of(args)?;
    let files = lay_out(&view)?;
    vacant(&args.dir)?;
    for (path, text) in &files {
        let target = args.dir.join(path);
        write_new(&target, text).map_err(|cause| {
            Failure::new(Exit::Usage, format!("cannot write {}: {cause}", target.display()))
        })?;
    }
    out.result(&format!("created {} in {}", view.name, args.dir.display()))?;
    out.note(&format!(
        "next: cd {} && cargo run, then open http://localhost:3001",
        args.dir.display()
    ));
    Ok(Exit::Well)
}

/// What the templates are filled with.
#[derive(Serialize)]
struct View {
    /// Name of the package.
    name: String,
    /// Its name in Rust.
    crate_name: String,
    /// Name of the protocol.
    protocol: String,
    /// Cargo's specification of the runtime.
    wireloom: String,
    /// Cargo's specification of the generator.
    wireloom_codegen: String,
}

impl View {
    fn of(args: &Args) -> Result<Self, Failure> {
        let name = match &args.name {
            Some(name) => name.clone(),
            None => folder_name(&args.dir)?,
        };
        check_name(&name)?;
        let dependency = |package: &str| match &args.path {
            None => Ok(format!("\"{}\"", env!("CARGO_PKG_VERSION"))),
            Some(checkout) => dependency_in(checkout, package),
        };
        Ok(Self {
            crate_name: name.replace('-', "_"),
            protocol: name.replace('_', "-").trim_matches('-').to_owned(),
            wireloom: dependency("wireloom")?,
            wireloom_codegen: dependency("wireloom-codegen")?,
            name,
        })
    }
}

fn folder_name(dir: &Path) -> Result<String, Failure> {
    // The last part of `.` or `a/..` is no name; the folder that is meant has one.
    let whole = match dir.file_name() {
        Some(_) => dir.to_owned(),
        None => fs::canonicalize(dir).unwrap_or_default(),
    };
    let name = whole
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase());
    name.ok_or_else(|| {
        let message = format!("{} has no name that the project could have", dir.display());
        Failure::new(Exit::Usage, message).help("name it by --name")
    })
}

/// A name has to be one for Cargo, for Rust and for a protocol.
fn check_name(name: &str) -> Result<(), Failure> {
    let refuse = |why: &str| {
        Err(Failure::new(
            Exit::Usage,
            format!("`{name}` cannot be the name of a project: {why}"),
        )
        .help("--name gives it another, made of a-z, 0-9, - and _"))
    };
    let mut letters = name.chars();
    if !letters.next().is_some_and(|first| first.is_ascii_lowercase()) {
        return refuse("it does not begin with a letter from a to z");
    }
    if !letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter))
    {
        return refuse("only a to z, 0 to 9, - and _ may stand in it");
    }
    if name.len() > 64 {
        return refuse("it is longer than 64 characters");
    }
    let crate_name = name.replace('-', "_");
    if syn::parse_str::<syn::Ident>(&crate_name).is_err() || TAKEN.contains(&crate_name.as_str()) {
        return refuse("it means something to Rust or to Cargo already");
    }
    Ok(())
}

/// Names of crates that a project uses or that come with Rust, and names that Cargo refuses for programs.
const TAKEN: &[&str] = &[
    "alloc",
    "axum",
    "build",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc_macro",
    "serde_json",
    "std",
    "test",
    "tokio",
    "wireloom",
    "wireloom_codegen",
];

/// Cargo's specification of a package in a checkout of wireloom.
fn dependency_in(checkout: &Path, package: &str) -> Result<String, Failure> {
    let folder = checkout.join("crates").join(package);
    let missing = |why: String| {
        let message = format!("{} is no checkout of wireloom: {why}", checkout.display());
        Failure::new(Exit::Usage, message)
    };
    if !folder.join("Cargo.toml").is_file() {
        return Err(missing(format!(
            "{} is not there",
            folder.join("Cargo.toml").display()
        )));
    }
    let folder = fs::canonicalize(&folder).map_err(|cause| missing(cause.to_string()))?;
    let text = folder
        .to_str()
        .ok_or_else(|| missing("its path is not UTF-8".to_owned()))?;
    // A JSON string is a TOML string.
    Ok(format!("{{ path = {} }}", serde_json::Value::from(text)))
}

macro_rules! templates {
    ($($path:literal => $template:literal,)*) => {
        &[$(($path, include_str!(concat!("../templates/new/", $template))),)*]
    };
}

/// Files of a project and their templates. The templates' names keep tools from taking them for what they become.
const TEMPLATES: &[(&str, &str)] = templates! {
    ".gitignore" => "gitignore.tera",
    "Cargo.toml" => "Cargo.toml.tera",
    "README.md" => "README.md.tera",
    "build.rs" => "build.rs.tera",
    "protocol.yaml" => "protocol.yaml.tera",
    "src/app.rs" => "src/app.rs.tera",
    "src/handlers.rs" => "src/handlers.rs.tera",
    "src/lib.rs" => "src/lib.rs.tera",
    "src/main.rs" => "src/main.rs.tera",
    "tests/protocol.rs" => "tests/protocol.rs.tera",
    "web/index.html" => "web/index.html.tera",
    "web/main.js" => "web/main.js.tera",
    "web/package.json" => "web/package.json.tera",
    "web/tsconfig.json" => "web/tsconfig.json.tera",
};

fn lay_out(view: &View) -> Result<Vec<(&'static str, String)>, Failure> {
    let broken = |error: tera::Error| Failure::new(Exit::Usage, format!("a template is broken: {error}"));
    let context = Context::from_serialize(view).map_err(broken)?;
    TEMPLATES
        .iter()
        .map(|(path, template)| {
            let text = Tera::one_off(template, &context, false).map_err(broken)?;
            Ok((*path, text))
        })
        .collect()
}

/// Refuses a folder that holds anything.
fn vacant(dir: &Path) -> Result<(), Failure> {
    let refuse = |why: String| Failure::new(Exit::Usage, format!("{} {why}", dir.display()));
    match fs::read_dir(dir).map(Iterator::count) {
        Ok(0) => Ok(()),
        Ok(_) => Err(refuse("is not empty".to_owned()).help("name a folder that does not exist yet")),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(refuse(format!("cannot be used: {cause}"))),
    }
}

/// Writes a file that must not be there yet: whatever happens meanwhile, nothing is overwritten.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::File::create_new(path)?.write_all(text.as_bytes())
}
