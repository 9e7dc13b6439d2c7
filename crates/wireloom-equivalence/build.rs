//! Generates Rust of every protocol of the corpus, and a table of what to decode each message with.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use wireloom_codegen::emit;
use wireloom_spec::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let folder = root.join("tests/corpus").canonicalize()?;
    let mut paths = vec![root.join("protocol.yaml").canonicalize()?];
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut index = String::new();
    let mut table = String::new();
    for path in &paths {
        add(path, &out, &mut index, &mut table)?;
    }
    writeln!(
        index,
        "/// Every protocol.\npub const PROTOCOLS: &[Protocol] = &[\n{table}];"
    )?;
    fs::write(out.join("corpus.rs"), index)?;
    let mut said = format!("cargo::rerun-if-changed={}\n", folder.display());
    for path in paths {
        writeln!(said, "cargo::rerun-if-changed={}", path.display())?;
    }
    std::io::Write::write_all(&mut std::io::stdout(), said.as_bytes())?;
    Ok(())
}

fn add(path: &Path, out: &Path, index: &mut String, table: &mut String) -> Result<(), Box<dyn Error>> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(path)?;
    let checked = wireloom_spec::check(&format!("{name}.yaml"), &text);
    let Some(model) = checked.model else {
        let diagnostics: Vec<_> = checked.diagnostics.iter().map(ToString::to_string).collect();
        return Err(diagnostics.join("\n").into());
    };
    let rust = emit::rust(&model, &format!("{name}.yaml"));
    fs::write(out.join(format!("{name}.rs")), rust)?;
    // A raw identifier would be a file of another name, and no protocol here is called like a keyword.
    let module = format!("p_{}", name.replace('-', "_"));
    writeln!(
        index,
        "/// `{name}.yaml`.\npub mod {module} {{ include!(concat!(env!(\"OUT_DIR\"), \"/{name}.rs\")); }}"
    )?;
    writeln!(
        table,
        "Protocol {{ name: {name:?}, yaml: include_str!({:?}), messages: &[\n{}] }},",
        path.display().to_string(),
        messages(&model, &module)?,
    )?;
    Ok(())
}

fn messages(model: &Model, module: &str) -> Result<String, Box<dyn Error>> {
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
