//! An engine that answers as a protocol says, and knows nothing more: examples where the protocol has some, else values
//! that fit the schema.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use wireloom::{
    Authenticator, CloseCode, Ctx, Engine, Identity, Internal, Peer, Protocol, Registry, Reject, Secret,
    Settings, ValueItems, Verdict,
};
use wireloom_fuzz::Fuzzer;
use wireloom_spec::Model;
use wireloom_spec::model::{Answer, Message};

use super::knobs::{Dice, Fate, Knobs};

/// What the connection is closed with when it is to be lost: clients connect again at once, and resume.
const LOST: CloseCode = CloseCode::Timeout;

/// What every handler reaches.
#[derive(Debug)]
pub(super) struct Mock {
    model: Arc<Model>,
    fuzzer: Fuzzer,
    knobs: Knobs,
    seed: u64,
    dice: Dice,
}

/// Makes the engine. `description` is the model's, as JSON.
pub(super) fn engine(
    model: &Arc<Model>,
    description: &str,
    knobs: Knobs,
    seed: u64,
    adjust: impl FnOnce(&mut Settings),
) -> Result<Engine<Mock>, String> {
    let protocol = Protocol::from_json(description).map_err(|cause| cause.to_string())?;
    let mock = Mock {
        fuzzer: Fuzzer::from_model(model),
        model: Arc::clone(model),
        dice: Dice::new(seed),
        knobs,
        seed,
    };
    let scopes = model.messages.iter().flat_map(|message| message.auth.clone());
    let identity = Identity::new("mock").with_scopes(scopes);
    let mut registry = Registry::new(protocol, mock)
        .authenticator(AnyToken(identity))
        .settings(|settings| {
            settings.admission.anonymous = true;
            // All tokens are one identity here, and that is no reason to slow anybody down.
            settings.admission.messages_per_identity = None;
            adjust(settings);
        });
    for message in &model.messages {
        if message.engine || !message.from.client() {
            continue;
        }
        let name: Arc<str> = message.name.as_str().into();
        registry = match &message.answer {
            Answer::Stream { .. } => registry.on_stream(&message.name, move |cx, payload, items| {
                stream(cx, Arc::clone(&name), payload, items)
            }),
            Answer::Reply(_) | Answer::None => registry.on(&message.name, move |cx, payload| {
                answer(cx, Arc::clone(&name), payload)
            }),
        };
    }
    registry.build().map_err(|cause| cause.to_string())
}

/// Whoever shows a token is let in and may do everything.
struct AnyToken(Identity);

impl Authenticator for AnyToken {
    fn authenticate<'a>(&'a self, _token: &'a Secret, _peer: &'a Peer) -> Verdict<'a> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

/// Handles a message that is answered by a reply, or by nothing.
async fn answer(cx: Ctx<Mock>, name: Arc<str>, payload: Value) -> Result<Value, Reject> {
    let mock = cx.state();
    let message = mock.message(&name)?;
    let fate = mock.dice.fate(&mock.knobs);
    if fate.loses.is_some() {
        cx.sender().close(LOST);
    }
    wait(fate.latency).await;
    if fate.fails.is_some()
        && let Some(reject) = mock.declared(message, &fate)
    {
        return Err(reject);
    }
    match &message.answer {
        Answer::Reply(reply) => mock.value(reply, &payload, None),
        _ => Ok(Value::Null),
    }
}

/// Handles a message that is answered by a stream.
async fn stream(
    cx: Ctx<Mock>,
    name: Arc<str>,
    payload: Value,
    mut items: ValueItems,
) -> Result<Value, Reject> {
    let mock = cx.state();
    let message = mock.message(&name)?;
    let fate = mock.dice.fate(&mock.knobs);
    wait(fate.latency).await;
    let Answer::Stream { item, end, error, .. } = &message.answer else {
        return Err(Reject::internal(Internal::new("it is answered by no stream")));
    };
    for at in 0..=fate.items {
        if fate.loses == Some(at) {
            cx.sender().close(LOST);
        }
        if fate.fails == Some(at) {
            // Half of the failures are those of the stream, where the protocol has one.
            if let Some(error) = error
                .as_ref()
                .filter(|_| message.errors.is_empty() || fate.choice.is_multiple_of(2))
            {
                return Err(items.failed(&mock.value(error, &payload, None)?));
            }
            if let Some(reject) = mock.declared(message, &fate) {
                return Err(reject);
            }
        }
        if at == fate.items {
            break;
        }
        if at > 0 {
            wait(mock.knobs.pace).await;
        }
        items.send(mock.value(item, &payload, Some(at))?).await?;
    }
    mock.value(end, &payload, None)
}

/// Waits; not at all for no time, for which a timer would take a millisecond.
async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

impl Mock {
    fn message(&self, name: &str) -> Result<&Message, Reject> {
        let message = self.model.message(name);
        message.ok_or_else(|| Reject::internal(Internal::new(format!("no message {name}"))))
    }

    /// One of the errors that a message declares; `None` if it declares none.
    fn declared(&self, message: &Message, fate: &Fate) -> Option<Reject> {
        let code = message
            .errors
            .get(fate.choice / 2 % message.errors.len().max(1))?;
        let error = self.model.errors.iter().find(|error| error.code == *code)?;
        Some(Reject::declared(
            error.code.clone(),
            error.description.clone(),
            error.retryable,
        ))
    }

    /// A payload of a message that answers `request`: the same for the same request. `at` counts the items of a stream.
    fn value(&self, name: &str, request: &Value, at: Option<usize>) -> Result<Value, Reject> {
        let mut hasher = DefaultHasher::new();
        (self.seed, name, request.to_string(), at).hash(&mut hasher);
        let seed = hasher.finish();
        let value = match self.message(name)?.docs.examples.as_slice() {
            [] => self.generated(name, request, seed),
            // Items in the order of the file; a reply, whichever the request hits upon.
            examples => {
                let at = at.unwrap_or(usize::try_from(seed >> 32).unwrap_or_default());
                examples.get(at % examples.len()).cloned()
            }
        };
        value.ok_or_else(|| {
            let cause = format!("no value was found that fits the schema of {name}; give it an example");
            Reject::internal(Internal::new(cause))
        })
    }

    /// A value that fits, with what the request says of the fields that both have.
    fn generated(&self, name: &str, request: &Value, seed: u64) -> Option<Value> {
        let mut value = self.fuzzer.likely(name, seed)?;
        let Some(said) = request.as_object() else {
            return Some(value);
        };
        for (field, said) in said {
            let Some(entry) = value.get_mut(field) else {
                continue;
            };
            let before = std::mem::replace(entry, said.clone());
            if !self.fuzzer.accepts(name, &value)
                && let Some(entry) = value.get_mut(field)
            {
                *entry = before;
            }
        }
        Some(value)
    }

    /// The messages that the server sends on its own account: those that answer nothing.
    fn events(&self) -> Vec<&str> {
        let answers = |message: &Message| match message.answer.clone() {
            Answer::None => Vec::new(),
            Answer::Reply(reply) => vec![reply],
            Answer::Stream { item, end, error, .. } => {
                [Some(item), Some(end), error].into_iter().flatten().collect()
            }
        };
        let answers: Vec<String> = self.model.messages.iter().flat_map(answers).collect();
        let own =
            self.model.messages.iter().filter(|message| {
                message.from.server() && !message.engine && !answers.contains(&message.name)
            });
        own.map(|message| message.name.as_str()).collect()
    }
}

/// Whether the protocol has messages that the server sends on its own account.
pub(super) fn has_events(engine: &Engine<Mock>) -> bool {
    !engine.state().events().is_empty()
}

/// Sends everyone the `count`-th message that the server sends on its own account.
pub(super) fn send_event(engine: &Engine<Mock>, count: usize) {
    let mock = engine.state();
    let events = mock.events();
    if let Some(name) = events.get(count % events.len().max(1))
        && let Ok(value) = mock.value(name, &Value::Null, Some(count / events.len()))
    {
        // It fits: the generator has asked the validator.
        let _receivers = engine.broadcast_value(name, &value);
    }
}
