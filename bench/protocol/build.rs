//! Generates the protocol's code from `bench/protocol.yaml`.

fn main() {
    wireloom_codegen::Build::new("../protocol.yaml").run();
}
