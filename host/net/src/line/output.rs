//! Writing: the answers of a turn, what is queued, control frames, and at last the close frame.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};
use wasket_session::{Frame, Item, ReadyState};
use wasket_ws::{CloseFrame, State};

use super::{Line, tallied};
use crate::wire::SLICES;

impl<I: AsyncRead + AsyncWrite + Unpin> Line<I> {
    /// Answers pings at the head of what a turn will write. While the socket takes nothing they stay owed, for
    /// of many the newest is enough: what a peer sends and does not read must not pile up here.
    pub(crate) fn write_owed(&mut self, output: &mut Vec<u8>) {
        if self.ws.owes() && !self.gone && self.wire.is_empty() {
            self.ws.write_owed(output);
        }
    }

    /// Writes the answers of a turn, and whatever else is due.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) {
        if !output.is_empty() {
            self.note_message_sent();
            self.write_fresh(cx, output);
        }
        if self.has_output() {
            self.write_rest(cx, output);
        }
        output.clear();
        self.flush_socket(cx);
    }

    /// So many messages are among the answers of a turn.
    pub(crate) fn note_sent(&mut self, messages: u32) {
        self.tally.messages_out += u64::from(messages);
    }

    /// Has the socket send what it took. A plain one keeps nothing back.
    pub(super) fn flush_socket(&mut self, cx: &mut Context<'_>) {
        if !self.unflushed || self.gone {
            return;
        }
        match Pin::new(&mut self.io).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                if self.wire.is_empty() {
                    self.wire.went_on();
                }
            }
            Poll::Ready(Err(error)) => self.write_failed(Some(error)),
            Poll::Pending => self.stall(),
        }
    }

    fn stall(&mut self) {
        if self.wire.stall() {
            self.refresh_deadline();
        }
    }

    /// The clock is read only where somebody wants to know.
    fn note_message_sent(&mut self) {
        if self.session.limits().idle_timeout.is_some() {
            self.last_message_at = Instant::now();
        }
    }

    pub(super) fn has_output(&self) -> bool {
        !self.gone
            && (!self.wire.is_empty()
                || self.session.has_mail()
                || self.ws.owes()
                || self.answer_is_due())
    }

    /// The peer has asked to close and everything before our answer is on its way.
    fn answer_is_due(&self) -> bool {
        !self.close_written
            && self.ws.state() == State::CloseReceived
            && self.session.state() != ReadyState::Open
            && !self.session.has_mail()
    }

    /// Writes bytes that nobody has counted yet; what the socket does not take is counted.
    fn write_fresh(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) {
        if self.gone {
            return;
        }
        let taken = if self.wire.is_empty() {
            self.try_write(cx, output)
        } else {
            0
        };
        let rest = output.len().saturating_sub(taken);
        if rest > 0 && !self.gone {
            self.session.held(rest);
            self.keep(output, taken);
        }
        output.clear();
    }

    /// Keeps what the socket did not take: a copy of little, for the buffer is the worker's; much as it is.
    fn keep(&mut self, output: &mut Vec<u8>, taken: usize) {
        let bytes = if output.len() - taken < KEPT_BYTES {
            self.session.copy(output.get(taken..).unwrap_or_default())
        } else {
            self.session.own(std::mem::take(output)).slice(taken..)
        };
        self.wire.push(bytes);
    }

    /// Writes the wire, then what is queued, as long as the socket takes it; but of what is much no more than a
    /// turn's worth, so that others get theirs.
    pub(super) fn write_rest(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) {
        let mut left = TURN_BYTES;
        while !self.gone && self.write_wire(cx, &mut left) && self.fetch(&mut left, output) {
            if self.wire.is_empty() {
                let taken = self.try_write(cx, output);
                self.account(taken);
                left = left.saturating_sub(taken);
                self.keep(output, taken);
            }
            output.clear();
        }
    }

    /// True when the wire is empty and some of the turn is left.
    fn write_wire(&mut self, cx: &mut Context<'_>, left: &mut usize) -> bool {
        loop {
            if *left == 0 {
                if self.has_output() {
                    cx.waker().wake_by_ref();
                }
                return false;
            }
            if self.wire.is_empty() {
                return true;
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.wire.slices(*left, &mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            match Pin::new(&mut self.io).poll_write_vectored(cx, slices) {
                Poll::Ready(Ok(taken @ 1..)) => {
                    self.tally.bytes_out += tallied(taken);
                    self.unflushed = true;
                    self.wire.advance(taken);
                    self.account(taken);
                    *left = left.saturating_sub(taken);
                }
                Poll::Ready(result) => {
                    self.write_failed(result.err());
                    return false;
                }
                Poll::Pending => {
                    self.stall();
                    return false;
                }
            }
        }
    }

    /// One write; how much was taken, 0 when the socket is full or broken.
    fn try_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> usize {
        if bytes.is_empty() {
            return 0;
        }
        match Pin::new(&mut self.io).poll_write(cx, bytes) {
            Poll::Ready(Ok(taken @ 1..)) => {
                self.tally.bytes_out += tallied(taken);
                self.unflushed = true;
                taken
            }
            Poll::Ready(result) => {
                self.write_failed(result.err());
                0
            }
            Poll::Pending => 0,
        }
    }

    fn write_failed(&mut self, error: Option<io::Error>) {
        let error = error.unwrap_or_else(|| io::ErrorKind::WriteZero.into());
        self.lose(&format!("writing: {error}"));
    }

    fn account(&mut self, bytes: usize) {
        if bytes > 0 && self.session.written(bytes) {
            self.full_since = None;
        }
    }

    /// Brings the next queued messages, owed control frames and at last the close frame into `output`, all
    /// counted; large messages go to the wire as they are. False when there is nothing.
    fn fetch(&mut self, left: &mut usize, output: &mut Vec<u8>) -> bool {
        self.fetch_control(output);
        if self.session.has_mail() {
            self.fetch_mail(left, output);
        }
        if self.answer_is_due() {
            self.write_close(&CloseFrame::default(), output);
        }
        if !self.wire.is_empty() && !output.is_empty() {
            // A large message is in the wire already, and this comes after it.
            self.wire.push(self.session.copy(output));
            output.clear();
        }
        !output.is_empty() || !self.wire.is_empty()
    }

    fn fetch_control(&mut self, output: &mut Vec<u8>) {
        if self.ws.owes() {
            self.ws.write_owed(output);
            self.session.held(output.len());
        }
    }

    /// What is deflated here is taken off what is `left` of the turn before it is small.
    fn fetch_mail(&mut self, left: &mut usize, output: &mut Vec<u8>) {
        let session = Arc::clone(&self.session);
        let deflates = session.deflate().is_some();
        let mut messages = 0;
        let mut more = true;
        while more {
            more = false;
            let mut to_prepare = None;
            let closing = session.drain(|item| {
                match item {
                    // Not under the queue's lock: others shall not wait for a codec.
                    Item::Frame(frame) if deflates => {
                        to_prepare = Some(frame);
                        return false;
                    }
                    Item::Frame(frame) => {
                        messages += u64::from(frame.messages());
                        self.append(&frame, output);
                    }
                    Item::Ping(payload) => self.append_ping(&payload, output),
                }
                output.len() < GATHERED_BYTES && self.wire.is_empty()
            });
            if let Some(frame) = to_prepare {
                messages += u64::from(frame.messages());
                *left = left.saturating_sub(frame.len());
                self.append_prepared(frame, output);
                let room = *left > 0 && output.len() < GATHERED_BYTES && self.wire.is_empty();
                more = room && closing.is_none() && session.has_mail();
            }
            if let Some(closing) = closing {
                self.write_close(&closing.frame, output);
                self.asked = Some(closing.into());
            }
        }
        if messages > 0 {
            self.tally.messages_out += messages;
            self.note_message_sent();
        }
    }

    fn append(&mut self, frame: &Frame, output: &mut Vec<u8>) {
        if frame.len() <= COALESCED_BYTES {
            output.extend_from_slice(frame.bytes());
        } else {
            self.wire.push(self.session.copy(output));
            output.clear();
            self.wire.push(frame.bytes().clone());
        }
    }

    /// What counts from here on is what goes to the wire.
    fn append_prepared(&mut self, frame: Frame, output: &mut Vec<u8>) {
        let queued = frame.len();
        let frame = self.session.prepare(frame);
        if frame.len() != queued {
            self.session.held(frame.len());
            self.account(queued);
        }
        self.append(&frame, output);
    }

    fn append_ping(&mut self, payload: &[u8], output: &mut Vec<u8>) {
        let before = output.len();
        // Refused only after the close frame, where it has no meaning.
        let _ = self.ws.ping(payload, output);
        self.session.held(output.len() - before);
        self.account(2 + payload.len());
    }

    fn write_close(&mut self, frame: &CloseFrame, output: &mut Vec<u8>) {
        let before = output.len();
        self.ws.close(Instant::now(), frame, output);
        self.session.held(output.len() - before);
        self.close_written = true;
        self.refresh_deadline();
    }
}

/// Frames up to here are copied together into one write; longer ones are written from where they are.
const COALESCED_BYTES: usize = 4 << 10;
const GATHERED_BYTES: usize = 64 << 10;

/// What a connection writes of its queue before others get their turn: a fraction of a millisecond.
const TURN_BYTES: usize = 32 << 10;

/// From here on a buffer is kept rather than copied.
const KEPT_BYTES: usize = 64 << 10;
