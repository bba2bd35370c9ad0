//! Many connections on one thread, for the modes in which they have to do with each other.
//!
//! The mode is told of messages and of connections that failed; reading, writing, pongs and the closing handshake are
//! done here.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use wasket_ws::{Event, Message};

use super::connect;
use super::failure::{Failure, Failures};
use super::link::{ANSWER_WITHIN, Arrived, Link, opcode};
use super::load::{EVENTS_MAX, INPUT_BYTES};
use super::target::Target;

/// Connections by their index, in the order in which they were opened.
pub(super) struct Pool {
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    input: Box<[u8]>,
    pub(super) failures: Failures,
    /// Those that failed since they were last asked for.
    failed: Vec<usize>,
}

struct Member {
    link: Link<TcpStream>,
    stage: Stage,
    awaits_pong: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// Our close frame is sent.
    Closing,
    /// It is over, as it should be or for a reason that was tallied.
    Over,
}

impl Pool {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            poll: Poll::new().context("asking the system for its event queue")?,
            events: Events::with_capacity(EVENTS_MAX),
            members: Vec::new(),
            input: vec![0; INPUT_BYTES].into(),
            failures: Failures::default(),
            failed: Vec::new(),
        })
    }

    /// Opens `count` connections for messages of `message_bytes`, reading meanwhile what comes on those before, and
    /// waits until each has answered a ping: the service has let it in.
    pub(super) fn open(
        &mut self,
        target: &Target,
        addresses: &[SocketAddr],
        count: u32,
        message_bytes: usize,
    ) -> anyhow::Result<()> {
        for number in 1..=count {
            let opened = connect::open(target, addresses, false)
                .with_context(|| format!("connection {number} of {count}"))?;
            self.add(opened, message_bytes)?;
            self.turn(Duration::ZERO, &mut |_, _, _| Ok(()))?;
        }
        self.ping_all(&mut |_, _, _| Ok(()))
    }

    fn add(&mut self, opened: connect::Opened, message_bytes: usize) -> anyhow::Result<()> {
        let index = self.members.len();
        let mut stream = TcpStream::from_std(opened.stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry
            .register(&mut stream, Token(index), both)
            .context("watching a connection")?;
        self.members.push(Member {
            link: Link::new(stream, message_bytes, None),
            stage: Stage::Open,
            awaits_pong: false,
        });
        let mut early = opened.early;
        let taken = self.members[index].take(index, &mut early, &mut |_, _, _| Ok(()));
        self.tally(index, taken);
        Ok(())
    }

    /// Connections that are open.
    pub(super) fn open_count(&self) -> u64 {
        self.count(Stage::Open)
    }

    pub(super) fn is_open(&self, index: usize) -> bool {
        let member = self.members.get(index);
        member.is_some_and(|member| member.stage == Stage::Open)
    }

    /// Those that failed since the last call.
    pub(super) fn take_failed(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.failed)
    }

    /// Sends a message, if the connection is open.
    pub(super) fn send(&mut self, index: usize, is_text: bool, payload: &[u8]) {
        let Some(member) = self.members.get_mut(index) else {
            return;
        };
        if member.stage == Stage::Open {
            let mut frame = Vec::new();
            member.link.encode(&mut frame, opcode(is_text), payload);
            let sent = member.link.write(&frame);
            self.tally(index, sent);
        }
    }

    /// Gives a connection up.
    pub(super) fn fail(&mut self, index: usize, failure: Failure) {
        self.tally(index, Err(failure));
    }

    /// Serves the sockets once: waits for the first event, `within` this time, and takes what is there.
    pub(super) fn turn(
        &mut self,
        within: Duration,
        on_message: &mut OnMessage<'_>,
    ) -> anyhow::Result<()> {
        match self.poll.poll(&mut self.events, Some(within)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            result => result.context("waiting for sockets")?,
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let Token(index) = event.token();
            let Some(member) = self.members.get_mut(index) else {
                continue;
            };
            if member.stage == Stage::Over {
                continue;
            }
            let mut done = Ok(());
            if event.is_writable() {
                done = member.link.resume();
            }
            if event.is_readable() && done.is_ok() {
                let to_the_end = event.is_read_closed();
                done = member.read(index, &mut self.input, to_the_end, on_message);
            }
            self.tally(index, done);
        }
        self.events = events;
        Ok(())
    }

    /// Serves the sockets until a time.
    pub(super) fn turn_until(
        &mut self,
        until: Instant,
        on_message: &mut OnMessage<'_>,
    ) -> anyhow::Result<()> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.turn(left, on_message)?;
        }
    }

    /// Pings every open connection and waits for the pongs: what was sent before has arrived. Those without are failed.
    pub(super) fn ping_all(&mut self, on_message: &mut OnMessage<'_>) -> anyhow::Result<()> {
        for index in 0..self.members.len() {
            let pinged = self.members[index].ping();
            self.tally(index, pinged);
        }
        let deadline = Instant::now() + ANSWER_WITHIN;
        let awaits = |member: &Member| member.stage == Stage::Open && member.awaits_pong;
        while self.members.iter().any(awaits) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.turn(left, on_message)?;
        }
        for index in 0..self.members.len() {
            if awaits(&self.members[index]) {
                self.fail(index, Failure::NoPong);
            }
        }
        Ok(())
    }

    /// Ends all connections with a closing handshake, as far as the server takes part.
    pub(super) fn close(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + ANSWER_WITHIN;
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            if member.stage == Stage::Open {
                let closed = member.link.close();
                member.stage = Stage::Closing;
                self.tally(index, closed);
            }
        }
        while self.count(Stage::Closing) > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.turn(left, &mut |_, _, _| Ok(()))?;
        }
        Ok(())
    }

    fn count(&self, stage: Stage) -> u64 {
        let members = self.members.iter();
        members.filter(|member| member.stage == stage).count() as u64
    }

    fn tally(&mut self, index: usize, done: Result<(), Failure>) {
        let Err(failure) = done else { return };
        let Some(member) = self.members.get_mut(index) else {
            return;
        };
        if member.stage != Stage::Over {
            member.stage = Stage::Over;
            self.failures.add(failure.to_string());
            self.failed.push(index);
            member.link.say_goodbye(&failure);
            let _ = member.link.stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// What to do with a message: it is told the connection and the time.
pub(super) type OnMessage<'a> = dyn FnMut(usize, &Message<'_>, Instant) -> Result<(), Failure> + 'a;

impl Member {
    fn read(
        &mut self,
        index: usize,
        input: &mut [u8],
        to_the_end: bool,
        on_message: &mut OnMessage<'_>,
    ) -> Result<(), Failure> {
        while self.stage != Stage::Over {
            let count = match self.link.read(input)? {
                Arrived::Bytes(count) => count,
                Arrived::Nothing => break,
                Arrived::End if self.stage == Stage::Open => return Err(Failure::EndOfStream),
                Arrived::End => {
                    self.stage = Stage::Over;
                    break;
                }
            };
            let is_full = count == input.len();
            let bytes = input.get_mut(..count).unwrap_or_default();
            self.take(index, bytes, on_message)?;
            // A short read has emptied the socket; more will be told as a new event.
            if !is_full && !to_the_end {
                break;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        index: usize,
        bytes: &mut [u8],
        on_message: &mut OnMessage<'_>,
    ) -> Result<(), Failure> {
        let now = Instant::now();
        let mut events = Vec::new();
        let received = self.link.receive(now, bytes, &mut events);
        for event in &events {
            match event {
                Event::Message(_) if self.stage != Stage::Open => {}
                Event::Message(message) => on_message(index, message, now)?,
                Event::Pong(_) => self.awaits_pong = false,
                Event::Ping(_) => {}
                Event::Close(frame) if self.stage == Stage::Open => {
                    return Err(Failure::Closed(frame.clone()));
                }
                Event::Close(_) => self.stage = Stage::Over,
            }
        }
        received?;
        self.link.answer()
    }

    fn ping(&mut self) -> Result<(), Failure> {
        let mut frame = Vec::new();
        // A connection that is not open any more has nothing to be asked.
        if self.stage == Stage::Open && self.link.protocol.ping(b"bench", &mut frame).is_ok() {
            self.awaits_pong = true;
            self.link.write(&frame)?;
        }
        Ok(())
    }
}
