//! The task that owns the socket: does what the session says, and tells it what happens. Decides nothing.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use wireloom::CloseCode;

use crate::connect::{Socket, Target};
use crate::core::{Step, Transmit};
use crate::error::Lost;
use crate::shared::{EndWithTask, Shared};
use crate::token::TokenNeed;

/// Frames taken from the socket before other tasks get their turn.
const MAX_BATCH: usize = 64;

/// How long a goodbye may take when the connection is given up.
const GOODBYE: Duration = Duration::from_millis(250);

/// A close frame without a code.
const NO_STATUS: u16 = 1005;

/// Runs a client to its end.
pub(crate) async fn run(target: Target, shared: Arc<Shared>) {
    let _end = EndWithTask(Arc::clone(&shared));
    loop {
        let now = Instant::now();
        shared.core().tick(now);
        let step = shared.core().step(now);
        match step {
            Step::End => return,
            Step::Wait(until) => {
                tokio::select! {
                    () = sleep_until(until) => {}
                    () = woken(&shared) => {}
                }
            }
            Step::Open { renew } => {
                let lost = match open(&target, &shared, renew).await {
                    Ok(mut socket) => {
                        shared.core().opened(Instant::now());
                        let lost = drive(&mut socket, &shared).await;
                        goodbye(&mut socket, &lost).await;
                        lost
                    }
                    Err(lost) => lost,
                };
                shared.core().lost(lost, Instant::now());
            }
        }
    }
}

/// Ready at the second poll: whoever woke the task had a reason.
async fn woken(shared: &Shared) {
    let mut polled = false;
    poll_fn(|cx| {
        shared.register(cx);
        if std::mem::replace(&mut polled, true) || shared.core().is_closing() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Opens a connection, while calls may time out and the program may close.
async fn open(target: &Target, shared: &Shared, renew: bool) -> Result<Socket, Lost> {
    let need = if renew {
        TokenNeed::Refused
    } else {
        TokenNeed::Connect
    };
    let mut opening = pin!(target.open(need));
    loop {
        let now = Instant::now();
        let (lost, until) = {
            let mut core = shared.core();
            let lost = core.tick(now);
            (
                lost.or_else(|| core.is_closing().then_some(Lost::TimedOut)),
                core.deadline(),
            )
        };
        if let Some(lost) = lost {
            return Err(lost);
        }
        tokio::select! {
            opened = &mut opening => return opened,
            () = woken(shared) => {}
            // While a connection is being opened there always is a deadline.
            () = sleep_until(until.unwrap_or(now)) => {}
        }
    }
}

/// Runs one connection until it is lost.
async fn drive(socket: &mut Socket, shared: &Shared) -> Lost {
    let mut timer = pin!(sleep_until(Instant::now()));
    poll_fn(|cx| {
        shared.register(cx);
        if let Some(lost) = read(socket, shared, cx) {
            return Poll::Ready(lost);
        }
        if let Some(lost) = shared.core().tick(Instant::now()) {
            return Poll::Ready(lost);
        }
        if let Err(cause) = write(socket, shared, cx) {
            return Poll::Ready(broken(cause));
        }
        watch(timer.as_mut(), shared, cx);
        Poll::Pending
    })
    .await
}

/// Takes what has come. Why the connection is over, if it is.
fn read(socket: &mut Socket, shared: &Shared, cx: &mut Context<'_>) -> Option<Lost> {
    for _ in 0..MAX_BATCH {
        let message = match socket.poll_next_unpin(cx) {
            Poll::Pending => return None,
            Poll::Ready(None) => return Some(Lost::Broken("it ended without a goodbye".to_owned())),
            Poll::Ready(Some(Err(cause))) => return Some(broken(cause)),
            Poll::Ready(Some(Ok(message))) => message,
        };
        let now = Instant::now();
        let mut core = shared.core();
        core.heard(now);
        match message {
            Message::Text(text) => core.received(text, now),
            Message::Close(frame) => {
                return Some(match frame {
                    Some(frame) => Lost::Closed {
                        code: frame.code.into(),
                        reason: frame.reason.to_string(),
                    },
                    None => Lost::Closed {
                        code: NO_STATUS,
                        reason: String::new(),
                    },
                });
            }
            // Pings are answered by the socket; binary frames are no messages of any protocol here.
            _ => {}
        }
    }
    // Others get their turn; more is there already.
    cx.waker().wake_by_ref();
    None
}

/// Writes what is to be written, with one flush for all of it.
fn write(socket: &mut Socket, shared: &Shared, cx: &mut Context<'_>) -> Result<(), tungstenite::Error> {
    while let Poll::Ready(ready) = socket.poll_ready_unpin(cx) {
        ready?;
        let Some(transmit) = shared.core().transmit(Instant::now()) else {
            break;
        };
        socket.start_send_unpin(match transmit {
            Transmit::Text(text) => Message::text(text),
            Transmit::Close => close_frame(CloseCode::Normal),
        })?;
    }
    match socket.poll_flush_unpin(cx) {
        Poll::Ready(flushed) => flushed,
        Poll::Pending => Ok(()),
    }
}

/// Has the task woken when something is due.
fn watch(mut timer: Pin<&mut Sleep>, shared: &Shared, cx: &mut Context<'_>) {
    let Some(deadline) = shared.core().deadline() else {
        return;
    };
    timer.as_mut().reset(deadline);
    if timer.poll(cx).is_ready() {
        cx.waker().wake_by_ref();
    }
}

/// Answers the server's goodbye, or says why the connection is given up.
async fn goodbye(socket: &mut Socket, lost: &Lost) {
    let written = match lost {
        Lost::Closed { .. } => timeout(GOODBYE, socket.flush()).await,
        Lost::Gap { .. } => timeout(GOODBYE, socket.send(close_frame(CloseCode::ProtocolError))).await,
        Lost::TooLarge => timeout(GOODBYE, socket.send(close_frame(CloseCode::MessageTooBig))).await,
        _ => return,
    };
    // A courtesy: nothing depends on it.
    drop(written);
}

fn close_frame(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame {
        code: code.code().into(),
        reason: "".into(),
    }))
}

fn broken(cause: tungstenite::Error) -> Lost {
    match cause {
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => Lost::TooLarge,
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            Lost::Broken("it was closed".to_owned())
        }
        other => Lost::Broken(other.to_string()),
    }
}
