//! Typed requests and streams.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use wireloom::json::Writer;
use wireloom::{FromAnswer, Message, Request, StreamRequest};

use crate::error::{CallError, RawError};
use crate::frame::RawMessage;
use crate::raw::{Answer, Canceller, Part, Raw, RawCall};
use crate::tolerance::Tolerance;

/// The payload of a message, as JSON text.
pub(crate) fn payload(message: &impl Message) -> String {
    let mut out = Writer::with_capacity(256);
    message.encode(&mut out);
    out.into_string()
}

fn typed<E: FromAnswer>(error: RawError) -> CallError<E> {
    error.widen(E::from_code)
}

fn decode<M: Message, E>(raw: &RawCall, message: &RawMessage) -> Result<M, CallError<E>> {
    Tolerance::decode(raw.shared().tolerance.as_deref(), message).map_err(|why| CallError::Undecodable {
        kind: message.kind().to_owned(),
        why,
    })
}

/// A request on its way; made by [`Client::request`](crate::Client::request). A future of its reply.
///
/// It is sent when it is first polled, or by [`Call::start`]. Dropping it cancels the request.
///
/// ```no_run
/// # mod protocol { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated/protocol.rs")); }
/// # use protocol::Say;
/// # async fn example(client: wireloom_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// let call = client.request(Say { text: "hi".to_owned() });
/// let said = call.timeout(Duration::from_secs(5)).idempotent().await?;
/// println!("{}", said.text);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a request is not sent until it is awaited or started"]
pub struct Call<M> {
    raw: RawCall,
    message: PhantomData<fn() -> M>,
}

impl<M> Call<M>
where
    M: Request,
    M::Reply: Message,
{
    pub(crate) fn new(raw: &Raw, message: &M) -> Self {
        let answer = Answer::Reply(<M::Reply as Message>::TYPE.into());
        Self {
            raw: raw.request(M::TYPE, payload(message), answer).without_items(),
            message: PhantomData,
        }
    }
}

impl<M> Call<M> {
    /// Longest time until the reply, the time without a connection included; instead of
    /// [`Settings::request_timeout`](crate::Settings::request_timeout). `None` waits for ever.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.raw = self.raw.timeout(timeout);
        self
    }

    /// Says that the request may run twice: when the session is lost, it is sent again instead of ending with
    /// [`CallError::Interrupted`].
    pub fn idempotent(mut self) -> Self {
        self.raw = self.raw.idempotent();
        self
    }

    /// Queues it now, rather than when it is first polled.
    pub fn start(&mut self) {
        self.raw.start();
    }

    /// Starts it, and gives what cancels it from elsewhere.
    ///
    /// ```no_run
    /// # mod protocol { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated/protocol.rs")); }
    /// # use protocol::Say;
    /// # async fn example(client: wireloom_client::Client) {
    /// let mut call = client.request(Say { text: "hi".to_owned() });
    /// let canceller = call.canceller();
    /// // On another task, when the user presses a button:
    /// canceller.cancel();
    /// assert!(call.await.is_err());
    /// # }
    /// ```
    pub fn canceller(&mut self) -> Canceller {
        self.raw.canceller()
    }
}

impl<M> Future for Call<M>
where
    M: Request,
    M::Reply: Message,
    M::Error: FromAnswer,
{
    type Output = Result<M::Reply, CallError<M::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match ready!(self.raw.poll_part(cx)) {
                Some(Part::Item(_)) => {}
                Some(Part::Last(Ok(message))) => return Poll::Ready(decode(&self.raw, &message)),
                Some(Part::Last(Err(error))) => return Poll::Ready(Err(typed(error))),
                // Polled again after its end, which futures may answer as they like.
                None => return Poll::Pending,
            }
        }
    }
}

/// A stream on its way; made by [`Client::stream`](crate::Client::stream). Yields items, and at most one error, behind
/// which nothing follows. When it has ended well, [`StreamCall::end`] has the message that ended it.
///
/// It is sent when it is first polled, or by [`StreamCall::start`]. Dropping it before its end cancels it.
///
/// ```no_run
/// # mod protocol { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated/protocol.rs")); }
/// # use protocol::Count;
/// # async fn example(client: wireloom_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
///
/// let mut ticks = client.stream(Count { to: 3 });
/// while let Some(tick) = ticks.next().await {
///     println!("{}", tick?.at);
/// }
/// println!("{:?}", ticks.end());
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream is not asked for until it is polled or started"]
pub struct StreamCall<M: StreamRequest> {
    raw: RawCall,
    end: Option<M::End>,
}

impl<M: StreamRequest> std::fmt::Debug for StreamCall<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamCall")
            .field("raw", &self.raw)
            .field("has_ended", &self.end.is_some())
            .finish()
    }
}

impl<M> StreamCall<M>
where
    M: StreamRequest,
    M::Error: FromAnswer,
{
    pub(crate) fn new(raw: &Raw, message: &M) -> Self {
        let answer = Answer::Stream {
            end: M::End::TYPE.into(),
            error: M::Error::END.map(Into::into),
        };
        Self {
            raw: raw.request(M::TYPE, payload(message), answer),
            end: None,
        }
    }

    /// Longest silence; instead of [`Settings::stream_timeout`](crate::Settings::stream_timeout). `None` waits for ever.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.raw = self.raw.timeout(timeout);
        self
    }

    /// Says that the request may run twice: when the session is lost before the first item, it is sent again instead of
    /// ending with [`CallError::Interrupted`].
    pub fn idempotent(mut self) -> Self {
        self.raw = self.raw.idempotent();
        self
    }

    /// Queues it now, rather than when it is first polled.
    pub fn start(&mut self) {
        self.raw.start();
    }

    /// Starts it, and gives what cancels it from elsewhere.
    pub fn canceller(&mut self) -> Canceller {
        self.raw.canceller()
    }

    /// The message that ended it, once it has ended well.
    #[must_use]
    pub fn end(&self) -> Option<&M::End> {
        self.end.as_ref()
    }

    /// Takes what is left without looking at it, and gives the message that ends it.
    ///
    /// # Errors
    ///
    /// If it ends badly.
    pub async fn finish(mut self) -> Result<M::End, CallError<M::Error>> {
        while let Some(item) = self.next().await {
            item?;
        }
        // Only a program that has seen the error already comes here without an end.
        self.end.take().ok_or(CallError::Cancelled)
    }

    fn last(&mut self, last: Result<RawMessage, RawError>) -> Option<CallError<M::Error>> {
        let message = match last {
            Ok(message) => message,
            Err(error) => return Some(typed(error)),
        };
        if Some(message.kind()) == M::Error::END {
            let tolerance = self.raw.shared().tolerance.as_deref();
            let kind = message.kind();
            let read = Tolerance::decode_payload(tolerance, kind, message.payload(), M::Error::from_end);
            return Some(match read {
                Ok(error) => CallError::Declared {
                    error,
                    retryable: false,
                },
                Err(why) => CallError::Undecodable {
                    kind: kind.to_owned(),
                    why,
                },
            });
        }
        match decode(&self.raw, &message) {
            Ok(end) => {
                self.end = Some(end);
                None
            }
            Err(error) => Some(error),
        }
    }
}

impl<M: StreamRequest> Unpin for StreamCall<M> {}

impl<M> Stream for StreamCall<M>
where
    M: StreamRequest,
    M::Error: FromAnswer,
{
    type Item = Result<M::Item, CallError<M::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.raw.poll_part(cx)) {
                Some(Part::Item(message)) if message.kind() == M::Item::TYPE => {
                    return Poll::Ready(Some(decode(&self.raw, &message)));
                }
                // Of a newer server.
                Some(Part::Item(_)) => {}
                Some(Part::Last(last)) => return Poll::Ready(self.last(last).map(Err)),
                None => return Poll::Ready(None),
            }
        }
    }
}
