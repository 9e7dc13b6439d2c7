//! The hash of a protocol is of what travels.

mod support;

use support::model;

const BASE: &str = "
types:
  Name: { type: string, maxLength: 10 }
errors:
  gone: { description: It is gone. }
messages:
  get: { from: client, payload: { fields: { name: Name, 'count?': integer } }, reply: got, errors: [gone] }
  got: { from: server, payload: { fields: { items: 'Name[]' } } }
";

fn hash(fragment: &str) -> String {
    model(fragment).hash
}

#[test]
fn writing_it_differently_changes_nothing() {
    let base = hash(BASE);
    assert_eq!(base.len(), 64);
    for other in [
        BASE.replace("{ type: string, maxLength: 10 }", "{ maxLength: 10, description: A name., type: string, examples: [Ann] } # a comment"),
        BASE.replace("'Name[]'", "{ type: array, items: { $ref: '#/types/Name' } }"),
        BASE.replace(
            "{ fields: { name: Name, 'count?': integer } }",
            "{ type: object, additionalProperties: false, required: [name], properties: { count: { type: integer, minimum: -9007199254740991 }, name: Name } }",
        ),
        BASE.replace("It is gone.", "It went away."),
        BASE.replace("reply: got", "reply: got, description: Gets it, deprecated: true"),
        BASE.replace("messages:\n", "connection: { limits: { burst: 7 } }\nmessages:\n"),
    ] {
        assert_ne!(other, BASE);
        assert_eq!(hash(&other), base, "{other}");
    }
}

#[test]
fn saying_something_else_changes_it() {
    let mut seen = vec![hash(BASE)];
    for other in [
        BASE.replace("maxLength: 10", "maxLength: 11"),
        BASE.replace("'count?'", "count"),
        BASE.replace("got: { from: server,", "got: { from: both,"),
        BASE.replace(", errors: [gone]", ""),
        BASE.replace("It is gone. }", "It is gone., retryable: true }")
            .replace("description: It is gone.,", "description: It is gone,"),
        BASE.replace("reply: got,", ""),
        BASE.replace("reply: got,", "reply: got, auth: [read],"),
        BASE.replace("messages:\n", "messages:\n  more: { from: client }\n"),
        format!("{BASE}states:\n  initial: a\n  a: {{ on: {{ get: a }} }}\n"),
    ] {
        assert_ne!(other, BASE);
        let hash = hash(&other);
        assert!(!seen.contains(&hash), "{other}");
        seen.push(hash);
    }
}
