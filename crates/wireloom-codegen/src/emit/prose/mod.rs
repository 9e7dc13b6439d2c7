//! What a reference says of a protocol, in words with code and links in them: one wording for Markdown and HTML.
//!
//! Knows nothing of how either writes them.

mod facts;
mod shape;

use wireloom_spec::model::{DefId, DefKind, Message, Model, Origin};

pub(super) use facts::{CLOSE_CODES, Fact, connection, facts};
pub(super) use shape::{Field, shape};

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Words of ours.
    Words(String),
    /// Something that stands in a message or in the file.
    Code(String),
    /// The name of a message, which has a section.
    Message(String),
    /// A type, which has a section.
    Type(DefId),
}

/// A text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Prose(Vec<Piece>);

impl Prose {
    pub(super) fn of(words: impl Into<String>) -> Self {
        Self::default().words(words)
    }

    /// Pieces of code, with commas between them.
    pub(super) fn codes(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::joined(texts.into_iter().map(|text| Self::default().code(text)), ", ")
    }

    /// Texts with something between them.
    pub(super) fn joined(texts: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let mut whole = Self::default();
        for (at, text) in texts.into_iter().enumerate() {
            if at > 0 {
                whole = whole.words(between);
            }
            whole = whole.and(text);
        }
        whole
    }

    pub(super) fn words(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Words(words.into()));
        self
    }

    pub(super) fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Code(text.into()));
        self
    }

    pub(super) fn message(mut self, name: impl Into<String>) -> Self {
        self.0.push(Piece::Message(name.into()));
        self
    }

    fn r#type(mut self, id: DefId) -> Self {
        self.0.push(Piece::Type(id));
        self
    }

    pub(super) fn and(mut self, text: Self) -> Self {
        self.0.extend(text.0);
        self
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The text without links, for comments: code in backticks.
    pub(super) fn plain(&self) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Code(text) | Piece::Message(text) => format!("`{text}`"),
            Piece::Type(_) => String::new(),
        });
        pieces.collect()
    }

    /// The text as a sentence.
    fn sentence(mut self) -> Self {
        if let Some(Piece::Words(words)) = self.0.first_mut() {
            let mut chars = words.chars();
            let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
            *words = format!("{first}{}", chars.as_str());
        }
        self.words(".")
    }
}

/// Messages that belong together.
pub(super) struct Group<'m> {
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    pub(super) messages: Vec<&'m Message>,
}

/// All messages by who sends them; groups without any are left out.
pub(super) fn groups(model: &Model) -> Vec<Group<'_>> {
    let group = |title, intro, pick: fn(&Message) -> bool| Group {
        title,
        intro,
        messages: model.messages.iter().filter(|message| pick(message)).collect(),
    };
    let mut groups = vec![
        group("Messages from clients", "The server handles these.", |message| {
            !message.engine && !message.from.server()
        }),
        group("Messages from the server", "Clients handle these.", |message| {
            !message.engine && !message.from.client()
        }),
        group(
            "Messages from either side",
            "Both sides send and handle these.",
            |message| !message.engine && message.from.client() && message.from.server(),
        ),
        group("Messages of the engine", "Part of every protocol.", |message| {
            message.engine
        }),
    ];
    groups.retain(|group| !group.messages.is_empty());
    groups
}

/// The types that have a section of their own.
pub(super) fn own_types(model: &Model) -> impl Iterator<Item = DefId> {
    let own = |id: &DefId| match &model.def(*id).origin {
        Origin::Type(_) => true,
        Origin::Payload(_) => false,
        Origin::Inline(_) => !matches!(model.def(*id).kind, DefKind::Enum(_)),
    };
    (0..model.defs.len()).map(DefId).filter(own)
}

pub(super) fn time(ms: u64) -> String {
    match ms {
        0 => "0 s".to_owned(),
        _ if ms.is_multiple_of(60_000) => format!("{} min", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{} s", ms / 1_000),
        _ => format!("{ms} ms"),
    }
}

pub(super) fn size(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        _ if bytes.is_multiple_of(KIB) => format!("{} KiB", bytes / KIB),
        _ => format!("{bytes} bytes"),
    }
}
