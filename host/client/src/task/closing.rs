//! How a connection comes to its end (RFC 6455 section 7).

use std::io;
use std::sync::Arc;
use std::time::Instant;

use wasket_ws::{CloseCode, CloseFrame, Overdue, State, Violation};

use super::Task;
use crate::Closed;
use crate::clock::after;
use crate::event::{By, Fault, NO_CODE};

impl Task {
    /// Closes when everything that was asked for before is sent.
    pub(super) fn wish_to_close(&mut self, frame: CloseFrame) {
        if !self.is_open() {
            return;
        }
        self.messages.close();
        self.closing = Some(frame);
        self.began.get_or_insert(By::Us);
        self.give_up_from_now();
    }

    /// Closes as soon as the frame that is being written ends.
    pub(super) fn close_now(&mut self, frame: CloseFrame) {
        self.messages.close();
        self.closing = None;
        self.last.get_or_insert(frame);
        self.began.get_or_insert(By::Us);
        self.give_up_from_now();
    }

    /// The server broke a rule. What it sent before that stays valid, and may be answered (RFC 6455 section 7.1.7 has no
    /// word on it; a server that tests us does): the close frame waits until the receiver is done with it, or for half
    /// of what closing may take.
    pub(super) fn fail(&mut self, violation: Violation) {
        self.fault = Some(Fault::Violation(violation));
        self.began.get_or_insert(By::Us);
        self.give_up_from_now();
        self.settling_until = Some(after(self.close_within / 2));
        self.settle();
    }

    /// Closes if the time for answers is over.
    pub(super) fn settle(&mut self) {
        if let (Some(until), Some(Fault::Violation(violation))) = (self.settling_until, &self.fault)
            && (self.inbox.is_settled() || until <= Instant::now())
        {
            let frame = violation.close_frame();
            self.settling_until = None;
            self.close_now(frame);
        }
    }

    /// Nothing can be written any more: what is left is to read why.
    pub(super) fn hang_up(&mut self, error: io::Error) {
        self.broken = Some(Arc::new(error));
        self.messages.close();
        self.output.abandon();
        self.sending.abandon();
        self.pings.abandon();
        self.give_up_from_now();
    }

    /// The server's close frame has come: ours answers it.
    pub(super) fn peer_closed(&mut self) {
        if !self.is_close_written {
            self.began = Some(By::Peer);
            self.close_now(CloseFrame::default());
        }
    }

    pub(super) fn write_last(&mut self) {
        if let Some(frame) = &self.last {
            let now = Instant::now();
            self.protocol.close(now, frame, self.output.bytes());
            self.sending.abandon();
            self.pings.abandon();
            self.is_close_written = true;
        }
    }

    fn give_up_from_now(&mut self) {
        let within = self.close_within;
        self.give_up_at.get_or_insert_with(|| after(within));
    }

    /// How the connection has ended, if it has.
    pub(super) fn verdict(&self) -> Option<Closed> {
        if let Some(error) = &self.broken
            && !matches!(self.protocol.state(), State::Open | State::CloseSent)
        {
            return Some(self.ended(Closed::lost(Fault::Socket(Arc::clone(error)))));
        }
        if !self.is_close_written || !self.output.is_written() {
            return None;
        }
        match (&self.fault, self.protocol.state()) {
            (_, State::Closed) => Some(self.closed()),
            (Some(Fault::Violation(violation)), State::Failed) => Some(Closed {
                code: violation.close_code().get(),
                reason: violation.peer_text().to_owned(),
                clean: false,
                by: By::Us,
                fault: self.fault.clone(),
            }),
            (Some(Fault::Silent), _) => Some(Closed::lost(Fault::Silent)),
            _ => None,
        }
    }

    /// With both close frames.
    fn closed(&self) -> Closed {
        let frame = self.protocol.peer_close();
        Closed {
            code: frame.and_then(|it| it.code).map_or(NO_CODE, CloseCode::get),
            reason: frame.map(|it| it.reason.to_string()).unwrap_or_default(),
            clean: true,
            by: self.began.unwrap_or(By::Peer),
            fault: self.fault.clone(),
        }
    }

    /// The socket has ended, or was given up: what that means depends on how far closing has come.
    pub(super) fn ended(&self, lost: Closed) -> Closed {
        match &self.fault {
            Some(fault @ Fault::Violation(violation)) => Closed {
                code: violation.close_code().get(),
                by: By::Us,
                ..Closed::lost(fault.clone())
            },
            Some(fault @ Fault::Source) => Closed {
                by: By::Us,
                ..Closed::lost(fault.clone())
            },
            Some(fault) => Closed::lost(fault.clone()),
            // The server's close frame was there, and it did not wait for ours.
            None if self.protocol.peer_close().is_some() => Closed {
                clean: false,
                ..self.closed()
            },
            None => Closed {
                by: self.began.unwrap_or(lost.by),
                ..lost
            },
        }
    }

    /// When to look at the time again. A server that is not listened to cannot be late, nor one that was asked nothing
    /// yet.
    pub(super) fn deadline(&self, may_read: bool) -> Option<Instant> {
        match (self.give_up_at, may_read) {
            (Some(at), _) => Some(self.settling_until.unwrap_or(at)),
            (None, true) if self.may_be_late() => {
                self.protocol.next_deadline().max(self.patience())
            }
            (None, _) => None,
        }
    }

    /// Whether what was asked has left us. While the socket has no room the server has not read what came before; how
    /// long that may take is the output's affair.
    fn may_be_late(&self) -> bool {
        !self.is_asking && !self.output.is_held_up()
    }

    /// Something was written. Only once that was a ping the time of its pong begins.
    pub(super) fn wrote(&mut self) {
        if self.is_asking && !self.protocol.owes() && self.output.is_written() {
            self.is_asking = false;
            self.be_patient();
        }
    }

    /// From now on the server has the time of a pong again.
    pub(super) fn be_patient(&mut self) {
        self.patient_until = Some(after(self.pong_within));
    }

    fn patience(&self) -> Option<Instant> {
        self.protocol.next_deadline().and(self.patient_until)
    }

    pub(super) fn on_deadline(&mut self) -> Option<Closed> {
        let now = Instant::now();
        if self.give_up_at.is_some_and(|at| at <= now) {
            let fault = match &self.broken {
                Some(error) => Fault::Socket(Arc::clone(error)),
                None => Fault::CloseOverdue,
            };
            return Some(Closed::lost(fault));
        }
        if self.settling_until.is_some() {
            self.settle();
            return None;
        }
        // The socket may have had no room only after the time was set.
        if !self.may_be_late() {
            return None;
        }
        match self.protocol.on_deadline(now) {
            Some(Overdue::Pong) => {
                self.fault = Some(Fault::Silent);
                self.close_now(CloseFrame::truncated(CloseCode::GOING_AWAY, "no pong"));
            }
            Some(Overdue::Close) => {}
            None => self.is_asking = self.protocol.owes(),
        }
        None
    }
}
