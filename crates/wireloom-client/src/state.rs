//! What a program sees of the connection.

use crate::error::{Ended, Lost};

/// State of the connection; see [`Client::state`](crate::Client::state).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// A connection is being opened, or the session taken up again.
    Connecting,
    /// Messages travel.
    Connected {
        /// The client's name on the server; `None` until a server has greeted that was not waited for.
        client_id: Option<String>,
    },
    /// There is no connection; another attempt follows by itself.
    Waiting {
        /// What happened to the one before.
        lost: Lost,
    },
    /// The program has closed it; what waited is being written.
    Closing,
    /// It is over, and stays so.
    Ended(Ended),
}
