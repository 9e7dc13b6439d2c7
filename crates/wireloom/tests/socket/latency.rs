//! How long messages took, as it is counted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::json;

use crate::support::{Shared, message, protocol, registry_of};

/// Keeps what is recorded of the type `echo`, in seconds.
#[derive(Default)]
struct Seconds(Arc<Mutex<Vec<f64>>>);

struct Kept(Arc<Mutex<Vec<f64>>>);

impl HistogramFn for Kept {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

impl Recorder for Seconds {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let is_echo = key.labels().any(|label| label.value() == "echo");
        if key.name() == "wireloom_message_seconds" && is_echo {
            Histogram::from_arc(Arc::new(Kept(Arc::clone(&self.0))))
        } else {
            Histogram::noop()
        }
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_more_does_not_make_its_last_message_take_longer() {
    let seconds = Seconds::default();
    let engine = metrics::with_local_recorder(&seconds, || {
        registry_of(protocol(), &Shared::default()).build().unwrap()
    });
    let mut client = engine.connect().await;
    for id in ["1", "2"] {
        client.send(&message("echo", json!({ "text": id }), id)).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    client.drain().await;
    let taken = seconds.0.lock().unwrap().clone();
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert!(taken.iter().all(|seconds| *seconds < 0.2), "{taken:?}");
}
