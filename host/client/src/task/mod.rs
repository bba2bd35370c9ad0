//! The one task that owns a connection: its socket and its protocol state.

use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use wasket_ws::{CloseCode, CloseFrame, State};

mod closing;
mod deflate;
mod inbox;
mod input;
mod linger;
mod outgoing;
mod output;
mod pings;
mod pump;
mod start;

pub(crate) use inbox::Item;
pub(crate) use outgoing::{Body, Outgoing};
pub(crate) use pings::Ping;
pub(crate) use pump::Pump;
pub(crate) use start::start;

use crate::event::{By, Fault};
use crate::stream::Stream;
use crate::{Closed, Event, Message};
use inbox::Inbox;
use input::Input;
use outgoing::Sending;
use output::{Output, Wrote};
use pings::Pings;

/// What senders ask for besides messages; it does not wait behind them.
pub(crate) enum Wish {
    Ping(Ping),
    Close(CloseFrame),
}

/// A connection, as its task has it.
struct Task {
    read: ReadHalf<Stream>,
    write: WriteHalf<Stream>,
    protocol: wasket_ws::Connection,
    input: Input,
    output: Output,
    sending: Sending,
    pings: Pings,
    inbox: Inbox,
    messages: mpsc::Receiver<Outgoing>,
    wishes: mpsc::Receiver<Wish>,
    /// Whether there may still be anybody who sends.
    has_senders: bool,
    has_wishes: bool,
    /// Our wish to close, once what waits before it is sent.
    closing: Option<CloseFrame>,
    /// The close frame that goes out as soon as a frame ends.
    last: Option<CloseFrame>,
    /// It has gone out: nothing follows it.
    is_close_written: bool,
    /// Who closed first, once anybody did.
    began: Option<By>,
    /// The socket takes nothing any more. What the server said before that may still be there to read.
    broken: Option<Arc<io::Error>>,
    fault: Option<Fault>,
    /// The server broke a rule: until when its messages before that may still be answered.
    settling_until: Option<Instant>,
    /// When the end comes whether or not the server takes part in it.
    give_up_at: Option<Instant>,
    /// Whether the socket was left unread, since when the server's silence says nothing.
    was_paused: bool,
    /// No silence counts before this.
    patient_until: Option<Instant>,
    /// Whether a ping that asks for a sign of life waits, or is on its way to the socket.
    is_asking: bool,
    close_within: Duration,
    pong_within: Duration,
}

/// What happened next.
enum Turn {
    Read(io::Result<usize>),
    /// Something is left of what was read.
    Unread,
    Wrote(io::Result<Wrote>),
    Message(Option<Outgoing>),
    Wish(Option<Wish>),
    Pumped(io::Result<()>),
    /// Something of what arrived was taken, or nobody takes any more.
    Taken,
    Deadline,
}

impl Task {
    /// Runs to the end, and a little further: until the server has closed the socket and all that arrived is taken.
    async fn run(mut self, outcome: watch::Sender<Option<Closed>>) {
        let closed = self.until_closed().await;
        let is_lost = matches!(
            closed.fault,
            Some(Fault::Socket(_) | Fault::Gone | Fault::WriteOverdue | Fault::CloseOverdue)
        );
        let is_clean = closed.clean;
        outcome.send_replace(Some(closed));
        let close_within = self.close_within;
        let (read, write, inbox) = self.into_ends();
        let linger = async {
            if !is_lost {
                linger::until_gone(read, write, is_clean, close_within).await;
            }
        };
        tokio::join!(linger, inbox.deliver_rest());
    }

    /// What outlives the connection. The rest goes now: who waits for a message to be sent learns it by the drop.
    fn into_ends(self) -> (ReadHalf<Stream>, WriteHalf<Stream>, Inbox) {
        (self.read, self.write, self.inbox)
    }

    async fn until_closed(&mut self) -> Closed {
        loop {
            self.fill();
            if let Some(closed) = self.verdict() {
                return closed;
            }
            let ended = match self.turn().await {
                Turn::Read(Ok(0)) => Some(Closed::lost(Fault::Gone)),
                Turn::Read(Ok(_)) => {
                    self.receive();
                    None
                }
                Turn::Unread => {
                    // Inflating takes its time, and others have something to do on this thread.
                    tokio::task::yield_now().await;
                    self.receive();
                    None
                }
                Turn::Read(Err(error)) => Some(Closed::lost(Fault::Socket(Arc::new(error)))),
                Turn::Wrote(Err(error)) => {
                    self.hang_up(error);
                    None
                }
                Turn::Wrote(Ok(Wrote::Onwards)) => {
                    // No pong comes before the server has read what is on its way to it, but it does read.
                    self.be_patient();
                    self.wrote();
                    None
                }
                Turn::Wrote(Ok(Wrote::Something)) => {
                    self.wrote();
                    None
                }
                Turn::Wrote(Ok(Wrote::NothingForTooLong)) => {
                    Some(Closed::lost(Fault::WriteOverdue))
                }
                Turn::Taken => None,
                Turn::Message(Some(message)) => {
                    self.sending.begin(message, &mut self.output);
                    None
                }
                Turn::Message(None) => {
                    self.has_senders = false;
                    None
                }
                Turn::Wish(wish) => {
                    self.take_wish(wish);
                    None
                }
                Turn::Pumped(result) => {
                    self.pumped(result);
                    if self.sending.is_deflating() {
                        // Every part takes its time, and others have something to do on this thread.
                        tokio::task::yield_now().await;
                    }
                    None
                }
                Turn::Deadline => self.on_deadline(),
            };
            if let Some(closed) = ended {
                return self.ended(closed);
            }
        }
    }

    /// Waits for the next thing to happen. Whatever loses the race has changed nothing.
    async fn turn(&mut self) -> Turn {
        let may_read = self.may_read();
        if may_read && self.was_paused {
            self.be_patient();
        }
        self.was_paused = !may_read;
        let deadline = self.deadline(may_read);
        let takes_messages = self.has_senders && self.sending.is_idle() && self.is_answerable();
        let is_written = self.output.is_written();
        if is_written {
            self.output.rest();
        }
        let is_settling = self.settling_until.is_some();
        let has_unread = !self.input.is_empty();
        tokio::select! {
            () = ready(()), if may_read && has_unread => Turn::Unread,
            read = self.input.read(&mut self.read), if may_read && !has_unread => Turn::Read(read),
            // A server that answers in order reads no more while we do not.
            wrote = self.output.write(&mut self.write, may_read), if !is_written => Turn::Wrote(wrote),
            wish = self.wishes.recv(), if self.has_wishes => Turn::Wish(wish),
            message = self.messages.recv(), if takes_messages && is_written => Turn::Message(message),
            pumped = self.sending.pump(), if self.sending.wants_bytes() && is_written => Turn::Pumped(pumped),
            () = self.inbox.moved(is_settling), if !self.inbox.is_abandoned() => Turn::Taken,
            () = until(deadline), if deadline.is_some() => Turn::Deadline,
        }
    }

    /// While what arrived is not taken nothing more is read, also once our close frame is out: what the server sent
    /// before it saw that is no less valid, and who does not take it runs into the deadline.
    fn may_read(&self) -> bool {
        match self.protocol.state() {
            State::Open => self.last.is_none() && !self.inbox.is_waiting(),
            State::CloseSent => !self.inbox.is_waiting(),
            State::CloseReceived | State::Closed | State::Failed => false,
        }
    }

    /// Puts what goes out next behind what is written, a frame's end permitting.
    fn fill(&mut self) {
        // Whether there are senders shows here first: messages are not asked for while one is on its way.
        if self.inbox.is_abandoned() && !self.has_wishes && self.is_open() {
            self.wish_to_close(CloseFrame::from(CloseCode::GOING_AWAY));
        }
        self.settle();
        if !self.output.is_written() || self.is_close_written || self.broken.is_some() {
            return;
        }
        if !self.sending.is_within_frame() {
            if self.last.is_none() {
                self.protocol.write_owed(self.output.bytes());
                self.pings.write(&mut self.protocol, self.output.bytes());
            } else {
                return self.write_last();
            }
        }
        self.sending.fill(&mut self.output, self.last.is_some());
        while self.last.is_none() && self.sending.is_idle() && self.output.has_room() {
            match self.messages.try_recv() {
                Ok(message) => self.sending.begin(message, &mut self.output),
                Err(_) => break,
            }
            self.sending.fill(&mut self.output, false);
        }
        if self.output.is_written() && self.sending.is_idle() && self.last.is_none() {
            // Nothing is left that came before our wish to close.
            self.last = self.closing.take();
            if self.last.is_some() {
                self.write_last();
            }
        }
    }

    /// Receives what was read, but of compressed messages only so much at once as may be in memory at once.
    fn receive(&mut self) {
        let now = Instant::now();
        self.patient_until = None;
        self.is_asking = false;
        let mut input = std::mem::take(&mut self.input);
        let mut rest = input.rest();
        let mut events = Vec::new();
        let received = self.protocol.receive_some(now, &mut rest, &mut events);
        let left = rest.len();
        for event in events {
            self.happened(event, now);
        }
        input.leave(left);
        self.input = input;
        if let Err(violation) = received {
            self.fail(violation);
        }
    }

    fn happened(&mut self, event: wasket_ws::Event<'_>, now: Instant) {
        match event {
            wasket_ws::Event::Message(message) => self.inbox.push(Event::Message(owned(message))),
            wasket_ws::Event::Ping(_) if self.is_close_written && self.inbox.is_waiting() => {}
            wasket_ws::Event::Ping(payload) => self.inbox.push_ping(false, &payload),
            wasket_ws::Event::Pong(payload) => {
                self.pings.answered(&payload, now);
                self.inbox.push_ping(true, &payload);
            }
            wasket_ws::Event::Close(_) => self.peer_closed(),
        }
    }

    fn take_wish(&mut self, wish: Option<Wish>) {
        match wish {
            Some(Wish::Ping(ping)) if self.is_open() => self.pings.push(ping),
            // Who asked learns that the connection is closing.
            Some(Wish::Ping(_)) => {}
            Some(Wish::Close(frame)) => self.wish_to_close(frame),
            None => self.has_wishes = false,
        }
    }

    fn pumped(&mut self, result: io::Result<()>) {
        if let Err(error) = result
            && self.sending.give_up(error)
        {
            // Half of a message is out: there is no other way to end it.
            while let Ok(wish) = self.wishes.try_recv() {
                self.take_wish(Some(wish));
            }
            if let Some(frame) = self.closing.take() {
                // It was to be the end anyway.
                return self.close_now(frame);
            }
            self.fault.get_or_insert(Fault::Source);
            self.close_now(CloseFrame::truncated(
                CloseCode::GOING_AWAY,
                "a message could not be sent whole",
            ));
        }
    }

    /// Whether messages are taken from the queue as they come.
    fn is_answerable(&self) -> bool {
        self.is_open() || self.settling_until.is_some() && self.last.is_none()
    }

    fn is_open(&self) -> bool {
        self.broken.is_none()
            && self.last.is_none()
            && self.closing.is_none()
            && self.protocol.state() == State::Open
    }
}

async fn until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline.into()).await;
    }
}

fn owned(message: wasket_ws::Message<'_>) -> Message {
    match message {
        wasket_ws::Message::Text(text) => Message::Text(text.into_owned()),
        wasket_ws::Message::Binary(bytes) => Message::Binary(Bytes::from(bytes.into_owned())),
    }
}
