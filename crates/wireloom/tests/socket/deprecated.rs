//! Messages that are on their way out are counted by type, and no others are.

use std::collections::BTreeMap;

use serde_json::json;

use crate::counted::Counters;
use crate::support::{Shared, message, protocol, registry_of};

const NAME: &str = "wireloom_deprecated_messages_total";

#[tokio::test]
async fn deprecated_messages_are_counted_by_type_and_others_are_not() {
    let mut protocol = protocol();
    for name in ["echo", "whole", "tick"] {
        protocol.messages.get_mut(name).unwrap().deprecated = true;
    }
    let counters = Counters::of(NAME);
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
