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

/// Bytes that are taken from tungstenite at once: it keeps the rest, which is not kept twice. No text may be put behind
/// them before it has none.
const MAX_ACCEPTED: usize = 16 * 1024;

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
    /// All bytes that the socket has taken so far.
    sent: u64,
    /// How much of `out` tungstenite waits for: its bytes are taken at once, and it is told when they are written.
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
            sent: 0,
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

    /// All bytes that the socket has taken so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
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
                length => {
                    self.written += length;
                    self.sent += length as u64;
                }
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
            let bytes = bytes.get(..MAX_ACCEPTED).unwrap_or(bytes);
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
mod tests;
