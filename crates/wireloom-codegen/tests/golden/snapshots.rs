//! What people read, to be read in reviews: everything that is generated from one small protocol.

use wireloom_codegen::{Artifact, generate};

use crate::Outcome;
use crate::corpus::{check, everything};

const SHOP: &str = include_str!("shop.yaml");

#[test]
fn a_small_shop() -> Outcome {
    let model = check("shop.yaml", SHOP)?;
    for Artifact { path, contents } in generate(&model, &everything("shop.yaml")) {
        let name = path.replace('/', "-");
        let is_own = [
            "protocol",
            "asyncapi",
            "PROTOCOL",
            "order",
            "client-message",
            "strategies",
        ];
        if is_own
            .iter()
            .any(|own| path.rsplit('/').next().is_some_and(|file| file.starts_with(own)))
        {
            insta::assert_snapshot!(name, contents);
        }
    }
    Ok(())
}
