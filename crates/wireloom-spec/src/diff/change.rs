//! One change: what, where in both files, whom it troubles and what to do about it.

use serde::Serialize;
use serde_json::Value;

use super::class::{Class, Pairing, Sender};
use crate::diagnostic::Place;

/// What kind of change it is; the same text in every output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The protocol's name, and so its subprotocol.
    Name,
    /// The protocol's version.
    Version,
    /// A setting of `connection`.
    Connection,
    /// An application error came, went or changed.
    Error,
    /// A message came.
    MessageAdded,
    /// A message went.
    MessageRemoved,
    /// A message has another name, and is otherwise as it was.
    MessageRenamed,
    /// Who may send a message.
    From,
    /// What answers a message.
    Answer,
    /// Which errors may answer a message.
    MessageErrors,
    /// How the server delivers a message.
    Delivery,
    /// The scopes that a message asks for.
    Auth,
    /// A limit of one message.
    Limits,
    /// Whether a payload may be left out.
    PayloadOptional,
    /// A property came.
    PropertyAdded,
    /// A property went.
    PropertyRemoved,
    /// A property is required, or no longer is.
    PropertyRequired,
    /// A variant of a union came.
    VariantAdded,
    /// A variant of a union went.
    VariantRemoved,
    /// Anything else about which values a schema accepts.
    Schema,
    /// Which messages are legal when.
    States,
    /// Something is deprecated, or no longer is.
    Deprecated,
    /// Documentation alone.
    Docs,
}

impl Kind {
    /// As it is written in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Version => "version",
            Self::Connection => "connection",
            Self::Error => "error",
            Self::MessageAdded => "message-added",
            Self::MessageRemoved => "message-removed",
            Self::MessageRenamed => "message-renamed",
            Self::From => "from",
            Self::Answer => "answer",
            Self::MessageErrors => "message-errors",
            Self::Delivery => "delivery",
            Self::Auth => "auth",
            Self::Limits => "limits",
            Self::PayloadOptional => "payload-optional",
            Self::PropertyAdded => "property-added",
            Self::PropertyRemoved => "property-removed",
            Self::PropertyRequired => "property-required",
            Self::VariantAdded => "variant-added",
            Self::VariantRemoved => "variant-removed",
            Self::Schema => "schema",
            Self::States => "states",
            Self::Deprecated => "deprecated",
            Self::Docs => "docs",
        }
    }
}

/// How a trouble is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "value")]
pub enum Evidence {
    /// It follows from what the files say.
    Rule,
    /// This value: one side may send it, the other refuses it.
    Example(Value),
    /// Neither a proof that there is none nor such a value was found: the change counts as if there were one.
    Undecided,
}

/// Trouble between a client of one version and a server of the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trouble {
    /// Who meets.
    pub pairing: Pairing,
    /// What happens, in words.
    pub what: String,
    /// How it is known.
    pub evidence: Evidence,
}

/// One difference between two protocols.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What kind of change it is.
    pub kind: Kind,
    /// What it is a change of: `message agent:start`, `type SessionId`, `connection`.
    pub subject: String,
    /// The messages that use the type, where it is one.
    #[serde(rename = "usedBy", skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
    /// Where in the subject's JSON Schema, as a JSON Pointer; empty for the whole of it and for what is no schema.
    pub pointer: String,
    /// What has changed: a fragment in lower case without a full stop.
    pub what: String,
    /// In which order it can be rolled out.
    pub class: Class,
    /// Whom it troubles; empty if it is compatible.
    pub troubles: Vec<Trouble>,
    /// What to do about it in a rollout, where there is something to do.
    pub advice: Option<String>,
    /// Where in the old file; the place around it where it is not there.
    pub old: Option<Place>,
    /// Where in the new file; the place around it where it is not there.
    pub new: Option<Place>,
}

impl Change {
    /// Whether some part of its class is caution alone.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.troubles
            .iter()
            .any(|trouble| trouble.evidence == Evidence::Undecided)
    }
}

/// What to do about a change of this class that is sent by `sender`, or of behaviour if that is `None`.
pub(super) fn advice(class: Class, sender: Option<Sender>) -> Option<&'static str> {
    Some(match (class, sender) {
        (Class::Compatible, _) => return None,
        (Class::ServerFirst, Some(Sender::Client)) => "update every server before a client sends what is new",
        (Class::ServerFirst, _) => "update every server before the clients that count on it",
        (Class::ClientFirst, Some(Sender::Client)) => {
            "release clients that no longer send what is refused, and update servers when the old clients are gone"
        }
        (Class::ClientFirst, _) => {
            "release clients that can do with it, and update servers when the old clients are gone"
        }
        (Class::Breaking, _) => {
            "keep the old form beside a new one until nobody uses it, or raise the major version and serve both"
        }
    })
}
