//! Reading, and what it means. Timers of the guest are input too.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::has_budget_remaining;
use wasket_ws::{Event, State};

use super::{Line, Pinged, Trouble, is_message, tallied};

impl<I: AsyncRead + AsyncWrite + Unpin> Line<I> {
    /// Turns bytes of the peer into events. Trouble is noted, to be told after the events. What would be too much at
    /// once is kept, and read again.
    pub(crate) fn interpret<'a>(&mut self, mut input: &'a mut [u8], events: &mut Vec<Event<'a>>) {
        let now = Instant::now();
        self.session.heard(self.clock.unix_ms(now));
        let count = input.len();
        let verdict = self.ws.receive_some(now, &mut input, events);
        if !input.is_empty() {
            self.put_back(input);
        }
        self.tally.bytes_in += tallied(count - input.len());
        let messages = events.iter().filter(|event| is_message(event)).count();
        if messages > 0 {
            self.last_message_at = now;
            self.tally.messages_in += tallied(messages);
        }
        if self.pinged != Pinged::Idle {
            // The next ping may be due before this one's answer was.
            self.pinged = Pinged::Idle;
            self.refresh_deadline();
        }
        if let Err(violation) = verdict {
            self.trouble = Some(Trouble::Violation(violation).into());
        }
    }

    /// After the events before it were delivered: the peer's close frame ends what can be sent.
    pub(crate) fn heed_close(&mut self) {
        if self.ws.peer_close().is_some() {
            self.session.stop_accepting();
            self.begin_end(Instant::now());
            self.refresh_deadline();
        }
    }

    /// There is nothing to read: so an overdue pong has not come.
    pub(super) fn judge_silence(&mut self) {
        // Without budget the socket was not asked.
        if self.pinged == Pinged::Overdue && has_budget_remaining() && !self.gone {
            self.lose("no answer to a ping within `pong_timeout`");
        }
    }

    /// `None` when there is nothing more to read.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Option<usize>> {
        if let Some(count) = self.read_unread(buffer) {
            return Poll::Ready(Some(count));
        }
        let mut buffer = ReadBuf::new(buffer);
        match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer)) {
            Ok(()) if !buffer.filled().is_empty() => Poll::Ready(Some(buffer.filled().len())),
            Ok(()) => {
                self.ended = true;
                match self.ws.state() {
                    State::Open => self.lose("the peer left without a closing handshake"),
                    // Only our answer is left to write.
                    State::CloseReceived | State::Closed => {}
                    State::CloseSent | State::Failed => self.give_up(),
                }
                Poll::Ready(None)
            }
            Err(error) => {
                self.ended = true;
                self.lose(&format!("reading: {error}"));
                Poll::Ready(None)
            }
        }
    }

    pub(super) fn poll_timer(&mut self, cx: &mut Context<'_>) -> Option<u64> {
        let timer = self.timer.as_mut()?;
        if timer.as_mut().poll(cx).is_pending() {
            return None;
        }
        let token = self.session.due_timer(Instant::now());
        self.arm_timer();
        // Polled, so that the next one wakes the task.
        if token.is_none()
            && let Some(timer) = self.timer.as_mut()
            && timer.as_mut().poll(cx).is_ready()
        {
            cx.waker().wake_by_ref();
        }
        token
    }

    pub(super) fn arm_timer(&mut self) {
        let next = self.session.next_timer();
        self.timer = next.map(|at| Box::pin(tokio::time::sleep_until(at.into())));
    }
}
