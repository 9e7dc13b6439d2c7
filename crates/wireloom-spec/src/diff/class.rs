//! What a change does while both versions are in use, and the order of a rollout that follows from it.

use serde::Serialize;

/// Who may meet while a change is rolled out, besides those of one version among themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pairing {
    /// A client of the old version and a server of the new one: where servers are updated first.
    OldClient,
    /// A client of the new version and a server of the old one: where clients are updated first.
    NewClient,
}

impl Pairing {
    /// Both.
    pub const ALL: [Self; 2] = [Self::OldClient, Self::NewClient];
}

/// Who sends what a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// In which order a change can be rolled out without anybody noticing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// In any order.
    #[default]
    Compatible,
    /// Servers before clients: only a new client at an old server is in trouble.
    ServerFirst,
    /// Clients before servers: only an old client at a new server is in trouble.
    ClientFirst,
    /// In no order.
    Breaking,
}

impl Class {
    /// Every class, the mildest first.
    pub const ALL: [Self; 4] = [
        Self::Compatible,
        Self::ServerFirst,
        Self::ClientFirst,
        Self::Breaking,
    ];

    /// The class of what troubles these pairings.
    #[must_use]
    pub fn of(troubled: impl IntoIterator<Item = Pairing>) -> Self {
        troubled.into_iter().fold(Self::Compatible, |class, pairing| {
            class.and(match pairing {
                Pairing::OldClient => Self::ClientFirst,
                Pairing::NewClient => Self::ServerFirst,
            })
        })
    }

    /// The class of two changes that are rolled out together: one that wants servers first and one that wants clients
    /// first break somebody in any order.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Compatible, class) | (class, Self::Compatible) => class,
            (one, other) if one == other => one,
            _ => Self::Breaking,
        }
    }

    /// As it is written in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::ServerFirst => "server-first",
            Self::ClientFirst => "client-first",
            Self::Breaking => "breaking",
        }
    }
}
