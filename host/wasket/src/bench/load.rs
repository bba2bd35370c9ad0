//! The load: threads, each of which drives its share of the clients from one loop.

use std::convert::Infallible;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use mio::{Events, Interest, Poll, Token};

use super::client::{Client, Desk, Stage};
use super::connect::Opened;
use super::failure::Failures;
use super::histogram::Histogram;
use super::link::ANSWER_WITHIN;
use super::payload::Payload;

/// What to do to the service.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) payload: Payload,
    /// Messages a client sends in one write, before it waits for their echoes.
    pub(super) pipeline: u64,
    pub(super) warmup: Duration,
    pub(super) extent: Extent,
}

/// How much to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Time(Duration),
    /// Messages of all clients together.
    Messages(u64),
}

/// The time that counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) from: Instant,
    /// `None` where messages are counted, not time.
    pub(super) until: Option<Instant>,
}

impl Window {
    pub(super) fn new(now: Instant, warmup: Duration, extent: Extent) -> Self {
        let from = now + warmup;
        let until = match extent {
            Extent::Time(time) => Some(from + time),
            Extent::Messages(_) => None,
        };
        Self { from, until }
    }

    pub(super) fn has_begun(&self, now: Instant) -> bool {
        now >= self.from
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// How long it was, if nothing happened after `last_at`.
    pub(super) fn lasted(&self, last_at: Instant) -> Duration {
        let ended_at = self.until.map_or(last_at, |until| until.min(last_at));
        ended_at.saturating_duration_since(self.from)
    }

    pub(super) fn contains(&self, now: Instant) -> bool {
        self.has_begun(now) && !self.is_over(now)
    }
}

/// What was counted in the measured time.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) messages: u64,
    pub(super) latencies: Histogram,
    pub(super) last_echo_at: Option<Instant>,
    /// Clients that failed, at any time.
    pub(super) failures: Failures,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            messages: 0,
            latencies: Histogram::new(),
            last_echo_at: None,
            failures: Failures::default(),
        }
    }

    #[inline]
    pub(super) fn count(&mut self, now: Instant, latency: Duration, messages: u64) {
        if messages > 0 {
            self.messages += messages;
            self.latencies.record(latency, messages);
            self.last_echo_at = Some(now);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.messages += other.messages;
        self.latencies.merge(&other.latencies);
        self.last_echo_at = self.last_echo_at.max(other.last_echo_at);
        self.failures.merge(other.failures);
    }
}

/// What is told when the measured time begins and ends, to measure something else meanwhile.
pub(super) trait Observer {
    fn begin(&mut self);
    fn end(&mut self);
}

/// What a run brought.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) tally: Tally,
    /// How long the measured time was.
    pub(super) elapsed: Duration,
}

/// Puts the load on the service until it is over, and closes the connections.
pub(super) fn run(
    workload: &Workload,
    connections: Vec<Opened>,
    threads: usize,
    observer: &mut impl Observer,
) -> anyhow::Result<Outcome> {
    let shares = share(workload, connections, threads)?;
    let window = Window::new(Instant::now(), workload.warmup, workload.extent);
    thread::scope(|scope| {
        let (working, worked) = mpsc::channel();
        let threads: Vec<_> = shares
            .into_iter()
            .map(|share| {
                let working = working.clone();
                scope.spawn(move || share.run(workload, window, working))
            })
            .collect();
        drop(working);
        let ended_at = observe(window, &worked, observer);
        let mut tally = Tally::new();
        for thread in threads {
            let theirs = thread
                .join()
                .map_err(|_| anyhow::anyhow!("a load thread panicked"))?;
            tally.merge(theirs.context("waiting for sockets")?);
        }
        let elapsed = window.lasted(match workload.extent {
            Extent::Messages(_) => tally.last_echo_at.unwrap_or(ended_at),
            Extent::Time(_) => ended_at,
        });
        Ok(Outcome { tally, elapsed })
    })
}

/// Waits for the measured time to begin and to end; returns when it did.
pub(super) fn observe(
    window: Window,
    worked: &Receiver<Infallible>,
    observer: &mut impl Observer,
) -> Instant {
    // Nothing is ever sent: either the time comes, or all threads have let go of the other end, early.
    let wait_until = |at: Instant| {
        let _ = worked.recv_timeout(at.saturating_duration_since(Instant::now()));
    };
    wait_until(window.from);
    observer.begin();
    match window.until {
        Some(until) => wait_until(until),
        None => {
            let _ = worked.recv();
        }
    }
    observer.end();
    Instant::now()
}

/// What one thread drives.
struct Share {
    poll: Poll,
    clients: Vec<Client>,
    /// What arrived for each of them with the opening handshake.
    early: Vec<Vec<u8>>,
}

/// Deals the connections out to the threads, and the messages to the connections.
fn share(
    workload: &Workload,
    connections: Vec<Opened>,
    threads: usize,
) -> anyhow::Result<Vec<Share>> {
    let mut shares = Vec::new();
    for _ in 0..threads {
        shares.push(Share {
            poll: Poll::new().context("asking the system for its event queue")?,
            clients: Vec::new(),
            early: Vec::new(),
        });
    }
    let count = connections.len() as u64;
    for (index, opened) in connections.into_iter().enumerate() {
        let number = index as u64;
        let quota = match workload.extent {
            Extent::Time(_) => None,
            Extent::Messages(all) => Some(all / count + u64::from(number < all % count)),
        };
        let size = workload.payload.size();
        let mut client = Client::new(
            opened.stream,
            number.wrapping_mul(STRIDE),
            quota,
            size,
            opened.deflate,
        );
        let share = &mut shares[index % threads];
        share
            .poll
            .registry()
            .register(
                &mut client.link.stream,
                Token(share.clients.len()),
                Interest::READABLE | Interest::WRITABLE,
            )
            .context("watching a connection")?;
        share.clients.push(client);
        share.early.push(opened.early);
    }
    Ok(shares)
}

impl Share {
    /// Works until the measured time is over, lets go of `working`, and ends the connections.
    fn run(
        mut self,
        workload: &Workload,
        window: Window,
        working: Sender<Infallible>,
    ) -> io::Result<Tally> {
        let mut desk = Desk {
            workload,
            window,
            input: vec![0; INPUT_BYTES].into(),
            output: Vec::new(),
            events: Vec::new(),
            tally: Tally::new(),
            closing: false,
        };
        for (client, early) in self.clients.iter_mut().zip(&mut self.early) {
            client.start(early, &mut desk);
        }
        self.drive(&mut desk, None, |stage| stage == Stage::Working)?;
        drop(working);

        desk.closing = true;
        for client in &mut self.clients {
            client.close(&mut desk);
        }
        let deadline = Instant::now() + ANSWER_WITHIN;
        let is_open = |stage| !matches!(stage, Stage::Ended | Stage::Failed);
        self.drive(&mut desk, Some(deadline), is_open)?;
        for client in &mut self.clients {
            client.give_up(&mut desk);
        }
        Ok(desk.tally)
    }

    /// Serves the sockets as long as there is time and a client has something to do.
    fn drive(
        &mut self,
        desk: &mut Desk<'_>,
        deadline: Option<Instant>,
        is_busy: impl Fn(Stage) -> bool,
    ) -> io::Result<()> {
        let deadline = deadline.or(desk.window.until);
        let mut busy = self.clients.iter().filter(|c| is_busy(c.stage())).count();
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut now = Instant::now();
        let mut look_at = now + LOOK_EVERY;
        while busy > 0 && deadline.is_none_or(|deadline| now < deadline) {
            let wake_at = deadline.map_or(look_at, |deadline| deadline.min(look_at));
            match self
                .poll
                .poll(&mut events, Some(wake_at.saturating_duration_since(now)))
            {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
                result => result?,
            }
            for event in &events {
                let Some(client) = self.clients.get_mut(event.token().0) else {
                    continue;
                };
                let was_busy = is_busy(client.stage());
                if event.is_writable() {
                    client.on_writable(desk);
                }
                if event.is_readable() {
                    client.on_readable(event.is_read_closed(), desk);
                }
                if desk.closing {
                    client.close(desk);
                }
                busy -= usize::from(was_busy && !is_busy(client.stage()));
            }
            now = Instant::now();
            if now >= look_at {
                look_at = now + LOOK_EVERY;
                for client in &mut self.clients {
                    client.check_overdue(now, desk);
                }
                busy = self.clients.iter().filter(|c| is_busy(c.stage())).count();
            }
        }
        Ok(())
    }
}

/// Large enough for what a pipeline of small messages brings at once.
pub(super) const INPUT_BYTES: usize = 256 * 1024;
pub(super) const EVENTS_MAX: usize = 1024;
/// How often a thread looks for clients that wait in vain.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between the first payloads of two clients.
const STRIDE: u64 = 17;
