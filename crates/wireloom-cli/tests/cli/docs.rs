//! `wireloom docs` from the outside: a file in, a page out.

use std::fs;

use crate::support::{BROKEN, PROTOCOL, folder, run};

/// What a protocol may hold that a page must not take for markup, wherever texts of people may stand.
const HOSTILE: &str = r##"
wireloom: 1
info: { name: demo, version: 1.0.0, description: "</title><script>alert(1)</script> & <b>bold</b> `<i>` \"'" }
errors:
  refused: { description: "<img src=x onerror=alert(2)> `code" }
types:
  Odd: { type: string, pattern: "^</script><script>alert(3)</script>`$", description: "--> <!-- ]]> <svg onload=alert(4)>" }
  Kinds: { enum: ["</code></pre><script>alert(5)</script>", "javascript:alert(6)"] }
messages:
  say:
    from: client
    description: "<style>*{display:none}</style>\n\n{{ 7 * 7 }} {% raw %}"
    payload:
      fields:
        "\"><script>alert(7)</script>?": { type: string, description: "</td></table><script>alert(8)</script>", default: "</code><script>alert(9)</script>" }
        "__proto__?": Odd
        "kind?": Kinds
    reply: said
    errors: [refused]
    examples: [{ "\"><script>alert(7)</script>": "</pre><script>alert(10)</script>" }]
  said: { from: server }
states:
  initial: outside
  outside: { on: { say: inside } }
  inside: { on: { say: outside } }
"##;

fn page(text: &str) -> String {
    let dir = folder(&[("protocol.yaml", text)]);
    let ended = run(dir.path(), &["docs"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "wrote protocol.html\n");
    fs::read_to_string(dir.path().join("protocol.html")).expect("the page")
}

#[test]
fn the_page_says_everything_and_needs_nothing_else() {
    let page = page(PROTOCOL);
    for said in [
        "id=\"message-say\"",
        "href=\"#message-said\"",
        "Not today.",
        "at least 1 character",
        "any number of <a href=\"#message-tick\"><code>tick</code></a>, then <a href=\"#message-done\">",
        "invalid_payload",
        "4408",
    ] {
        assert!(page.contains(said), "{said}");
    }
    // Nothing is fetched: what a browser fetches by, and addresses of elsewhere, are not there.
    for fetched in [
        "src=", "<link", "@import", "url(", "http://", "https://", "fetch(", "import(",
    ] {
        assert!(!page.contains(fetched), "{fetched}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn what_people_wrote_is_text_and_never_markup() {
    let page = page(HOSTILE);
    // The page's own style and script, and nothing beside.
    for (element, own) in [
        ("<script", 1),
        ("<style", 1),
        ("<img", 0),
        ("<b>", 0),
        ("<i>", 0),
        ("<svg onload", 0),
    ] {
        assert_eq!(page.matches(element).count(), own, "{element}");
    }
    for said in [
        "&lt;&#x2F;title&gt;&lt;script&gt;alert(1)",
        "&lt;img src=x onerror=alert(2)&gt; `code",
        "alert(3)",
        "alert(4)",
        "alert(5)",
        "alert(7)",
        "alert(8)",
        "alert(9)",
        "alert(10)",
        "{{ 7 * 7 }} {% raw %}",
        "__proto__",
    ] {
        let escaped = said.replace("&#x2F;", "/");
        assert!(page.contains(said) || page.contains(&escaped), "{said}");
    }
    assert!(!page.contains("href=\"javascript:"));
}

#[test]
fn standard_output_takes_the_page_and_mistakes_stop_it() {
    let dir = folder(&[("protocol.yaml", PROTOCOL), ("broken.yaml", BROKEN)]);
    let ended = run(dir.path(), &["docs", "-o", "-"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.starts_with("<!doctype html>\n"),
        "{}",
        &ended.stdout[..100]
    );
    assert!(ended.stdout.ends_with("</html>\n"));
    let ended = run(dir.path(), &["docs", "broken.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("error[W004]"), "{ended:?}");
    assert!(!dir.path().join("protocol.html").exists());
    let ended = run(dir.path(), &["docs", "-o", "no/such/folder.html"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}
