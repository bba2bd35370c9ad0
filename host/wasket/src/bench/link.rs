//! One open connection of the load generator: its socket, its protocol, and what the socket did not take yet.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;
use wasket_ws::deflate::{Parameters, Profile};
use wasket_ws::frame::FirstByte;
use wasket_ws::{
    CloseCode, CloseFrame, Connection, Event, Limits, Opcode, Role, State, Timing, frame,
};

use super::failure::Failure;

/// A client's end of a connection, over a socket that blocks or one that does not.
pub(super) struct Link<S> {
    pub(super) stream: S,
    pub(super) protocol: Connection,
    masks: StdRng,
    /// How messages are compressed.
    profile: Option<Profile>,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    Bytes(usize),
    /// Nothing is there; of a socket that blocks, nothing came in time.
    Nothing,
    End,
}

impl<S: Read + Write> Link<S> {
    /// After the opening handshake, with the compression that was agreed on; messages of `message_bytes` fit
    /// through it.
    pub(super) fn new(stream: S, message_bytes: usize, deflate: Option<Parameters>) -> Self {
        let limits = Limits {
            message_bytes_max: Limits::default().message_bytes_max.max(message_bytes),
            ..Limits::default()
        };
        let timing = Timing {
            ping_every: None,
            ..Timing::default()
        };
        let mut control_masks: StdRng = rand::make_rng();
        let keys = Box::new(move || control_masks.next_u32().to_ne_bytes());
        let mut protocol = Connection::new(Role::Client, limits, timing, Instant::now());
        if let Some(deflate) = &deflate {
            protocol = protocol.with_inflate(deflate.inflate(Role::Client));
        }
        Self {
            stream,
            protocol: protocol.with_mask_keys(keys),
            profile: deflate.and_then(|deflate| deflate.profile(Role::Client, LEVEL)),
            masks: rand::make_rng(),
            unsent: Vec::new(),
        }
    }

    /// Appends a message, masked with a fresh key.
    #[inline]
    pub(super) fn encode(&mut self, out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
        let key = self.masks.next_u32().to_ne_bytes();
        let Some(profile) = self.profile else {
            return frame::encode(out, opcode, payload, Some(key));
        };
        let deflated = profile.deflate(payload, |deflated| {
            frame::encode_first(out, FirstByte::deflated(opcode), deflated, Some(key));
        });
        if deflated.is_err() {
            frame::encode(out, opcode, payload, Some(key));
        }
    }

    /// Writes as much as the socket takes, and keeps the rest.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() && self.unsent.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Whatever the server said before is still to be read, and says more than this.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                Err(_) if self.is_closing() => return Ok(()),
                Err(error) => return Err(Failure::Socket(error)),
            }
        }
        self.unsent.extend_from_slice(bytes);
        Ok(())
    }

    /// Goes on with what the socket did not take before.
    pub(super) fn resume(&mut self) -> Result<(), Failure> {
        match self.unsent.is_empty() {
            true => Ok(()),
            false => {
                let unsent = std::mem::take(&mut self.unsent);
                self.write(&unsent)
            }
        }
    }

    /// Reads once. After our close frame a broken connection has ended, as it should.
    pub(super) fn read(&mut self, input: &mut [u8]) -> Result<Arrived, Failure> {
        loop {
            match self.stream.read(input) {
                Ok(0) => return Ok(Arrived::End),
                Ok(count) => return Ok(Arrived::Bytes(count)),
                Err(error) if is_not_yet(&error) => return Ok(Arrived::Nothing),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) if self.is_closing() => return Ok(Arrived::End),
                Err(error) => return Err(Failure::Socket(error)),
            }
        }
    }

    /// What the bytes that arrived mean; they are overwritten. Events before a violation are valid.
    pub(super) fn receive<'a>(
        &mut self,
        now: Instant,
        bytes: &'a mut [u8],
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Failure> {
        let received = self.protocol.receive(now, bytes, events);
        received.map_err(Failure::Violation)
    }

    /// Writes the pongs that are owed.
    pub(super) fn answer(&mut self) -> Result<(), Failure> {
        if !self.protocol.owes() {
            return Ok(());
        }
        let mut owed = Vec::new();
        self.protocol.write_owed(&mut owed);
        self.write(&owed)
    }

    /// Begins the closing handshake.
    pub(super) fn close(&mut self) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let frame = CloseFrame::from(CloseCode::NORMAL);
        self.protocol.close(Instant::now(), &frame, &mut bytes);
        self.write(&bytes)
    }

    /// Tells the server why the connection is given up, if it can still be told.
    pub(super) fn say_goodbye(&mut self, failure: &Failure) {
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

    fn is_closing(&self) -> bool {
        matches!(self.protocol.state(), State::CloseSent | State::Closed)
    }
}

/// A socket with a time-out says one or the other, depending on the system.
fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The opcode of a message.
pub(super) fn opcode(is_text: bool) -> Opcode {
    match is_text {
        true => Opcode::Text,
        false => Opcode::Binary,
    }
}

/// The quickest: what compressing costs the load generator is not to be measured.
const LEVEL: u8 = 1;

/// How long nothing may come of what the server owes: an echo, a delivery, a pong, the end.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
