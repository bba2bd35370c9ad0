//! `--mode churn`: connections that come and go. A cycle is a TCP connection, the opening handshake, one echo, and the
//! closing handshake up to the end of the TCP connection.
//!
//! A thread for each of the connections that are open at a time: what is measured here is the server's work for a
//! connection, beside which that of the threads is small.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;
use wasket_ws::Event;

use super::connect::{self, Opened};
use super::failure::{Failure, Seen};
use super::link::{ANSWER_WITHIN, Arrived, Link, opcode};
use super::load::{Extent, Observer, Tally, Window, Workload, observe};
use super::payload::Payload;
use super::target::Target;

mod report;

pub(super) use report::Report;

/// What a run brought.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) tally: Tally,
    pub(super) errors: Errors,
    pub(super) elapsed: Duration,
}

/// Cycles that failed, at any time, by what they failed at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Errors {
    pub(super) connect: u64,
    pub(super) handshake: u64,
    pub(super) echo: u64,
    pub(super) close: u64,
}

impl Errors {
    fn add(&mut self, step: Step) {
        *match step {
            Step::Connect => &mut self.connect,
            Step::Handshake => &mut self.handshake,
            Step::Echo => &mut self.echo,
            Step::Close => &mut self.close,
        } += 1;
    }

    fn merge(&mut self, other: Self) {
        self.connect += other.connect;
        self.handshake += other.handshake;
        self.echo += other.echo;
        self.close += other.close;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Connect,
    Handshake,
    Echo,
    Close,
}

/// Runs cycles, `connections` at a time, until it is over. One goes ahead, to see that it can be done at all.
pub(super) fn run(
    target: &Target,
    workload: &Workload,
    connections: u32,
    observer: &mut impl Observer,
) -> anyhow::Result<Outcome> {
    let addresses = connect::resolve(target)?;
    let course = |window| Course {
        target,
        addresses: &addresses,
        workload,
        window,
        taken: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
    };
    let window = Window::new(Instant::now(), workload.warmup, workload.extent);
    let mut input = vec![0; INPUT_BYTES];
    let first = course(window).cycle(0, &mut input);
    first
        .map_err(|(_, error)| error)
        .context("the first cycle")?;

    let course = course(Window::new(
        Instant::now(),
        workload.warmup,
        workload.extent,
    ));
    thread::scope(|scope| {
        let (working, worked) = mpsc::channel();
        let course = &course;
        let threads: Vec<_> = (0..connections)
            .map(|_| {
                let working = working.clone();
                scope.spawn(move || course.run(working))
            })
            .collect();
        drop(working);
        let ended_at = observe(course.window, &worked, observer);
        let (mut tally, mut errors) = (Tally::new(), Errors::default());
        for thread in threads {
            let theirs = thread.join();
            let (their_tally, their_errors) =
                theirs.map_err(|_| anyhow::anyhow!("a load thread panicked"))?;
            tally.merge(their_tally);
            errors.merge(their_errors);
        }
        let elapsed = course.window.lasted(match workload.extent {
            Extent::Messages(_) => tally.last_echo_at.unwrap_or(ended_at),
            Extent::Time(_) => ended_at,
        });
        Ok(Outcome {
            tally,
            errors,
            elapsed,
        })
    })
}

/// What the threads of a run share.
struct Course<'a> {
    target: &'a Target,
    addresses: &'a [SocketAddr],
    workload: &'a Workload,
    window: Window,
    /// Measured cycles that a thread has begun.
    taken: AtomicU64,
    /// There is no sense in going on.
    stopped: AtomicBool,
}

impl Course<'_> {
    /// One cycle after the other, until it is over.
    fn run(&self, _working: Sender<Infallible>) -> (Tally, Errors) {
        let (mut tally, mut errors) = (Tally::new(), Errors::default());
        let mut input = vec![0; INPUT_BYTES];
        for number in 0.. {
            let began_at = Instant::now();
            let is_measured = self.window.has_begun(began_at);
            if !self.goes_on(began_at, is_measured) {
                break;
            }
            let done = self.cycle(number, &mut input);
            let now = Instant::now();
            let counts = match self.workload.extent {
                Extent::Time(_) => self.window.contains(now),
                Extent::Messages(_) => is_measured,
            };
            match done {
                Ok(()) if counts => {
                    tally.count(now, now.saturating_duration_since(began_at), 1);
                }
                Ok(()) => {}
                Err((step, error)) => {
                    errors.add(step);
                    tally.failures.add(self.said(&error));
                    // A server that refuses everything is not to be run down.
                    thread::sleep(PAUSE);
                }
            }
        }
        (tally, errors)
    }

    fn goes_on(&self, now: Instant, is_measured: bool) -> bool {
        if self.stopped.load(Ordering::Relaxed) || self.window.is_over(now) {
            return false;
        }
        match self.workload.extent {
            Extent::Messages(count) if is_measured => {
                self.taken.fetch_add(1, Ordering::Relaxed) < count
            }
            _ => true,
        }
    }

    /// What to tell of an error; one that all further cycles would share ends the run.
    fn said(&self, error: &anyhow::Error) -> String {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_none_or(|io| io.kind() != ErrorKind::AddrNotAvailable) {
            return format!("{error:#}");
        }
        self.stopped.store(true, Ordering::Relaxed);
        format!(
            "{error:#}: no local port is left, so the run was ended; the side that ends a TCP connection first keeps its \
             port for a minute: run fewer cycles (--messages), or widen net.ipv4.ip_local_port_range"
        )
    }

    fn cycle(&self, number: u64, input: &mut [u8]) -> Result<(), (Step, anyhow::Error)> {
        let at = |step| move |error| (step, error);
        let stream = connect::connect(self.addresses).map_err(at(Step::Connect))?;
        let opened = connect::handshake(stream, self.target, false).map_err(at(Step::Handshake))?;
        let payload = &self.workload.payload;
        let mut visit = Visit::new(opened, payload.size()).map_err(at(Step::Handshake))?;
        let echoed = visit.echo(payload, number, input);
        echoed.map_err(|failure| (Step::Echo, visit.leave(failure)))?;
        let closed = visit.close(input);
        closed.map_err(|failure| (Step::Close, visit.leave(failure)))
    }
}

/// One connection, from after its opening handshake.
struct Visit {
    link: Link<TcpStream>,
    early: Vec<u8>,
}

impl Visit {
    fn new(opened: Opened, size: usize) -> anyhow::Result<Self> {
        opened.stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        opened.stream.set_write_timeout(Some(ANSWER_WITHIN))?;
        Ok(Self {
            link: Link::new(opened.stream, size, None),
            early: opened.early,
        })
    }

    /// Sends a message, and waits for the same.
    fn echo(&mut self, payload: &Payload, number: u64, input: &mut [u8]) -> Result<(), Failure> {
        let mut frame = Vec::new();
        let sent = payload.of(number);
        self.link.encode(&mut frame, opcode(payload.is_text), sent);
        self.link.write(&frame)?;
        let mut early = std::mem::take(&mut self.early);
        let mut echoes = self.count_echoes(&mut early, payload, sent)?;
        while echoes == 0 {
            match self.link.read(input)? {
                Arrived::Bytes(count) => {
                    let bytes = input.get_mut(..count).unwrap_or_default();
                    echoes = self.count_echoes(bytes, payload, sent)?;
                }
                Arrived::Nothing => return Err(Failure::NoEcho(1)),
                Arrived::End => return Err(Failure::EndOfStream),
            }
        }
        Ok(())
    }

    /// Checks what arrived; one echo is right.
    fn count_echoes(
        &mut self,
        bytes: &mut [u8],
        payload: &Payload,
        sent: &[u8],
    ) -> Result<u64, Failure> {
        let mut echoes = 0;
        let mut events = Vec::new();
        let received = self.link.receive(Instant::now(), bytes, &mut events);
        for event in &events {
            match event {
                Event::Message(message) if echoes > 0 => {
                    return Err(Failure::Unasked(Seen::of(message)));
                }
                Event::Message(message) => {
                    if message.is_text() != payload.is_text || message.as_bytes() != sent {
                        return Err(Failure::wrong_echo(1, message, sent, payload.is_text));
                    }
                    echoes += 1;
                }
                Event::Close(frame) => return Err(Failure::Closed(frame.clone())),
                Event::Ping(_) | Event::Pong(_) => {}
            }
        }
        received?;
        self.link.answer()?;
        Ok(echoes)
    }

    /// Closes, and waits for the server's close frame and for the end of the TCP connection, which is the server's
    /// to end first (RFC 6455 section 7.1.1).
    fn close(&mut self, input: &mut [u8]) -> Result<(), Failure> {
        self.link.close()?;
        let mut is_closed = false;
        loop {
            match self.link.read(input)? {
                Arrived::Bytes(count) => {
                    let mut events = Vec::new();
                    let bytes = input.get_mut(..count).unwrap_or_default();
                    self.link.receive(Instant::now(), bytes, &mut events)?;
                    is_closed |= events.iter().any(|event| matches!(event, Event::Close(_)));
                }
                Arrived::Nothing => return Err(Failure::NotEnded),
                Arrived::End if is_closed => return Ok(()),
                Arrived::End => return Err(Failure::EndOfStream),
            }
        }
    }

    fn leave(&mut self, failure: Failure) -> anyhow::Error {
        self.link.say_goodbye(&failure);
        failure.into()
    }
}

const INPUT_BYTES: usize = 16 * 1024;
/// After a cycle that failed.
const PAUSE: Duration = Duration::from_millis(10);
