//! Generated TypeScript passes `tsc --strict`, and means what it should: values of the examples fit their types.

use std::fmt::Write;

use wireloom_codegen::emit;

use crate::Outcome;
use crate::cargo::succeeded;
use crate::corpus::{cases, check};
use crate::node::{folder, node};

const TSC: &str = "node_modules/typescript/bin/tsc";
const OPTIONS: [&str; 9] = [
    "--strict",
    "--exactOptionalPropertyTypes",
    "--noEmit",
    "--target",
    "es2022",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
];

fn tsc(files: Vec<String>) -> Outcome {
    let options = OPTIONS.iter().map(ToString::to_string);
    succeeded("tsc", &node(TSC, &options.chain(files).collect::<Vec<_>>())?)
}

#[test]
fn every_case_passes_tsc_strict_and_types_its_examples() -> Outcome {
    let folder = folder("typescript")?;
    let mut files = Vec::new();
    for case in cases()? {
        let definitions = folder.join(format!("{}.d.ts", case.name));
        std::fs::write(&definitions, emit::typescript(&case.model, &case.file))?;
        files.push(definitions.to_string_lossy().into_owned());

        let mut values = format!(
            "import type {{ ClientPayloads, ServerPayloads }} from \"./{}\";\n",
            case.name
        );
        for message in &case.model.messages {
            let side = if message.from.client() {
                "ClientPayloads"
            } else {
                "ServerPayloads"
            };
            for (index, example) in message.docs.examples.iter().enumerate() {
                let name = format!("example{index}_{}", message.rust_field.replace("r#", ""));
                writeln!(
                    values,
                    "export const {name}: {side}[{:?}] = {example};",
                    message.name
                )?;
            }
        }
        let examples = folder.join(format!("{}-examples.ts", case.name));
        std::fs::write(&examples, values)?;
        files.push(examples.to_string_lossy().into_owned());
    }
    tsc(files)
}

#[test]
fn a_client_can_be_typed_by_the_protocol() -> Outcome {
    let folder = folder("typescript-client")?;
    let text = std::fs::read_to_string(crate::corpus::workspace().join("protocol.yaml"))?;
    let model = check("protocol.yaml", &text)?;
    std::fs::write(
        folder.join("protocol.d.ts"),
        emit::typescript(&model, "protocol.yaml"),
    )?;
    let client = folder.join("client.ts");
    std::fs::write(&client, include_str!("client.ts"))?;
    tsc(vec![client.to_string_lossy().into_owned()])
}
