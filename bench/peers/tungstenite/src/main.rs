//! A bare tokio-tungstenite. With no argument an echo; with `broadcast`, each message makes it write one event to all
//! connections from a single loop, which is as little as writing those bytes can cost on this stack: no queue between,
//! no task woken for each receiver.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use peer_support::protocol::{Envelope, Publish};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{LocalSet, spawn_local};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_async};

type Sink = Rc<Mutex<SplitSink<WebSocketStream<TcpStream>, Message>>>;
type Audience = Rc<RefCell<Vec<Sink>>>;

fn main() -> io::Result<()> {
    let broadcast = std::env::args().nth(1).is_some_and(|mode| mode == "broadcast");
    peer_support::run(async |listener| LocalSet::new().run_until(accept(listener, broadcast)).await)
}

async fn accept(listener: TcpListener, broadcast: bool) -> io::Result<()> {
    let audience = Audience::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let audience = audience.clone();
        spawn_local(async move {
            // A failed handshake or a broken connection ends this one connection.
            let Ok(socket) = accept_async(stream).await else {
                return;
            };
            match broadcast {
                true => listen(socket, audience).await,
                false => echo(socket).await,
            }
        });
    }
}

async fn echo(mut socket: WebSocketStream<TcpStream>) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn listen(socket: WebSocketStream<TcpStream>, audience: Audience) {
    let (sink, mut stream) = socket.split();
    let sink = Rc::new(Mutex::new(sink));
    audience.borrow_mut().push(sink.clone());
    let content = Publish {
        content: EVENT.to_owned(),
    };
    let Ok(event) = Envelope::text("bench:event", content, None) else {
        return;
    };
    let event = Utf8Bytes::from(event);
    while let Some(Ok(message)) = stream.next().await {
        if message.is_text() {
            let receivers = audience.borrow().clone();
            for receiver in receivers {
                // Who is gone is taken off the list by its own reader.
                receiver
                    .lock()
                    .await
                    .send(Message::Text(event.clone()))
                    .await
                    .unwrap_or_default();
            }
        }
    }
    audience.borrow_mut().retain(|other| !Rc::ptr_eq(other, &sink));
}

/// As long as what the validating peers broadcast.
const EVENT: &str =
    "The build of revision 41 is green: 1,204 tests passed, none failed, and nothing was left out this time.";
