//! What can be wrong with a text. Small on purpose: a result of reading then comes back in registers.

use std::fmt::{self, Display, Formatter};

/// Result of reading.
pub type Read<T> = Result<T, Fault>;

/// Where reading stopped, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Byte offset in the text.
    pub at: usize,
    /// What was wrong.
    pub kind: FaultKind,
}

/// What was wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The text is no JSON; what was expected instead.
    Syntax(Expected),
    /// An object has the same name twice.
    DuplicateName,
    /// A `\u` escape is half of a surrogate pair.
    LoneSurrogate,
    /// A number that a double cannot hold.
    InexactNumber,
    /// Arrays and objects nest deeper than allowed.
    TooDeep,
    /// Undecided after too many attempts at the variants of nested unions.
    TooComplex,
    /// JSON, but not what the schema asks for.
    Refused,
}

impl Display for FaultKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(expected) => write!(f, "expected {expected}"),
            Self::DuplicateName => f.write_str("the same name stands twice in one object"),
            Self::LoneSurrogate => f.write_str("a \\u escape is half of a surrogate pair"),
            Self::InexactNumber => {
                f.write_str("a number that a double cannot hold exactly; send it as a string")
            }
            Self::TooDeep => f.write_str("arrays and objects nest too deep"),
            Self::TooComplex => f.write_str("the variants of nested unions leave too much undecided"),
            Self::Refused => f.write_str("the value does not satisfy the schema"),
        }
    }
}

/// What JSON would have had at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A value of any kind.
    Value,
    /// A digit of a number.
    Digit,
    /// `null`, of which the beginning is there.
    Null,
    /// `true`, of which the beginning is there.
    True,
    /// `false`, of which the beginning is there.
    False,
    /// The first name of an object, or its end.
    NameOrEnd,
    /// The name behind a comma.
    Name,
    /// The colon behind a name.
    Colon,
    /// What stands behind a value in an object.
    CommaOrBrace,
    /// What stands behind a value in an array.
    CommaOrBracket,
    /// The end of a string.
    Quote,
    /// A control character as an escape.
    EscapedControl,
    /// A character that may stand behind a backslash.
    Escape,
    /// The digits of a `\u` escape.
    HexDigits,
    /// Nothing more.
    End,
}

impl Display for Expected {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "a value",
            Self::Digit => "a digit",
            Self::Null => "`null`",
            Self::True => "`true`",
            Self::False => "`false`",
            Self::NameOrEnd => "a name in double quotes or `}`",
            Self::Name => "a name in double quotes",
            Self::Colon => "`:`",
            Self::CommaOrBrace => "`,` or `}`",
            Self::CommaOrBracket => "`,` or `]`",
            Self::Quote => "`\"` at the end of a string",
            Self::EscapedControl => "control characters in a string as \\u escapes",
            Self::Escape => "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u",
            Self::HexDigits => "four hexadecimal digits behind \\u",
            Self::End => "the end of the message",
        })
    }
}
