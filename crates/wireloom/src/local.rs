//! Talks to an engine without a socket: what tests do, and programs that embed a client.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use serde_json::Value;

use crate::auth::Identity;
use crate::auth::badge::Guest;
use crate::clients::ClientId;
use crate::close::CloseCode;
use crate::connection::Connection;
use crate::engine::Engine;
use crate::outbox::Taken;

/// A client in the same process. Same checks, same order, same bounds as over a socket.
///
/// Its requests make progress while one of its methods is awaited. Dropping it disconnects.
pub struct LocalClient<S: Send + Sync + 'static> {
    connection: Option<Connection<S>>,
}

impl<S: Send + Sync + 'static> std::fmt::Debug for LocalClient<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalClient").finish_non_exhaustive()
    }
}

impl<S: Send + Sync + 'static> Engine<S> {
    /// Connects a client in this process, which needs no credentials and has no scopes. Its first message is
    /// `connection:established`.
    pub async fn connect(&self) -> LocalClient<S> {
        self.connect_guest(Guest::default())
    }

    /// Connects a client in this process as somebody.
    pub async fn connect_as(&self, identity: Identity) -> LocalClient<S> {
        self.connect_guest(Guest {
            identity: Some(Arc::new(identity)),
            ..Guest::default()
        })
    }

    fn connect_guest(&self, guest: Guest) -> LocalClient<S> {
        LocalClient {
            connection: Some(Connection::open(Arc::clone(&self.shared), guest, false)),
        }
    }

    /// Sends one frame as a client of its own and returns everything that answers it, in order. Greeting excluded.
    ///
    /// A stream is read to its end. What handlers go on doing after the answer is cut off with the client.
    pub async fn call(&self, frame: &str) -> Vec<String> {
        let mut client = self.connect().await;
        let _greeting = client.next().await;
        client.send(frame).await;
        let frames = client.drain().await;
        client.disconnect().await;
        frames
    }
}

impl<S: Send + Sync + 'static> LocalClient<S> {
    /// Its identity; `None` once it is disconnected.
    #[must_use]
    pub fn id(&self) -> Option<&ClientId> {
        self.connection.as_ref().map(|connection| &connection.link().id)
    }

    /// Sends one text frame, once the application's connect hook has ended. Lost when the server has closed.
    pub async fn send(&mut self, frame: &str) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        poll_fn(|cx| {
            connection.link().outbox.register(cx.waker());
            connection.wake();
            while connection.connecting() && !connection.link().outbox.crowded() {
                if !connection.poll(cx) {
                    return Poll::Pending;
                }
            }
            if connection.link().outbox.closing().is_none()
                && let Some(answer) = connection.take(frame, cx)
            {
                connection.queue_here(answer.keep());
            }
            connection.count_answered();
            Poll::Ready(())
        })
        .await;
    }

    /// The next frame from the server; waits for it. `None` once the server has closed the connection.
    pub async fn next(&mut self) -> Option<String> {
        let connection = self.connection.as_mut()?;
        let frame = poll_fn(|cx| {
            connection.link().outbox.register(cx.waker());
            connection.wake();
            loop {
                let ended = connection.poll(cx);
                let mut taken = Taken::new();
                connection.link().outbox.take(1, &mut taken);
                if let Some(text) = taken.first() {
                    return Poll::Ready(Some(text.as_str().to_owned()));
                }
                if connection.link().outbox.closing().is_some() {
                    return Poll::Ready(None);
                }
                if !ended {
                    return Poll::Pending;
                }
            }
        })
        .await;
        if frame.is_none() {
            self.disconnect_in_place().await;
        }
        frame
    }

    /// The next frame from the server, parsed.
    ///
    /// # Errors
    ///
    /// If the server has closed the connection.
    pub async fn next_json(&mut self) -> Result<Value, CloseCode> {
        let closing = self
            .connection
            .as_ref()
            .map(|connection| Arc::clone(connection.link()));
        match self.next().await {
            Some(text) => Ok(serde_json::from_str(&text).unwrap_or_default()),
            None => Err(closing
                .and_then(|link| link.outbox.closing())
                .unwrap_or(CloseCode::Normal)),
        }
    }

    /// Everything from the server until nothing is in flight any more.
    pub async fn drain(&mut self) -> Vec<String> {
        let mut frames = Vec::new();
        let Some(connection) = &mut self.connection else {
            return Vec::new();
        };
        poll_fn(|cx| {
            connection.link().outbox.register(cx.waker());
            connection.wake();
            loop {
                let ended = connection.poll(cx);
                let mut taken = Taken::new();
                connection.link().outbox.take(usize::MAX, &mut taken);
                frames.extend(taken.iter().map(|text| text.as_str().to_owned()));
                if connection.idle() || connection.link().outbox.closing().is_some() {
                    return Poll::Ready(());
                }
                if !ended && taken.is_empty() {
                    return Poll::Pending;
                }
            }
        })
        .await;
        frames
    }

    /// Disconnects: requests in flight are dropped, and the application's hook runs.
    pub async fn disconnect(mut self) {
        self.disconnect_in_place().await;
    }

    async fn disconnect_in_place(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }
}
