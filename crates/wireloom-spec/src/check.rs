//! One run over one file: every stage in its order, all diagnostics at the end.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use crate::checks;
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Sink};
use crate::engine;
use crate::hash;
use crate::lower::{self, Context, Lowerer, MessageSource, Root};
use crate::model::{Def, DefId, Message, Model, Origin, Overflow, Span};
use crate::names::{self, Names};
use crate::schema::{Count, Expander, Patterns, Raw, Sample};
use crate::shape::{File, Read};
use crate::source::Source;
use crate::syntax::{self, Data, Entry, Node};

/// What came of checking a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The protocol; there is one exactly if no diagnostic is an error.
    pub model: Option<Model>,
    /// Everything that is wrong or suspicious, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a protocol. `file` is its name, for diagnostics only; `text` is what it contains.
///
/// All mistakes of the file are reported in one run. Any text ends in a model or in diagnostics, never in a panic.
///
/// ```
/// let checked = wireloom_spec::check("protocol.yaml", "
/// wireloom: 1
/// info: { name: demo, version: 1.0.0 }
/// messages:
///   greet: { from: client, payload: { fields: { name: string } }, reply: greeted }
///   greeted: { from: server, payload: { fields: { text: strin } } }
/// ");
/// assert!(checked.model.is_none());
/// assert_eq!(
///     checked.diagnostics[0].to_string(),
///     "error[W023]: there is no type `strin`\n --> protocol.yaml:6:55\n = help: did you mean `string`?",
/// );
/// ```
#[must_use]
pub fn check(file: &str, text: &str) -> Checked {
    let source = Source::new(file, text);
    let mut sink = Sink::default();
    let model = read(&source, &mut sink).and_then(|file| protocol(&file, &mut sink));
    let model = model.filter(|_| !sink.has_errors());
    Checked {
        model,
        diagnostics: sink.finish(&source),
    }
}

fn read(source: &Source<'_>, sink: &mut Sink) -> Option<File> {
    let node = syntax::parse(source, sink)?;
    if matches!(node.data, Data::Null) {
        let report = Report::new(&codes::MISSING_KEY, node.span, "the file is empty")
            .help("a protocol begins with `wireloom: 1`");
        sink.push(report);
        return None;
    }
    File::read(node, sink)
}

fn protocol(file: &File, sink: &mut Sink) -> Option<Model> {
    let info = file.info.get().and_then(|shape| lower::info(shape, sink));
    let connection = lower::connection(file.connection.get(), sink);
    let errors = lower::errors(file.errors.get().map_or(&[], |table| &table.0), sink);
    let mut count = Count::default();
    let user = Unit::new(file, &mut count, sink);

    // The engine's messages go the same way. That nothing is wrong with them is a test's business.
    let own_sink = &mut Sink::default();
    let own_file = read(&Source::new("engine.yaml", engine::MESSAGES), own_sink)?;
    let own = Unit::new(&own_file, &mut count, own_sink);

    let protocol_name = info.as_ref().map_or("", |info| &info.name);
    let mut reserved = lower::reserve(protocol_name, own.messages.iter().map(|message| message.name));
    for (name, span) in &user.type_spans {
        reserved.named_type(name, *span, sink);
    }
    for message in &user.messages {
        if lower::message_name(message.name, message.name_span, sink) {
            reserved.message(message.name, message.from().client(), message.name_span, sink);
        }
    }

    let lowered = user.definitions(reserved.rust, reserved.ts, 0, sink);
    let own_lowered = own.definitions(reserved.engine, lowered.ts, lowered.defs.len(), own_sink);
    let codes = errors.iter().map(|(error, _)| error.code.as_str()).collect();
    let context = Context {
        engine: false,
        errors: &codes,
        version: info.as_ref().map(|info| &info.version),
        message_bytes: connection.limits.message_bytes,
    };
    let mut messages = lower::messages(&user.messages, &lowered.payloads, &context, sink);
    let states = file
        .states
        .at()
        .map(|states| lower::states(&states.value, &messages, states.key, sink));
    // An error that is the engine's has its diagnostic.
    let own_errors = errors.iter().filter(|(error, _)| !engine::is_error(&error.code));
    let error_spans: Vec<_> = own_errors
        .map(|(error, span)| (error.code.as_str(), *span))
        .collect();
    user.check(&messages, &lowered.defs, &error_spans, sink);

    let own_context = Context {
        engine: true,
        errors: &HashSet::new(),
        version: None,
        message_bytes: u64::MAX,
    };
    messages.extend(lower::messages(
        &own.messages,
        &own_lowered.payloads,
        &own_context,
        own_sink,
    ));
    let mut defs = lowered.defs;
    defs.extend(own_lowered.defs);
    if sink.has_errors() {
        return None;
    }
    lower::box_cycles(&mut defs);
    let errors = errors.into_iter().map(|(error, _)| error).collect();
    let mut model = Model {
        info: info?,
        connection,
        errors,
        messages,
        states,
        defs,
        hash: String::new(),
    };
    model.hash = hash::hash(&model);
    Some(model)
}

/// What one file defines, with its schemas read: the user's, or the engine's.
struct Unit<'f> {
    types: IndexMap<String, Raw>,
    type_spans: Vec<(String, Span)>,
    messages: Vec<MessageSource<'f>>,
}

/// A unit's definitions.
struct Lowered {
    defs: Vec<Def>,
    /// One a message, in their order.
    payloads: Vec<DefId>,
    /// Names that are taken in TypeScript.
    ts: Names,
}

impl<'f> Unit<'f> {
    fn new(file: &'f File, count: &mut Count, sink: &mut Sink) -> Self {
        let rows = file.types.get().map_or(&[][..], |table| &table.0);
        let known = lower::type_names(rows, sink);
        let mut patterns = Patterns::default();
        let mut expander = Expander::new(&known, &mut patterns, count, sink);
        let types = rows.iter().map(|row| {
            let raw = match &row.entry {
                Some(position) => expander.schema(&position.value.0),
                None => expander.broken(),
            };
            (row.name.clone(), raw)
        });
        let types = types.collect();
        let messages = file
            .messages
            .get()
            .map_or(&[][..], |table| &table.0)
            .iter()
            .filter_map(|row| {
                let shape = &row.entry.as_ref()?.value;
                let nothing = no_payload(row.name_span);
                let payload = expander.schema(shape.payload.get().map_or(&nothing, |position| &position.0));
                let examples = shape.examples.get().into_iter().flat_map(|list| &list.0);
                let samples = examples
                    .map(|example| Sample {
                        what: "example",
                        node: example.value.0.clone(),
                    })
                    .collect();
                Some(MessageSource {
                    name: &row.name,
                    name_span: row.name_span,
                    shape,
                    payload,
                    samples,
                })
            });
        let messages = messages.collect();
        let type_spans = rows.iter().map(|row| (row.name.clone(), row.name_span)).collect();
        Self {
            types,
            type_spans,
            messages,
        }
    }

    /// Makes the types; `rust` and `ts` hold the names that are taken, these types' own among them.
    fn definitions(&self, rust: Names, ts: Names, offset: usize, sink: &mut Sink) -> Lowered {
        let mut lowerer = Lowerer::new(&self.types, rust, ts, sink);
        let types = self.types.iter().map(|(name, raw)| Root {
            rust_name: names::rust_type(name),
            ts_name: names::ts_type(name),
            base: names::type_part(name),
            origin: Origin::Type(name.clone()),
            docs: raw.docs.clone(),
            raw,
        });
        let payloads = self.messages.iter().map(|message| Root {
            rust_name: names::rust_type(message.name),
            ts_name: lower::payload_name(message.name),
            base: names::type_part(message.name),
            origin: Origin::Payload(message.name.to_owned()),
            docs: message.docs(),
            raw: &message.payload,
        });
        let roots = lowerer.roots(types.chain(payloads).collect());
        let (made, ts) = lowerer.into_parts();
        let (defs, places) = lower::arrange(made, offset);
        let place = |id: &DefId| places.get(id.0).copied().unwrap_or(*id);
        Lowered {
            defs,
            payloads: roots.iter().skip(self.types.len()).map(place).collect(),
            ts,
        }
    }

    /// The rules about the protocol as a whole.
    fn check(&self, messages: &[Message], defs: &[Def], errors: &[(&str, Span)], sink: &mut Sink) {
        let spans: HashMap<&str, Span> = self
            .type_spans
            .iter()
            .map(|(name, span)| (name.as_str(), *span))
            .collect();
        let payloads = self.messages.iter().map(|message| &message.payload);
        let schemas = self.types.values().chain(payloads);
        checks::one_of(schemas.clone(), &self.types, sink);
        checks::defaults(schemas, sink);
        // A type that is defined by itself would keep a validator busy for ever.
        if !checks::loops(&self.types, &spans, sink) {
            lower::check_cycles(defs, &spans, sink);
            let payloads = self
                .messages
                .iter()
                .map(|message| (&message.payload, message.samples.as_slice()));
            let schemas = self.types.values().map(|raw| (raw, &[][..])).chain(payloads);
            checks::samples(schemas, &self.types, sink);
        }
        for (source, message) in self.messages.iter().zip(messages) {
            if let (Overflow::Coalesce(Some(key)), Some(at)) = (
                &message.delivery.overflow,
                source.shape.delivery.get().and_then(|delivery| delivery.key.at()),
            ) && let Some(report) = checks::delivery(key, message.payload, defs, at.span)
            {
                sink.push(report);
            }
        }
        let listed = messages
            .iter()
            .flat_map(|message| &message.errors)
            .map(String::as_str)
            .collect();
        let payloads = self.messages.iter().map(|message| &message.payload);
        // What is broken may be what uses them.
        if sink.has_errors() {
            return;
        }
        checks::unused(&self.types, &self.type_spans, payloads, errors, &listed, sink);
    }
}

/// The payload of a message that declares none: `fields: {}`.
fn no_payload(span: Span) -> Node {
    let nothing = Node::new(span, Data::Map(Vec::new()));
    let fields = Entry {
        key: "fields".to_owned(),
        key_span: span,
        value: nothing,
    };
    Node::new(span, Data::Map(vec![fields]))
}

#[cfg(test)]
mod tests {
    use super::{Context, Count, HashSet, Names, Sink, Source, Unit, engine, lower, read};

    #[test]
    fn nothing_is_wrong_with_the_engines_messages() {
        let source = Source::new("engine.yaml", engine::MESSAGES);
        let mut sink = Sink::default();
        let file = read(&source, &mut sink).expect("a file");
        let unit = Unit::new(&file, &mut Count::default(), &mut sink);
        let lowered = unit.definitions(Names::default(), Names::default(), 0, &mut sink);
        let context = Context {
            engine: true,
            errors: &HashSet::new(),
            version: None,
            message_bytes: u64::MAX,
        };
        let messages = lower::messages(&unit.messages, &lowered.payloads, &context, &mut sink);
        unit.check(&messages, &lowered.defs, &[], &mut sink);
        let diagnostics = sink.finish(&source);
        assert!(
            diagnostics.is_empty(),
            "{}",
            crate::render::text(&diagnostics, engine::MESSAGES, false)
        );
        assert!(messages.iter().all(|message| engine::is_reserved(&message.name)));
    }
}
