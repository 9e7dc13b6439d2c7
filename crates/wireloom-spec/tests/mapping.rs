//! Every row of the mapping from schemas to types, and every decision about names that comes with it: protocols under
//! `tests/mapping`, with what they come to beside them.
//!
//! `UPDATE_MAPPING=1 cargo test -p wireloom-spec --test mapping` writes it anew; read it before committing.

mod support;

use std::fs;

#[test]
fn schemas_become_these_types() {
    let update = std::env::var_os("UPDATE_MAPPING").is_some();
    let mut differing = Vec::new();
    for path in support::files("mapping") {
        let text = fs::read_to_string(&path).expect("the file can be read");
        let found = support::describe(&support::model(&text));
        let expected = path.with_extension("txt");
        if update {
            fs::write(&expected, &found).expect("the expected text can be written");
        } else if fs::read_to_string(&expected).ok().as_deref() != Some(&found) {
            differing.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
