//! What the engine counts, and what it does not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::json;
use wireloom::ServeOptions;

use crate::resume::{Session, wait};
use crate::support::{Server, Shared, error, protocol, registry, registry_of, until};

const MESSAGES: &str = "wireloom_messages_total";

/// Keeps the counters of one name, by the values of their labels.
pub(crate) struct Counters {
    name: &'static str,
    counters: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
}

impl Counters {
    pub(crate) fn of(name: &'static str) -> Self {
        Self {
            name,
            counters: Mutex::default(),
        }
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        let counters = self.counters.lock().unwrap();
        let count = |(name, count): (&String, &Arc<AtomicU64>)| (name.clone(), count.load(Ordering::SeqCst));
        counters.iter().map(count).collect()
    }

    /// Those that have counted anything.
    fn counted(&self) -> BTreeMap<String, u64> {
        let mut counts = self.counts();
        counts.retain(|_, count| *count > 0);
        counts
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        if key.name() != self.name {
            return Counter::noop();
        }
        let labels: Vec<_> = key.labels().map(metrics::Label::value).collect();
        let mut counters = self.counters.lock().unwrap();
        let count = counters.entry(labels.join(" ")).or_default();
        Counter::from_arc(Arc::clone(count))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn a_stream_that_its_connection_has_cancelled_did_not_succeed() {
    let mut protocol = protocol();
    let machine = protocol.states.as_mut().unwrap();
    let lobby = machine.states.get_mut("lobby").unwrap();
    lobby.insert("count".to_owned(), "playing".to_owned());
    let counters = Counters::of(MESSAGES);
    let state = Shared::default();
    let engine = metrics::with_local_recorder(&counters, || {
        registry_of(protocol, &state).settings(wait).build().unwrap()
    });
    let server = Server::of(engine, state, ServeOptions::default()).await;
    let mut session = server.session().await;
    let endless = json!({"to": 1_000_000, "pauseMs": 5});
    assert_eq!(session.ask("count", endless, "c").await["type"], "number");
    let lost = session.lose();
    until("it is dropped", || {
        server.state.dropped.load(Ordering::SeqCst) == 1
    })
    .await;
    assert_eq!(
        counters.counted(),
        BTreeMap::from([("count cancelled".to_owned(), 1)])
    );
    let (mut session, _) = Session::back(&server, lost).await;
    let cancelled = loop {
        let message = session.next().await;
        if message["type"] != "number" {
            break message;
        }
    };
    error(&cancelled, "cancelled", Some("c"));
    let refused = session.ask("game:move", json!({}), "m").await;
    error(&refused, "invalid_state", Some("m"));
}

#[tokio::test]
async fn the_connect_hook_is_no_message() {
    let counters = Counters::of(MESSAGES);
    let state = Shared::default();
    let engine = metrics::with_local_recorder(&counters, || {
        registry(&state)
            .on_connect(|cx| async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                cx.state().connected.fetch_add(1, Ordering::SeqCst);
            })
            .build()
            .unwrap()
    });
    let server = Server::of(engine, state, ServeOptions::default()).await;
    let mut client = server.client().await;
    client.goes_on().await;
    assert_eq!(server.state.connected.load(Ordering::SeqCst), 1);
    drop(client);
    until("it is forgotten", || server.engine.connections() == 0).await;
    assert_eq!(counters.counted(), BTreeMap::from([("echo ok".to_owned(), 1)]));
}
