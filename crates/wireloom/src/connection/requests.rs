//! Requests in flight: handlers at work, and what is known of them meanwhile.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use compact_str::CompactString;
use futures_util::future::{AbortHandle, Abortable};
use tokio::time::{Instant, Sleep};

use crate::clients::Link;
use crate::envelope::Draft;
use crate::handler::{Asker, Finished, Work};
use crate::outbox::Numbering;
use crate::reject::{Internal, Reject, code};

/// What must be known of a request in flight to end it from outside.
pub(super) struct InFlight {
    pub(super) request: Request,
    /// Tells it from all others of its connection.
    pub(super) number: u64,
    pub(super) handle: AbortHandle,
}

impl InFlight {
    /// Drops it; what answers it.
    pub(super) fn abort(&self) -> Finished {
        self.handle.abort();
        let cancelled = Reject::engine(code::CANCELLED, "the request was cancelled");
        Finished::rejected(cancelled, self.request.correlation_id.as_deref())
    }
}

/// The index of a type that the application's connect hook has: it is no message, and not counted as one.
pub(super) const HOOK: usize = usize::MAX - 1;

/// The hash of a message whose payload was not looked at: it stands for any.
pub(super) const ANY: u64 = 0;

/// A request that was admitted.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Index of its type; none of them for what is not a message.
    pub(super) entry: usize,
    pub(super) correlation_id: Option<CompactString>,
    /// Hash of its type and payload, where its session can be resumed.
    pub(super) hash: u64,
    pub(super) started: Instant,
}

/// What is written in answer to a message.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) text: Draft,
    pub(crate) numbering: Numbering,
}

/// A request that was not answered yet.
pub(super) struct Running {
    pub(super) work: Work,
    pub(super) link: Arc<Link>,
    pub(super) deadline: Option<Pin<Box<Sleep>>>,
    pub(super) request: Request,
    pub(super) number: u64,
}

/// A request that runs when it is written down that it does.
pub(super) struct Waiting {
    /// The journal's ticket for that.
    pub(super) ticket: u64,
    pub(super) running: Abortable<Running>,
    /// Whether it may lead to another state.
    pub(super) leads_on: bool,
}

/// A request that was answered.
pub(super) struct Done {
    pub(super) finished: Finished,
    pub(super) request: Request,
    pub(super) number: u64,
}

impl Future for Running {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        let running = &mut *self;
        let asker = Asker {
            link: &running.link,
            correlation_id: running.request.correlation_id.as_deref(),
        };
        let work = &mut running.work;
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx, asker)));
        let finished = match polled {
            Ok(Poll::Ready(finished)) => finished,
            Ok(Poll::Pending) => {
                let late = running
                    .deadline
                    .as_mut()
                    .is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready());
                if !late {
                    return Poll::Pending;
                }
                let reject = Reject::error(code::TIMEOUT, "the handler took too long", true, Vec::new());
                Finished::rejected(reject, asker.correlation_id)
            }
            Err(panic) => Finished::rejected(panicked(&*panic), asker.correlation_id),
        };
        let correlation_id = running.request.correlation_id.take();
        Poll::Ready(Done {
            finished,
            request: Request {
                correlation_id,
                ..running.request
            },
            number: running.number,
        })
    }
}

/// What becomes of a panic: the log reads its text.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Reject {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Reject::internal(Internal::new(format!("the handler panicked: {text}")))
}
