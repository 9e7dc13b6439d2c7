//! One connection: connects, sends the request, and prints what answers it until the last part of the answer.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::signal::ctrl_c;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wireloom::ClientAction;

use super::Args;
use super::answer::{Expect, Part};
use super::request::{self, Request};
use crate::exit::{Exit, Failure};
use crate::output::{Format, Output};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long the server may take to end a request that was cancelled.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// How long the server may take to say goodbye.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// Sends a request and prints what answers it.
pub(super) async fn hold(
    args: &Args,
    request: &Request,
    expect: Expect,
    out: &mut Output,
) -> Result<Exit, Failure> {
    out.waiting(&format!("connecting to {}", args.url));
    let mut socket = connect(args).await?;
    let mut call = Call {
        args,
        request,
        expect,
        ping: None,
        answered: false,
        interrupted: false,
    };
    let ended = call.run(&mut socket, out).await;
    // Goodbye is a courtesy; the answer stands without it.
    timeout(CLOSE_GRACE, goodbye(&mut socket)).await.ok();
    ended
}

async fn connect(args: &Args) -> Result<Socket, Failure> {
    let url = &args.url;
    let mut handshake = url
        .uri
        .clone()
        .into_client_request()
        .map_err(|error| Failure::new(Exit::Usage, format!("{url} is no endpoint: {error}")))?;
    let mut header = |name, value: Result<HeaderValue, _>, flag: &str| match value {
        Ok(value) => {
            handshake.headers_mut().insert(name, value);
            Ok(())
        }
        Err(_) => {
            let message = format!("the value of {flag} cannot stand in a header");
            Err(Failure::new(Exit::Usage, message))
        }
    };
    if let Some(token) = &args.token {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        header(AUTHORIZATION, value, "--token")?;
    }
    if let Some(protocol) = &args.protocol {
        header(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::try_from(protocol.as_str()),
            "--protocol",
        )?;
    }
    let refused = |why: String| Failure::new(Exit::NotConnected, format!("cannot connect to {url}: {why}"));
    match timeout(args.timeout, connect_async(handshake)).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(response))) => Err(refused(format!(
            "the server answered HTTP {} instead of opening a WebSocket",
            response.status()
        ))),
        Ok(Err(error)) => Err(refused(error.to_string())),
        Err(_) => Err(refused("it took too long".to_owned())),
    }
}

async fn goodbye(socket: &mut Socket) {
    let frame = CloseFrame {
        code: CloseCode::Normal,
        reason: "".into(),
    };
    if socket.close(Some(frame)).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
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
    async fn run(&mut self, socket: &mut Socket, out: &mut Output) -> Result<Exit, Failure> {
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
        // A failure to send is told by the next read, with the server's own reason if it gave one.
        self.send(socket).await.ok();
        out.waiting(&self.expect.describe());
        let mut deadline = pin!(sleep_until(Instant::now() + self.args.timeout));
        loop {
            tokio::select! {
                message = socket.next() => match self.take(message, out)? {
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
                    let cancel = Message::text(self.request.cancel());
                    if again || socket.send(cancel).await.is_err() {
                        return Ok(Exit::Interrupted);
                    }
                    deadline.as_mut().reset(Instant::now() + CANCEL_GRACE);
                }
            }
        }
    }

    async fn send(&mut self, socket: &mut Socket) -> Result<(), tungstenite::Error> {
        socket.feed(Message::text(self.request.frame.as_str())).await?;
        if self.expect == Expect::Nothing {
            let (frame, id) = request::ping();
            self.ping = Some(id);
            socket.feed(Message::text(frame)).await?;
        }
        socket.flush().await
    }

    /// Takes one message of the socket: prints it if it is wanted, and says what it is to the request.
    fn take(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
        out: &mut Output,
    ) -> Result<Part, Failure> {
        let frame = match message {
            Some(Ok(Message::Text(frame))) => frame,
            Some(Ok(Message::Close(frame))) => return self.closed(frame.as_ref()),
            // Pings are answered by the socket; binary frames are no messages of any protocol here.
            Some(Ok(_)) => return Ok(Part::Other),
            Some(Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed)) | None => {
                return self.closed(None);
            }
            Some(Err(error)) => {
                return Err(Failure::new(
                    Exit::Closed,
                    format!("the connection broke: {error}"),
                ));
            }
        };
        let part = self.expect.judge(&frame, &self.request.id, self.ping.as_deref());
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
            out.result(&layout(&frame, pretty))?;
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
        let kind = &self.request.message;
        let message = match &self.expect {
            Expect::Stream { end, .. } if self.answered => {
                format!("nothing came for {:?}, and {end} did not yet", self.args.timeout)
            }
            _ => format!("nothing answered {kind} within {:?}", self.args.timeout),
        };
        Err(Failure::new(Exit::TimedOut, message).help("--timeout changes how long to wait"))
    }

    /// The server closed the connection.
    fn closed(&self, frame: Option<&CloseFrame>) -> Result<Part, Failure> {
        if self.interrupted {
            return Ok(Part::Last(Exit::Interrupted));
        }
        if self.expect == Expect::Unknown && self.answered {
            return Ok(Part::Last(Exit::Well));
        }
        let Some(frame) = frame else {
            let message = "the server closed the connection before it had answered";
            return Err(Failure::new(Exit::Closed, message));
        };
        let number = u16::from(frame.code);
        let failure = Failure::new(
            Exit::Closed,
            format!("the server closed the connection: {number} {}", frame.reason),
        );
        let known = wireloom::CloseCode::ALL
            .into_iter()
            .find(|code| code.code() == number);
        Err(match known.map(wireloom::CloseCode::action) {
            Some(ClientAction::LogIn) => failure.help("give a valid --token"),
            Some(ClientAction::Upgrade) => {
                failure.help("--protocol names a version that the server does not speak")
            }
            Some(ClientAction::BackOff) => failure.help("try again in a while"),
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
