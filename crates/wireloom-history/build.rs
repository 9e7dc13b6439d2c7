//! Generates from protocol.yaml.

fn main() {
    wireloom_codegen::Build::new("protocol.yaml").run();
}
