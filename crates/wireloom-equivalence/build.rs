//! Generates Rust of every protocol of the corpus and of some made at random, and a table of what to decode each
//! message with.
//!
//! `EQUIVALENCE_SPECS` is how many are made at random. `EQUIVALENCE_SEED` has others made, and leaves the corpus out: a
//! run over many seeds compiles it once.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use wireloom_codegen::emit;
use wireloom_fuzz::random_protocol;
use wireloom_spec::Model;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Protocols made at random in an ordinary build, and their seed.
const SPECS: u64 = 8;
const SEED: u64 = 1;

fn main() -> Outcome {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let corpus = root.join("../../tests/corpus").canonicalize()?;
    let own = root.join("protocols");
    let agent = root.join("../../protocol.yaml").canonicalize()?;
    let seed: Option<u64> = number("EQUIVALENCE_SEED")?;
    let mut out = Out::new()?;

    let mut said = String::new();
    for name in ["EQUIVALENCE_SEED", "EQUIVALENCE_SPECS"] {
        writeln!(said, "cargo::rerun-if-env-changed={name}")?;
    }
    for path in [&corpus, &own, &agent] {
        writeln!(said, "cargo::rerun-if-changed={}", path.display())?;
    }
    let mut files = yaml_files(&own)?;
    if seed.is_none() {
        files.extend(yaml_files(&corpus)?);
        files.push(agent);
    }
    files.sort();
    for path in &files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(path)?;
        let model = checked(&name, &text)?;
        out.add(&name, &path.display().to_string(), &model)?;
    }
    out.table("PROTOCOLS", "Every protocol that stands in a file.")?;

    let specs = number("EQUIVALENCE_SPECS")?.unwrap_or(SPECS);
    let seed = seed.unwrap_or(SEED);
    // Far apart, so that no two runs have a protocol in common.
    let mut seeds = (seed << 20)..;
    let mut refused = 0;
    for at in 0..specs {
        let name = format!("random-{seed}-{at}");
        let (text, model) = loop {
            let text = random_protocol(seeds.next().unwrap_or_default());
            match checked(&name, &text) {
                Ok(model) => break (text, model),
                Err(_) => refused += 1,
            }
        };
        let path = out.folder.join(format!("{name}.yaml"));
        fs::write(&path, text)?;
        out.add(&name, &path.display().to_string(), &model)?;
    }
    out.table("RANDOM", "Protocols made at random.")?;
    writeln!(
        out.index,
        "/// What [`RANDOM`] is made from.\npub const SEED: u64 = {seed};"
    )?;
    writeln!(
        out.index,
        "/// How many random protocols were made in vain, since they were not valid.\npub const REFUSED: u64 = {refused};"
    )?;
    fs::write(out.folder.join("protocols.rs"), &out.index)?;
    std::io::Write::write_all(&mut std::io::stdout(), said.as_bytes())?;
    Ok(())
}

fn number(name: &str) -> Outcome<Option<u64>> {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .map(Some)
            .map_err(|_| format!("{name} is no number: {text}").into()),
        Err(_) => Ok(None),
    }
}

fn yaml_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn checked(name: &str, text: &str) -> Outcome<Model> {
    let checked = wireloom_spec::check(&format!("{name}.yaml"), text);
    checked.model.ok_or_else(|| {
        let diagnostics: Vec<_> = checked.diagnostics.iter().map(ToString::to_string).collect();
        diagnostics.join("\n").into()
    })
}

/// What is written.
struct Out {
    folder: PathBuf,
    /// The file that includes the others.
    index: String,
    /// Rows of the table that is being made.
    rows: String,
}

impl Out {
    fn new() -> Outcome<Self> {
        Ok(Self {
            folder: PathBuf::from(env::var("OUT_DIR")?),
            index: String::new(),
            rows: String::new(),
        })
    }

    fn add(&mut self, name: &str, yaml: &str, model: &Model) -> Outcome {
        let rust = emit::rust(model, &format!("{name}.yaml"));
        fs::write(self.folder.join(format!("{name}.rs")), rust)?;
        // A raw identifier would be a file of another name, and no protocol here is called like a keyword.
        let module = format!("p_{}", name.replace('-', "_"));
        writeln!(
            self.index,
            "/// `{name}.yaml`.\npub mod {module} {{ include!(concat!(env!(\"OUT_DIR\"), \"/{name}.rs\")); }}"
        )?;
        writeln!(
            self.rows,
            "Protocol {{ name: {name:?}, yaml: include_str!({yaml:?}), messages: &[\n{}] }},",
            messages(model, &module)?,
        )?;
        Ok(())
    }

    fn table(&mut self, name: &str, docs: &str) -> Outcome {
        let rows = std::mem::take(&mut self.rows);
        writeln!(
            self.index,
            "/// {docs}\npub const {name}: &[Protocol] = &[\n{rows}];"
        )?;
        Ok(())
    }
}

fn messages(model: &Model, module: &str) -> Outcome<String> {
    let mut rows = String::new();
    for message in &model.messages {
        let def = model.def(message.payload);
        // The engine's messages are the same in every protocol: once is enough.
        let path = match (message.engine, module) {
            (true, "p_minimum") => format!("{module}::engine::{}", def.rust_name),
            (true, _) => continue,
            (false, _) => format!("{module}::{}", def.rust_name),
        };
        if message.docs.deprecated {
            writeln!(rows, "#[expect(deprecated, reason = \"the protocol says so\")]")?;
        }
        writeln!(rows, "({:?}, recode::<{path}>),", message.name)?;
    }
    Ok(rows)
}
