//! Tokens that an operator hands out, each with a subject and scopes.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{Authenticator, Identity, Peer, Refusal, Secret, Verdict};

/// Shortest token that is taken, in bytes: what can be guessed is none.
pub const MIN_TOKEN: usize = 16;

/// Marks a token of which only the digest is known.
const DIGEST: &str = "sha256:";

/// Knows a list of tokens, of which it keeps nothing but SHA-256 digests.
///
/// A token is compared with every entry in constant time, so the time of an answer says nothing of how much of a guess
/// was right, or which entry it was.
///
/// ```
/// let tokens = wireloom::StaticTokens::parse("
///     ## token                          subject  scopes
///     0vKpXw7TQm2nV4bYcR9d              alice    admin history
///     sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  bob
/// ")?;
/// assert_eq!(tokens.len(), 2);
/// # Ok::<_, wireloom::TokensError>(())
/// ```
#[derive(Clone)]
pub struct StaticTokens {
    entries: Vec<([u8; 32], Identity)>,
}

/// What is wrong with a list of tokens. Never holds a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokensError {
    /// Line of the list, from 1.
    pub line: usize,
    problem: &'static str,
}

impl fmt::Display for TokensError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for TokensError {}

impl fmt::Debug for StaticTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subjects = self.entries.iter().map(|(_, identity)| &identity.subject);
        f.debug_list().entries(subjects).finish()
    }
}

impl StaticTokens {
    /// Reads a list: a line for each token, with the token, a subject and any number of scopes, separated by blanks.
    /// Empty lines and those that begin with `#` do not count. In place of a token may stand its digest:
    /// `sha256:` and 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// For a line without a subject, a token shorter than [`MIN_TOKEN`] or longer than [`super::MAX_TOKEN`] bytes, a
    /// digest that is none, a token that stands twice, and a list without a token.
    pub fn parse(list: &str) -> Result<Self, TokensError> {
        let mut entries: Vec<([u8; 32], Identity)> = Vec::new();
        let mut last = 1;
        for (at, line) in list.lines().enumerate() {
            last = at + 1;
            let wrong = |problem| TokensError { line: last, problem };
            let mut words = line.split_whitespace();
            let Some(token) = words.next().filter(|word| !word.starts_with('#')) else {
                continue;
            };
            let subject = words.next().ok_or(wrong("a subject must follow the token"))?;
            let digest = match token.strip_prefix(DIGEST) {
                Some(hex) => from_hex(hex).ok_or(wrong("sha256: is followed by 64 hexadecimal digits"))?,
                None if token.len() < MIN_TOKEN => return Err(wrong("a token has 16 bytes at least")),
                None if token.len() > super::MAX_TOKEN => {
                    return Err(wrong("a token has 16384 bytes at most"));
                }
                None => Sha256::digest(token).into(),
            };
            if entries.iter().any(|(known, _)| *known == digest) {
                return Err(wrong("the token stands there twice"));
            }
            entries.push((digest, Identity::new(subject).with_scopes(words)));
        }
        if entries.is_empty() {
            let problem = "the list ends without a token";
            return Err(TokensError { line: last, problem });
        }
        Ok(Self { entries })
    }

    /// How many tokens there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none, which [`StaticTokens::parse`] rules out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn find(&self, token: &Secret) -> Option<&Identity> {
        let digest: [u8; 32] = Sha256::digest(token.expose()).into();
        let mut found = u64::MAX;
        for (at, (known, _)) in (0..).zip(&self.entries) {
            let same: Choice = known.ct_eq(&digest);
            found.conditional_assign(&at, same);
        }
        self.entries
            .get(usize::try_from(found).ok()?)
            .map(|(_, identity)| identity)
    }
}

impl Authenticator for StaticTokens {
    fn authenticate<'a>(&'a self, token: &'a Secret, _peer: &'a Peer) -> Verdict<'a> {
        Box::pin(async move {
            self.find(token)
                .cloned()
                .ok_or_else(|| Refusal::unauthorized("no such token"))
        })
    }
}

fn from_hex(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "alice-alice-alice-alice";

    #[test]
    fn finds_every_token_and_nothing_else() {
        let hex: String = Sha256::digest("bob-bob-bob-bob-bob")
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        let tokens =
            StaticTokens::parse(&format!("# c\n\n{ALICE} alice admin write\r\nsha256:{hex} bob")).unwrap();
        let find = |token: &str| {
            tokens
                .find(&token.into())
                .map(|identity| identity.subject.as_str())
        };
        assert_eq!(find(ALICE), Some("alice"));
        assert_eq!(find("bob-bob-bob-bob-bob"), Some("bob"));
        for other in [
            "",
            "alice",
            "alice-alice-alice-alicf",
            "alice-alice-alice-alice ",
            &hex,
        ] {
            assert_eq!(find(other), None, "{other}");
        }
        let scopes = &tokens.find(&ALICE.into()).unwrap().scopes;
        assert_eq!(scopes.iter().collect::<Vec<_>>(), ["admin", "write"]);
        assert!(!format!("{tokens:?}").contains("alice-alice"));
    }

    #[test]
    fn says_which_line_is_wrong_without_repeating_it() {
        for (list, line) in [
            ("", 1),
            ("# nothing\n", 1),
            ("\nalice-alice-alice-alice", 2),
            ("short alice", 1),
            ("sha256:abc bob", 1),
            ("alice-alice-alice-alice a\nalice-alice-alice-alice b", 2),
        ] {
            let error = StaticTokens::parse(list).unwrap_err();
            assert_eq!(error.line, line, "{list}");
            let text = error.to_string();
            assert!(!text.contains("alice") && !text.contains("short"), "{text}");
        }
    }
}
