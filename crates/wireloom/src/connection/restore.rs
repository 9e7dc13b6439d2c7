//! Conversations that an earlier process of the server began.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Connection;
use super::requests::Request;
use crate::auth::Peer;
use crate::auth::badge::{self, Badge};
use crate::clients::{Client, Link};
use crate::engine::{Core, Shared};
use crate::handler::Finished;
use crate::reject::{Internal, Reject};
use crate::replay::{Bounds, Replay};
use crate::session::Session;
use crate::store::records::Saved;

impl<S: Send + Sync + 'static> Connection<S> {
    /// Takes up a session whose client is not there, and says for how long it still waits. `None` if that is over, and
    /// the session with it.
    pub(crate) fn restore(shared: Arc<Shared<S>>, mut saved: Saved) -> Option<(Self, Duration)> {
        let core = &shared.core;
        let settings = &core.settings;
        let left = settings.resume_window.checked_sub(saved.waited);
        let left = left.filter(|left| !left.is_zero());
        let Some(left) = left else {
            core.sessions.expired(saved.key);
            return None;
        };
        let messages = std::mem::take(&mut saved.messages);
        let replay = Replay::restored(Bounds::of(settings), saved.first, messages);
        let link = Arc::new(Link::restored(Arc::clone(core), &saved));
        badge::watch_expiry(&link);
        core.clients.add(&link);
        core.sessions.restore(&link, replay);
        tracing::debug!(client_id = %link.id, "a session of an earlier process waits for its client");
        for room in &saved.profile.rooms {
            let link = Arc::clone(&link);
            Client { link }.join(room);
        }
        let mut connection = Self::on(shared, link);
        let now = connection.now;
        connection.fresh = false;
        connection.silent = saved.silent.drain(..).map(|asked| (asked, now)).collect();
        connection.park();
        for asked in saved.began {
            // Whether it did what it was asked for cannot be known: to run it again could do it twice.
            let cause = Internal::new("the server ended while the request was at work");
            let finished = Finished::rejected(Reject::internal(cause), Some(&asked.correlation_id));
            let request = Request {
                hash: asked.hash,
                ..connection.request(usize::MAX, Some(&asked.correlation_id))
            };
            connection.finish(finished, request);
        }
        Some((connection, left))
    }
}

impl Link {
    /// The link of a session of an earlier process.
    fn restored(core: Arc<Core>, saved: &Saved) -> Self {
        let profile = &saved.profile;
        let states = core.protocol.states.as_ref();
        let state = states.and_then(|machine| machine.states.get_index_of(&profile.state));
        let identity = profile.holder.as_ref().map(|holder| Arc::new(holder.identity()));
        let mut link = Self::new(core, Badge::new(Peer::default(), identity), false);
        link.session = Some(Session::restored(saved));
        link.id = profile.client_id.as_str().into();
        if let Some(state) = state {
            link.state.store(state, Ordering::Relaxed);
        }
        link
    }
}
