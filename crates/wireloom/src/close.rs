//! The close codes: one table for the engine, the clients' reconnect policy and the documentation.
//!
//! 1000 to 1015 are those of [RFC 6455, section 7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4); 4000 to
//! 4999 are for applications.

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The conversation is over.
    Normal = 1000,
    /// The server shuts down.
    GoingAway = 1001,
    /// The peer broke the WebSocket protocol.
    ProtocolError = 1002,
    /// A binary frame came; messages are text.
    UnsupportedData = 1003,
    /// A text frame held no UTF-8.
    InvalidUtf8 = 1007,
    /// A message was larger than the limit.
    MessageTooBig = 1009,
    /// The server failed.
    InternalError = 1011,
    /// The server restarts.
    ServiceRestart = 1012,
    /// The server has more to do than it can.
    TryAgainLater = 1013,
    /// The peer broke the message protocol again and again.
    ProtocolViolations = 4400,
    /// No valid credentials, or they expired.
    Unauthorized = 4401,
    /// The origin or the resource is not allowed.
    Forbidden = 4403,
    /// No version of the protocol that both speak.
    NoCommonVersion = 4406,
    /// Silence past the heartbeat's or the handshake's deadline.
    Timeout = 4408,
    /// A newer connection took the session over.
    TakenOver = 4409,
    /// The message rate was exceeded for too long.
    RateExceeded = 4429,
    /// The peer reads slower than messages come.
    TooSlow = 4503,
}

/// What a client does when it sees a close code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAction {
    /// Nothing: the conversation is over.
    Stop,
    /// The program is wrong: mend it; connecting again changes nothing.
    Fix,
    /// Connect again after the server's hint, with jitter.
    ReconnectAfterHint,
    /// Connect again with exponential back-off and jitter.
    BackOff,
    /// Get new credentials, then connect.
    LogIn,
    /// Update the client.
    Upgrade,
    /// Connect again and resume the session.
    Resume,
}

impl CloseCode {
    /// Every code that a server of this engine sends.
    pub const ALL: [Self; 17] = [
        Self::Normal,
        Self::GoingAway,
        Self::ProtocolError,
        Self::UnsupportedData,
        Self::InvalidUtf8,
        Self::MessageTooBig,
        Self::InternalError,
        Self::ServiceRestart,
        Self::TryAgainLater,
        Self::ProtocolViolations,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NoCommonVersion,
        Self::Timeout,
        Self::TakenOver,
        Self::RateExceeded,
        Self::TooSlow,
    ];

    /// The code of a number on the wire, if a server of this engine sends it.
    #[must_use]
    pub fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.code() == number)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// What the client should do.
    #[must_use]
    pub const fn action(self) -> ClientAction {
        match self {
            Self::Normal | Self::Forbidden | Self::TakenOver => ClientAction::Stop,
            Self::GoingAway => ClientAction::ReconnectAfterHint,
            Self::ProtocolError
            | Self::UnsupportedData
            | Self::InvalidUtf8
            | Self::MessageTooBig
            | Self::ProtocolViolations => ClientAction::Fix,
            Self::InternalError | Self::ServiceRestart | Self::TryAgainLater | Self::RateExceeded => {
                ClientAction::BackOff
            }
            Self::Unauthorized => ClientAction::LogIn,
            Self::NoCommonVersion => ClientAction::Upgrade,
            Self::Timeout | Self::TooSlow => ClientAction::Resume,
        }
    }

    /// Whether a session that can be resumed outlives a connection that is closed with this code.
    #[must_use]
    pub const fn parks(self) -> bool {
        match self.action() {
            ClientAction::ReconnectAfterHint
            | ClientAction::BackOff
            | ClientAction::LogIn
            | ClientAction::Resume => true,
            ClientAction::Stop | ClientAction::Fix | ClientAction::Upgrade => false,
        }
    }

    /// The reason text of the close frame.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::GoingAway => "server shutting down",
            Self::ProtocolError => "websocket protocol error",
            Self::UnsupportedData => "binary frames are not accepted",
            Self::InvalidUtf8 => "invalid utf-8",
            Self::MessageTooBig => "message too big",
            Self::InternalError => "internal error",
            Self::ServiceRestart => "server restarting",
            Self::TryAgainLater => "overloaded",
            Self::ProtocolViolations => "too many protocol violations",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NoCommonVersion => "no common protocol version",
            Self::Timeout => "timeout",
            Self::TakenOver => "session taken over",
            Self::RateExceeded => "rate exceeded",
            Self::TooSlow => "too slow",
        }
    }
}
