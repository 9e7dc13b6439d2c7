//! A payload for one message: its decoder and its schema must say the same of it.

use std::sync::LazyLock;

use crate::{PROTOCOLS, Subject, subjects};

static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| subjects(PROTOCOLS));

/// The first two bytes choose a message of the corpus, the rest is the text of its payload.
///
/// # Panics
///
/// If decoder and schema differ.
pub fn decoder(data: &[u8]) {
    let Some((choice, text)) = data.split_first_chunk::<2>() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let at = usize::from(u16::from_le_bytes(*choice)) % SUBJECTS.len().max(1);
    if let Some(subject) = SUBJECTS.get(at)
        && let Err(difference) = subject.judge(text)
    {
        panic!("{difference}");
    }
}
