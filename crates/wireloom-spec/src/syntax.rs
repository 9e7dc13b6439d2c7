//! Text to a tree in which every key and every value has a span. Knows YAML, and nothing of protocols.
//!
//! The events come from serde_yaml's own parser, so that anchors, aliases, tags and duplicate keys are diagnostics
//! with a place instead of the end of the run. What YAML has beyond JSON's data model is refused.

use std::collections::HashMap;

use serde_json::{Number, Value};
use serde_yaml::granit_parser::{Event, Options, Parser, ScalarStyle, Span as ParserSpan, options};

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::model::Span;
use crate::numeral::{Numeral, numeral};
use crate::source::Source;
use crate::syntax_help;

/// Largest file, in bytes.
pub(crate) const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Deepest nesting of mappings and sequences.
pub(crate) const MAX_DEPTH: usize = 64;
/// Most scalars, mappings and sequences.
pub(crate) const MAX_NODES: usize = 1_000_000;

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The value itself; for a block mapping or sequence, which has no first character of its own, the key before it.
    pub(crate) span: Span,
    /// The key before it, or else its own place: where to say that something is missing in it.
    pub(crate) name: Span,
    pub(crate) data: Data,
}

/// What JSON has, and a hole for what was refused.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// Something that has a diagnostic already: readers pass over it in silence.
    Refused,
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a mapping and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Entry {
    /// Help for a key without a value: `type:string`, or the rest of a text which a comma cut in two, as in `{ a: one, two }`.
    pub(crate) fn torn_text(&self) -> Option<String> {
        if !matches!(self.value.data, Data::Null) {
            return None;
        }
        if let Some((key, value)) = self.key.split_once(':') {
            return Some(format!("write a space after the `:`: `{key}: {value}`"));
        }
        let torn = self.key.contains(' ');
        torn.then(|| "quote the text before it: a comma ends an unquoted text between braces".to_owned())
    }
}

impl Node {
    pub(crate) fn new(span: Span, data: Data) -> Self {
        Self {
            span,
            name: span,
            data,
        }
    }

    /// The value as people call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self.data {
            Data::Refused => "nothing",
            Data::Null => "null",
            Data::Bool(_) => "a boolean",
            Data::Number(_) => "a number",
            Data::String(_) => "a string",
            Data::Seq(_) => "a list",
            Data::Map(_) => "a mapping",
        }
    }

    /// The value as JSON; a hole becomes null.
    pub(crate) fn to_json(&self) -> Value {
        match &self.data {
            Data::Refused | Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(value) => Value::Number(value.clone()),
            Data::String(value) => Value::String(value.clone()),
            Data::Seq(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Data::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()))
                    .collect(),
            ),
        }
    }

    /// Whether a diagnostic stands for some part of it.
    pub(crate) fn has_hole(&self) -> bool {
        match &self.data {
            Data::Refused => true,
            Data::Seq(items) => items.iter().any(Self::has_hole),
            Data::Map(entries) => entries.iter().any(|entry| entry.value.has_hole()),
            _ => false,
        }
    }

    /// The node that a JSON Pointer leads to, or the last one on the way there.
    pub(crate) fn at_pointer(&self, pointer: &str) -> &Self {
        let mut node = self;
        for segment in pointer.split('/').skip(1) {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            let next = match &node.data {
                Data::Map(entries) => entries
                    .iter()
                    .find(|entry| entry.key == segment)
                    .map(|entry| &entry.value),
                Data::Seq(items) => segment.parse().ok().and_then(|index: usize| items.get(index)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }
}

/// A mapping or sequence whose end has not come yet.
struct Open {
    span: Span,
    /// Block style: the span is of no character.
    block: bool,
    body: Body,
}

enum Body {
    Seq(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        seen: HashMap<String, Span>,
        key: Key,
    },
}

/// What is known of a mapping's next key.
enum Key {
    /// It comes next.
    Awaited,
    /// It was refused: its value goes with it.
    Refused,
    Read(String, Span),
}

/// Reads a file's only document. `None`: a diagnostic says why there is no tree.
pub(crate) fn parse(source: &Source<'_>, sink: &mut Sink) -> Option<Node> {
    if source.text.len() > MAX_BYTES {
        let message = format!(
            "the file has {} bytes; the most is {MAX_BYTES}",
            source.text.len()
        );
        sink.push(Report::new(&codes::LIMIT, Span::default(), message));
        return None;
    }
    let mut builder = Builder {
        source,
        sink,
        open: Vec::new(),
        root: None,
        nodes: 0,
    };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(source.text, parser_options()) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(source.text.len());
                let message = format!("invalid YAML: {}", error.info());
                let report = Report::new(&codes::SYNTAX, one_character(at, source), message)
                    .maybe_help(syntax_help::help(&error.info(), at, source.text));
                builder.sink.push(report);
                return None;
            }
        };
        if let Event::DocumentStart(..) = event {
            documents += 1;
            if documents > 1 {
                let report = Report::new(
                    &codes::YAML_FEATURE,
                    bytes(&span),
                    "a second document in the file",
                )
                .help("a protocol is one document: remove the `---`");
                builder.sink.push(report);
                break;
            }
        }
        if !builder.take(event, &span) {
            return None;
        }
    }
    Some(
        builder
            .root
            .unwrap_or_else(|| Node::new(Span::default(), Data::Null)),
    )
}

fn parser_options() -> Options {
    let mut options = options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    options.set_emit_comments(false);
    options
}

struct Builder<'s, 'a> {
    source: &'s Source<'a>,
    sink: &'s mut Sink,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder<'_, '_> {
    /// Takes one event; `false` once a limit is passed.
    fn take(&mut self, event: Event<'_>, span: &ParserSpan) -> bool {
        let at = bytes(span);
        if let Event::Scalar(_, _, _, Some(_))
        | Event::SequenceStart(_, _, Some(_))
        | Event::MappingStart(_, _, Some(_)) = &event
        {
            let tag = span.tag_span().map_or(at, |tag| bytes(&tag));
            let report = Report::new(&codes::YAML_FEATURE, tag, "a YAML tag has no meaning here")
                .help("remove it; quote a scalar to make it a string");
            self.sink.push(report);
        }
        match event {
            Event::Scalar(text, style, ..) => self.scalar(&text, style, at),
            Event::SequenceStart(..) => return self.start(at, Body::Seq(Vec::new())),
            Event::MappingStart(..) => {
                let body = Body::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: Key::Awaited,
                };
                return self.start(at, body);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(at),
            Event::Anchor(_, name) => self.refuse(at, &format!("the anchor `&{name}`")),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.refuse(at, &format!("the alias `{}`", self.source.slice(at)));
                self.add(Node::new(at, Data::Refused));
            }
            _ => {}
        }
        if self.nodes > MAX_NODES {
            let message = format!("the file has more than {MAX_NODES} values");
            self.sink.push(Report::new(&codes::LIMIT, at, message));
            return false;
        }
        true
    }

    fn refuse(&mut self, at: Span, what: &str) {
        let report = Report::new(
            &codes::YAML_FEATURE,
            at,
            format!("{what} is not allowed in a protocol"),
        )
        .help("name what is shared under `types` and refer to it");
        self.sink.push(report);
    }

    fn start(&mut self, span: Span, body: Body) -> bool {
        self.open.push(Open {
            span,
            block: span.start == span.end,
            body,
        });
        self.nodes += 1;
        if self.open.len() > MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            let report = Report::new(&codes::LIMIT, one_character(span.start, self.source), message)
                .help("name inner schemas under `types`");
            self.sink.push(report);
            return false;
        }
        true
    }

    fn end(&mut self, at: Span) {
        let Some(open) = self.open.pop() else { return };
        let data = match open.body {
            Body::Seq(items) => Data::Seq(items),
            Body::Map { entries, .. } => Data::Map(entries),
        };
        // A block collection begins nowhere: its first child stands for it until a key does.
        let first = match &data {
            Data::Seq(items) => items.first().map(|node| node.span),
            Data::Map(entries) => entries.first().map(|entry| entry.key_span),
            _ => None,
        };
        let span = match first {
            Some(first) if open.block => first,
            _ => Span {
                start: open.span.start,
                end: at.end.max(open.span.end),
            },
        };
        self.close(Node::new(span, data), open.block);
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: Span) {
        self.nodes += 1;
        let plain = style == ScalarStyle::Plain;
        if self.awaits_key() {
            let report = if plain && text == "<<" {
                Report::new(
                    &codes::YAML_FEATURE,
                    at,
                    "the merge key `<<` is not allowed in a protocol",
                )
                .help("name what is shared under `types` and refer to it")
            } else if plain && at.start == at.end {
                Report::new(&codes::YAML_FEATURE, at, "a key is missing before `:`")
            } else {
                return self.key(Key::Read(text.to_owned(), at));
            };
            self.sink.push(report);
            return self.key(Key::Refused);
        }
        let data = if plain {
            self.resolve(text, at)
        } else {
            Data::String(text.to_owned())
        };
        self.add(Node::new(at, data));
    }

    /// The core schema of YAML 1.2, but for two traps: what is written with leading zeros is a string, and what JSON
    /// cannot hold is refused.
    fn resolve(&mut self, text: &str, at: Span) -> Data {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
            "true" | "True" | "TRUE" => return Data::Bool(true),
            "false" | "False" | "FALSE" => return Data::Bool(false),
            _ => {}
        }
        match numeral(text) {
            Numeral::No => Data::String(text.to_owned()),
            Numeral::Exact(number) => Data::Number(number),
            Numeral::Lost => {
                let report = Report::new(
                    &codes::VALUE,
                    at,
                    format!("`{text}` is no number that JSON can hold exactly"),
                )
                .help("quote it if a string is meant");
                self.sink.push(report);
                Data::Refused
            }
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                body: Body::Map {
                    key: Key::Awaited,
                    ..
                },
                ..
            })
        )
    }

    fn key(&mut self, next: Key) {
        if let Some(Open {
            body: Body::Map { key, .. },
            ..
        }) = self.open.last_mut()
        {
            *key = next;
        }
    }

    fn add(&mut self, node: Node) {
        self.close(node, false);
    }

    /// Puts a finished node where it belongs.
    fn close(&mut self, mut node: Node, block: bool) {
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        match &mut open.body {
            Body::Seq(items) => items.push(node),
            Body::Map { entries, seen, key } => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited => {
                    if !matches!(node.data, Data::Refused) {
                        let report = Report::new(&codes::YAML_FEATURE, node.span, "a key must be a string")
                            .label(format!("this is {}", node.kind()));
                        self.sink.push(report);
                    }
                    *key = Key::Refused;
                }
                Key::Refused => {}
                Key::Read(name, key_span) => {
                    node.name = key_span;
                    if block || node.span.start == node.span.end {
                        node.span = key_span;
                    }
                    if let Some(first) = seen.get(&name) {
                        let report =
                            Report::new(&codes::DUPLICATE_KEY, key_span, format!("duplicate key `{name}`"))
                                .related(*first, "first defined here");
                        self.sink.push(report);
                    } else {
                        seen.insert(name.clone(), key_span);
                        entries.push(Entry {
                            key: name,
                            key_span,
                            value: node,
                        });
                    }
                }
            },
        }
    }
}

fn bytes(span: &ParserSpan) -> Span {
    let start = span.start.byte_offset().unwrap_or(0);
    Span {
        start,
        end: span.end.byte_offset().unwrap_or(start).max(start),
    }
}

/// A span with something to draw a caret under, for places that are points.
fn one_character(at: usize, source: &Source<'_>) -> Span {
    let width = source
        .text
        .get(at..)
        .and_then(|rest| rest.chars().next())
        .map_or(0, char::len_utf8);
    Span {
        start: at,
        end: at + width,
    }
}
