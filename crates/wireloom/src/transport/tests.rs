//! The transport against tungstenite by itself.

use std::collections::VecDeque;

use futures_util::{Sink, Stream};
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::*;
use crate::close::CloseCode;
use crate::driver::close_code;

const LONGEST: usize = 20_000;

/// A socket whose peer sends these pieces, and which takes as many bytes at a time as `takes` says.
#[derive(Debug, Default)]
struct Pieces {
    comes: VecDeque<Vec<u8>>,
    takes: Vec<usize>,
    written: Vec<u8>,
    turns: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(piece) = self.comes.front_mut() else {
            return Poll::Ready(Ok(()));
        };
        if piece.is_empty() {
            self.comes.pop_front();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = piece.len().min(buffer.remaining());
        buffer.put_slice(&piece.drain(..length).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.turns += 1;
        let most = match &self.takes[..] {
            [] => bytes.len(),
            takes => takes[self.turns % takes.len()].min(bytes.len()),
        };
        if most == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.written.extend(&bytes[..most]);
        Poll::Ready(Ok(most))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(LONGEST))
        .max_frame_size(Some(LONGEST))
}

async fn websocket<T: AsyncRead + AsyncWrite + Unpin>(io: T) -> WebSocketStream<T> {
    WebSocketStream::from_raw_socket(io, Role::Server, Some(config())).await
}

/// What comes of what a peer sends.
#[derive(Debug, PartialEq)]
enum Event {
    Message(Message),
    End(Option<CloseCode>),
}

/// As the driver reads.
async fn read(pieces: Vec<Vec<u8>>) -> Vec<Event> {
    let comes = pieces.into();
    let io = Pieces {
        comes,
        ..Pieces::default()
    };
    let mut socket = websocket(Transport::new(io, Vec::new(), LONGEST)).await;
    let mut events = Vec::new();
    loop {
        let event = std::future::poll_fn(|cx| {
            if let Some(text) = ready!(socket.get_mut().poll_frame(cx)).unwrap() {
                return Poll::Ready(match socket.get_mut().take(text) {
                    Ok(text) => Event::Message(text.into()),
                    Err(_) => Event::End(Some(CloseCode::InvalidUtf8)),
                });
            }
            Pin::new(&mut socket).poll_next(cx).map(event)
        })
        .await;
        events.push(event);
        if is_over(&events) {
            return events;
        }
    }
}

/// Whether the driver would read on.
fn is_over(events: &[Event]) -> bool {
    matches!(
        events.last(),
        Some(Event::End(_) | Event::Message(Message::Close(_)))
    )
}

/// As tungstenite reads by itself.
async fn read_by_tungstenite(pieces: Vec<Vec<u8>>) -> Vec<Event> {
    let comes = pieces.into();
    let mut socket = websocket(Pieces {
        comes,
        ..Pieces::default()
    })
    .await;
    let mut events = Vec::new();
    while !is_over(&events) {
        events.push(std::future::poll_fn(|cx| Pin::new(&mut socket).poll_next(cx).map(event)).await);
    }
    events
}

fn event(next: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> Event {
    match next {
        Some(Ok(message)) => Event::Message(message),
        Some(Err(error)) => Event::End(close_code(&error)),
        None => Event::End(None),
    }
}

/// A frame, masked or not.
fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mask = if masked { [7, 0xf0, 0, 0x55] } else { [0; 4] };
    let bit = u8::from(masked) << 7;
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(bit | short as u8),
        medium @ 126..65_536 => {
            bytes.push(bit | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(bit | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(mask.iter().filter(|_| masked));
    bytes.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[ -~]{0,300}",
        2 => "[a-zé€🎉]{0,80}",
        1 => (0..5_000usize, Just("é")).prop_map(|(length, text)| text.repeat(length)),
        // Around what is taken as a whole, and around what is taken at all.
        1 => (READ_AHEAD - 20..READ_AHEAD + 20).prop_map(|length| "x".repeat(length)),
        1 => (LONGEST - 2..LONGEST + 2).prop_map(|length| "x".repeat(length)),
    ]
}

/// What a peer may send: mostly texts, and everything else between them.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let masked = |first: u8| move |payload: Vec<u8>| frame(first, true, &payload);
    let small = || proptest::collection::vec(any::<u8>(), 0..130);
    let fragments = proptest::collection::vec(("[a-zé]{0,40}", any::<bool>()), 2..5).prop_map(|parts| {
        let last = parts.len() - 1;
        let part = |(at, (text, ping)): (usize, &(String, bool))| {
            let first = u8::from(at == 0) | (u8::from(at == last) << 7);
            let ping = if *ping {
                frame(0x89, true, b"?")
            } else {
                Vec::new()
            };
            [ping, frame(first, true, text.as_bytes())].concat()
        };
        parts.iter().enumerate().flat_map(part).collect()
    });
    prop_oneof![
        30 => text().prop_map(|text| frame(FINAL_TEXT, true, text.as_bytes())),
        3 => small().prop_map(masked(0x89)),
        3 => small().prop_map(masked(0x8a)),
        4 => fragments,
        1 => small().prop_map(masked(0x82)),
        1 => small().prop_map(masked(FINAL_TEXT)),
        1 => small().prop_map(masked(0x80)),
        1 => (any::<u8>(), small()).prop_map(|(first, payload)| frame(first, true, &payload)),
        1 => small().prop_map(|payload| frame(FINAL_TEXT, false, &payload)),
        1 => Just(frame(0x88, true, &1000_u16.to_be_bytes())),
        1 => small(),
    ]
}

/// Cuts bytes into pieces.
fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2)
        .map(|ends| bytes[ends[0]..ends[1]].to_vec())
        .collect()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future)
}

proptest! {
    /// Whatever comes, and however it is cut: the same messages, the same end.
    #[test]
    fn what_comes_is_what_tungstenite_says(
        frames in proptest::collection::vec(frames(), 0..12),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let pieces = cut(&frames.concat(), &cuts);
        block_on(async {
            let expected = read_by_tungstenite(pieces.clone()).await;
            assert_eq!(read(pieces).await, expected);
        });
    }

    /// Texts of the driver, messages of tungstenite and its pongs: all go out whole, the texts in their order.
    #[test]
    fn what_is_written_comes_whole(
        messages in proptest::collection::vec((text(), 0..4u8), 1..12),
        takes in proptest::collection::vec(0..2_000usize, 0..6),
    ) {
        prop_assume!(takes.is_empty() || takes.iter().any(|most| *most > 0));
        let pings = messages.iter().flat_map(|_| [frame(0x89, true, b"?"), Vec::new()]);
        let io = Pieces { comes: pings.collect(), takes, ..Pieces::default() };
        let written = block_on(async {
            let mut socket = websocket(Transport::new(io, Vec::new(), LONGEST)).await;
            for (text, how) in &messages {
                std::future::poll_fn(|cx| {
                    match how {
                        0 => Pin::new(&mut socket).start_send(text.as_str().into()).unwrap(),
                        _ => socket.get_mut().put_text(text),
                    }
                    if *how == 1 {
                        let _ping = Pin::new(&mut socket).poll_next(cx);
                    }
                    let _later = Pin::new(&mut socket).poll_flush(cx);
                    Poll::Ready(())
                })
                .await;
            }
            std::future::poll_fn(|cx| Pin::new(&mut socket).poll_flush(cx)).await.unwrap();
            socket.into_inner().io.written
        });
        let came = block_on(async {
            let io = Pieces { comes: vec![written].into(), ..Pieces::default() };
            let mut client = WebSocketStream::from_raw_socket(io, Role::Client, None).await;
            let mut came = Vec::new();
            while let Some(Ok(message)) =
                std::future::poll_fn(|cx| Pin::new(&mut client).poll_next(cx)).await
            {
                match message {
                    Message::Text(text) => came.push(text.to_string()),
                    Message::Pong(payload) => assert_eq!(&payload[..], b"?"),
                    other => panic!("{other:?}"),
                }
            }
            came
        });
        let sorted = |mut texts: Vec<String>| {
            texts.sort();
            texts
        };
        let sent = |of: &dyn Fn(u8) -> bool| -> Vec<String> {
            let of = messages.iter().filter(|(_, how)| of(*how));
            of.map(|(text, _)| text.clone()).collect()
        };
        prop_assert_eq!(sorted(came.clone()), sorted(sent(&|_| true)));
        // Those of the driver are in order among themselves.
        let mut rest = came.iter();
        for text in sent(&|how| how > 0) {
            prop_assert!(rest.any(|came| *came == text), "{:?}", text);
        }
    }
}

#[test]
fn what_is_idle_takes_no_room() {
    block_on(async {
        let half = frame(FINAL_TEXT, true, b"{}")[..3].to_vec();
        let comes = vec![frame(FINAL_TEXT, true, b"{}"), half, Vec::new()].into();
        let mut transport = Transport::new(
            Pieces {
                comes,
                ..Pieces::default()
            },
            Vec::new(),
            LONGEST,
        );
        std::future::poll_fn(|cx| {
            while let Poll::Ready(text) = transport.poll_frame(cx) {
                assert_eq!(transport.take(text.unwrap().unwrap()), Ok("{}"));
            }
            Poll::Ready(())
        })
        .await;
        assert_eq!((transport.ahead.len(), transport.received()), (0, 8));
    });
}
