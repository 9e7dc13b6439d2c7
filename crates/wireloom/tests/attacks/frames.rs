//! Frames: too large, too many, without an end, or no frames at all.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::{
    Attacked, Bounds, CLOSE, CONTINUATION, Changed, FIN, MESSAGE_BYTES, OUTBOX_BYTES, PATIENCE, PING, Raw,
    TEXT, many, masked,
};

/// A few messages' worth of memory, and as good as no time.
const LITTLE: Bounds = Bounds {
    memory: 4 * MESSAGE_BYTES,
    cpu: Duration::from_millis(300),
};

/// A frame's head that announces this many bytes.
fn announcing(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first, 0x80 | 127];
    head.extend(length.to_be_bytes());
    head.extend([1, 2, 3, 4]);
    head
}

#[tokio::test]
async fn a_frame_that_announces_more_than_there_may_be() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for length in [MESSAGE_BYTES as u64 + 1, 1 << 32, i64::MAX as u64, u64::MAX] {
            for _ in 0..many(10) {
                let mut raw = Raw::open(address, "").await;
                // Nothing of it is waited for.
                raw.write(&announcing(FIN | TEXT, length)).await;
                assert_eq!(raw.close_code().await, 1009, "{length}");
            }
        }
    };
    server.endures(LITTLE, attack).await;
}

#[tokio::test]
async fn a_message_that_grows_by_its_fragments() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for _ in 0..many(5) {
            let mut raw = Raw::open(address, "").await;
            raw.next().await;
            raw.write(&masked(TEXT, &[b' '; 4096])).await;
            let fragment = masked(CONTINUATION, &[b' '; 4096]);
            while raw.stream.write_all(&fragment).await.is_ok() && !raw.is_told().await {}
            assert_eq!(raw.close_code().await, 1009);
        }
    };
    server.endures(LITTLE, attack).await;
}

/// ws CVE-2026-48779: fragments of a byte each are kept in pieces that take far more.
#[tokio::test]
async fn ws_cve_2026_48779_tiny_fragments() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        let mut raws = Vec::new();
        for _ in 0..many(4) {
            let mut raw = Raw::open(address, "").await;
            raw.write(&masked(TEXT, b"x")).await;
            // Just as many as may be, and then none.
            raw.write(&masked(CONTINUATION, b"x").repeat(MESSAGE_BYTES - 2))
                .await;
            raws.push(raw);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    let bounds = Bounds {
        memory: many(4) * 3 * MESSAGE_BYTES,
        cpu: Duration::from_millis(many(80) as u64),
    };
    server.endures(bounds, attack).await;
}

#[tokio::test]
async fn empty_fragments_without_end() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for _ in 0..many(3) {
            let mut raw = Raw::open(address, "").await;
            raw.next().await;
            raw.write(&masked(TEXT, b"{")).await;
            let fragments = masked(CONTINUATION, b"").repeat(1000);
            while raw.stream.write_all(&fragments).await.is_ok() && !raw.is_told().await {}
            assert_eq!(raw.close_code().await, 1009);
        }
    };
    let bounds = Bounds {
        cpu: Duration::from_millis(many(50) as u64),
        ..LITTLE
    };
    server.endures(bounds, attack).await;
}

#[tokio::test]
async fn pings_of_one_that_never_reads() {
    let mut server = Attacked::start(Changed {
        write_timeout_ms: Some(500),
        ..Changed::default()
    })
    .await;
    let mut raw = server.greeted().await;
    let attack = async move {
        let pings = masked(FIN | PING, &[7; 125]).repeat(100);
        // The server reads them, and its pongs go nowhere.
        let cut_off = async { while raw.stream.write_all(&pings).await.is_ok() {} };
        tokio::time::timeout(PATIENCE, cut_off)
            .await
            .expect("nobody minds");
    };
    let bounds = Bounds {
        // Pongs pile up to a bound, in a buffer that grows by doubling.
        memory: 2 * (OUTBOX_BYTES + 128 * 1024) + 2 * MESSAGE_BYTES,
        cpu: Duration::from_secs(1),
    };
    server.endures(bounds, attack).await;
}

#[tokio::test]
async fn pings_beyond_the_rate() {
    let mut server = Attacked::start(Changed {
        rate: Some(1000),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let attack = async {
        for _ in 0..many(3) {
            let mut raw = Raw::open(address, "").await;
            raw.write(&masked(FIN | PING, b"x").repeat(5000)).await;
            assert_eq!(raw.close_code().await, 4429);
        }
    };
    server.endures(LITTLE, attack).await;
}

#[tokio::test]
async fn text_that_is_no_utf8_even_if_cut_in_the_middle() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        // A lone byte, an overlong slash, half of a surrogate pair, beyond the last character, an unfinished one.
        for bad in [
            b"\xff".as_slice(),
            b"\xc0\xaf",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xe2\x82",
        ] {
            let mut raw = Raw::open(address, "").await;
            raw.write(&masked(FIN | TEXT, bad)).await;
            assert_eq!(raw.close_code().await, 1007, "{bad:x?}");
            for cut in 0..=bad.len() {
                let mut raw = Raw::open(address, "").await;
                raw.write(&masked(TEXT, &bad[..cut])).await;
                raw.write(&masked(FIN | CONTINUATION, &bad[cut..])).await;
                assert_eq!(raw.close_code().await, 1007, "{bad:x?} cut at {cut}");
            }
        }
    };
    server.endures(LITTLE, attack).await;
}

#[tokio::test]
async fn what_is_no_websocket_frame() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for (what, bytes) in [
            ("a reserved opcode", masked(FIN | 3, b"")),
            ("a reserved control opcode", masked(FIN | 11, b"")),
            ("the second reserved bit", masked(FIN | 0x20 | TEXT, b"{}")),
            ("the third reserved bit", masked(FIN | 0x10 | TEXT, b"{}")),
            ("an unmasked frame", vec![FIN | TEXT, 2, b'{', b'}']),
            ("a fragmented close frame", masked(CLOSE, b"")),
            ("a close frame of one byte", masked(FIN | CLOSE, b"x")),
            (
                "a close code that nobody may send",
                masked(FIN | CLOSE, &1005_u16.to_be_bytes()),
            ),
            ("a ping that is too long", masked(FIN | PING, &[0; 126])),
            ("a continuation of nothing", masked(CONTINUATION, b"{}")),
            (
                "a message inside of a message",
                [masked(TEXT, b"{"), masked(FIN | TEXT, b"{}")].concat(),
            ),
            ("a request of HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ] {
            let mut raw = Raw::open(address, "").await;
            raw.next().await;
            raw.write(&bytes).await;
            assert_eq!(raw.close_code().await, 1002, "{what}");
        }
    };
    server.endures(LITTLE, attack).await;
}

/// Bandit CVE-2026-39804: a few bytes that inflate to gigabytes.
#[tokio::test]
async fn bandit_cve_2026_39804_compressed_frames() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for _ in 0..many(10) {
            // Offered, and not taken up (which `Raw::open` looks at); then sent all the same.
            let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
            let mut raw = Raw::open(address, offer).await;
            raw.next().await;
            raw.write(&masked(FIN | 0x40 | TEXT, &[0xff; 1000])).await;
            assert_eq!(raw.close_code().await, 1002);
        }
    };
    server.endures(LITTLE, attack).await;
}

/// socket.io-parser CVE-2026-33151: binary attachments that are announced, and pile up until all have come.
#[tokio::test]
async fn socket_io_cve_2026_33151_attachments() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for _ in 0..many(10) {
            let mut raw = Raw::open(address, "").await;
            raw.next().await;
            // As Socket.IO announces them: no JSON here.
            raw.write(&masked(
                FIN | TEXT,
                b"59999999-[\"a\",{\"_placeholder\":true,\"num\":0}]",
            ))
            .await;
            assert_eq!(raw.next().await["payload"]["code"], "invalid_json");
            raw.write(&masked(FIN | 2, &[0; 60_000]).repeat(20)).await;
            assert_eq!(raw.close_code().await, 1003);
        }
    };
    server.endures(LITTLE, attack).await;
}

#[tokio::test]
async fn half_a_frame_and_nothing_more() {
    let mut server = Attacked::start(Changed {
        heartbeat_ms: Some(400),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let attack = async {
        let mut raws = Vec::new();
        for _ in 0..many(10) {
            let mut raw = Raw::open(address, "").await;
            let frame = masked(FIN | TEXT, &[b' '; 60_000]);
            raw.write(&frame[..50_000]).await;
            raws.push(raw);
        }
        for mut raw in raws {
            assert_eq!(raw.close_code().await, 4408);
        }
    };
    let bounds = Bounds {
        memory: many(10) * 2 * MESSAGE_BYTES,
        cpu: Duration::from_millis(200),
    };
    server.endures(bounds, attack).await;
}

/// A message that is never finished, by a peer that gives other signs of life.
#[tokio::test]
async fn half_a_message_and_pings() {
    let mut server = Attacked::start(Changed {
        heartbeat_ms: Some(400),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let attack = async {
        let mut raws = Vec::new();
        for _ in 0..many(10) {
            let mut raw = Raw::open(address, "").await;
            raw.write(&masked(TEXT, &[b' '; 50_000])).await;
            raws.push(raw);
        }
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            for raw in &mut raws {
                // It may be closed already, as it should.
                let _closed = raw.stream.write_all(&masked(FIN | PING, b"x")).await;
            }
        }
        for mut raw in raws {
            assert_eq!(raw.close_code().await, 4408);
        }
    };
    let bounds = Bounds {
        memory: many(10) * 2 * MESSAGE_BYTES,
        cpu: Duration::from_millis(200),
    };
    server.endures(bounds, attack).await;
}

#[tokio::test]
async fn one_that_is_silent() {
    let mut server = Attacked::start(Changed {
        heartbeat_ms: Some(300),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let attack = async {
        let mut raws = Vec::new();
        for _ in 0..many(20) {
            raws.push(Raw::open(address, "").await);
        }
        for mut raw in raws {
            assert_eq!(raw.close_code().await, 4408);
        }
    };
    let bounds = Bounds {
        memory: many(20) * 16 * 1024,
        cpu: Duration::from_millis(500),
    };
    server.endures(bounds, attack).await;
}

/// The answer to a message is small, whatever it is asked.
#[tokio::test]
async fn many_requests_of_one_that_never_reads() {
    let mut server = Attacked::start(Changed {
        write_timeout_ms: Some(500),
        ..Changed::default()
    })
    .await;
    let mut raw = server.greeted().await;
    let request = json!({"type": "fill", "payload": {"pad": 20_000}});
    let attack = async move {
        // Beyond those that may be in flight they are refused, and nothing more is read at last.
        let requests = masked(FIN | TEXT, request.to_string().as_bytes()).repeat(40);
        while raw.stream.write_all(&requests).await.is_ok() {}
    };
    let bounds = Bounds {
        memory: 2 * OUTBOX_BYTES + 32 * 64 * 1024,
        cpu: Duration::from_secs(1),
    };
    server.endures(bounds, attack).await;
}
