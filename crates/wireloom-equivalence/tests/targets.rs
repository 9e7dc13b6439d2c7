//! The seeds of the fuzz targets, and what was ever found by them: everything in `fuzz/seeds`, run as tests.

use std::fs;
use std::path::Path;

use wireloom_equivalence::targets;

/// Runs a target over its folder of inputs.
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(name);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("a folder of seeds") {
        let path = entry.expect("an entry").path();
        println!("{}", path.display());
        target(&fs::read(&path).expect("a seed"));
        count += 1;
    }
    assert!(count > 5, "{} has only {count} seeds", folder.display());
}

#[test]
fn decoder() {
    replay("decoder", targets::decoder);
}

#[test]
fn envelope() {
    replay("envelope", targets::envelope);
}

#[test]
fn spec() {
    replay("spec", targets::spec);
}
