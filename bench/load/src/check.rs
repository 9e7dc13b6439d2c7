//! Whether a peer does what its description says. A figure of a server that answers wrongly is worth nothing, so
//! this runs before anything is measured.

use std::net::SocketAddr;

use serde_json::Value;

use crate::dialect::{Answer, Dialect, FIRST_ID};
use crate::line::Line;
use crate::message::Kind;
use crate::{Error, Result};

/// How much of a payload a peer checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// It sends back what it got.
    Nothing,
    /// It looks at nothing, but answers with a message of its own.
    Shape,
    /// It decodes into types; constraints such as lengths and patterns pass unseen.
    Types,
    /// It holds every payload against the schema.
    Schema,
}

/// Sends each kind of request, and the mistakes that the peer claims to find; `Err` on the first wrong answer.
pub fn check(server: SocketAddr, dialect: &dyn Dialect, checks: Checks) -> Result<()> {
    let mut line = Line::open(server, dialect, 0)?;
    let mut id = FIRST_ID;
    let mut ask = |kind: Kind, payload: &Value| {
        id += 1;
        line.send(&dialect.request(kind, payload, id))?;
        let text = line.next_answer(dialect)?;
        match dialect.answer(&text) {
            Some(answer) if answer.id == id => Ok((text, answer)),
            _ => Err(Error::Wrong(format!("request {id} got {text}"))),
        }
    };

    for kind in [Kind::Echo, Kind::Nested] {
        let payload = kind.payload();
        let expected = if checks == Checks::Nothing {
            payload.clone()
        } else {
            kind.answer(&payload)
        };
        let good = |(text, answer): (String, Answer)| match answer.outcome {
            Ok(reply) if reply == expected => Ok(()),
            _ => Err(Error::Wrong(format!("a valid {} got {text}", kind.name()))),
        };
        good(ask(kind, &payload)?)?;

        let mut mistakes = Vec::new();
        if matches!(checks, Checks::Types | Checks::Schema) {
            mistakes.extend(kind.mistyped());
        }
        if checks == Checks::Schema {
            mistakes.extend(kind.invalid());
        }
        for (mistake, payload) in mistakes {
            let (text, answer) = ask(kind, &payload)?;
            if answer.outcome.is_ok() {
                return Err(Error::Wrong(format!("{} with {mistake} got {text}", kind.name())));
            }
        }
        good(ask(kind, &payload)?)?;
    }
    Ok(())
}
