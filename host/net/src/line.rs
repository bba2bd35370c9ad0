//! The socket's side of one connection: reads into the worker's buffers, keeps the protocol's state,
//! writes what the session has to say, and minds the deadlines. It knows no seat.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::has_budget_remaining;
use tokio::time::Sleep;
use wasket_session::{
    CloseEvent, Closing, Item, Outcome, Party, ReadyState, Session, SessionError, Signals,
};
use wasket_ws::{
    self as ws, CloseCode, CloseFrame, Event, Overdue, State, Violation, ViolationKind,
};

use crate::clock::Clock;
use crate::lease::Lease;
use crate::linger;
use crate::wire::{SLICES, Wire};

pub(crate) struct Line<I> {
    io: I,
    ws: ws::Connection,
    session: Arc<Session>,
    clock: Clock,
    wire: Wire,
    timer: Option<Pin<Box<Sleep>>>,
    opened_at: Instant,
    last_message_at: Instant,
    full_since: Option<Instant>,
    /// When a session that was closed without regard to its queue is given up.
    close_by: Option<Instant>,
    /// Who asked to close, and how, unless the peer was first.
    asked: Option<Closing>,
    trouble: Option<Trouble>,
    pinged: Pinged,
    /// Our close frame has been written, or is in the wire.
    close_written: bool,
    /// The peer sends no more.
    ended: bool,
    /// The socket is of no use any more.
    gone: bool,
}

/// What went wrong on a connection.
#[derive(Debug)]
pub(crate) enum Trouble {
    Violation(Violation),
    Connection(String),
}

/// What has become of the newest automatic ping.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pinged {
    /// The peer was heard of since.
    Idle,
    /// It may still be answered.
    Asked,
    /// Its time is up. The answer may be there, unread behind what a guest did not take yet.
    Overdue,
}

/// Why the connection's task goes on.
pub(crate) enum Woken {
    /// Bytes have come.
    Input(Box<Lease>, usize),
    /// A timer of the session is due.
    Timer(u64),
    /// The connection is over, or in trouble.
    Over,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Line<I> {
    pub(crate) fn new(io: I, ws: ws::Connection, session: Arc<Session>, clock: Clock) -> Self {
        let now = Instant::now();
        let line = Self {
            io,
            ws,
            session,
            clock,
            wire: Wire::default(),
            timer: None,
            opened_at: now,
            last_message_at: now,
            full_since: None,
            close_by: None,
            asked: None,
            trouble: None,
            pinged: Pinged::Idle,
            close_written: false,
            ended: false,
            gone: false,
        };
        line.refresh_deadline();
        line
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Nothing more is to be read or written.
    pub(crate) fn is_over(&self) -> bool {
        let written = self.close_written && self.wire.is_empty() && !self.session.has_mail();
        self.gone || (written && matches!(self.ws.state(), State::Closed | State::Failed))
    }

    /// Whether the guest or the host asked to close before the peer did anything to that end.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.is_some() || self.session.is_asked_to_close()
    }

    /// What went wrong, told once.
    pub(crate) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Waits for the next thing to do, writing meanwhile.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Woken> {
        self.attend(cx);
        if self.trouble.is_some() || self.is_over() {
            return Poll::Ready(Woken::Over);
        }
        if let Some(token) = self.poll_timer(cx) {
            return Poll::Ready(Woken::Timer(token));
        }
        if self.ended {
            return Poll::Pending;
        }
        let mut lease = Lease::take();
        match self.poll_read(cx, &mut lease.input) {
            Poll::Ready(Some(count)) => Poll::Ready(Woken::Input(lease, count)),
            Poll::Ready(None) => {
                lease.give_back();
                Poll::Ready(Woken::Over)
            }
            Poll::Pending => {
                lease.give_back();
                self.judge_silence();
                if self.gone {
                    return Poll::Ready(Woken::Over);
                }
                Poll::Pending
            }
        }
    }

    /// Goes on while a guest has the turn: answers control frames, writes, minds deadlines, and reads
    /// ahead until a read has brought a message, or enough of other events: TCP carries the backpressure
    /// from there on.
    pub(crate) fn poll_meanwhile(&mut self, cx: &mut Context<'_>, held: &mut Vec<Event<'static>>) {
        self.attend(cx);
        let may_hold = |held: &[Event<'_>]| held.len() < HELD_EVENTS_MAX && !has_message(held);
        while may_hold(held) && !self.ended && !self.gone && self.trouble.is_none() {
            let mut lease = Lease::take();
            let ahead = lease.input.get_mut(..READ_AHEAD_BYTES).unwrap_or_default();
            let Poll::Ready(Some(count)) = self.poll_read(cx, ahead) else {
                lease.give_back();
                self.judge_silence();
                return;
            };
            let input = lease.input.get_mut(..count).unwrap_or_default();
            let mut events = Vec::new();
            self.interpret(input, &mut events);
            held.extend(events.into_iter().map(Event::into_owned));
            lease.give_back();
            if !has_message(held) {
                self.heed_close();
            }
            self.attend(cx);
        }
    }

    /// Turns bytes of the peer into events. Trouble is noted, to be told after the events.
    pub(crate) fn interpret<'a>(&mut self, input: &'a mut [u8], events: &mut Vec<Event<'a>>) {
        let now = Instant::now();
        self.session.heard(self.clock.unix_ms(now));
        let verdict = self.ws.receive(now, input, events);
        if has_message(events) {
            self.last_message_at = now;
        }
        if self.pinged != Pinged::Idle {
            // The next ping may be due before this one's answer was.
            self.pinged = Pinged::Idle;
            self.refresh_deadline();
        }
        if let Err(violation) = verdict {
            self.trouble = Some(Trouble::Violation(violation));
        }
    }

    /// After the events before it were delivered: the peer's close frame ends what can be sent.
    pub(crate) fn heed_close(&self) {
        if self.ws.peer_close().is_some() {
            self.session.stop_accepting();
        }
    }

    /// Writes the answers of a turn, and whatever else is due.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) {
        if !output.is_empty() {
            self.note_message_sent();
            // Within the same write.
            self.ws.write_owed(output);
            self.write_fresh(cx, output);
        }
        if self.has_output() {
            self.write_rest(cx, output);
        }
        output.clear();
    }

    /// Starts to fail the connection.
    pub(crate) fn fail(&mut self, violation: &Violation) {
        self.shut(violation.close_frame());
        if self.asked.is_some() && self.close_written {
            // The closing handshake had begun; there is nobody to tell.
            self.give_up();
        }
    }

    /// Asks for the closing handshake on the host's behalf; what is queued goes out first.
    pub(crate) fn shut(&self, frame: CloseFrame) {
        self.session.shut(Closing {
            frame,
            by: Party::Host,
            drain: true,
        });
    }

    /// How it ended.
    pub(crate) fn close_event(&self) -> CloseEvent {
        let asked_by = self.asked.as_ref().map(|asked| asked.by);
        let said = match (self.ws.peer_close(), &self.asked) {
            (Some(peer), _) => Some((peer.code.map_or(NO_CODE, CloseCode::get), &peer.reason)),
            (None, Some(asked)) if asked.by == Party::Host => Some((
                asked.frame.code.map_or(NO_CODE, CloseCode::get),
                &asked.frame.reason,
            )),
            _ => None,
        };
        let (code, reason) = said.map_or((ABNORMAL, ""), |(code, reason)| (code, &**reason));
        CloseEvent {
            code,
            reason: reason.to_owned(),
            clean: self.ws.is_clean(),
            by: asked_by.unwrap_or(Party::Peer),
        }
    }

    /// Ends the socket; after a clean end there is nothing to wait for.
    pub(crate) async fn hang_up(mut self) {
        if !self.gone {
            let clean = self.ws.is_clean() || self.ended;
            let within = self.session.limits().close_timeout;
            linger::hang_up(&mut self.io, if clean { Duration::ZERO } else { within }).await;
        }
    }

    /// The clock is read only where somebody wants to know.
    fn note_message_sent(&mut self) {
        if self.session.limits().idle_timeout.is_some() {
            self.last_message_at = Instant::now();
        }
    }

    // ---- reading ----

    /// There is nothing to read: so an overdue pong has not come.
    fn judge_silence(&mut self) {
        // Without budget the socket was not asked.
        if self.pinged == Pinged::Overdue && has_budget_remaining() && !self.gone {
            self.lose("no answer to a ping within `pong_timeout`");
        }
    }

    /// `None` when there is nothing more to read.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Option<usize>> {
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

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Option<u64> {
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

    fn arm_timer(&mut self) {
        let next = self.session.next_timer();
        self.timer = next.map(|at| Box::pin(tokio::time::sleep_until(at.into())));
    }

    // ---- signals and deadlines ----

    /// Signals and output.
    fn attend(&mut self, cx: &mut Context<'_>) {
        self.session.register(cx);
        let signals = self.session.take_signals();
        if !signals.is_empty() {
            self.heed(signals);
        }
        if self.has_output() {
            let mut lease = Lease::take();
            self.write_rest(cx, &mut lease.output);
            lease.give_back();
        }
    }

    fn heed(&mut self, signals: Signals) {
        let now = Instant::now();
        if signals.timers() {
            self.arm_timer();
        }
        if signals.full() && self.session.is_full() {
            self.full_since.get_or_insert(now);
        }
        if signals.abandon() {
            self.close_by = Some(now + self.session.limits().close_timeout);
        }
        if signals.deadline() {
            self.mind_deadlines(now);
        }
        self.refresh_deadline();
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
            let shut = self.session.shut(Closing {
                frame: CloseFrame::truncated(CloseCode::POLICY, "too slow a reader"),
                by: Party::Host,
                drain: false,
            });
            if shut != Outcome::Accepted && self.close_by.is_none() {
                // It was closing already, behind all that it does not read.
                self.give_up();
            }
        }
        if let Some(idle) = limits.idle_timeout
            && past(Some(self.last_message_at), idle)
        {
            self.shut(CloseFrame::truncated(CloseCode::NORMAL, "idle"));
        }
        if let Some(lifetime) = limits.lifetime_max
            && past(Some(self.opened_at), lifetime)
        {
            self.shut(CloseFrame::truncated(
                CloseCode::GOING_AWAY,
                "session lifetime over",
            ));
        }
    }

    /// Tells the sweep when to look again. Too early is harmless; so activity, which only moves deadlines
    /// back, tells nothing.
    fn refresh_deadline(&self) {
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
            after(Some(self.opened_at).filter(|_| open), limits.lifetime_max),
        ];
        let next = next.into_iter().flatten().min();
        // Rounded up: woken early, the connection would have nothing to do yet.
        let at_ms = next.map_or(u64::MAX, |at| self.clock.monotonic_ms(at) + 1);
        self.session.set_deadline(at_ms);
    }

    /// The connection failed: there is no closing handshake any more.
    fn lose(&mut self, why: &str) {
        if self.session.state() == ReadyState::Open && self.trouble.is_none() {
            self.trouble = Some(Trouble::Connection(why.to_owned()));
        }
        self.give_up();
    }

    fn give_up(&mut self) {
        self.gone = true;
        self.session.stop_accepting();
        let mut dropped = self.wire.len();
        self.wire.clear();
        let closing = self.session.drain(|item| {
            dropped += item.len();
            true
        });
        self.session.written(dropped);
        // Whoever asked for the end is still the one who did, although the peer will not hear of it.
        self.asked = self.asked.take().or(closing);
    }

    // ---- writing ----

    fn has_output(&self) -> bool {
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
        let rest = output.get(taken..).unwrap_or_default();
        if !rest.is_empty() && !self.gone {
            self.session.held(rest.len());
            self.wire.push(Bytes::copy_from_slice(rest));
        }
        output.clear();
    }

    /// Writes the wire, then what is queued, as long as the socket takes it.
    fn write_rest(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) {
        while !self.gone && self.write_wire(cx) && self.fetch(output) {
            if self.wire.is_empty() {
                let taken = self.try_write(cx, output);
                self.account(taken);
                self.wire.push(Bytes::copy_from_slice(
                    output.get(taken..).unwrap_or_default(),
                ));
            }
            output.clear();
        }
    }

    /// True when the wire is empty.
    fn write_wire(&mut self, cx: &mut Context<'_>) -> bool {
        while !self.wire.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.wire.slices(&mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            match Pin::new(&mut self.io).poll_write_vectored(cx, slices) {
                Poll::Ready(Ok(taken @ 1..)) => {
                    self.wire.advance(taken);
                    self.account(taken);
                }
                Poll::Ready(result) => {
                    self.write_failed(result.err());
                    return false;
                }
                Poll::Pending => {
                    if self.wire.stall() {
                        self.refresh_deadline();
                    }
                    return false;
                }
            }
        }
        true
    }

    /// One write; how much was taken, 0 when the socket is full or broken.
    fn try_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> usize {
        if bytes.is_empty() {
            return 0;
        }
        match Pin::new(&mut self.io).poll_write(cx, bytes) {
            Poll::Ready(Ok(taken @ 1..)) => taken,
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
    fn fetch(&mut self, output: &mut Vec<u8>) -> bool {
        self.fetch_control(output);
        if self.session.has_mail() {
            self.fetch_mail(output);
        }
        if self.answer_is_due() {
            self.write_close(&CloseFrame::default(), output);
        }
        if !self.wire.is_empty() && !output.is_empty() {
            // A large message is in the wire already, and this comes after it.
            self.wire.push(Bytes::copy_from_slice(output));
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

    fn fetch_mail(&mut self, output: &mut Vec<u8>) {
        let session = Arc::clone(&self.session);
        let mut messages = false;
        let closing = session.drain(|item| {
            match item {
                Item::Frame(frame) if frame.len() <= COALESCED_BYTES => {
                    output.extend_from_slice(frame.bytes());
                }
                Item::Frame(frame) => {
                    self.wire.push(Bytes::copy_from_slice(output));
                    output.clear();
                    self.wire.push(frame.bytes().clone());
                }
                Item::Ping(payload) => {
                    let before = output.len();
                    // Refused only after the close frame, where it has no meaning.
                    let _ = self.ws.ping(&payload, output);
                    session.held(output.len() - before);
                    if session.written(2 + payload.len()) {
                        self.full_since = None;
                    }
                    return output.len() < GATHERED_BYTES && self.wire.is_empty();
                }
            }
            messages = true;
            output.len() < GATHERED_BYTES && self.wire.is_empty()
        });
        if messages {
            self.note_message_sent();
        }
        if let Some(closing) = closing {
            self.write_close(&closing.frame, output);
            self.asked = Some(closing);
        }
    }

    fn write_close(&mut self, frame: &CloseFrame, output: &mut Vec<u8>) {
        let before = output.len();
        self.ws.close(Instant::now(), frame, output);
        self.session.held(output.len() - before);
        self.close_written = true;
        self.refresh_deadline();
    }
}

impl Trouble {
    /// As the guest is told.
    pub(crate) fn to_session_error(&self) -> SessionError {
        match self {
            Self::Connection(text) => SessionError::Connection(text.clone()),
            Self::Violation(violation) => match violation.kind() {
                ViolationKind::Limit => SessionError::Limit(violation.to_string()),
                ViolationKind::Protocol => SessionError::Protocol(violation.to_string()),
            },
        }
    }
}

fn has_message(events: &[Event<'_>]) -> bool {
    events.iter().any(|e| matches!(e, Event::Message(_)))
}

const READ_AHEAD_BYTES: usize = 4 << 10;
/// Control frames of a peer whose guest waits: when so many are held, no more are read.
const HELD_EVENTS_MAX: usize = 64;
/// Frames up to here are copied together into one write; longer ones are written from where they are.
const COALESCED_BYTES: usize = 4 << 10;
const GATHERED_BYTES: usize = 64 << 10;
/// RFC 6455, section 7.4.1: no code was in the peer's close frame.
const NO_CODE: u16 = 1005;
/// There was no close frame.
const ABNORMAL: u16 = 1006;
