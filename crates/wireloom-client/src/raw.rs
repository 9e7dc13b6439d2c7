//! The layer by name: for programs that know the protocol only at run time. The typed layer stands on it.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use wireloom::Protocol;

use crate::core::{CallId, Last, NewCall, Started};
use crate::error::{RawError, SendError};
use crate::events::Messages;
use crate::frame::RawMessage;
use crate::settings::Settings;
use crate::shared::{Handle, Shared};

/// Which messages answer a request, and which of them is the last. An `error` always is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// One message of this type.
    Reply(Cow<'static, str>),
    /// Items of any type, then one of these.
    Stream {
        /// Type of the message that ends it well.
        end: Cow<'static, str>,
        /// Type of the message that ends it badly, if there is one.
        error: Option<Cow<'static, str>>,
    },
    /// Whatever comes first.
    First,
    /// Nothing: it is over when the server has taken it, which a ping behind it shows. The last message is the `pong`.
    Nothing,
}

impl Answer {
    /// What a protocol says of a client's message. `None` if it has no such message.
    ///
    /// ```
    /// # mod protocol { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated/protocol.rs")); }
    /// use wireloom_client::Answer;
    ///
    /// let protocol = wireloom::Protocol::from_json(protocol::PROTOCOL).unwrap();
    /// assert_eq!(Answer::of(&protocol, "say"), Some(Answer::Reply("said".into())));
    /// assert_eq!(Answer::of(&protocol, "note"), Some(Answer::Nothing));
    /// assert_eq!(Answer::of(&protocol, "said"), None);
    /// ```
    #[must_use]
    pub fn of(protocol: &Protocol, kind: &str) -> Option<Self> {
        let description = protocol.messages.get(kind).filter(|known| known.from.client())?;
        Some(match (&description.reply, &description.stream) {
            (Some(reply), _) => Self::Reply(reply.clone().into()),
            (None, Some(stream)) => Self::Stream {
                end: stream.end.clone().into(),
                error: stream.error.clone().map(Into::into),
            },
            (None, None) => Self::Nothing,
        })
    }

    /// Whether a message of this type is the last.
    pub(crate) fn ends_with(&self, kind: &str) -> bool {
        match self {
            Self::Reply(reply) => reply == kind,
            Self::Stream { end, error } => end == kind || error.as_deref() == Some(kind),
            Self::First => true,
            Self::Nothing => false,
        }
    }
}

/// The client by name over JSON text; see [`Client::raw`](crate::Client::raw).
///
/// ```no_run
/// use futures_util::StreamExt;
/// use wireloom_client::{Answer, Client};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder("ws://localhost:3001/ws").connect().await?;
/// let mut call = client.raw().request("say", r#"{"text":"hi"}"#, Answer::Reply("said".into()));
/// while let Some(message) = call.next().await {
///     println!("{}", message?.payload());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Raw {
    pub(crate) handle: Arc<Handle>,
    pub(crate) settings: Arc<Settings>,
}

impl Raw {
    /// Makes a request. The payload is JSON text, and travels as it is.
    pub fn request(
        &self,
        kind: impl Into<Cow<'static, str>>,
        payload: impl Into<String>,
        answer: Answer,
    ) -> RawCall {
        let is_stream = matches!(answer, Answer::Stream { .. });
        let timeout = if is_stream {
            self.settings.stream_timeout
        } else {
            self.settings.request_timeout
        };
        RawCall {
            handle: Arc::clone(&self.handle),
            stage: Stage::New(NewCall {
                kind: kind.into(),
                payload: payload.into(),
                answer,
                items: true,
                timeout,
                restart: is_stream,
                idempotent: false,
            }),
        }
    }

    /// Queues a message that nothing answers.
    ///
    /// # Errors
    ///
    /// If it cannot wait to be sent; see [`SendError`].
    pub fn send(&self, kind: &str, payload: impl Into<String>) -> Result<(), SendError> {
        self.handle.shared.ask(|core, _| core.send(kind, payload.into()))
    }

    /// Queues a text frame as it stands, whether it is a message or not.
    ///
    /// # Errors
    ///
    /// If it cannot wait to be sent; see [`SendError`].
    pub fn send_text(&self, text: impl Into<String>) -> Result<(), SendError> {
        self.handle.shared.ask(|core, _| core.send_text(text.into()))
    }

    /// Every message that the server sends from now on, once and in order: answers, events, and the engine's own.
    pub fn messages(&self) -> Messages {
        Messages::new(self.handle.shared.core().messages())
    }
}

/// A request by name; made by [`Raw::request`]. Yields every message that answers it, the last one included.
///
/// It is sent when it is first polled, or by [`RawCall::start`]. Dropping it cancels the request.
#[derive(Debug)]
#[must_use = "a request is not sent until it is polled or started"]
pub struct RawCall {
    handle: Arc<Handle>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    New(NewCall),
    Under(Started),
    Failed(RawError),
    Over,
}

/// A part of an answer.
pub(crate) enum Part {
    Item(RawMessage),
    Last(Last),
}

impl RawCall {
    /// Longest time until it is answered; of a stream, the longest silence. Without effect once it was started.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        if let Stage::New(call) = &mut self.stage {
            call.timeout = timeout.into();
        }
        self
    }

    /// Says that it may run twice: it is sent again when the session was lost in between, unless a part of its answer has
    /// come. Without effect once it was started.
    pub fn idempotent(mut self) -> Self {
        if let Stage::New(call) = &mut self.stage {
            call.idempotent = true;
        }
        self
    }

    /// Only the last message is wanted.
    pub(crate) fn without_items(mut self) -> Self {
        if let Stage::New(call) = &mut self.stage {
            call.items = false;
        }
        self
    }

    /// Queues it now, rather than when it is first polled.
    pub fn start(&mut self) {
        if let Stage::New(_) = self.stage
            && let Stage::New(call) = std::mem::replace(&mut self.stage, Stage::Over)
        {
            let begun = self.handle.shared.ask(|core, now| core.begin(call, now));
            self.stage = match begun {
                Ok(started) => Stage::Under(started),
                Err(error) => Stage::Failed(error),
            };
        }
    }

    /// Starts it, and gives what cancels it from elsewhere.
    pub fn canceller(&mut self) -> Canceller {
        self.start();
        let id = match &self.stage {
            Stage::Under(started) => Some(started.id),
            _ => None,
        };
        Canceller {
            shared: Arc::clone(&self.handle.shared),
            id,
        }
    }

    /// The next part; none behind the last.
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Part>> {
        self.start();
        let started = match &mut self.stage {
            Stage::Under(started) => started,
            Stage::Over | Stage::New(_) => return Poll::Ready(None),
            Stage::Failed(_) => {
                if let Stage::Failed(error) = std::mem::replace(&mut self.stage, Stage::Over) {
                    return Poll::Ready(Some(Part::Last(Err(error))));
                }
                return Poll::Ready(None);
            }
        };
        if let Some(items) = &mut started.items
            && let Some(item) = ready!(items.poll_value(cx))
        {
            return Poll::Ready(Some(Part::Item(item)));
        }
        let last = ready!(Pin::new(&mut started.last).poll(cx));
        self.stage = Stage::Over;
        // The session always says how a call ends.
        let last = last.unwrap_or(Err(RawError::Cancelled));
        Poll::Ready(Some(Part::Last(last)))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.handle.shared
    }
}

impl Stream for RawCall {
    type Item = Result<RawMessage, RawError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let part = ready!(self.poll_part(cx));
        Poll::Ready(part.map(|part| match part {
            Part::Item(message) => Ok(message),
            Part::Last(last) => last,
        }))
    }
}

impl Drop for RawCall {
    fn drop(&mut self) {
        if let Stage::Under(started) = &self.stage {
            let id = started.id;
            self.handle.shared.ask(|core, _| core.cancel(id));
        }
    }
}

/// Cancels a request from elsewhere; see [`Call::canceller`](crate::Call::canceller).
#[derive(Debug, Clone)]
pub struct Canceller {
    shared: Arc<Shared>,
    id: Option<CallId>,
}

impl Canceller {
    /// Cancels the request: it ends with [`CallError::Cancelled`](crate::CallError::Cancelled), and the server is told. One
    /// that has ended stays as it is.
    pub fn cancel(&self) {
        if let Some(id) = self.id {
            self.shared.ask(|core, _| core.cancel(id));
        }
    }
}
