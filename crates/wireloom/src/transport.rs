//! The bytes of one WebSocket: read ahead, and written in one piece.
//!
//! Frames of the ordinary shape, a whole text each, are taken and written in place. Every other one, and all that the
//! protocol is beyond them (control frames, fragments, what is too long or malformed, the closing handshake), is
//! tungstenite's. It is given the bytes of one frame at a time, or of the fragments of one message: so both always stand in
//! front of the same frame.

use std::cell::Cell;
use std::io::{self, Cursor};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use simdutf8::basic::{Utf8Error, from_utf8};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;

use crate::serve::Wire;

/// A WebSocket of the server.
pub(crate) type WebSocket = WebSocketStream<Transport<Wire>>;

/// Bytes that are read at once; and then other tasks get their turn.
const READ_AHEAD: usize = 32 * 1024;

/// Bytes that tungstenite is given before other tasks get their turn: thousands of tiny frames may lie in them.
const MAX_GIVEN: usize = 16 * 1024;

/// Room for what is written that a thread keeps, in bytes.
const KEPT_ROOM: usize = 128 * 1024;

/// First byte of a text in one frame.
const FINAL_TEXT: u8 = 0x81;

/// Second byte of a masked frame that is empty.
const MASKED: u8 = 0x80;

/// Second byte of a masked frame that is as long as this byte can say.
const MASKED_SHORT: u8 = MASKED | 125;

/// Second byte of a masked frame whose length stands in the next two.
const MASKED_MEDIUM: u8 = MASKED | 126;

/// Longest header of a frame, in bytes.
const MAX_HEADER: usize = 14;

/// Bytes of a mask.
const MASK: usize = 4;

thread_local! {
    /// What the connections of a thread are read into, and written from: each has room for much at once, an idle one costs
    /// nothing, and what is at work stays in the processor's caches.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static SPARE_OUT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The bytes of one WebSocket.
#[derive(Debug)]
pub(crate) struct Transport<T> {
    io: T,
    /// Longest text, in bytes.
    longest: usize,
    /// What was read and not taken, between `start` and `end`.
    ahead: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that tungstenite does not have yet of the frame that it is given.
    owed: u64,
    /// Whether the frames are in the middle of a message.
    fragmented: bool,
    /// Whether the frame that tungstenite is given is a fragment, and not the last one.
    goes_on: bool,
    /// Whether what comes is no frame. Tungstenite sees all of it, and says what is wrong.
    malformed: bool,
    /// All bytes that were taken so far.
    taken: u64,
    /// Bytes that were read since there was nothing to read, and how many of them tungstenite was given.
    burst: usize,
    given: usize,
    /// What is to be written, from `written` on.
    out: Vec<u8>,
    written: usize,
    /// How much of it tungstenite waits for: its bytes are taken at once, and it is told when they are written.
    accepted: usize,
}

impl<T> Transport<T> {
    /// On a socket whose handshake is over, with what was read behind it, for texts of `longest` bytes at most.
    pub(crate) fn new(io: T, ahead: Vec<u8>, longest: usize) -> Self {
        Self {
            io,
            longest,
            start: 0,
            end: ahead.len(),
            ahead,
            owed: 0,
            fragmented: false,
            goes_on: false,
            malformed: false,
            taken: 0,
            burst: 0,
            given: 0,
            out: Vec::new(),
            written: 0,
            accepted: 0,
        }
    }

    /// Takes a text that [`Transport::poll_frame`] has found. An error if it is no UTF-8.
    pub(crate) fn take(&mut self, text: Range<usize>) -> Result<&str, Utf8Error> {
        self.taken += text.end.saturating_sub(self.start) as u64;
        self.start = text.end;
        let payload = self.ahead.get_mut(text.start.saturating_sub(MASK)..text.end);
        let payload = payload.and_then(<[u8]>::split_first_chunk_mut);
        payload.map_or(Ok(""), |(mask, payload)| {
            unmask(payload, *mask);
            from_utf8(payload)
        })
    }

    /// All bytes that came so far.
    pub(crate) fn received(&self) -> u64 {
        self.taken + (self.end - self.start) as u64
    }

    /// All bytes that were taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Puts a text behind what is to be written. It goes out with the next flush.
    pub(crate) fn put_text(&mut self, text: &str) {
        let out = self.out();
        out.reserve(MAX_HEADER + text.len());
        match text.len() {
            short @ ..126 => out.extend([FINAL_TEXT, short as u8]),
            medium @ ..65_536 => {
                let [.., high, low] = medium.to_be_bytes();
                out.extend([FINAL_TEXT, 126, high, low]);
            }
            long => {
                out.extend([FINAL_TEXT, 127]);
                out.extend((long as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(text.as_bytes());
    }

    /// What is to be written, with room.
    fn out(&mut self) -> &mut Vec<u8> {
        if self.out.capacity() == 0 {
            self.out = SPARE_OUT.take();
        }
        &mut self.out
    }

    /// Gives back the room that is only needed while something comes.
    pub(crate) fn settle(&mut self) {
        if self.ahead.len() == READ_AHEAD {
            let rest = self.waiting().to_vec();
            (self.start, self.end) = (0, rest.len());
            SPARE.set(std::mem::replace(&mut self.ahead, rest));
        }
    }

    fn waiting(&self) -> &[u8] {
        self.ahead.get(self.start..self.end).unwrap_or_default()
    }

    /// Where the payload of the next frame lies, or will, if it is a text that can be taken as a whole.
    #[inline]
    fn text_frame(&self) -> Option<Range<usize>> {
        let (length, header) = match *self.waiting() {
            [FINAL_TEXT, length @ MASKED..=MASKED_SHORT, ..] => (usize::from(length - MASKED), 2),
            [FINAL_TEXT, MASKED_MEDIUM, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), 4),
            _ => return None,
        };
        let begin = self.start + header + MASK;
        let fits = length <= self.longest && header + MASK + length <= READ_AHEAD;
        fits.then_some(begin..begin + length)
    }
}

/// Takes the mask off a payload, RFC 6455 section 5.3.
fn unmask(payload: &mut [u8], mask: [u8; MASK]) {
    // So wide that the compiler takes registers of vectors for it.
    let wide: [u8; 32] = std::array::from_fn(|at| mask[at % MASK]);
    let (blocks, rest) = payload.as_chunks_mut();
    for block in blocks {
        *block = std::array::from_fn::<_, 32, _>(|at| block[at] ^ wide[at]);
    }
    let (words, rest) = rest.as_chunks_mut();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

impl<T: AsyncRead + Unpin> Transport<T> {
    /// Reads more behind what waits. Whether anything came; else the peer has closed.
    fn read_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.burst >= READ_AHEAD {
            return self.give_way(cx);
        }
        self.make_room();
        let room = self.ahead.get_mut(self.end..).unwrap_or_default();
        let mut room = ReadBuf::new(room);
        let read = Pin::new(&mut self.io).poll_read(cx, &mut room);
        let length = room.filled().len();
        self.end += length;
        match read {
            Poll::Ready(done) => {
                self.burst += length;
                Poll::Ready(done.map(|()| length > 0))
            }
            Poll::Pending => {
                (self.burst, self.given) = (0, 0);
                self.settle();
                Poll::Pending
            }
        }
    }

    /// Other tasks get their turn.
    fn give_way<R>(&mut self, cx: &mut Context<'_>) -> Poll<R> {
        (self.burst, self.given) = (0, 0);
        self.settle();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Moves what waits to the beginning of a buffer that has room for the largest frame that is taken as a whole.
    fn make_room(&mut self) {
        if self.ahead.len() < READ_AHEAD {
            let mut spare = SPARE.take();
            spare.resize(READ_AHEAD, 0);
            let rest = self.waiting();
            let length = rest.len();
            if let Some(front) = spare.get_mut(..length) {
                front.copy_from_slice(rest);
            }
            self.ahead = spare;
            (self.start, self.end) = (0, length);
        } else if self.start > 0 {
            self.ahead.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }

    /// Reads to the next frame. Where the payload of a text lies that can be taken as a whole; `None` for one that is
    /// tungstenite's.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Range<usize>>>> {
        if self.owed > 0 || self.malformed {
            return Poll::Ready(Ok(None));
        }
        loop {
            if self.start < self.end {
                match self.text_frame().filter(|_| !self.fragmented) {
                    Some(payload) if payload.end <= self.end => return Poll::Ready(Ok(Some(payload))),
                    Some(_unfinished) => {}
                    None if self.begin_frame() => return Poll::Ready(Ok(None)),
                    None => {}
                }
            }
            if !ready!(self.read_more(cx))? {
                self.malformed = true;
                return Poll::Ready(Ok(None));
            }
        }
    }

    /// Gives what is there of the frame.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let waiting = self.waiting();
        let most = if self.malformed {
            usize::MAX
        } else {
            usize::try_from(self.owed).unwrap_or(usize::MAX)
        };
        let length = waiting.len().min(most).min(buffer.remaining());
        buffer.put_slice(waiting.get(..length).unwrap_or_default());
        self.start += length;
        self.given += length;
        self.taken += length as u64;
        self.owed = self.owed.saturating_sub(length as u64);
    }

    /// Has tungstenite given the next frame. Whether enough of it is there to say how long it is.
    fn begin_frame(&mut self) -> bool {
        let mut waiting = Cursor::new(self.waiting());
        match FrameHeader::parse(&mut waiting) {
            Ok(Some((header, length))) => {
                self.owed = waiting.position().saturating_add(length);
                self.goes_on = matches!(header.opcode, OpCode::Data(_)) && !header.is_final;
                if let OpCode::Data(_) = header.opcode {
                    self.fragmented = self.goes_on;
                }
            }
            Ok(None) => return false,
            Err(_malformed) => self.malformed = true,
        }
        true
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Transport<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let transport = self.get_mut();
        if transport.given >= MAX_GIVEN {
            return transport.give_way(cx);
        }
        while transport.owed == 0 && !transport.malformed && !transport.begin_frame() {
            if !ready!(transport.read_more(cx))? {
                transport.malformed = true;
            }
        }
        if transport.waiting().is_empty() && !ready!(transport.read_more(cx))? {
            return Poll::Ready(Ok(()));
        }
        transport.give(buffer);
        // Fragments go together: tungstenite says nothing before it has the last one, or a control frame.
        while transport.owed == 0 && transport.goes_on && buffer.remaining() > 0 && transport.begin_frame() {
            transport.give(buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Transport<T> {
    /// Writes all that is to be written.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.out.get(self.written..)
            && !rest.is_empty()
        {
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                length => self.written += length,
            }
        }
        self.written = 0;
        let mut out = std::mem::take(&mut self.out);
        if (1..=KEPT_ROOM).contains(&out.capacity()) {
            out.clear();
            SPARE_OUT.set(out);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Transport<T> {
    // A goodbye is written and not flushed.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let transport = self.get_mut();
        if transport.accepted == 0 {
            transport.out().extend_from_slice(bytes);
            transport.accepted = bytes.len();
        }
        ready!(transport.drain(cx))?;
        Poll::Ready(Ok(std::mem::take(&mut transport.accepted)))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let transport = self.get_mut();
        ready!(transport.drain(cx))?;
        Pin::new(&mut transport.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let transport = self.get_mut();
        ready!(transport.drain(cx))?;
        Pin::new(&mut transport.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
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
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
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
}
