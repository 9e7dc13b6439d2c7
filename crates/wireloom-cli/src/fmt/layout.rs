//! Text of a protocol to the same text in its canonical layout, with the proof that it says the same.

use std::fmt;

use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions, LineBreak, Quotes};
use wireloom_spec::Model;
use yaml_parser::{SyntaxKind, SyntaxNode};

/// Columns of a line.
const WIDTH: usize = 120;

/// Times that a layout may change before it has to stand.
const ROUNDS: usize = 8;

/// Why a text is not formatted. None of this is its author's fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unformatted {
    /// The formatter's own parser does not understand it.
    Syntax(String),
    /// The formatted text would mean something else.
    Meaning,
    /// A comment would be lost.
    Comments,
    /// Formatting again would change it again.
    Unstable,
}

impl fmt::Display for Unformatted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(why) => write!(f, "the formatter does not understand it: {why}"),
            Self::Meaning => f.write_str("formatted, it would mean something else"),
            Self::Comments => f.write_str("formatted, it would lose a comment"),
            Self::Unstable => f.write_str("the formatter comes to no end with it"),
        }
    }
}

/// The canonical layout of a text that means `model`.
pub(super) fn format(text: &str, model: &Model) -> Result<String, Unformatted> {
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n");
    let mut formatted = once(&text)?;
    let mut stable = false;
    for _ in 0..ROUNDS {
        let again = once(&formatted)?;
        stable = again == formatted;
        if stable {
            break;
        }
        formatted = again;
    }
    if !stable {
        return Err(Unformatted::Unstable);
    }
    if comments(&parse(&text)?) != comments(&parse(&formatted)?) {
        return Err(Unformatted::Comments);
    }
    let checked = wireloom_spec::check("protocol.yaml", &formatted);
    let same = checked
        .model
        .is_some_and(|after| without_places(after) == without_places(model.clone()));
    if same {
        Ok(formatted)
    } else {
        Err(Unformatted::Meaning)
    }
}

/// The model alone: not where its messages stand.
fn without_places(mut model: Model) -> Model {
    for message in &mut model.messages {
        message.span = None;
    }
    model
}

fn once(text: &str) -> Result<String, Unformatted> {
    let options = FormatOptions {
        layout: LayoutOptions {
            print_width: WIDTH,
            indent_width: 2,
            line_break: LineBreak::Lf,
        },
        language: LanguageOptions {
            quotes: Quotes::PreferDouble,
            trailing_comma: false,
            format_comments: true,
            prefer_single_line: true,
            ..LanguageOptions::default()
        },
    };
    let formatted = pretty_yaml::format_text(text, &options).map_err(|error| syntax(&error))?;
    spaced(&formatted)
}

fn syntax(error: &yaml_parser::SyntaxError) -> Unformatted {
    Unformatted::Syntax(error.message().replace('\n', "; "))
}

fn parse(text: &str) -> Result<SyntaxNode, Unformatted> {
    yaml_parser::parse(text).map_err(|error| syntax(&error))
}

/// What the comments say, in their order.
fn comments(root: &SyntaxNode) -> Vec<String> {
    root.descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .filter(|token| token.kind() == SyntaxKind::COMMENT)
        .map(|token| token.text().trim_start_matches('#').trim().to_owned())
        .collect()
}

/// The text with a blank line between sections, and around messages of more than one line. Comments stay with what follows
/// them.
fn spaced(text: &str) -> Result<String, Unformatted> {
    let root = parse(text)?;
    let lines: Vec<&str> = text.lines().collect();
    let line_of = |offset: usize| {
        text.get(..offset)
            .map_or(0, |before| before.matches('\n').count())
    };
    let mut apart: Vec<usize> = Vec::new();
    let Some(sections) = root
        .descendants()
        .find(|node| node.kind() == SyntaxKind::BLOCK_MAP)
    else {
        return Ok(text.to_owned());
    };
    for (at, section) in entries(&sections).enumerate() {
        let first = line_of(section.text_range().start().into());
        if at > 0 {
            apart.push(first);
        }
        if !lines.get(first).is_some_and(|line| line.starts_with("messages:")) {
            continue;
        }
        let Some(messages) = section
            .descendants()
            .find(|node| node.kind() == SyntaxKind::BLOCK_MAP)
        else {
            continue;
        };
        let mut long_before = false;
        for (at, message) in entries(&messages).enumerate() {
            let range = message.text_range();
            let first = line_of(range.start().into());
            let is_long = message.text().to_string().trim_end().contains('\n');
            if at > 0 && (is_long || long_before) {
                apart.push(first);
            }
            long_before = is_long;
        }
    }
    // A comment right above belongs to what it stands above.
    let apart: Vec<usize> = apart
        .into_iter()
        .map(|line| {
            let above = lines.get(..line).unwrap_or_default();
            let comments = above
                .iter()
                .rev()
                .take_while(|line| line.trim_start().starts_with('#'));
            line - comments.count()
        })
        .collect();
    let mut spaced = String::with_capacity(text.len() + apart.len());
    for (at, line) in lines.iter().enumerate() {
        let is_apart = at > 0 && apart.contains(&at);
        if is_apart && lines.get(at - 1).is_some_and(|before| !before.is_empty()) {
            spaced.push('\n');
        }
        spaced.push_str(line);
        spaced.push('\n');
    }
    Ok(spaced)
}

fn entries(map: &SyntaxNode) -> impl Iterator<Item = SyntaxNode> {
    map.children()
        .filter(|node| node.kind() == SyntaxKind::BLOCK_MAP_ENTRY)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Unformatted, format, without_places};

    /// The texts of all protocols of the corpus.
    fn corpus() -> Vec<(String, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let files = fs::read_dir(root.join("tests/corpus")).expect("the corpus");
        let mut paths: Vec<_> = files.map(|entry| entry.expect("a file").path()).collect();
        paths.push(root.join("protocol.yaml"));
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
        paths.sort();
        let text = |path: &Path| fs::read_to_string(path).expect("a protocol");
        paths
            .iter()
            .map(|path| (path.display().to_string(), text(path)))
            .collect()
    }

    fn formatted(text: &str) -> Result<String, Unformatted> {
        let checked = wireloom_spec::check("protocol.yaml", text);
        format(text, &checked.model.expect("a sound protocol"))
    }

    #[test]
    fn every_protocol_keeps_its_meaning_and_is_formatted_once_for_all() {
        for (name, text) in corpus() {
            let once = formatted(&text).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(formatted(&once).as_deref(), Ok(once.as_str()), "{name}");
            let model = |text: &str| wireloom_spec::check("", text).model.map(without_places);
            assert_eq!(model(&text), model(&once), "{name}");
        }
    }

    /// More cases: `WIRELOOM_FMT_CASES=10000`.
    #[test]
    fn damaged_protocols_are_formatted_or_left_alone() {
        let cases = std::env::var("WIRELOOM_FMT_CASES")
            .ok()
            .and_then(|text| text.parse().ok());
        let mut corpus = corpus();
        corpus.retain(|(_, text)| text.len() < 3_000);
        let mut random = fastrand::Rng::with_seed(11);
        let mut sound = 0;
        for _ in 0..cases.unwrap_or(60) {
            let (_, text) = &corpus[random.usize(..corpus.len())];
            let text = damaged(text, &mut random);
            let Some(model) = wireloom_spec::check("", &text).model else {
                // Whatever it is, it comes to an end.
                let _ = super::once(&text);
                continue;
            };
            sound += 1;
            if let Ok(once) = format(&text, &model) {
                assert_eq!(formatted(&once).as_deref(), Ok(once.as_str()), "{text}");
            }
        }
        assert!(sound > 20, "only {sound} protocols are sound");
    }

    const ANYTHING: &[&str] = &[
        " ", "\n", " #", "\t", "'", "\"", "{", "}", ": ", "- ", "|\n", ", ", "?", "&a ", "!!str ",
    ];
    const BREAKS: &[&str] = &["\n\n\n", "  \n", "\n# note\n", " #note\n", "\r\n", "\n  # note\n"];

    /// The text with spaces, breaks and comments put in where there are some already, or with anything anywhere.
    fn damaged(text: &str, random: &mut fastrand::Rng) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        let anything = random.bool();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..letters.len());
            let (pieces, place) = if anything {
                (ANYTHING, Some(at))
            } else {
                let next = letters.iter().skip(at).position(|letter| *letter == '\n');
                (BREAKS, next.map(|next| at + next))
            };
            let Some(place) = place else { continue };
            let end = (place + 1).min(letters.len());
            let piece = pieces[random.usize(..pieces.len())];
            letters.splice(place..end, piece.chars());
        }
        letters.into_iter().collect()
    }

    #[test]
    fn the_layout_is_canonical() {
        let text = "\
wireloom:   1
info: {name: demo,version: 1.0.0}
types:
    A:   { type: string,enum: ['a',  \"b\"] }   #a note


    B: { type: object, properties: { one: string, two: string, three: string, four: string, five: string, six: string }, required: [one] }
messages:
  # Greets.
  say:
      from: client
      payload: {fields: { a: A, 'b?': \"B[]\" }}
  bye: { from: client }
  hello: { from: server }
";
        insta::assert_snapshot!(formatted(text).expect("it is formatted"));
    }
}
