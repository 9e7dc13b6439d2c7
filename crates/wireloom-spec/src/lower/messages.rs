//! Messages: who sends them, what answers them, and how they are delivered.

use std::collections::{HashMap, HashSet};

use crate::codes;
use crate::diagnostic::{Report, Sink};
use crate::engine;
use crate::model::{
    Answer, DefId, Delivery, Docs, From, Message, MessageLimits, OnDisconnect, Overflow, Span,
};
use crate::names;
use crate::schema::{Raw, Sample};
use crate::shape::{
    At, DeliveryShape, FromShape, MessageLimitsShape, MessageShape, OnDisconnectShape, OverflowShape,
    StreamShape,
};
use crate::suggest;

/// A message of a file, with its payload's schema.
pub(crate) struct MessageSource<'a> {
    pub(crate) name: &'a str,
    pub(crate) name_span: Span,
    pub(crate) shape: &'a MessageShape,
    pub(crate) payload: Raw,
    /// Examples that stand beside the payload.
    pub(crate) samples: Vec<Sample>,
}

impl MessageSource<'_> {
    /// Who sends it; clients, where the file does not say.
    pub(crate) fn from(&self) -> From {
        match self.shape.from.get() {
            Some(FromShape::Client) | None => From::Client,
            Some(FromShape::Server) => From::Server,
            Some(FromShape::Both) => From::Both,
        }
    }

    /// What the message and its payload's schema say of it.
    pub(crate) fn docs(&self) -> Docs {
        let payload = &self.payload.docs;
        let examples = self.samples.iter().map(|sample| sample.node.to_json());
        Docs {
            description: self
                .shape
                .description
                .get()
                .cloned()
                .or_else(|| payload.description.clone()),
            deprecated: self.shape.deprecated.get().copied().unwrap_or(payload.deprecated),
            examples: examples.chain(payload.examples.iter().cloned()).collect(),
            default: payload.default.clone(),
        }
    }
}

/// What messages are checked against.
pub(crate) struct Context<'a> {
    /// Whether these are the engine's own.
    pub(crate) engine: bool,
    pub(crate) errors: &'a HashSet<&'a str>,
    pub(crate) version: Option<&'a semver::Version>,
    /// Largest inbound message of a connection.
    pub(crate) message_bytes: u64,
}

/// The messages of a file; `payloads` are their types, in the same order.
pub(crate) fn messages(
    sources: &[MessageSource<'_>],
    payloads: &[DefId],
    context: &Context<'_>,
    sink: &mut Sink,
) -> Vec<Message> {
    let known: HashMap<&str, From> = sources
        .iter()
        .map(|source| (source.name, source.from()))
        .collect();
    let names: Vec<&str> = sources.iter().map(|source| source.name).collect();
    let mut lowering = Lowering {
        known,
        names,
        context,
        sink,
    };
    sources
        .iter()
        .zip(payloads)
        .map(|(source, payload)| lowering.message(source, *payload))
        .collect()
}

struct Lowering<'a> {
    known: HashMap<&'a str, From>,
    names: Vec<&'a str>,
    context: &'a Context<'a>,
    sink: &'a mut Sink,
}

impl Lowering<'_> {
    fn message(&mut self, source: &MessageSource<'_>, payload: DefId) -> Message {
        let (shape, from) = (source.shape, source.from());
        self.directions(shape, from);
        if let (Some(since), Some(version)) = (shape.since.at(), self.context.version)
            && since.value.0 > *version
        {
            let message = format!(
                "version {} has not come yet: the protocol is at {version}",
                since.value.0
            );
            self.sink.push(Report::new(&codes::SINCE, since.span, message));
        }
        Message {
            name: source.name.to_owned(),
            rust_field: names::escape(names::field_name(source.name)),
            from,
            engine: self.context.engine,
            payload,
            payload_optional: shape.payload.at().is_none(),
            answer: self.answer(shape),
            errors: self.errors(shape),
            delivery: self.delivery(shape.delivery.get(), from),
            auth: self.auth(shape),
            limits: self.limits(shape.limits.get()),
            docs: source.docs(),
            since: shape.since.get().map(|since| since.0.to_string()),
            span: (!self.context.engine).then_some(source.name_span),
        }
    }

    /// Keys that belong to the other direction.
    fn directions(&mut self, shape: &MessageShape, from: From) {
        if shape.from.at().is_none() {
            return;
        }
        let asking = [
            ("reply", shape.reply.key()),
            ("stream", shape.stream.key()),
            ("errors", shape.errors.key()),
            ("auth", shape.auth.key()),
            ("limits", shape.limits.key()),
        ];
        for (name, key) in asking.into_iter().filter(|_| !from.client()) {
            if let Some(key) = key {
                let message = format!("`{name}` on a message that only the server sends");
                let help = "it belongs to messages with `from: client` or `from: both`";
                self.sink
                    .push(Report::new(&codes::DIRECTION, key, message).help(help));
            }
        }
        if let Some(key) = shape.delivery.key().filter(|_| !from.server()) {
            let report = Report::new(
                &codes::DIRECTION,
                key,
                "`delivery` on a message that only clients send",
            )
            .help("it belongs to messages with `from: server` or `from: both`");
            self.sink.push(report);
        }
    }

    fn answer(&mut self, shape: &MessageShape) -> Answer {
        if let (Some(reply), Some(stream)) = (shape.reply.at(), shape.stream.at()) {
            let report = Report::new(&codes::TWO_ANSWERS, stream.key, "`stream` beside `reply`")
                .related(reply.key, "`reply` is here")
                .help("a request is answered by one message, or by a stream");
            self.sink.push(report);
        }
        if let Some(stream) = shape.stream.get() {
            let answer = self.stream(stream);
            if shape.reply.at().is_none() {
                return answer;
            }
        }
        match shape.reply.at() {
            Some(reply) => {
                self.answers("reply", reply);
                Answer::Reply(reply.value.clone())
            }
            None => Answer::None,
        }
    }

    fn stream(&mut self, shape: &StreamShape) -> Answer {
        let parts = [
            ("item", &shape.item),
            ("end", &shape.end),
            ("error", &shape.error),
        ];
        let mut seen: Vec<(&str, &At<String>)> = Vec::new();
        for (part, slot) in parts {
            let Some(at) = slot.at() else { continue };
            self.answers(part, at);
            if let Some((first, _)) = seen.iter().find(|(_, other)| other.value == at.value) {
                let message = format!("`{part}` and `{first}` of the stream are the same message");
                let report = Report::new(&codes::TWO_ANSWERS, at.span, message)
                    .help("a reader tells the parts of a stream apart by their messages");
                self.sink.push(report);
            }
            seen.push((part, at));
        }
        Answer::Stream {
            item: shape.item.get().cloned().unwrap_or_default(),
            end: shape.end.get().cloned().unwrap_or_default(),
            error: shape.error.get().cloned(),
            on_disconnect: match shape.on_disconnect.get() {
                Some(OnDisconnectShape::Cancel) => OnDisconnect::Cancel,
                Some(OnDisconnectShape::Detach) | None => OnDisconnect::Detach,
            },
        }
    }

    /// Whether a message exists and the server may send it.
    fn answers(&mut self, what: &str, name: &At<String>) {
        match self.known.get(name.value.as_str()) {
            Some(from) if from.server() => {}
            Some(_) => {
                let message = format!("{what} \"{}\" is sent by clients only", name.value);
                let report = Report::new(&codes::ANSWER_DIRECTION, name.span, message)
                    .help("an answer comes from the server: `from: server`");
                self.sink.push(report);
            }
            None => {
                let report = Report::new(
                    &codes::UNKNOWN_MESSAGE,
                    name.span,
                    format!("{what} \"{}\" is not a message", name.value),
                );
                let report = if engine::is_reserved(&name.value) {
                    report.help("the engine sends its own messages; name one of this file")
                } else {
                    let answers = |name: &&str| self.known.get(*name).is_some_and(|from| from.server());
                    let near = suggest::nearest(&name.value, self.names.iter().copied().filter(answers));
                    report.maybe_help(near.map(|near| format!("did you mean \"{near}\"?")))
                };
                self.sink.push(report);
            }
        }
    }

    fn errors(&mut self, shape: &MessageShape) -> Vec<String> {
        let mut errors: Vec<String> = Vec::new();
        for code in shape.errors.get().into_iter().flat_map(|list| &list.0) {
            if errors.contains(&code.value) {
                self.twice(code);
            } else if self.context.errors.contains(code.value.as_str()) {
                errors.push(code.value.clone());
            } else {
                let message = format!("there is no error `{}`", code.value);
                let report = Report::new(&codes::UNKNOWN_ERROR, code.span, message);
                let report = if engine::is_error(&code.value) {
                    report.help("remove it: the engine's codes may answer every request")
                } else {
                    let near = suggest::did_you_mean(&code.value, self.context.errors.iter().copied());
                    report.help(near.unwrap_or_else(|| "define it under `errors`".to_owned()))
                };
                self.sink.push(report);
            }
        }
        errors
    }

    fn auth(&mut self, shape: &MessageShape) -> Vec<String> {
        let mut scopes: Vec<String> = Vec::new();
        for scope in shape.auth.get().into_iter().flat_map(|list| &list.0) {
            // The characters of a scope in RFC 6749, 3.3.
            let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            if scope.value.is_empty() || !scope.value.bytes().all(allowed) {
                let message = format!("{:?} is no scope", scope.value);
                let report = Report::new(&codes::VALUE, scope.span, message)
                    .help("a scope is printable ASCII without blanks, quotes and backslashes");
                self.sink.push(report);
            } else if scopes.contains(&scope.value) {
                self.twice(scope);
            } else {
                scopes.push(scope.value.clone());
            }
        }
        if let Some(at) = shape.auth.at().filter(|at| at.value.0.is_empty()) {
            self.sink
                .push(Report::new(&codes::VALUE, at.span, "a list of no scopes").help("remove `auth`"));
        }
        scopes
    }

    fn twice(&mut self, entry: &At<String>) {
        self.sink.push(Report::new(
            &codes::DUPLICATE_ENTRY,
            entry.span,
            format!("`{}` stands twice", entry.value),
        ));
    }

    fn delivery(&mut self, shape: Option<&DeliveryShape>, from: From) -> Delivery {
        let key = shape.and_then(|shape| shape.key.at());
        let overflow = match shape.and_then(|shape| shape.overflow.get()) {
            Some(OverflowShape::Drop) => Overflow::Drop,
            Some(OverflowShape::Coalesce) => Overflow::Coalesce(key.map(|key| key.value.clone())),
            Some(OverflowShape::Disconnect) | None => Overflow::Disconnect,
        };
        if let Some(key) = key.filter(|_| !matches!(overflow, Overflow::Coalesce(_))) {
            let report = Report::new(&codes::DELIVERY, key.key, "`key` without `overflow: coalesce`");
            self.sink.push(report);
        }
        let resumable = shape.and_then(|shape| shape.resumable.get()).copied();
        Delivery {
            resumable: resumable.unwrap_or(!self.context.engine && from.server()),
            overflow,
        }
    }

    fn limits(&mut self, shape: Option<&MessageLimitsShape>) -> MessageLimits {
        let Some(shape) = shape else {
            return MessageLimits::default();
        };
        if let Some(at) = shape
            .message_bytes
            .at()
            .filter(|at| at.value.0 > self.context.message_bytes)
        {
            let message = format!(
                "{} bytes are more than any message of the connection may have ({})",
                at.value.0, self.context.message_bytes
            );
            let report = Report::new(&codes::VALUE, at.span, message)
                .help("raise `connection.limits.messageBytes`, or lower this");
            self.sink.push(report);
        }
        if let Some(at) = shape.rate.at().filter(|at| at.value.0.is_none()) {
            let report = Report::new(&codes::VALUE, at.span, "`none` says nothing for one message")
                .help("leave `rate` out: the connection's rate holds for all messages together");
            self.sink.push(report);
        }
        MessageLimits {
            rate: shape.rate.get().and_then(|rate| rate.0),
            burst: shape.burst.get().and_then(|burst| u32::try_from(burst.0).ok()),
            message_bytes: shape.message_bytes.get().map(|size| size.0),
            timeout_ms: shape.timeout.get().map(|timeout| timeout.0),
        }
    }
}
