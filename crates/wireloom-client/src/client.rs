//! The handle that a program holds.

use tokio::sync::watch;
use wireloom::messages::ConnectionAuthenticate;
use wireloom::{FromAnswer, Message, Request, ServerMessage, StreamRequest};

use crate::builder::Builder;
use crate::call::{Call, StreamCall, payload};
use crate::connect::bearer;
use crate::error::{Ended, RawError, SendError};
use crate::events::{Events, Notices};
use crate::raw::{Answer, Part, Raw};
use crate::state::State;
use crate::token::TokenSource;

/// What answers a token that the server accepts.
const AUTHENTICATED: &str = "connection:authenticated";

/// A client of one server. Cheap to clone; all clones share one session. When the last clone, request and stream is
/// dropped, the client closes.
///
/// ```no_run
/// # mod protocol { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated/protocol.rs")); }
/// use protocol::{PROTOCOL, Say};
/// use wireloom_client::Client;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder("ws://localhost:3001/ws").protocol(PROTOCOL).connect().await?;
/// let said = client.request(Say { text: "hi".to_owned() }).await?;
/// assert_eq!(said.text, "hi");
/// client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) raw: Raw,
    pub(crate) state: watch::Receiver<State>,
    pub(crate) tokens: TokenSource,
}

impl Client {
    /// What makes a client of the server at a `ws://` or `wss://` address.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }

    /// Makes a request; await it for its reply. See [`Call`].
    pub fn request<M>(&self, message: M) -> Call<M>
    where
        M: Request,
        M::Reply: Message,
        M::Error: FromAnswer,
    {
        Call::new(&self.raw, &message)
    }

    /// Asks for a stream. See [`StreamCall`].
    pub fn stream<M>(&self, message: M) -> StreamCall<M>
    where
        M: StreamRequest,
        M::Error: FromAnswer,
    {
        StreamCall::new(&self.raw, &message)
    }

    /// Queues a message that nothing answers. It is sent at most once: if the connection breaks at that moment, nobody knows
    /// whether it came. If the server refuses it, [`Client::notices`] says so.
    ///
    /// ```no_run
    /// # mod protocol { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated/protocol.rs")); }
    /// # fn example(client: wireloom_client::Client) -> Result<(), wireloom_client::SendError> {
    /// client.send(protocol::Note { text: "remember".to_owned() })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If it cannot wait to be sent; see [`SendError`].
    pub fn send<M: Request<Reply = ()>>(&self, message: M) -> Result<(), SendError> {
        self.raw.send(M::TYPE, payload(&message))
    }

    /// The server's messages of one type that answer nothing, from now on.
    ///
    /// ```no_run
    /// # mod protocol { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated/protocol.rs")); }
    /// # async fn example(client: wireloom_client::Client) {
    /// use futures_util::StreamExt;
    /// use protocol::News;
    ///
    /// let mut news = client.events::<News>();
    /// while let Some(event) = news.next().await {
    ///     match event {
    ///         Ok(News { text }) => println!("{text}"),
    ///         Err(missed) => println!("something is missing here: {missed}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn events<M: ServerMessage>(&self) -> Events<M> {
        let shared = &self.raw.handle.shared;
        Events::new(shared.core().events(M::TYPE), shared.tolerance.clone())
    }

    /// What happens to the connection from now on: lost, taken up again, or not.
    pub fn notices(&self) -> Notices {
        Notices::new(self.raw.handle.shared.core().notices())
    }

    /// The state of the connection, to look at or to wait for.
    ///
    /// ```no_run
    /// # async fn example(client: wireloom_client::Client) {
    /// use wireloom_client::State;
    ///
    /// let mut state = client.state();
    /// let connected = state.wait_for(|state| matches!(state, State::Connected { .. })).await;
    /// # drop(connected);
    /// # }
    /// ```
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Gives the server a new token in place, without connecting again. When the server has taken it, it replaces a token
    /// that was fixed by [`Builder::token`], for connections to come.
    ///
    /// # Errors
    ///
    /// If it cannot stand in a header, or the server refuses it or does not answer. Then the token is what it was.
    pub async fn refresh(&self, token: impl Into<String>) -> Result<(), RawError> {
        let token = token.into();
        bearer(&token).map_err(|_| RawError::Token)?;
        self.authenticate(token.clone()).await?;
        self.tokens.replace(token);
        Ok(())
    }

    async fn authenticate(&self, token: String) -> Result<(), RawError> {
        let authenticate = ConnectionAuthenticate { token };
        let mut call = self
            .raw
            .request(
                ConnectionAuthenticate::TYPE,
                payload(&authenticate),
                Answer::Reply(AUTHENTICATED.into()),
            )
            .without_items();
        loop {
            match std::future::poll_fn(|cx| call.poll_part(cx)).await {
                Some(Part::Item(_)) => {}
                Some(Part::Last(last)) => return last.map(drop),
                None => return Ok(()),
            }
        }
    }

    /// Ends the session and closes the connection, with 1000; what waits to be sent is sent first. Returns when it is over.
    pub async fn close(&self) {
        self.raw.handle.shared.ask(|core, now| core.close(now));
        let mut state = self.state.clone();
        // Its other end is in the task, which ends it when it ends.
        let _over = state.wait_for(|state| matches!(state, State::Ended(_))).await;
    }

    /// The layer by name, over JSON text.
    #[must_use]
    pub fn raw(&self) -> Raw {
        Raw::clone(&self.raw)
    }

    pub(crate) fn new(raw: Raw, state: watch::Receiver<State>, tokens: TokenSource) -> Self {
        Self { raw, state, tokens }
    }

    /// Waits for the first session. The error is why there is none.
    pub(crate) async fn connected(&self) -> Result<(), Ended> {
        let mut state = self.state.clone();
        let reached = state
            .wait_for(|state| matches!(state, State::Connected { .. } | State::Ended(_)))
            .await;
        match reached.as_deref() {
            Ok(State::Ended(ended)) => Err(ended.clone()),
            Ok(_) => Ok(()),
            Err(_) => Err(Ended::Closed),
        }
    }
}
