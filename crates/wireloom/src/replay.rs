//! What a session has sent and its client has not acknowledged: numbered, in order, bounded. Knows no sockets and no locks.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use compact_str::CompactString;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::engine::Settings;

/// What one kept message costs beyond its text, in bytes.
const OVERHEAD: usize = 64;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Messages.
    pub(crate) messages: usize,
    /// Bytes.
    pub(crate) bytes: usize,
    /// Age of a message while its connection is there. A parked session keeps all it has.
    pub(crate) age: Duration,
}

impl Bounds {
    /// Of a session.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            messages: settings.resume_messages,
            bytes: settings.resume_bytes,
            age: settings.resume_window,
        }
    }
}

/// A request, as far as it takes to know it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) correlation_id: CompactString,
    /// Hash of its frame.
    pub(crate) hash: u64,
}

/// The messages of a session that may have to be sent again.
#[derive(Debug)]
pub(crate) struct Replay {
    kept: VecDeque<Kept>,
    /// Number of the next message.
    next: u64,
    bytes: usize,
    bounds: Bounds,
    /// Nothing behind this number is dropped: a client is about to have it replayed.
    pinned: Option<u64>,
}

#[derive(Debug)]
struct Kept {
    text: Utf8Bytes,
    at: Instant,
    /// The request that it answers for good.
    answers: Option<Asked>,
}

impl Kept {
    fn cost(&self) -> usize {
        self.text.len() + OVERHEAD
    }
}

impl Replay {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            kept: VecDeque::new(),
            next: 1,
            bytes: 0,
            bounds,
            pinned: None,
        }
    }

    /// With the messages of an earlier process, from the number of the first one on.
    #[cfg(feature = "store")]
    pub(crate) fn restored(bounds: Bounds, first: u64, messages: Vec<(Utf8Bytes, Option<Asked>)>) -> Self {
        let at = Instant::now();
        let kept = |(text, answers)| Kept { text, at, answers };
        let kept: VecDeque<_> = messages.into_iter().map(kept).collect();
        Self {
            next: first.saturating_add(kept.len() as u64),
            bytes: kept.iter().map(Kept::cost).sum(),
            kept,
            bounds,
            pinned: None,
        }
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of the last message; 0 when there was none.
    pub(crate) fn last(&self) -> u64 {
        self.next - 1
    }

    /// Number of the oldest message that is kept, or of the next one.
    pub(crate) fn first(&self) -> u64 {
        self.next - self.kept.len() as u64
    }

    /// Whether little room is left: who can wait, should. There is room for something in any empty buffer.
    pub(crate) fn crowded(&self) -> bool {
        let Bounds { messages, bytes, .. } = self.bounds;
        let most = |bound: usize| (bound - bound / 4).max(1);
        self.kept.len() >= most(messages) || self.bytes >= most(bytes)
    }

    /// Numbers a message and keeps it. Returns it as it is sent: its text with `seq` behind everything else.
    ///
    /// `attached` says whether a connection is there: only then does age count.
    pub(crate) fn push(
        &mut self,
        text: &str,
        answers: Option<Asked>,
        at: Instant,
        attached: bool,
    ) -> Utf8Bytes {
        let text = numbered(text, self.next);
        self.next += 1;
        let kept = Kept {
            text: text.clone(),
            at,
            answers,
        };
        self.bytes += kept.cost();
        self.kept.push_back(kept);
        self.trim(at, attached);
        text
    }

    fn trim(&mut self, now: Instant, attached: bool) {
        while let Some(oldest) = self.kept.front() {
            let full = self.kept.len() > self.bounds.messages || self.bytes > self.bounds.bytes;
            let old = attached && now.saturating_duration_since(oldest.at) > self.bounds.age;
            let pinned = self.pinned.is_some_and(|pinned| self.first() > pinned);
            if pinned || !(full || old) {
                return;
            }
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.bytes -= oldest.cost();
        }
        if self.kept.is_empty() && self.kept.capacity() > 32 {
            self.kept = VecDeque::new();
        }
    }

    /// Forgets what the client has, up to this number. A number that was never given counts for nothing.
    pub(crate) fn acknowledge(&mut self, seq: u64) {
        if seq > self.last() {
            return;
        }
        while self.first() <= seq && !self.kept.is_empty() {
            self.drop_oldest();
        }
    }

    /// Makes sure that everything behind `seq` is there and stays until [`Replay::since`]. Whether it is.
    #[must_use]
    pub(crate) fn pin(&mut self, seq: u64) -> bool {
        let whole = seq <= self.last() && self.first() <= seq + 1;
        if whole {
            self.acknowledge(seq);
            self.pinned = Some(seq);
        }
        whole
    }

    /// The messages behind the number that was pinned, and the requests that they answer for good.
    pub(crate) fn unpin(&mut self) -> (VecDeque<Utf8Bytes>, HashMap<CompactString, u64>) {
        self.pinned = None;
        let texts = self.kept.iter().map(|kept| kept.text.clone()).collect();
        let answers = self.kept.iter().filter_map(|kept| kept.answers.as_ref());
        let answers = answers.map(|asked| (asked.correlation_id.clone(), asked.hash));
        (texts, answers.collect())
    }
}

/// A message with its number behind everything else.
fn numbered(text: &str, seq: u64) -> Utf8Bytes {
    let open = text.strip_suffix('}').unwrap_or(text);
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(seq);
    let mut out = String::with_capacity(open.len() + ",\"seq\":}".len() + digits.len());
    for part in [open, ",\"seq\":", digits, "}"] {
        out.push_str(part);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        messages: 4,
        bytes: 4 * (OVERHEAD + 32),
        age: Duration::from_secs(10),
    };

    fn push(replay: &mut Replay, at: Instant) -> String {
        replay.push("{\"type\":\"a\"}", None, at, true).to_string()
    }

    fn texts(replay: &mut Replay) -> Vec<String> {
        replay.unpin().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn numbers_begin_with_one_and_stand_at_the_end() {
        let mut replay = Replay::new(BOUNDS);
        assert_eq!(push(&mut replay, Instant::now()), "{\"type\":\"a\",\"seq\":1}");
        assert_eq!(push(&mut replay, Instant::now()), "{\"type\":\"a\",\"seq\":2}");
        assert_eq!(replay.last(), 2);
    }

    #[test]
    fn nothing_received_yet_is_a_place_to_resume_from() {
        let mut replay = Replay::new(BOUNDS);
        assert!(replay.pin(0));
        let first = push(&mut replay, Instant::now());
        assert!(replay.pin(0));
        assert_eq!(texts(&mut replay), [first]);
    }

    #[test]
    fn the_last_message_of_the_buffer_can_be_replayed_and_the_one_before_it_cannot() {
        let mut replay = Replay::new(BOUNDS);
        for _ in 0..6 {
            push(&mut replay, Instant::now());
        }
        assert!(!replay.pin(1), "message 2 was dropped");
        assert!(replay.pin(2));
        assert_eq!(texts(&mut replay).len(), 4);
        assert!(!replay.pin(7), "there was no message 7");
    }

    #[test]
    fn the_smallest_buffer_has_room_while_it_is_empty() {
        for messages in 1..=4 {
            let mut replay = Replay::new(Bounds { messages, ..BOUNDS });
            assert!(!replay.crowded(), "{messages}");
            for _ in 0..messages {
                push(&mut replay, Instant::now());
            }
            assert!(replay.crowded(), "{messages}");
        }
    }

    #[test]
    fn what_is_pinned_stays() {
        let mut replay = Replay::new(BOUNDS);
        for _ in 0..4 {
            push(&mut replay, Instant::now());
        }
        assert!(replay.pin(1));
        for _ in 0..10 {
            push(&mut replay, Instant::now());
        }
        assert_eq!(texts(&mut replay).len(), 13);
        push(&mut replay, Instant::now());
        assert_eq!(texts(&mut replay).len(), 4);
    }

    #[test]
    fn age_counts_while_a_connection_is_there() {
        let now = Instant::now();
        let later = now + Duration::from_secs(11);
        let mut parked = Replay::new(BOUNDS);
        push(&mut parked, now);
        parked.push("{}", None, later, false);
        assert!(parked.pin(0));
        let mut attached = Replay::new(BOUNDS);
        push(&mut attached, now);
        push(&mut attached, later);
        assert!(!attached.pin(0));
    }

    #[test]
    fn answers_are_known_by_their_request() {
        let mut replay = Replay::new(BOUNDS);
        let asked = Asked {
            correlation_id: "c-1".into(),
            hash: 7,
        };
        replay.push("{}", Some(asked), Instant::now(), true);
        assert!(replay.pin(0));
        assert_eq!(replay.unpin().1.get("c-1"), Some(&7));
    }

    proptest! {
        /// Whatever is sent and acknowledged: a replay is exactly what was sent behind the number, or is refused.
        #[test]
        fn a_replay_is_whole_or_refused(steps in proptest::collection::vec((0..3u8, 0..40u64), 1..60)) {
            let mut replay = Replay::new(BOUNDS);
            let mut sent: Vec<String> = Vec::new();
            let mut acknowledged = 0;
            for (step, number) in steps {
                match step {
                    0 => sent.push(replay.push("{\"type\":\"a\"}", None, Instant::now(), true).to_string()),
                    1 => {
                        replay.acknowledge(number);
                        if number <= sent.len() as u64 {
                            acknowledged = acknowledged.max(number);
                        }
                    }
                    _ => if replay.pin(number) {
                        acknowledged = acknowledged.max(number);
                        prop_assert_eq!(texts(&mut replay), &sent[number as usize..]);
                    } else {
                        let dropped = (sent.len() as u64).saturating_sub(4);
                        prop_assert!(number > sent.len() as u64 || number < dropped.max(acknowledged));
                    }
                }
                prop_assert!(replay.bytes() <= BOUNDS.bytes);
            }
        }
    }
}
