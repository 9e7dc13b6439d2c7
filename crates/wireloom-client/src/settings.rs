//! Every bound and deadline of a client, with its default.

use std::time::Duration;

/// Further ahead than anyone waits: a setting beyond it cannot overflow a clock.
pub(crate) const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// Bounds and deadlines; see [`Builder::settings`](crate::Builder::settings).
///
/// ```
/// use std::time::Duration;
/// use wireloom_client::Client;
///
/// let builder = Client::builder("wss://example.org/ws").settings(|settings| {
///     settings.request_timeout = Some(Duration::from_secs(5));
///     settings.reconnect.attempts = Some(8);
/// });
/// # drop(builder);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Longest time from the first packet to a session that takes messages. 10 seconds.
    pub connect_timeout: Duration,
    /// When and how often it connects again.
    pub reconnect: Reconnect,
    /// Longest time of a request, the time without a connection included. 30 seconds; `None` waits for ever.
    pub request_timeout: Option<Duration>,
    /// Longest silence of a stream. `None`, the default, waits for ever.
    pub stream_timeout: Option<Duration>,
    /// Silence of the server that is tolerated beyond one and a half of its heartbeats. 5 seconds.
    pub heartbeat_margin: Duration,
    /// How long the server may take to say goodbye. 2 seconds.
    pub close_timeout: Duration,
    /// Messages that may wait to be sent, offline or because the network is slow. 1024.
    pub queue_messages: usize,
    /// Bytes that may wait to be sent. 4 MiB.
    pub queue_bytes: usize,
    /// Requests and streams that may be under way together. 1024.
    pub calls: usize,
    /// Messages that may wait in one stream or in one subscription until the program takes them. 1024.
    pub inbox_messages: usize,
    /// Bytes that may wait there. 8 MiB.
    pub inbox_bytes: usize,
    /// Largest message of the server, in bytes. 16 MiB.
    pub message_bytes: usize,
    /// Whether nothing is sent until the server has sent `connection:established`. On, unless a server does not greet.
    pub wait_for_greeting: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            reconnect: Reconnect::default(),
            request_timeout: Some(Duration::from_secs(30)),
            stream_timeout: None,
            heartbeat_margin: Duration::from_secs(5),
            close_timeout: Duration::from_secs(2),
            queue_messages: 1024,
            queue_bytes: 4 * 1024 * 1024,
            calls: 1024,
            inbox_messages: 1024,
            inbox_bytes: 8 * 1024 * 1024,
            message_bytes: 16 * 1024 * 1024,
            wait_for_greeting: true,
        }
    }
}

/// When and how often a client connects again: exponential back-off with [full jitter].
///
/// [full jitter]: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reconnect {
    /// Longest wait before the first attempt; each further one may wait twice as long. 250 milliseconds.
    pub base: Duration,
    /// Longest wait before any attempt. 30 seconds.
    pub cap: Duration,
    /// Attempts in a row that may fail before the client ends. `None`, the default, is no limit; 0 never connects again.
    pub attempts: Option<u32>,
    /// How long a connection must last for the attempts to be counted from the beginning. 5 seconds.
    pub stable_after: Duration,
    /// Longest wait that a server may ask for by `connection:closing`. 5 minutes.
    pub max_hint: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(250),
            cap: Duration::from_secs(30),
            attempts: None,
            stable_after: Duration::from_secs(5),
            max_hint: Duration::from_secs(300),
        }
    }
}

impl Reconnect {
    /// The wait after `failed` attempts: anything from nothing to the bound, by `chance` from 0 to 1.
    pub(crate) fn back_off(&self, failed: u32, chance: f64) -> Duration {
        let bound = self.base.saturating_mul(2_u32.saturating_pow(failed.min(31)));
        bound.min(self.cap).min(FAR).mul_f64(chance)
    }

    /// The wait that a server asked for, and up to as much again.
    pub(crate) fn after_hint(&self, hint: Duration, chance: f64) -> Duration {
        let hint = hint.min(self.max_hint).min(FAR);
        hint + hint.max(self.base.min(FAR)).mul_f64(chance)
    }
}

#[cfg(test)]
mod tests {
    use super::Reconnect;
    use std::time::Duration;

    #[test]
    fn waits_double_up_to_the_cap_and_are_spread_from_zero() {
        let policy = Reconnect::default();
        let waits = |chance| [0, 1, 2, 7, 40].map(|failed| policy.back_off(failed, chance).as_millis());
        assert_eq!(waits(1.0), [250, 500, 1_000, 30_000, 30_000]);
        assert_eq!(waits(0.5), [125, 250, 500, 15_000, 15_000]);
        assert_eq!(waits(0.0), [0; 5]);
    }

    #[test]
    fn a_hint_is_a_minimum_and_is_bounded() {
        let policy = Reconnect::default();
        let hint = Duration::from_secs(2);
        assert_eq!(policy.after_hint(hint, 0.0), hint);
        assert_eq!(policy.after_hint(hint, 1.0), 2 * hint);
        assert_eq!(policy.after_hint(Duration::ZERO, 1.0), policy.base);
        assert_eq!(policy.after_hint(Duration::MAX, 0.0), policy.max_hint);
        let endless = Reconnect {
            base: Duration::MAX,
            cap: Duration::MAX,
            max_hint: Duration::MAX,
            ..policy
        };
        assert!(endless.after_hint(Duration::MAX, 1.0) >= endless.back_off(9, 1.0));
    }
}
