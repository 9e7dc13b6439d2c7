//! Before there is a WebSocket: slow, long and wrong requests, and too many of them.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{ALICE, Attacked, Bounds, Changed, PATIENCE, Raw, handshake, many};

const KIB: usize = 1024;

fn brief(cpu: u64, memory: usize) -> Bounds {
    Bounds {
        memory,
        cpu: Duration::from_millis(cpu),
    }
}

/// Reads what is answered, to the end.
async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // It may be reset, having sent what nobody wanted to read.
    let _reset = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("the socket is still open");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status that is answered; nothing if the socket is closed instead.
async fn status(stream: &mut TcpStream) -> String {
    let mut head = [0; 12];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut head)).await;
    match read.expect("the socket is still open") {
        Ok(_) => String::from_utf8_lossy(&head[9..]).into_owned(),
        Err(_closed) => String::new(),
    }
}

#[tokio::test]
async fn slowloris() {
    let mut server = Attacked::start(Changed {
        header_timeout_ms: Some(500),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let attack = async {
        let mut slow = Vec::new();
        for _ in 0..many(50) {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream
                .write_all(b"GET /ws HTTP/1.1\r\nHost: a\r\n")
                .await
                .unwrap();
            slow.push(stream);
        }
        // A byte now and then puts nothing off.
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            for stream in &mut slow {
                let _cut_off = stream.write_all(b"X").await;
            }
        }
        for stream in &mut slow {
            answer(stream).await;
        }
    };
    server.endures(brief(300, many(50) * 48 * KIB), attack).await;
}

/// ws CVE-2024-37890: more headers than the server allows end the whole server.
#[tokio::test]
async fn ws_cve_2024_37890_header_flood() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for _ in 0..many(10) {
            for headers in [101, 2_000] {
                let mut stream = TcpStream::connect(address).await.unwrap();
                let flood: String = (0..headers).map(|n| format!("x-{n}: a\r\n")).collect();
                let _refused = stream.write_all(handshake(address, &flood).as_bytes()).await;
                let answer = answer(&mut stream).await;
                assert!(answer.starts_with("HTTP/1.1 431"), "{headers}: {answer}");
            }
        }
    };
    server.endures(brief(300, 512 * KIB), attack).await;
}

/// tungstenite CVE-2023-43669: a long header that comes in small pieces is read from its beginning with each of them.
#[tokio::test]
async fn tungstenite_cve_2023_43669_long_headers() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for _ in 0..many(2) {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let head = handshake(address, "");
            let head = head.trim_end();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(b"\r\nX-Long: ").await.unwrap();
            // It is refused as soon as it is too long, not when all of it is there.
            let mut sent = 0;
            let refused = loop {
                let mut byte = [0];
                let told = tokio::time::timeout(Duration::from_micros(1), stream.peek(&mut byte)).await;
                if told.is_ok() || stream.write_all(&[b'a'; 64]).await.is_err() {
                    break sent;
                }
                sent += 64;
                assert!(sent < 1_000_000, "nobody minds");
            };
            assert!(refused < 64 * KIB, "{refused}");
            let answer = answer(&mut stream).await;
            assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        }
    };
    server.endures(brief(many(150) as u64, 512 * KIB), attack).await;
}

/// ws CVE-2021-32640: a regular expression that takes quadratic time on the blanks of a header. Every header that the
/// engine looks into, filled with what is tedious to take apart.
#[tokio::test]
async fn ws_cve_2021_32640_headers_that_are_tedious_to_read() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for name in [
            "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Extensions",
            "Origin",
            "Authorization",
            "X-Forwarded-For",
            "Cookie",
        ] {
            for filler in [" ", ",", ", ", "a,", "a ", ";", "\"", "\t", "bearer."] {
                let value = format!("a{}b", filler.repeat(28 * KIB / filler.len()));
                let mut stream = TcpStream::connect(address).await.unwrap();
                let request = handshake(address, &format!("{name}: {value}\r\n"));
                stream.write_all(request.as_bytes()).await.unwrap();
                // Ignored, or refused by a close code: both begin like this. Some are no HTTP.
                let told = status(&mut stream).await;
                assert!(told == "101" || told == "400", "{name}: {filler:?}: {told}");
            }
        }
    };
    server.endures(brief(300, 54 * 64 * KIB), attack).await;
}

#[tokio::test]
async fn requests_that_are_no_handshakes() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let good = handshake(address, "");
    let requests = [
        (good.replace("GET", "POST"), "405"),
        (good.replace("HTTP/1.1", "HTTP/1.0"), "4"),
        (good.replace("Version: 13", "Version: 12"), "426"),
        (good.replace("Connection: Upgrade\r\n", ""), "400"),
        (good.replace("Upgrade: websocket\r\n", ""), "400"),
        (good.replace("websocket", "h2c"), "400"),
        (
            good.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
            "400",
        ),
        (good.replace("/ws", "/nowhere"), "404"),
        (good.replace("/ws", "/../../etc/passwd"), "404"),
        (good.replace("/ws", "*"), "4"),
        (good.replace("Host", "H\0st"), "400"),
        (good.replace("Host:", "Host"), "400"),
        (
            "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}\r\n\r\n".to_owned(),
            "400",
        ),
        // HTTP/2 is not spoken: the socket is closed.
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), ""),
        // A body that a proxy on the way may see end elsewhere.
        (handshake(address, "Content-Length: 5\r\n"), "400"),
        (handshake(address, "Transfer-Encoding: chunked\r\n"), "400"),
        (
            handshake(address, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
            "400",
        ),
    ];
    let attack = async {
        for _ in 0..many(2) {
            for (request, expected) in &requests {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(request.as_bytes()).await.unwrap();
                let told = status(&mut stream).await;
                assert!(told.starts_with(expected), "{told} answers {request}");
            }
        }
    };
    server.endures(brief(300, 512 * KIB), attack).await;
}

#[tokio::test]
async fn connection_flood() {
    let most = many(20);
    let mut server = Attacked::start(Changed {
        connections: Some(most as u64),
        header_timeout_ms: Some(2000),
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let attack = async {
        let mut raws = Vec::new();
        // One place is the bystander's.
        for _ in 0..most - 1 {
            let mut raw = Raw::open(address, "").await;
            raw.next().await;
            raws.push(raw);
        }
        for _ in 0..5 * most {
            assert_eq!(Raw::open(address, "").await.close_code().await, 1013);
        }
        // Who says nothing at all, too.
        let mut mute = Vec::new();
        for _ in 0..10 * most {
            mute.push(TcpStream::connect(address).await.unwrap());
        }
        for stream in &mut mute {
            answer(stream).await;
        }
    };
    server
        .endures(brief(many(120) as u64, most * 256 * KIB), attack)
        .await;
}

/// Connect, and be gone at once.
#[tokio::test]
async fn handshakes_and_nothing_behind_them() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for _ in 0..many(200) {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(handshake(address, "").as_bytes()).await.unwrap();
        }
    };
    server
        .endures(brief(many(40) as u64, many(200) * 24 * KIB), attack)
        .await;
}

/// CVE-2026-59950, cross-site WebSocket hijacking: a page of somebody else connects with the visitor's credentials.
#[tokio::test]
async fn cve_2026_59950_no_foreign_origin() {
    let mut server = Attacked::start(Changed::default()).await;
    let address = server.address;
    let attack = async {
        for origin in [
            "https://evil.example",
            "null",
            "https://app.example.evil.example",
            "https://app.example:8443",
            "http://app.example",
            "https://app.example@evil.example",
            "https://xapp.example",
            "file://",
            "https://APP.example.",
            "",
        ] {
            let mut raw = Raw::open(address, &format!("Origin: {origin}\r\n")).await;
            assert_eq!(raw.close_code().await, 4403, "{origin}");
        }
        // Two of them are none.
        let both = "Origin: https://app.example\r\nOrigin: https://evil.example\r\n";
        let mut raw = Raw::open(address, both).await;
        assert_eq!(raw.close_code().await, 4403);
        let mut raw = Raw::open(address, "Origin: https://app.example\r\n").await;
        assert_eq!(raw.next().await["type"], "connection:established");
    };
    server.endures(brief(200, 512 * KIB), attack).await;
}

/// Tokens at random, by every way in: each is refused, and soon none is looked at.
#[tokio::test]
async fn token_guessing() {
    let mut server = Attacked::start(Changed {
        tokens: true,
        ..Changed::default()
    })
    .await;
    let address = server.address;
    let attack = async {
        let (mut refused, mut unheard) = (0, 0);
        for n in 0..many(30) {
            let guess = format!("{n:0>20}");
            let header = match n % 2 {
                0 => format!("Authorization: Bearer {guess}\r\n"),
                _ => format!("Sec-WebSocket-Protocol: attacked.v1, bearer.{guess}\r\n"),
            };
            match Raw::open(address, &header).await.close_code().await {
                4401 => refused += 1,
                4429 => unheard += 1,
                other => panic!("closed with {other}"),
            }
        }
        assert!(refused <= 12, "{refused} guesses were looked at");
        assert!(unheard >= many(30) - 12);
        // Now the right one does not get in either: nobody learns anything from here.
        let header = format!("Authorization: Bearer {ALICE}\r\n");
        assert_eq!(Raw::open(address, &header).await.close_code().await, 4429);
    };
    server
        .endures_as(Some(ALICE), brief(many(30) as u64, 512 * KIB), attack)
        .await;
}
