//! Pings and the pongs that answer them (RFC 6455 sections 5.5.2 and 5.5.3).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wasket_ws::{Connection, PING_PAYLOADS_MAX};

use crate::PingError;

/// A ping to be sent, and who waits for its round trip.
pub(crate) struct Ping {
    pub(crate) payload: Vec<u8>,
    pub(crate) done: oneshot::Sender<Result<Duration, PingError>>,
}

/// Pings that wait for a frame's end, and those that wait for their pongs.
#[derive(Default)]
pub(super) struct Pings {
    to_send: VecDeque<Ping>,
    sent: VecDeque<(Ping, Instant)>,
}

impl Pings {
    pub(super) fn push(&mut self, ping: Ping) {
        if self.to_send.len() + self.sent.len() >= PING_PAYLOADS_MAX {
            self.sent.retain(|(ping, _)| !ping.done.is_closed());
            self.to_send.retain(|ping| !ping.done.is_closed());
        }
        if self.to_send.len() + self.sent.len() < PING_PAYLOADS_MAX {
            self.to_send.push_back(ping);
        } else {
            // The protocol remembers no more of them.
            let _ = ping.done.send(Err(PingError::TooMany));
        }
    }

    /// Appends the pings that wait.
    pub(super) fn write(&mut self, protocol: &mut Connection, out: &mut Vec<u8>) {
        for ping in std::mem::take(&mut self.to_send) {
            // The length was checked, and while closing nothing is written: who waits learns it by the drop.
            if protocol.ping(&ping.payload, out).is_ok() {
                self.sent.push_back((ping, Instant::now()));
            }
        }
    }

    /// A pong answers the ping with its payload, and those before it.
    pub(super) fn answered(&mut self, pong: &[u8], now: Instant) {
        let answered = self.sent.iter().position(|(ping, _)| ping.payload == pong);
        let Some(newest) = answered else {
            return;
        };
        for (ping, sent_at) in self.sent.drain(..=newest) {
            // Who does not wait any more need not know.
            let _ = ping.done.send(Ok(now.saturating_duration_since(sent_at)));
        }
    }

    /// No pong will be waited for.
    pub(super) fn abandon(&mut self) {
        self.to_send.clear();
        self.sent.clear();
    }
}
