//! One client: it works until it is told to stop, and keeps an account of what it sees.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use futures_util::StreamExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wireloom::code;
use wireloom_client::{CallError, Client, Discontinuity, Messages, Missed, Notice, Notices};

use crate::account::Account;
use crate::protocol::{Count, Do, Join, PROTOCOL};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    /// By an error that says so.
    CutOff,
}

/// A client at work.
pub(crate) struct Worker {
    pub(crate) number: u64,
    pub(crate) client: Client,
    pub(crate) account: Arc<Mutex<Account>>,
    /// Sessions that were taken up again, or could not be.
    pub(crate) returns: Arc<Mutex<Returns>>,
}

impl Worker {
    pub(crate) fn start(number: u64, server: SocketAddr) -> Result<Self, String> {
        let client = Client::builder(format!("ws://{server}/ws"))
            .protocol(PROTOCOL)
            .settings(|settings| {
                settings.reconnect.base = Duration::from_millis(10);
                settings.reconnect.cap = Duration::from_millis(300);
                settings.connect_timeout = Duration::from_secs(5);
                settings.heartbeat_margin = Duration::from_millis(400);
                settings.request_timeout = Some(Duration::from_secs(60));
                settings.stream_timeout = Some(Duration::from_secs(60));
                settings.inbox_messages = 100_000;
                settings.inbox_bytes = 64 * 1024 * 1024;
            })
            .start()
            .map_err(|error| error.to_string())?;
        let account = Arc::default();
        let returns = Arc::default();
        tokio::spawn(keep(client.raw().messages(), Arc::clone(&account)));
        tokio::spawn(notice(client.clone(), client.notices(), Arc::clone(&returns)));
        Ok(Self {
            number,
            client,
            account,
            returns,
        })
    }

    /// Works until it is told to stop. Returns how each request ended.
    pub(crate) async fn work(&self, seed: u64, stop: CancellationToken) -> Vec<(u64, Outcome)> {
        let mut random = Rng::with_seed(seed);
        let mut ended = Vec::new();
        while let Err(error) = self.client.request(Join {}).await {
            self.check(&error.to_string(), is_declared(&error));
        }
        let mut n = 0;
        while !stop.is_cancelled() {
            n += 1;
            let hold_ms = random.u64(0..30);
            let client = self.number;
            match self.client.request(Do { client, n, hold_ms }).await {
                Ok(did) => {
                    self.check("the answer to another request", did.n == n);
                    ended.push((n, Outcome::Answered));
                }
                Err(error) => {
                    self.check(&format!("request {n}: {error}"), is_declared(&error));
                    ended.push((n, Outcome::CutOff));
                }
            }
            if n % 4 == 0 {
                self.count(random.u64(1..40)).await;
            }
            tokio::time::sleep(Duration::from_millis(random.u64(0..60))).await;
        }
        ended
    }

    /// Has a stream sent, and counts along.
    async fn count(&self, to: u64) {
        let mut stream = self.client.stream(Count { to, pause_ms: 3 });
        let mut next = 0;
        while let Some(tick) = stream.next().await {
            match tick {
                Ok(tick) => {
                    self.check(
                        &format!("number {} instead of {next} in a stream", tick.at),
                        tick.at == next,
                    );
                    next += 1;
                }
                Err(error) => {
                    self.check(&format!("a stream: {error}"), is_declared(&error));
                    return;
                }
            }
        }
        self.check("a stream that ended too early", next == to);
    }

    fn check(&self, what: &str, holds: bool) {
        if !holds {
            lock(&self.account).wrong.push(what.to_owned());
        }
    }
}

pub(crate) fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an error says that the server or the session ended while a request was at work.
fn is_declared<E>(error: &CallError<E>) -> bool {
    match error {
        CallError::Server(error) => error.code == code::INTERNAL,
        CallError::Interrupted(_) => true,
        _ => false,
    }
}

/// Keeps account of every message.
async fn keep(mut messages: Messages, account: Arc<Mutex<Account>>) {
    while let Some(message) = messages.next().await {
        let mut account = lock(&account);
        match message {
            Ok(message) => {
                account.message(message.seq());
                let payload: Value = serde_json::from_str(message.payload()).unwrap_or_default();
                let number = |name: &str| payload[name].as_u64().unwrap_or(u64::MAX);
                match message.kind() {
                    "news" => account.news(number("epoch"), number("n")),
                    "doing" => account.announced(number("n")),
                    _ => {}
                }
            }
            Err(Missed::Discontinuity(_)) => account.gap(),
            Err(missed) => account.wrong.push(missed.to_string()),
        }
    }
}

/// How often a client came back, and why it could not.
#[derive(Debug, Default)]
pub(crate) struct Returns {
    pub(crate) resumed: u64,
    pub(crate) lost: Vec<Discontinuity>,
}

/// Counts resumes, and joins again where a session was lost.
async fn notice(client: Client, mut notices: Notices, returns: Arc<Mutex<Returns>>) {
    while let Some(notice) = notices.next().await {
        match notice {
            Notice::Resumed { .. } => lock(&returns).resumed += 1,
            Notice::Discontinuity(why) => {
                lock(&returns).lost.push(why);
                let client = client.clone();
                tokio::spawn(async move {
                    // What was cut off may not have happened.
                    while client
                        .request(Join {})
                        .await
                        .is_err_and(|error| is_declared(&error))
                    {}
                });
            }
            _ => {}
        }
    }
}
