//! Bytes to text, and text to answers. Pure; bounded by what it is given.

/// Decodes UTF-8 that comes in pieces. A character that is cut by the end of a piece is kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Utf8Decoder {
    // Beginning of a character: at most three bytes.
    cut: Vec<u8>,
}

impl Utf8Decoder {
    /// The text of a piece. What cannot be UTF-8 becomes U+FFFD, one for each maximal part of a character, as the WHATWG
    /// Encoding Standard has it.
    pub(super) fn push(&mut self, piece: &[u8]) -> String {
        let joined;
        let bytes = if self.cut.is_empty() {
            piece
        } else {
            self.cut.extend_from_slice(piece);
            joined = std::mem::take(&mut self.cut);
            &joined
        };
        let mut text = String::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && is_beginning(invalid) {
                self.cut = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// What is left when no more comes.
    pub(super) fn finish(&mut self) -> String {
        if std::mem::take(&mut self.cut).is_empty() {
            String::new()
        } else {
            char::REPLACEMENT_CHARACTER.into()
        }
    }
}

/// Whether more bytes could make a character of these.
fn is_beginning(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.valid_up_to() == 0 && error.error_len().is_none())
}

/// Finds the line that ends an answer. Text is passed on at once, but for the beginning of what may be that line.
#[derive(Debug)]
pub(super) struct Fence {
    delimiter: String,
    /// Beginning of a line that may become the delimiter: at most its length and a carriage return.
    held: String,
    /// Whether the line that is being read can still be the delimiter.
    open: bool,
}

impl Fence {
    /// A fence at lines equal to `delimiter`, which is one line and not empty.
    pub(super) fn new(delimiter: &str) -> Self {
        Self {
            delimiter: delimiter.to_owned(),
            held: String::new(),
            open: true,
        }
    }

    /// Begins an answer.
    pub(super) fn reset(&mut self) {
        self.held.clear();
        self.open = true;
    }

    /// The part of the answer that is certain, and, if the delimiter came, what stands behind it.
    pub(super) fn push(&mut self, text: String) -> (String, Option<String>) {
        let mut part = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, ends, behind) = match rest.split_once('\n') {
                Some((line, behind)) => (line, true, behind),
                None => (rest, false, ""),
            };
            rest = behind;
            if self.open {
                self.held.push_str(line);
                let candidate = self.held.strip_suffix('\r').unwrap_or(&self.held);
                if ends && candidate == self.delimiter {
                    self.reset();
                    return (part, Some(rest.to_owned()));
                }
                if !ends && self.delimiter.starts_with(candidate) {
                    // At most a carriage return more than the delimiter, since the next character decides.
                    continue;
                }
                part.push_str(&self.held);
                self.held.clear();
            } else {
                part.push_str(line);
            }
            if ends {
                part.push('\n');
            }
            self.open = ends;
        }
        (part, None)
    }

    /// What was held back, when no more comes.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> String {
        let mut decoder = Utf8Decoder::default();
        let mut text: String = pieces.iter().map(|piece| decoder.push(piece)).collect();
        text.push_str(&decoder.finish());
        text
    }

    #[test]
    fn a_character_cut_by_a_read_is_one_character() {
        let bytes = "aé日🧵z".as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                assert_eq!(
                    decode(&[&bytes[..first], &bytes[first..second], &bytes[second..]]),
                    "aé日🧵z"
                );
            }
        }
    }

    #[test]
    fn what_is_complete_is_not_held_back() {
        let mut decoder = Utf8Decoder::default();
        assert_eq!(decoder.push(b"ab\xF0\x9F"), "ab");
        assert_eq!(decoder.push(b"\xA7"), "");
        assert_eq!(decoder.push(b"\xB5c"), "🧵c");
    }

    #[test]
    fn only_what_cannot_be_text_is_replaced() {
        assert_eq!(decode(&[b"a\xFFb"]), "a\u{FFFD}b");
        assert_eq!(decode(&[b"a\xE6\x97", b"b"]), "a\u{FFFD}b");
        assert_eq!(decode(&[b"\xED\xA0\x80"]), "\u{FFFD}\u{FFFD}\u{FFFD}");
        assert_eq!(decode(&[b"end\xF0\x9F"]), "end\u{FFFD}");
    }

    proptest! {
        #[test]
        fn pieces_decode_to_what_the_whole_decodes_to(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xF0), Just(0x9F), Just(0xE6), Just(0x97)], 0..40),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode(&pieces), String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn a_fence_finds_the_first_delimiter_line_however_the_text_is_cut(
            text in "[-=\r\na]{0,24}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut fence = Fence::new("-=");
            let mut answer = String::new();
            let mut found = false;
            for (index, pair) in cuts.windows(2).enumerate() {
                let (part, rest) = fence.push(text[pair[0]..pair[1]].to_owned());
                answer.push_str(&part);
                prop_assert!(fence.held.len() <= 3);
                if let Some(rest) = rest {
                    let behind = rest + &text[cuts[index + 1]..];
                    prop_assert_eq!(Some((answer.clone(), behind)), split(&text));
                    found = true;
                    break;
                }
            }
            if !found {
                prop_assert_eq!(split(&text), None);
                prop_assert_eq!(answer + &fence.finish(), text);
            }
        }
    }

    /// The same by looking at whole lines.
    fn split(text: &str) -> Option<(String, String)> {
        let mut answer = String::new();
        let mut rest = text;
        while let Some((line, behind)) = rest.split_once('\n') {
            if line.strip_suffix('\r').unwrap_or(line) == "-=" {
                return Some((answer, behind.to_owned()));
            }
            answer.push_str(line);
            answer.push('\n');
            rest = behind;
        }
        None
    }

    #[test]
    fn text_that_cannot_be_the_delimiter_is_passed_on_at_once() {
        let mut fence = Fence::new("<<end>>");
        assert_eq!(fence.push("Hello".into()), ("Hello".into(), None));
        assert_eq!(fence.push(", <<end>>\n<<e".into()), (", <<end>>\n".into(), None));
        assert_eq!(fence.push("nx".into()), ("<<enx".into(), None));
        assert_eq!(fence.push("\n<<end>>".into()), ("\n".into(), None));
        assert_eq!(
            fence.push("\r\nnext".into()),
            (String::new(), Some("next".into()))
        );
    }
}
