//! Turns one text frame into an envelope, and messages into text frames. Knows nothing of schemas.
//!
//! The envelope is read around the payload: up to the payload when the type stands in front of it, so that the
//! payload can be decoded in place, and on to the end afterwards. A frame is scanned once.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use tokio_tungstenite::tungstenite::Utf8Bytes;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::json::{Decode, Encode, Fault, FaultKind, Read, Reader, Writer};
use crate::message::Message;
use crate::messages::{Error, ErrorDetailsItem};
use crate::reject::{Detail, Kind, Reject, code};

/// Longest correlation id, in code points.
pub const MAX_CORRELATION_ID: usize = 128;

/// Largest integer that a JavaScript number holds.
const MAX_SAFE: i64 = 9_007_199_254_740_991;

/// The fields of an envelope, in the order in which most clients write them.
const FIELDS: &[&str] = &[
    r#","type":"#,
    r#","payload":"#,
    r#","timestamp":"#,
    r#","correlationId":"#,
    r#","ack":"#,
];

/// One inbound text frame that is being read.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    reader: Reader<'a>,
    object: Option<crate::json::Object>,
    name: Option<Cow<'a, str>>,
    payload: Payload<'a>,
    timestamp: Option<i64>,
    correlation_id: Option<Cow<'a, str>>,
    ack: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
enum Payload<'a> {
    Missing,
    /// The reader stands in front of it.
    Here,
    /// It was passed over; its text.
    Text(&'a str),
}

impl<'a> Frame<'a> {
    /// Reads up to the payload, or to the end when the type stands behind it.
    pub(crate) fn open(text: &'a str, depth: u32) -> Read<Self> {
        let mut frame = Self::new(text, depth);
        frame.begin()?;
        Ok(frame)
    }

    /// Reads nothing yet: where it stands, it is [begun](Frame::begin).
    pub(crate) fn new(text: &'a str, depth: u32) -> Self {
        Self {
            reader: Reader::new(text, depth),
            object: None,
            name: None,
            payload: Payload::Missing,
            timestamp: None,
            correlation_id: None,
            ack: None,
        }
    }

    /// Reads up to the payload, or to the end when the type stands behind it.
    pub(crate) fn begin(&mut self) -> Read<()> {
        let frame = self;
        let mut object = frame.reader.object()?;
        // As most clients write it, each field costs one comparison.
        if frame.reader.at::<0>(&mut object, FIELDS) {
            frame.name = Some(frame.reader.string()?);
            if frame.reader.at::<1>(&mut object, FIELDS) {
                frame.payload = Payload::Here;
                frame.object = Some(object);
                return Ok(());
            }
        }
        frame.object = Some(object);
        frame.advance()
    }

    /// The message type. Known after `open`, unless the envelope has none.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Decodes the payload and reads the rest of the envelope.
    pub(crate) fn payload<M: Decode>(&mut self, optional: bool) -> Read<M> {
        match self.payload {
            Payload::Here => {
                let start = self.reader.position();
                let payload = M::decode(&mut self.reader)?;
                self.payload = Payload::Text(self.reader.since(start));
                self.advance_behind_payload()?;
                Ok(payload)
            }
            Payload::Text(text) => {
                let mut reader = self.reader.part(text);
                let payload = M::decode(&mut reader)?;
                reader.end()?;
                Ok(payload)
            }
            Payload::Missing if optional => M::decode(&mut self.reader.part("{}")),
            Payload::Missing => Err(self.reader.refuse()),
        }
    }

    /// Passes over what is left, for those who only want the envelope.
    pub(crate) fn finish(&mut self) -> Read<()> {
        if let Payload::Here = self.payload {
            self.skip_payload()?;
            self.advance()?;
        }
        Ok(())
    }

    /// The correlation id. Known when the frame is read to its end.
    pub(crate) fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }

    /// The highest number that the client has. Known when the frame is read to its end.
    pub(crate) fn ack(&self) -> Option<u64> {
        u64::try_from(self.ack?).ok()
    }

    /// Hash of type and payload, which is what makes two frames the same request. Known when the payload is read. Stores
    /// have it: it is the same in every process.
    pub(crate) fn hash(&self) -> u64 {
        let payload = match self.payload {
            Payload::Text(text) => text,
            Payload::Missing | Payload::Here => "",
        };
        let name = xxh3_64(self.name().unwrap_or_default().as_bytes());
        xxh3_64_with_seed(payload.as_bytes(), name)
    }

    fn skip_payload(&mut self) -> Read<()> {
        let start = self.reader.position();
        self.reader.skip()?;
        self.payload = Payload::Text(self.reader.since(start));
        Ok(())
    }

    /// Reads on as most clients write it, and then whatever is left.
    #[inline]
    fn advance_behind_payload(&mut self) -> Read<()> {
        if let Some(object) = &mut self.object {
            let reader = &mut self.reader;
            if self.timestamp.is_none() && reader.at::<2>(object, FIELDS) {
                self.timestamp = Some(reader.integer(0, MAX_SAFE)?);
            }
            if self.correlation_id.is_none() && reader.at::<3>(object, FIELDS) {
                self.correlation_id = Some(correlation_id(reader)?);
            }
        }
        self.advance()
    }

    fn advance(&mut self) -> Read<()> {
        let Some(mut object) = self.object.take() else {
            return Ok(());
        };
        while let Some(field) = self.reader.field(&mut object, FIELDS)? {
            let reader = &mut self.reader;
            match field {
                0 => reader.once(&mut self.name, Reader::string)?,
                1 => {
                    if !matches!(self.payload, Payload::Missing) {
                        return Err(Fault {
                            at: reader.position(),
                            kind: FaultKind::DuplicateName,
                        });
                    }
                    if self.name.is_some() {
                        self.payload = Payload::Here;
                        self.object = Some(object);
                        return Ok(());
                    }
                    self.skip_payload()?;
                }
                2 => reader.once(&mut self.timestamp, |reader| reader.integer(0, MAX_SAFE))?,
                3 => reader.once(&mut self.correlation_id, correlation_id)?,
                4 => reader.once(&mut self.ack, |reader| reader.integer(0, MAX_SAFE))?,
                _ => return Err(reader.refuse()),
            }
        }
        self.reader.end()?;
        if self.name.is_none() {
            return Err(self.reader.refuse());
        }
        Ok(())
    }
}

fn correlation_id<'a>(reader: &mut Reader<'a>) -> Read<Cow<'a, str>> {
    let id = reader.string()?;
    let fits = !id.is_empty() && (id.len() <= MAX_CORRELATION_ID || id.chars().count() <= MAX_CORRELATION_ID);
    if fits { Ok(id) } else { Err(reader.refuse()) }
}

/// Largest buffer that a thread keeps for the next message, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    /// What messages are written to before they are cut to size: one buffer for all of a thread.
    static BUFFER: Cell<Writer> = const { Cell::new(Writer::new()) };
    /// The last time that a message was stamped with, and how it is written.
    static STAMP: RefCell<(u64, Writer)> = const { RefCell::new((0, Writer::new())) };
}

/// A message as it was written, in the buffer of the thread: to be written on, or [kept](Draft::keep).
#[derive(Debug)]
pub(crate) struct Draft(Writer);

impl Draft {
    /// Its text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Cut to size.
    pub(crate) fn keep(self) -> Utf8Bytes {
        Utf8Bytes::from(self.as_str())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.0.len() <= KEPT_BYTES {
            let buffer = std::mem::take(&mut self.0);
            // A thread that ends has no buffer any more.
            let _ended = BUFFER.try_with(|kept| kept.set(buffer));
        }
    }
}

/// One server message as a text frame.
pub(crate) fn frame(
    name: &str,
    payload: impl FnOnce(&mut Writer),
    timestamp: u64,
    correlation_id: Option<&str>,
) -> Draft {
    // Taken out meanwhile: a message that is written while another one is finds an empty buffer.
    let mut out = BUFFER.take();
    out.clear();
    write(&mut out, name, payload, timestamp, correlation_id);
    Draft(out)
}

fn write(
    out: &mut Writer,
    name: &str,
    payload: impl FnOnce(&mut Writer),
    timestamp: u64,
    correlation_id: Option<&str>,
) {
    out.raw("{\"type\":\"");
    out.raw(name);
    out.raw("\",\"payload\":");
    payload(out);
    // Many messages have the same.
    STAMP.with_borrow_mut(|(time, text)| {
        if *time != timestamp || text.is_empty() {
            *time = timestamp;
            text.clear();
            text.raw(",\"timestamp\":");
            text.integer(i64::try_from(timestamp).unwrap_or(MAX_SAFE));
        }
        out.raw(text.as_str());
    });
    if let Some(id) = correlation_id {
        out.raw(",\"correlationId\":");
        out.string(id);
    }
    out.raw("}");
}

/// The message that a peer gets instead of what it asked for.
#[cold]
pub(crate) fn reject_frame(reject: &Reject, timestamp: u64, correlation_id: Option<&str>) -> Draft {
    let error = |code: &str, message: &str, retryable, details: &[Detail]| Error {
        code: code.to_owned(),
        message: message.to_owned(),
        retryable,
        details: (!details.is_empty()).then(|| details.iter().map(Into::into).collect()),
        extra: Default::default(),
    };
    let error = match reject.kind() {
        Kind::Message { name, payload } => {
            return frame(name, |out| out.raw(payload), timestamp, correlation_id);
        }
        Kind::Error(declared) => error(
            &declared.code,
            &declared.message,
            declared.retryable,
            &declared.details,
        ),
        Kind::Internal(_) => error(code::INTERNAL, "internal error", false, &[]),
    };
    frame(Error::TYPE, |out| error.encode(out), timestamp, correlation_id)
}

impl From<&Detail> for ErrorDetailsItem {
    fn from(detail: &Detail) -> Self {
        Self {
            path: detail.path.clone(),
            keyword: detail.keyword.clone(),
            message: detail.message.clone(),
            extra: Default::default(),
        }
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
