//! One blocking connection: the upgrade, the dialect's opening, and messages one at a time. For what comes before
//! the measuring.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::dialect::{Dialect, Incoming};
use crate::frame::{self, masked, opcode};
use crate::{Error, Result};

const PATIENCE: Duration = Duration::from_secs(10);

/// The nonce of RFC 6455's own example, and the answer it has to get.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Connections from one source address, well inside the range of ephemeral ports.
const PER_SOURCE: usize = 20_000;

pub(crate) struct Line {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Line {
    /// Connects as the `index`-th connection to `server`, upgrades, and says what the dialect says first.
    pub(crate) fn open(server: SocketAddr, dialect: &dyn Dialect, index: usize) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        if index >= PER_SOURCE {
            let last = u8::try_from(index / PER_SOURCE + 1).unwrap_or(u8::MAX);
            let source = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0);
            socket.bind(&source.into())?;
        }
        socket.connect(&server.into())?;
        socket.set_tcp_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut line = Self {
            stream: socket.into(),
            received: Vec::new(),
        };
        line.upgrade(server, dialect.path())?;
        for (greeting, answer) in dialect.opening() {
            // Keep-alives may come at once, before the greeting is over.
            let text = line.next_answer(dialect)?;
            if !text.starts_with(greeting) {
                return Err(Error::Unexpected(text));
            }
            if !answer.is_empty() {
                line.send(answer)?;
            }
        }
        Ok(line)
    }

    fn upgrade(&mut self, server: SocketAddr, path: &str) -> Result<()> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes())?;
        let end = loop {
            match memchr::memmem::find(&self.received, b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.receive()?,
            }
        };
        let head = String::from_utf8_lossy(&self.received[..end]).into_owned();
        if !head.starts_with("HTTP/1.1 101 ") || !head.contains(ACCEPT) {
            return Err(Error::Upgrade(head.lines().next().unwrap_or_default().to_owned()));
        }
        self.received.drain(..end);
        Ok(())
    }

    fn receive(&mut self) -> Result<()> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk)? {
            0 => Err(Error::Closed),
            length => {
                self.received.extend_from_slice(&chunk[..length]);
                Ok(())
            }
        }
    }

    pub(crate) fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.stream.write_all(&masked(opcode::TEXT, text.as_bytes()))?)
    }

    /// The next text message; pings are answered on the way.
    pub(crate) fn next_text(&mut self) -> Result<String> {
        loop {
            let Some(frame) = frame::parse(&self.received)? else {
                self.receive()?;
                continue;
            };
            let (opcode, payload, length) = (frame.opcode, frame.payload.to_vec(), frame.length);
            self.received.drain(..length);
            match opcode {
                opcode::TEXT => {
                    return String::from_utf8(payload).map_err(|error| Error::Protocol(error.to_string()));
                }
                opcode::PING => self.stream.write_all(&masked(opcode::PONG, &payload))?,
                opcode::PONG => {}
                opcode::CLOSE => return Err(Error::Closed),
                other => return Err(Error::Protocol(format!("opcode {other}"))),
            }
        }
    }

    /// The next text message that the dialect doesn't take for an aside.
    pub(crate) fn next_answer(&mut self, dialect: &dyn Dialect) -> Result<String> {
        loop {
            let text = self.next_text()?;
            match dialect.classify(text.as_bytes()) {
                Incoming::Aside => {}
                Incoming::KeepAlive(answer) => self.send(answer)?,
                Incoming::Reply | Incoming::Event | Incoming::Unexpected => return Ok(text),
            }
        }
    }

    /// The socket, and what was received and not read yet.
    pub(crate) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.received)
    }
}
