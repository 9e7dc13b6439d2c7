//! The `echo` backend: gives the prompt back in pieces, so that everything can be tried with nothing installed.

use super::backend::{Backend, BoxFuture, Conversation, Failure, Output};
use super::project::Project;
use super::settings::EchoSettings;

/// Answers each prompt with its own text.
#[derive(Debug, Clone, Default)]
pub struct EchoBackend {
    settings: EchoSettings,
}

impl EchoBackend {
    /// An echo that cuts its answers as the settings say.
    #[must_use]
    pub fn new(settings: EchoSettings) -> Self {
        Self { settings }
    }
}

impl Backend for EchoBackend {
    fn open<'a>(
        &'a self,
        _session: &'a str,
        _project: &'a Project,
    ) -> BoxFuture<'a, Result<Box<dyn Conversation>, Failure>> {
        let conversation: Box<dyn Conversation> = Box::new(Echo {
            settings: self.settings.clone(),
        });
        Box::pin(async { Ok(conversation) })
    }
}

struct Echo {
    settings: EchoSettings,
}

impl Conversation for Echo {
    fn answer<'a>(&'a mut self, prompt: &'a str, out: &'a Output<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            for piece in pieces(prompt, self.settings.chunk_chars.get()) {
                if !self.settings.delay.is_zero() {
                    tokio::time::sleep(self.settings.delay).await;
                }
                out.chunk(piece.to_owned()).await;
            }
            Ok(())
        })
    }

    fn stop(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Cuts a text into pieces of `chars` characters.
fn pieces(mut text: &str, chars: usize) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let end = text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
        let (piece, rest) = text.split_at_checked(end)?;
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn pieces_never_split_a_character_and_lose_nothing() {
        let text = "a🧵é日本語\n";
        for chars in 1..10 {
            let all: Vec<&str> = pieces(text, chars).collect();
            assert_eq!(all.concat(), text);
            assert!(
                all.iter()
                    .all(|piece| (1..=chars).contains(&piece.chars().count())),
                "{all:?}"
            );
        }
        assert_eq!(pieces("abcde", 2).collect::<Vec<_>>(), ["ab", "cd", "e"]);
        assert_eq!(pieces("", 2).count(), 0);
    }
}
