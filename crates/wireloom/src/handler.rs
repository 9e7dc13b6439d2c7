//! Handlers: what an application gives, and how the engine calls it without knowing its types.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use compact_str::CompactString;

use crate::auth::Identity;
use crate::clients::{Client, ClientId, Link, Outgoing, Room, SendError, outbound_failure, satisfies_schema};
use crate::engine::Shared;
use crate::envelope::{self, Draft, Frame};
use crate::json::{Fault, Writer};
use crate::message::{Message, Reply, Request, ServerMessage, StreamRequest};
use crate::outbox::{Class, Numbering};
use crate::reject::{IntoReject, Reject};

/// Everything that a handler may reach: the application's state, the client it answers, and everyone else.
#[derive(Debug)]
pub struct Ctx<S> {
    pub(crate) seat: Arc<Seat<S>>,
    pub(crate) correlation_id: Option<CompactString>,
}

/// What all handlers of a client share: one count of references, since each message takes part in it.
#[derive(Debug)]
pub(crate) struct Seat<S> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) link: Arc<Link>,
}

impl<S> Clone for Ctx<S> {
    fn clone(&self) -> Self {
        Self {
            seat: Arc::clone(&self.seat),
            correlation_id: self.correlation_id.clone(),
        }
    }
}

impl<S> Ctx<S> {
    /// The application's state.
    #[must_use]
    pub fn state(&self) -> &S {
        &self.seat.shared.state
    }

    /// Who sent the message.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.seat.link.id
    }

    /// Who sent the message, by the credentials that it showed last; `None` for a client that showed none.
    #[must_use]
    pub fn identity(&self) -> Option<Arc<Identity>> {
        self.seat.link.badge.identity()
    }

    /// The `correlationId` of the message, if it had one.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }

    /// The client that sent the message.
    #[must_use]
    pub fn sender(&self) -> Client {
        Client {
            link: Arc::clone(&self.seat.link),
        }
    }

    /// Another connected client; `None` if there is none of this identity.
    #[must_use]
    pub fn client(&self, id: impl AsRef<str>) -> Option<Client> {
        self.seat.link.core.clients.get(id.as_ref())
    }

    /// Queues a message for the client that sent the message.
    ///
    /// # Errors
    ///
    /// If the client is gone, or its outbox is full; see [`SendError`].
    pub fn send<M: ServerMessage>(&self, message: M) -> Result<(), SendError> {
        self.sender().send(message)
    }

    /// Queues a message for every connected client; encoded once. Returns for how many.
    ///
    /// # Errors
    ///
    /// If the message does not satisfy its own schema. Slow clients are treated as the message's `delivery` says.
    pub fn broadcast<M: ServerMessage>(&self, message: M) -> Result<usize, SendError> {
        let core = &self.seat.link.core;
        Ok(core.clients.broadcast(&Outgoing::encode(core, &message)?))
    }

    /// Everyone in a room.
    #[must_use]
    pub fn room(&self, name: &str) -> Room {
        Room {
            core: Arc::clone(&self.seat.link.core),
            name: name.into(),
        }
    }

    /// Puts the client that sent the message into a room.
    pub fn join(&self, room: &str) {
        self.sender().join(room);
    }

    /// Takes the client that sent the message out of a room.
    pub fn leave(&self, room: &str) {
        self.sender().leave(room);
    }
}

impl AsRef<str> for ClientId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Where a handler sends the items of a stream.
#[derive(Debug)]
pub struct Items<T> {
    sink: ItemSink,
    /// Set with the first item that breaks its schema; `None` where nobody looks.
    spoiled: Option<Arc<AtomicBool>>,
    item: PhantomData<fn(T)>,
}

impl<T: ServerMessage> Items<T> {
    /// Sends an item. Waits while the client reads slower than items come, which is what bounds the memory of a
    /// stream. When the client is gone, the handler is dropped here; so it is when the item breaks its schema, which ends
    /// the stream with `internal` where [`crate::Settings::check_outbound`] says so.
    pub async fn send(&mut self, item: T) {
        if let Some(spoiled) = &self.spoiled
            && (spoiled.load(Ordering::Relaxed) || !satisfies_schema(&item))
        {
            spoiled.store(true, Ordering::Relaxed);
            // Who polls the handler sees it now. In a task of its own, nothing more is sent.
            tokio::task::yield_now().await;
            return;
        }
        self.sink.send(T::TYPE, |out| item.encode(out)).await;
    }
}

/// Sends the items of a stream, whatever their type.
#[derive(Debug)]
pub(crate) struct ItemSink {
    link: Arc<Link>,
    correlation_id: Option<CompactString>,
}

impl ItemSink {
    pub(crate) fn new<S>(cx: &Ctx<S>) -> Self {
        Self {
            link: Arc::clone(&cx.seat.link),
            correlation_id: cx.correlation_id.clone(),
        }
    }

    pub(crate) async fn send(&self, name: &str, payload: impl FnOnce(&mut Writer)) {
        self.link.outbox.wait_for_room().await;
        let id = self.correlation_id.as_deref();
        let text = envelope::frame(name, payload, self.link.now_ms(), id);
        // When it is closed already, the connection's task is about to drop this handler.
        let _closed = self
            .link
            .outbox
            .put(text.keep(), Class::Disconnect, Numbering::Numbered);
        self.link.core.metrics.sent.increment(1);
    }
}

/// How a handler ended.
pub(crate) struct Finished {
    /// The frame that answers, if anything does.
    pub(crate) frame: Option<Draft>,
    /// What went wrong, if anything did.
    pub(crate) reject: Option<Reject>,
}

impl Finished {
    pub(crate) fn reply(asker: Asker<'_>, name: &str, payload: impl FnOnce(&mut Writer)) -> Self {
        let Asker { link, correlation_id } = asker;
        link.core.metrics.sent.increment(1);
        Self {
            frame: Some(envelope::frame(name, payload, link.now_ms(), correlation_id)),
            reject: None,
        }
    }

    pub(crate) fn nothing() -> Self {
        Self {
            frame: None,
            reject: None,
        }
    }

    pub(crate) fn rejected(reject: Reject, correlation_id: Option<&str>) -> Self {
        Self {
            frame: Some(envelope::reject_frame(
                &reject,
                envelope::now_ms(),
                correlation_id,
            )),
            reject: Some(reject),
        }
    }

    fn of<R: Reply, E: IntoReject>(result: Result<R, E>, asker: Asker<'_>) -> Self {
        let Asker { link, correlation_id } = asker;
        match result {
            Ok(reply) => match R::TYPE {
                Some(name) if link.core.settings.check_outbound && !reply.satisfies_schema() => {
                    Self::rejected(Reject::internal(outbound_failure(name)), correlation_id)
                }
                Some(name) => Self::reply(asker, name, |out| reply.encode_payload(out)),
                None => Self::nothing(),
            },
            Err(error) => Self::rejected(error.into_reject(), correlation_id),
        }
    }
}

/// A handler at work.
pub(crate) type Work = Pin<Box<dyn Answering + Send>>;

/// Whom a handler answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) link: &'a Link,
    pub(crate) correlation_id: Option<&'a str>,
}

/// A future whose answer is written when it is there. Who polls it says whom it answers, so it holds nothing for that.
pub(crate) trait Answering {
    /// As of a future.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, asker: Asker<'_>) -> Poll<Finished>;
}

pin_project_lite::pin_project! {
    /// A future, and what is made of its output.
    pub(crate) struct Answer<Fut, F> {
        #[pin]
        future: Fut,
        finish: F,
    }
}

impl<Fut: Future, F: Fn(Fut::Output, Asker<'_>) -> Finished> Answering for Answer<Fut, F> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, asker: Asker<'_>) -> Poll<Finished> {
        let this = self.project();
        this.future.poll(cx).map(|output| (this.finish)(output, asker))
    }
}

/// Has a future answer.
pub(crate) fn answering<Fut>(
    future: Fut,
    finish: impl Fn(Fut::Output, Asker<'_>) -> Finished + Send + 'static,
) -> Work
where
    Fut: Future + Send + 'static,
{
    Box::pin(Answer { future, finish })
}

/// A handler whose events belong to a span.
struct InSpan {
    work: Work,
    span: tracing::Span,
}

impl Answering for InSpan {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, asker: Asker<'_>) -> Poll<Finished> {
        let Self { work, span } = &mut *self;
        span.in_scope(|| work.as_mut().poll(cx, asker))
    }
}

/// Has the events of a handler belong to a span.
pub(crate) fn in_span(work: Work, span: tracing::Span) -> Work {
    Box::pin(InSpan { work, span })
}

/// A stream that ends with the first item that breaks its schema.
struct Unspoiled {
    work: Work,
    spoiled: Arc<AtomicBool>,
    item: &'static str,
}

impl Answering for Unspoiled {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, asker: Asker<'_>) -> Poll<Finished> {
        let polled = self.work.as_mut().poll(cx, asker);
        if self.spoiled.load(Ordering::Relaxed) {
            let reject = Reject::internal(outbound_failure(self.item));
            return Poll::Ready(Finished::rejected(reject, asker.correlation_id));
        }
        polled
    }
}

/// Why a handler was not called.
pub(crate) enum NotCalled {
    /// The payload cannot be decoded.
    Fault(Fault),
    /// The request is not admitted.
    Reject(Reject),
}

/// Decides whether a request may run, once the whole frame is read.
pub(crate) type Admit<'a, S> = &'a mut dyn FnMut(&Frame<'_>) -> Result<Ctx<S>, Reject>;

/// A message type's way to its handler.
pub(crate) trait Route<S>: Send + Sync {
    /// The type it handles.
    fn name(&self) -> &str;

    /// Decodes the payload, asks for admission and calls the handler.
    fn call(&self, frame: &mut Frame<'_>, optional: bool, admit: Admit<'_, S>) -> Result<Work, NotCalled>;
}

impl From<Fault> for NotCalled {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Reject> for NotCalled {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

/// The handler of a message that is answered at most once; made by [`on`].
pub struct On<S, M> {
    pub(crate) route: Box<dyn Route<S>>,
    message: PhantomData<fn(M)>,
}

/// The handler of a message that is answered by a stream; made by [`stream`].
pub struct OnStream<S, M> {
    pub(crate) route: Box<dyn Route<S>>,
    message: PhantomData<fn(M)>,
}

impl<S, M> std::fmt::Debug for On<S, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "On({})", self.route.name())
    }
}

impl<S, M> std::fmt::Debug for OnStream<S, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OnStream({})", self.route.name())
    }
}

/// Makes a handler of an async function: `async fn(Ctx<S>, M) -> Result<M::Reply, M::Error>`.
///
/// It runs in the connection's own task, in place up to its first suspension, then concurrently with others. It is
/// dropped when the client cancels the request or is gone.
pub fn on<S, M, F, Fut>(handler: F) -> On<S, M>
where
    S: Send + Sync + 'static,
    M: Request,
    F: Fn(Ctx<S>, M) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<M::Reply, M::Error>> + Send + 'static,
{
    On {
        route: Box::new(Once {
            handler,
            message: PhantomData::<fn(M)>,
        }),
        message: PhantomData,
    }
}

/// Makes a handler of an async function that streams:
/// `async fn(Ctx<S>, M, Items<M::Item>) -> Result<M::End, M::Error>`.
///
/// It runs like a handler of [`on`]; [`Items::send`] waits while the client reads slower than items come.
pub fn stream<S, M, F, Fut>(handler: F) -> OnStream<S, M>
where
    S: Send + Sync + 'static,
    M: StreamRequest,
    F: Fn(Ctx<S>, M, Items<M::Item>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<M::End, M::Error>> + Send + 'static,
{
    OnStream {
        route: Box::new(Many {
            handler,
            message: PhantomData::<fn(M)>,
        }),
        message: PhantomData,
    }
}

struct Once<F, M> {
    handler: F,
    message: PhantomData<fn(M)>,
}

impl<S, M, F, Fut> Route<S> for Once<F, M>
where
    S: Send + Sync + 'static,
    M: Request,
    F: Fn(Ctx<S>, M) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<M::Reply, M::Error>> + Send + 'static,
{
    fn name(&self) -> &str {
        M::TYPE
    }

    fn call(&self, frame: &mut Frame<'_>, optional: bool, admit: Admit<'_, S>) -> Result<Work, NotCalled> {
        let message: M = frame.payload(optional)?;
        let cx = admit(frame)?;
        Ok(answering((self.handler)(cx, message), Finished::of))
    }
}

struct Many<F, M> {
    handler: F,
    message: PhantomData<fn(M)>,
}

impl<S, M, F, Fut> Route<S> for Many<F, M>
where
    S: Send + Sync + 'static,
    M: StreamRequest,
    F: Fn(Ctx<S>, M, Items<M::Item>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<M::End, M::Error>> + Send + 'static,
{
    fn name(&self) -> &str {
        M::TYPE
    }

    fn call(&self, frame: &mut Frame<'_>, optional: bool, admit: Admit<'_, S>) -> Result<Work, NotCalled> {
        let message: M = frame.payload(optional)?;
        let cx = admit(frame)?;
        let check = cx.seat.shared.core.settings.check_outbound;
        let spoiled = check.then(Arc::<AtomicBool>::default);
        let items = Items {
            sink: ItemSink::new(&cx),
            spoiled: spoiled.clone(),
            item: PhantomData,
        };
        let work = answering((self.handler)(cx, message, items), Finished::of);
        Ok(match spoiled {
            Some(spoiled) => Box::pin(Unspoiled {
                work,
                spoiled,
                item: <M::Item as Message>::TYPE,
            }),
            None => work,
        })
    }
}
