//! One client: a connection that sends a round of messages, checks their echoes, and sends the next.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use rand::Rng;
use rand::rngs::StdRng;
use wasket_ws::{
    CloseCode, CloseFrame, Connection, Event, Limits, Opcode, Role, State, Timing, frame,
};

use super::failure::{Failure, Seen};
use super::load::{Extent, Tally, Window, Workload};
use super::payload::Payload;

/// One client of the service that is measured.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    protocol: Connection,
    masks: StdRng,
    /// The number of its first message among the payloads; each client has its own.
    first: u64,
    sent: u64,
    echoed: u64,
    /// Messages that it has still to send in the measured time; `None` is as many as go.
    quota: Option<u64>,
    round_sent_at: Instant,
    /// Whether the round was sent in the measured time.
    round_is_measured: bool,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
    stage: Stage,
}

/// How far a client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It sends round after round.
    Working,
    /// It has sent and received everything that it was to.
    Finished,
    /// It has sent its close frame.
    Closing,
    /// Its connection is over, as it should be.
    Ended,
    /// Its connection is over for a reason that was tallied.
    Failed,
}

/// What the clients of a thread share while one of them is at work.
pub(super) struct Desk<'a> {
    pub(super) workload: &'a Workload,
    pub(super) window: Window,
    /// Where a read goes; larger than what most reads bring.
    pub(super) input: Box<[u8]>,
    /// Where a round is put together.
    pub(super) output: Vec<u8>,
    pub(super) events: Vec<Event<'static>>,
    pub(super) tally: Tally,
    /// No new rounds: the measured time is over.
    pub(super) closing: bool,
}

impl Client {
    pub(super) fn new(
        stream: std::net::TcpStream,
        first: u64,
        quota: Option<u64>,
        size: usize,
    ) -> Self {
        let now = Instant::now();
        let limits = Limits {
            message_bytes_max: Limits::default().message_bytes_max.max(size),
            ..Limits::default()
        };
        let timing = Timing {
            ping_every: None,
            ..Timing::default()
        };
        let mut control_masks: StdRng = rand::make_rng();
        let keys = Box::new(move || control_masks.next_u32().to_ne_bytes());
        Self {
            stream: TcpStream::from_std(stream),
            protocol: Connection::new(Role::Client, limits, timing, now).with_mask_keys(keys),
            masks: rand::make_rng(),
            first,
            sent: 0,
            echoed: 0,
            quota,
            round_sent_at: now,
            round_is_measured: false,
            unsent: Vec::new(),
            stage: Stage::Working,
        }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Sends its first round. `early` is what arrived with the opening handshake.
    pub(super) fn start(&mut self, early: &mut [u8], desk: &mut Desk<'_>) {
        let started = self.take(early, desk).and_then(|()| self.next_round(desk));
        self.tally(started, desk);
    }

    /// Reads what is there; `to_the_end` if the peer has ended its side.
    pub(super) fn on_readable(&mut self, to_the_end: bool, desk: &mut Desk<'_>) {
        let mut input = std::mem::take(&mut desk.input);
        let done = self.read(&mut input, to_the_end, desk);
        desk.input = input;
        self.tally(done, desk);
    }

    /// Goes on with what the socket did not take before.
    pub(super) fn on_writable(&mut self, desk: &mut Desk<'_>) {
        if self.is_over() || self.unsent.is_empty() {
            return;
        }
        let unsent = std::mem::take(&mut self.unsent);
        let done = self.write(&unsent);
        self.tally(done, desk);
    }

    /// Ends the connection as soon as no echo is awaited.
    pub(super) fn close(&mut self, desk: &mut Desk<'_>) {
        if self.stage == Stage::Working && self.echoed < self.sent {
            return;
        }
        if matches!(self.stage, Stage::Working | Stage::Finished) {
            self.stage = Stage::Closing;
            let mut bytes = Vec::new();
            let frame = CloseFrame::from(CloseCode::NORMAL);
            self.protocol.close(Instant::now(), &frame, &mut bytes);
            let done = self.write(&bytes);
            self.tally(done, desk);
        }
    }

    /// Fails if an echo is awaited and nothing was heard for too long.
    pub(super) fn check_overdue(&mut self, now: Instant, desk: &mut Desk<'_>) {
        let heard_at = self.protocol.heard_at().max(self.round_sent_at);
        let awaits = self.stage == Stage::Working && self.echoed < self.sent;
        if awaits && now.saturating_duration_since(heard_at) >= ECHO_WITHIN {
            let failure = Failure::NoEcho(self.echoed + 1);
            self.tally(Err(failure), desk);
        }
    }

    /// Fails if an echo is awaited: there is no more time.
    pub(super) fn give_up(&mut self, desk: &mut Desk<'_>) {
        if self.stage == Stage::Working && self.echoed < self.sent {
            let failure = Failure::NoEcho(self.echoed + 1);
            self.tally(Err(failure), desk);
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Ended | Stage::Failed)
    }

    fn read(
        &mut self,
        input: &mut [u8],
        to_the_end: bool,
        desk: &mut Desk<'_>,
    ) -> Result<(), Failure> {
        while !self.is_over() {
            let count = match self.stream.read(input) {
                Ok(0) => return self.end_of_stream(),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) if self.stage == Stage::Closing => return self.end_of_stream(),
                Err(error) => return Err(Failure::Socket(error)),
            };
            let is_full = count == input.len();
            self.take(input.get_mut(..count).unwrap_or_default(), desk)?;
            // A short read has emptied the socket; more will be told as a new event.
            if !is_full && !to_the_end {
                break;
            }
        }
        Ok(())
    }

    /// Once our close frame is out, any end is a good one.
    fn end_of_stream(&mut self) -> Result<(), Failure> {
        if self.stage != Stage::Closing {
            return Err(Failure::EndOfStream);
        }
        self.stage = Stage::Ended;
        Ok(())
    }

    /// Checks what arrived, and sends the next round when the last one has come back whole.
    fn take(&mut self, bytes: &mut [u8], desk: &mut Desk<'_>) -> Result<(), Failure> {
        if bytes.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        let mut events = relabel(std::mem::take(&mut desk.events));
        let received = self.protocol.receive(now, bytes, &mut events);
        let before = self.echoed;
        let checked = events
            .iter()
            .try_for_each(|event| self.check(event, &desk.workload.payload));
        desk.events = relabel(events);
        if self.counts(now, desk) {
            let latency = now.saturating_duration_since(self.round_sent_at);
            desk.tally.count(now, latency, self.echoed - before);
        }
        checked?;
        received.map_err(Failure::Violation)?;
        if self.protocol.owes() {
            let mut owed = Vec::new();
            self.protocol.write_owed(&mut owed);
            self.write(&owed)?;
        }
        if before < self.echoed && self.echoed == self.sent {
            self.next_round(desk)?;
        }
        Ok(())
    }

    fn check(&mut self, event: &Event<'_>, payload: &Payload) -> Result<(), Failure> {
        match event {
            Event::Message(message) if self.echoed == self.sent => {
                Err(Failure::Unasked(Seen::of(message)))
            }
            Event::Message(message) => {
                let expected = payload.of(self.first.wrapping_add(self.echoed));
                if message.is_text() != payload.is_text || message.as_bytes() != expected {
                    return Err(Failure::wrong_echo(
                        self.echoed + 1,
                        message,
                        expected,
                        payload.is_text,
                    ));
                }
                self.echoed += 1;
                Ok(())
            }
            Event::Close(_) if self.stage == Stage::Closing => {
                self.stage = Stage::Ended;
                Ok(())
            }
            Event::Close(frame) => Err(Failure::Closed(frame.clone())),
            Event::Ping(_) | Event::Pong(_) => Ok(()),
        }
    }

    /// Whether echoes that arrive now are measured.
    fn counts(&self, now: Instant, desk: &Desk<'_>) -> bool {
        match desk.workload.extent {
            Extent::Time(_) => desk.window.contains(now),
            Extent::Messages(_) => self.round_is_measured,
        }
    }

    /// Sends the next round in one write; or finishes, if there is none.
    fn next_round(&mut self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        if self.stage != Stage::Working {
            return Ok(());
        }
        let now = Instant::now();
        let pipeline = desk.workload.pipeline;
        self.round_is_measured = desk.window.has_begun(now);
        let count = match self.quota {
            _ if desk.closing || desk.window.is_over(now) => 0,
            Some(quota) if self.round_is_measured => pipeline.min(quota),
            _ => pipeline,
        };
        if count == 0 {
            self.stage = Stage::Finished;
            return Ok(());
        }
        if let Some(quota) = &mut self.quota
            && self.round_is_measured
        {
            *quota -= count;
        }
        let payload = &desk.workload.payload;
        let opcode = match payload.is_text {
            true => Opcode::Text,
            false => Opcode::Binary,
        };
        let mut output = std::mem::take(&mut desk.output);
        output.clear();
        for number in self.sent..self.sent + count {
            let bytes = payload.of(self.first.wrapping_add(number));
            let key = self.masks.next_u32().to_ne_bytes();
            frame::encode(&mut output, opcode, bytes, Some(key));
        }
        self.sent += count;
        self.round_sent_at = Instant::now();
        let written = self.write(&output);
        desk.output = output;
        written
    }

    /// Writes as much as the socket takes, and keeps the rest.
    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() && self.unsent.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Whatever the server said before is still to be read, and says more than this.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                Err(_) if self.stage == Stage::Closing => return Ok(()),
                Err(error) => return Err(Failure::Socket(error)),
            }
        }
        self.unsent.extend_from_slice(bytes);
        Ok(())
    }

    fn tally(&mut self, done: Result<(), Failure>, desk: &mut Desk<'_>) {
        let Err(failure) = done else { return };
        self.stage = Stage::Failed;
        desk.tally.fail(failure.to_string());
        self.say_goodbye(&failure);
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    /// Tells the server why, if it can still be told.
    fn say_goodbye(&mut self, failure: &Failure) {
        if self.protocol.state() == State::CloseSent || !self.unsent.is_empty() {
            return;
        }
        let frame = match failure {
            Failure::Violation(violation) => violation.close_frame(),
            Failure::Closed(_) => CloseFrame::default(),
            _ => CloseFrame::from(CloseCode::NORMAL),
        };
        let mut bytes = Vec::new();
        self.protocol.close(Instant::now(), &frame, &mut bytes);
        let _ = self.stream.write(&bytes);
    }
}

/// Empties a list for another lifetime; collecting in place keeps its memory.
fn relabel<'a>(mut events: Vec<Event<'_>>) -> Vec<Event<'a>> {
    events.clear();
    events.into_iter().map_while(|_| None).collect()
}

/// How long nothing may be heard from the server while it owes an echo.
pub(super) const ECHO_WITHIN: Duration = Duration::from_secs(10);
