//! The socket's side of one connection: reads into the worker's buffers, keeps the protocol's state,
//! writes what the session has to say, and minds the deadlines. It knows no seat.

mod deadline;
#[cfg(test)]
mod fair;
#[cfg(test)]
mod held;
mod input;
mod output;
#[cfg(test)]
mod tests;
mod unread;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::coop::has_budget_remaining;
use tokio::time::Sleep;
use wasket_session::{CloseEvent, Closing, Party, ReadyState, Session, SessionError};
use wasket_ws::{self as ws, CloseCode, CloseFrame, Event, State, Violation, ViolationKind};

use crate::clock::Clock;
use crate::lease::{INPUT_BYTES, Lease};
use crate::linger::{self, Linger};
use crate::wire::Wire;
use unread::Unread;

pub(crate) struct Line<I> {
    io: I,
    ws: ws::Connection,
    session: Arc<Session>,
    clock: Arc<Clock>,
    wire: Wire,
    unread: Option<Box<Unread>>,
    timer: Option<Pin<Box<Sleep>>>,
    tally: Tally,
    last_message_at: Instant,
    full_since: Option<Instant>,
    /// When a session that somebody asked to close is given up.
    close_by: Option<Instant>,
    /// Who asked to close, and how, unless the peer was first.
    asked: Option<Box<Closing>>,
    trouble: Option<Box<Trouble>>,
    pinged: Pinged,
    /// The seat asked for a turn.
    seat_is_due: bool,
    /// It had one since the last read: whoever floods it shall not keep the peer waiting.
    seat_was_last: bool,
    /// Of the two, the timer had it.
    timer_was_last: bool,
    /// The last read would have filled a small buffer.
    reads_much: bool,
    /// The socket may hold bytes that it took and has not sent: TLS does.
    unflushed: bool,
    /// Our close frame has been written, or is in the wire.
    close_written: bool,
    /// The peer sends no more.
    ended: bool,
    /// The socket is of no use any more.
    gone: bool,
}

/// What has gone over the line since the session opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) messages_in: u64,
    pub(crate) messages_out: u64,
    /// Frames with their headers, control frames too.
    pub(crate) bytes_in: u64,
    /// The same.
    pub(crate) bytes_out: u64,
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
    /// The seat asked for a turn.
    Seat,
    /// The connection is over, or in trouble.
    Over,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Line<I> {
    pub(crate) fn new(io: I, ws: ws::Connection, session: Arc<Session>, clock: Arc<Clock>) -> Self {
        let now = Instant::now();
        let line = Self {
            io,
            ws,
            session,
            clock,
            wire: Wire::default(),
            unread: None,
            timer: None,
            tally: Tally::default(),
            last_message_at: now,
            full_since: None,
            close_by: None,
            asked: None,
            trouble: None,
            pinged: Pinged::Idle,
            seat_is_due: false,
            seat_was_last: false,
            timer_was_last: false,
            reads_much: false,
            // The answer to the opening handshake.
            unflushed: true,
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

    /// What has gone over it, and for how long.
    pub(crate) fn tally(&self) -> (Tally, Duration) {
        (self.tally, self.opened_at().elapsed())
    }

    /// When the session began.
    fn opened_at(&self) -> Instant {
        self.clock.at(self.session.opened_at_ms())
    }

    /// Nothing more is to be read or written.
    pub(crate) fn is_over(&self) -> bool {
        let sent = self.wire.is_empty() && !self.unflushed;
        let written = self.close_written && sent && !self.session.has_mail();
        self.gone || (written && matches!(self.ws.state(), State::Closed | State::Failed))
    }

    /// Whether the guest or the host asked to close before the peer did anything to that end.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.is_some() || self.session.is_asked_to_close()
    }

    /// What went wrong, told once.
    pub(crate) fn take_trouble(&mut self) -> Option<Box<Trouble>> {
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
        if self.seat_is_due && !self.seat_was_last {
            return Poll::Ready(self.give_seat());
        }
        if self.ended {
            return Poll::Pending;
        }
        if self.must_rest() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut lease = if self.reads_much {
            Lease::take_large()
        } else {
            Lease::take()
        };
        match self.poll_read(cx, &mut lease.input) {
            Poll::Ready(Some(count)) => {
                self.reads_much = count >= INPUT_BYTES;
                self.seat_was_last = false;
                Poll::Ready(Woken::Input(lease, count))
            }
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
                // Without budget the peer was not asked whether it has something to say.
                if self.seat_is_due && has_budget_remaining() {
                    return Poll::Ready(self.give_seat());
                }
                Poll::Pending
            }
        }
    }

    /// Whether [`take_due`](Self::take_due) may have something.
    pub(crate) fn may_be_due(&mut self) -> bool {
        self.heed_signals();
        self.seat_is_due || self.seat_was_last || self.timer.is_some()
    }

    /// What is to come before the turn with what was read ahead: the seat and its timers are not kept waiting by a peer
    /// that always has something more, nor it by them.
    pub(crate) fn take_due(&mut self, cx: &mut Context<'_>) -> Option<Woken> {
        if std::mem::take(&mut self.seat_was_last) || self.trouble.is_some() {
            return None;
        }
        // The two alternate as well: a timer may be due again each time.
        if self.seat_is_due && self.timer_was_last {
            return Some(self.give_seat());
        }
        if let Some(token) = self.poll_timer(cx) {
            self.seat_was_last = true;
            self.timer_was_last = true;
            return Some(Woken::Timer(token));
        }
        self.seat_is_due.then(|| self.give_seat())
    }

    fn give_seat(&mut self) -> Woken {
        self.seat_is_due = false;
        self.seat_was_last = true;
        self.timer_was_last = false;
        Woken::Seat
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

    /// Ends the socket; after a clean end there is nothing to wait for, after another one what is left of the
    /// time for closing.
    pub(crate) async fn hang_up(mut self) {
        if !self.gone {
            let clean = self.ws.is_clean() || self.ended;
            let within = match self.close_by {
                _ if clean => Duration::ZERO,
                Some(by) => by.saturating_duration_since(Instant::now()),
                None => self.session.limits().close_timeout,
            };
            linger::hang_up(&mut self.io, Linger::within(within)).await;
        }
    }

    /// Signals and output.
    fn attend(&mut self, cx: &mut Context<'_>) {
        self.session.register(cx);
        self.heed_signals();
        if self.has_output() {
            let mut lease = Lease::take();
            self.write_rest(cx, &mut lease.output);
            lease.give_back();
        }
        self.flush_socket(cx);
    }

    /// The connection failed: there is no closing handshake any more.
    fn lose(&mut self, why: &str) {
        if self.session.state() == ReadyState::Open && self.trouble.is_none() {
            self.trouble = Some(Trouble::Connection(why.to_owned()).into());
        }
        self.give_up();
    }

    fn give_up(&mut self) {
        self.gone = true;
        match self.ws.peer_close() {
            // What it sent before is still passed on.
            Some(_) => self.session.stop_accepting(),
            None => self.session.lose(),
        }
        let mut dropped = self.wire.len();
        self.wire.clear();
        let closing = self.session.drain(|item| {
            dropped += item.len();
            true
        });
        self.session.written(dropped);
        // Whoever asked for the end is still the one who did, although the peer will not hear of it.
        self.asked = self.asked.take().or(closing.map(Box::new));
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
    events.iter().any(is_message)
}

fn is_message(event: &Event<'_>) -> bool {
    matches!(event, Event::Message(_))
}

/// As what is tallied.
fn tallied(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

const READ_AHEAD_BYTES: usize = 4 << 10;
/// Control frames of a peer whose guest waits: when so many are held, no more are read.
const HELD_EVENTS_MAX: usize = 64;
/// RFC 6455, section 7.4.1: no code was in the peer's close frame.
const NO_CODE: u16 = 1005;
/// There was no close frame.
const ABNORMAL: u16 = 1006;
