//! One connection: connects, sends the request, and prints what answers it until the last part of the answer.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use tokio::signal::ctrl_c;
use tokio::time::{Instant, sleep_until};
use wireloom::ClientAction;
use wireloom_client::{Client, ConnectError, Ended, Lost, Messages, Missed, RawMessage, State};

use super::Args;
use super::answer::{Expect, Part};
use super::request::{self, Request};
use crate::exit::{Exit, Failure};
use crate::output::{Format, Output};

/// How long the server may take to end a request that was cancelled.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// How long the server may take to say goodbye.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// Messages that may wait to be printed.
const MAX_UNPRINTED: usize = 65_536;

/// Bytes that may wait to be printed, and of the largest message.
const MAX_UNPRINTED_BYTES: usize = 256 * 1024 * 1024;
const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// Sends a request and prints what answers it.
pub(super) async fn hold(
    args: &Args,
    request: &Request,
    expect: Expect,
    out: &mut Output,
) -> Result<Exit, Failure> {
    out.waiting(&format!("connecting to {}", args.url));
    let client = client(args)?;
    // From the first message on: the greeting is one.
    let messages = client.raw().messages();
    connected(args, &client).await?;
    let mut call = Call {
        args,
        request,
        expect,
        ping: None,
        answered: false,
        interrupted: false,
    };
    let ended = call.run(&client, messages, out).await;
    client.close().await;
    ended
}

/// A client that connects once, and takes a server as it is: with or without a greeting.
fn client(args: &Args) -> Result<Client, Failure> {
    let mut builder = Client::builder(args.url.to_string()).settings(|settings| {
        settings.connect_timeout = args.timeout;
        settings.close_timeout = CLOSE_GRACE;
        settings.reconnect.attempts = Some(0);
        settings.wait_for_greeting = false;
        settings.queue_bytes = usize::MAX;
        settings.inbox_messages = MAX_UNPRINTED;
        settings.inbox_bytes = MAX_UNPRINTED_BYTES;
        settings.message_bytes = MAX_MESSAGE_BYTES;
    });
    if let Some(token) = &args.token {
        builder = builder.token(token);
    }
    if let Some(protocol) = &args.protocol {
        builder = builder.subprotocol(protocol);
    }
    builder.start().map_err(|error| {
        let message = match error {
            ConnectError::Token => "the value of --token cannot stand in a header".to_owned(),
            ConnectError::Subprotocol => "the value of --protocol cannot stand in a header".to_owned(),
            other => other.to_string(),
        };
        Failure::new(Exit::Usage, message)
    })
}

/// Waits for the connection. One that opens and is closed at once was there: who reads on is told why.
async fn connected(args: &Args, client: &Client) -> Result<(), Failure> {
    let mut state = client.state();
    let reached = state
        .wait_for(|state| matches!(state, State::Connected { .. } | State::Ended(_)))
        .await;
    match reached.as_deref() {
        Ok(State::Ended(Ended::GaveUp { lost, .. } | Ended::Final { lost, .. })) if !was_connected(lost) => {
            let message = format!("cannot connect to {}: {lost}", args.url);
            let help = match lost {
                Lost::Http(status) => args.url.help(*status),
                _ => None,
            };
            Err(Failure {
                help,
                ..Failure::new(Exit::NotConnected, message)
            })
        }
        _ => Ok(()),
    }
}

fn was_connected(lost: &Lost) -> bool {
    !matches!(
        lost,
        Lost::Unreachable(_) | Lost::Http(_) | Lost::TimedOut | Lost::Token(_)
    )
}

/// One request under way.
struct Call<'a> {
    args: &'a Args,
    request: &'a Request,
    expect: Expect,
    /// Id of the ping that shows that a message which nothing answers was taken.
    ping: Option<String>,
    /// Whether anything has answered.
    answered: bool,
    /// Whether the user asked to stop.
    interrupted: bool,
}

impl Call<'_> {
    async fn run(
        &mut self,
        client: &Client,
        mut messages: Messages,
        out: &mut Output,
    ) -> Result<Exit, Failure> {
        if self.expect == Expect::Unknown {
            out.note(&format!(
                "the server does not tell its protocol: printing until nothing has come for {:?}; --spec and --first \
                 know better",
                self.args.timeout
            ));
        }
        let interrupts = stream::unfold((), |()| async { ctrl_c().await.ok().map(|()| ((), ())) });
        let mut interrupts = pin!(interrupts.fuse());
        // Listens before the request is sent: from then on an interrupt has something to cancel.
        let early = poll_fn(|cx| Poll::Ready(interrupts.as_mut().poll_next(cx))).await;
        if early == Poll::Ready(Some(())) {
            return Ok(Exit::Interrupted);
        }
        self.send(client);
        out.waiting(&self.expect.describe());
        let mut deadline = pin!(sleep_until(Instant::now() + self.args.timeout));
        loop {
            tokio::select! {
                message = messages.next() => match self.take(message, client, out)? {
                    Part::Last(_) | Part::Taken if self.interrupted => return Ok(Exit::Interrupted),
                    Part::Last(exit) => return Ok(exit),
                    Part::Taken => return Ok(Exit::Well),
                    Part::Item if !self.interrupted => {
                        deadline.as_mut().reset(Instant::now() + self.args.timeout);
                    }
                    Part::Item | Part::Other => {}
                },
                () = deadline.as_mut() => return self.silence(),
                // Where interrupts cannot be listened to, there are none.
                Some(()) = interrupts.next() => {
                    let again = std::mem::replace(&mut self.interrupted, true);
                    out.waiting("cancelling");
                    let cancelled = self.request.cancel().is_some_and(|cancel| client.raw().send_text(cancel).is_ok());
                    if again || !cancelled {
                        return Ok(Exit::Interrupted);
                    }
                    deadline.as_mut().reset(Instant::now() + CANCEL_GRACE);
                }
            }
        }
    }

    fn send(&mut self, client: &Client) {
        // A failure to send is told by what comes next, with the server's own reason if it gave one.
        client.raw().send_text(self.request.frame.as_str()).ok();
        if self.expect == Expect::Nothing {
            let (frame, id) = request::ping();
            self.ping = Some(id);
            client.raw().send_text(frame).ok();
        }
    }

    /// Takes one message: prints it if it is wanted, and says what it is to the request.
    fn take(
        &mut self,
        message: Option<Result<RawMessage, Missed>>,
        client: &Client,
        out: &mut Output,
    ) -> Result<Part, Failure> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(missed)) => return Err(Failure::new(Exit::Closed, missed.to_string())),
            None => return self.closed(client),
        };
        let part = self
            .expect
            .judge(&message, self.request.id.as_deref(), self.ping.as_deref());
        if matches!(part, Part::Item | Part::Last(_)) {
            self.answered = true;
        }
        let wanted = match part {
            Part::Item | Part::Last(_) => true,
            Part::Other => self.args.events,
            Part::Taken => false,
        };
        if wanted {
            let pretty = self.args.format == Format::Text && out.results_on_terminal;
            out.result(&layout(message.text(), pretty))?;
        }
        Ok(part)
    }

    /// Nothing came for the timeout.
    fn silence(&self) -> Result<Exit, Failure> {
        if self.interrupted {
            return Ok(Exit::Interrupted);
        }
        if self.expect == Expect::Unknown && self.answered {
            return Ok(Exit::Well);
        }
        let kind = self.request.message.as_deref().unwrap_or("the text");
        let message = match &self.expect {
            Expect::Stream { end, .. } if self.answered => {
                format!("nothing came for {:?}, and {end} did not yet", self.args.timeout)
            }
            _ => format!("nothing answered {kind} within {:?}", self.args.timeout),
        };
        Err(Failure::new(Exit::TimedOut, message).help("--timeout changes how long to wait"))
    }

    /// The server closed the connection.
    fn closed(&self, client: &Client) -> Result<Part, Failure> {
        if self.interrupted {
            return Ok(Part::Last(Exit::Interrupted));
        }
        if self.expect == Expect::Unknown && self.answered {
            return Ok(Part::Last(Exit::Well));
        }
        let lost = match &*client.state().borrow() {
            State::Ended(Ended::GaveUp { lost, .. } | Ended::Final { lost, .. }) => lost.clone(),
            _ => Lost::Broken("it was closed".to_owned()),
        };
        let failure = Failure::new(Exit::Closed, lost.to_string());
        Err(match lost.action() {
            ClientAction::LogIn => failure.help("give a valid --token"),
            ClientAction::Upgrade => {
                failure.help("--protocol names a version that the server does not speak")
            }
            ClientAction::BackOff if matches!(lost, Lost::Closed { .. }) => {
                failure.help("try again in a while")
            }
            _ => failure,
        })
    }
}

/// A message for people, or as one line.
fn layout(frame: &str, pretty: bool) -> Cow<'_, str> {
    let one_line = !frame.contains(['\n', '\r']);
    if one_line && !pretty {
        return Cow::Borrowed(frame);
    }
    match serde_json::from_str::<serde_json::Value>(frame) {
        Ok(value) if pretty => Cow::Owned(format!("{value:#}")),
        Ok(value) => Cow::Owned(value.to_string()),
        Err(_) => Cow::Owned(frame.escape_debug().to_string()),
    }
}
