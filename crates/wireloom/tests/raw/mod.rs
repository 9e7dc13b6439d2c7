//! A bare socket, for frames that no decent client sends.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest time that a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A bare socket.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
pub(crate) const FIN: u8 = 0x80;

/// The request of a handshake, with these header lines as well.
pub(crate) fn handshake(address: SocketAddr, headers: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// A frame of a client, masked.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    let key = [1, 2, 3, 4];
    frame.extend(key);
    frame.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}

impl Raw {
    /// Behind its handshake, which has these header lines as well.
    pub(crate) async fn open(address: SocketAddr, headers: &str) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), headers).await
    }

    /// The same, on a socket that is connected already.
    pub(crate) async fn over(mut stream: TcpStream, headers: &str) -> Self {
        let request = handshake(stream.peer_addr().unwrap(), headers);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8_lossy(&head);
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        Self { stream }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame: its opcode and payload; `None` at a clean end.
    pub(crate) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let frame = async {
            let first = match self.stream.read_u8().await {
                Ok(first) => first,
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return None,
                Err(error) => panic!("an unclean end: {error}"),
            };
            let length = match self.stream.read_u8().await.unwrap() {
                126 => u64::from(self.stream.read_u16().await.unwrap()),
                127 => self.stream.read_u64().await.unwrap(),
                length => u64::from(length),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).await.unwrap();
            Some((first & 0x0f, payload))
        };
        tokio::time::timeout(PATIENCE, frame).await.expect("nothing came")
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                Some((TEXT, payload)) => return serde_json::from_slice(&payload).unwrap(),
                Some((PING | PONG, _)) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    /// Reads until the server closes, answers, and waits for the end of the socket, which must be clean.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            let (opcode, payload) = self.frame().await.expect("a close frame");
            if opcode == CLOSE {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                // The server may have closed the socket already, after a protocol error.
                let _gone = self.stream.write_all(&masked(FIN | CLOSE, &payload[..2])).await;
                assert_eq!(self.frame().await, None, "nothing follows a close frame");
                return code;
            }
        }
    }
}
