//! The generator against servers that are not ours: counts are exact, everything else on the wire is coped with.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bench_load::dialect::{Echo, Envelope};
use bench_load::{Checks, Error, Fleet, Group, Kind, Until, check};
use tungstenite::{Message, WebSocket};

/// Serves each connection on a thread by `serve`.
fn start(serve: impl Fn(WebSocket<Dribble>) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = serve.clone();
            thread::spawn(move || serve(tungstenite::accept(Dribble(stream.unwrap())).unwrap()));
        }
    });
    address
}

/// A stream whose writes go out in pieces that respect no frame.
struct Dribble(TcpStream);

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Dribble {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.set_nodelay(true)?;
        self.0.write(&bytes[..bytes.len().min(97)])
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// A reply to any `bench:echo`, made without looking at it.
fn reply(request: &str) -> String {
    request
        .replace(r#""type":"bench:echo""#, r#""type":"bench:echoed""#)
        .replacen("},", r#","part":1},"#, 1)
}

fn group(connections: usize, in_flight: usize) -> Group {
    Group {
        connections,
        in_flight,
        kind: Kind::Echo,
        timed: true,
    }
}

#[test]
fn replies_are_counted_and_greetings_and_pings_are_not() {
    let pongs = Arc::new(AtomicUsize::new(0));
    let seen = pongs.clone();
    let server = start(move |mut socket| {
        socket
            .send(Message::text(r#"{"type":"connection:established","payload":{}}"#))
            .unwrap();
        while let Ok(message) = socket.read() {
            match message {
                Message::Text(text) => {
                    socket.send(Message::Ping("are you there".into())).unwrap();
                    socket.send(Message::text(reply(&text))).unwrap();
                }
                Message::Pong(payload) => {
                    assert_eq!(&payload[..], b"are you there");
                    seen.fetch_add(1, Ordering::Relaxed);
                }
                _ => {}
            }
        }
    });
    let dialect = Envelope::new();
    let mut fleet = Fleet::open(server, &dialect, &[group(3, 5)]).unwrap();
    for _ in 0..2 {
        let tally = fleet.run(Until::Sent(200)).unwrap();
        assert_eq!((tally.replies, tally.latencies.len()), (200, 200));
    }
    assert!(pongs.load(Ordering::Relaxed) > 0);
    let tally = fleet.run(Until::Elapsed(Duration::from_millis(20))).unwrap();
    assert!(
        tally.elapsed >= Duration::from_millis(20) && tally.replies >= 15,
        "{tally:?}"
    );
}

#[test]
fn an_error_reply_ends_the_run() {
    let server = start(|mut socket| {
        while socket.read().is_ok() {
            socket
                .send(Message::text(r#"{"type":"error","payload":{"message":"no"}}"#))
                .unwrap();
        }
    });
    let result = Fleet::open(server, &Envelope::new(), &[group(1, 1)])
        .unwrap()
        .run(Until::Sent(1));
    assert!(
        matches!(&result, Err(Error::Unexpected(text)) if text.contains("no")),
        "{result:?}"
    );
}

#[test]
fn a_closed_connection_ends_the_run() {
    let server = start(|mut socket| drop(socket.read()));
    let result = Fleet::open(server, &Envelope::new(), &[group(1, 1)])
        .unwrap()
        .run(Until::Sent(1));
    assert!(matches!(result, Err(Error::Closed | Error::Io(_))), "{result:?}");
}

#[test]
fn an_echo_passes_as_an_echo_and_not_as_a_validating_server() {
    let server = start(|mut socket| {
        while let Ok(message) = socket.read() {
            if message.is_text() && socket.send(message).is_err() {
                return;
            }
        }
    });
    check(server, &Echo::new(), Checks::Nothing).unwrap();
    let result = check(server, &Echo::new(), Checks::Schema);
    assert!(matches!(result, Err(Error::Wrong(_))), "{result:?}");
}

#[test]
fn a_server_that_finds_no_mistakes_does_not_pass_for_one_that_does() {
    let server = start(|mut socket| {
        while let Ok(message) = socket.read() {
            if let Message::Text(text) = message {
                socket.send(Message::text(reply(&text))).unwrap_or_default();
            }
        }
    });
    let result = check(server, &Envelope::new(), Checks::Types);
    assert!(
        matches!(&result, Err(Error::Wrong(text)) if text.contains("a number for a string")),
        "{result:?}"
    );
}
