//! Every wait on the peer ends: signals of the sweep and of others, and what they lead to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use wasket_session::{Closing, Party, ReadyState, Signals};
use wasket_ws::{CloseCode, CloseFrame, Overdue};

use super::{Line, Pinged};

impl<I: AsyncRead + AsyncWrite + Unpin> Line<I> {
    #[inline]
    pub(super) fn heed_signals(&mut self) {
        let signals = self.session.take_signals();
        if !signals.is_empty() {
            self.heed(signals);
        }
    }

    fn heed(&mut self, signals: Signals) {
        let now = Instant::now();
        if signals.timers() {
            self.arm_timer();
        }
        if signals.seat() {
            self.seat_is_due = true;
        }
        if signals.full() && self.session.is_full() {
            self.full_since.get_or_insert(now);
        }
        if signals.closing() {
            self.begin_end(now);
        }
        if signals.deadline() {
            self.mind_deadlines(now);
        }
        self.refresh_deadline();
    }

    /// Somebody asked to close. However slowly the peer takes what is queued, there is one deadline for all.
    pub(super) fn begin_end(&mut self, now: Instant) {
        self.close_by
            .get_or_insert(now + self.session.limits().close_timeout);
    }

    fn mind_deadlines(&mut self, now: Instant) {
        match self.ws.on_deadline(now) {
            Some(Overdue::Pong) => self.pinged = Pinged::Overdue,
            Some(Overdue::Close) => self.give_up(),
            None if self.ws.owes() => self.pinged = Pinged::Asked,
            None => {}
        }
        let past =
            |since: Option<Instant>, time: Duration| since.is_some_and(|at| now >= at + time);
        let limits = Arc::clone(&self.session);
        let limits = limits.limits();
        if past(self.close_by, Duration::ZERO) {
            self.give_up();
        }
        if past(self.wire.stalled_since(), limits.write_timeout) {
            self.lose("the peer took no bytes within `write_timeout`");
        }
        if !self.session.is_full() {
            self.full_since = None;
        }
        if past(self.full_since, limits.slow_reader_time) {
            self.full_since = None;
            self.session.shut(Closing {
                frame: CloseFrame::truncated(CloseCode::POLICY, "too slow a reader"),
                by: Party::Host,
                drain: false,
            });
        }
        if let Some(idle) = limits.idle_timeout
            && past(Some(self.last_message_at), idle)
        {
            self.shut(CloseFrame::truncated(CloseCode::NORMAL, "idle"));
        }
        if let Some(lifetime) = limits.lifetime_max
            && past(Some(self.opened_at()), lifetime)
        {
            self.shut(CloseFrame::truncated(
                CloseCode::GOING_AWAY,
                "session lifetime over",
            ));
        }
    }

    /// Tells the sweep when to look again. Too early is harmless; so activity, which only moves deadlines
    /// back, tells nothing.
    pub(super) fn refresh_deadline(&self) {
        let limits = self.session.limits();
        let open = self.session.state() == ReadyState::Open;
        let after = |since: Option<Instant>, time: Option<Duration>| Some(since? + time?);
        let overdue = self.pinged == Pinged::Overdue && !self.close_written;
        let next = [
            self.ws.next_deadline().filter(|_| !overdue),
            self.close_by,
            after(self.wire.stalled_since(), Some(limits.write_timeout)),
            after(self.full_since, Some(limits.slow_reader_time)),
            after(
                Some(self.last_message_at).filter(|_| open),
                limits.idle_timeout,
            ),
            after(Some(self.opened_at()).filter(|_| open), limits.lifetime_max),
        ];
        let next = next.into_iter().flatten().min();
        // Rounded up: woken early, the connection would have nothing to do yet.
        let at_ms = next.map_or(u64::MAX, |at| self.clock.monotonic_ms(at) + 1);
        self.session.set_deadline(at_ms);
    }
}
