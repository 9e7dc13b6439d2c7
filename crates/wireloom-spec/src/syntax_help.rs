//! What to do about text that is no YAML: the parser says what it met, and here is what was probably meant.

use crate::schema::is_type_expression;

/// What helps wherever the parser says this, as a part of its message.
const HELPS: &[(&str, &str)] = &[
    ("tabs disallowed", "indent with spaces: YAML takes no tabs there"),
    (
        "tab cannot be used",
        "indent with spaces: YAML takes no tabs there",
    ),
    ("found a tab", "write a space for the tab"),
    ("start with a tab", "indent with spaces: YAML takes no tabs there"),
    ("unclosed quote", "end the text with the quote that begins it"),
    (
        "did not find expected key",
        "begin the line at the same column as the other keys of its mapping",
    ),
    (
        "did not find expected '-' indicator",
        "begin each entry of the list with `- `, all at the same column",
    ),
    (
        "after single-quoted scalar",
        "nothing but `,` or a closing bracket follows a text in quotes; an apostrophe in it is written `''`",
    ),
    (
        "after double-quoted scalar",
        "nothing but `,` or a closing bracket follows a text in quotes; a quote in it is written `\\\"`",
    ),
    (
        "simple key expected ':'",
        "write `: ` after the key, or indent the line more than the key whose text it goes on with",
    ),
    (
        "invalid indentation",
        "indent the line more than the key that it belongs to",
    ),
    (
        "wrongly indented",
        "indent every line of the text more than its key, and all alike",
    ),
    (
        "block sequence entries are not allowed",
        "begin the list on the line after its key",
    ),
    ("expected node content", "write a value there, or quote the text"),
    (
        "comments must be separated",
        "write a space before the `#` of a comment, or quote the text that it stands in",
    ),
    (
        "must be followed by a valid YAML whitespace",
        "write a space after it, or quote the text that it stands in",
    ),
    (
        "unexpected EOF",
        "close every bracket and quote that is open at the end of the file",
    ),
];

/// How to mend a mistake at byte `at` of the text, of which the parser says `info`.
pub(crate) fn help(info: &str, at: usize, text: &str) -> Option<String> {
    let (before, rest) = text.split_at_checked(at)?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    if info.contains("unknown escape character") {
        return Some(escape(rest));
    }
    if info.contains("unclosed bracket") || info.contains("mismatched bracket") {
        let (open, close) = if rest.starts_with('[') {
            ('[', ']')
        } else {
            ('{', '}')
        };
        return Some(format!("end what `{open}` begins with `{close}`"));
    }
    if info.contains("misplaced bracket") {
        return Some("remove the bracket: nothing that is open ends there".to_owned());
    }
    if info.contains("mapping values are not allowed") {
        return Some(colon(line));
    }
    if info.contains("parsing a flow") {
        return Some(between_brackets(line, rest));
    }
    if info.contains("unexpected character") {
        let sign = rest.chars().next()?.escape_default();
        return Some(format!("quote the text: it cannot begin with `{sign}`"));
    }
    let known = HELPS.iter().find(|(said, _)| info.contains(said));
    known.map(|(_, help)| (*help).to_owned())
}

/// A `\` in double quotes that begins nothing which YAML knows: most often a pattern.
fn escape(rest: &str) -> String {
    let quoted = rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
    match quoted {
        Some(text) if !text.contains(['\'', '\n']) => {
            format!("write it in single quotes: `'{text}'`, or each `\\` twice")
        }
        _ => "write the text in single quotes, or each `\\` twice".to_owned(),
    }
}

/// A `:` where no key can be: in a text, or in a line that is indented otherwise than it should be.
fn colon(line: &str) -> String {
    let text = line
        .split_once(": ")
        .map(|(_, text)| text.trim())
        .filter(|text| !text.is_empty());
    match text {
        Some(text) => format!("quote the text that begins with `{text}`: a `: ` in it makes a key of what stands before"),
        None => "begin the line at the same column as the other keys of its mapping, and write `: ` after the key above"
            .to_owned(),
    }
}

/// Something between brackets that neither `,` nor the closing bracket follows.
fn between_brackets(line: &str, rest: &str) -> String {
    let sign = rest.chars().next().unwrap_or_default();
    let ends = |sign: char| matches!(sign, ',' | '{' | '}' | '\n');
    let begins = line.rsplit([',', '{', '[']).next().unwrap_or_default();
    let begins = begins.rsplit(": ").next().unwrap_or_default();
    let whole = format!("{begins}{}", rest.split(ends).next().unwrap_or_default());
    let whole = whole.trim();
    if is_type_expression(whole) {
        return format!("quote it: `\"{whole}\"`; a bracket ends an unquoted text between braces");
    }
    match sign {
        '[' | '{' => "quote the text: a bracket ends an unquoted text between braces".to_owned(),
        ':' if line.contains(['{', '[']) => {
            "write `,` before the key; or quote the text: a `: ` in it makes a key of what stands before".to_owned()
        }
        ':' => "a `{` or `[` above is not closed: end it with `}` or `]`".to_owned(),
        _ => "write `,` between two entries, and end them with the bracket that closes; quote texts with brackets in them"
            .to_owned(),
    }
}
