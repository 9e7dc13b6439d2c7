//! Generates everything that follows from `protocol.yaml`.

fn main() {
    wireloom_codegen::Build::new("protocol.yaml")
        .rust("generated")
        .typescript("generated")
        .asyncapi("generated")
        .docs("generated")
        .schemas("schemas")
        .strategies("generated")
        .run();
}
