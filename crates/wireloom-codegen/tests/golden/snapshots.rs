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

#[test]
fn the_reference_says_what_answers_and_when_and_shows_texts_as_they_are() -> Outcome {
    let text = r#"
wireloom: 1
info: { name: notes, version: 1.0.0 }
types:
  Kind: { type: string, pattern: "^(a|b)$" }
messages:
  open: { from: client }
  note:
    from: client
    description: Takes a List<String> and returns <script>; see `Vec<T>`.
    payload: { fields: { kind: Kind, "why?": { type: string, description: One of <b> | <i>., pattern: "c|d" } } }
states:
  initial: closed
  closed: { on: { open: opened } }
  opened: { on: { note: opened } }
"#;
    let model = check("notes.yaml", text)?;
    let markdown = wireloom_codegen::emit::markdown(&model, "notes.yaml");
    for line in [
        "- Answered by: nothing, unless it is refused.",
        "- Accepted in state: `closed`, which becomes `opened`.",
        "- Accepted in state: `opened`.",
        "Takes a List&lt;String&gt; and returns &lt;script&gt;; see `Vec<T>`.",
        "String; matches `^(a|b)$`.",
        r"| `why` | string | no | matches `c\|d` | One of &lt;b&gt; \| &lt;i&gt;. |",
    ] {
        assert!(markdown.lines().any(|each| each == line), "{line}\n{markdown}");
    }
    Ok(())
}
