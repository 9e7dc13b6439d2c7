//! Peers that read slowly, or not at all, while messages come for them.

use std::time::Duration;

use serde_json::json;

use crate::support::{Attacked, Bounds, Changed, FIN, OUTBOX_BYTES, Raw, TEXT, many, masked};

/// What the engine keeps for one that does not read: its outbox, and what was handed to the socket already.
const ONE: usize = OUTBOX_BYTES + 192 * 1024;

/// jsonrpsee #798 and #962: one slow reader makes the heap grow. Others skip it in silence; here it is told.
#[tokio::test]
async fn jsonrpsee_798_962_slow_readers_of_what_is_published() {
    let mut server = Attacked::start(Changed {
        write_timeout_ms: Some(5_000),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let slow = many(3);
    let attack = async {
        let mut raws = Vec::new();
        for _ in 0..slow {
            let mut raw = Raw::open(address, "").await;
            raw.next().await;
            raws.push(raw);
        }
        let mut publisher = Raw::open(address, "").await;
        publisher.next().await;
        let publish = json!({"type": "publish", "payload": {"pad": 20_000}, "correlationId": "p"});
        let publish = masked(FIN | TEXT, publish.to_string().as_bytes());
        // The kernel's buffers come first.
        for round in 0.. {
            publisher.write(&publish).await;
            let told = loop {
                let message = publisher.next().await;
                if message["type"] == "echoed" {
                    break message["payload"]["told"].as_u64().unwrap();
                }
            };
            // The bystander and the publisher itself.
            if told == 2 {
                break;
            }
            assert!(round < 5_000, "nobody is ever too slow");
        }
        for mut raw in raws {
            assert_eq!(raw.close_code().await, 4503);
        }
    };
    let bounds = Bounds {
        memory: slow * ONE,
        cpu: Duration::from_secs(2),
    };
    server.endures(bounds, attack).await;
}

/// A stream waits for its reader, and does not pile up.
#[tokio::test]
async fn slow_readers_of_streams() {
    let mut server = Attacked::start(Changed {
        write_timeout_ms: Some(500),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let slow = many(3);
    let attack = async {
        let mut raws = Vec::new();
        for _ in 0..slow {
            let mut raw = Raw::open(address, "").await;
            raw.next().await;
            let fill = json!({"type": "fill", "payload": {"pad": 10_000}});
            raw.write(&masked(FIN | TEXT, fill.to_string().as_bytes())).await;
            raws.push(raw);
        }
        for mut raw in raws {
            // What was on its way comes, and then the end, since nothing was taken for so long.
            tokio::time::sleep(Duration::from_millis(1)).await;
            while !raw.is_told().await {}
            tokio::time::sleep(Duration::from_millis(700)).await;
            raw.reads_to_the_end().await;
        }
    };
    let bounds = Bounds {
        memory: slow * ONE,
        cpu: Duration::from_secs(2),
    };
    server.endures(bounds, attack).await;
}
