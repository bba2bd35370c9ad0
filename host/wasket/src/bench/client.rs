//! One client: a connection that sends a round of messages, checks their echoes, and sends the next.

use std::time::Instant;

use mio::net::TcpStream;
use wasket_ws::Event;
use wasket_ws::deflate::Parameters;

use super::failure::{Failure, Seen};
use super::link::{ANSWER_WITHIN, Arrived, Link, opcode};
use super::load::{Extent, Tally, Window, Workload};
use super::payload::Payload;

/// One client of the service that is measured.
pub(super) struct Client {
    pub(super) link: Link<TcpStream>,
    /// The number of its first message among the payloads; each client has its own.
    first: u64,
    sent: u64,
    echoed: u64,
    /// Messages that it has still to send in the measured time; `None` is as many as go.
    quota: Option<u64>,
    round_sent_at: Instant,
    /// Whether the round was sent in the measured time.
    round_is_measured: bool,
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
        deflate: Option<Parameters>,
    ) -> Self {
        Self {
            link: Link::new(TcpStream::from_std(stream), size, deflate),
            first,
            sent: 0,
            echoed: 0,
            quota,
            round_sent_at: Instant::now(),
            round_is_measured: false,
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
        if !self.is_over() {
            let done = self.link.resume();
            self.tally(done, desk);
        }
    }

    /// Ends the connection as soon as no echo is awaited.
    pub(super) fn close(&mut self, desk: &mut Desk<'_>) {
        if self.stage == Stage::Working && self.echoed < self.sent {
            return;
        }
        if matches!(self.stage, Stage::Working | Stage::Finished) {
            self.stage = Stage::Closing;
            let done = self.link.close();
            self.tally(done, desk);
        }
    }

    /// Fails if an echo is awaited and nothing was heard for too long.
    pub(super) fn check_overdue(&mut self, now: Instant, desk: &mut Desk<'_>) {
        let heard_at = self.link.protocol.heard_at().max(self.round_sent_at);
        let awaits = self.stage == Stage::Working && self.echoed < self.sent;
        if awaits && now.saturating_duration_since(heard_at) >= ANSWER_WITHIN {
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
            let count = match self.link.read(input)? {
                Arrived::Bytes(count) => count,
                Arrived::Nothing => break,
                Arrived::End => return self.end_of_stream(),
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
        let received = self.link.receive(now, bytes, &mut events);
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
        received?;
        self.link.answer()?;
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
        let opcode = opcode(payload.is_text);
        let mut output = std::mem::take(&mut desk.output);
        output.clear();
        for number in self.sent..self.sent + count {
            let bytes = payload.of(self.first.wrapping_add(number));
            self.link.encode(&mut output, opcode, bytes);
        }
        self.sent += count;
        self.round_sent_at = Instant::now();
        let written = self.link.write(&output);
        desk.output = output;
        written
    }

    fn tally(&mut self, done: Result<(), Failure>, desk: &mut Desk<'_>) {
        let Err(failure) = done else { return };
        self.stage = Stage::Failed;
        desk.tally.failures.add(failure.to_string());
        self.link.say_goodbye(&failure);
        let _ = self.link.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Empties a list for another lifetime; collecting in place keeps its memory.
fn relabel<'a>(mut events: Vec<Event<'_>>) -> Vec<Event<'a>> {
    events.clear();
    events.into_iter().map_while(|_| None).collect()
}
