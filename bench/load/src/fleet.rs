//! Many connections, driven by one thread: a fixed number of requests in flight on each, the next one sent when a
//! reply came.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::iter::repeat_n;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::dialect::{Dialect, Incoming};
use crate::frame::{self, masked, opcode};
use crate::line::Line;
use crate::message::Kind;
use crate::ring::Ring;
use crate::{Error, Result};

const SCRATCH: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that all do the same.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// How many.
    pub connections: usize,
    /// Requests in flight on each: below 64.
    pub in_flight: usize,
    /// What they ask.
    pub kind: Kind,
    /// Whether the time of each reply is kept.
    pub timed: bool,
}

/// What ends a run. Requests in flight at the end are waited for.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// So many requests were sent.
    Sent(u64),
    /// So much time went by.
    Elapsed(Duration),
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Replies that came; in a broadcast, events that came.
    pub replies: u64,
    /// From the first request to the last reply.
    pub elapsed: Duration,
    /// Nanoseconds from request to reply, of groups that are timed, in no order.
    pub latencies: Vec<u32>,
}

struct Connection {
    stream: TcpStream,
    group: usize,
    /// Position in the group's ring, and bytes from there on that are to be sent.
    cursor: usize,
    owed: usize,
    /// Pongs and keep-alives to be sent between two requests.
    control: Vec<u8>,
    /// The start of a frame whose end has not come.
    partial: Vec<u8>,
    /// When each request in flight was sent, in groups that are timed.
    sent: VecDeque<Instant>,
    events: u64,
}

/// Open connections to one server.
pub struct Fleet<'a> {
    dialect: &'a dyn Dialect,
    groups: Vec<(Group, Ring)>,
    connections: Vec<Connection>,
    poll: Poll,
    scratch: Vec<u8>,
    /// Requests that may still be sent in this run.
    budget: u64,
    outstanding: u64,
    events: u64,
    tally: Tally,
}

impl<'a> Fleet<'a> {
    /// Opens all connections of all groups, in order.
    pub fn open(server: SocketAddr, dialect: &'a dyn Dialect, groups: &[Group]) -> Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            for _ in 0..group.connections {
                let (stream, partial) = Line::open(server, dialect, connections.len())?.into_parts();
                stream.set_nonblocking(true)?;
                let mut stream = TcpStream::from_std(stream);
                let token = Token(connections.len());
                poll.registry()
                    .register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                connections.push(Connection {
                    stream,
                    group: index,
                    cursor: 0,
                    owed: 0,
                    control: Vec::new(),
                    partial,
                    sent: VecDeque::new(),
                    events: 0,
                });
            }
        }
        Ok(Self {
            dialect,
            groups: groups
                .iter()
                .map(|group| (*group, Ring::new(dialect, group.kind)))
                .collect(),
            connections,
            poll,
            scratch: vec![0; SCRATCH],
            budget: 0,
            outstanding: 0,
            events: 0,
            tally: Tally::default(),
        })
    }

    /// Keeps every connection at its group's number of requests in flight. Starts and ends with none in flight, so that
    /// what the server spent between is the cost of exactly the replies counted.
    pub fn run(&mut self, until: Until) -> Result<Tally> {
        let (start, deadline) = self.begin(until);
        for index in 0..self.connections.len() {
            let allowed = self.groups[self.connections[index].group].0.in_flight;
            self.request(index, allowed)?;
        }
        let mut events = Events::with_capacity(1024);
        while self.outstanding > 0 {
            self.turn(&mut events)?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.budget = 0;
            }
        }
        Ok(self.finish(start))
    }

    /// Has the first connection publish, waits until every connection got the event, and again. Counts events.
    pub fn broadcast(&mut self, until: Until) -> Result<Tally> {
        let (start, deadline) = self.begin(until);
        let mut events = Events::with_capacity(1024);
        let audience = self.connections.len() as u64;
        while self.budget > 0 && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            self.request(0, 1)?;
            self.outstanding = audience;
            self.events = 0;
            while self.events < audience {
                self.turn(&mut events)?;
            }
            self.outstanding = 0;
            self.tally.replies += audience;
        }
        let first = self.connections[0].events;
        if self
            .connections
            .iter()
            .any(|connection| connection.events != first)
        {
            return Err(Error::Wrong(
                "some connections got more events than others".into(),
            ));
        }
        Ok(self.finish(start))
    }

    fn begin(&mut self, until: Until) -> (Instant, Option<Instant>) {
        self.tally = Tally::default();
        let start = Instant::now();
        match until {
            Until::Sent(count) => {
                self.budget = count;
                (start, None)
            }
            Until::Elapsed(time) => {
                self.budget = u64::MAX;
                (start, Some(start + time))
            }
        }
    }

    fn finish(&mut self, start: Instant) -> Tally {
        self.tally.elapsed = start.elapsed();
        std::mem::take(&mut self.tally)
    }

    /// Waits for sockets, and does what they are ready for.
    fn turn(&mut self, events: &mut Events) -> Result<()> {
        loop {
            match self.poll.poll(events, Some(PATIENCE)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
                Ok(()) => break,
            }
        }
        if events.is_empty() {
            return Err(Error::Stalled {
                waited: PATIENCE,
                outstanding: self.outstanding,
            });
        }
        events.iter().try_for_each(|event| self.serve(event))
    }

    fn serve(&mut self, event: &Event) -> Result<()> {
        let Token(index) = event.token();
        if event.is_readable() {
            self.read(index)?;
        }
        let connection = &self.connections[index];
        if event.is_writable() && (connection.owed > 0 || !connection.control.is_empty()) {
            self.write(index)?;
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<()> {
        loop {
            let connection = &mut self.connections[index];
            let length = match connection.stream.read(&mut self.scratch) {
                Ok(0) => return Err(Error::Closed),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let received = if connection.partial.is_empty() {
                &self.scratch[..length]
            } else {
                connection.partial.extend_from_slice(&self.scratch[..length]);
                &connection.partial
            };
            let seen = scan(received, self.dialect)?;
            connection.control.extend_from_slice(&seen.control);
            connection.partial = received[seen.length..].to_vec();
            connection.events += seen.events;
            self.events += seen.events;
            self.outstanding = self.outstanding.saturating_sub(seen.replies as u64);
            self.tally.replies += seen.replies as u64;
            if seen.replies > 0 {
                if self.groups[connection.group].0.timed {
                    let now = Instant::now();
                    let sent = connection.sent.drain(..seen.replies.min(connection.sent.len()));
                    let nanos = |sent: Instant| u32::try_from((now - sent).as_nanos()).unwrap_or(u32::MAX);
                    self.tally.latencies.extend(sent.map(nanos));
                }
                self.request(index, seen.replies)?;
            } else if !seen.control.is_empty() {
                self.write(index)?;
            }
            // A read that left room took all there was, and the next arrival is a new event.
            if length < SCRATCH {
                return Ok(());
            }
        }
    }

    /// Sends as many of `count` requests as the run still has.
    fn request(&mut self, index: usize, count: usize) -> Result<()> {
        let count = usize::try_from(self.budget).map_or(count, |budget| count.min(budget));
        if count == 0 {
            return Ok(());
        }
        self.budget -= count as u64;
        self.outstanding += count as u64;
        let connection = &mut self.connections[index];
        let (group, ring) = &self.groups[connection.group];
        connection.owed += count * ring.frame();
        if group.timed {
            connection.sent.extend(repeat_n(Instant::now(), count));
        }
        self.write(index)
    }

    fn write(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        let ring = &self.groups[connection.group].1;
        loop {
            // Control frames go between two requests, never into one.
            let between = connection.cursor.is_multiple_of(ring.frame());
            let control = between && !connection.control.is_empty();
            let bytes = if control {
                &connection.control
            } else {
                ring.slice(connection.cursor, connection.owed)
            };
            if bytes.is_empty() {
                return Ok(());
            }
            match connection.stream.write(bytes) {
                Ok(sent) if control => {
                    connection.control.drain(..sent);
                }
                Ok(sent) => {
                    connection.cursor = ring.advance(connection.cursor, sent);
                    connection.owed -= sent;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What stood in a piece of received bytes.
#[derive(Default)]
struct Seen {
    length: usize,
    replies: usize,
    events: u64,
    control: Vec<u8>,
}

fn scan(bytes: &[u8], dialect: &dyn Dialect) -> Result<Seen> {
    let mut seen = Seen::default();
    while let Some(frame) = frame::parse(&bytes[seen.length..])? {
        seen.length += frame.length;
        match frame.opcode {
            opcode::TEXT => match dialect.classify(frame.payload) {
                Incoming::Reply => seen.replies += 1,
                Incoming::Event => seen.events += 1,
                Incoming::Aside => {}
                Incoming::KeepAlive(answer) => seen.control.extend(masked(opcode::TEXT, answer.as_bytes())),
                Incoming::Unexpected => {
                    return Err(Error::Unexpected(
                        String::from_utf8_lossy(frame.payload).into_owned(),
                    ));
                }
            },
            opcode::PING => seen.control.extend(masked(opcode::PONG, frame.payload)),
            opcode::PONG => {}
            opcode::CLOSE => return Err(Error::Closed),
            other => return Err(Error::Protocol(format!("opcode {other}"))),
        }
    }
    Ok(seen)
}
