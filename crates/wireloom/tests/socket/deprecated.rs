//! Messages that are on their way out are counted by type, and no others are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::json;

use crate::support::{Shared, message, protocol, registry_of};

const NAME: &str = "wireloom_deprecated_messages_total";

/// Keeps the counters of one name, by their `type`.
#[derive(Default)]
struct Counters(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Counters {
    fn counts(&self) -> BTreeMap<String, u64> {
        let counters = self.0.lock().unwrap();
        let count = |(name, count): (&String, &Arc<AtomicU64>)| (name.clone(), count.load(Ordering::SeqCst));
        counters.iter().map(count).collect()
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        if key.name() != NAME {
            return Counter::noop();
        }
        let labels: Vec<_> = key.labels().collect();
        assert_eq!(labels.len(), 1, "{labels:?}");
        assert_eq!(labels[0].key(), "type");
        let mut counters = self.0.lock().unwrap();
        let count = counters.entry(labels[0].value().to_owned()).or_default();
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
async fn deprecated_messages_are_counted_by_type_and_others_are_not() {
    let mut protocol = protocol();
    for name in ["echo", "whole", "tick"] {
        protocol.messages.get_mut(name).unwrap().deprecated = true;
    }
    let counters = Counters::default();
    let engine = metrics::with_local_recorder(&counters, || {
        registry_of(protocol, &Shared::default()).build().unwrap()
    });
    let counts =
        |echo: u64, whole: u64| BTreeMap::from([("echo".to_owned(), echo), ("whole".to_owned(), whole)]);
    // What the server sends is not received; what nobody sent yet is there, so that a graph shows zero.
    assert_eq!(counters.counts(), counts(0, 0));
    for text in ["a", "b"] {
        engine.call(&message("echo", json!({ "text": text }), "1")).await;
    }
    // Whoever is refused sends it all the same.
    engine.call(&message("echo", json!({}), "1")).await;
    engine.call(&message("whole", json!({}), "1")).await;
    engine.call(&message("small", json!({}), "1")).await;
    assert_eq!(counters.counts(), counts(3, 1));
}
